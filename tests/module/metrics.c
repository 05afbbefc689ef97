/*
 * tests/module/metrics.c - the figures: that they move as they should, survive reloads, and have
 * the right form whatever modules tell; and what is answered to those who ask badly, slowly, or all
 * at once.
 */
#include "core/mem.h"
#include "tests/module/talk.h"
#include "tests/sim/sim_mover.h"
#include "tests/sim/tree.h"
#include "tests/unit/cmocka.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define PLACE "127.0.0.1:9477"
#define METRICS_MODULES TALK_MODULES ", guest, metrics]\n"
#define GET "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"

static struct simclient *asker(struct simserver *s)
{
	return simnet_client_at(s, PLACE, "127.0.0.1");
}

/* All that is answered, line by line; to be freed. */
static char *ask(struct simserver *s, const char *request)
{
	struct simclient *c = asker(s);
	char *answer;

	client_send_raw(c, request, strlen(request));
	client_expect_end(c);
	answer = client_take(c);
	client_close(c);
	return answer;
}

static char *scrape(struct simserver *s)
{
	char *text = ask(s, GET);

	assert_int_equal(strncmp(text, "HTTP/1.1 200 OK\n", 16), 0);
	return text;
}

/* Of one sample, as "name{labels}"; NAN: it is not there. */
static double figure_in(const char *text, const char *sample)
{
	char *line = mem_printf("\n%s ", sample);
	const char *at = strstr(text, line);
	double value = at != NULL ? strtod(at + strlen(line), NULL) : NAN;

	free(line);
	return value;
}

static double figure(struct simserver *s, const char *sample)
{
	char *text = scrape(s);
	double value = figure_in(text, sample);

	free(text);
	return value;
}

static void expect_in(const char *text, const char *sample, double want)
{
	double is = figure_in(text, sample);

	if (isnan(is) || is != want)
		fail_msg("%s is %g, not %g", sample, is, want);
}

static void expect(struct simserver *s, const char *sample, double want)
{
	char *text = scrape(s);

	expect_in(text, sample, want);
	free(text);
}

static void clients_are_counted_by_state_and_end(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, METRICS_MODULES TALK_FREE);
	struct simclient *a, *b, *c;
	char *text;

	(void)state;
	expect(s, "godwit_clients{state=\"connected\"}", 0);
	a = talk_enter(s, "ann", "");
	b = talk_enter(s, "bob", "");
	c = simnet_client(s, "127.0.0.1", false);
	client_send(c, "NICK cyd");
	text = scrape(s);
	expect_in(text, "godwit_clients{state=\"connected\"}", 2);
	expect_in(text, "godwit_clients{state=\"connecting\"}", 1);
	expect_in(text, "godwit_client_entered_total{way=\"login\"}", 2);
	expect_in(text, "godwit_network_local_users", 2);
	free(text);
	client_send(a, "QUIT");
	client_expect_end(a);
	client_close(b);
	simnet_run(net, 200 * GW_SECOND);
	text = scrape(s);
	expect_in(text, "godwit_clients{state=\"connected\"}", 0);
	expect_in(text, "godwit_clients{state=\"connecting\"}", 0);
	expect_in(text, "godwit_client_accepted_total", 3);
	expect_in(text, "godwit_client_ended_total{reason=\"quit\"}", 1);
	expect_in(text, "godwit_client_ended_total{reason=\"lost\"}", 1);
	expect_in(text, "godwit_client_ended_total{reason=\"login\"}", 1);
	expect_in(text, "godwit_network_peak_users", 2);
	free(text);
	simnet_end(&net);
}

static void who_is_not_let_in_is_counted(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, METRICS_MODULES "client: {max-clients: 2}\n");
	struct simclient *c;

	(void)state;
	talk_enter(s, "ann", "");
	talk_enter(s, "bob", "");
	c = simnet_client(s, "127.0.0.1", false);
	client_expect(c, "ERROR *full*");
	expect(s, "godwit_client_refused_total{reason=\"full\"}", 1);
	expect(s, "godwit_connections_refused_total", 1);
	expect(s, "godwit_client_accepted_total", 2);
	simnet_end(&net);
}

