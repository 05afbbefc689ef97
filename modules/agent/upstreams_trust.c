/*
 * modules/agent/upstreams_trust.c - which certificates are right at an address, and who has said
 * so.
 *
 * Every change of what is trusted is in the file before it counts.
 */
#include "agent.h"
#include "upstreams_part.h"
#include "upstreams_text.h"

#include <godwit/log.h>
#include <stdio.h>
#include <string.h>

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
		upstream_ticket_drop(agent, u);
	memcpy(u->pin, pin, UPSTREAM_PIN);
	upstreams_save(agent);
}

bool upstreams_refused(const struct upstream *u, const uint8_t seen[UPSTREAM_PIN])
{
	return u->has_seen && memcmp(u->seen, seen, UPSTREAM_PIN) == 0;
}

static void refuse(struct agent *agent, struct upstream *u, const uint8_t *seen,
                   const uint8_t *expected, char *why_out, size_t max)
{
	char now[UPSTREAM_HEX + 1], before[UPSTREAM_HEX + 1];
	bool known = upstreams_refused(u, seen);

	u->has_seen = true;
	memcpy(u->seen, seen, UPSTREAM_PIN);
	upstream_ticket_drop(agent, u);
	upstream_pin_text(seen, now);
	upstream_pin_text(expected, before);
	gw_log(agent->self, known ? GW_DEBUG : GW_ERROR,
	       "another certificate address=%s trusted=%s seen=%s", u->address, before, now);
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
	u = upstream_find(agent, exact);
	if (u == NULL)
		u = upstream_add(agent, exact, pin != NULL);
	if (u == NULL)
		return NULL;
	if (!u->configured)
		u->tls = pin != NULL;
	news = u->by == NULL || strcmp(u->by, by) != 0;
	if (news)
		upstream_set_by(agent, u, by);
	u->used_ns = gw_wall_ns(agent->self);
	agent->upstreams.n += !u->tried;
	u->tried = true;
	if (pin != NULL && u->tls)
		vouched(agent, u, pin);
	if (news || agent->upstreams.unsaved)
		upstreams_save(agent);
	return u;
}
