/*
 * tests/module/agent_same.c - whatever happens on the network, and however often the agent loses
 * it: what its client has been told adds up to what the server says when it is asked.
 *
 * The client is a tracker here (modules/agent/track.h), which hears every line. Another one hears
 * only the answers to NAMES and TOPIC at the end of each round; both must know the same.
 *
 *     agent_same [ROUNDS [SEED]]
 */
#include "tests/module/agent_gap.h"
#include "tests/unit/agent_tracked.h"
#include "tests/unit/counted.h"

#define PEOPLE 5
#define CHANNELS 3

struct world {
	struct agent_stage s;
	struct simclient *people[PEOPLE], *ann;
	struct counted mem;
	struct track told;
	size_t heard; /* lines of ann's */
	unsigned times, returns;
};

static unsigned dice(struct world *w, unsigned sides)
{
	return (unsigned)(simnet_random(w->s.t->net) % sides);
}

static void hear(struct world *w)
{
	const char *const *lines;
	size_t n = client_lines(w->ann, &lines);

	while (w->heard < n)
		track_server_line(&w->told, lines[w->heard++]);
	assert_null(tracked_wrong(&w->told));
}

__attribute__((format(printf, 2, 3))) static void say(struct world *w, const char *format, ...)
{
	char line[256];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	hear(w);
	track_client_line(&w->told, line);
	client_send(w->ann, "%s", line);
}

/* --- what people do --- */

static void enter(struct world *w, unsigned i)
{
	char nick[16];

	snprintf(nick, sizeof(nick), "p%u", i);
	w->people[i] = simtree_enter(w->s.t, 0, nick, "");
}

static void act(struct world *w)
{
	unsigned i = dice(w, PEOPLE), c = dice(w, CHANNELS), other = dice(w, PEOPLE);
	struct simclient *p = w->people[i];

	switch (dice(w, 14)) {
	case 0:
	case 1:
	case 2:
		client_send(p, "JOIN #c%u", c);
		break;
	case 3:
		client_send(p, "PART #c%u", c);
		break;
	case 4:
		client_send(p, "QUIT");
		simnet_quiet(w->s.t->net);
		enter(w, i);
		break;
	case 5:
		client_send(p, "NICK p%u%c", i, 'a' + dice(w, 3));
		break;
	case 6:
	case 7:
		client_send(p, "MODE #c%u %c%c p%u", c, dice(w, 3) ? '+' : '-', "ov"[dice(w, 2)],
		            other);
		break;
	case 8:
	case 9:
		client_send(p, "MODE #c%u %c%c ann", c, dice(w, 3) ? '+' : '-', "ohv"[dice(w, 3)]);
		break;
	case 10:
		client_send(p, "TOPIC #c%u :%u", c, w->times++);
		break;
	case 11:
		client_send(p, "PRIVMSG #c%u :%u", c, w->times++);
		break;
	case 12:
		client_send(p, dice(w, 2) ? "MODE #c%u +k key" : "MODE #c%u -k key", c);
		break;
	case 13:
		if (dice(w, 3) == 0)
			client_send(p, "KICK #c%u ann", c);
		break;
	}
}

static void act_some(struct world *w)
{
	for (unsigned n = dice(w, 25); n > 0; n--) {
		act(w);
		if (dice(w, 4) == 0)
			simnet_run(w->s.t->net, GW_MS);
	}
}

static void act_ann(struct world *w)
{
	for (unsigned c = 0; c < CHANNELS; c++)
		if (dice(w, 3) > 0)
			say(w, "JOIN #c%u%s", c, dice(w, 3) ? " key" : "");
	if (dice(w, 4) == 0)
		say(w, "PART #c%u", dice(w, CHANNELS));
	simnet_run(w->s.t->net, 10 * GW_MS);
}

/* --- that all is the same --- */

static void differ(struct world *w, const struct track *asked, const char *what, const char *name)
{
	fail_msg("%s %s\ntold:\n%s\nasked:\n%s\n%s", what, name, tracked_text(&w->told),
	         tracked_text(asked), simserver_log(w->s.agent));
}

static void compare_members(struct world *w, const struct track *asked,
                            const struct track_channel *told, const struct track_channel *real)
{
	bool all = track_has_cap(&w->told, "multi-prefix");

	if (HASH_COUNT(told->members) != HASH_COUNT(real->members))
		differ(w, asked, "people of", told->name);
	for (const struct track_member *m = real->members; m != NULL; m = m->hh.next) {
		const struct track_member *known = track_member(&w->told, told, m->nick);

		if (known == NULL || (all ? strcmp(known->status, m->status) != 0
		                          : known->status[0] != m->status[0]))
			differ(w, asked, "somebody is another one in", told->name);
		if (known->userhost != NULL && m->userhost != NULL &&
		    strcmp(known->userhost, m->userhost) != 0)
			differ(w, asked, "somebody has another host in", told->name);
	}
	if (real->topic != NULL && (told->topic == NULL || strcmp(told->topic, real->topic) != 0))
		differ(w, asked, "topic of", told->name);
}

