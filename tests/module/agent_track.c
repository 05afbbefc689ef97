/*
 * tests/module/agent_track.c - what the agent's tracker knows from the lines that pass is what the
 * server says when it is asked: people come, go, rename themselves, give each other modes, at
 * random; one of them is tracked.
 */
#include "modules/agent/track.h"
#include "tests/module/talk.h"
#include "tests/unit/agent_tracked.h"
#include "tests/unit/cmocka.h"
#include "tests/unit/counted.h"
#include <stdlib.h>

enum { SEEDS = 8, PEOPLE = 6, STEPS = 4000 };

struct world {
	struct simnet *net;
	struct simserver *server;
	struct simclient *people[PEOPLE]; /* the first one is tracked */
	struct counted mem;
	struct track t;
	size_t fed; /* lines that it was told */
	uint64_t random;
	unsigned seed;
};

static unsigned pick(struct world *w, unsigned n)
{
	w->random = w->random * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(w->random >> 33) % n;
}

/* --- what happens --- */

static void say(struct world *w, unsigned who, const char *line)
{
	if (who == 0)
		track_client_line(&w->t, line);
	client_send(w->people[who], "%s", line);
}

static void feed(struct world *w)
{
	const char *const *lines;
	size_t n = client_lines(w->people[0], &lines);

	for (; w->fed < n; w->fed++)
		track_server_line(&w->t, lines[w->fed]);
}

static void enter(struct world *w, unsigned who)
{
	static const char *const all[] = {
		"multi-prefix", "userhost-in-names", "extended-join",    "account-notify",
		"away-notify",  "chghost",           "labeled-response", "batch",
		"server-time",  "setname",           "message-tags",     "echo-message"};
	char line[400];

	w->people[who] = simnet_client(w->server, "127.0.0.1", false);
	say(w, who, "CAP LS 302");
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (pick(w, 2) == 0)
			continue;
		snprintf(line, sizeof(line), "CAP REQ :%s", all[i]);
		say(w, who, line);
	}
	snprintf(line, sizeof(line), "NICK n%u", who);
	say(w, who, line);
	snprintf(line, sizeof(line), "USER u%u 0 * :Real %u", who, who);
	say(w, who, line);
	say(w, who, "CAP END");
	say(w, who, "PING in");
	client_expect(w->people[who], "*PONG sim* :in");
}

static const char *channel(struct world *w)
{
	static const char *const names[] = {"#a", "#B", "#b", "#c[]", "#C{}"};

	return names[pick(w, 5)];
}

static const char *nick(struct world *w)
{
	static const char *const names[] = {"n0", "N1", "n2", "n3", "n4", "n5", "bob", "N[]"};

	return names[pick(w, 8)];
}

static const char *key(struct world *w)
{
	static const char *const keys[] = {"", "", "k1", "k2"};

	return keys[pick(w, 4)];
}

/** Somebody in a channel of ours, with a prefix of `signs` if there is one; NULL. */
static const struct track_member *member(struct world *w, const struct track_channel *c,
                                         const char *signs)
{
	const struct track_member *found = NULL;
	unsigned n = 0;

	for (const struct track_member *m = c->members; m != NULL; m = m->hh.next)
		if (m->userhost != NULL && (signs == NULL || strpbrk(m->status, signs) != NULL) &&
		    pick(w, ++n) == 0)
			found = m;
	return found;
}

static void power(struct world *w, const struct track_channel *c, const char *a, const char *b,
                  char *line, size_t max)
{
	static const char *const letters[] = {"+ov", "-ov", "+v",  "+vo",   "+h-v", "-hv",
	                                      "+oh", "-vo", "+hv", "+ov-h", "-v+o", "+o"};

	switch (pick(w, 12)) {
	case 0:
		snprintf(line, max, "MODE %s +k%s %s", c->name, pick(w, 2) ? "t" : "", key(w));
		break;
	case 1:
		snprintf(line, max, "MODE %s -k+l * %u", c->name, 20 + pick(w, 9));
		break;
	case 2:
		snprintf(line, max, "MODE %s +l-t %u", c->name, 20 + pick(w, 9));
		break;
	case 3:
		snprintf(line, max, "MODE %s +b-lo zoe!*@* %s", c->name, a);
		break;
	case 4:
		snprintf(line, max, "KICK %s %s :go", c->name, a);
		break;
	case 5:
		snprintf(line, max, "TOPIC %s :%s%u", c->name, pick(w, 3) ? "t" : "", pick(w, 3));
		break;
	default:
		snprintf(line, max, "MODE %s %s %s %s %s", c->name, letters[pick(w, 12)], a, b, a);
	}
}

/** Something that is not for everybody, by one who may. */
static void reign(struct world *w)
{
	const struct track_channel *c = track_channel(&w->t, channel(w));
	const struct track_member *op = c != NULL ? member(w, c, "~&@") : NULL, *a, *b;
	char line[200];

	if (op == NULL)
		return;
	a = member(w, c, NULL);
	b = member(w, c, NULL);
	power(w, c, a->nick, b->nick, line, sizeof(line));
	say(w, (unsigned)atoi(op->userhost + 1), line); /* "u1@..." */
}

