/*
 * metrics/exposition.c - the text that Prometheus reads (format 0.0.4), made of what the
 * subscribers of "metrics.collect" tell.
 *
 * One line out of form would cost its reader all the others. So each family and each sample is
 * looked at here, and what is wrong is left out and counted.
 */
#include "metrics.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Something of the last family. */
static void refuse(struct exposition *e)
{
	if (e->n_refused++ == 0)
		memcpy(e->first, e->name, sizeof(e->first));
}

/* --- text --- */

static char *room_for(struct exposition *e, size_t n)
{
	if (e->n + n > e->room) {
		e->room = 2 * (e->n + n) + 4096;
		e->text = gw_resize(e->self, e->text, e->room);
	}
	return e->text + e->n;
}

static void put(struct exposition *e, const char *text)
{
	size_t n = strlen(text);

	memcpy(room_for(e, n), text, n);
	e->n += n;
}

/* A text that others have given: `quotes` says whether it stands in some. */
static void put_escaped(struct exposition *e, const char *text, bool quotes)
{
	char *at = room_for(e, 2 * strlen(text)), *end = at;

	for (; *text != '\0'; text++) {
		if (*text == '\\' || *text == '\n' || (*text == '"' && quotes))
			*end++ = '\\';
		*end++ = *text == '\n' ? 'n' : *text >= ' ' && *text <= '~' ? *text : '?';
	}
	e->n += (size_t)(end - at);
}

/* Counters to the last unit, up to 2^53. */
static void number_text(char out[32], double value)
{
	if (isnan(value))
		snprintf(out, 32, "NaN");
	else if (isinf(value))
		snprintf(out, 32, value > 0 ? "+Inf" : "-Inf");
	else if (fabs(value) < 9e15 && value == (double)(int64_t)value)
		snprintf(out, 32, "%.0f", value);
	else
		snprintf(out, 32, "%.15g", value);
}

/* --- families --- */

static bool is_name(const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	return n > 0 && text[n] == '\0' && (text[0] < '0' || text[0] > '9');
}

static bool ends(const char *text, const char *with)
{
	size_t n = strlen(text), m = strlen(with);

	return n > m && strcmp(text + n - m, with) == 0;
}

/* The last three are what a histogram's samples are called. */
static bool suits(enum gw_metric_type type, const char *name)
{
	if (ends(name, "_bucket") || ends(name, "_sum") || ends(name, "_count"))
		return false;
	return ends(name, "_total") == (type == GW_COUNTER);
}

static bool is_there(const struct exposition *e, const char *name)
{
	size_t n = strlen(name);

	for (uint32_t i = 0; i < e->n_families; i++)
		if (strncmp(e->text + e->families[i], name, n) == 0 &&
		    e->text[e->families[i] + n] == ' ')
			return true;
	return false;
}

static void put_family(struct exposition *e, const char *type, const char *name, const char *help)
{
	put(e, "# HELP ");
	e->families[e->n_families++] = e->n;
	put(e, name);
	put(e, " ");
	put_escaped(e, help, false);
	put(e, "\n# TYPE ");
	put(e, name);
	put(e, " ");
	put(e, type);
	put(e, "\n");
}

static void family(void *collector, enum gw_metric_type type, const char *name, const char *help)
{
	static const char *const types[] = {
		[GW_COUNTER] = "counter", [GW_GAUGE] = "gauge", [GW_HISTOGRAM] = "histogram"};
	struct exposition *e = collector;

	snprintf(e->name, sizeof(e->name), "%s", name);
	e->open = (unsigned)type < sizeof(types) / sizeof(types[0]) && is_name(name) &&
	          strlen(name) < sizeof(e->name) && suits(type, name) && !is_there(e, name) &&
	          e->n_families < FAMILIES_MAX && e->n < EXPOSITION_MAX;
	if (!e->open) {
		refuse(e);
		return;
	}
	put_family(e, types[type], name, help);
	e->histogram = type == GW_HISTOGRAM;
	e->n_samples = 0;
	e->family = e->n;
}

/* --- samples --- */

