/*
 * tests/sim/chaos.c - some talk and stay, others come and go as they like, the network is slow and
 * writes are short, and modules are replaced all the while: whoever stays hears each message once
 * and in order, and the same seed tells the same story again.
 *
 *     chaos [SEEDS [FIRST]]      60 seeds from 1 unless told otherwise; a failing seed is printed
 *
 * run-all: timeout=400
 */
#include "core/mem.h"
#include "tests/module/talk.h"
#include <stdlib.h>
#include <string.h>

#define STEADY 5
#define GUESTS 6
#define STEPS 80
#define FOUND_MAX 200

struct world {
	uint64_t seed, random;
	struct simnet *net;
	struct simserver *server;
	struct simclient *steady[STEADY], *guests[GUESTS];
	unsigned said[STEADY], whispered[STEADY]; /* to the channel; to the next one */
	unsigned reloads, cuts;
	uint64_t story; /* a hash of all that clients were told */
	char fault[FOUND_MAX];
};

static uint64_t draw(struct world *w, uint64_t n)
{
	w->random = w->random * 6364136223846793005 + 1442695040888963407;
	return (w->random >> 33) % n;
}

static void hear(struct world *w, const char *line)
{
	for (; *line != '\0'; line++)
		w->story = (w->story ^ (uint8_t)*line) * 0x100000001b3;
	w->story = (w->story ^ '\n') * 0x100000001b3;
}

static void hear_all(struct world *w, struct simclient *c)
{
	const char *const *lines;
	size_t n = client_lines(c, &lines);

	for (size_t i = 0; i < n; i++)
		hear(w, lines[i]);
}

static void begin(struct world *w)
{
	static const char *const caps[STEADY] = {"", "message-tags", "server-time account-tag",
	                                         "labeled-response batch", "extended-join"};
	char nick[8], *build, *yaml;

	w->random = w->seed * 0x9e3779b97f4a7c15 + 1;
	w->net = simnet_new(w->seed);
	/* Nothing here is about disks, which would be what most of the time goes to. */
	build = realpath(getenv("GODWIT_BUILD") != NULL ? getenv("GODWIT_BUILD") : ".", NULL);
	yaml = mem_printf("module-directory: [%s/modules, %s/tests/modules]\n"
	                  "modules: [store_fake, services, network, client, account, channel, "
	                  "message, query, monitor, oper, guest]\n" TALK_FREE
	                  "account: {iterations: 4096}\n",
	                  build, build);
	w->server = simnet_server(w->net, yaml);
	free(yaml);
	free(build);
	for (unsigned i = 0; i < STEADY; i++) {
		snprintf(nick, sizeof(nick), "s%u", i);
		w->steady[i] = talk_enter(w->server, nick, caps[i]);
		client_send(w->steady[i], "JOIN #room");
		client_expect(w->steady[i], "* 366 *");
	}
	simnet_quiet(w->net);
	*simnet_faults(w->net) = (struct simfaults){
		.latency_min_ns = 50000,
		.latency_max_ns = (int64_t)(1 + draw(w, 30)) * 1000000,
		.short_writes = (unsigned)draw(w, 60),
		.short_reads = (unsigned)draw(w, 60),
		.window = 4096 + draw(w, 60000),
		.work_max_ns = (int64_t)draw(w, 50) * 1000000,
	};
}

/* What those who stay do. */

static void say(struct world *w)
{
	unsigned i = (unsigned)draw(w, STEADY);

	for (unsigned n = 1 + (unsigned)draw(w, 5); n > 0; n--)
		client_send(w->steady[i], "PRIVMSG #room :m%u.", w->said[i]++);
}

static void whisper(struct world *w)
{
	unsigned i = (unsigned)draw(w, STEADY);

	client_send(w->steady[i], "PRIVMSG s%u :w%u.", (i + 1) % STEADY, w->whispered[i]++);
}

static void fidget(struct world *w)
{
	static const char *const lines[] = {"TOPIC #room :new",  "MODE #room +b x!*@*",
	                                    "MODE #room -b",     "NAMES #room",
	                                    "AWAY :gone",        "AWAY",
	                                    "WHO #room",         "LIST",
	                                    "MONITOR + s1,g1,z", "INVITE g1 #room",
	                                    "JOIN #other",       "PART #other"};

	client_send(w->steady[draw(w, STEADY)], "%s",
	            lines[draw(w, sizeof(lines) / sizeof(lines[0]))]);
}

/* What the others do. */