/** Out and in again, without waiting for an answer. */
static void again(struct world *w, unsigned who)
{
	const char *name = channel(w);
	char line[200];

	snprintf(line, sizeof(line), "PART %s", name);
	say(w, who, line);
	snprintf(line, sizeof(line), "JOIN %s %s", name, key(w));
	say(w, who, line);
	snprintf(line, sizeof(line), "JOIN %s %s", name, key(w));
	say(w, who, line);
}

static void act(struct world *w, unsigned who)
{
	char line[200];

	switch (pick(w, 24)) {
	case 0:
	case 1:
	case 2:
		snprintf(line, sizeof(line), "JOIN %s,%s %s,%s", channel(w), channel(w), key(w),
		         key(w));
		break;
	case 3:
		snprintf(line, sizeof(line), "PART %s :bye", channel(w));
		break;
	case 4:
		snprintf(line, sizeof(line), "NICK %s", nick(w));
		break;
	case 5:
		snprintf(line, sizeof(line), "KICK %s %s :go", channel(w), nick(w));
		break;
	case 6:
		snprintf(line, sizeof(line), "TOPIC %s :%s%u", channel(w), pick(w, 3) ? "t" : "",
		         pick(w, 3));
		break;
	case 7:
		snprintf(line, sizeof(line), "AWAY%s", pick(w, 2) ? " :out for long" : "");
		break;
	case 8:
		snprintf(line, sizeof(line), "NAMES %s", channel(w));
		break;
	case 9:
		snprintf(line, sizeof(line), "PRIVMSG %s :hello", channel(w));
		break;
	case 10:
		snprintf(line, sizeof(line), "%s %c %s,%s", "MONITOR", "++-"[pick(w, 3)], nick(w),
		         nick(w));
		break;
	case 11:
		snprintf(line, sizeof(line), "MODE %s %ci", who == 0 ? w->t.nick : nick(w),
		         "+-"[pick(w, 2)]);
		break;
	case 12:
		again(w, who);
		return;
	default:
		reign(w);
		return;
	}
	say(w, who, line);
}

/** Everybody but who is tracked may also leave for good; another comes. */
static void step(struct world *w)
{
	unsigned who = pick(w, PEOPLE);

	if (who > 0 && pick(w, 12) == 0) {
		say(w, who, "QUIT :bye");
		client_expect_end(w->people[who]);
		client_close(w->people[who]);
		w->people[who] = simnet_client(w->server, "127.0.0.1", false);
		client_send(w->people[who], "NICK n%u\r\nUSER u%u 0 * :x\r\nPING in", who, who);
	} else {
		act(w, who);
	}
	if (pick(w, 3) == 0)
		simnet_run(w->net, (int64_t)pick(w, 1000000));
	feed(w);
}

/* --- what is --- */

struct answers {
	char *lines[4000];
	size_t n;
};

static void add(struct answers *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct answers *a, const char *format, ...)
{
	char line[600];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	assert_true(a->n < sizeof(a->lines) / sizeof(a->lines[0]));
	a->lines[a->n++] = strdup(line);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/** Sorted, one to a line; frees them. */
static char *joined(struct answers *a)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	qsort(a->lines, a->n, sizeof(a->lines[0]), by_text);
	for (size_t i = 0; i < a->n; i++) {
		fprintf(out, "%s\n", a->lines[i]);
		free(a->lines[i]);
	}
	a->n = 0;
	fclose(out);
	return text;
}

/** Without multi-prefix it cannot be known who has what below their highest prefix, and so what
 * they have when they lose that. */
static bool has(const struct world *w, const char *cap)
{
	return track_has_cap(&w->t, cap);
}

static char *tracked(const struct world *w, struct answers *a)
{
	const struct track *t = &w->t;

	add(a, "nick %s", t->nick);
	add(a, "away %s", t->away != NULL ? t->away : "no");
	for (const char *letter = t->modes; *letter != '\0'; letter++)
		add(a, "mode %c", *letter);
	for (const struct track_channel *c = t->channels; c != NULL; c = c->hh.next) {
		assert_true(c->named && !c->crowded && !c->names_open);
		add(a, "topic %s %s", c->name, c->topic);
		for (const struct track_member *m = c->members; m != NULL; m = m->hh.next)
			add(a, "%s %.*s%s%s%s", c->name, has(w, "multi-prefix") ? 7 : 0, m->status,
			    m->nick, has(w, "userhost-in-names") ? "!" : "",
			    has(w, "userhost-in-names") ? m->userhost : "");
	}
	for (const struct track_watched *m = t->monitored; m != NULL; m = m->hh.next) {
		assert_true(m->known);
		add(a, "%s %s", m->online ? "online" : "offline", m->folded);
	}
	return joined(a);
}

