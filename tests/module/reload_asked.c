/*
 * tests/module/reload_asked.c - who asks for a reload gets the answer from the code that was
 * replaced meanwhile: `control` through its own socket, with other requests under way there;
 * `client`, `oper` and all by an operator in IRC, labelled.
 */
#include "core/mem.h"
#include "core/module.h"
#include "tests/module/talk.h"
#include "tests/unit/cmocka.h"
#include <godwit/loop.h>
#include <stdlib.h>

#define NAME ":sim1.example.net "
#define MODULES                                                                                    \
	"modules: [store, services, network, client, account, channel, message, query, oper, "     \
	"guest, control]\naccount: {iterations: 4096}\n" TALK_FREE

static struct simserver *serve(struct simnet **net)
{
	*net = simnet_new(1);
	return simnet_server(*net, MODULES);
}

static void end(struct simnet **net, struct simserver *s)
{
	assert_int_equal(simserver_server(s)->stale, 0);
	assert_null(strstr(simserver_log(s), " error "));
	simnet_end(net);
}

static unsigned generation(struct simserver *s, const char *module)
{
	return module_find(simserver_server(s), module)->self.generation;
}

/* --- the control socket --- */

static struct simclient *dial(struct simserver *s)
{
	char *path = simserver_path(s, "state/control.sock"),
	     *address = mem_printf("unix:%s", path);
	struct simclient *c = simnet_client_at(s, address, "unix");

	assert_non_null(c);
	client_send(c, "godwitctl 1");
	free(address);
	free(path);
	return c;
}

/* `line`: words between tabs. */
static void request(struct simclient *c, const char *line)
{
	client_send(c, "C\t%s", line);
}

/* Another connection waits for a password to be hashed; requests wait behind the reload on its
 * own. */
static void control_is_reloaded_through_its_own_socket(void **state)
{
	static const char *const lines[] = {"module\treload\tcontrol", "module\treload\tall"};
	struct simnet *net;
	struct simserver *s = serve(&net);
	struct simclient *a = dial(s), *b = dial(s);

	(void)state;
	simnet_faults(net)->work_min_ns = simnet_faults(net)->work_max_ns = 50 * GW_MS;
	for (unsigned i = 0; i < 20; i++) {
		char want[40];

		client_send(b, "C\taccount\tadd\tacc%u\tsecret-word", i);
		simnet_run(net, (i % 10) * 10 * GW_MS);
		request(a, lines[i % 2]);
		request(a, "account\tlist");
		request(a, "module\treload\tcontrol");
		request(a, "nonsense");
		client_expect(a, "T\tcontrol: reloaded, version *, generation *");
		client_expect(a, "E\t0\t");
		client_expect(a, "H\taccount\t*");
		client_expect(a, "E\t0\t");
		client_expect_next(a, "T\tcontrol: reloaded, version *, generation *");
		client_expect_next(a, "E\t0\t");
		client_expect_next(a, "E\t-*there is no command 'nonsense'*");
		client_expect(b, "E\t0\t");
		request(a, "account\tlist");
		snprintf(want, sizeof(want), "R\tacc%u\t*", i);
		client_expect(a, want);
		client_expect(a, "E\t0\t");
	}
	assert_int_equal(generation(s, "control"), 41);
	client_expect_exactly(a, "");
	client_expect_exactly(b, "");
	end(&net, s);
}

/* Somebody does not read: the long answer, and those to what was asked behind it, come whole. */
static void a_long_answer_is_not_torn(void **state)
{
	struct simnet *net;
	struct simserver *s = serve(&net);
	struct simclient *a = dial(s), *b = dial(s);
	char *alone, *torn;

	(void)state;
	request(a, "help");
	alone = client_take(a);
	simnet_faults(net)->window = 512;
	simpipe_block(client_pipe(a), true);
	for (unsigned i = 0; i < 50; i++)
		request(a, "help");
	for (unsigned i = 0; i < 50; i++) {
		request(b, "module\treload\tcontrol");
		client_expect(b, "E\t0\t");
	}
	simpipe_block(client_pipe(a), false);
	simnet_run(net, 60 * GW_SECOND);
	torn = client_take(a);
	assert_int_equal(sim_count(torn, "E\t0\t"), 50);
	for (const char *at = torn; *at != '\0'; at += strlen(alone) + (at[strlen(alone)] == '\n'))
		assert_memory_equal(at, alone, strlen(alone));
	free(alone);
	free(torn);
	end(&net, s);
}

