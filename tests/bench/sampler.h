/*
 * How much of a process's CPU time is user-mode. The kernel's own split of /proc/PID/stat rests on
 * its tick (4 ms) and is scaled over the whole life of the process, so what it did before the
 * window distorts the window. This samples it every half millisecond of its CPU time instead, with
 * a timer of perf_event_open(2) that leaves out the kernel: a sample is half a millisecond.
 */
#ifndef BENCH_SAMPLER_H
#define BENCH_SAMPLER_H

#include <stdbool.h>
#include <stdint.h>

enum { SAMPLED_THREADS_MAX = 32 };

struct sampler {
	struct sampled_thread {
		int fd;
		void *ring;
	} threads[SAMPLED_THREADS_MAX];
	int count;
	uint64_t samples;
};

/** Watches the threads that the process has now. False: not permitted here. */
bool sampler_open(struct sampler *sampler, long pid);
/** Counts what has come; call it at least every second. */
void sampler_drain(struct sampler *sampler);
/** User-mode seconds since it was opened. */
double sampler_user_s(const struct sampler *sampler);

#endif
