/*
 * tests/module/restless.c - a module asks for its own reload, its own end, or that of who calls it,
 * wherever its code is called: it is done when none of that code is on the stack any more, or
 * refused with a sentence; never at once, and never without end.
 */
#include "core/mem.h"
#include "core/module.h"
#include "tests/module/talk.h"
#include "tests/unit/cmocka.h"
#include <godwit/loop.h>
#include <stdlib.h>

#define MODULES "store_fake, services, network, client, account, channel, message, guest, restless"

/* Where it is called from outside of a change of modules. */
static const char *const usual[] = {"command", "notification", "question", "timer",
                                    "job",     "render",       "line"};
/* Within one, of restless itself. */
static const char *const within[] = {"check", "load", "told", "changed", "unload"};

struct stage {
	struct simnet *net;
	struct simserver *s;
	struct simclient *ann, *bob;
	unsigned said;
};

static void begin(struct stage *st, const char *more)
{
	char *build = realpath(getenv("GODWIT_BUILD") != NULL ? getenv("GODWIT_BUILD") : ".", NULL);
	char *yaml = mem_printf("module-directory: [%s/modules, %s/tests/modules]\n"
	                        "modules: [" MODULES "]\n" TALK_FREE "%s",
	                        build, build, more);

	*st = (struct stage){.net = simnet_new(1)};
	st->s = simnet_server(st->net, yaml);
	free(yaml);
	free(build);
	st->ann = talk_enter(st->s, "ann", "echo-message");
	st->bob = talk_enter(st->s, "bob", "");
	client_send(st->ann, "JOIN #x");
	client_expect(st->ann, "* 366 *");
	client_send(st->bob, "JOIN #x");
	client_expect(st->bob, "* 366 *");
}

/* Everybody is still there and hears what is said, once. */
static void talk(struct stage *st)
{
	char want[80];

	client_send(st->ann, "PRIVMSG #x :m%u.", st->said);
	client_send(st->ann, "RESTLESS\r\nPING p%u", st->said);
	snprintf(want, sizeof(want), ":ann!* PRIVMSG #x :m%u.", st->said);
	client_expect(st->ann, want);
	client_expect(st->bob, want);
	snprintf(want, sizeof(want), "* PONG * :p%u", st->said++);
	client_expect(st->ann, want);
	client_expect_none(st->bob, "*");
}

static void end(struct stage *st)
{
	assert_null(strstr(simserver_log(st->s), "stale"));
	assert_null(strstr(simserver_log(st->s), "memory left"));
	simnet_end(&st->net);
}

static unsigned generation(struct stage *st, const char *module)
{
	struct module *m = module_find(simserver_server(st->s), module);

	return m != NULL ? m->self.generation : 0;
}

static void is_told(struct stage *st, const char *wanted)
{
	const char *told = simserver_ask(st->s, "restless told");

	if (!sim_glob(wanted, told))
		fail_msg("told \"%s\", not \"%s\"", told, wanted);
}

/* The one line is asked for in each place, once and then three times in a turn. */
static void reloads(const char *module, const char *line)
{
	struct stage st;
	unsigned before;

	begin(&st, "");
	before = generation(&st, module);
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		simserver_ask(st.s, "restless do %s 1 %s", usual[i], line);
		talk(&st);
		assert_int_equal(generation(&st, module), ++before);
		is_told(&st, "asked=1 told=1 status=0 \n");
		simserver_ask(st.s, "restless do %s 3 %s", usual[i], line);
		talk(&st);
		assert_int_equal(generation(&st, module), before += 3);
		is_told(&st, "asked=3 told=3 status=0 \n");
	}
	end(&st);
}

static void it_is_reloaded_wherever_it_asks(void **state)
{
	(void)state;
	reloads("restless", "module reload restless");
}

static void who_calls_it_is_reloaded_wherever_it_asks(void **state)
{
	static const char *const callers[] = {"client", "message", "network"};

	(void)state;
	for (size_t i = 0; i < sizeof(callers) / sizeof(callers[0]); i++) {
		char line[40];

		snprintf(line, sizeof(line), "module reload %s", callers[i]);
		reloads(callers[i], line);
	}
	reloads("client", "module reload all");
}

static void it_is_unloaded_wherever_it_asks(void **state)
{
	struct stage st;

	(void)state;
	begin(&st, "");
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		simserver_ask(st.s, "restless do %s %u module unload restless", usual[i],
		              1 + (unsigned)(i % 2));
		talk(&st);
		assert_int_equal(generation(&st, "restless"), 0);
		simserver_ask(st.s, "module load restless");
	}
	end(&st);
}

