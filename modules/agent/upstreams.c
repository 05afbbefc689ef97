/*
 * modules/agent/upstreams.c - the addresses at which the network is reached: their list, and what
 * the options make of it.
 *
 * Entries stay at their place while a session has to do with them: what is no longer configured is
 * only not tried any more.
 */
#include "upstreams.h"
#include "agent.h"
#include "upstreams_part.h"
#include "upstreams_text.h"

#include <errno.h>
#include <godwit/log.h>
#include <godwit/mem.h>
#include <sodium.h>
#include <string.h>
#include <utlist.h>

enum { PORT_TLS = 6697, PORT_PLAIN = 6667 };

static uint16_t usual_port(bool tls)
{
	return tls ? PORT_TLS : PORT_PLAIN;
}

/* --- the list --- */

struct upstream *upstream_find(struct agent *agent, const char *address)
{
	struct upstream *u;

	DL_FOREACH (agent->upstreams.list, u) {
		if (strcmp(u->address, address) == 0)
			return u;
	}
	return NULL;
}

struct upstream *upstreams_find(struct agent *agent, const char *address)
{
	bool tls = gw_option_int(agent->self, gw_options(agent->self), "tls");
	char exact[UPSTREAM_ADDRESS_MAX + 1];

	if (upstream_address_read(address, usual_port(tls), exact, NULL) != 0)
		return NULL;
	return upstream_find(agent, exact);
}

bool upstreams_used(struct agent *agent, const struct upstream *u)
{
	const struct session *s;

	DL_FOREACH (agent->sessions, s) {
		for (int slot = 0; slot < 2; slot++)
			if (s->up[slot] != NULL && s->up[slot]->at == u)
				return true;
	}
	return false;
}

void upstream_ticket_drop(struct agent *agent, struct upstream *u)
{
	if (u->ticket != NULL)
		sodium_memzero(u->ticket, u->ticket_len);
	gw_free(agent->self, u->ticket);
	u->ticket = NULL;
	u->ticket_len = 0;
}

void upstream_drop(struct agent *agent, struct upstream *u)
{
	DL_DELETE(agent->upstreams.list, u);
	agent->upstreams.n_all--;
	agent->upstreams.n -= u->tried;
	upstream_ticket_drop(agent, u);
	gw_free(agent->self, u->address);
	gw_free(agent->self, u->by);
	gw_free(agent->self, u);
}

/* The one that was used longest ago goes; false: all are needed. */
static bool make_room(struct agent *agent)
{
	struct upstream *u, *oldest = NULL;

	if (agent->upstreams.n_all < UPSTREAMS_MAX)
		return true;
	DL_FOREACH (agent->upstreams.list, u) {
		if (!u->configured && (oldest == NULL || u->used_ns < oldest->used_ns) &&
		    !upstreams_used(agent, u))
			oldest = u;
	}
	if (oldest == NULL)
		return false;
	gw_log(agent->self, GW_INFO, "address forgotten, there are too many address=%s",
	       oldest->address);
	upstream_drop(agent, oldest);
	return true;
}

/* NULL: there is no room. */
struct upstream *upstream_add(struct agent *agent, const char *address, bool tls)
{
	struct upstream *u;

	if (!make_room(agent))
		return NULL;
	u = gw_alloc(agent->self, sizeof(*u));
	u->address = gw_strdup(agent->self, address);
	u->tls = tls;
	DL_APPEND(agent->upstreams.list, u);
	agent->upstreams.n_all++;
	return u;
}

void upstream_set_by(struct agent *agent, struct upstream *u, const char *by)
{
	char *copy = by == NULL ? NULL : gw_strdup(agent->self, by);

	gw_free(agent->self, u->by);
	u->by = copy;
}

/* Those behind the configured ones are as they came; their order is looked up: there are few. */
static struct upstream *next_used(struct agent *agent, const struct upstream *before)
{
	struct upstream *u, *best = NULL;
	bool passed = before == NULL;

	DL_FOREACH (agent->upstreams.list, u) {
		passed = passed || u == before;
		if (u == before || u->configured || !u->tried)
			continue;
		if (before != NULL &&
		    (u->used_ns > before->used_ns || (u->used_ns == before->used_ns && !passed)))
			continue;
		if (best == NULL || u->used_ns > best->used_ns)
			best = u;
	}
	return best;
}

struct upstream *upstreams_at(struct agent *agent, uint32_t i)
{
	struct upstream *u, *named = NULL;

	if (agent->upstreams.n == 0)
		return NULL;
	i %= agent->upstreams.n;
	DL_FOREACH (agent->upstreams.list, u) {
		if (u->configured && i-- == 0)
			return u;
	}
	do {
		named = next_used(agent, named);
	} while (i-- > 0);
	return named;
}

/* --- the options --- */

/* As of a list without the item itself. */
static bool is_double(const char *const *items, size_t i, uint16_t port, const char *exact)
{
	char other[UPSTREAM_ADDRESS_MAX + 1];

	for (size_t j = 0; j < i; j++)
		if (upstream_address_read(items[j], port, other, NULL) == 0 &&
		    strcmp(other, exact) == 0)
			return true;
	return false;
}