static void what_is_said_is_counted(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, METRICS_MODULES TALK_FREE);
	struct simclient *a = talk_enter(s, "ann", ""), *b = talk_enter(s, "bob", ""),
			 *c = talk_enter(s, "cyd", "server-time");
	double deliveries, forms, lines, sent;
	char *text;

	(void)state;
	client_send(a, "JOIN #x");
	client_send(b, "JOIN #x");
	client_send(c, "JOIN #x");
	simnet_quiet(net);
	text = scrape(s);
	deliveries = figure_in(text, "godwit_client_deliveries_total");
	forms = figure_in(text, "godwit_client_forms_total");
	lines = figure_in(text, "godwit_client_lines_total");
	sent = figure_in(text, "godwit_connections_sent_bytes_total");
	free(text);
	for (int i = 0; i < 10; i++)
		client_send(a, "PRIVMSG #x :number %d", i);
	client_send(a, "NONSENSE");
	simnet_quiet(net);
	text = scrape(s);
	expect_in(text, "godwit_client_commands_total{command=\"PRIVMSG\"}", 10);
	expect_in(text, "godwit_client_lines_total", lines + 11);
	expect_in(text, "godwit_client_lines_refused_total", 1);
	expect_in(text, "godwit_client_deliveries_total", deliveries + 20);
	expect_in(text, "godwit_client_forms_total", forms + 20);
	expect_in(text, "godwit_network_events_total{kind=\"message\",origin=\"local\"}", 10);
	expect_in(text, "godwit_network_channels", 1);
	assert_true(figure_in(text, "godwit_connections_sent_bytes_total") > sent + 20 * 30);
	assert_true(figure_in(text, "godwit_loop_lag_seconds_count") > 10);
	assert_true(figure_in(text, "godwit_store_commit_seconds_count") >= 1);
	assert_true(figure_in(text, "godwit_jobs_total{lane=\"write\"}") >= 1);
	expect_in(text, "godwit_jobs_pending{lane=\"write\"}", 0);
	free(text);
	simnet_end(&net);
}

static void a_queue_that_nobody_reads_is_seen(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, METRICS_MODULES
	                                    "client: {exempt: [\"127.0.0.0/8\"], sendq: 64k}\n");
	struct simclient *a, *b;
	char *text;

	(void)state;
	simnet_faults(net)->window = 4096;
	a = talk_enter(s, "ann", "");
	b = talk_enter(s, "bob", "");
	simpipe_block(client_pipe(b), true);
	for (int i = 0; i < 100; i++)
		client_send(a, "PRIVMSG bob :%0300d", i);
	simnet_quiet(net);
	text = scrape(s);
	expect_in(text, "godwit_connections_blocked", 1);
	assert_in_range((long)figure_in(text, "godwit_send_queue_bytes"), 20000, 35000);
	assert_true(figure_in(text, "godwit_send_queue_longest_bytes") ==
	            figure_in(text, "godwit_send_queue_bytes"));
	free(text);
	for (int i = 0; i < 200; i++)
		client_send(a, "PRIVMSG bob :%0300d", i);
	simnet_quiet(net);
	text = scrape(s);
	expect_in(text, "godwit_connections_blocked", 0);
	expect_in(text, "godwit_send_queue_bytes", 0);
	expect_in(text, "godwit_send_queue_overflows_total", 1);
	expect_in(text, "godwit_client_ended_total{reason=\"sendq\"}", 1);
	assert_in_range((long)figure_in(text, "godwit_send_queue_longest_bytes"), 65536, 70000);
	free(text);
	simnet_run(net, 61 * GW_SECOND);
	free(scrape(s));
	simnet_run(net, 61 * GW_SECOND);
	free(scrape(s));
	assert_true(figure(s, "godwit_send_queue_longest_bytes") < 65536);
	simnet_end(&net);
}

