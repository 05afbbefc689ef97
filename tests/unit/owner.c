/*
 * tests/unit/owner.c - see owner.h.
 */
#include "tests/unit/owner.h"
#include "tests/unit/cmocka.h"
#include <errno.h>

enum row { ROW_ACCEPT, ROW_READY, ROW_LINE, ROW_DRAINED, ROW_CLOSED, ROW_BYTES };

static void hear(struct owner *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	s->n += (size_t)vsnprintf(s->heard + s->n, sizeof(s->heard) - s->n, format, args);
	va_end(args);
	assert_true(s->n < sizeof(s->heard));
}

void owner_take(struct owner *s, struct gw_conn_owner *owner)
{
	owner->module = s->self;
	owner->data = s;
	owner->ready = ROW_READY;
	owner->line = owner->bytes ? ROW_BYTES : ROW_LINE;
	owner->drained = ROW_DRAINED;
	owner->closed = ROW_CLOSED;
}

void owner_dial(struct owner *s, const char *address, enum gw_tls tls)
{
	struct gw_dial dial = {.address = address, .tls = tls, .owner = s->limits};

	owner_take(s, &dial.owner);
	s->conn = gw_conn_dial(s->self, &dial);
	assert_non_null(s->conn);
}

static int on_accept(void *state, struct gw_conn *conn, char farewell[512])
{
	struct owner *s = state;
	struct gw_conn_owner owner = s->limits;

	if (s->refuse != 0) {
		strcpy(farewell, s->mute ? "" : "ERROR :go away\r\n");
		return s->refuse;
	}
	owner_take(s, &owner);
	gw_conn_own(s->self, conn, &owner);
	s->conn = conn;
	if (s->close_in_accept) {
		gw_sink_write(s->self, gw_conn_sink(s->self, conn), "bye\n", 4);
		gw_conn_close(s->self, conn, GW_CLOSE_FLUSH, "at once");
	}
	return 0;
}

static void on_ready(void *state, void *data)
{
	struct owner *s = data;

	(void)state;
	s->ready++;
}

static enum gw_line_verdict on_line(void *state, void *data, struct gw_line *line)
{
	struct owner *s = data;

	(void)state;
	assert_int_equal(line->text[line->len], '\0');
	s->lines++;
	if (!s->quiet)
		hear(s, "%s%.*s|", line->too_long ? "!" : "", line->len > 40 ? 40 : (int)line->len,
		     line->text);
	if (s->echo && s->conn != NULL) {
		line->text[line->len] = '\n';
		gw_sink_write(s->self, gw_conn_sink(s->self, s->conn), line->text, line->len + 1);
	}
	if (s->close_on_line != NULL)
		gw_conn_close(s->self, s->conn, s->how, s->close_on_line);
	return s->verdict;
}

static enum gw_line_verdict on_bytes(void *state, void *data, const uint8_t *p, size_t n,
                                     size_t *used_out)
{
	struct owner *s = data;
	struct gw_conn_owner owner;

	(void)state;
	s->lines++;
	s->shown = n;
	if (n >= s->bite) {
		*used_out = s->bite;
		if (!s->quiet)
			hear(s, "%.*s|", s->bite > 40 ? 40 : (int)s->bite, (const char *)p);
	}
	if (s->next != NULL) {
		owner = *s->next;
		s->next = NULL;
		owner_take(s, &owner);
		gw_conn_own(s->self, s->conn, &owner);
	}
	return s->verdict;
}

static void on_drained(void *state, void *data)
{
	(void)state;
	((struct owner *)data)->drained++;
}

static void on_closed(void *state, void *data, const char *reason)
{
	struct owner *s = data;

	(void)state;
	s->closed++;
	s->conn = NULL;
	hear(s, "<%s>", reason);
	if (s->again != NULL)
		owner_dial(s, s->again, s->tls);
}

const struct gw_call_row owner_calls[] = {
	[ROW_ACCEPT] = {"accept", (gw_fn *)on_accept},
	[ROW_READY] = {"ready", (gw_fn *)on_ready},
	[ROW_LINE] = {"line", (gw_fn *)on_line},
	[ROW_DRAINED] = {"drained", (gw_fn *)on_drained},
	[ROW_CLOSED] = {"closed", (gw_fn *)on_closed},
	[ROW_BYTES] = {"bytes", (gw_fn *)on_bytes},
	{NULL, NULL},
};
