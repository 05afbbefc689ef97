/*
 * What the load generator reads off the machine: the clock, a process's CPU time, writes and
 * memory out of /proc, and a histogram of latencies.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdint.h>

uint64_t clock_ns(void);

/** One moment: of the server, of ourselves and of the machine. */
struct snapshot {
	uint64_t at_ns;
	double cpu_s;     /* the server, all its threads */
	double user_s;    /* of that, by the kernel's tick */
	double own_s;     /* ourselves */
	double machine_s; /* all that ran on any core */
	double stolen_s;  /* what the host took from this virtual machine */
	uint64_t writes;  /* the server's write() and writev() calls; not those of send() */
	uint64_t wakeups; /* how often one of its threads had waited, and went on */
	uint64_t resident, anonymous;
	uint64_t segments, deliveries; /* the caller fills these in */
};

/** With pid 0 the server's rows are 0. */
void snapshot_take(struct snapshot *snapshot, long pid);

enum { SUB_BITS = 6, BUCKETS = (64 - SUB_BITS) << SUB_BITS };

/** Buckets of 1.6 % width. */
struct histogram {
	uint64_t count;
	uint64_t buckets[BUCKETS];
};

static inline uint32_t histogram_bucket(uint64_t ns)
{
	uint32_t shift;

	if (ns < 1u << SUB_BITS)
		return ns;
	shift = 63 - __builtin_clzll(ns) - SUB_BITS;
	return ((shift + 1) << SUB_BITS) + ((ns >> shift) & ((1u << SUB_BITS) - 1));
}

static inline void histogram_add(struct histogram *histogram, uint64_t ns)
{
	histogram->count++;
	histogram->buckets[histogram_bucket(ns)]++;
}

/** In nanoseconds; 0 when it is empty. */
double histogram_quantile(const struct histogram *histogram, double quantile);

#endif
