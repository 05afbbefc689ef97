/*
 * tests/modules/toy.h - what the module toy and the tests around it agree on: its interface, topics
 * and point.
 */
#ifndef TESTS_MODULES_TOY_H
#define TESTS_MODULES_TOY_H

#include <stdint.h>

/** The interface "toy" 1.0. */
struct toy_ops {
	int (*build)(void *self);      /* which variant's code answers */
	uint64_t (*count)(void *self); /* how often it was asked, over all generations */
	uint64_t (*ticks)(void *self); /* of its timer */
	uint64_t (*rows_seen)(
		void *self); /* sum of the rows at "toy.row" when it last heard of a change */
	void (*say)(void *self, void *said);
	int (*may)(void *self, void *said, void *why);
	void (*work)(void *self); /* a job in the pool; `worked` counts its completions, by build */
	uint64_t (*worked)(void *self);
	void (*part)(void *self);        /* a friend is being unloaded */
	void *(*sink)(void *self);       /* its own */
	uint64_t (*written)(void *self); /* a digit for each write there: which build got it */
};

/** Payload of "toy.said" and "toy.may": each subscriber appends its letter. */
struct toy_said {
	char heard[32];
};

/** A row of the point "toy.row". */
struct toy_row {
	const char *name;
	uint64_t value;
};

#endif
