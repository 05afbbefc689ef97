/*
 * tests/sim/durable.c - power cuts under people who register: whatever they were told is so
 * afterwards, and nothing is half there.
 *
 *     durable [SEEDS [FIRST]]      100 seeds from 1 unless told otherwise; a failing seed is
 * printed
 *
 * The real modules run on store_fake, which forgets whatever was not synced. People register,
 * change their password and drop their account over connections of their own; at some moment the
 * power is cut. What is on the disk is looked at with the second opinion of services_rig.h, then
 * the server starts on it and everybody logs in. What was asked for and not answered may have
 * happened or not; from then on it stays as it was found.
 *
 * run-all: timeout=400
 */
#include "core/mem.h"
#include "tests/sim/harness.h"
#include "tests/unit/services_rig.h"
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#define LIVES 3
#define PEOPLE 16
#define SECRET 16

enum what { NOTHING, REGISTER, PASSWORD, DROP };
enum there { NO, YES, PERHAPS };

struct person {
	char name[16], mail[32];
	enum there there;
	char secret[SECRET], next[SECRET]; /* `next`: perhaps it is that one by now; "": no */
	enum what asks;
	struct simclient *client; /* while `asks` */
	size_t read;              /* so many of its lines */
};

struct world {
	uint64_t seed, random;
	struct simnet *net;
	struct simserver *server;
	struct person people[PEOPLE];
	size_t n;
	char fault[200]; /* what must not be; "" as long as all is well */
};

/** What happened in all seeds, lest the test test nothing. */
struct tally {
	unsigned told, done, undone, cuts;
};

static uint64_t draw(struct world *w, uint64_t n)
{
	w->random = w->random * 6364136223846793005 + 1442695040888963407;
	return (w->random >> 33) % n;
}

/* The first fault counts. */
__attribute__((format(printf, 2, 3))) static void fault(struct world *w, const char *format, ...)
{
	va_list args;

	if (w->fault[0] != '\0')
		return;
	va_start(args, format);
	vsnprintf(w->fault, sizeof(w->fault), format, args);
	va_end(args);
}

/* --- what people ask for --- */

static void new_secret(struct world *w, char out[SECRET])
{
	snprintf(out, SECRET, "secret-%u", (unsigned)draw(w, 100000));
}

static void connect_as(struct world *w, struct person *p, enum what asks)
{
	p->client = simnet_client(w->server, "127.0.0.1", false);
	p->asks = asks;
	p->read = 0;
}

/* By hand, or as a program does it before CAP END; with an address or without. */
static void ask_register(struct world *w)
{
	struct person *p = &w->people[w->n];
	bool by_hand = draw(w, 2) == 0;

	*p = (struct person){.there = PERHAPS, .mail = "*"};
	snprintf(p->name, sizeof(p->name), "p%zu", w->n);
	if (draw(w, 3) == 0)
		snprintf(p->mail, sizeof(p->mail), "p%zu@example.org", w->n);
	w->n++;
	new_secret(w, p->secret);
	connect_as(w, p, REGISTER);
	client_send(p->client, "%sNICK %s\r\nUSER u 0 * :u", by_hand ? "" : "CAP LS 302\r\n",
	            p->name);
	client_send(p->client, "REGISTER %s %s %s", by_hand ? "*" : p->name, p->mail, p->secret);
}

static void ask_change(struct world *w, struct person *p, enum what asks)
{
	connect_as(w, p, asks);
	client_send(p->client, "PASS %s:%s\r\nNICK %s\r\nUSER u 0 * :u", p->name, p->secret,
	            p->name);
	if (asks == DROP) {
		p->there = PERHAPS;
		client_send(p->client, "ACCOUNT DROP %s %s", p->name, p->secret);
	} else {
		new_secret(w, p->next);
		client_send(p->client, "ACCOUNT PASSWORD %s %s", p->secret, p->next);
	}
}

static void somebody_asks(struct world *w)
{
	struct person *p = w->n > 0 ? &w->people[draw(w, w->n)] : NULL;

	if (w->n < PEOPLE && (p == NULL || draw(w, 3) != 0))
		ask_register(w);
	else if (p != NULL && p->asks == NOTHING && p->there == YES)
		ask_change(w, p, draw(w, 4) == 0 ? DROP : PASSWORD);
}