static void a_reload_keeps_what_was_counted(void **state)
{
	static const char *const modules[] = {"store",  "services", "network",
	                                      "client", "account",  "metrics"};
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, METRICS_MODULES TALK_FREE);
	struct simclient *a = talk_enter(s, "ann", ""), *waiting = asker(s);
	double commits, asked;
	char *text;

	(void)state;
	client_send(a, "PRIVMSG ann :hello");
	client_send_raw(waiting, "GET /metrics HTTP/1.1\r\nHo", 25);
	simnet_quiet(net);
	commits = figure(s, "godwit_store_commits_total");
	asked = figure(s, "godwit_metrics_requests_total{code=\"200\"}");
	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++)
		simserver_ask(s, "module reload %s", modules[i]);
	simserver_admin(s, NULL, "module reload nosuch");
	text = scrape(s);
	expect_in(text, "godwit_module_generation{module=\"client\"}", 2);
	expect_in(text, "godwit_client_commands_total{command=\"PRIVMSG\"}", 1);
	expect_in(text, "godwit_client_accepted_total", 1);
	expect_in(text, "godwit_clients{state=\"connected\"}", 1);
	expect_in(text, "godwit_network_events_total{kind=\"user\",origin=\"local\"}", 1);
	expect_in(text, "godwit_store_commits_total", commits);
	expect_in(text, "godwit_metrics_requests_total{code=\"200\"}", asked + 1);
	expect_in(text, "godwit_changes_total{change=\"reload\",result=\"done\"}", 6);
	expect_in(text, "godwit_changes_total{change=\"reload\",result=\"failed\"}", 1);
	free(text);
	client_send_raw(waiting, "st: x\r\n\r\n", 9);
	client_expect_next(waiting, "HTTP/1.1 200 OK");
	simnet_end(&net);
}

static void links_and_moves_are_counted(void **state)
{
	struct simtree *t = simtree_new(7, "redirect: {}\n",
	                                "[store_fake, services, network, link, burst, client, "
	                                "account, channel, message, query, monitor, guest, oper, "
	                                "redirect, moves, metrics]");
	struct simserver *first, *second;
	struct simmover *m;
	char *text;

	(void)state;
	simtree_join(t, 0);
	assert_true(simtree_level(t, 120 * GW_SECOND));
	first = t->nodes[0].server;
	second = t->nodes[1].server;
	simnet_run(t->net, 30 * GW_SECOND);
	text = scrape(first);
	expect_in(text, "godwit_network_servers", 2);
	expect_in(text, "godwit_link_live{peer=\"s1.example.net\"}", 1);
	expect_in(text, "godwit_services_settled{peer=\"s1.example.net\"}", 1);
	assert_true(figure_in(text, "godwit_link_queue_bytes{peer=\"s1.example.net\"}") < 1000);
	assert_true(figure_in(text, "godwit_link_lag_seconds{peer=\"s1.example.net\"}") > 0);
	assert_true(figure_in(text, "godwit_link_handshakes_total{result=\"ok\"}") >= 1);
	assert_true(figure_in(text, "godwit_link_received_bytes_total") > 100);
	free(text);
	m = simmover_new(t, 0, "ann", "godwit/redirect", true);
	assert_non_null(m);
	simserver_ask(first, "moves begin ann s1.example.net");
	simnet_run(t->net, 10 * GW_SECOND);
	text = scrape(first);
	expect_in(text, "godwit_redirect_moves_total{outcome=\"done\"}", 1);
	expect_in(text, "godwit_redirect_gap_seconds_count", 1);
	expect_in(text, "godwit_redirect_pending{direction=\"from\"}", 0);
	expect_in(text, "godwit_client_ended_total{reason=\"moved\"}", 1);
	expect_in(text, "godwit_clients{state=\"connected\"}", 0);
	free(text);
	text = scrape(second);
	expect_in(text, "godwit_redirect_taken_total", 1);
	expect_in(text, "godwit_client_entered_total{way=\"move\"}", 1);
	expect_in(text, "godwit_clients{state=\"connected\"}", 1);
	free(text);
	simtree_cut(t, 0, 1);
	simnet_run(t->net, 60 * GW_SECOND);
	text = scrape(first);
	expect_in(text, "godwit_network_servers", 1);
	assert_true(isnan(figure_in(text, "godwit_link_live{peer=\"s1.example.net\"}")));
	assert_true(figure_in(text, "godwit_link_down_total{reason=\"lost\"}") >= 1);
	free(text);
	simmover_free(&m);
	simtree_end(&t);
}

