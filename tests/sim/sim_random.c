/*
 * tests/sim/sim_random.c - libsodium's random bytes, out of the simulation: so sealed boxes and
 * salts repeat.
 *
 * libsodium has one source per process, so this is the one place with a variable of its own.
 */
#include "tests/sim/harness_part.h"
#include "tests/sim/sim_part.h"
#include <sodium.h>
#include <stdlib.h>

static struct simnet *lender;

static void lent_bytes(void *const out, const size_t n)
{
	char *p = out;
	uint64_t word;
	size_t i;

	for (i = 0; i < n; i += sizeof(word)) {
		word = sim_next_random(lender->running != NULL ? lender->running->random
		                                               : lender->random);
		memcpy(p + i, &word, n - i < sizeof(word) ? n - i : sizeof(word));
	}
}

static uint32_t lent_word(void)
{
	uint32_t word;

	lent_bytes(&word, sizeof(word));
	return word;
}

static const char *lent_name(void)
{
	return "simulation";
}

static struct randombytes_implementation implementation = {
	.implementation_name = lent_name,
	.random = lent_word,
	.buf = lent_bytes,
};

void sim_lend_randomness(struct simnet *net)
{
	/* Its first start draws bytes, a second one in the same process does not: those are
	 * nobody's. */
	if (sodium_init() < 0)
		abort();
	lender = net;
	randombytes_set_implementation(&implementation);
}
