/*
 * tests/module/agent_stage.h - an agent before a small network, in the simulator.
 *
 *     struct agent_stage s;
 *
 *     agent_open(&s, 2, "");                       servers s0 and s1, and the agent, whose
 * upstreams they are struct simclient *ann = agent_enter(&s, "ann", ""); agent_move(&s, "ann", 0,
 * 1); client_expect(...); agent_close(&s);
 */
#ifndef TESTS_AGENT_STAGE_H
#define TESTS_AGENT_STAGE_H

#include "tests/sim/tree.h"
#include "tests/unit/cmocka.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGENT_ADDRESS "127.0.0.1:6660"

struct agent_stage {
	struct simtree *t;
	struct simserver *agent;
	char yaml[2048]; /* of the agent */
};

/** `servers` of them as upstreams, in their order; `options` is added to the agent's block: ",
 * password: x". */
static inline void agent_write_config(struct agent_stage *s, unsigned servers, const char *options)
{
	size_t n =
		(size_t)snprintf(s->yaml, sizeof(s->yaml),
	                         "server: agent.localhost\nmodules: [agent]\nlisten:\n"
	                         "  - {address: \"" AGENT_ADDRESS "\", protocol: agent, tls: no}\n"
	                         "agent: {upstream: [");

	for (unsigned i = 0; i < servers; i++)
		n += (size_t)snprintf(s->yaml + n, sizeof(s->yaml) - n, "%s\"10.0.0.%u:6697\"",
		                      i > 0 ? ", " : "", i + 1);
	snprintf(s->yaml + n, sizeof(s->yaml) - n, "]%s}\n", options);
}

/** The network alone, its servers with these modules. */
static inline void agent_open_network_with(struct agent_stage *s, unsigned servers,
                                           const char *modules)
{
	memset(s, 0, sizeof(*s));
	s->t = simtree_new(11, "client: {exempt: [\"127.0.0.0/8\", \"10.0.0.0/8\"]}\n", modules);
	while (s->t->n < servers)
		simtree_join(s->t, 0);
	assert_true(simtree_level(s->t, 120 * GW_SECOND));
}

/** The network alone. */
static inline void agent_open_network(struct agent_stage *s, unsigned servers)
{
	agent_open_network_with(s, servers, SIMTREE_REDIRECT_MODULES);
}

static inline void agent_open_with(struct agent_stage *s, unsigned servers, const char *modules,
                                   const char *options)
{
	agent_open_network_with(s, servers, modules);
	agent_write_config(s, servers, options);
	s->agent = simnet_server(s->t->net, s->yaml);
}

/** Servers that let everybody in. */
static inline void agent_open(struct agent_stage *s, unsigned servers, const char *options)
{
	agent_open_with(s, servers, SIMTREE_REDIRECT_MODULES, options);
}

static inline void agent_close(struct agent_stage *s)
{
	simtree_end(&s->t);
}

/** A client of the agent's; nothing was said yet. */
static inline struct simclient *agent_client(struct agent_stage *s)
{
	return simnet_client_at(s->agent, AGENT_ADDRESS, "127.0.0.1");
}

/** One that is Connected and has read all that a welcome says; `caps` "" for none. */
static inline struct simclient *agent_enter(struct agent_stage *s, const char *nick,
                                            const char *caps)
{
	struct simclient *c = agent_client(s);

	if (caps[0] != '\0')
		client_send(c, "CAP REQ :%s", caps);
	client_send(c, "NICK %s", nick);
	client_send(c, "USER %s 0 * :The real %s", nick, nick);
	if (caps[0] != '\0')
		client_send(c, "CAP END");
	client_send(c, "PING in");
	client_expect(c, "*PONG * :in");
	return c;
}

/** A command at server `node`, which must succeed; its answer. */
static inline const char *agent_ask(struct agent_stage *s, unsigned node, const char *command)
{
	return simserver_ask(s->t->nodes[node].server, "%s", command);
}

static inline void agent_move_begin(struct agent_stage *s, const char *nick, unsigned from,
                                    unsigned to)
{
	char command[128];

	snprintf(command, sizeof(command), "moves begin %s s%u.example.net", nick, to);
	agent_ask(s, from, command);
}

/** Moves somebody, and waits until it is done. */
static inline void agent_move(struct agent_stage *s, const char *nick, unsigned from, unsigned to)
{
	char home[128], name[32];

	agent_move_begin(s, nick, from, to);
	snprintf(home, sizeof(home), "moves home %s", nick);
	snprintf(name, sizeof(name), "s%u.example.net", to);
	for (int i = 0; i < 50; i++) {
		if (strstr(agent_ask(s, to, home), name) != NULL)
			return;
		simnet_run(s->t->net, 100 * GW_MS);
	}
	fail_msg("%s was not moved to %s\n%s", nick, name, simserver_log(s->agent));
}

/** The agent's code is exchanged. */
static inline void agent_reload(struct agent_stage *s)
{
	simserver_ask(s->agent, "module reload agent");
}

/** So many events of the network. */
static inline void agent_steps(struct agent_stage *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		simnet_step(s->t->net, INT64_MAX);
}

#endif