static void who_calls_it_is_unloaded(void **state)
{
	struct stage st;

	(void)state;
	begin(&st, "");
	simserver_ask(st.s, "restless do render 1 module unload message --cascade");
	client_send(st.ann, "PRIVMSG #x :hello");
	client_expect(st.bob, ":ann!* PRIVMSG #x :hello");
	client_send(st.ann, "PRIVMSG #x :again");
	client_expect(st.ann, "* 421 ann PRIVMSG *");
	is_told(&st, "asked=1 told=1 status=0 \n");
	simserver_ask(st.s, "module load message");
	talk(&st);
	/* The one who executes the line goes, with all its clients. */
	simserver_ask(st.s, "restless do line 1 module unload client --cascade");
	client_send(st.ann, "RESTLESS");
	client_expect_end(st.ann);
	client_expect_end(st.bob);
	is_told(&st, "asked=1 told=1 status=0 \n");
	end(&st);
}

#define REFUSED                                                                                    \
	"status=-16 the * was asked for in the middle of the *: ask for it when that is over\n"

static void in_the_middle_of_a_change_it_is_refused(void **state)
{
	static const char *const lines[] = {"module reload restless", "module unload restless",
	                                    "module reload all", "rehash"};
	struct stage st;
	unsigned before;

	(void)state;
	begin(&st, "");
	before = generation(&st, "restless");
	for (size_t i = 0; i < sizeof(within) / sizeof(within[0]); i++)
		for (size_t k = 0; k < sizeof(lines) / sizeof(lines[0]); k++) {
			simserver_ask(st.s, "restless do %s 2 %s", within[i], lines[k]);
			simserver_ask(st.s, "module reload restless");
			talk(&st);
			assert_int_equal(generation(&st, "restless"), ++before);
			is_told(&st, "asked=2 told=2 " REFUSED);
		}
	assert_non_null(strstr(simserver_log(st.s),
	                       "reason=\"the rehash was asked for in the middle of the reload of "
	                       "restless: ask for it when that is over\""));
	end(&st);
}

/* At its very end nobody is there to be told. */
static void at_its_end_it_is_refused(void **state)
{
	struct stage st;

	(void)state;
	begin(&st, "");
	simserver_ask(st.s, "restless do unload 1 module reload restless");
	simserver_ask(st.s, "module unload restless");
	assert_int_equal(generation(&st, "restless"), 0);
	assert_non_null(strstr(simserver_log(st.s), "in the middle of the unload of restless"));
	talk(&st);
	end(&st);
}

/* When the server starts no change is under way: it comes behind that. */
static void asked_for_at_its_start_it_comes_behind_it(void **state)
{
	struct stage st;

	(void)state;
	begin(&st, "restless: {first: module reload restless}\n");
	assert_int_equal(generation(&st, "restless"), 2);
	is_told(&st, "asked=1 told=1 status=0 \n");
	simserver_ask(st.s, "module unload restless");
	simserver_ask(st.s, "module load restless");
	assert_int_equal(generation(&st, "restless"), 1);
	is_told(&st, "asked=1 told=1 " REFUSED);
	talk(&st);
	end(&st);
}

/* Each answer asks for the next: others have their turns in between. */
static void one_after_the_other_delays_nobody(void **state)
{
	struct stage st;
	unsigned before;

	(void)state;
	begin(&st, "");
	before = generation(&st, "restless");
	client_send(st.ann, "PING first");
	simserver_ask(st.s, "restless do answer 100000 module reload restless");
	client_expect(st.ann, "* PONG * :first");
	assert_in_range(generation(&st, "restless"), before + 1, before + 20000);
	simserver_ask(st.s, "restless do none 1 help");
	talk(&st);
	end(&st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_reloaded_wherever_it_asks),
		cmocka_unit_test(who_calls_it_is_reloaded_wherever_it_asks),
		cmocka_unit_test(it_is_unloaded_wherever_it_asks),
		cmocka_unit_test(who_calls_it_is_unloaded),
		cmocka_unit_test(in_the_middle_of_a_change_it_is_refused),
		cmocka_unit_test(at_its_end_it_is_refused),
		cmocka_unit_test(asked_for_at_its_start_it_comes_behind_it),
		cmocka_unit_test(one_after_the_other_delays_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