/* --- what they are told --- */

static void told(struct person *p)
{
	if (p->asks == PASSWORD)
		memcpy(p->secret, p->next, SECRET);
	p->next[0] = '\0';
	p->there = p->asks == DROP ? NO : YES;
	p->asks = NOTHING;
	client_close(p->client);
}

static void hear(struct world *w, struct person *p, struct tally *tally)
{
	static const char *const answers[] = {[REGISTER] = "* REGISTER SUCCESS *",
	                                      [PASSWORD] = "* NOTICE * :Your password is changed.",
	                                      [DROP] = "* NOTICE * :Your account is gone."};
	const char *const *lines;
	size_t n;

	if (p->asks == NOTHING)
		return;
	n = client_lines(p->client, &lines);
	for (; p->read < n && p->asks != NOTHING; p->read++) {
		if (sim_glob(answers[p->asks], lines[p->read])) {
			told(p);
			tally->told++;
		} else if (sim_glob("* FAIL *", lines[p->read]) ||
		           sim_glob("* 464 *", lines[p->read])) {
			fault(w, "%s was refused: %s", p->name, lines[p->read]);
		}
	}
}

static void all_hear(struct world *w, struct tally *tally)
{
	for (size_t i = 0; i < w->n; i++)
		hear(w, &w->people[i], tally);
}

/* --- what is on the disk --- */

static bool has_field(const struct rig *rig, uint16_t field)
{
	for (size_t i = 0; i < rig->n_cells; i++)
		if (rig->cells[i].field == field)
			return true;
	return false;
}

/* A copy is looked at, by a core of its own: all tables fit the cells, and each account has all it
 * needs. Returns their number. */
static size_t look_at_disk(struct world *w)
{
	static struct rig rig;
	char *folder = mini_folder(), *log = simserver_path(w->server, "state/store_fake.log");
	char *command = mem_printf("cp '%s' '%s'", log, folder);
	size_t n;

	assert_int_equal(system(command), 0);
	rig_open(&rig, folder, true, 0);
	rig_check(&rig);
	assert_int_equal(rig_walk(&rig, GW_CLASS_ACCOUNT), 0);
	n = rig.n_walked;
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(rig_read(&rig, GW_CLASS_ACCOUNT, rig.walked[i]), 0);
		if (!has_field(&rig, GW_F_CORE) || !has_field(&rig, GW_F_CRED) ||
		    !has_field(&rig, GW_F_NAME))
			fault(w, "half an account is on the disk");
	}
	rig_close(&rig);
	mini_folder_remove(&folder);
	free(command);
	free(log);
	return n;
}

/* --- what the server says afterwards --- */

/* The line that says so, or why not. */
static const char *answer_to_pass(struct world *w, struct simclient *c)
{
	int64_t until = simnet_now(w->net) + 10 * GW_SECOND;
	const char *const *lines;
	size_t n;

	for (size_t i = 0;; i++) {
		while ((n = client_lines(c, &lines)) <= i && simnet_step(w->net, until))
			;
		if (n <= i)
			return "(no answer)";
		if (sim_glob("* 900 *", lines[i]) || sim_glob("* 464 *", lines[i]))
			return lines[i];
	}
}

static bool logs_in(struct world *w, const char *name, const char *secret)
{
	struct simclient *c = simnet_client(w->server, "127.0.0.1", false);
	const char *answer;
	bool in;

	client_send(c, "PASS %s:%s\r\nNICK %s\r\nUSER u 0 * :u", name, secret, name);
	answer = answer_to_pass(w, c);
	in = sim_glob("* 900 *", answer);
	if (!in && !sim_glob("* :That account and password do not match.", answer))
		fault(w, "%s does not log in: %s", name, answer);
	client_close(c);
	return in;
}

static void settle(struct world *w, struct person *p, struct tally *tally)
{
	bool old = logs_in(w, p->name, p->secret);
	bool new = p->next[0] != '\0' && logs_in(w, p->name, p->next);

	if (p->there == YES && !old && !new)
		fault(w, "%s was told and is gone", p->name);
	if (p->there == NO && (old || new))
		fault(w, "%s was dropped and is there", p->name);
	if (old && new)
		fault(w, "%s has two passwords", p->name);
	if (p->asks == REGISTER || p->asks == PASSWORD) {
		tally->done += p->asks == PASSWORD ? new : old;
		tally->undone += p->asks == PASSWORD ? old : !old;
	}
	if (new)
		memcpy(p->secret, p->next, SECRET);
	p->next[0] = '\0';
	p->there = old || new ? YES : NO;
	p->asks = NOTHING;
}