int upstreams_check(struct gw_self *self, const struct gw_options *candidate, struct gw_error *err)
{
	uint16_t port = usual_port(gw_option_int(self, candidate, "tls"));
	char exact[UPSTREAM_ADDRESS_MAX + 1];
	uint8_t pin[UPSTREAM_PIN];
	const char *const *items;
	size_t n = gw_option_list(self, candidate, "upstream", &items);
	struct gw_error why;

	for (size_t i = 0; i < n; i++) {
		if (upstream_address_read(items[i], port, exact, &why) != 0)
			return gw_fail(err, -EINVAL, "upstream: %.220s", why.text);
		if (is_double(items, i, port, exact))
			return gw_fail(err, -EINVAL, "upstream: '%.120s' is there twice", exact);
	}
	n = gw_option_list(self, candidate, "fingerprint", &items);
	for (size_t i = 0; i < n; i++)
		if (!upstream_pin_read(items[i], pin))
			return gw_fail(err, -EINVAL,
			               "fingerprint: '%.100s' must be 64 hexadecimal digits: "
			               "SHA-256 of a certificate",
			               items[i]);
	return 0;
}

static void load_given(struct agent *agent)
{
	struct upstreams *all = &agent->upstreams;
	struct gw_self *self = agent->self;
	const char *const *items;
	size_t n = gw_option_list(self, gw_options(self), "fingerprint", &items);

	gw_free(self, all->given);
	all->given = n == 0 ? NULL : gw_alloc(self, n * UPSTREAM_PIN);
	all->n_given = 0;
	for (size_t i = 0; i < n; i++)
		all->n_given +=
			upstream_pin_read(items[i], all->given + all->n_given * UPSTREAM_PIN);
}

/* Behind those configured before it. */
static void configure(struct agent *agent, const char *address, bool tls, struct upstream **last)
{
	struct upstream *u = upstream_find(agent, address);

	if (u == NULL)
		u = upstream_add(agent, address, tls);
	if (u == NULL || u->configured)
		return;
	u->configured = true;
	u->tls = tls;
	DL_DELETE(agent->upstreams.list, u);
	if (*last == NULL)
		DL_PREPEND(agent->upstreams.list, u);
	else
		DL_APPEND_ELEM(agent->upstreams.list, *last, u);
	*last = u;
}

/* Without TLS a remembered one is no match for what is configured with it. */
static bool to_be_tried(struct agent *agent, const struct upstream *u, bool tls)
{
	const struct upstream *by = u->by == NULL ? NULL : upstream_find(agent, u->by);

	return u->configured || (by != NULL && by->configured && (u->tls || !tls));
}

static void count(struct agent *agent, bool tls)
{
	struct upstream *u;

	agent->upstreams.n = 0;
	DL_FOREACH (agent->upstreams.list, u) {
		u->tried = to_be_tried(agent, u, tls);
		agent->upstreams.n += u->tried;
	}
}

void upstreams_load(struct agent *agent)
{
	struct gw_self *self = agent->self;
	bool tls = gw_option_int(self, gw_options(self), "tls");
	char exact[UPSTREAM_ADDRESS_MAX + 1];
	struct upstream *u, *last = NULL;
	const char *const *items;
	size_t n = gw_option_list(self, gw_options(self), "upstream", &items);

	if (!agent->upstreams.loaded)
		upstreams_load_file(agent);
	load_given(agent);
	DL_FOREACH (agent->upstreams.list, u) {
		u->configured = false;
	}
	for (size_t i = 0; i < n; i++)
		if (upstream_address_read(items[i], usual_port(tls), exact, NULL) == 0)
			configure(agent, exact, tls && !upstream_address_is_unix(exact), &last);
	count(agent, tls);
}

/* When they were last used is only kept here: it is worth no write of its own. */
void upstreams_free(struct agent *agent)
{
	struct upstream *u, *next;

	if (agent->upstreams.list != NULL)
		upstreams_save(agent);
	DL_FOREACH_SAFE (agent->upstreams.list, u, next) {
		upstream_drop(agent, u);
	}
	gw_free(agent->self, agent->upstreams.given);
	agent->upstreams = (struct upstreams){0};
}

void upstreams_forget(struct agent *agent, struct upstream *u)
{
	u->has_pin = u->has_seen = false;
	upstream_ticket_drop(agent, u);
	if (u->configured) {
		upstreams_save(agent);
		return;
	}
	agent->upstreams.n -= u->tried;
	u->tried = false;
	upstream_set_by(agent, u, NULL);
	if (!upstreams_used(agent, u))
		upstream_drop(agent, u);
	upstreams_save(agent);
}

void upstreams_ticket(struct agent *agent, struct upstream *u, const uint8_t *ticket, size_t n)
{
	upstream_ticket_drop(agent, u);
	if (n == 0 || n > UPSTREAM_TICKET_MAX)
		return;
	u->ticket = gw_alloc(agent->self, n);
	memcpy(u->ticket, ticket, n);
	u->ticket_len = n;
}
