/*
 * services/vector.h - up to which clock all of each origin's transactions are known: the heart of
 * replication, a sorted array.
 */
#ifndef SERVICES_VECTOR_H
#define SERVICES_VECTOR_H

#include <godwit/self.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VECTOR_MAX 4096 /* origins: a constant of the protocol */

struct vector_entry {
	uint64_t origin, clock;
};

/** All zero: empty. */
struct vector {
	struct vector_entry *e; /* origins rise */
	size_t n, room;
};

/** 0 if the origin is not in it. */
uint64_t vector_get(const struct vector *vec, uint64_t origin);
/** Never lowers. */
void vector_raise(struct gw_self *self, struct vector *vec, uint64_t origin, uint64_t clock);
void vector_raise_all(struct gw_self *self, struct vector *vec, const struct vector *by);
/** `vec` becomes equal to `from`. */
void vector_copy(struct gw_self *self, struct vector *vec, const struct vector *from);
/** Entries of `now` that are greater than in `before`, into the empty `out`. */
void vector_changed(struct gw_self *self, const struct vector *before, const struct vector *now,
                    struct vector *out);
/** Whether all of `other` is known to who has `vec`. */
bool vector_covers(const struct vector *vec, const struct vector *other);
bool vector_equal(const struct vector *a, const struct vector *b);
uint64_t vector_greatest(const struct vector *vec);
/** Empty again. */
void vector_free(struct gw_self *self, struct vector *vec);

#endif
