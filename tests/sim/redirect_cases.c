/*
 * tests/sim/redirect_cases.c - what becomes of a move when this or that goes wrong, case by case.
 *
 * Three servers in a row: t0 is to move from s0, the source, over s1 to s2, the recipient; t1 on s1
 * and t2 on s2 talk to it and hear it all the time, and so does t3 on s3, which hangs on s1. Each
 * case has what goes wrong, at which step, and where t0 is afterwards; that nothing else has
 * happened, and nothing is left, is looked at in all of them (tests/sim/people.h).
 */
#include "core/mem.h"
#include "tests/sim/people.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum where { ON_SOURCE, ON_RECIPIENT, NOWHERE };

/* As struct gw_redirect_ops tells them; UNTOLD: the source died, or it was not accepted. */
enum told { DONE, REFUSED, DENIED, TIMED_OUT, LOST, GONE, UNTOLD };

#define AT_ONCE SIMMOVER_STEPS /* behind the beginning */
#define MAX_MS 60000

struct stage {
	struct people people;
	struct simtree *t;
	struct simmover *m;
	int64_t sprung_ns; /* the step was seen; 0: not yet */
	enum simmover_step step;
};

typedef void deed_fn(struct stage *s);

struct row {
	const char *name;
	enum where where;
	enum told told;
	enum simmover_manner manner;
	int64_t patience_ms;
	enum simmover_step step;
	int64_t after_ms; /* behind the step */
	deed_fn *deed;    /* NULL: none */
	int64_t delay_ms; /* between s0 and s1 */
	const char *yaml; /* options of the module redirect */
	bool tls;
	bool split;      /* a link breaks, or a server dies */
	const char *log; /* the recipient says so; NULL: no matter */
};

/* --- deeds --- */

static void cut_old(struct stage *s)
{
	simpipe_cut(simmover_pipe(s->m, false));
}

static void cut_new(struct stage *s)
{
	if (simmover_pipe(s->m, true) != NULL)
		simpipe_cut(simmover_pipe(s->m, true));
}

/* Behind the swap the new one is in use. */
static void leave(struct stage *s)
{
	simmover_leave(s->m);
}

static void crash_source(struct stage *s)
{
	simtree_crash(s->t, 0);
}

static void crash_recipient(struct stage *s)
{
	simtree_crash(s->t, 2);
}

static void split_near(struct stage *s)
{
	simtree_cut(s->t, 0, 1);
}

static void split_far(struct stage *s)
{
	simtree_cut(s->t, 1, 2);
}

/* It finds no other way. */
static void split_aside(struct stage *s)
{
	for (unsigned i = 0; i < 3; i++)
		simtree_cut(s->t, i, 3);
}

/* It comes back over another link at once. */
static void relink_aside(struct stage *s)
{
	simtree_cut(s->t, 1, 3);
}

static void split_then_crash_source(struct stage *s)
{
	simtree_cut(s->t, 0, 1);
	simtree_crash(s->t, 0);
}

static void split_then_crash(struct stage *s)
{
	simtree_cut(s->t, 1, 2);
	simtree_crash(s->t, 2);
}

static void flood(struct stage *s)
{
	for (unsigned i = 0; i < 300; i++)
		person_says(&s->people, &s->people.all[2], 0);
}

static void call_off(struct stage *s)
{
	simserver_admin(s->t->nodes[0].server, NULL, "moves cancel t0x0");
}

static void replay(struct stage *s)
{
	simmover_replay(s->m, 2);
	simmover_replay(s->m, 0);
}

static void kill_it(struct stage *s)
{
	simserver_admin(s->t->nodes[1].server, NULL, "session kick t0x0 enough");
}

static void join_and_part(struct stage *s)
{
	for (unsigned i = 0; i < 6; i++) {
		struct person *one = &s->people.all[0];

		if (one->wants[0])
			person_parts(one, 0);
		else
			person_joins(one, 0);
		person_says(&s->people, &s->people.all[1], 1);
		person_says(&s->people, &s->people.all[2], 1);
	}
}

