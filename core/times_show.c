/*
 * core/times_show.c - what was measured (times.h), as `module times` and `module info` tell it.
 */
#include "core/admin.h"
#include "core/mem.h"
#include "core/module.h"
#include "core/server.h"
#include "core/times.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct figure {
	const struct module *module;
	uint32_t row;
	const struct row_time *time;
	double total_ns, mean_ns;
};

static double mean_ns(const struct row_time *t)
{
	return t->measured > 0 ? (double)t->own_ns / (double)t->measured : 0;
}

static size_t collect(const struct module *m, struct figure *out)
{
	size_t n = 0;

	for (uint32_t i = 0; i < m->n_times; i++) {
		const struct row_time *t = &m->times[i];
		double mean = mean_ns(t);

		if (times_calls(t) > 0)
			out[n++] = (struct figure){.module = m,
			                           .row = i,
			                           .time = t,
			                           .total_ns = mean * (double)times_calls(t),
			                           .mean_ns = mean};
	}
	return n;
}

struct time_sum times_sum(const struct module *m)
{
	struct time_sum sum = {.longest = ""};

	for (uint32_t i = 0; i < m->n_times; i++) {
		const struct row_time *t = &m->times[i];

		sum.calls += times_calls(t);
		sum.total_ns += mean_ns(t) * (double)times_calls(t);
		if (t->longest_ns <= sum.longest_ns)
			continue;
		sum.longest_ns = t->longest_ns;
		sum.longest = m->self.calls[i].name;
	}
	return sum;
}

static int by_total(const void *a, const void *b)
{
	const struct figure *fa = a, *fb = b;
	int order;

	if (fa->total_ns != fb->total_ns)
		return fa->total_ns < fb->total_ns ? 1 : -1;
	order = strcmp(fa->module->self.name, fb->module->self.name);
	return order != 0 ? order : fa->row < fb->row ? -1 : 1;
}

static void show_one(struct gw_admin_request *req, const struct figure *f)
{
	char calls[24], measured[24], total[32], mean[32], longest[32];
	const struct gw_self *self = &f->module->self;
	const char *cells[] = {self->name, self->calls[f->row].name, calls, total, mean, longest,
	                       measured};

	snprintf(calls, sizeof(calls), "%" PRIu64, times_calls(f->time));
	snprintf(measured, sizeof(measured), "%" PRIu64, f->time->measured);
	snprintf(total, sizeof(total), "%.3f", f->total_ns / 1e6);
	snprintf(mean, sizeof(mean), "%.6f", f->mean_ns / 1e6);
	snprintf(longest, sizeof(longest), "%.3f", (double)f->time->longest_ns / 1e6);
	admin_row(req, cells, sizeof(cells) / sizeof(cells[0]));
}

void times_show(struct gw_server *server, const struct module *only, struct gw_admin_request *req)
{
	static const char *const columns[] = {"module",  "function",   "calls",   "total-ms",
	                                      "mean-ms", "longest-ms", "measured"};
	size_t n = 0, room = server->core->n_times;
	struct figure *figures;

	for (const struct module *m = server->modules; m != NULL; m = m->next)
		room += m->n_times;
	figures = mem_alloc((room + 1) * sizeof(*figures));
	if (only != NULL) {
		n = collect(only, figures);
	} else {
		n = collect(server->core, figures);
		for (const struct module *m = server->modules; m != NULL; m = m->next)
			n += collect(m, figures + n);
	}
	qsort(figures, n, sizeof(*figures), by_total);
	admin_head(req, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < n; i++)
		show_one(req, &figures[i]);
	free(figures);
}