/* --- the form --- */

static struct simserver *with_figures(struct simnet *net)
{
	const char *build = getenv("GODWIT_BUILD");
	char *yaml = mem_printf("modules: [metrics, figures]\n"
	                        "module-directory: [%s/modules, %s/tests/modules]\n",
	                        build != NULL ? build : ".", build != NULL ? build : ".");
	struct simserver *s = simnet_server(net, yaml);

	free(yaml);
	return s;
}

static void has(const char *text, const char *lines)
{
	if (strstr(text, lines) == NULL)
		fail_msg("lacks: %s", lines);
}

static void what_a_module_tells_is_escaped(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = with_figures(net);
	char *text = scrape(s);

	(void)state;
	has(text, "\n# HELP figures_asked_total How often;\\\\ a\\nline.\n"
	          "# TYPE figures_asked_total counter\nfigures_asked_total 1\n");
	has(text, "\nfigures_odd{path=\"a\\\\b \\\"c\\\"\\nd??\",_2=\"\"} 0.1\n"
	          "figures_odd{is=\"nan\"} NaN\nfigures_odd{is=\"inf\"} -Inf\n"
	          "figures_odd{is=\"large\"} 4503599627370496\nfigures_odd{is=\"small\"} 1e-09\n");
	has(text, "\n# TYPE figures_seconds histogram\nfigures_seconds_bucket{le=\"2e-05\"} 2\n"
	          "figures_seconds_bucket{le=\"5e-05\"} 3\n");
	has(text, "\nfigures_seconds_bucket{le=\"10\"} 3\nfigures_seconds_bucket{le=\"+Inf\"} 4\n"
	          "figures_seconds_sum 11.000040001\nfigures_seconds_count 4\n"
	          "figures_seconds_bucket{of=\"other\",le=\"2e-05\"} 2\n");
	free(text);
	simnet_end(&net);
}

static void what_breaks_the_form_is_left_out(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = with_figures(net);
	char *text = scrape(s);

	(void)state;
	assert_int_equal(sim_count(text, "Wrong."), 0);
	assert_int_equal(sim_count(text, "\n# TYPE figures_odd "), 1);
	has(text, "\n# TYPE figures_wrong gauge\nfigures_wrong 1\n# HELP figures_wrong_seconds ");
	assert_int_equal(sim_count(text, "\nfigures_wrong_seconds_count "), 1);
	assert_int_equal(sim_count(text, "\nfigures_many{"), 1000);
	free(text);
	/* 12 families with a sample each, 9 samples, and 10 of too many */
	expect(s, "godwit_metrics_left_out_total", 43);
	assert_int_equal(
		sim_count(simserver_log(s), "figures left out count=43 first=figures-dash"), 1);
	simnet_end(&net);
}

/* --- asked badly --- */

static void the_length_is_that_of_the_body(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, "modules: [metrics]\n");
	char *text = scrape(s), *head = ask(s, "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	const char *body = strstr(text, "\n\n") + 2;

	(void)state;
	assert_int_equal(strtoul(strstr(text, "Content-Length: ") + 16, NULL, 10),
	                 strlen(body) + 1);
	has(text, "\nDate: Thu, 01 Jan 2026 00:00:00 GMT\nContent-Type: text/plain; version=0.0.4; "
	          "charset=utf-8\n");
	has(text, "\nConnection: close\n\n# HELP godwit_info ");
	assert_non_null(strstr(head, "HTTP/1.1 200 OK\n"));
	assert_non_null(strstr(head, "\nConnection: close\n"));
	assert_null(strstr(head, "# HELP"));
	free(text);
	free(head);
	simnet_end(&net);
}

