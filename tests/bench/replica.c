/*
 * tests/bench/replica.c - what the services database costs: writes per second of one server, the
 * spread of one write to another, a delta after many missed writes.
 *
 *     replica [ACCOUNTS [MISSED]]      20000 and 10000 unless told otherwise
 *
 * Two servers with the real store, in one thread (tests/unit/mini.h), so each figure is the sum of
 * what both sides do one after the other, with every sync of the disk. There is no network in
 * between; figures come to standard output, one a line.
 */
#include "tests/unit/services_net.h"
#include <stdlib.h>
#include <time.h>

static struct {
	uint64_t done, failed;
	struct gw_id last;
} made;

static void on_made(void *state, uint64_t tag, int status, struct gw_id id)
{
	struct gw_id *ids = state;

	made.done++;
	made.failed += status != 0;
	made.last = id;
	if (tag > 0)
		ids[tag - 1] = id;
}

static const struct gw_call_row made_calls[] = {{"made", (gw_fn *)on_made}};

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1e6;
}

static void wait_done(struct node *node, uint64_t n)
{
	while (made.done < n)
		mini_run(node->rig.mini, 0);
}

/* An account as it is registered: core, verifier, nick, mail, language. */
static void start_account(struct node *node, struct gw_self *self, uint64_t tag)
{
	static const uint8_t verifier[80];
	char nick[24], mail[40];
	uint8_t nick_sub[25], mail_sub[41];
	size_t n = (size_t)snprintf(nick, sizeof(nick), "user%llu", (unsigned long long)tag);
	size_t m = (size_t)snprintf(mail, sizeof(mail), "user%llu@example.org",
	                            (unsigned long long)tag);
	struct gw_write writes[5];
	int status;

	nick_sub[0] = GW_NAME_NICK;
	memcpy(nick_sub + 1, nick, n);
	mail_sub[0] = GW_NAME_MAIL;
	memcpy(mail_sub + 1, mail, m);
	for (int i = 0; i < 5; i++)
		writes[i] = (struct gw_write){.class = GW_CLASS_ACCOUNT, .make = true};
	writes[0].field = GW_F_CORE;
	writes[0].value = (struct gw_blob){verifier, 20};
	writes[1].field = GW_F_CRED;
	writes[1].value = (struct gw_blob){verifier, sizeof(verifier)};
	writes[2].field = writes[3].field = GW_F_NAME;
	writes[2].exclusive = writes[3].exclusive = true;
	writes[2].sub = (struct gw_blob){nick_sub, n + 1};
	writes[2].value = (struct gw_blob){nick, n};
	writes[3].sub = (struct gw_blob){mail_sub, m + 1};
	writes[3].value = (struct gw_blob){mail, m};
	writes[4].field = GW_F_LANG;
	writes[4].value = (struct gw_blob){"en", 2};
	while ((status = GW_VIA(node->rig.services, gw_services_ops, commit, writes, 5,
	                        gw_call(self, 0, tag))) == -EAGAIN)
		mini_step(node->rig.mini);
	assert_int_equal(status, 0);
}

static void start_edit(struct node *node, struct gw_self *self, struct gw_id account,
                       uint64_t value)
{
	char text[90];
	struct gw_write write = {
		.class = GW_CLASS_ACCOUNT, .id = account, .field = GW_F_CRED, .value = {text, 80}};
	int status;

	snprintf(text, sizeof(text), "%080llu", (unsigned long long)value);
	while ((status = GW_VIA(node->rig.services, gw_services_ops, commit, &write, 1,
	                        gw_call(self, 0, 0))) == -EAGAIN)
		mini_step(node->rig.mini);
	assert_int_equal(status, 0);
}

static void say(const char *what, double value, const char *unit)
{
	printf("%-44s %12.2f %s\n", what, value, unit);
	fflush(stdout);
}

static double linked(struct net *net, struct pipe_link *pipe)
{
	double begin = now_ms();

	while (!net_is_settled(net)) {
		for (int i = 0; i < 2; i++)
			mini_run(net->nodes[i].rig.mini, 0);
		while (net_deliver(net, pipe, 0) || net_deliver(net, pipe, 1))
			continue;
	}
	return now_ms() - begin;
}

static void registrations(struct net *net, struct gw_self *self, uint64_t n)
{
	double begin = now_ms();

	for (uint64_t i = 0; i < n; i++)
		start_account(&net->nodes[0], self, i + 1);
	wait_done(&net->nodes[0], n);
	assert_int_equal(made.failed, 0);
	say("registrations (5 cells), grouped", 1000.0 * (double)n / (now_ms() - begin), "/s");
}

static void edits(struct net *net, struct gw_self *self, const struct gw_id *ids, uint64_t n_ids,
                  uint64_t n, const char *what)
{
	uint64_t from = made.done;
	double begin = now_ms();

	for (uint64_t i = 0; i < n; i++)
		start_edit(&net->nodes[0], self, ids[net_draw(net, n_ids)], i);
	wait_done(&net->nodes[0], from + n);
	if (what != NULL)
		say(what, 1000.0 * (double)n / (now_ms() - begin), "/s");
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* From commit() until the other server has it durably and this one knows. */
static void spread(struct net *net, struct pipe_link *pipe, struct gw_self *self,
                   const struct gw_id *ids, uint64_t n_ids)
{
	enum { N = 300 };
	double took[N], local[N], begin;

	for (int i = 0; i < N; i++) {
		begin = now_ms();
		start_edit(&net->nodes[0], self, ids[net_draw(net, n_ids)], (uint64_t)i);
		wait_done(&net->nodes[0], made.done + 1);
		local[i] = now_ms() - begin;
		linked(net, pipe);
		took[i] = now_ms() - begin;
	}
	qsort(took, N, sizeof(took[0]), by_value);
	qsort(local, N, sizeof(local[0]), by_value);
	say("one write until it is durable here, median", local[N / 2], "ms");
	say("until it is there, too, and known, median", took[N / 2], "ms");
	say("until it is there, too, and known, p99", took[N * 99 / 100], "ms");
}

int main(int argc, char **argv)
{
	uint64_t accounts = argc > 1 ? strtoull(argv[1], NULL, 10) : 20000;
	uint64_t missed = argc > 2 ? strtoull(argv[2], NULL, 10) : 10000;
	struct gw_id *ids = calloc(accounts, sizeof(*ids));
	struct pipe_link *pipe;
	struct gw_self *self;
	struct net net;
	uint64_t bytes;
	double ms;

	net_open(&net, 2, false, 0);
	net.window = (size_t)1 << 20;
	self = mini_test_self(net.nodes[0].rig.mini, made_calls, 1, ids);
	registrations(&net, self, accounts);
	edits(&net, self, ids, accounts, accounts, "edits of one cell at random, grouped");
	pipe = net_link(&net, 0, 1);
	ms = linked(&net, pipe);
	say("all of it as a round", ms, "ms");
	say("all of it as a round", (double)pipe->bytes, "bytes");
	spread(&net, pipe, self, ids, accounts);
	net_cut(&net, pipe);
	edits(&net, self, ids, accounts, missed, NULL);
	pipe = net_link(&net, 0, 1);
	bytes = pipe->bytes;
	ms = linked(&net, pipe);
	say("a delta of the missed edits", ms, "ms");
	say("a delta of the missed edits", (double)(pipe->bytes - bytes), "bytes");
	net_cut(&net, pipe);
	pipe = net_link(&net, 0, 1);
	say("a link where nothing was missed", linked(&net, pipe), "ms");
	net_close(&net);
	free(ids);
	return 0;
}
