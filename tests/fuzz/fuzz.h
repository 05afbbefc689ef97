/*
 * tests/fuzz/fuzz.h - a fuzz target is one function; replay.c runs it over its corpus when no
 * fuzzer is linked.
 *
 * `make fuzz` builds and runs all of them with libFuzzer (tests/fuzz/run).
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** Holds in every build, unlike assert(). */
#define FUZZ_CHECK(condition)                                                                      \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

#endif
