/*
 * services/filter.c - a Bloom filter over all names that may be claimed.
 *
 * Guests come with random nicks thousands of times a second; nearly all are denied here, with ten
 * bits a name and no read. Names are never taken out: the filter is made anew when it has taken in
 * as many as it was made for.
 */
#include "services.h"
#include <godwit/mem.h>

#define BITS_PER_NAME 10
#define HASHES 7

void filter_init(struct gw_self *self, struct filter *filter, uint64_t room)
{
	filter->n_bits = 1 << 16;
	while (filter->n_bits < room * BITS_PER_NAME)
		filter->n_bits *= 2;
	filter->room = filter->n_bits / BITS_PER_NAME;
	filter->held = 0;
	filter->words = gw_alloc(self, filter->n_bits / 8);
}

void filter_fini(struct gw_self *self, struct filter *filter)
{
	if (filter->words != NULL)
		gw_free(self, filter->words);
	*filter = (struct filter){0};
}

/* Bit number `i` of the name: two halves of one keyed hash give all seven. */
static uint64_t bit_of(const struct filter *filter, uint64_t hash, unsigned i)
{
	return ((hash & 0xffffffff) + i * ((hash >> 32) | 1)) & (filter->n_bits - 1);
}

void filter_add(struct gw_self *self, struct filter *filter, struct gw_blob name)
{
	uint64_t hash, bit;

	if (filter->words == NULL || filter_may_hold(self, filter, name))
		return;
	hash = gw_hash(self, name.p, name.n);
	for (unsigned i = 0; i < HASHES; i++) {
		bit = bit_of(filter, hash, i);
		filter->words[bit / 64] |= (uint64_t)1 << (bit % 64);
	}
	filter->held++;
}

bool filter_may_hold(struct gw_self *self, const struct filter *filter, struct gw_blob name)
{
	uint64_t hash = gw_hash(self, name.p, name.n), bit;

	for (unsigned i = 0; i < HASHES; i++) {
		bit = bit_of(filter, hash, i);
		if ((filter->words[bit / 64] >> (bit % 64) & 1) == 0)
			return false;
	}
	return true;
}
