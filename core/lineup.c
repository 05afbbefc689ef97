/*
 * core/lineup.c - checks modules against each other before anything changes (registry.h).
 */
#include "core/mem.h"
#include "core/option.h"
#include "core/registry.h"
#include "core/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** A number of at most four digits; false when there is none. */
static bool read_number(const char **at, uint16_t *out)
{
	unsigned value = 0, digits = 0;

	for (; **at >= '0' && **at <= '9' && digits < 4; (*at)++, digits++)
		value = value * 10 + (unsigned)(**at - '0');
	*out = (uint16_t)value;
	return digits > 0;
}

int need_next(const char **at, struct need *out)
{
	const char *p = *at;
	size_t len;

	p += strspn(p, " ");
	if (*p == '\0')
		return 0;
	len = strcspn(p, " ,?");
	if (len == 0 || len >= sizeof(out->name))
		return -EINVAL;
	memcpy(out->name, p, len);
	out->name[len] = '\0';
	p += len;
	p += strspn(p, " ");
	if (!read_number(&p, &out->major) || *p++ != '.' || !read_number(&p, &out->minor))
		return -EINVAL;
	out->optional = *p == '?';
	p += out->optional;
	p += strspn(p, " ");
	if (*p != '\0' && *p != ',')
		return -EINVAL;
	*at = p + (*p == ',');
	return 1;
}

bool need_met(const struct need *need, const struct gw_interface_row *offer)
{
	return offer->major == need->major && offer->minor >= need->minor;
}

const struct gw_interface_row *interface_of(const struct gw_module *d, const char *name)
{
	for (const struct gw_interface_row *i = d->interfaces; i != NULL && i->name != NULL; i++)
		if (strcmp(i->name, name) == 0)
			return i;
	return NULL;
}

bool depends_on(const struct gw_module *d, const struct gw_module *provider, struct need *need)
{
	const char *at = d->requires != NULL ? d->requires : "";

	while (need_next(&at, need) > 0)
		if (!need->optional && interface_of(provider, need->name) != NULL)
			return true;
	return false;
}

static uint32_t count_calls(const struct gw_module *d)
{
	uint32_t n = 0;

	while (d->calls != NULL && d->calls[n].name != NULL)
		n++;
	return n;
}

static int check_requires(const struct gw_module *d, struct gw_error *err)
{
	const char *at = d->requires != NULL ? d->requires : "";
	struct need need;
	int status;

	while ((status = need_next(&at, &need)) > 0)
		continue;
	if (status == 0)
		return 0;
	return gw_fail(err, -EINVAL,
	               "%s: its requirements cannot be read at '%.40s': they look like \"network "
	               "1.0, policy 1.0?\"",
	               d->name, at);
}

static int check_calls(const struct gw_module *d, struct gw_error *err)
{
	uint32_t n = count_calls(d);

	for (const struct gw_subscription *s = d->subscriptions; s != NULL && s->topic != NULL; s++)
		if (s->call >= n)
			return gw_fail(
				err, -EINVAL,
				"%s: its subscription to %s names row %u of a table of %u calls",
				d->name, s->topic, (unsigned)s->call, (unsigned)n);
	for (const struct gw_point *p = d->points; p != NULL && p->name != NULL; p++)
		if (p->changed >= n)
			return gw_fail(
				err, -EINVAL,
				"%s: its extension point %s names row %u of a table of %u calls",
				d->name, p->name, (unsigned)p->changed, (unsigned)n);
	return 0;
}

static const char *row_name(const struct gw_rows *rows, size_t i)
{
	const char *name;

	memcpy(&name, (const char *)rows->rows + i * rows->size, sizeof(name));
	return name;
}

static int check_rows(const struct gw_module *d, struct gw_error *err)
{
	for (const struct gw_rows *r = d->rows; r != NULL && r->point != NULL; r++) {
		if (r->size < sizeof(char *) || (r->rows == NULL && r->count > 0))
			return gw_fail(err, -EINVAL, "%s: its rows for %s are no table", d->name,
			               r->point);
		for (size_t i = 0; i < r->count; i++)
			if (row_name(r, i) == NULL)
				return gw_fail(err, -EINVAL,
				               "%s: row %zu of its rows for %s has no name",
				               d->name, i, r->point);
	}
	return 0;
}

int registry_check_module(const struct gw_module *d, struct gw_error *err)
{
	static int (*const checks[])(const struct gw_module *,
	                             struct gw_error *) = {check_requires, check_calls, check_rows};
	int status;

	if (d->version == NULL || (d->state_size > 0 && d->load == NULL))
		return gw_fail(err, -EINVAL,
		               "%s: its descriptor lacks a version, or has a state and no load",
		               d->name);
	status = options_check_table(d->options, d->name, err);
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]) && status == 0; i++)
		status = checks[i](d, err);
	return status;
}

