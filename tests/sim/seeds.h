/*
 * tests/sim/seeds.h - a random story, once for each seed that the command line asks for:
 *
 *     PROGRAM [SEEDS [FIRST]]
 */
#ifndef TESTS_SEEDS_H
#define TESTS_SEEDS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/** Gives how many of them failed, and in `n_out` how many were asked for (`usual` without a word).
 * Long runs say how far they are; with modules that must be noticed as wrong (GODWIT_MODULES_FIRST)
 * the first that fails is the last. */
static inline unsigned seeds_run(int argc, char **argv, uint64_t usual,
                                 bool (*run)(uint64_t seed, void *total), void *total,
                                 uint64_t *n_out)
{
	uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : usual;
	uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	unsigned failed = 0;

	*n_out = n;
	for (uint64_t seed = first; seed < first + n; seed++) {
		failed += !run(seed, total);
		if (failed > 0 && getenv("GODWIT_MODULES_FIRST") != NULL)
			break;
		if (n > 100 && (seed - first) % 100 == 99)
			fprintf(stderr, "# %llu seeds, %u failed\n",
			        (unsigned long long)(seed - first + 1), failed);
	}
	return failed;
}

#endif