static const struct {
	const char *request, *code;
} requests[] = {
	{GET, "200"},
	{"\r\n" GET, "200"},
	{"GET /metrics HTTP/1.0\r\n\r\n", "200"},
	{"GET /metrics HTTP/1.0\n\n", "200"},
	{"GET /metrics?name=a HTTP/1.1\r\nhOST: x\r\n\r\n", "200"},
	{"GET http://x:1/metrics HTTP/1.1\r\nHost: x:1\r\n\r\n", "200"},
	{GET GET, "200"},
	{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "404"},
	{"GET /metricsx HTTP/1.1\r\nHost: x\r\n\r\n", "404"},
	{"GET * HTTP/1.1\r\nHost: x\r\n\r\n", "404"},
	{"GET http:// HTTP/1.1\r\nHost: x\r\n\r\n", "404"},
	{"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", "405"},
	{"get /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "405"},
	{"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "405"},
	{"GET /metrics HTTP/1.1\r\n\r\n", "400"},
	{"GET /metrics HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "400"},
	{"GET /metrics HTTP/1.1\r\nHost : x\r\n\r\n", "400"},
	{"GET /metrics HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", "400"},
	{"GET /metrics HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", "400"},
	{"GET /metrics HTTP/1.1\r\n: x\r\n\r\n", "400"},
	{"GET  /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
	{"GET /metrics HTTP/1.1 \r\nHost: x\r\n\r\n", "400"},
	{"GET /met\trics HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
	{"GET /metrics\r\n\r\n", "400"},
	{"GET\r\n", "400"},
	{" GET /metrics HTTP/1.1\r\n", "400"},
	{"GET /metrics http/1.1\r\n", "400"},
	{"GET /metrics HTTP/11\r\n", "400"},
	{"GET /metrics HTTP/1.11\r\n", "400"},
	{"\x16\x03\x01\x02\n", "400"},
	{"NICK ann\r\nUSER ann 0 * :ann\r\n", "400"},
	{"GET /metrics HTTP/2.0\r\nHost: x\r\n\r\n", "505"},
};

static void each_request_has_its_answer(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, "modules: [metrics]\n");
	char *answer;

	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		answer = ask(s, requests[i].request);
		if (strncmp(answer, "HTTP/1.1 ", 9) != 0 ||
		    strncmp(answer + 9, requests[i].code, 3) != 0 ||
		    sim_count(answer, "HTTP/1.1 ") != 1)
			fail_msg("%s: %.100s", requests[i].request, answer);
		if (strcmp(requests[i].code, "405") == 0)
			has(answer, "\nAllow: GET, HEAD\n");
		free(answer);
	}
	expect(s, "godwit_metrics_requests_total{code=\"404\"}", 4);
	simnet_end(&net);
}

static void send_again(struct simclient *c, const char *text, int n)
{
	for (int i = 0; i < n; i++)
		client_send_raw(c, text, strlen(text));
}

static void what_is_too_long_is_refused(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, "modules: [metrics]\n");
	struct simclient *c = asker(s);

	(void)state;
	client_send_raw(c, "GET /", 5);
	send_again(c, "0123456789abcdef", 600);
	client_send(c, " HTTP/1.1");
	client_expect_next(c, "HTTP/1.1 414 *");
	client_expect_end(c);
	c = asker(s);
	client_send(c, "GET /metrics HTTP/1.1");
	client_send_raw(c, "X: ", 3);
	send_again(c, "0123456789abcdef", 600);
	client_send(c, "%s", "");
	client_expect_next(c, "HTTP/1.1 431 *");
	client_expect_end(c);
	c = asker(s);
	client_send(c, "GET /metrics HTTP/1.1");
	send_again(c, "X: y\r\n", 70);
	client_expect_next(c, "HTTP/1.1 431 *");
	client_expect_end(c);
	c = asker(s);
	client_send_raw(c, "GET /metrics HTTP/1.1\r\nHost\0: x\r\n", 33);
	client_expect_next(c, "HTTP/1.1 400 *");
	simnet_end(&net);
}

static void who_asks_slowly_is_cut_off(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, "modules: [metrics]\n");
	struct simclient *mute = asker(s), *slow = asker(s);

	(void)state;
	for (int i = 0; i < 9; i++) {
		client_send_raw(slow, "X", 1);
		simnet_run(net, GW_SECOND);
	}
	assert_false(client_ended(mute) || client_ended(slow));
	free(scrape(s));
	client_expect_next(mute, "HTTP/1.1 408 *");
	client_expect_next(slow, "HTTP/1.1 408 *");
	client_expect_end(mute);
	client_expect_end(slow);
	simnet_run(net, 3 * GW_SECOND);
	expect(s, "godwit_connections", 1);
	simnet_end(&net);
}

static void who_reads_slowly_is_cut_off(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, "modules: [metrics]\n");
	struct simclient *c;

	(void)state;
	simnet_faults(net)->window = 512;
	c = asker(s);
	simpipe_block(client_pipe(c), true);
	client_send_raw(c, GET, strlen(GET));
	simnet_run(net, 8 * GW_SECOND);
	expect(s, "godwit_connections", 2);
	simnet_run(net, 4 * GW_SECOND);
	expect(s, "godwit_connections", 1);
	simnet_end(&net);
}