static void reload_source(struct stage *s)
{
	simserver_admin(s->t->nodes[0].server, NULL, "module reload all");
}

static void reload_recipient(struct stage *s)
{
	simserver_admin(s->t->nodes[2].server, NULL, "module reload all");
}

/* --- the cases --- */

#define CASE(says, at, end) .name = says, .where = at, .told = end
#define DEED(at, after, fn) .step = at, .after_ms = after, .deed = fn

static const struct row rows[] = {
	{CASE("nothing goes wrong", ON_RECIPIENT, DONE)},
	{CASE("nothing goes wrong, over TLS", ON_RECIPIENT, DONE), .tls = true},
	{CASE("nothing goes wrong, slowly", ON_RECIPIENT, DONE), .delay_ms = 300},
	{CASE("it joins and parts meanwhile", ON_RECIPIENT, DONE), .delay_ms = 100,
         DEED(SIMMOVER_HANDOVER, 0, join_and_part)},
	{CASE("it joins and parts before the barrier", ON_RECIPIENT, DONE), .delay_ms = 100,
         DEED(SIMMOVER_REQUEST, 0, join_and_part)},
	{CASE("the source is replaced", ON_RECIPIENT, DONE), .delay_ms = 100,
         DEED(SIMMOVER_SYNCED, 50, reload_source)},
	{CASE("the recipient is replaced", ON_RECIPIENT, DONE), .delay_ms = 100,
         DEED(SIMMOVER_SYNCED, 50, reload_recipient)},

	{CASE("the client refuses", ON_SOURCE, REFUSED), .manner = SIMMOVER_REFUSES},
	{CASE("the client gives up at the other server", ON_SOURCE, REFUSED),
         .manner = SIMMOVER_FICKLE, .delay_ms = 300},
	{CASE("the client gives up as SYNC comes", ON_SOURCE, REFUSED), .manner = SIMMOVER_FICKLE,
         .patience_ms = 299, .delay_ms = 300},
	{CASE("the client cannot connect in time", ON_SOURCE, REFUSED), .manner = SIMMOVER_AWAY},
	{CASE("the client never shows up", ON_SOURCE, TIMED_OUT), .manner = SIMMOVER_IGNORES},
	{CASE("the client never answers SYNC", ON_SOURCE, TIMED_OUT), .manner = SIMMOVER_MUTE},
	{CASE("the client comes too late", ON_SOURCE, REFUSED), .manner = SIMMOVER_LATE,
         .patience_ms = 12000},
	{CASE("the move is called off before it comes", ON_SOURCE, DENIED), .manner = SIMMOVER_AWAY,
         DEED(SIMMOVER_DIALS, 0, call_off)},
	{CASE("both ends lose patience at once", ON_SOURCE, TIMED_OUT), .manner = SIMMOVER_IGNORES,
         .yaml = "offer-timeout: 5s, pending-timeout: 5s"},
	{CASE("the recipient loses patience first", ON_SOURCE, DENIED), .manner = SIMMOVER_IGNORES,
         .yaml = "offer-timeout: 5s, pending-timeout: 2s"},
	{CASE("CANCEL crosses SYNCED", ON_SOURCE, TIMED_OUT), .manner = SIMMOVER_SLOW,
         .patience_ms = 5000},
	{CASE("the recipient cancels while the client is slow", ON_SOURCE, DENIED),
         .manner = SIMMOVER_SLOW, .patience_ms = 4000, .delay_ms = 100,
         .yaml = "joined-timeout: 2s"},
	{CASE("CANCEL crosses the cut", ON_SOURCE, DENIED), .manner = SIMMOVER_SLOW,
         .patience_ms = 1700, .delay_ms = 300, .yaml = "joined-timeout: 2150ms"},
	{CASE("too much comes before the client does", ON_SOURCE, DENIED), .manner = SIMMOVER_AWAY,
         DEED(SIMMOVER_DIALS, 0, flood), .yaml = "hold: 8k"},
	{CASE("too much comes when the client is there", ON_SOURCE, REFUSED), .delay_ms = 300,
         DEED(SIMMOVER_HANDOVER, 0, flood), .yaml = "hold: 8k"},
	{CASE("too much comes in the freeze", ON_SOURCE, TIMED_OUT), .manner = SIMMOVER_SLOW,
         .patience_ms = 1000, DEED(SIMMOVER_SYNC, 0, flood), .yaml = "hold: 8k"},

	{CASE("the recipient dies as it is asked", ON_SOURCE, LOST),
         DEED(AT_ONCE, 0, crash_recipient), .split = true, .delay_ms = 100},
	{CASE("the recipient dies before the client comes", ON_SOURCE, UNTOLD),
         DEED(SIMMOVER_DIALS, 0, crash_recipient), .split = true},
	{CASE("the recipient dies when the client is there", ON_SOURCE, UNTOLD),
         DEED(SIMMOVER_HANDOVER, 0, crash_recipient), .split = true, .delay_ms = 300},
	{CASE("the recipient dies before SYNCED", ON_SOURCE, UNTOLD),
         DEED(SIMMOVER_SYNC, 0, crash_recipient), .split = true, .manner = SIMMOVER_SLOW,
         .patience_ms = 500},
	{CASE("the recipient splits off before the client comes", ON_SOURCE, UNTOLD),
         DEED(SIMMOVER_DIALS, 0, split_far), .split = true},
	{CASE("the recipient splits off when the client is there", ON_SOURCE, REFUSED),
         DEED(SIMMOVER_HANDOVER, 50, split_far), .split = true, .delay_ms = 300},
	{CASE("the recipient splits off before SYNCED", ON_SOURCE, LOST),
         DEED(SIMMOVER_SYNC, 0, split_far), .split = true, .manner = SIMMOVER_SLOW,
         .patience_ms = 500},
	{CASE("the recipient dies before it has the cut", ON_SOURCE, LOST),
         DEED(SIMMOVER_SYNCED, 100, split_then_crash), .split = true, .delay_ms = 300},
	{CASE("the recipient dies when it has the session", NOWHERE, DONE),
         DEED(SIMMOVER_SWAP, 50, crash_recipient), .split = true},
	{CASE("the path splits before the cut is there", ON_SOURCE, LOST),
         DEED(SIMMOVER_SYNCED, 100, split_near), .split = true, .delay_ms = 300},
	{CASE("the path splits before MOVE is there", ON_SOURCE, LOST),
         DEED(SIMMOVER_SYNCED, 450, split_near), .split = true, .delay_ms = 300},
	{CASE("the path splits behind MOVE", ON_RECIPIENT, DONE),
         DEED(SIMMOVER_SWAP, 0, split_near), .split = true},
	{CASE("the source dies before SYNCED", NOWHERE, UNTOLD),
         DEED(SIMMOVER_SYNC, 0, crash_source), .split = true, .manner = SIMMOVER_SLOW,
         .patience_ms = 500},
	{CASE("the source dies before the cut is there", NOWHERE, UNTOLD),
         DEED(SIMMOVER_SYNCED, 100, split_then_crash_source), .split = true, .delay_ms = 300},
	{CASE("the source dies when the cut is under way", ON_RECIPIENT, UNTOLD),
         DEED(SIMMOVER_SYNCED, 100, crash_source), .split = true, .delay_ms = 300},
	{CASE("the source dies when the cut is there", ON_RECIPIENT, UNTOLD),
         DEED(SIMMOVER_SYNCED, 450, crash_source), .split = true, .delay_ms = 300},

	{CASE("the client dies before the barrier", NOWHERE, GONE), DEED(SIMMOVER_DIALS, 0, leave)},
	{CASE("the client dies at the other server", NOWHERE, GONE),
         DEED(SIMMOVER_HANDOVER, 100, leave), .delay_ms = 300},
	{CASE("the client dies before the cut is there", NOWHERE, UNTOLD),
         DEED(SIMMOVER_SYNCED, 100, leave), .delay_ms = 300},
	{CASE("the client dies before MOVE is there", NOWHERE, UNTOLD),
         DEED(SIMMOVER_SYNCED, 450, leave), .delay_ms = 300},
	{CASE("the client dies behind the swap", NOWHERE, DONE), DEED(SIMMOVER_SWAP, 0, leave)},
	{CASE("it is killed before the freeze", NOWHERE, GONE), DEED(SIMMOVER_REQUEST, 0, kill_it),
         .delay_ms = 300},
	{CASE("it is killed as it is frozen", NOWHERE, DONE), DEED(SIMMOVER_HANDOVER, 0, kill_it),
         .delay_ms = 300},
	{CASE("it is killed behind the freeze", NOWHERE, DONE), DEED(SIMMOVER_SYNCED, 0, kill_it),
         .delay_ms = 300},
	{CASE("it is killed as it swaps", NOWHERE, DONE), DEED(SIMMOVER_SWAP, 0, kill_it)},

	{CASE("the old connection breaks before SYNCED", NOWHERE, GONE),
         DEED(SIMMOVER_HANDOVER, 0, cut_old), .delay_ms = 300},
	{CASE("the old connection breaks behind SYNCED", ON_RECIPIENT, DONE),
         DEED(SIMMOVER_SYNCED, 100, cut_old), .delay_ms = 300},
	{CASE("the old connection breaks when the cut is there", ON_RECIPIENT, DONE),
         DEED(SIMMOVER_SYNCED, 450, cut_old), .delay_ms = 300},
	{CASE("the new connection breaks before SYNC", ON_SOURCE, REFUSED),
         DEED(SIMMOVER_HANDOVER, 50, cut_new), .delay_ms = 300},
	{CASE("the new connection breaks before the cut is there", ON_SOURCE, DENIED),
         DEED(SIMMOVER_SYNCED, 100, cut_new), .delay_ms = 300},
	{CASE("the new connection breaks when the cut is there", NOWHERE, UNTOLD),
         DEED(SIMMOVER_SYNCED, 450, cut_new), .delay_ms = 300},
	{CASE("both connections break when the cut is there", NOWHERE, UNTOLD),
         DEED(SIMMOVER_SYNCED, 450, leave), .delay_ms = 300},

	{CASE("somebody comes with the id", ON_RECIPIENT, DONE), .manner = SIMMOVER_THIEF,
         .log = "the proof is wrong"},
	{CASE("somebody comes with an id of his own", ON_RECIPIENT, DONE),
         .manner = SIMMOVER_FOREIGN, .log = "no such attempt"},
	{CASE("the handover comes a second time", ON_RECIPIENT, DONE), .manner = SIMMOVER_TWICE,
         .tls = true, .delay_ms = 100, .log = "handover refused"},
	{CASE("an old handover is said again", ON_RECIPIENT, DONE),
         DEED(SIMMOVER_SWAP, 100, replay), .tls = true, .log = "no such attempt"},
	{CASE("a link away from the path breaks", ON_RECIPIENT, DONE),
         DEED(SIMMOVER_HANDOVER, 50, split_aside), .split = true, .delay_ms = 300},
	{CASE("a link comes up meanwhile", ON_SOURCE, DENIED),
         DEED(SIMMOVER_HANDOVER, 50, relink_aside), .split = true, .delay_ms = 300},
	{CASE("a link away from the path breaks in the freeze", ON_RECIPIENT, DONE),
         DEED(SIMMOVER_SYNCED, 100, split_aside), .split = true, .delay_ms = 300},
};

