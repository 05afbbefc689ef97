/*
 * tests/unit/conn.c - connections over the simulated network: lines in, lines out, and every way it
 * can end.
 */
#include "core/conn.h"
#include "tests/sim/sim.h"
#include "tests/unit/bare.h"
#include "tests/unit/cmocka.h"
#include "tests/unit/owner.h"
#include <errno.h>
#include <stdlib.h>

#define with_world(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#define ADDRESS "127.0.0.1:6667"

/* A client that keeps what it gets. */
struct peer {
	struct simpipe *pipe;
	char *got;
	size_t n;
	bool ended, reset;
};

static void peer_got(void *ctx, const char *data, ssize_t n)
{
	struct peer *p = ctx;

	if (n <= 0) {
		p->ended = true;
		p->reset = n < 0;
		return;
	}
	p->got = realloc(p->got, p->n + (size_t)n + 1);
	memcpy(p->got + p->n, data, (size_t)n);
	p->n += (size_t)n;
	p->got[p->n] = '\0';
}

struct world {
	struct simnet *net;
	struct bare *bare;
	struct owner s;
	struct peer a;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->net = simnet_new(1);
	w->s.limits =
		(struct gw_conn_owner){.line_max = 510, .recvq_max = 8192, .sendq_max = 100000};
	w->bare = bare_new(simhost_new(w->net), owner_calls, &w->s);
	w->s.self = bare_self(w->bare);
	assert_int_equal(bare_listen(w->bare, ADDRESS, false, NULL), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	if (w->a.pipe != NULL)
		simpipe_close(&w->a.pipe);
	bare_free(&w->bare);
	simnet_free(&w->net);
	free(w->a.got);
	free(w);
	return 0;
}

static void come(struct world *w)
{
	w->a.pipe = simpipe_connect(w->net, bare_server(w->bare)->loop, ADDRESS, "127.0.0.1", NULL,
	                            peer_got, &w->a);
	assert_non_null(w->a.pipe);
	simnet_run(w->net, GW_MS);
}

static void say(struct world *w, const char *text)
{
	simpipe_send(w->a.pipe, text, strlen(text));
	simnet_run(w->net, 10 * GW_MS);
}

static void write_out(struct world *w, const char *text)
{
	gw_sink_write(w->s.self, gw_conn_sink(w->s.self, w->s.conn), text, strlen(text));
}

static void a_line_arrives_and_is_answered(void **state)
{
	struct world *w = *state;

	w->s.echo = true;
	come(w);
	assert_int_equal(w->s.ready, 1);
	say(w, "NICK a\r\nUSER b\n\r\nhalf");
	assert_string_equal(w->s.heard, "NICK a|USER b||");
	assert_string_equal(w->a.got, "NICK a\nUSER b\n\n");
	say(w, " a line\n");
	assert_string_equal(w->s.heard, "NICK a|USER b||half a line|");
}

static void what_is_written_in_a_turn_leaves_at_once(void **state)
{
	struct world *w = *state;
	int i;

	come(w);
	for (i = 0; i < 100; i++)
		write_out(w, "0123456789012345678901234567890123456789012345678\n");
	assert_int_equal(gw_sink_queued(w->s.self, gw_conn_sink(w->s.self, w->s.conn)), 5000);
	simnet_run(w->net, GW_MS);
	assert_int_equal(w->a.n, 5000);
	assert_int_equal(gw_sink_queued(w->s.self, gw_conn_sink(w->s.self, w->s.conn)), 0);
	assert_int_equal(gw_conn_bytes(w->s.self, w->s.conn, true), 5000);
}

static void short_writes_and_reads_lose_nothing(void **state)
{
	struct world *w = *state;
	char line[100];
	int i;

	simnet_faults(w->net)->short_reads = simnet_faults(w->net)->short_writes = 90;
	w->s.echo = true;
	come(w);
	for (i = 0; i < 500; i++) {
		snprintf(line, sizeof(line), "line number %d\n", i);
		simpipe_send(w->a.pipe, line, strlen(line));
	}
	simnet_run(w->net, 60 * GW_SECOND);
	assert_int_equal(w->s.lines, 500);
	assert_non_null(strstr(w->a.got, "line number 0\nline number 1\n"));
	assert_non_null(strstr(w->a.got, "line number 498\nline number 499\n"));
	assert_int_equal(w->a.n, simpipe_unsent(w->a.pipe) + 10 * 14 + 90 * 15 + 400 * 16);
}

static void a_long_line_is_told_once(void **state)
{
	struct world *w = *state;
	char line[5001];

	memset(line, 'x', 5000);
	line[5000] = '\0';
	come(w);
	say(w, line);
	assert_int_equal(w->s.lines, 1);
	say(w, line);
	say(w, "tail\nnext\n");
	assert_int_equal(w->s.lines, 2);
	assert_string_equal(w->s.heard, "!xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx|next|");
}

static void a_line_without_an_end_ends_the_connection(void **state)
{
	struct world *w = *state;
	char line[5001];
	int i;

	memset(line, 'x', 5000);
	line[5000] = '\0';
	come(w);
	for (i = 0; i < 5; i++)
		say(w, line);
	assert_int_equal(w->s.lines, 1);
	assert_string_equal(w->s.heard,
	                    "!xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx|<Line too long>");
}

static void a_nul_is_part_of_the_line(void **state)
{
	struct world *w = *state;

	w->s.echo = true;
	come(w);
	simpipe_send(w->a.pipe, "a\0b\r\n", 5);
	simnet_run(w->net, GW_MS);
	assert_int_equal(w->a.n, 4);
	assert_memory_equal(w->a.got, "a\0b\n", 4);
}

static void stopped_input_waits_and_fills_the_peers_queue(void **state)
{
	struct world *w = *state;
	char line[64];
	int i;

	w->s.verdict = GW_LINE_STOP;
	come(w);
	for (i = 0; i < 20000; i++) {
		snprintf(line, sizeof(line), "line %d\n", i);
		simpipe_send(w->a.pipe, line, strlen(line));
	}
	simnet_run(w->net, GW_SECOND);
	assert_int_equal(w->s.lines, 1);
	assert_true(gw_conn_unread(w->s.self, w->s.conn) <= 8192);
	assert_true(gw_conn_unread(w->s.self, w->s.conn) > 8000);
	assert_true(simpipe_unsent(w->a.pipe) > 20000);
	for (i = 0; i < 30000 && w->s.lines < 19999; i++) {
		gw_conn_resume(w->s.self, w->s.conn);
		simnet_run(w->net, GW_MS);
		w->s.n = 0;
	}
	w->s.verdict = GW_LINE_NEXT;
	gw_conn_resume(w->s.self, w->s.conn);
	simnet_run(w->net, GW_MS);
	assert_int_equal(w->s.lines, 20000);
	assert_string_equal(w->s.heard, "line 19999|");
}

static void a_flood_is_served_in_slices(void **state)
{
	struct world *w = *state;
	int i;

	w->s.limits.lines_per_turn = 5;
	come(w);
	for (i = 0; i < 1000; i++)
		simpipe_send(w->a.pipe, "x\n", 2);
	while (w->s.lines == 0)
		simnet_step(w->net, INT64_MAX);
	assert_int_equal(w->s.lines, 5);
	simnet_run(w->net, GW_SECOND);
	assert_int_equal(w->s.lines, 1000);
}

static void a_half_closed_peer_gets_its_answers(void **state)
{
	struct world *w = *state;

	w->s.echo = true;
	w->s.limits.lines_per_turn = 2;
	come(w);
	simpipe_send(w->a.pipe, "1\n2\n3\n4\n5\nrest", 14);
	simpipe_shut(w->a.pipe);
	simnet_run(w->net, GW_SECOND);
	assert_string_equal(w->s.heard, "1|2|3|4|5|<Connection closed>");
	assert_string_equal(w->a.got, "1\n2\n3\n4\n5\n");
	assert_true(w->a.ended);
	assert_false(w->a.reset);
	assert_int_equal(conns_count(bare_server(w->bare)->conns), 0);
}

static void a_reset_is_told(void **state)
{
	struct world *w = *state;

	come(w);
	simpipe_cut(w->a.pipe);
	simnet_run(w->net, GW_MS);
	assert_string_equal(w->s.heard, "<Connection reset by peer>");
	assert_int_equal(conns_count(bare_server(w->bare)->conns), 0);
}

static void a_blocked_peer_is_dropped_at_its_sendq(void **state)
{
	struct world *w = *state;
	char line[1000];
	int i;

	memset(line, 'y', sizeof(line));
	come(w);
	simpipe_block(w->a.pipe, true);
	for (i = 0; i < 160 && w->s.conn != NULL; i++) {
		gw_sink_write(w->s.self, gw_conn_sink(w->s.self, w->s.conn), line, sizeof(line));
		simnet_run(w->net, GW_MS);
	}
	assert_int_equal(w->s.closed, 0); /* 64 KiB at the peer, the rest here */
	for (i = 0; i < 10 && w->s.conn != NULL; i++) {
		gw_sink_write(w->s.self, gw_conn_sink(w->s.self, w->s.conn), line, sizeof(line));
		simnet_run(w->net, GW_MS);
	}
	assert_string_equal(w->s.heard, "<SendQ exceeded>");
	assert_int_equal(conns_count(bare_server(w->bare)->conns), 0);
}

static void much_at_once_goes_out_before_it_counts(void **state)
{
	struct world *w = *state;
	char line[1000];
	int i;

	memset(line, 'y', sizeof(line));
	simnet_faults(w->net)->window = 1 << 20;
	come(w);
	for (i = 0; i < 300; i++)
		gw_sink_write(w->s.self, gw_conn_sink(w->s.self, w->s.conn), line, sizeof(line));
	simnet_run(w->net, GW_MS);
	assert_int_equal(w->s.closed, 0);
	assert_int_equal(w->a.n, 300000);
}

static void long_buffers_are_shared(void **state)
{
	struct world *w = *state;
	struct gw_buf *buf;

	come(w);
	buf = gw_buf_new(w->s.self, 5000);
	memset(buf->data, 'z', 5000);
	gw_sink_write_buf(w->s.self, gw_conn_sink(w->s.self, w->s.conn), buf);
	write_out(w, "\n");
	assert_int_equal(buf->refs, 2);
	simnet_run(w->net, GW_MS);
	assert_int_equal(buf->refs, 1);
	assert_int_equal(w->a.n, 5001);
	gw_buf_unref(w->s.self, &buf);
	assert_null(buf);
}

static void drained_is_told_once(void **state)
{
	struct world *w = *state;
	char line[1000];
	int i;

	memset(line, 'y', sizeof(line));
	come(w);
	simpipe_block(w->a.pipe, true);
	for (i = 0; i < 90; i++)
		gw_sink_write(w->s.self, gw_conn_sink(w->s.self, w->s.conn), line, sizeof(line));
	gw_conn_wait_drain(w->s.self, w->s.conn, 10000);
	simnet_run(w->net, GW_SECOND);
	assert_int_equal(w->s.drained, 0);
	simpipe_block(w->a.pipe, false);
	simnet_run(w->net, GW_SECOND);
	assert_int_equal(w->s.drained, 1);
	assert_int_equal(w->a.n, 90000);
	gw_conn_wait_drain(w->s.self, w->s.conn, 10000);
	assert_int_equal(w->s.drained, 1);
	simnet_run(w->net, GW_MS);
	assert_int_equal(w->s.drained, 2);
}

static void a_close_ends_the_input_and_flushes_the_output(void **state)
{
	struct world *w = *state;

	w->s.echo = true;
	w->s.close_on_line = "Quit: x";
	w->s.how = GW_CLOSE_FLUSH;
	come(w);
	say(w, "QUIT\nnever seen\n");
	assert_string_equal(w->s.heard, "QUIT|<Quit: x>");
	assert_string_equal(w->a.got, "QUIT\n");
	assert_true(w->a.ended);
	assert_false(w->a.reset);
	assert_int_equal(w->s.closed, 1);
	/* It waits for the peer's end, for two seconds. */
	assert_int_equal(conns_count(bare_server(w->bare)->conns), 1);
	simnet_run(w->net, 3 * GW_SECOND);
	assert_int_equal(conns_count(bare_server(w->bare)->conns), 0);
}

static void a_flush_to_a_blocked_peer_is_bounded(void **state)
{
	struct world *w = *state;
	char line[1000];
	int i;

	memset(line, 'y', sizeof(line));
	come(w);
	simpipe_block(w->a.pipe, true);
	for (i = 0; i < 90; i++)
		gw_sink_write(w->s.self, gw_conn_sink(w->s.self, w->s.conn), line, sizeof(line));
	gw_conn_close(w->s.self, w->s.conn, GW_CLOSE_FLUSH, "enough");
	simnet_run(w->net, GW_SECOND);
	assert_string_equal(w->s.heard, "<enough>");
	assert_int_equal(conns_count(bare_server(w->bare)->conns), 1);
	simnet_run(w->net, 2 * GW_SECOND);
	assert_int_equal(conns_count(bare_server(w->bare)->conns), 0);
}

static void a_close_at_once_writes_nothing_more(void **state)
{
	struct world *w = *state;

	come(w);
	write_out(w, "unheard\n");
	gw_conn_close(w->s.self, w->s.conn, GW_CLOSE_NOW, "now");
	write_out(w, "unheard\n");
	simnet_run(w->net, GW_MS);
	assert_int_equal(w->a.n, 0);
	assert_true(w->a.ended);
	assert_string_equal(w->s.heard, "<now>");
}

static void the_first_close_gives_the_reason(void **state)
{
	struct world *w = *state;

	come(w);
	gw_conn_close(w->s.self, w->s.conn, GW_CLOSE_FLUSH, "first");
	gw_conn_close(w->s.self, w->s.conn, GW_CLOSE_NOW, "second");
	simnet_run(w->net, GW_MS);
	assert_string_equal(w->s.heard, "<first>");
	assert_int_equal(w->s.closed, 1);
}

static void a_refused_one_hears_why(void **state)
{
	struct world *w = *state;

	w->s.refuse = -EACCES;
	come(w);
	simnet_run(w->net, GW_SECOND);
	assert_string_equal(w->a.got, "ERROR :go away\r\n");
	assert_true(w->a.ended);
	assert_string_equal(w->s.heard, "");
	simnet_run(w->net, 3 * GW_SECOND);
	assert_int_equal(conns_count(bare_server(w->bare)->conns), 0);
}

static void a_close_in_accept_is_heard(void **state)
{
	struct world *w = *state;

	w->s.close_in_accept = true;
	come(w);
	simnet_run(w->net, GW_SECOND);
	assert_string_equal(w->a.got, "bye\n");
	assert_string_equal(w->s.heard, "<at once>");
	assert_int_equal(w->s.ready, 0);
}

static void a_closed_stop_waits_for_nobody(void **state)
{
	struct world *w = *state;

	w->s.verdict = GW_LINE_STOP;
	come(w);
	simpipe_send(w->a.pipe, "1\n2\n", 4);
	simpipe_shut(w->a.pipe);
	simnet_run(w->net, GW_SECOND);
	assert_string_equal(w->s.heard, "1|");
	gw_conn_resume(w->s.self, w->s.conn);
	simnet_run(w->net, GW_SECOND);
	assert_string_equal(w->s.heard, "1|2|");
	gw_conn_resume(w->s.self, w->s.conn);
	simnet_run(w->net, GW_SECOND);
	assert_string_equal(w->s.heard, "1|2|<Connection closed>");
}

static void a_rehash_keeps_what_stays(void **state)
{
	struct world *w = *state;
	struct gw_error err = {0};

	come(w);
	assert_int_equal(bare_listen(w->bare, ADDRESS, false, &err), 0);
	assert_int_equal(bare_listen(w->bare, "127.0.0.1:7000", false, &err), 0);
	say(w, "still here\n");
	assert_string_equal(w->s.heard, "still here|");
	assert_null(simpipe_connect(w->net, bare_server(w->bare)->loop, ADDRESS, "127.0.0.1", NULL,
	                            peer_got, NULL));
	assert_int_equal(bare_listen(w->bare, "nonsense", false, &err), -EINVAL);
	assert_string_equal(err.text, "cannot listen on nonsense: Invalid argument");
}

/* --- bytes --- */

static void take_bytes(struct world *w, size_t bite)
{
	w->s.limits.bytes = true;
	w->s.bite = bite;
	come(w);
}

static void bytes_come_again_until_they_are_used(void **state)
{
	struct world *w = *state;

	take_bytes(w, 4);
	say(w, "abcdefghij");
	assert_string_equal(w->s.heard, "abcd|efgh|");
	assert_int_equal(w->s.shown, 2);
	assert_int_equal(gw_conn_unread(w->s.self, w->s.conn), 2);
	say(w, "k");
	assert_int_equal(w->s.shown, 3);
	say(w, "l\n");
	assert_string_equal(w->s.heard, "abcd|efgh|ijkl|");
	assert_int_equal(gw_conn_unread(w->s.self, w->s.conn), 1);
}

static void each_call_with_bytes_counts_as_a_line(void **state)
{
	struct world *w = *state;
	char data[1000];

	memset(data, 'x', sizeof(data));
	w->s.limits.lines_per_turn = 5;
	take_bytes(w, 2);
	simpipe_send(w->a.pipe, data, sizeof(data));
	while (w->s.lines == 0)
		simnet_step(w->net, INT64_MAX);
	assert_int_equal(w->s.lines, 5);
	simnet_run(w->net, GW_SECOND);
	assert_int_equal(w->s.lines, 500);
}

static void bytes_wait_while_the_input_is_stopped(void **state)
{
	struct world *w = *state;
	char data[1000];
	int i;

	memset(data, 'x', sizeof(data));
	w->s.verdict = GW_LINE_STOP;
	take_bytes(w, 1);
	for (i = 0; i < 100; i++)
		simpipe_send(w->a.pipe, data, sizeof(data));
	simnet_run(w->net, GW_SECOND);
	assert_int_equal(w->s.lines, 1);
	assert_int_equal(gw_conn_unread(w->s.self, w->s.conn), 8192);
	assert_true(simpipe_unsent(w->a.pipe) > 20000);
	w->s.quiet = true;
	w->s.bite = 100;
	w->s.verdict = GW_LINE_NEXT;
	gw_conn_resume(w->s.self, w->s.conn);
	simnet_run(w->net, GW_SECOND);
	assert_int_equal(gw_conn_bytes(w->s.self, w->s.conn, false), 100000);
	assert_int_equal(gw_conn_unread(w->s.self, w->s.conn), 99);
	assert_int_equal(w->s.closed, 0);
}

static void who_leaves_too_many_bytes_is_closed(void **state)
{
	struct world *w = *state;
	char data[8191];

	memset(data, 'x', sizeof(data));
	take_bytes(w, 10000);
	simpipe_send(w->a.pipe, data, sizeof(data));
	simnet_run(w->net, GW_SECOND);
	assert_int_equal(w->s.closed, 0);
	simpipe_send(w->a.pipe, data, 1);
	simnet_run(w->net, GW_SECOND);
	assert_string_equal(w->s.heard, "<Input too long>");
}

static void the_end_drops_what_nobody_used(void **state)
{
	struct world *w = *state;

	w->s.limits.lines_per_turn = 1;
	take_bytes(w, 2);
	simpipe_send(w->a.pipe, "abcdefg", 7);
	simpipe_shut(w->a.pipe);
	simnet_run(w->net, GW_SECOND);
	assert_string_equal(w->s.heard, "ab|cd|ef|<Connection closed>");
}

static void what_is_left_goes_to_the_next_owner(void **state)
{
	struct world *w = *state;
	struct gw_conn_owner lines = w->s.limits;

	w->s.next = &lines;
	take_bytes(w, 3);
	say(w, "abcone\ntwo\nthr");
	assert_string_equal(w->s.heard, "abc|one|two|");
	say(w, "ee\n");
	assert_string_equal(w->s.heard, "abc|one|two|three|");
}

static void the_next_owner_may_come_without_a_byte_used(void **state)
{
	struct world *w = *state;
	struct gw_conn_owner lines = w->s.limits;

	take_bytes(w, 100);
	say(w, "one\ntw");
	w->s.next = &lines;
	say(w, "o\n");
	assert_string_equal(w->s.heard, "one|two|");
}

static void the_next_owner_gets_what_lies_there(void **state)
{
	struct world *w = *state;
	struct gw_conn_owner lines = w->s.limits;

	take_bytes(w, 100);
	say(w, "one\ntwo\n");
	assert_string_equal(w->s.heard, "");
	owner_take(&w->s, &lines);
	gw_conn_own(w->s.self, w->s.conn, &lines);
	simnet_run(w->net, GW_MS);
	assert_string_equal(w->s.heard, "one|two|");
}

/* A frame of 200000 bytes comes in pieces, small ones and large ones. */
static void long_input_is_kept_in_order(void **state)
{
	struct world *w = *state;
	uint8_t *data = malloc(600000);
	size_t at, n;

	for (at = 0; at < 600000; at++)
		data[at] = (uint8_t)('a' + at % 23);
	simnet_faults(w->net)->window = 1 << 20;
	simnet_faults(w->net)->short_reads = 50;
	w->s.limits.recvq_max = 300000;
	take_bytes(w, 200000);
	for (at = 0; at < 600000; at += n) {
		n = at % 7 == 0 ? 700 : 61234;
		n = n < 600000 - at ? n : 600000 - at;
		simpipe_send(w->a.pipe, data + at, n);
		simnet_run(w->net, GW_MS);
	}
	simnet_run(w->net, GW_SECOND);
	assert_memory_equal(w->s.heard, data, 40);
	assert_memory_equal(w->s.heard + 41, data + 200000, 40);
	assert_memory_equal(w->s.heard + 82, data + 400000, 40);
	assert_int_equal(w->s.heard[123], '\0');
	assert_int_equal(gw_conn_unread(w->s.self, w->s.conn), 0);
	free(data);
}

static void an_idle_connection_is_small(void **state)
{
	(void)state;
	assert_true(sizeof(struct gw_conn) <= 560);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_world(a_line_arrives_and_is_answered),
		with_world(what_is_written_in_a_turn_leaves_at_once),
		with_world(short_writes_and_reads_lose_nothing),
		with_world(a_long_line_is_told_once),
		with_world(a_line_without_an_end_ends_the_connection),
		with_world(a_nul_is_part_of_the_line),
		with_world(stopped_input_waits_and_fills_the_peers_queue),
		with_world(a_flood_is_served_in_slices),
		with_world(a_half_closed_peer_gets_its_answers),
		with_world(a_reset_is_told),
		with_world(a_blocked_peer_is_dropped_at_its_sendq),
		with_world(much_at_once_goes_out_before_it_counts),
		with_world(long_buffers_are_shared),
		with_world(drained_is_told_once),
		with_world(a_close_ends_the_input_and_flushes_the_output),
		with_world(a_flush_to_a_blocked_peer_is_bounded),
		with_world(a_close_at_once_writes_nothing_more),
		with_world(the_first_close_gives_the_reason),
		with_world(a_refused_one_hears_why),
		with_world(a_close_in_accept_is_heard),
		with_world(a_closed_stop_waits_for_nobody),
		with_world(a_rehash_keeps_what_stays),
		with_world(bytes_come_again_until_they_are_used),
		with_world(each_call_with_bytes_counts_as_a_line),
		with_world(bytes_wait_while_the_input_is_stopped),
		with_world(who_leaves_too_many_bytes_is_closed),
		with_world(the_end_drops_what_nobody_used),
		with_world(what_is_left_goes_to_the_next_owner),
		with_world(the_next_owner_may_come_without_a_byte_used),
		with_world(the_next_owner_gets_what_lies_there),
		with_world(long_input_is_kept_in_order),
		with_world(an_idle_connection_is_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
