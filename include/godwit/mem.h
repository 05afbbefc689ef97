/*
 * godwit/mem.h - memory of a module, counted under its name.
 *
 * Allocation cannot fail: out of memory ends the process, in one place of the core. So bound every
 * size that comes from outside before asking. Loop thread only.
 */
#ifndef GODWIT_MEM_H
#define GODWIT_MEM_H

#include <godwit/self.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** The table behind the functions below; call those. */
struct gw_mem_api {
	void *(*alloc)(struct gw_self *, size_t n);
	void *(*resize)(struct gw_self *, void *p, size_t n);
	void (*free)(struct gw_self *, void *p);
	uint64_t (*hash)(struct gw_self *, const void *p, size_t n);
};

/** `n` zero bytes, to be given back with gw_free() (not free()) by the same module, in any
 * generation. */
static inline void *gw_alloc(struct gw_self *self, size_t n)
{
	return self->core->mem->alloc(self, n);
}

/** Like realloc(); what is added is not zeroed. */
static inline void *gw_resize(struct gw_self *self, void *p, size_t n)
{
	return self->core->mem->resize(self, p, n);
}

/** Gives a block back; NULL is fine. */
static inline void gw_free(struct gw_self *self, void *p)
{
	self->core->mem->free(self, p);
}

/** A copy of `n` bytes with a NUL behind them. */
static inline char *gw_strndup(struct gw_self *self, const char *s, size_t n)
{
	char *copy = (char *)gw_alloc(self, n + 1);

	if (n > 0)
		memcpy(copy, s, n);
	return copy;
}

/** A copy of a string, to be given back with gw_free(). */
static inline char *gw_strdup(struct gw_self *self, const char *s)
{
	return gw_strndup(self, s, strlen(s));
}

/** SipHash with a key drawn at start, so that nobody outside can choose what collides. */
static inline uint64_t gw_hash(struct gw_self *self, const void *p, size_t n)
{
	return self->core->mem->hash(self, p, n);
}

#endif