/* --- running one --- */

static void stepped(void *ctx, struct simmover *m, enum simmover_step step)
{
	struct stage *s = ctx;

	(void)m;
	if (step == s->step && s->sprung_ns == 0)
		s->sprung_ns = simnet_now(s->t->net);
}

static void talk(struct stage *s)
{
	for (unsigned i = 0; i < s->people.n; i++) {
		struct person *one = &s->people.all[i];

		if (!person_here(one))
			continue;
		person_says(&s->people, one, 0);
		person_says(&s->people, one, 1);
		person_tells(&s->people, one, &s->people.all[0]);
		person_asks(one);
	}
}

/* Time passes while all talk; the deed is done at its moment. */
static void run(struct stage *s, const struct row *row)
{
	int64_t began = simnet_now(s->t->net), end = began + MAX_MS * GW_MS, due = INT64_MAX;
	int64_t next_talk = began;

	while (simnet_now(s->t->net) < end) {
		int64_t now = simnet_now(s->t->net);

		if (now >= next_talk) {
			talk(s);
			next_talk =
				now + (now - began < 4 * GW_SECOND ? 40 * GW_MS : 2 * GW_SECOND);
		}
		if (due == INT64_MAX && s->sprung_ns != 0)
			due = s->sprung_ns + row->after_ms * GW_MS;
		if (now >= due && row->deed != NULL && s->step != SIMMOVER_STEPS + 1) {
			row->deed(s);
			s->step = SIMMOVER_STEPS + 1;
		}
		simnet_run(s->t->net, now - began < 8 * GW_SECOND ? GW_MS : 20 * GW_MS);
	}
}