/* The tables whose names belong to one module alone. */
static const char *interface_name(const struct gw_module *d, size_t i)
{
	return d->interfaces != NULL ? d->interfaces[i].name : NULL;
}

static const char *topic_name(const struct gw_module *d, size_t i)
{
	return d->topics != NULL ? d->topics[i].name : NULL;
}

static const char *point_name(const struct gw_module *d, size_t i)
{
	return d->points != NULL ? d->points[i].name : NULL;
}

static const struct owned {
	const char *what;
	const char *(*name)(const struct gw_module *, size_t i);
} owned[] = {
	{"interface", interface_name},
	{"topic", topic_name},
	{"extension point", point_name},
};

/** Who before position (`module`, `at`) has this name. */
static const struct gw_module *owner_before(const struct lineup *l, const struct owned *kind,
                                            size_t module, size_t at, const char *name)
{
	for (size_t m = 0; m <= module; m++) {
		const char *other;

		for (size_t i = 0;
		     (m < module || i < at) && (other = kind->name(l->descriptors[m], i)) != NULL;
		     i++)
			if (strcmp(other, name) == 0)
				return l->descriptors[m];
	}
	return NULL;
}

/** Two modules that bring the same, or one that brings it twice. */
static int fail_doubled(const char *what, const char *name, const struct gw_module *a,
                        const struct gw_module *b, struct gw_error *err)
{
	if (a == b)
		return gw_fail(err, -EEXIST, "the %s %.60s is brought twice by %s: one is too many",
		               what, name, a->name);
	return gw_fail(err, -EEXIST,
	               "the %s %.60s is brought by both %s and %s: only one of the two can be "
	               "loaded, or one has to rename it",
	               what, name, a->name, b->name);
}

static int check_owned(const struct lineup *l, const struct owned *kind, struct gw_error *err)
{
	for (size_t m = 0; m < l->n; m++) {
		const char *name;

		for (size_t i = 0; (name = kind->name(l->descriptors[m], i)) != NULL; i++) {
			const struct gw_module *other = owner_before(l, kind, m, i, name);

			if (other != NULL)
				return fail_doubled(kind->what, name, other, l->descriptors[m],
				                    err);
		}
	}
	return 0;
}

static int check_names(const struct lineup *l, struct gw_error *err)
{
	for (size_t m = 1; m < l->n; m++)
		for (size_t i = 0; i < m; i++)
			if (strcmp(l->descriptors[m]->name, l->descriptors[i]->name) == 0)
				return gw_fail(err, -EEXIST, "the module %s is there already",
				               l->descriptors[m]->name);
	return 0;
}

/** Who is behind: the one that asks, or the one that offers. */
static int fail_version(const struct need *need, const struct gw_module *d,
                        const struct gw_module *provider, const struct gw_interface_row *offer,
                        struct gw_error *err)
{
	bool offer_is_newer = offer->major > need->major;

	return gw_fail(
		err, -EINVAL,
		"%s requires the interface %s %u.%u, but %s provides %s %u.%u: a newer %s is "
		"needed",
		d->name, need->name, need->major, need->minor, provider->name, need->name,
		offer->major, offer->minor, offer_is_newer ? d->name : provider->name);
}

static int check_needs(const struct lineup *l, const struct gw_module *d, struct gw_error *err)
{
	const char *at = d->requires != NULL ? d->requires : "";
	struct need need;

	while (need_next(&at, &need) > 0) {
		const struct gw_interface_row *offer = NULL;
		size_t m = 0;

		while (m < l->n && (offer = interface_of(l->descriptors[m], need.name)) == NULL)
			m++;
		if (offer == NULL && !need.optional)
			return gw_fail(err, -ENOENT,
			               "%s requires the interface %s %u.%u, which no loaded module "
			               "provides: load one that does",
			               d->name, need.name, need.major, need.minor);
		if (offer != NULL && !need_met(&need, offer))
			return fail_version(&need, d, l->descriptors[m], offer, err);
	}
	return 0;
}

static int fail_row(const char *name, const char *point, const struct gw_module *a,
                    const struct gw_module *b, struct gw_error *err)
{
	if (a == b)
		return gw_fail(err, -EEXIST,
		               "'%.60s' at the extension point %s is brought twice by %s: one is "
		               "too many",
		               name, point, a->name);
	return gw_fail(
		err, -EEXIST,
		"'%.60s' at the extension point %s is brought by both %s and %s: only one of "
		"the two can be loaded, or one has to rename it",
		name, point, a->name, b->name);
}

