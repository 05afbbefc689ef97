/*
 * tests/bench/moves_ledger.h - whether every number of a stream arrives, once and in order. A
 * stream is what one receiver gets of one sender in one place; its numbers begin with 1.
 */
#ifndef BENCH_MOVES_LEDGER_H
#define BENCH_MOVES_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

struct ledger_counts {
	uint64_t delivered;
	uint64_t lost;       /* not there; those that come after all become disordered */
	uint64_t doubled;    /* or older than what is remembered */
	uint64_t disordered; /* behind one with a greater number */
	uint64_t foreign;    /* never sent */
};

/** All zero at first. Bit i of `seen` is the number `last` - i. */
struct ledger_stream {
	uint32_t last;
	uint64_t seen;
};

/** A number has arrived, of `sent` that were said so far. */
void ledger_got(struct ledger_counts *counts, struct ledger_stream *stream, uint32_t number,
                uint32_t sent);
/** Nothing more comes. What is missing at the end may be excused, if its sender is gone. */
void ledger_end(struct ledger_counts *counts, const struct ledger_stream *stream, uint32_t sent,
                bool end_excused);

#endif