static void build(struct stage *s, const struct row *row)
{
	static const char *const caps[] = {"echo-message", "", "", "echo-message"};
	char *yaml = mem_printf("client: {exempt: [\"127.0.0.0/8\"], ping-interval: 30s, "
	                        "ping-timeout: 10s}\nredirect: {%s}\n",
	                        row->yaml != NULL ? row->yaml : "hold: 256k");

	s->t = s->people.tree = simtree_new(7, yaml, SIMTREE_REDIRECT_MODULES);
	free(yaml);
	simtree_join(s->t, 0);
	simtree_join(s->t, 1);
	simtree_join(s->t, 1);
	assert_true(simtree_level(s->t, 60 * GW_SECOND));
	for (unsigned i = 0; i < 4; i++) {
		struct person *one =
			people_enter(&s->people, i, i == 0, i == 0 && row->tls, caps[i]);

		assert_non_null(one);
		person_joins(one, 0);
	}
	simnet_quiet(s->t->net);
	s->m = s->people.all[0].m;
	s->people.split = row->split;
	s->people.tiny = row->yaml != NULL && strstr(row->yaml, "hold") != NULL;
	simmover_watch(s->m, stepped, s);
	simmover_behave(s->m, row->manner, row->patience_ms * GW_MS);
	simnet_delay(s->t->net, simserver_host(s->t->nodes[0].server),
	             simserver_host(s->t->nodes[1].server), row->delay_ms * GW_MS);
}

