/*
 * modules/agent/upstreams.c - the addresses at which the network is reached, and whom the agent
 * takes for them.
 *
 * Entries stay at their place while a session has to do with them: what is no longer configured is
 * only not tried any more. Every change of what is trusted is in the file before it counts.
 */
#include "upstreams.h"
#include "agent.h"
#include "upstreams_text.h"

#include <errno.h>
#include <godwit/log.h>
#include <godwit/mem.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

enum { PORT_TLS = 6697, PORT_PLAIN = 6667 };

static uint16_t usual_port(bool tls)
{
	return tls ? PORT_TLS : PORT_PLAIN;
}

/* --- the list --- */

static struct upstream *find_exactly(struct agent *agent, const char *address)
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
	return find_exactly(agent, exact);
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

static void ticket_drop(struct agent *agent, struct upstream *u)
{
	if (u->ticket != NULL)
		sodium_memzero(u->ticket, u->ticket_len);
	gw_free(agent->self, u->ticket);
	u->ticket = NULL;
	u->ticket_len = 0;
}

static void drop(struct agent *agent, struct upstream *u)
{
	DL_DELETE(agent->upstreams.list, u);
	agent->upstreams.n_all--;
	agent->upstreams.n -= u->tried;
	ticket_drop(agent, u);
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
	drop(agent, oldest);
	return true;
}

/* NULL: there is no room. */
static struct upstream *add(struct agent *agent, const char *address, bool tls)
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

static void set_by(struct agent *agent, struct upstream *u, const char *by)
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

/* --- the file --- */

static void row_of(const struct upstream *u, struct upstream_row *out)
{
	*out = (struct upstream_row){.tls = u->tls,
	                             .has_pin = u->has_pin,
	                             .from = (enum upstream_pin_from)u->from,
	                             .used_ns = u->used_ns};
	strcpy(out->address, u->address);
	strcpy(out->by, u->by == NULL ? "" : u->by);
	memcpy(out->pin, u->pin, sizeof(out->pin));
}

static void save(struct agent *agent)
{
	struct gw_self *self = agent->self;
	char *text = gw_alloc(self, UPSTREAMS_FILE_MAX);
	size_t n = upstreams_text_head(text);
	struct gw_error why = {0};
	struct upstream_row row;
	struct upstream *u;

	DL_FOREACH (agent->upstreams.list, u) {
		row_of(u, &row);
		if (u->has_pin || u->by != NULL)
			n += upstreams_text_row(&row, text + n);
	}
	agent->upstreams.unsaved =
		upstreams_file_write(gw_server_string(self, "state-directory"), text, n, &why) != 0;
	if (agent->upstreams.unsaved)
		gw_log(self, GW_ERROR, "what is trusted cannot be kept reason=\"%s\"", why.text);
	gw_free(self, text);
}

/* False: it is there twice, or there are too many. */
static bool take_row(void *ctx, const struct upstream_row *row)
{
	struct agent *agent = ctx;
	struct upstream *u;

	if (agent->upstreams.n_all >= UPSTREAMS_MAX || find_exactly(agent, row->address) != NULL)
		return false;
	u = add(agent, row->address, row->tls);
	set_by(agent, u, row->by[0] != '\0' ? row->by : NULL);
	u->has_pin = row->has_pin;
	u->from = (uint8_t)row->from;
	memcpy(u->pin, row->pin, sizeof(u->pin));
	u->used_ns = row->used_ns;
	return true;
}

/* What could be used of it is written anew at once, so it is told of once. */
static void damaged(struct agent *agent, const char *folder, const char *what)
{
	int status = upstreams_file_aside(folder);

	gw_log(agent->self, GW_ERROR,
	       "%s; servers that it does not name are trusted anew at first use kept-as=%s", what,
	       status == 0 ? "upstreams.broken" : strerror(-status));
	save(agent);
}