static void names(const struct world *w, struct answers *a, const char *of, char *list)
{
	for (char *at = list, *name; (name = strsep(&at, " ")) != NULL;)
		if (*name != '\0')
			add(a, "%s %s", of,
			    name + (has(w, "multi-prefix") ? 0 : strspn(name, "~&@%+")));
}

static void watched(const struct world *w, struct answers *a, const char *how, char *list)
{
	for (char *at = list, *name; (name = strsep(&at, ",")) != NULL;) {
		char *folded;

		name[strcspn(name, "!")] = '\0';
		folded = track_folded(&w->t, name);
		add(a, "%s %s", how, folded);
		gw_free(w->t.self, folded);
	}
}

/** The key of a channel that has none is no matter: it does no harm to say one. */
static void key_is(const struct world *w, const char *name, const char *letters, const char *value)
{
	const struct track_channel *c = track_channel(&w->t, name);

	assert_non_null(c);
	if (strchr(letters, 'k') == NULL)
		return;
	assert_non_null(c->key);
	assert_string_equal(c->key, value);
}

static void read_answer(const struct world *w, struct answers *a, const char *line)
{
	struct ircline l;
	int numeric;

	assert_true(ircline_read(&l, line));
	numeric = atoi(l.verb);
	if (numeric == 353)
		names(w, a, l.params[2], (char *)l.params[3]);
	else if (numeric == 332)
		add(a, "topic %s %s", l.params[1], l.params[2]);
	else if (numeric == 331)
		add(a, "topic %s ", l.params[1]);
	else if (numeric == 324)
		key_is(w, l.params[1], l.params[2], l.params[3]);
	else if (numeric == 221)
		for (const char *letter = l.params[1] + 1; *letter != '\0'; letter++)
			add(a, "mode %c", *letter);
	else if (numeric == 301)
		add(a, "away %s", l.params[2]);
	else if (numeric == 730 || numeric == 731)
		watched(w, a, numeric == 730 ? "online" : "offline", (char *)l.params[1]);
}

/** Asks for all. */
static char *real(struct world *w, struct answers *a)
{
	struct simclient *me = w->people[0];
	const char *const *lines;
	size_t n, first = client_lines(me, &lines);
	bool away = false;

	for (const struct track_channel *c = w->t.channels; c != NULL; c = c->hh.next)
		client_send(me, "NAMES %s\r\nTOPIC %s\r\nMODE %s", c->name, c->name, c->name);
	client_send(me, "MODE %s\r\nMONITOR S\r\nWHOIS %s\r\nPING asked", w->t.nick, w->t.nick);
	client_expect(me, "*PONG sim* :asked");
	n = client_lines(me, &lines);
	for (size_t i = first; i < n; i++) {
		struct ircline l;

		read_answer(w, a, lines[i]);
		away |= ircline_is(lines[i], "301");
		if (ircline_is(lines[i], "319") && ircline_read(&l, lines[i]))
			for (char *at = (char *)l.params[2], *name;
			     (name = strsep(&at, " ")) != NULL;)
				if (strchr(name, '#') != NULL)
					assert_non_null(track_channel(&w->t, strchr(name, '#')));
	}
	if (!away)
		add(a, "away no");
	add(a, "nick %s", w->t.nick);
	return joined(a);
}

static void compare(struct world *w)
{
	struct answers *a = calloc(1, sizeof(*a));
	char *known, *asked;

	simnet_quiet(w->net);
	feed(w);
	if (tracked_wrong(&w->t) != NULL)
		fail_msg("seed %u: not so: %s", w->seed, tracked_wrong(&w->t));
	known = tracked(w, a);
	asked = real(w, a);
	if (strcmp(known, asked) != 0)
		fail_msg("seed %u: known is\n%s\nand the server says\n%s", w->seed, known, asked);
	free(known);
	free(asked);
	free(a);
	feed(w);
}

static void story(unsigned seed)
{
	struct world *w = calloc(1, sizeof(*w));

	w->seed = seed;
	w->random = seed;
	w->net = simnet_new(seed);
	w->server = simnet_server(w->net, TALK_MODULES ", monitor, guest]\n"
	                                               "client: {exempt: [\"127.0.0.0/8\"]}\n");
	track_init(&w->t, counted_open(&w->mem));
	for (unsigned i = 0; i < PEOPLE; i++)
		enter(w, i);
	feed(w);
	for (unsigned i = 1; i <= STEPS; i++) {
		step(w);
		if (i % 100 == 0)
			compare(w);
	}
	track_fini(&w->t);
	assert_int_equal(w->mem.blocks, 0);
	simnet_end(&w->net);
	free(w);
}

static void what_is_known_is_true(void **state)
{
	const char *only = getenv("SEED");

	(void)state;
	if (only != NULL)
		story((unsigned)atoi(only));
	for (unsigned seed = 1; only == NULL && seed <= SEEDS; seed++)
		story(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_known_is_true)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