static void check_where(struct stage *s, const struct row *row)
{
	static const char *const homes[] = {"s0.example.net", "s2.example.net", "no such user"};
	const char *home;

	if (simmover_lost(s->m) != (row->where == NOWHERE))
		people_fault(&s->people, "t0 is %s", simmover_lost(s->m) ? "lost" : "not lost");
	home = simserver_admin(s->t->nodes[1].server, NULL, "moves home t0x0");
	if (strncmp(home, homes[row->where], strlen(homes[row->where])) != 0)
		people_fault(&s->people, "t0 is not on %s: %.60s", homes[row->where], home);
	if (row->where != NOWHERE && simmover_node(s->m) != (row->where == ON_SOURCE ? 0 : 2))
		people_fault(&s->people, "t0 believes to be on s%u", simmover_node(s->m));
}

static void check_told(struct stage *s, const struct row *row)
{
	const char *log = simserver_log(s->t->nodes[0].server), *at = strstr(log, "moves: end=");
	const char *far = simserver_log(s->t->nodes[2].server);

	if (row->told != UNTOLD && at == NULL)
		people_fault(&s->people, "the source has not told the end");
	if (row->told != UNTOLD && at != NULL && atoi(at + 11) != (int)row->told)
		people_fault(&s->people, "the end is told as %d, not %d", atoi(at + 11),
		             (int)row->told);
	if (row->log != NULL && strstr(far, row->log) == NULL)
		people_fault(&s->people, "the recipient does not log \"%s\"", row->log);
}

