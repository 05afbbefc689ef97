/*
 * services/vector.c - vectors: sorted arrays of (origin, clock).
 */
#include "vector.h"
#include <godwit/mem.h>
#include <string.h>

/* The first entry that is not below. */
static size_t seek(const struct vector *vec, uint64_t origin)
{
	size_t from = 0, to = vec->n, mid;

	while (from < to) {
		mid = (from + to) / 2;
		if (vec->e[mid].origin < origin)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

uint64_t vector_get(const struct vector *vec, uint64_t origin)
{
	size_t at = seek(vec, origin);

	return at < vec->n && vec->e[at].origin == origin ? vec->e[at].clock : 0;
}

static void make_room(struct gw_self *self, struct vector *vec, size_t n)
{
	if (n <= vec->room)
		return;
	vec->room = n < 8 ? 8 : n + n / 2;
	vec->e = gw_resize(self, vec->e, vec->room * sizeof(*vec->e));
}

void vector_raise(struct gw_self *self, struct vector *vec, uint64_t origin, uint64_t clock)
{
	size_t at = seek(vec, origin);

	if (at < vec->n && vec->e[at].origin == origin) {
		if (clock > vec->e[at].clock)
			vec->e[at].clock = clock;
		return;
	}
	if (clock == 0)
		return;
	make_room(self, vec, vec->n + 1);
	memmove(vec->e + at + 1, vec->e + at, (vec->n - at) * sizeof(*vec->e));
	vec->e[at] = (struct vector_entry){origin, clock};
	vec->n++;
}

void vector_raise_all(struct gw_self *self, struct vector *vec, const struct vector *by)
{
	for (size_t i = 0; i < by->n; i++)
		vector_raise(self, vec, by->e[i].origin, by->e[i].clock);
}

void vector_copy(struct gw_self *self, struct vector *vec, const struct vector *from)
{
	make_room(self, vec, from->n);
	if (from->n > 0)
		memcpy(vec->e, from->e, from->n * sizeof(*vec->e));
	vec->n = from->n;
}

void vector_changed(struct gw_self *self, const struct vector *before, const struct vector *now,
                    struct vector *out)
{
	for (size_t i = 0; i < now->n; i++)
		if (now->e[i].clock > vector_get(before, now->e[i].origin))
			vector_raise(self, out, now->e[i].origin, now->e[i].clock);
}

bool vector_covers(const struct vector *vec, const struct vector *other)
{
	size_t at = 0;

	for (size_t i = 0; i < other->n; i++) {
		while (at < vec->n && vec->e[at].origin < other->e[i].origin)
			at++;
		if (at == vec->n || vec->e[at].origin != other->e[i].origin ||
		    vec->e[at].clock < other->e[i].clock)
			return false;
	}
	return true;
}

bool vector_equal(const struct vector *a, const struct vector *b)
{
	return a->n == b->n && vector_covers(a, b) && vector_covers(b, a);
}

uint64_t vector_greatest(const struct vector *vec)
{
	uint64_t clock = 0;

	for (size_t i = 0; i < vec->n; i++)
		if (vec->e[i].clock > clock)
			clock = vec->e[i].clock;
	return clock;
}

void vector_free(struct gw_self *self, struct vector *vec)
{
	if (vec->e != NULL)
		gw_free(self, vec->e);
	*vec = (struct vector){0};
}