static void too_many_at_once_are_sent_away(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, "modules: [metrics]\n");
	struct simclient *c[17];

	(void)state;
	for (int i = 0; i < 17; i++)
		c[i] = asker(s);
	client_expect_next(c[16], "HTTP/1.1 503 *");
	client_expect_end(c[16]);
	client_close(c[3]);
	simnet_quiet(net);
	expect(s, "godwit_metrics_requests_total{code=\"503\"}", 1);
	simserver_ask(s, "module unload metrics");
	client_expect_end(c[0]);
	simnet_end(&net);
}

/* --- where --- */

static void other_addresses_are_configured(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(
		net, "modules: [metrics]\nmetrics: {port: 0}\nlisten:\n"
		     "  - {address: \"192.0.2.1:9000\", protocol: metrics, tls: no}\n");
	struct simclient *c = simnet_client_at(s, "192.0.2.1:9000", "192.0.2.2");

	(void)state;
	client_send_raw(c, GET, strlen(GET));
	client_expect_next(c, "HTTP/1.1 200 OK");
	assert_null(simpipe_connect(net, simserver_host(s), PLACE, "127.0.0.1", NULL, NULL, NULL));
	simnet_end(&net);
}

static void a_port_that_is_taken_is_said(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s =
		simnet_server(net, TALK_OPEN "listen:\n  - {address: \"" PLACE "\", tls: no}\n");
	struct gw_error err = {0};
	int status;

	(void)state;
	assert_non_null(strstr(simserver_admin(s, &status, "module load metrics"),
	                       "cannot listen on 127.0.0.1:9477: Address already in use"));
	assert_int_equal(status, -EADDRINUSE);
	assert_null(simnet_try_server(net,
	                              "modules: [metrics]\nlisten:\n"
	                              "  - {address: \"127.0.0.1:9477\", protocol: metrics}\n",
	                              &err));
	assert_non_null(strstr(err.text, "module metrics: cannot listen on 127.0.0.1:9477"));
	simnet_end(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clients_are_counted_by_state_and_end),
		cmocka_unit_test(who_is_not_let_in_is_counted),
		cmocka_unit_test(what_is_said_is_counted),
		cmocka_unit_test(a_queue_that_nobody_reads_is_seen),
		cmocka_unit_test(a_reload_keeps_what_was_counted),
		cmocka_unit_test(links_and_moves_are_counted),
		cmocka_unit_test(what_a_module_tells_is_escaped),
		cmocka_unit_test(what_breaks_the_form_is_left_out),
		cmocka_unit_test(the_length_is_that_of_the_body),
		cmocka_unit_test(each_request_has_its_answer),
		cmocka_unit_test(what_is_too_long_is_refused),
		cmocka_unit_test(who_asks_slowly_is_cut_off),
		cmocka_unit_test(who_reads_slowly_is_cut_off),
		cmocka_unit_test(too_many_at_once_are_sent_away),
		cmocka_unit_test(other_addresses_are_configured),
		cmocka_unit_test(a_port_that_is_taken_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