static void check_left(struct stage *s)
{
	for (unsigned i = 0; i < s->t->n; i++) {
		const char *left = simserver_admin(s->t->nodes[i].server, NULL, "moves left");

		if (strncmp(left, "from=0 to=0 shadows=0 moving=0 lost=0 unended=0", 47) != 0)
			people_fault(&s->people, "s%u has something left: %s", i, left);
	}
}

static void mend(struct stage *s)
{
	simnet_delay(s->t->net, simserver_host(s->t->nodes[0].server),
	             simserver_host(s->t->nodes[1].server), 0);
	simtree_heal(s->t);
	for (unsigned i = 0; i < s->t->n; i++)
		if (s->t->nodes[i].down)
			simtree_start(s->t, i);
	if (!simtree_level(s->t, 200 * GW_SECOND))
		people_fault(&s->people, "not level: %s", s->t->why);
	for (unsigned i = 0; i < s->people.n; i++)
		person_reads(&s->people, &s->people.all[i]);
	talk(s);
	simnet_quiet(s->t->net);
	simnet_quiet(s->t->net);
}

/* Who lost a server by the deed; t0 by what is expected. */
static void excuse(struct stage *s, const struct row *row)
{
	if (row->where == NOWHERE)
		s->people.all[0].excuse = "as expected";
	if (row->deed == crash_recipient || row->deed == split_then_crash)
		s->people.all[2].excuse = "its server died";
}

static void show(struct stage *s)
{
	fprintf(stderr, "# %s\n", s->people.fault);
	for (unsigned i = 0; i < s->people.n && getenv("GODWIT_SHOW") != NULL; i++)
		fprintf(stderr, "--- t%u\n%s", i, simmover_talk(s->people.all[i].m));
	for (unsigned i = 0; i < s->t->n && getenv("GODWIT_SHOW") != NULL; i++)
		fprintf(stderr, "--- s%u\n%s", i, simserver_log(s->t->nodes[i].server));
}

static void one_case(void **state)
{
	const struct row *row = *state;
	struct stage *s = mem_alloc(sizeof(*s));
	int status;
	bool good;

	s->step = row->step;
	build(s, row);
	simserver_admin(s->t->nodes[0].server, &status, "moves begin t0x0 s2.example.net");
	assert_int_equal(status, 0);
	if (row->step == AT_ONCE)
		s->sprung_ns = simnet_now(s->t->net);
	run(s, row);
	mend(s);
	excuse(s, row);
	people_settled(&s->people);
	check_where(s, row);
	check_told(s, row);
	check_left(s);
	good = s->people.fault[0] == '\0';
	if (!good)
		show(s);
	people_free(&s->people);
	simtree_end(&s->t);
	free(s);
	assert_true(good);
}

int main(int argc, char **argv)
{
	struct CMUnitTest tests[sizeof(rows) / sizeof(rows[0])];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (argc > 1 && strstr(rows[i].name, argv[1]) == NULL)
			continue;
		tests[n++] = (struct CMUnitTest){.name = rows[i].name,
		                                 .test_func = one_case,
		                                 .initial_state = (void *)(uintptr_t)&rows[i]};
	}
	return _cmocka_run_group_tests("sim/redirect_cases", tests, n, NULL, NULL);
}