/* Whether a label that follows has the name of the one at `label`. */
static bool again(const char *const *label)
{
	for (const char *const *other = label + 2; *other != NULL; other += 2)
		if (strcmp(*label, *other) == 0)
			return true;
	return false;
}

static bool labels_fit(const char *const *labels, bool histogram)
{
	for (; labels != NULL && *labels != NULL; labels += 2)
		if (!is_name(labels[0]) || strncmp(labels[0], "__", 2) == 0 || labels[1] == NULL ||
		    (histogram && strcmp(labels[0], "le") == 0) || again(labels))
			return false;
	return true;
}

static void put_label(struct exposition *e, const char *name, const char *value, bool *first)
{
	put(e, *first ? "{" : ",");
	put(e, name);
	put(e, "=\"");
	put_escaped(e, value, true);
	put(e, "\"");
	*first = false;
}

/* A line: name and suffix, labels, value. `le` is the label of a bucket, or NULL. */
static void put_sample(struct exposition *e, const char *suffix, const char *const *labels,
                       const char *le, double value)
{
	bool first = true;
	char text[32];

	put(e, e->name);
	put(e, suffix);
	for (; labels != NULL && *labels != NULL; labels += 2)
		put_label(e, labels[0], labels[1], &first);
	if (le != NULL)
		put_label(e, "le", le, &first);
	put(e, first ? " " : "} ");
	number_text(text, value);
	put(e, text);
	put(e, "\n");
}

/* Whether the line at `at`, the last, names a sample that its family has already. */
static bool is_double(const struct exposition *e, size_t at)
{
	const char *line = e->text + at, *end = e->text + e->n - 1, *other = e->text + e->family;
	size_t n;

	while (end[-1] != ' ')
		end--;
	n = (size_t)(end - line);
	while (other < line) {
		if (strncmp(other, line, n) == 0)
			return true;
		other = (const char *)memchr(other, '\n', (size_t)(line - other)) + 1;
	}
	return false;
}

/* One more of the family's samples may follow. */
static bool admit(struct exposition *e, const char *const *labels, bool histogram)
{
	if (e->open && e->histogram == histogram && labels_fit(labels, histogram) &&
	    e->n_samples < FAMILY_MAX && e->n < EXPOSITION_MAX) {
		e->n_samples++;
		return true;
	}
	refuse(e);
	return false;
}

static void sample(void *collector, const char *const *labels, double value)
{
	struct exposition *e = collector;
	size_t before = e->n;

	if (!admit(e, labels, false))
		return;
	put_sample(e, "", labels, NULL, value);
	if (!is_double(e, before))
		return;
	refuse(e);
	e->n = before;
}

static void histogram(void *collector, const char *const *labels, const struct gw_histogram *h)
{
	const int64_t *bounds = gw_histogram_bounds();
	struct exposition *e = collector;
	size_t before = e->n;
	uint64_t count = 0;
	char le[32];

	if (!admit(e, labels, true))
		return;
	put_sample(e, "_count", labels, NULL, 0);
	if (is_double(e, before)) {
		refuse(e);
		e->n = before;
		return;
	}
	e->n = before;
	for (unsigned i = 0; i <= GW_HISTOGRAM_BOUNDS; i++) {
		number_text(le, i < GW_HISTOGRAM_BOUNDS ? (double)bounds[i] / 1e9 : INFINITY);
		count += h->buckets[i];
		put_sample(e, "_bucket", labels, le, (double)count);
	}
	put_sample(e, "_sum", labels, NULL, (double)h->sum_ns / 1e9);
	put_sample(e, "_count", labels, NULL, (double)count);
}

void exposition_make(struct gw_self *self, struct gw_topic *collect, struct exposition *out)
{
	struct gw_metrics metrics = {
		.collector = out, .family = family, .sample = sample, .histogram = histogram};

	*out = (struct exposition){.self = self};
	out->families = gw_alloc(self, FAMILIES_MAX * sizeof(*out->families));
	gw_notify(self, collect, &metrics);
	gw_free(self, out->families);
	out->families = NULL;
}
