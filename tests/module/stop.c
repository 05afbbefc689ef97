/*
 * tests/module/stop.c - how a server is asked to end: by signals and by an operator, and what a
 * module may say to that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/signals.h"
#include "tests/module/host.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#define with_host(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define FIRST "the keeper closes its book first"

/* The host first: it is what other helpers take. */
struct world {
	struct host host;
	struct signals signals;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	host_open(&w->host);
	host_put(&w->host, "keeper", "keeper");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	signals_release(&w->signals);
	host_close(&w->host);
	free(w);
	return 0;
}

static struct host *start(struct world *w, const char *config)
{
	host_config(&w->host, config);
	assert_int_equal(host_start(&w->host), 0);
	signals_catch(&w->signals, w->host.server);
	return &w->host;
}

#define IDLE "modules: []\n"
#define BUSY "modules: [keeper]\nkeeper: {takes: 10s}\n"

static void send_signal(struct host *h, int number)
{
	simhost_signal(h->loop, number);
	simnet_run(h->net, GW_MS);
}

/* How often the log has this line. */
static unsigned logged(const struct host *h, const char *line)
{
	unsigned n = 0;

	for (const char *at = h->log; (at = strstr(at, line)) != NULL; at += strlen(line))
		n++;
	return n;
}

static void assert_stops(struct host *h, const char *reason)
{
	char line[200];

	snprintf(line, sizeof(line), "info core: stopping reason=\"%s\"\n", reason);
	simnet_run(h->net, GW_SECOND + GW_MS);
	assert_int_equal(logged(h, line), 1);
	assert_int_equal(h->server->phase, SERVER_STOPPED);
	assert_int_equal(h->server->exit_status, 0);
}

static void a_sigterm_stops_a_server_that_has_nothing_to_do(void **state)
{
	struct host *h = start(*state, IDLE);

	send_signal(h, SIGTERM);
	assert_stops(h, "the server is shutting down");
}

static void a_module_that_passes_is_asked_and_told(void **state)
{
	struct host *h = start(*state, "modules: [keeper]\n");

	send_signal(h, SIGTERM);
	assert_int_equal(logged(h, "info keeper: asked reason=\"the server is shutting down\"\n"),
	                 1);
	assert_int_equal(
		logged(h, "info keeper: stopping reason=\"the server is shutting down\"\n"), 1);
	assert_stops(h, "the server is shutting down");
}

static void what_is_done_first_is_logged_once_and_then_the_server_stops(void **state)
{
	struct host *h = start(*state, BUSY);

	send_signal(h, SIGTERM);
	simnet_run(h->net, 9 * GW_SECOND);
	assert_int_equal(h->server->phase, SERVER_RUNNING);
	assert_int_equal(logged(h, "info core: stops later reason=\"the server is shutting down\" "
	                           "first=\"" FIRST "\"\n"),
	                 1);
	assert_int_equal(logged(h, "stops later"), 1);
	simnet_run(h->net, 2 * GW_SECOND);
	assert_stops(h, "the book is closed");
}

static void a_second_sigterm_asks_nobody(void **state)
{
	struct host *h = start(*state, BUSY);

	send_signal(h, SIGTERM);
	assert_int_equal(h->server->phase, SERVER_RUNNING);
	send_signal(h, SIGTERM);
	assert_int_equal(logged(h, "keeper: asked"), 1);
	assert_stops(h, "the server is shutting down");
}

static void a_sigint_ends_it_at_any_time(void **state)
{
	struct host *h = start(*state, BUSY);

	send_signal(h, SIGTERM);
	assert_false(simhost_stopped(h->loop));
	send_signal(h, SIGINT);
	assert_true(simhost_stopped(h->loop));
	assert_int_equal(logged(h, "keeper: asked"), 1);
	assert_int_equal(logged(h, "stopping"), 0);
}

static void an_operator_is_told_what_is_done_first(void **state)
{
	struct host *h = start(*state, BUSY);

	assert_int_equal(host_ask(h, "server stop upgrade"), 0);
	assert_string_equal(h->answer, FIRST "\n\n");
	assert_int_equal(logged(h, "keeper: asked reason=\"upgrade\""), 1);
	assert_int_equal(h->server->phase, SERVER_RUNNING);
	assert_int_equal(host_ask(h, "server stop"), 0);
	assert_string_equal(h->answer, FIRST "\n\n");
	send_signal(h, SIGTERM); /* is the first: it asks, too */
	assert_int_equal(logged(h, "keeper: asked"), 3);
	assert_int_equal(h->server->phase, SERVER_RUNNING);
}

static void an_operator_who_cannot_wait_says_so(void **state)
{
	struct host *h = start(*state, BUSY);

	assert_int_equal(host_ask(h, "server stop"), 0);
	assert_int_equal(host_ask(h, "server stop --now upgrade"), 0);
	assert_string_equal(h->answer, "\n");
	assert_int_equal(logged(h, "keeper: asked"), 1);
	assert_stops(h, "upgrade");
}

static void a_flag_that_there_is_not_stops_nothing(void **state)
{
	static const char *const lines[] = {"server stop --soon", "server stop --now --soon",
	                                    "server stop two words"};
	struct host *h = start(*state, IDLE);

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(host_ask(h, lines[i]), -ENOSYS);
		assert_string_equal(h->answer, "usage: server stop [--now] [REASON]\n");
	}
	assert_int_equal(h->server->phase, SERVER_RUNNING);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		with_host(a_sigterm_stops_a_server_that_has_nothing_to_do),
		with_host(a_module_that_passes_is_asked_and_told),
		with_host(what_is_done_first_is_logged_once_and_then_the_server_stops),
		with_host(a_second_sigterm_asks_nobody),
		with_host(a_sigint_ends_it_at_any_time),
		with_host(an_operator_is_told_what_is_done_first),
		with_host(an_operator_who_cannot_wait_says_so),
		with_host(a_flag_that_there_is_not_stops_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
