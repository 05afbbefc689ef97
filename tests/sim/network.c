/*
 * tests/sim/network.c - random networks live through random trouble: trees of two to nine servers,
 * splits, crashes, late joins, slow links, wrong clocks, replaced modules; people talk, and change
 * all that can be changed, on all sides. When the trouble is over all servers hold the same
 * databases and the same live network, what was reported as stored is stored, and nobody heard
 * anything twice or out of order.
 *
 *     network [SEEDS [FIRST]]     100 seeds from 1 unless told otherwise; a failing seed is printed
 *     GODWIT_MODULES_FIRST=DIR    takes modules from there first (a wrong one must be noticed)
 *     GODWIT_SHOW=1               shows the servers' logs of a seed that fails
 *
 * run-all: timeout=600
 */
#include "core/mem.h"
#include "tests/sim/seeds.h"
#include "tests/sim/tree.h"
#include <stdlib.h>
#include <string.h>

#define TALKERS 24
#define ROOMS 3
#define NAMES_MAX 64

/** Somebody who stays as long as their server does, and says numbers. */
struct talker {
	struct simclient *client; /* NULL: gone */
	unsigned node;
	char nick[16];
	unsigned said;
	bool late; /* came when others had begun to talk */
};

/** What a server has reported as stored. */
struct stored {
	char name[16];
	unsigned node;
};

struct world {
	uint64_t seed, random;
	struct simtree *tree;
	struct talker talkers[TALKERS];
	unsigned n_talkers, generations;
	struct stored accounts[NAMES_MAX];
	unsigned n_accounts, splits, crashes, reloads, joins, messages;
	bool trouble; /* some link has broken: messages may be missing */
	char fault[500];
};

static uint64_t draw(struct world *w, uint64_t n)
{
	w->random = w->random * 6364136223846793005 + 1442695040888963407;
	return (w->random >> 33) % n;
}

__attribute__((format(printf, 2, 3))) static void fault(struct world *w, const char *format, ...)
{
	va_list args;

	if (w->fault[0] != '\0')
		return;
	va_start(args, format);
	vsnprintf(w->fault, sizeof(w->fault), format, args);
	va_end(args);
}

/* --- people --- */

static void enter(struct world *w, unsigned node)
{
	static const char *const caps[] = {"", "batch", "message-tags server-time batch",
	                                   "extended-join account-notify away-notify"};
	struct talker *t = &w->talkers[w->n_talkers];

	if (w->n_talkers == TALKERS)
		return;
	w->n_talkers++;
	*t = (struct talker){.node = node};
	snprintf(t->nick, sizeof(t->nick), "t%u", w->generations++);
	t->client = simtree_enter(w->tree, node, t->nick, caps[draw(w, 4)]);
	client_send(t->client, "JOIN #all");
	client_expect(t->client, "* 366 *");
}

/* Each sender's numbers rise; the nick of a sender is never used by another. */
static void check_heard(struct world *w, struct talker *t)
{
	unsigned next[2 * TALKERS + 64] = {0};
	bool heard[2 * TALKERS + 64] = {false}, may_miss;
	const char *const *lines;
	size_t n = client_lines(t->client, &lines);

	for (size_t i = 0; i < n; i++) {
		const char *at = strstr(lines[i], " PRIVMSG #all :m"), *from;
		unsigned who, number;

		if (at == NULL)
			continue;
		from = lines[i][0] == '@' ? strchr(lines[i], ' ') + 1 : lines[i];
		if (sscanf(at + 16, "%u.%u", &who, &number) != 2 || who >= 2 * TALKERS + 64)
			continue;
		may_miss = w->trouble || (t->late && !heard[who]);
		heard[who] = true;
		if (number < next[who] || (!may_miss && number != next[who]))
			fault(w, "%s was due %u of t%u and got %.120s", t->nick, next[who], who,
			      from);
		next[who] = number + 1;
	}
}

static void leave_all_of(struct world *w, unsigned node)
{
	for (unsigned i = 0; i < w->n_talkers;) {
		struct talker *t = &w->talkers[i];

		if (t->node != node) {
			i++;
			continue;
		}
		check_heard(w, t);
		client_close(t->client);
		*t = w->talkers[--w->n_talkers];
	}
}

static struct talker *somebody(struct world *w)
{
	return w->n_talkers == 0 ? NULL : &w->talkers[draw(w, w->n_talkers)];
}

