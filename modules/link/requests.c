/*
 * link/requests.c - commands that wait for the services database: until what they wrote is durable
 * and read again here; some also until every server of the network has it.
 */
#include "net.h"
#include <errno.h>
#include <stdarg.h>
#include <utlist.h>

#define POLL_NS GW_SECOND
#define PATIENCE_NS (3 * GW_SECOND)   /* of who asked; operators are told later */
#define FORGET_NS (86400 * GW_SECOND) /* a server that is away so long is another matter */

struct request {
	uint64_t tag;
	struct gw_admin_request *req; /* NULL: answered */
	char done[400], who[130], lines[800];
	struct gw_id server;
	struct gw_stamp stamp; /* of its transaction */
	int64_t since_ns;      /* monotonic, when that was durable; 0: not yet */
	bool everywhere;
	uint8_t reserved[7];
	struct request *prev, *next;
};

static struct request *request_of(struct link_state *st, uint64_t tag)
{
	struct request *request;

	DL_SEARCH_SCALAR(st->requests, request, tag, tag);
	return request;
}

struct request *request_new(struct link_state *st, struct gw_admin_request *req, const char *format,
                            ...)
{
	struct request *request = gw_alloc(st->self, sizeof(*request));
	va_list args;

	request->tag = ++st->last_request;
	request->req = req;
	snprintf(request->who, sizeof(request->who), "%s", gw_admin_who(st->self, req));
	va_start(args, format);
	vsnprintf(request->done, sizeof(request->done), format, args);
	va_end(args);
	DL_APPEND(st->requests, request);
	return request;
}

void request_line(struct request *request, const char *format, ...)
{
	size_t used = strlen(request->lines);
	va_list args;

	va_start(args, format);
	vsnprintf(request->lines + used, sizeof(request->lines) - used, format, args);
	va_end(args);
	used = strlen(request->lines);
	snprintf(request->lines + used, sizeof(request->lines) - used, "\n");
}

void request_everywhere(struct request *request)
{
	request->everywhere = true;
}

static void request_free(struct link_state *st, struct request *request)
{
	DL_DELETE(st->requests, request);
	gw_free(st->self, request);
}

static void say_lines(struct link_state *st, struct request *request)
{
	char *rest = request->lines, *line;

	gw_admin_text(st->self, request->req, request->done);
	while ((line = strsep(&rest, "\n")) != NULL)
		if (line[0] != '\0')
			gw_admin_text(st->self, request->req, line);
}

static void fail(struct link_state *st, struct request *request, int status)
{
	char text[160];

	snprintf(text, sizeof(text), "the services database did not take it: %s",
	         strerror(-status));
	gw_admin_done(st->self, &request->req, status,
	              status == -EEXIST   ? "that name is taken"
	              : status == -ENOENT ? "that server is gone"
	                                  : text);
	request_free(st, request);
}

void request_commit(struct link_state *st, struct request *request, struct gw_id server,
                    const struct gw_write *writes, size_t n)
{
	int status =
		SERVICES(st, commit, writes, n, gw_call(st->self, CALL_COMMITTED, request->tag));

	request->server = server;
	if (status != 0)
		fail(st, request, status);
}

static void watch(struct link_state *st)
{
	if (st->everywhere == NULL)
		st->everywhere = gw_timer_new(st->self, gw_call(st->self, CALL_EVERYWHERE_TICK, 0));
	gw_timer_set(st->everywhere, st->self, POLL_NS);
}

static bool arrived(struct link_state *st, const struct request *request, char *away, size_t max)
{
	return st->replica->ops == NULL || REPLICA(st, everywhere, request->stamp, away, max);
}

/* What was written can be used here now. */
void requests_read(struct link_state *st, uint64_t tag)
{
	struct request *request = request_of(st, tag);
	char away[200] = "";

	if (request == NULL || request->since_ns != 0)
		return;
	request->since_ns = gw_mono_ns(st->self);
	link_tell_operators(st, "%s (by %s)", request->done, request->who);
	say_lines(st, request);
	if (request->everywhere && !arrived(st, request, away, sizeof(away))) {
		watch(st);
		return;
	}
	if (request->everywhere)
		gw_admin_text(st->self, request->req, "Every server has it.");
	gw_admin_done(st->self, &request->req, 0, "");
	request_free(st, request);
}

void requests_committed(void *state, uint64_t tag, int status, struct gw_id made)
{
	struct link_state *st = state;
	struct request *request = request_of(st, tag);

	if (request == NULL)
		return;
	if (status != 0) {
		fail(st, request, status);
		return;
	}
	request->stamp = (struct gw_stamp){made.clock, made.origin};
	if (gw_id_none(request->server))
		request->server = made;
	if (SERVICES(st, read, GW_CLASS_SERVER, request->server,
	             gw_call(st->self, CALL_SERVER_READ, tag)) != 0)
		requests_read(st, tag);
}

/* True: it is over. */
static bool look(struct link_state *st, struct request *request)
{
	int64_t waited = gw_mono_ns(st->self) - request->since_ns;
	char away[200] = "", line[320];
	bool all = arrived(st, request, away, sizeof(away));

	if (request->req == NULL && all)
		link_tell_operators(st, "%s: every server has it now", request->done);
	if (request->req != NULL && (all || waited >= PATIENCE_NS)) {
		snprintf(line, sizeof(line),
		         all ? "Every server has it."
		             : "Not confirmed yet by %s; operators are "
		               "told when every server has it.",
		         away);
		gw_admin_text(st->self, request->req, line);
		gw_admin_done(st->self, &request->req, 0, "");
	}
	return all || waited >= FORGET_NS;
}

void requests_everywhere(void *state, uint64_t tag)
{
	struct link_state *st = state;
	struct request *request, *next;
	bool more = false;

	(void)tag;
	DL_FOREACH_SAFE (st->requests, request, next) {
		if (request->since_ns == 0)
			continue;
		if (look(st, request))
			request_free(st, request);
		else
			more = true;
	}
	if (more)
		watch(st);
}

/* The core ends the commands of a module that goes. */
void requests_free(struct link_state *st)
{
	while (st->requests != NULL)
		request_free(st, st->requests);
	gw_timer_free(&st->everywhere, st->self);
}
