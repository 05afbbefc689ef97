/*
 * tests/unit/counted.h - a struct gw_self that has memory and nothing else; how much of it is not
 * given back is counted.
 *
 *     struct counted mem;
 *     struct gw_self *self = counted_open(&mem);
 *     ...
 *     assert_int_equal(mem.blocks, 0);
 */
#ifndef TESTS_COUNTED_H
#define TESTS_COUNTED_H

#include <godwit/mem.h>
#include <stdlib.h>

struct counted {
	struct gw_self self; /* first: what is behind a struct gw_self * here */
	struct gw_core core;
	size_t blocks, bytes;
};

/** Before each block. */
struct counted_block {
	size_t n;
	max_align_t data[];
};

static inline struct counted *counted_of(struct gw_self *self)
{
	return (struct counted *)self;
}

static inline void counted_release(struct gw_self *self, void *p)
{
	struct counted_block *block;

	if (p == NULL)
		return;
	block = (struct counted_block *)((char *)p - offsetof(struct counted_block, data));
	counted_of(self)->blocks--;
	counted_of(self)->bytes -= block->n;
	free(block);
}

static inline void *counted_alloc(struct gw_self *self, size_t n)
{
	struct counted_block *block = calloc(1, sizeof(*block) + n);

	if (block == NULL)
		abort();
	block->n = n;
	counted_of(self)->blocks++;
	counted_of(self)->bytes += n;
	return block->data;
}

static inline void *counted_resize(struct gw_self *self, void *p, size_t n)
{
	void *other = counted_alloc(self, n);

	if (p != NULL) {
		size_t was =
			((struct counted_block *)((char *)p - offsetof(struct counted_block, data)))
				->n;

		memcpy(other, p, was < n ? was : n);
		counted_release(self, p);
	}
	return other;
}

/** FNV-1a. */
static inline uint64_t counted_hash(struct gw_self *self, const void *p, size_t n)
{
	uint64_t hash = 14695981039346656037u;

	(void)self;
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ ((const uint8_t *)p)[i]) * 1099511628211u;
	return hash ^ hash >> 32;
}

static inline struct gw_self *counted_open(struct counted *mem)
{
	static const struct gw_mem_api api = {
		.alloc = counted_alloc,
		.resize = counted_resize,
		.free = counted_release,
		.hash = counted_hash,
	};

	*mem = (struct counted){.core = {.mem = &api}};
	mem->self.core = &mem->core;
	mem->self.name = "test";
	return &mem->self;
}

#endif