static void say(struct world *w)
{
	struct talker *t = somebody(w);

	for (unsigned n = t == NULL ? 0 : 1 + (unsigned)draw(w, 4); n > 0; n--) {
		client_send(t->client, "PRIVMSG #all :m%s.%u.", t->nick + 1, t->said++);
		w->messages++;
	}
}

static void come(struct world *w)
{
	unsigned node = (unsigned)draw(w, w->tree->n);

	if (w->n_talkers < 12 && !w->tree->nodes[node].down && simtree_is_open(w->tree, node)) {
		enter(w, node);
		w->talkers[w->n_talkers - 1].late = true;
	}
}

static void fidget(struct world *w)
{
	static const char *const lines[] = {
		"JOIN #r%u",           "JOIN #r%u",
		"PART #r%u",           "TOPIC #r%u :a topic",
		"TOPIC #r%u :another", "MODE #r%u +b x!*@*",
		"MODE #r%u -b x!*@*",  "MODE #r%u +n-t",
		"MODE #r%u +tl 9",     "MODE #r%u -l",
		"MODE #r%u +k key",    "MODE #r%u -k key",
		"AWAY :gone %u",       "AWAY",
		"SETNAME :a name",     "MODE #r%u +m",
		"MODE #r%u -m",
	};
	struct talker *t = somebody(w);
	char text[100];

	if (t == NULL)
		return;
		/* The one conversion of each line is the number of a room. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(text, sizeof(text), lines[draw(w, sizeof(lines) / sizeof(lines[0]))],
	         (unsigned)draw(w, ROOMS));
#pragma GCC diagnostic pop
	client_send(t->client, "%s", text);
}

static void meddle(struct world *w)
{
	struct talker *a = somebody(w), *b = somebody(w);
	unsigned room = (unsigned)draw(w, ROOMS);

	if (a == NULL)
		return;
	switch (draw(w, 4)) {
	case 0:
		client_send(a->client, "MODE #r%u +o %s", room, b->nick);
		break;
	case 1:
		client_send(a->client, "MODE #r%u -o %s", room, b->nick);
		break;
	case 2:
		client_send(a->client, "KICK #r%u %s :out", room, b->nick);
		break;
	default:
		client_send(a->client, "INVITE %s #r%u", b->nick, room);
	}
}

/* Several change one thing at the same moment, on their servers. */
static void clash(struct world *w)
{
	static const char *const lines[] = {"TOPIC #war :topic %u", "MODE #war +l %u",
	                                    "MODE #war +k key%u", "MODE #war +b x%u!*@*",
	                                    "MODE #war -b x%u!*@*"};
	const char *line = lines[draw(w, sizeof(lines) / sizeof(lines[0]))];
	char text[100];

	for (unsigned n = 2 + (unsigned)draw(w, 3); n > 0 && w->n_talkers > 0; n--) {
		/* The one conversion of each line is a number. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(text, sizeof(text), line, 50 + (unsigned)draw(w, 3));
#pragma GCC diagnostic pop
		client_send(somebody(w)->client, "%s", text);
	}
}

/* Strangers who fight for few nicks. */
static void rename_somebody(struct world *w)
{
	unsigned node = (unsigned)draw(w, w->tree->n);
	struct simclient *c;

	if (w->tree->nodes[node].down || !simtree_is_open(w->tree, node))
		return;
	c = simnet_client_at(w->tree->nodes[node].server, "127.0.0.1:6667", "127.0.0.2");
	if (c == NULL)
		return;
	client_send(c, "NICK n%u\r\nUSER n 0 * :n", (unsigned)draw(w, 4));
	client_send(c, "JOIN #r%u\r\nNICK n%u", (unsigned)draw(w, ROOMS), (unsigned)draw(w, 4));
	simnet_run(w->tree->net, (int64_t)draw(w, 400) * GW_MS);
	if (draw(w, 2) == 0)
		client_send(c, "QUIT :enough");
	client_close(c);
}

/* Registers one of a few names, on any side: two sides of a split may both be told that it worked.
 */
static void register_somebody(struct world *w)
{
	unsigned node = (unsigned)draw(w, w->tree->n);
	struct stored *s = &w->accounts[w->n_accounts];
	struct simclient *c;
	char *heard;

	if (w->n_accounts == NAMES_MAX || w->tree->nodes[node].down ||
	    !simtree_is_open(w->tree, node))
		return;
	c = simnet_client_at(w->tree->nodes[node].server, "127.0.0.1:6667", "127.0.0.3");
	if (c == NULL)
		return;
	snprintf(s->name, sizeof(s->name), "acc%u", (unsigned)draw(w, 12));
	s->node = node;
	client_send(c, "NICK %s\r\nUSER a 0 * :a\r\nREGISTER * * correct-horse", s->name);
	simnet_run(w->tree->net, 4 * GW_SECOND);
	heard = client_take(c);
	w->n_accounts += strstr(heard, "REGISTER SUCCESS") != NULL;
	free(heard);
	client_close(c);
}

/* --- trouble --- */

static void split(struct world *w)
{
	unsigned a = (unsigned)draw(w, w->tree->n), b = (unsigned)draw(w, w->tree->n);

	if (a == b || w->tree->nodes[a].down || w->tree->nodes[b].down)
		return;
	simtree_cut(w->tree, a, b);
	w->splits++;
	w->trouble = true;
}

static void heal(struct world *w)
{
	simtree_heal(w->tree);
}

static void crash(struct world *w)
{
	unsigned node = (unsigned)draw(w, w->tree->n);

	if (w->tree->nodes[node].down) {
		simtree_start(w->tree, node);
		return;
	}
	leave_all_of(w, node);
	simtree_crash(w->tree, node);
	w->crashes++;
	w->trouble = true;
	simnet_run(w->tree->net, (int64_t)draw(w, 3000) * GW_MS);
	simtree_start(w->tree, node);
}

static void slow(struct world *w)
{
	*simnet_faults(w->tree->net) = (struct simfaults){
		.latency_min_ns = 50000,
		.latency_max_ns = (int64_t)(1 + draw(w, 200)) * GW_MS,
		.short_writes = (unsigned)draw(w, 50),
		.short_reads = (unsigned)draw(w, 50),
		.window = 4096 + draw(w, 200000),
		.work_max_ns = (int64_t)draw(w, 30) * GW_MS,
	};
}

/* A little wrong, as clocks are, or wrong by so much that others refuse what it says. */
static void wrong_clock(struct world *w)
{
	static const int64_t seconds[] = {0, 0, 20, -20, 5, -5, 120, -3600};
	unsigned node = (unsigned)draw(w, w->tree->n);
	int64_t by = seconds[draw(w, sizeof(seconds) / sizeof(seconds[0]))];

	simhost_skew(simserver_host(w->tree->nodes[node].server), by * GW_SECOND);
	w->trouble |= by > 60 || by < -60; /* links break over it */
}

static void replace(struct world *w)
{
	static const char *const names[] = {"all",      "link",   "burst",   "network",
	                                    "services", "client", "channel", "store_fake"};
	unsigned node = (unsigned)draw(w, w->tree->n);

	if (w->tree->nodes[node].down)
		return;
	simserver_admin(w->tree->nodes[node].server, NULL, "module reload %s",
	                names[draw(w, sizeof(names) / sizeof(names[0]))]);
	w->reloads++;
}

static void late_join(struct world *w)
{
	unsigned uplink = (unsigned)draw(w, w->tree->n), i;

	if (w->tree->n >= 6 || w->tree->nodes[uplink].down || !simtree_is_open(w->tree, uplink))
		return;
	simhost_skew(simserver_host(w->tree->nodes[uplink].server), 0);
	i = simtree_join_begin(w->tree, uplink);
	simtree_join_add(w->tree, i);
	w->joins++;
}

static void step(struct world *w)
{
	static void (*const quiet[])(struct world *) = {clash,
	                                                clash,
	                                                say,
	                                                say,
	                                                say,
	                                                say,
	                                                fidget,
	                                                fidget,
	                                                meddle,
	                                                meddle,
	                                                rename_somebody,
	                                                register_somebody,
	                                                replace,
	                                                slow};
	static void (*const troubled[])(struct world *) = {come,
	                                                   clash,
	                                                   clash,
	                                                   say,
	                                                   say,
	                                                   say,
	                                                   fidget,
	                                                   fidget,
	                                                   fidget,
	                                                   meddle,
	                                                   meddle,
	                                                   rename_somebody,
	                                                   register_somebody,
	                                                   register_somebody,
	                                                   replace,
	                                                   slow,
	                                                   split,
	                                                   split,
	                                                   heal,
	                                                   heal,
	                                                   crash,
	                                                   wrong_clock,
	                                                   late_join};

	if (w->trouble || draw(w, 30) == 0)
		troubled[draw(w, sizeof(troubled) / sizeof(troubled[0]))](w);
	else
		quiet[draw(w, sizeof(quiet) / sizeof(quiet[0]))](w);
	simnet_run(w->tree->net, (int64_t)draw(w, w->trouble ? 600 : 60) * GW_MS);
}

/* --- what must hold --- */

static void check_accounts(struct world *w)
{
	for (unsigned k = 0; k < w->n_accounts; k++)
		for (unsigned i = 0; i < w->tree->n; i++) {
			int status;

			simserver_admin(w->tree->nodes[i].server, &status, "account info %s",
			                w->accounts[k].name);
			if (status != 0)
				fault(w, "account %s, stored by %s, is not on %s",
				      w->accounts[k].name, w->tree->nodes[w->accounts[k].node].name,
				      w->tree->nodes[i].name);
		}
}

static void set_password(struct world *w, unsigned node, const char *name, const char *password)
{
	int status;

	simserver_admin(w->tree->nodes[node].server, &status, "account password %s %s", name,
	                password);
	if (status != 0)
		fault(w, "%s does not set the password of %s", w->tree->nodes[node].name, name);
	if (!simtree_level(w->tree, 60 * GW_SECOND))
		fault(w, "not level after a password: %s", w->tree->why);
}

/* Of two changes by different servers, one after the other, the later counts everywhere. */
static void check_last_wins(struct world *w)
{
	const char *name = w->accounts[0].name;

	if (w->n_accounts == 0 || w->fault[0] != '\0')
		return;
	set_password(w, 0, name, "the-first-horse");
	set_password(w, w->tree->n - 1, name, "the-second-horse");
	for (unsigned i = 0; i < w->tree->n; i++) {
		struct simclient *c =
			simnet_client_at(w->tree->nodes[i].server, "127.0.0.1:6667", "127.0.0.4");
		char *heard;

		client_send(c, "PASS %s:the-second-horse\r\nNICK login\r\nUSER l 0 * :l", name);
		simnet_run(w->tree->net, 4 * GW_SECOND);
		heard = client_take(c);
		if (strstr(heard, " 900 ") == NULL)
			fault(w, "%s does not know the last password of %s: %.200s",
			      w->tree->nodes[i].name, name, heard);
		free(heard);
		client_send(c, "QUIT");
		client_close(c);
	}
}

static void check_logs(struct world *w)
{
	static const char *const faults[] = {": stale", ": memory left", "DIVERGED", "forged",
	                                     "malformed"};

	for (unsigned k = 0; k < w->tree->n; k++)
		for (unsigned i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
			const char *log = simserver_log(w->tree->nodes[k].server);
			const char *at = strstr(log, faults[i]);

			while (at != NULL && at > log && at[-1] != '\n')
				at--;
			if (at != NULL)
				fault(w, "%s logs: %.*s", w->tree->nodes[k].name,
				      (int)strcspn(at, "\n"), at);
		}
}

/* Two on the first and the last server change the same things, again and again, before either can
 * have heard of the other's change. */
static void oppose(struct world *w)
{
	struct simclient *a, *b;

	if (w->fault[0] != '\0')
		return;
	a = simtree_enter(w->tree, 0, "warrior", "");
	b = simtree_enter(w->tree, w->tree->n - 1, "fighter", "");
	client_send(a, "JOIN #opposed\r\nMODE #opposed -t");
	client_expect(a, "* 366 *");
	simnet_quiet(w->tree->net);
	client_send(b, "JOIN #opposed");
	client_expect(a, "*fighter!*JOIN*");
	client_send(a, "MODE #opposed +o fighter");
	client_expect(b, "*MODE #opposed +o*");
	simnet_faults(w->tree->net)->latency_min_ns = 80 * GW_MS;
	simnet_faults(w->tree->net)->latency_max_ns = 90 * GW_MS;
	for (unsigned i = 0; i < 3; i++) {
		client_send(a, "TOPIC #opposed :a%u\r\nMODE #opposed +lb-n %u x!*@*", i, 50 + i);
		client_send(b, "TOPIC #opposed :b%u\r\nMODE #opposed +ln-b %u x!*@*", i, 60 + i);
		simnet_run(w->tree->net, GW_SECOND);
	}
	if (!simtree_level(w->tree, 60 * GW_SECOND))
		fault(w, "not level after opposed changes: %s", w->tree->why);
	client_close(a);
	client_close(b);
}

static void finish(struct world *w)
{
	*simnet_faults(w->tree->net) =
		(struct simfaults){.latency_max_ns = 5 * GW_MS, .window = 1 << 20};
	heal(w);
	for (unsigned i = 0; i < w->tree->n; i++) {
		simhost_skew(simserver_host(w->tree->nodes[i].server), 0);
		if (w->tree->nodes[i].down)
			simtree_start(w->tree, i);
	}
	if (!simtree_level(w->tree, 400 * GW_SECOND))
		fault(w, "not level: %s", w->tree->why);
	oppose(w);
	for (unsigned i = 0; i < w->n_talkers; i++)
		check_heard(w, &w->talkers[i]);
	check_accounts(w);
	check_last_wins(w);
	check_logs(w);
}

/* People on every server hear each other. */
static void talk_at_last(struct world *w)
{
	while (w->n_talkers > 0)
		leave_all_of(w, w->talkers[0].node);
	for (unsigned i = 0; i < w->tree->n; i++)
		enter(w, i);
	simnet_quiet(w->tree->net);
	w->trouble = false;
	for (unsigned i = 0; i < 40; i++)
		say(w);
	simnet_quiet(w->tree->net);
	simnet_quiet(w->tree->net);
	for (unsigned i = 0; i < w->n_talkers; i++) {
		const char *const *lines;
		size_t n = client_lines(w->talkers[i].client, &lines);
		unsigned heard = 0, due = 0;

		check_heard(w, &w->talkers[i]);
		for (size_t k = 0; k < n; k++)
			heard += strstr(lines[k], " PRIVMSG #all :m") != NULL;
		for (unsigned k = 0; k < w->n_talkers; k++)
			due += k == i ? 0 : w->talkers[k].said;
		if (heard != due)
			fault(w, "%s heard %u of %u at last", w->talkers[i].nick, heard, due);
	}
}

static void begin(struct world *w)
{
	const char *first = getenv("GODWIT_MODULES_FIRST");
	char *build = realpath(getenv("GODWIT_BUILD") != NULL ? getenv("GODWIT_BUILD") : ".", NULL);
	char *yaml =
		mem_printf("module-directory: [%s%s%s/modules, %s/tests/modules]\n",
	                   first != NULL ? first : "", first != NULL ? ", " : "", build, build);
	unsigned n = 2 + (unsigned)draw(w, draw(w, 4) == 0 ? 8 : 3);

	free(build);
	w->tree = simtree_new(w->seed, yaml, NULL);
	free(yaml);
	while (w->tree->n < n)
		simtree_join(w->tree, (unsigned)draw(w, w->tree->n));
	if (!simtree_level(w->tree, 60 * GW_SECOND))
		fault(w, "not level at first: %s", w->tree->why);
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < 2; k++)
			enter(w, i);
	for (unsigned i = 0; i < w->n_talkers; i++) {
		client_send(w->talkers[i].client, "JOIN #war");
		simnet_quiet(w->tree->net);
	}
	client_send(w->talkers[0].client, "MODE #war -t");
	for (unsigned i = 1; i < w->n_talkers; i++)
		client_send(w->talkers[0].client, "MODE #war +o %s", w->talkers[i].nick);
	simnet_quiet(w->tree->net);
}

static bool run(uint64_t seed, void *all)
{
	struct world *total = all;
	struct world w = {.seed = seed, .random = seed * 0x9e3779b97f4a7c15 + 1};
	unsigned steps;

	begin(&w);
	steps = 60 + (unsigned)draw(&w, 60);
	for (unsigned i = 0; i < steps && w.fault[0] == '\0'; i++)
		step(&w);
	if (w.fault[0] == '\0')
		finish(&w);
	if (w.fault[0] == '\0')
		talk_at_last(&w);
	if (w.fault[0] != '\0' && getenv("GODWIT_SHOW") != NULL)
		for (unsigned i = 0; i < w.tree->n; i++)
			fprintf(stderr, "--- %s\n%s\n", w.tree->nodes[i].name,
			        simserver_log(w.tree->nodes[i].server));
	simtree_end(&w.tree);
	total->splits += w.splits;
	total->crashes += w.crashes;
	total->reloads += w.reloads;
	total->joins += w.joins;
	total->messages += w.messages;
	total->n_accounts += w.n_accounts;
	if (w.fault[0] == '\0')
		return true;
	fprintf(stderr, "# seed %llu: %s\n", (unsigned long long)seed, w.fault);
	return false;
}

int main(int argc, char **argv)
{
	struct world total = {0};
	uint64_t n;
	unsigned failed = seeds_run(argc, argv, 100, run, &total, &n);

	printf("1..1\n%s 1 - %llu seeds: %u messages, %u splits, %u crashes, %u late joins, "
	       "%u replacements, %u accounts\n",
	       failed == 0 ? "ok" : "not ok", (unsigned long long)n, total.messages, total.splits,
	       total.crashes, total.joins, total.reloads, total.n_accounts);
	return failed == 0 ? 0 : 1;
}