static void load_file(struct agent *agent)
{
	const char *folder = gw_server_string(agent->self, "state-directory");
	char *text = gw_alloc(agent->self, UPSTREAMS_FILE_MAX), what[400];
	struct gw_error why = {0};
	ssize_t n = upstreams_file_read(folder, text, &why);
	size_t line = 0, wrong = 0;

	agent->upstreams.loaded = true;
	if (n >= 0)
		wrong = upstreams_text_read(text, (size_t)n, take_row, agent, &line);
	gw_free(agent->self, text);
	if (wrong > 0) {
		snprintf(what, sizeof(what), "%.160s/upstreams is damaged: line %zu%s", folder,
		         line, wrong > 1 ? " and others" : "");
		damaged(agent, folder, what);
	} else if (n < 0 && n != -ENOENT) {
		damaged(agent, folder, why.text);
	}
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
	struct upstream *u = find_exactly(agent, address);

	if (u == NULL)
		u = add(agent, address, tls);
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
	const struct upstream *by = u->by == NULL ? NULL : find_exactly(agent, u->by);

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
		load_file(agent);
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
		save(agent);
	DL_FOREACH_SAFE (agent->upstreams.list, u, next) {
		drop(agent, u);
	}
	gw_free(agent->self, agent->upstreams.given);
	agent->upstreams = (struct upstreams){0};
}

/* --- certificates --- */

/* The operator's word stands above what was merely seen. */
size_t upstreams_pins(const struct agent *agent, const struct upstream *u,
                      const uint8_t *pins_out[UPSTREAMS_GIVEN_MAX + 1])
{
	const struct upstreams *all = &agent->upstreams;
	bool by_option = u->configured && all->n_given > 0;
	size_t n = 0;

	if (!u->tls)
		return 0;
	if (u->has_pin && (!by_option || u->from == UPSTREAM_PIN_GIVEN))
		pins_out[n++] = u->pin;
	for (uint32_t i = 0; by_option && i < all->n_given; i++)
		pins_out[n++] = all->given + i * UPSTREAM_PIN;
	return n;
}

static bool is_among(const uint8_t *const *pins, size_t n, const uint8_t *seen)
{
	for (size_t i = 0; i < n; i++)
		if (memcmp(pins[i], seen, UPSTREAM_PIN) == 0)
			return true;
	return false;
}

static void set_pin(struct agent *agent, struct upstream *u, const uint8_t *pin,
                    enum upstream_pin_from from)
{
	u->has_pin = true;
	u->from = (uint8_t)from;
	u->has_seen = false;
	if (memcmp(u->pin, pin, UPSTREAM_PIN) != 0)
		ticket_drop(agent, u);
	memcpy(u->pin, pin, UPSTREAM_PIN);
	save(agent);
}

static void refuse(struct agent *agent, struct upstream *u, const uint8_t *seen,
                   const uint8_t *expected, char *why_out, size_t max)
{
	char now[UPSTREAM_HEX + 1], before[UPSTREAM_HEX + 1];

	u->has_seen = true;
	memcpy(u->seen, seen, UPSTREAM_PIN);
	ticket_drop(agent, u);
	upstream_pin_text(seen, now);
	upstream_pin_text(expected, before);
	gw_log(agent->self, GW_ERROR, "another certificate address=%s trusted=%s seen=%s",
	       u->address, before, now);
	snprintf(why_out, max,
	         "%s has the certificate %s, trusted is %s. If the new one is right: godwitctl "
	         "--agent upstream trust %s %s",
	         u->address, now, before, u->address, now);
}

bool upstreams_certificate(struct agent *agent, struct upstream *u,
                           const uint8_t seen[UPSTREAM_PIN], char *why_out, size_t max)
{
	const uint8_t *pins[UPSTREAMS_GIVEN_MAX + 1];
	size_t n = upstreams_pins(agent, u, pins);
	char hex[UPSTREAM_HEX + 1];

	if (is_among(pins, n, seen)) {
		u->has_seen = false;
		return true;
	}
	if (n > 0) {
		refuse(agent, u, seen, pins[0], why_out, max);
		return false;
	}
	upstream_pin_text(seen, hex);
	gw_log(agent->self, GW_INFO, "trusted from now on: first use address=%s fingerprint=%s",
	       u->address, hex);
	set_pin(agent, u, seen, UPSTREAM_PIN_FIRST);
	return true;
}

