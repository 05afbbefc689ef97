/*
 * tests/module/agent_gap.h - an agent that loses its server: what the tests about it share, on top
 * of agent_stage.h.
 */
#ifndef TESTS_AGENT_GAP_H
#define TESTS_AGENT_GAP_H

#include "tests/module/agent_stage.h"

#define LOST ":agent.localhost NOTICE ann :The connection to the network was lost (*"
#define GAP(where)                                                                                 \
	":agent.localhost NOTICE " where                                                           \
	" :-- * s without the network; what was said meanwhile is not here --"
#define BACK GAP("ann")

/* Nobody is let in without an account. */
#define CLOSED                                                                                     \
	"[store_fake, services, network, link, burst, client, account, channel, message, query, "  \
	"monitor, oper, redirect, moves]"

static inline void run(struct agent_stage *s, int64_t seconds)
{
	simnet_run(s->t->net, seconds * GW_SECOND);
}

static inline void join(struct simclient *c, const char *channel)
{
	client_send(c, "JOIN %s", channel);
	client_expect(c, "* 366 *");
}

/* What has come so far is read. */
static inline void read_all(struct simclient *c)
{
	free(client_take(c));
}

/* The agent reaches no server, until heal(). */
static inline void cut(struct agent_stage *s)
{
	for (unsigned i = 0; i < s->t->n; i++)
		simnet_cut(s->t->net, simserver_host(s->agent),
		           simserver_host(s->t->nodes[i].server));
}

static inline void heal(struct agent_stage *s)
{
	simnet_heal(s->t->net, NULL, NULL);
}

/* Servers that want a login; ann and bob have accounts, which all know. */
static inline void open_closed(struct agent_stage *s, const char *options)
{
	agent_open_with(s, 2, CLOSED, options);
	agent_ask(s, 0, "account add ann ann-secret");
	agent_ask(s, 0, "account add bob bob-secret");
	assert_true(simtree_level(s->t, 60 * GW_SECOND));
}

/* ann, by SASL PLAIN: "\0ann\0ann-secret". */
static inline struct simclient *log_in(struct agent_stage *s, const char *caps)
{
	struct simclient *ann = agent_client(s);

	client_send(ann, "CAP REQ :sasl %s", caps);
	client_send(ann, "NICK ann\r\nUSER ann 0 * :The real ann\r\nAUTHENTICATE PLAIN");
	client_expect(ann, "*AUTHENTICATE +");
	client_send(ann, "AUTHENTICATE AGFubgBhbm4tc2VjcmV0");
	client_expect(ann, "* 903 *");
	client_send(ann, "CAP END\r\nPING in");
	client_expect(ann, "*PONG * :in");
	return ann;
}

/* At the second server, without the agent. */
static inline struct simclient *enter_bob(struct agent_stage *s, const char *caps)
{
	struct simclient *bob = simnet_client(s->t->nodes[1].server, "127.0.0.1", false);

	if (caps[0] != '\0')
		client_send(bob, "CAP REQ :%s\r\nCAP END", caps);
	client_send(bob, "PASS bob:bob-secret\r\nNICK bob\r\nUSER bob 0 * :The real bob");
	client_expect(bob, "* 422 *");
	return bob;
}

#endif
