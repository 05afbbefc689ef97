/*
 * Reads /proc. A value that cannot be read is 0: a bench tells what it can, and the driver knows
 * which figures it needs.
 */
#include "measure.h"
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * UINT64_C(1000000000) + now.tv_nsec;
}

static FILE *proc_open(long pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%ld/%s", pid, name);
	return fopen(path, "r");
}

/** The number on the line that begins with `key`. */
static uint64_t proc_number(long pid, const char *name, const char *key)
{
	FILE *file = proc_open(pid, name);
	uint64_t value = 0;
	char line[256];

	if (file == NULL)
		return 0;
	while (fgets(line, sizeof line, file) != NULL)
		if (strncmp(line, key, strlen(key)) == 0)
			sscanf(line + strlen(key), "%" SCNu64, &value);
	fclose(file);
	return value;
}

/** Field 14 of stat; the name in field 2 may hold blanks, so count from its end. */
static double tick_user_s(long pid)
{
	FILE *file = proc_open(pid, "stat");
	unsigned long user = 0;
	char line[1024];
	const char *rest;

	if (file == NULL)
		return 0;
	if (fgets(line, sizeof line, file) != NULL && (rest = strrchr(line, ')')) != NULL)
		sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu", &user);
	fclose(file);
	return (double)user / sysconf(_SC_CLK_TCK);
}

/** A thread that ended takes its time with it; the servers' threads live as long as they do. */
static double task_cpu_s(long pid)
{
	char path[64];
	uint64_t ns = 0, total = 0;
	glob_t tasks;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%ld/task/*/schedstat", pid);
	if (glob(path, 0, NULL, &tasks) != 0)
		return 0;
	for (size_t i = 0; i < tasks.gl_pathc; i++) {
		if ((file = fopen(tasks.gl_pathv[i], "r")) == NULL)
			continue;
		if (fscanf(file, "%" SCNu64, &ns) == 1)
			total += ns;
		fclose(file);
	}
	globfree(&tasks);
	return total / 1e9;
}

static uint64_t task_wakeups(long pid)
{
	char path[64];
	uint64_t total = 0;
	glob_t tasks;

	snprintf(path, sizeof path, "/proc/%ld/task/*", pid);
	if (glob(path, 0, NULL, &tasks) != 0)
		return 0;
	for (size_t i = 0; i < tasks.gl_pathc; i++)
		total += proc_number(atol(strrchr(tasks.gl_pathv[i], '/') + 1), "status",
		                     "voluntary_ctxt_switches:");
	globfree(&tasks);
	return total;
}

static void read_machine(struct snapshot *snapshot)
{
	FILE *file = fopen("/proc/stat", "r");
	unsigned long user, nice, system, irq, softirq, stolen;
	double ticks = sysconf(_SC_CLK_TCK);

	if (file == NULL)
		return;
	if (fscanf(file, "cpu %lu %lu %lu %*u %*u %lu %lu %lu", &user, &nice, &system, &irq,
	           &softirq, &stolen) == 6) {
		snapshot->machine_s = (double)(user + nice + system + irq + softirq) / ticks;
		snapshot->stolen_s = (double)stolen / ticks;
	}
	fclose(file);
}

void snapshot_take(struct snapshot *snapshot, long pid)
{
	struct rusage own;

	memset(snapshot, 0, sizeof *snapshot);
	if (pid != 0) {
		snapshot->user_s = tick_user_s(pid);
		snapshot->cpu_s = task_cpu_s(pid);
		snapshot->wakeups = task_wakeups(pid);
		snapshot->writes = proc_number(pid, "io", "syscw:");
		snapshot->resident = proc_number(pid, "smaps_rollup", "Rss:") * 1024;
		snapshot->anonymous = proc_number(pid, "smaps_rollup", "Anonymous:") * 1024;
	}
	getrusage(RUSAGE_SELF, &own);
	snapshot->own_s = own.ru_utime.tv_sec + own.ru_stime.tv_sec +
	                  (own.ru_utime.tv_usec + own.ru_stime.tv_usec) / 1e6;
	read_machine(snapshot);
	snapshot->at_ns = clock_ns();
}

/** The middle of a bucket. */
static double bucket_ns(uint32_t bucket)
{
	uint32_t shift = bucket >> SUB_BITS, low = bucket & ((1u << SUB_BITS) - 1);

	if (shift == 0)
		return low;
	return ((double)((1u << SUB_BITS) + low) + 0.5) * (double)(UINT64_C(1) << (shift - 1));
}

double histogram_quantile(const struct histogram *histogram, double quantile)
{
	uint64_t rank = (uint64_t)(quantile * (double)histogram->count), seen = 0;

	for (uint32_t i = 0; i < BUCKETS; i++) {
		seen += histogram->buckets[i];
		if (seen > rank)
			return bucket_ns(i);
	}
	return 0;
}