void upstreams_trust(struct agent *agent, struct upstream *u, const uint8_t pin[UPSTREAM_PIN])
{
	set_pin(agent, u, pin, UPSTREAM_PIN_GIVEN);
}

void upstreams_forget(struct agent *agent, struct upstream *u)
{
	u->has_pin = u->has_seen = false;
	ticket_drop(agent, u);
	if (u->configured) {
		save(agent);
		return;
	}
	agent->upstreams.n -= u->tried;
	u->tried = false;
	set_by(agent, u, NULL);
	if (!upstreams_used(agent, u))
		drop(agent, u);
	save(agent);
}

/* --- what the network says --- */

static const char *first_configured(const struct agent *agent)
{
	const struct upstream *u = agent->upstreams.list;

	return u != NULL && u->configured ? u->address : NULL;
}

/* A server that we trusted has named it; but the operator knows better. */
static void vouched(struct agent *agent, struct upstream *u, const uint8_t *pin)
{
	const uint8_t *pins[UPSTREAMS_GIVEN_MAX + 1];
	size_t n = upstreams_pins(agent, u, pins);

	if (is_among(pins, n, pin))
		return;
	if (n > 0 && (pins[0] != u->pin || u->from == UPSTREAM_PIN_GIVEN)) {
		gw_log(agent->self, GW_WARN,
		       "the network names another certificate than the operator address=%s",
		       u->address);
		return;
	}
	gw_log(agent->self, GW_INFO, "certificate named by the network address=%s", u->address);
	set_pin(agent, u, pin, UPSTREAM_PIN_NETWORK);
}

/* The address as it is kept; false: it is none of ours to dial. */
static bool exact_of(const char *host, uint16_t port, char out[UPSTREAM_ADDRESS_MAX + 1])
{
	char text[UPSTREAM_ADDRESS_MAX + 1];
	bool v6 = strchr(host, ':') != NULL;
	int n = snprintf(text, sizeof(text), "%s%s%s", v6 ? "[" : "", host, v6 ? "]" : "");

	return n < (int)sizeof(text) && upstream_address_read(text, port, out, NULL) == 0 &&
	       !upstream_address_is_unix(out);
}

struct upstream *upstreams_heard(struct agent *agent, const char *host, uint16_t port,
                                 const uint8_t *pin)
{
	bool tls = gw_option_int(agent->self, gw_options(agent->self), "tls");
	char exact[UPSTREAM_ADDRESS_MAX + 1];
	const char *by = first_configured(agent);
	struct upstream *u;
	bool news;

	if (by == NULL || (tls && pin == NULL) || !exact_of(host, port, exact))
		return NULL;
	u = find_exactly(agent, exact);
	if (u == NULL)
		u = add(agent, exact, pin != NULL);
	if (u == NULL)
		return NULL;
	if (!u->configured)
		u->tls = pin != NULL;
	news = u->by == NULL || strcmp(u->by, by) != 0;
	if (news)
		set_by(agent, u, by);
	u->used_ns = gw_wall_ns(agent->self);
	agent->upstreams.n += !u->tried;
	u->tried = true;
	if (pin != NULL && u->tls)
		vouched(agent, u, pin);
	if (news || agent->upstreams.unsaved)
		save(agent);
	return u;
}

void upstreams_ticket(struct agent *agent, struct upstream *u, const uint8_t *ticket, size_t n)
{
	ticket_drop(agent, u);
	if (n == 0 || n > UPSTREAM_TICKET_MAX)
		return;
	u->ticket = gw_alloc(agent->self, n);
	memcpy(u->ticket, ticket, n);
	u->ticket_len = n;
}