static int check_pair(const struct gw_module *a, const struct gw_rows *ra,
                      const struct gw_module *b, const struct gw_rows *rb, struct gw_error *err)
{
	for (size_t i = 0; i < rb->count; i++)
		for (size_t j = 0; j < (ra == rb ? i : ra->count); j++)
			if (strcmp(row_name(ra, j), row_name(rb, i)) == 0)
				return fail_row(row_name(rb, i), rb->point, a, b, err);
	return 0;
}

static int check_row_size(const struct lineup *l, const struct gw_module *d,
                          const struct gw_rows *r, struct gw_error *err)
{
	for (size_t m = 0; m < l->n; m++)
		for (const struct gw_point *p = l->descriptors[m]->points;
		     p != NULL && p->name != NULL; p++)
			if (strcmp(p->name, r->point) == 0 && p->row_size != r->size)
				return gw_fail(err, -EINVAL,
				               "%s has rows of %zu bytes for the extension point "
				               "%s, but those of %s have %zu: build %s with the "
				               "header that %s was built with",
				               d->name, r->size, p->name, l->descriptors[m]->name,
				               p->row_size, d->name, l->descriptors[m]->name);
	return 0;
}

/** One table of rows against all that come before it, and against itself. */
static int check_table(const struct lineup *l, size_t module, const struct gw_rows *rows,
                       struct gw_error *err)
{
	const struct gw_module *d = l->descriptors[module];

	for (size_t m = 0; m <= module; m++)
		for (const struct gw_rows *r = l->descriptors[m]->rows;
		     r != NULL && r->point != NULL; r++) {
			if (strcmp(r->point, rows->point) == 0 &&
			    check_pair(l->descriptors[m], r, d, rows, err) != 0)
				return -EEXIST;
			if (r == rows)
				break;
		}
	return check_row_size(l, d, rows, err);
}

/** Whether nobody that is not `done` stands before the module at `at`. */
static bool is_ready(const struct lineup *l, size_t at, const bool *done)
{
	struct need need;

	for (size_t m = 0; m < l->n; m++)
		if (!done[m] && depends_on(l->descriptors[at], l->descriptors[m], &need))
			return false;
	return true;
}

/** Of those that are not `done`, one that the module at `from` requires. There is one: it waits. */
static size_t waits_for(const struct lineup *l, size_t from, const bool *done)
{
	struct need need;
	size_t m = 0;

	while (done[m] || !depends_on(l->descriptors[from], l->descriptors[m], &need))
		m++;
	return m;
}

/** "hen requires egg, egg requires hen": from one that waits along what it waits for comes the
 * circle, at the latest after as many steps as there are modules. */
static int fail_circle(const struct lineup *l, const bool *done, struct gw_error *err)
{
	char steps[160] = "";
	size_t at = 0, begin;

	while (done[at])
		at++;
	for (size_t i = 0; i < l->n; i++)
		at = waits_for(l, at, done);
	begin = at;
	do {
		size_t next = waits_for(l, at, done), used = strlen(steps);

		snprintf(steps + used, sizeof(steps) - used, "%s%s requires %s",
		         used > 0 ? ", " : "", l->descriptors[at]->name,
		         l->descriptors[next]->name);
		at = next;
	} while (at != begin);
	return gw_fail(err, -ELOOP,
	               "modules require each other in a circle: %s: leave one of them out", steps);
}

/** There must be an order in which all could be loaded. */
static int check_circle(const struct lineup *l, struct gw_error *err)
{
	bool *done = mem_alloc(l->n * sizeof(*done));
	size_t n_done = 0, before;
	int status = 0;

	do {
		before = n_done;
		for (size_t m = 0; m < l->n; m++)
			if (!done[m] && is_ready(l, m, done)) {
				done[m] = true;
				n_done++;
			}
	} while (n_done > before);
	if (n_done < l->n)
		status = fail_circle(l, done, err);
	free(done);
	return status;
}

int registry_check(const struct lineup *l, struct gw_error *err)
{
	int status = check_names(l, err);

	for (size_t i = 0; i < sizeof(owned) / sizeof(owned[0]) && status == 0; i++)
		status = check_owned(l, &owned[i], err);
	for (size_t m = 0; m < l->n && status == 0; m++) {
		const struct gw_module *d = l->descriptors[m];

		status = check_needs(l, d, err);
		for (const struct gw_rows *r = d->rows;
		     r != NULL && r->point != NULL && status == 0; r++)
			status = check_table(l, m, r, err);
	}
	return status == 0 ? check_circle(l, err) : status;
}
