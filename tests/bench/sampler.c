/* One event and one small ring per thread; only the number of samples matters, not what is in them.
 */
#include "sampler.h"
#include <dirent.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PERIOD_NS = 500000, RING_PAGES = 8 };

static size_t page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

static bool watch_thread(struct sampler *sampler, pid_t tid)
{
	struct sampled_thread *thread = &sampler->threads[sampler->count];
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof attr,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = PERIOD_NS,
		.sample_type = PERF_SAMPLE_TID,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};

	thread->fd = syscall(SYS_perf_event_open, &attr, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (thread->fd < 0)
		return false;
	thread->ring = mmap(NULL, (1 + RING_PAGES) * page_size(), PROT_READ | PROT_WRITE,
	                    MAP_SHARED, thread->fd, 0);
	if (thread->ring == MAP_FAILED) {
		close(thread->fd);
		return false;
	}
	sampler->count++;
	return true;
}

bool sampler_open(struct sampler *sampler, long pid)
{
	char path[64];
	struct dirent *entry;
	bool all = true;
	DIR *dir;

	snprintf(path, sizeof path, "/proc/%ld/task", pid);
	if ((dir = opendir(path)) == NULL)
		return false;
	while ((entry = readdir(dir)) != NULL && sampler->count < SAMPLED_THREADS_MAX)
		if (entry->d_name[0] != '.')
			all &= watch_thread(sampler, atoi(entry->d_name));
	closedir(dir);
	return all && sampler->count > 0;
}

static uint64_t drain_thread(const struct sampled_thread *thread)
{
	struct perf_event_mmap_page *page = thread->ring;
	const char *data = (const char *)thread->ring + page_size();
	uint64_t head = __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE);
	uint64_t at = page->data_tail, samples = 0;

	while (at < head) {
		/* Records are multiples of 8 bytes, so a header never wraps. */
		const struct perf_event_header *record =
			(const void *)(data + at % (RING_PAGES * page_size()));

		samples += record->type == PERF_RECORD_SAMPLE;
		at += record->size;
	}
	__atomic_store_n(&page->data_tail, head, __ATOMIC_RELEASE);
	return samples;
}

void sampler_drain(struct sampler *sampler)
{
	for (int i = 0; i < sampler->count; i++)
		sampler->samples += drain_thread(&sampler->threads[i]);
}

double sampler_user_s(const struct sampler *sampler)
{
	return (double)sampler->samples * PERIOD_NS / 1e9;
}
