/*
 * tests/unit/dial.c - connections that a host of the simulated network makes to another, and what
 * may happen between them.
 */
#include "core/conn.h"
#include "tests/sim/sim.h"
#include "tests/unit/bare.h"
#include "tests/unit/cmocka.h"
#include "tests/unit/owner.h"
#include <stdlib.h>

#define with_world(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#define ADDRESS "10.0.0.2:7000"

struct world {
	struct simnet *net;
	struct loop *hosts[2];
	struct bare *one, *two;
	struct owner d, s; /* one dials, two is dialled */
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->net = simnet_new(1);
	w->d.limits = w->s.limits =
		(struct gw_conn_owner){.line_max = 510, .recvq_max = 8192, .sendq_max = 100000};
	w->hosts[0] = simhost_new(w->net);
	w->hosts[1] = simhost_new(w->net);
	w->one = bare_new(w->hosts[0], owner_calls, &w->d);
	w->two = bare_new(w->hosts[1], owner_calls, &w->s);
	w->d.self = bare_self(w->one);
	w->s.self = bare_self(w->two);
	w->d.tls = GW_TLS_LINK;
	bare_tls(w->two, GW_TLS_LINK);
	assert_int_equal(bare_listen(w->two, ADDRESS, false, NULL), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	w->d.again = NULL;
	bare_free(&w->one);
	bare_free(&w->two);
	simnet_free(&w->net);
	free(w);
	return 0;
}

static void dial(struct world *w, const char *address)
{
	owner_dial(&w->d, address, GW_TLS_LINK);
	simnet_run(w->net, 10 * GW_MS);
}

static void write_out(struct owner *s, const char *text)
{
	gw_sink_write(s->self, gw_conn_sink(s->self, s->conn), text, strlen(text));
}

static void another_host_is_reached(void **state)
{
	struct world *w = *state;
	const struct gw_conn_info *here, *there;

	owner_dial(&w->d, ADDRESS, GW_TLS_LINK);
	write_out(&w->d, "early\n");
	assert_int_equal(w->d.ready, 0);
	simnet_run(w->net, 10 * GW_MS);
	assert_int_equal(w->d.ready, 1);
	assert_int_equal(w->s.ready, 1);
	write_out(&w->s, "hello\n");
	simnet_run(w->net, 10 * GW_MS);
	assert_string_equal(w->s.heard, "early|");
	assert_string_equal(w->d.heard, "hello|");
	here = gw_conn_info(w->d.self, w->d.conn);
	there = gw_conn_info(w->s.self, w->s.conn);
	assert_string_equal(here->address, "10.0.0.2");
	assert_int_equal(here->port, 7000);
	assert_string_equal(here->listener, ADDRESS);
	assert_string_equal(there->address, "10.0.0.1");
	assert_true(here->tls && there->tls && here->has_binding && there->has_binding);
	assert_memory_equal(here->binding, there->binding, 32);
	gw_conn_close(w->d.self, w->d.conn, GW_CLOSE_FLUSH, "enough");
	simnet_run(w->net, 10 * GW_MS);
	assert_string_equal(w->d.heard, "hello|<enough>");
	assert_string_equal(w->s.heard, "early|<Connection closed>");
	assert_int_equal(conns_count(bare_server(w->one)->conns), 0);
	assert_int_equal(conns_count(bare_server(w->two)->conns), 0);
}

static void dial_pinned(struct world *w, const uint8_t pin[32])
{
	struct gw_dial wanted = {
		.address = ADDRESS, .tls = GW_TLS_SERVER, .owner = w->d.limits, .pin = pin};

	owner_take(&w->d, &wanted.owner);
	w->d.conn = gw_conn_dial(w->d.self, &wanted);
	simnet_run(w->net, 10 * GW_MS);
}

static void a_server_has_a_certificate(void **state)
{
	struct world *w = *state;
	uint8_t pin[32];
	const struct gw_conn_info *here, *there;

	bare_tls(w->two, GW_TLS_CLIENTS);
	assert_int_equal(bare_listen(w->two, ADDRESS, true, NULL), 0);
	memset(pin, 2, sizeof(pin));
	dial_pinned(w, pin);
	assert_int_equal(w->d.ready, 1);
	here = gw_conn_info(w->d.self, w->d.conn);
	there = gw_conn_info(w->s.self, w->s.conn);
	assert_true(here->has_certificate && here->has_binding && !there->has_certificate);
	assert_memory_equal(here->certificate, pin, 32);
	assert_memory_equal(here->binding, there->binding, 32);
	assert_int_equal(gw_conn_ticket(w->d.self, w->d.conn, NULL, 0), 0);
	memset(pin, 0xa5, sizeof(pin));
	simhost_certificate(w->hosts[1], pin);
	dial_pinned(w, NULL);
	assert_memory_equal(gw_conn_info(w->d.self, w->d.conn)->certificate, pin, 32);
	memset(pin, 2, sizeof(pin));
	dial_pinned(w, pin);
	assert_int_equal(w->d.ready, 2);
	assert_string_equal(w->d.heard, "<TLS handshake failed: certificate is "
	                                "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5"
	                                "a5a5a5, not the one expected>");
}

static void a_name_is_looked_up(void **state)
{
	struct world *w = *state;

	dial(w, "sim2.example.net:7000");
	assert_int_equal(w->d.ready, 1);
	assert_string_equal(gw_conn_info(w->d.self, w->d.conn)->address, "10.0.0.2");
}

static void an_address_that_says_nothing_does_not_keep_from_the_next(void **state)
{
	struct world *w = *state;
	struct loop *host = simhost_new(w->net);
	struct owner unheard = {.limits = w->s.limits};
	struct bare *three = bare_new(host, owner_calls, &unheard);

	unheard.self = bare_self(three);
	bare_tls(three, GW_TLS_LINK);
	assert_int_equal(bare_listen(three, "10.0.0.3:7000", false, NULL), 0);
	simnet_stall(w->net, w->hosts[0], host);
	dial(w, "sim3and2.example.net:7000");
	assert_int_equal(w->d.ready, 0);
	simnet_run(w->net, 5 * GW_SECOND);
	assert_int_equal(w->d.ready, 1);
	assert_string_equal(gw_conn_info(w->d.self, w->d.conn)->address, "10.0.0.2");
	simnet_run(w->net, 30 * GW_SECOND);
	assert_int_equal(w->d.ready, 1);
	assert_string_equal(w->d.heard, "");
	bare_free(&three);
	dial(w, "sim3and2.example.net:7000"); /* refused there */
	assert_int_equal(w->d.ready, 2);
}

static void an_unknown_name_is_told(void **state)
{
	struct world *w = *state;

	dial(w, "nowhere.example.net:7000");
	assert_string_equal(w->d.heard,
	                    "<cannot look up nowhere.example.net:7000: Name or service not known>");
	w->d.n = 0;
	dial(w, "no port");
	assert_string_equal(w->d.heard, "<cannot look up no port: Name or service not known>");
}

static void who_gives_up_meanwhile_hears_of_it_once(void **state)
{
	struct world *w = *state;

	owner_dial(&w->d, "sim2.example.net:7000", GW_TLS_LINK);
	gw_conn_close(w->d.self, w->d.conn, GW_CLOSE_FLUSH, "at once");
	simnet_run(w->net, GW_SECOND);
	owner_dial(&w->d, "sim2.example.net:7000", GW_TLS_LINK);
	simnet_run(w->net, GW_MS / 2); /* it is being looked up */
	gw_conn_close(w->d.self, w->d.conn, GW_CLOSE_NOW, "looking");
	simnet_run(w->net, GW_SECOND);
	owner_dial(&w->d, ADDRESS, GW_TLS_LINK);
	simnet_run(w->net, GW_MS / 20); /* it is under way */
	gw_conn_close(w->d.self, w->d.conn, GW_CLOSE_FLUSH, "going");
	simnet_run(w->net, GW_SECOND);
	assert_string_equal(w->d.heard, "<at once><looking><going>");
	assert_int_equal(w->s.ready, 0);
	assert_int_equal(conns_count(bare_server(w->one)->conns), 0);
}

static void nobody_there_is_told_in_a_later_turn(void **state)
{
	struct world *w = *state;

	owner_dial(&w->d, "10.0.0.2:7001", GW_TLS_LINK);
	assert_int_equal(w->d.closed, 0);
	simnet_run(w->net, 10 * GW_MS);
	assert_string_equal(w->d.heard, "<Connection refused>");
}

static void dialling_again_at_once_does_not_hold_the_loop(void **state)
{
	struct world *w = *state;

	w->d.again = "10.0.0.2:7001";
	dial(w, "10.0.0.2:7001");
	assert_in_range(w->d.closed, 10, 100);
}

static void a_cut_ends_it_and_keeps_it_away(void **state)
{
	struct world *w = *state;

	dial(w, ADDRESS);
	simnet_cut(w->net, w->hosts[0], w->hosts[1]);
	simnet_run(w->net, 10 * GW_MS);
	assert_string_equal(w->d.heard, "<Connection reset by peer>");
	assert_string_equal(w->s.heard, "<Connection reset by peer>");
	dial(w, ADDRESS);
	assert_string_equal(w->d.heard, "<Connection reset by peer><Connection refused>");
	simnet_heal(w->net, NULL, NULL);
	dial(w, ADDRESS);
	assert_int_equal(w->d.ready, 2);
}

static void what_is_stalled_arrives_when_it_is_healed(void **state)
{
	struct world *w = *state;

	dial(w, ADDRESS);
	simnet_stall(w->net, w->hosts[1], w->hosts[0]);
	write_out(&w->d, "one\n");
	write_out(&w->s, "two\n");
	simnet_run(w->net, 60 * GW_SECOND);
	assert_string_equal(w->d.heard, "");
	assert_string_equal(w->s.heard, "");
	write_out(&w->d, "three\n");
	simnet_run(w->net, GW_SECOND);
	simnet_heal(w->net, w->hosts[0], w->hosts[1]);
	write_out(&w->d, "four\n");
	simnet_run(w->net, GW_SECOND);
	assert_string_equal(w->d.heard, "two|");
	assert_string_equal(w->s.heard, "one|three|four|");
}

static void a_dial_hangs_while_it_is_stalled(void **state)
{
	struct world *w = *state;

	simnet_stall(w->net, w->hosts[0], w->hosts[1]);
	dial(w, ADDRESS);
	simnet_run(w->net, 60 * GW_SECOND);
	assert_int_equal(w->d.ready + w->d.closed, 0);
	simnet_heal(w->net, NULL, NULL);
	simnet_run(w->net, 2 * GW_SECOND);
	assert_int_equal(w->d.ready, 1);
}

static void a_delay_is_added(void **state)
{
	struct world *w = *state;

	simnet_delay(w->net, w->hosts[0], w->hosts[1], 200 * GW_MS);
	dial(w, ADDRESS);
	simnet_run(w->net, 100 * GW_MS);
	assert_int_equal(w->d.ready, 0);
	simnet_run(w->net, GW_SECOND);
	assert_int_equal(w->d.ready, 1);
	write_out(&w->d, "x\n");
	simnet_run(w->net, 150 * GW_MS);
	assert_string_equal(w->s.heard, "");
	simnet_run(w->net, 100 * GW_MS);
	assert_string_equal(w->s.heard, "x|");
}

static void an_end_while_somebody_is_dialled_is_clean(void **state)
{
	struct world *w = *state;

	owner_dial(&w->d, "sim2.example.net:7000", GW_TLS_LINK);
	simnet_run(w->net, GW_MS / 2);
	owner_dial(&w->d, ADDRESS, GW_TLS_LINK);
	simnet_run(w->net, GW_MS / 20);
	owner_dial(&w->d, ADDRESS, GW_TLS_LINK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_world(another_host_is_reached),
		with_world(a_server_has_a_certificate),
		with_world(a_name_is_looked_up),
		with_world(an_address_that_says_nothing_does_not_keep_from_the_next),
		with_world(an_unknown_name_is_told),
		with_world(who_gives_up_meanwhile_hears_of_it_once),
		with_world(nobody_there_is_told_in_a_later_turn),
		with_world(dialling_again_at_once_does_not_hold_the_loop),
		with_world(a_cut_ends_it_and_keeps_it_away),
		with_world(what_is_stalled_arrives_when_it_is_healed),
		with_world(a_dial_hangs_while_it_is_stalled),
		with_world(a_delay_is_added),
		with_world(an_end_while_somebody_is_dialled_is_clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