/* --- lives --- */

static void cut(struct world *w, struct tally *tally)
{
	simserver_cut(w->server);
	simnet_run(w->net, 100 * GW_MS); /* what is under way arrives */
	all_hear(w, tally);
	for (size_t i = 0; i < w->n; i++)
		if (w->people[i].asks != NOTHING)
			client_close(w->people[i].client);
	tally->cuts++;
}

static void live(struct world *w, struct tally *tally)
{
	size_t living = 0, on_disk;

	for (uint64_t steps = draw(w, 60) + 5; steps > 0; steps--) {
		if (draw(w, 2) == 0)
			somebody_asks(w);
		simnet_run(w->net, (int64_t)draw(w, 8000) * 1000);
		all_hear(w, tally);
	}
	cut(w, tally);
	on_disk = look_at_disk(w);
	simserver_restart(w->server, NULL);
	for (size_t i = 0; i < w->n; i++) {
		settle(w, &w->people[i], tally);
		living += w->people[i].there == YES;
	}
	if (living != on_disk)
		fault(w, "%zu accounts are on the disk, %zu let in", on_disk, living);
}

static char *yaml(bool early)
{
	char *build = realpath(getenv("GODWIT_BUILD") != NULL ? getenv("GODWIT_BUILD") : ".", NULL);
	char *text = mem_printf("modules: [store_fake, services, network, client, account]\n"
	                        "module-directory: [%s/modules, %s/tests/modules]\n"
	                        "client: {exempt: [\"127.0.0.0/8\"]}\naccount: {iterations: 4096}\n"
	                        "store_fake: {early: %s}\n",
	                        build, build, early ? "yes" : "no");

	free(build);
	return text;
}

/* Returns what must not be, or "". Valid until the next seed. */
static const char *run_seed(uint64_t seed, bool early, struct tally *tally)
{
	static struct world w;
	char *text = yaml(early);

	w = (struct world){.seed = seed, .random = seed};
	w.net = simnet_new(seed);
	w.server = simnet_server(w.net, text);
	for (int life = 0; life < LIVES && w.fault[0] == '\0'; life++)
		live(&w, tally);
	simnet_end(&w.net);
	free(text);
	return w.fault;
}

static uint64_t seeds = 100, first = 1, current;

static int tell_seed(void **state)
{
	(void)state;
	print_message("# the last seed was %llu\n", (unsigned long long)current);
	return 0;
}

static void what_was_told_survives_power_cuts(void **state)
{
	struct tally tally = {0};
	const char *wrong;

	(void)state;
	for (current = first; current < first + seeds; current++) {
		wrong = run_seed(current, false, &tally);
		if (wrong[0] != '\0')
			fail_msg("seed %llu: %s", (unsigned long long)current, wrong);
	}
	print_message("# %u power cuts: %u were told; of those who were not, %u done, %u undone\n",
	              tally.cuts, tally.told, tally.done, tally.undone);
	assert_true(seeds < 10 || (tally.told > 5 * seeds && tally.done > 0 && tally.undone > 0));
}

static void an_answer_before_the_sync_is_noticed(void **state)
{
	struct tally tally = {0};
	char wrong[200] = "";

	(void)state;
	for (current = 1; current <= 50 && wrong[0] == '\0'; current++)
		snprintf(wrong, sizeof(wrong), "%s", run_seed(current, true, &tally));
	assert_string_not_equal(wrong, "");
	print_message("# seed %llu: %s\n", (unsigned long long)--current, wrong);
	assert_string_equal(run_seed(current, true, &tally), wrong); /* it replays */
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(what_was_told_survives_power_cuts, tell_seed),
		cmocka_unit_test_teardown(an_answer_before_the_sync_is_noticed, tell_seed),
	};

	if (argc > 1)
		seeds = strtoull(argv[1], NULL, 10);
	if (argc > 2)
		first = strtoull(argv[2], NULL, 10);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
