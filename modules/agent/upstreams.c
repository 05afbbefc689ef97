/*
 * modules/agent/upstreams.c - the addresses at which the network is reached.
 */
#include "upstreams.h"
#include "agent.h"
#include <godwit/mem.h>
#include <utlist.h>

void upstreams_load(struct agent *agent)
{
	struct gw_self *self = agent->self;
	const char *const *items;
	size_t n = gw_option_list(self, gw_options(self), "upstream", &items);

	for (size_t i = 0; i < n && agent->upstreams.n < UPSTREAMS_MAX; i++) {
		struct upstream *u = gw_alloc(self, sizeof(*u));

		u->address = gw_strdup(self, items[i]);
		u->tls = gw_option_int(self, gw_options(self), "tls");
		u->configured = true;
		DL_APPEND(agent->upstreams.list, u);
		agent->upstreams.n++;
	}
}

void upstreams_free(struct agent *agent)
{
	struct upstream *u, *next;

	DL_FOREACH_SAFE (agent->upstreams.list, u, next) {
		gw_free(agent->self, u->address);
		gw_free(agent->self, u->ticket);
		gw_free(agent->self, u);
	}
	agent->upstreams = (struct upstreams){0};
}

struct upstream *upstreams_at(struct agent *agent, uint32_t i)
{
	struct upstream *u = agent->upstreams.list;

	if (agent->upstreams.n == 0)
		return NULL;
	for (i %= agent->upstreams.n; i > 0; i--)
		u = u->next;
	return u;
}

bool upstreams_certificate(struct agent *agent, struct upstream *u,
                           const uint8_t seen[UPSTREAM_PIN], char *why_out, size_t max)
{
	(void)agent, (void)u, (void)seen, (void)why_out, (void)max;
	return true;
}

struct upstream *upstreams_heard(struct agent *agent, const char *host, uint16_t port,
                                 const uint8_t *pin)
{
	(void)agent, (void)host, (void)port, (void)pin;
	return NULL;
}

void upstreams_ticket(struct agent *agent, struct upstream *u, const uint8_t *ticket, size_t n)
{
	(void)agent, (void)u, (void)ticket, (void)n;
}