static void leave(struct world *w, struct simclient **guest)
{
	struct simclient *c = *guest;

	*guest = NULL;
	hear_all(w, c);
	w->cuts++;
	switch (draw(w, 3)) {
	case 0:
		if (client_pipe(c) != NULL)
			simpipe_cut(client_pipe(c));
		break;
	case 1:
		client_send(c, "QUIT :enough");
		break;
	default:
		break;
	}
	client_close(c);
}

static void come(struct world *w, struct simclient **guest)
{
	static const char *const lines[] = {
		"NICK g%u\r\nUSER g 0 * :g",
		("CAP LS 302\r\nNICK g%u\r\nUSER g 0 * :g\r\nCAP REQ :sasl batch "
	         "labeled-response\r\nCAP END"),
		"NICK g%u\r\nUSER g 0 * :g\r\nREGISTER * * correct-horse",
		"PASS g%u:correct-horse\r\nNICK g1\r\nUSER g 0 * :g",
		"NICK g%u\r\nCAP LS\r\nAUTHENTICATE ANONYMOUS\r\nAUTHENTICATE +",
	};
	char text[200];
	const char *line = lines[draw(w, sizeof(lines) / sizeof(lines[0]))];
	unsigned number = (unsigned)draw(w, 3);

	*guest = simnet_client(w->server, "127.0.0.2", draw(w, 3) == 0);
	/* The one conversion of each line is the number. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(text, sizeof(text), line, number);
#pragma GCC diagnostic pop
	client_send(*guest, "%s", text);
}

static void chatter(struct world *w, struct simclient *c)
{
	static const char *const lines[] = {
		"JOIN #room",
		"JOIN #a,#b,#room",
		"PART #room :bye",
		"PRIVMSG #room :noise",
		"PRIVMSG s1,s2,g1 :noise",
		"NICK g1",
		"NICK s1",
		"MODE #a +ntl 3",
		"KICK #a g1",
		"@label=x WHOIS s1",
		"@label=y JOIN #a",
		"CHANNEL REGISTER #a",
		"CHANNEL DROP #a",
		"REGISTER * * correct-horse",
		"ACCOUNT INFO",
		"ACCOUNT PASSWORD correct-horse correct-horse",
		"AUTHENTICATE PLAIN",
		"AUTHENTICATE SCRAM-SHA-256",
		"AUTHENTICATE biwsbj1nMSxyPWFiY2RlZmdoaWprbG1ub3A=",
		"LIST",
		"WHO *",
		"MONITOR + s1,s2,g0,g1,g2",
		"PING x",
		"JOIN 0",
		"NONSENSE",
	};

	client_send(c, "%s", lines[draw(w, sizeof(lines) / sizeof(lines[0]))]);
}

static void disturb(struct world *w)
{
	struct simclient **guest = &w->guests[draw(w, GUESTS)];

	if (*guest != NULL && client_ended(*guest))
		leave(w, guest);
	else if (*guest == NULL)
		come(w, guest);
	else if (draw(w, 8) == 0)
		leave(w, guest);
	else
		for (uint64_t n = 1 + draw(w, 4); n > 0; n--)
			chatter(w, *guest);
}

static void replace(struct world *w)
{
	static const char *const commands[] = {
		"module reload all",     "module reload client",     "module reload network",
		"module reload account", "module reload channel",    "module reload services",
		"module reload message", "module reload store_fake", "module unload query",
		"module load query",     "module unload monitor",    "module load monitor",
		"module unload guest",   "module load guest",        "rehash",
	};
	const char *command = commands[draw(w, sizeof(commands) / sizeof(commands[0]))];

	hear(w, command);
	simserver_admin(w->server, NULL, "%s", command);
	w->reloads++;
}

static void step(struct world *w)
{
	static void (*const acts[])(struct world *) = {say,     say,     say,     whisper, fidget,
	                                               disturb, disturb, disturb, disturb, replace};

	acts[draw(w, sizeof(acts) / sizeof(acts[0]))](w);
	if (draw(w, 3) == 0)
		simnet_run(w->net, (int64_t)draw(w, 40) * 1000000);
}

/* What must hold. */

static void expect_number(struct world *w, unsigned who, const char *line, const char *at,
                          unsigned next[STEADY])
{
	const char *source = line[0] == '@' ? strstr(line, " :s") : line;
	unsigned from, number = (unsigned)strtoul(at, NULL, 10);

	source = source == NULL ? line : source + (source != line);
	if (sscanf(source, ":s%u!", &from) != 1 || from >= STEADY)
		return;
	if (number != next[from] && w->fault[0] == '\0')
		snprintf(w->fault, sizeof(w->fault), "s%u was due m%u of s%u and got: %.100s", who,
		         next[from], from, line);
	next[from] = number + 1;
}

static void check_one(struct world *w, unsigned who)
{
	unsigned next[STEADY] = {0}, whispers[STEADY] = {0}, before = (who + STEADY - 1) % STEADY;
	const char *const *lines;
	size_t n = client_lines(w->steady[who], &lines);

	for (size_t i = 0; i < n; i++) {
		const char *said = strstr(lines[i], " PRIVMSG #room :m"),
			   *whispered = strstr(lines[i], " :w");

		if (said != NULL)
			expect_number(w, who, lines[i], said + 17, next);
		else if (whispered != NULL && strstr(lines[i], " PRIVMSG s") != NULL)
			expect_number(w, who, lines[i], whispered + 3, whispers);
	}
	for (unsigned i = 0; i < STEADY; i++)
		if (i != who && next[i] != w->said[i] && w->fault[0] == '\0')
			snprintf(w->fault, sizeof(w->fault), "s%u heard %u of %u of s%u", who,
			         next[i], w->said[i], i);
	if (whispers[before] != w->whispered[before] && w->fault[0] == '\0')
		snprintf(w->fault, sizeof(w->fault), "s%u heard %u of %u whispers of s%u", who,
		         whispers[before], w->whispered[before], before);
	hear_all(w, w->steady[who]);
}

static char *digest(struct world *w)
{
	const char *answer = simserver_admin(w->server, NULL, "status");
	const char *at = strstr(answer, "live-digest");

	return at != NULL ? mem_strndup(at, strcspn(at, "\n")) : mem_strdup("none");
}

/* Replacing everything changes nothing in the network. */
static void check_state(struct world *w)
{
	char *before = digest(w), *after;

	simserver_admin(w->server, NULL, "module reload all");
	after = digest(w);
	if (strcmp(before, after) != 0 && w->fault[0] == '\0')
		snprintf(w->fault, sizeof(w->fault), "%.80s became %.80s", before, after);
	hear(w, after);
	free(before);
	free(after);
}

static void check_log(struct world *w)
{
	static const char *const faults[] = {": stale", ": memory left"};

	for (unsigned i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		const char *log = simserver_log(w->server), *at = strstr(log, faults[i]);

		while (at != NULL && at > log && at[-1] != '\n')
			at--;
		if (at != NULL && w->fault[0] == '\0')
			snprintf(w->fault, sizeof(w->fault), "in the log: %.*s",
			         (int)strcspn(at, "\n"), at);
	}
}

static void finish(struct world *w)
{
	for (unsigned i = 0; i < GUESTS; i++)
		if (w->guests[i] != NULL)
			leave(w, &w->guests[i]);
	for (unsigned i = 0; i < STEADY; i++)
		client_send(w->steady[i], "PING last");
	for (unsigned i = 0; i < STEADY; i++)
		client_expect(w->steady[i], "*PONG * :last");
	simnet_quiet(w->net);
	for (unsigned i = 0; i < STEADY; i++)
		check_one(w, i);
	check_state(w);
	check_log(w);
	simnet_end(&w->net);
}

/** The hash of the story; 0 and a sentence on stderr when something did not hold. */
static uint64_t run(uint64_t seed, struct world *total)
{
	struct world w = {.seed = seed, .story = 0xcbf29ce484222325};

	begin(&w);
	for (unsigned i = 0; i < STEPS; i++)
		step(&w);
	finish(&w);
	for (unsigned i = 0; i < STEADY; i++)
		total->said[0] += w.said[i] + w.whispered[i];
	total->reloads += w.reloads;
	total->cuts += w.cuts;
	if (w.fault[0] == '\0')
		return w.story;
	fprintf(stderr, "# seed %llu: %s\n", (unsigned long long)seed, w.fault);
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 60;
	uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	struct world total = {0};
	unsigned failed = 0;

	for (uint64_t seed = first; seed < first + n; seed++) {
		uint64_t once = run(seed, &total), again = once != 0 ? run(seed, &total) : 0;

		if (once != again)
			fprintf(stderr, "# seed %llu: another story the second time\n",
			        (unsigned long long)seed);
		failed += once == 0 || once != again;
	}
	printf("1..1\n%s 1 - %llu seeds: %u messages, %u replacements, %u cuts\n",
	       failed == 0 ? "ok" : "not ok", (unsigned long long)n, total.said[0], total.reloads,
	       total.cuts);
	return failed == 0 ? 0 : 1;
}
