/*
 * metrics/metrics.c - the figures of a server, served as Prometheus asks for them: GET /metrics.
 *
 * A connection brings one request, gets one answer, and ends; it has ten seconds for all of that.
 * What is told comes from the subscribers of "metrics.collect" (exposition.c), each time anew.
 */
#include "metrics.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

/* Rows of `.calls`; add at the end. */
enum metrics_call {
	CALL_NONE,
	CALL_ACCEPT,
	CALL_READY,
	CALL_LINE,
	CALL_DRAINED,
	CALL_CLOSED,
	CALL_LATE,
	CALL_COLLECT
};

#define PORT_USUAL "9477"
#define DEADLINE_NS (10 * GW_SECOND)

static const struct gw_option metrics_options[] = {
	{.name = "port",
         .type = GW_OPT_INT,
         .fallback = PORT_USUAL,
         .min = 0,
         .max = 65535,
         .help = "Port of 127.0.0.1 at which the figures are served; 0: only where listen has an "
                 "address with the protocol metrics. Read when the module is loaded."},
	{.name = NULL},
};

/* --- answers --- */

static struct gw_buf *head_new(struct metrics_state *st, enum http_answer answer, size_t body_len,
                               size_t room)
{
	const struct http_text *text = http_text(answer);
	time_t now = (time_t)(gw_wall_ns(st->self) / GW_SECOND);
	char head[400], date[40];
	struct gw_buf *buf;
	struct tm tm;
	int n;

	gmtime_r(&now, &tm);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	n = snprintf(head, sizeof(head),
	             "HTTP/1.1 %s %s\r\nDate: %s\r\n%sContent-Type: text/plain; %scharset=utf-8\r\n"
	             "Content-Length: %zu\r\nConnection: close\r\n\r\n",
	             text->code, text->title, date,
	             answer == HTTP_NOT_ALLOWED ? "Allow: GET, HEAD\r\n" : "",
	             answer == HTTP_OK ? "version=0.0.4; " : "", body_len);
	buf = gw_buf_new(st->self, (size_t)n + room);
	memcpy(buf->data, head, (size_t)n);
	buf->len = (uint32_t)n;
	return buf;
}

/* What is left out of a scrape is said once, until that changes. */
static void say_refused(struct metrics_state *st, const struct exposition *e)
{
	st->refused += e->n_refused;
	if (e->n_refused > 0 && e->n_refused != st->refused_last)
		gw_log(st->self, GW_WARN, "figures left out count=%u first=%s",
		       (unsigned)e->n_refused, e->first);
	st->refused_last = e->n_refused;
}

static void answer(struct metrics_state *st, struct peer *peer, enum http_answer answer)
{
	const struct http_text *text = http_text(answer);
	struct exposition e = {.self = st->self};
	const char *body = text->body;
	size_t n = body != NULL ? strlen(body) : 0, sent;
	struct gw_buf *buf;

	peer->answered = true;
	st->answers[answer]++;
	if (answer == HTTP_OK) {
		exposition_make(st->self, st->collect, &e);
		say_refused(st, &e);
		body = e.text;
		n = e.n;
	}
	sent = peer->request.head ? 0 : n;
	buf = head_new(st, answer, n, sent);
	if (sent > 0)
		memcpy(buf->data + buf->len, body, sent);
	buf->len += (uint32_t)sent;
	gw_sink_write_buf(st->self, gw_conn_sink(st->self, peer->conn), buf);
	gw_buf_unref(st->self, &buf);
	gw_free(st->self, e.text);
	gw_conn_wait_drain(st->self, peer->conn, 1);
}

/* --- connections --- */

static struct peer *peer_by_id(struct metrics_state *st, uint64_t id)
{
	struct peer *peer;

	DL_SEARCH_SCALAR(st->peers, peer, id, id);
	return peer;
}

static void peer_free(struct metrics_state *st, struct peer *peer)
{
	DL_DELETE(st->peers, peer);
	st->n_peers--;
	gw_timer_free(&peer->deadline, st->self);
	gw_free(st->self, peer);
}

static void busy(struct metrics_state *st, char farewell[512])
{
	struct gw_buf *head = head_new(st, HTTP_BUSY, 0, 0);

	st->answers[HTTP_BUSY]++;
	snprintf(farewell, 512, "%.*s", (int)head->len, head->data);
	gw_buf_unref(st->self, &head);
}

static int metrics_accept(void *state, struct gw_conn *conn, char farewell[512])
{
	struct metrics_state *st = state;
	struct gw_conn_owner owner = {
		.module = st->self,
		.ready = CALL_READY,
		.line = CALL_LINE,
		.drained = CALL_DRAINED,
		.closed = CALL_CLOSED,
		.line_max = HTTP_LINE_MAX,
		.recvq_max = 2 * HTTP_LINE_MAX,
		.sendq_max = 2 * EXPOSITION_MAX,
	};
	struct peer *peer;

	if (st->n_peers >= PEERS_MAX) {
		busy(st, farewell);
		return -EBUSY;
	}
	peer = gw_alloc(st->self, sizeof(*peer));
	peer->id = ++st->last_id;
	peer->conn = conn;
	peer->deadline = gw_timer_new(st->self, gw_call(st->self, CALL_LATE, peer->id));
	gw_timer_set(peer->deadline, st->self, DEADLINE_NS);
	DL_APPEND(st->peers, peer);
	st->n_peers++;
	owner.data = peer;
	gw_conn_own(st->self, conn, &owner);
	return 0;
}