/* Its end comes before its answer: the connection says so by ending. */
static void who_unloads_control_there_sees_it_end(void **state)
{
	struct simnet *net;
	struct simserver *s = serve(&net);
	struct simclient *a = dial(s), *b = dial(s);

	(void)state;
	request(b, "account\tadd\tann\tsecret-word");
	request(a, "module\tunload\tcontrol");
	client_expect_end(a);
	client_expect_end(b);
	assert_null(module_find(simserver_server(s), "control"));
	simnet_quiet(net);
	simserver_ask(s, "module load control");
	a = dial(s);
	request(a, "account\tlist");
	client_expect(a, "R\tann\t*");
	client_expect(a, "E\t0\t");
	end(&net, s);
}

/* --- in IRC --- */

static struct simclient *enter_operator(struct simnet *net, struct simserver *s)
{
	struct simclient *c = talk_enter(s, "root", "batch labeled-response");

	client_send(c, "REGISTER * * correct-horse");
	client_expect(c, "* REGISTER SUCCESS *");
	simserver_ask(s, "oper add root");
	client_send(c, "OPER root");
	client_expect(c, "* 381 *");
	simnet_quiet(net);
	free(client_take(c));
	return c;
}

static void whoever_is_reloaded_answers_the_operator(void **state)
{
	static const char *const modules[] = {"client",   "oper",  "network",
	                                      "services", "store", "account"};
	struct simnet *net;
	struct simserver *s = serve(&net);
	struct simclient *root = enter_operator(net, s), *ann = talk_enter(s, "ann", "");

	(void)state;
	client_send(root, "JOIN #x");
	client_expect(root, "* 366 *");
	client_send(ann, "JOIN #x");
	client_expect(ann, "* 366 *");
	client_expect(root, "*JOIN #x*");
	for (unsigned i = 0; i < 6; i++) {
		char want[120];

		client_send(root, "@label=a%u CTL module reload %s\r\n@label=b%u PING b%u", i,
		            modules[i], i, i);
		client_send(ann, "PRIVMSG #x :m%u.", i);
		snprintf(want, sizeof(want), "@label=a%u " NAME "BATCH +* labeled-response", i);
		client_expect(root, want);
		snprintf(want, sizeof(want), "@batch=* " NAME "NOTICE root :%s: reloaded, *",
		         modules[i]);
		client_expect_next(root, want);
		client_expect_next(root, "@batch=* " NAME "NOTICE root :Done.");
		client_expect_next(root, NAME "BATCH -*");
		snprintf(want, sizeof(want), "@label=b%u " NAME "PONG sim1.example.net :b%u", i, i);
		client_expect(root, want);
		assert_int_equal(generation(s, modules[i]), 2);
	}
	client_send(root, "@label=all CTL module reload all\r\n@label=c PING c");
	client_expect(root, "@label=all " NAME "BATCH +* labeled-response");
	client_expect(root, "* NOTICE root :Done.");
	client_expect_next(root, NAME "BATCH -*");
	client_expect_next(root, "@label=c " NAME "PONG sim1.example.net :c");
	client_send(root, "@label=no CTL module reload nobody");
	client_expect(root, "* FAIL CTL FAILED :the module nobody is not loaded");
	client_expect_exactly(ann, "");
	assert_int_equal(generation(s, "client"), 3);
	assert_null(strstr(simserver_log(s), "stale"));
	simnet_end(&net);
}

/* Nobody is there to be answered; everybody else goes on. */
static void an_operator_who_left_is_not_waited_for(void **state)
{
	struct simnet *net;
	struct simserver *s = serve(&net);
	struct simclient *root = enter_operator(net, s), *ann = talk_enter(s, "ann", "");

	(void)state;
	client_send(root, "CTL module reload oper\r\nCTL module reload client\r\nQUIT :away");
	client_expect_end(root);
	root = talk_enter(s, "bob", "");
	client_send(root, "CTL module reload client");
	client_expect(root, "* 481 *");
	client_send(ann, "PRIVMSG bob :hello");
	client_expect(root, ":ann!* PRIVMSG bob :hello");
	assert_int_equal(generation(s, "client"), 2);
	end(&net, s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(control_is_reloaded_through_its_own_socket),
		cmocka_unit_test(a_long_answer_is_not_torn),
		cmocka_unit_test(who_unloads_control_there_sees_it_end),
		cmocka_unit_test(whoever_is_reloaded_answers_the_operator),
		cmocka_unit_test(an_operator_who_left_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