/* The answers only, as if we had just come. */
static void ask(struct world *w, struct track *asked)
{
	const char *const *lines;
	size_t from, n;
	char line[64];

	track_init(asked, w->told.self);
	n = client_lines(w->ann, &lines);
	for (size_t i = 0; i < n; i++)
		if (ircline_is(lines[i], "001") || ircline_is(lines[i], "005") ||
		    ircline_is(lines[i], "CAP"))
			track_server_line(asked, lines[i]);
	from = n;
	for (unsigned c = 0; c < CHANNELS; c++) {
		snprintf(line, sizeof(line), ":ann JOIN #c%u", c);
		track_server_line(asked, line);
		client_send(w->ann, "NAMES #c%u\r\nTOPIC #c%u", c, c);
	}
	simnet_run(w->s.t->net, GW_SECOND);
	n = client_lines(w->ann, &lines);
	for (size_t i = from; i < n; i++)
		track_server_line(asked, lines[i]);
	w->heard = n;
}

static void compare(struct world *w)
{
	struct track asked;

	simnet_run(w->s.t->net, GW_SECOND);
	hear(w);
	ask(w, &asked);
	for (const struct track_channel *c = asked.channels; c != NULL; c = c->hh.next) {
		const struct track_channel *told = track_channel(&w->told, c->name);

		if (told != NULL)
			compare_members(w, &asked, told, c);
	}
	/* WHOIS says where we are. */
	client_send(w->ann, "WHOIS ann");
	simnet_run(w->s.t->net, GW_SECOND);
	for (struct track_channel *c = asked.channels; c != NULL; c = c->hh.next) {
		const char *const *lines;
		size_t n = client_lines(w->ann, &lines);
		bool in = false;

		while (n > 0 && !ircline_is(lines[n - 1], "311")) {
			n--;
			in |= ircline_is(lines[n], "319") && strstr(lines[n], c->name) != NULL;
		}
		if (in != (track_channel(&w->told, c->name) != NULL))
			differ(w, &asked, in ? "we are in" : "we are not in", c->name);
	}
	track_fini(&asked);
}

/* --- the rounds --- */

static void open_world(struct world *w, uint64_t seed, const char *caps)
{
	memset(w, 0, sizeof(*w));
	agent_open(&w->s, 2, "");
	for (uint64_t i = 0; i < seed; i++)
		simnet_random(w->s.t->net);
	*simnet_faults(w->s.t->net) = (struct simfaults){
		.latency_min_ns = GW_MS / 20,
		.latency_max_ns = 3 * GW_MS,
		.short_writes = 20,
		.short_reads = 20,
		.window = 65536,
		.work_min_ns = GW_MS / 10,
		.work_max_ns = 5 * GW_MS,
	};
	track_init(&w->told, counted_open(&w->mem));
	for (unsigned i = 0; i < PEOPLE; i++)
		enter(w, i);
	w->ann = agent_enter(&w->s, "ann", caps);
}

/* It is connected once more than it has been. */
static void wait_for_return(struct world *w)
{
	unsigned n = 0;

	while (n <= w->returns) {
		const char *at;

		simnet_step(w->s.t->net, INT64_MAX);
		at = simserver_log(w->s.agent);
		for (n = 0; (at = strstr(at, "connected session=1 nick=ann")) != NULL; at++)
			n++;
	}
	w->returns = n;
}

/* The server that it is at; or all. */
static void lose(struct world *w)
{
	const char *log = simserver_log(w->s.agent), *at = log, *last = log;

	while ((at = strstr(at, "connected session=1 nick=")) != NULL)
		last = at++;
	if (dice(w, 2) == 0)
		cut(&w->s);
	else
		simnet_cut(
			w->s.t->net, simserver_host(w->s.agent),
			simserver_host(w->s.t->nodes[strstr(last, "to=10.0.0.2") != NULL].server));
}

static void one_round(struct world *w)
{
	act_some(w);
	act_ann(w);
	act_some(w);
	simnet_run(w->s.t->net, 40 * GW_SECOND);
	compare(w);
	act_some(w);
	lose(w);
	if (dice(w, 2) == 0) {
		simnet_run(w->s.t->net, GW_SECOND);
		act_some(w);
	}
	heal(&w->s);
	act_some(w);
	wait_for_return(w);
	for (unsigned n = dice(w, 30); n > 0; n--) {
		if (dice(w, 3) == 0)
			act(w);
		simnet_step(w->s.t->net, INT64_MAX);
	}
	simnet_run(w->s.t->net, 35 * GW_SECOND);
	for (unsigned i = 0; i < PEOPLE; i++)
		client_send(w->people[i], "PING x");
	compare(w);
}

static void rounds(uint64_t seed, unsigned n)
{
	static const char *const caps[] = {"", "multi-prefix", "userhost-in-names extended-join",
	                                   "multi-prefix chghost userhost-in-names"};
	struct world w;

	open_world(&w, seed, caps[seed % 4]);
	for (unsigned i = 0; i < n; i++)
		one_round(&w);
	track_fini(&w.told);
	assert_int_equal(w.mem.blocks, 0);
	agent_close(&w.s);
}

static unsigned n_rounds = 8;
static uint64_t first_seed;

static void the_client_knows_what_the_server_says(void **state)
{
	(void)state;
	for (uint64_t seed = first_seed; seed < first_seed + 8; seed++)
		rounds(seed, n_rounds);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_client_knows_what_the_server_says),
	};

	if (argc > 1)
		n_rounds = (unsigned)strtoul(argv[1], NULL, 10);
	if (argc > 2)
		first_seed = strtoull(argv[2], NULL, 10);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