static void metrics_ready(void *state, void *data)
{
	(void)state;
	(void)data;
}

static enum gw_line_verdict metrics_line(void *state, void *data, struct gw_line *line)
{
	struct peer *peer = data;
	enum http_answer status;

	if (peer->answered)
		return GW_LINE_STOP;
	status = http_line(&peer->request, line);
	if (status == HTTP_MORE)
		return GW_LINE_NEXT;
	answer(state, peer, status);
	return GW_LINE_STOP;
}

static void metrics_drained(void *state, void *data)
{
	struct metrics_state *st = state;
	struct peer *peer = data;

	if (peer->answered)
		gw_conn_close(st->self, peer->conn, GW_CLOSE_FLUSH, "answered");
}

static void metrics_closed(void *state, void *data, const char *reason)
{
	(void)reason;
	peer_free(state, data);
}

/* Who has not asked yet is told so; who does not take the answer is dropped. */
static void metrics_late(void *state, uint64_t tag)
{
	struct metrics_state *st = state;
	struct peer *peer = peer_by_id(st, tag);
	bool answered;

	if (peer == NULL)
		return;
	answered = peer->answered;
	if (!answered)
		answer(st, peer, HTTP_TIMEOUT);
	gw_conn_close(st->self, peer->conn, answered ? GW_CLOSE_NOW : GW_CLOSE_FLUSH, "too slow");
}

/* --- its own figures --- */

static void metrics_collect(void *state, uint64_t tag, const void *payload)
{
	const struct gw_metrics *m = payload;
	struct metrics_state *st = state;

	(void)tag;
	gw_metric_family(m, GW_COUNTER, "godwit_metrics_requests_total",
	                 "Requests for figures, by the code of the answer.");
	for (int i = 0; i < HTTP_ANSWERS; i++)
		gw_metric_labelled(m, "code", http_text(i)->code, (double)st->answers[i]);
	gw_metric(m, GW_COUNTER, "godwit_metrics_left_out_total",
	          "Families and samples that were left out, as they break the form.",
	          (double)st->refused);
}

/* --- load and unload --- */

static int metrics_load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	struct metrics_state *st = state;
	uint16_t port = (uint16_t)gw_option_int(self, gw_options(self), "port");
	int status;

	if (why == GW_LOAD_RELOAD)
		return 0;
	st->self = self;
	st->collect = gw_topic(self, GW_TOPIC_METRICS);
	status = port != 0 ? gw_listen_loopback(self, port, CALL_ACCEPT) : 0;
	if (status != 0)
		return gw_fail(err, status, "cannot listen on 127.0.0.1:%u: %s (option port)", port,
		               strerror(-status));
	return 0;
}

static void metrics_unload(struct gw_self *self, void *state, enum gw_unload why)
{
	struct metrics_state *st = state;

	if (why != GW_UNLOAD_LAST)
		return;
	while (st->peers != NULL) {
		gw_conn_close(self, st->peers->conn, GW_CLOSE_FLUSH, "metrics is unloaded");
		peer_free(st, st->peers);
	}
}

static const struct gw_call_row metrics_calls[] = {
	[CALL_NONE] = {"none", NULL},
	[CALL_ACCEPT] = {"accept", (gw_fn *)metrics_accept},
	[CALL_READY] = {"ready", (gw_fn *)metrics_ready},
	[CALL_LINE] = {"line", (gw_fn *)metrics_line},
	[CALL_DRAINED] = {"drained", (gw_fn *)metrics_drained},
	[CALL_CLOSED] = {"closed", (gw_fn *)metrics_closed},
	[CALL_LATE] = {"late", (gw_fn *)metrics_late},
	[CALL_COLLECT] = {"collect", (gw_fn *)metrics_collect},
	{NULL, NULL},
};

static const struct gw_topic_row metrics_topics[] = {
	{GW_TOPIC_METRICS, GW_NOTIFICATION},
	{NULL, GW_NOTIFICATION},
};

/* Behind all others: what they had left out is not counted before the next time. */
static const struct gw_subscription metrics_subscriptions[] = {
	{GW_TOPIC_METRICS, 100, CALL_COLLECT},
	{NULL, 0, 0},
};

static const struct gw_protocol metrics_protocol[] = {{.name = "metrics", .accept = CALL_ACCEPT}};

static const struct gw_rows metrics_rows[] = {
	GW_ROWS(GW_POINT_PROTOCOL, metrics_protocol),
	{.point = NULL},
};

GW_MODULE(metrics) = {
	.abi = GW_ABI,
	.name = "metrics",
	.version = "1.0",
	.summary = "figures for Prometheus, over HTTP",
	.options = metrics_options,
	.calls = metrics_calls,
	.topics = metrics_topics,
	.subscriptions = metrics_subscriptions,
	.rows = metrics_rows,
	.state_size = sizeof(struct metrics_state),
	.state_version = 1,
	.load = metrics_load,
	.unload = metrics_unload,
};
