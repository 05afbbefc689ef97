/*
 * modules/client/tap.c - a client whose lines go to the module that moves it, in place of the
 * commands.
 *
 * What waits already comes first: the stash, then what the connection has not delivered. It is
 * handed over from a turn of its own, so the tap hears nothing within its own calls. When the tap
 * ends the lines that it gives back are the new stash, and are executed under the ordinary rules.
 */
#include "client.h"
#include <errno.h>
#include <utlist.h>

struct move *move_of(struct client_state *st, struct client *c)
{
	if (c->move == NULL)
		c->move = gw_alloc(st->self, sizeof(*c->move));
	return c->move;
}

void move_free(struct client_state *st, struct client *c)
{
	if (c->move == NULL)
		return;
	account_due_free(st, c);
	gw_free(st->self, c->move->offered);
	gw_free(st->self, c->move);
	c->move = NULL;
}

static void later(struct client_state *st, const struct client *c, enum client_call row)
{
	gw_defer(st->self, gw_call(st->self, row, c->pub.id));
}

int tap_begin(struct client_state *st, struct client *c, const struct gw_tap *tap)
{
	if (c->tapped || c->closing || c->pub.shadow)
		return -EBUSY;
	move_of(st, c)->tap = *tap;
	c->move->owner = tap->module;
	c->tapped = true;
	c->tap_stopped = false;
	c->throttled = false;
	later(st, c, CALL_TAP_PUMP);
	return 0;
}

/* It ends, whatever becomes of the client. */
static void tap_over(struct client *c)
{
	c->move->tap = (struct gw_tap){0};
	c->tapped = c->tap_stopped = false;
}

/* Whether the tap takes more. The line is changed. */
static bool tell(struct client_state *st, struct client *c, struct gw_line *line)
{
	struct gw_tap tap = c->move->tap;
	gw_tap_line_fn *fn = (gw_tap_line_fn *)gw_call_fn(gw_call(tap.module, tap.line, 0));
	struct gw_line raw = {.len = line->len, .too_long = line->too_long};
	struct parsed parsed;
	bool whole;

	if (fn == NULL)
		return true;
	raw.text = gw_strndup(st->self, line->text, line->len);
	whole = message_parse(line, &parsed) == MESSAGE_OK;
	dispatch_strip(st, c, &parsed.message);
	if (fn(tap.module->state, tap.tag, &c->pub, &raw, whole ? &parsed.message : NULL) ==
	            GW_LINE_STOP &&
	    c->tapped)
		c->tap_stopped = true;
	gw_free(st->self, raw.text);
	return c->tapped && !c->tap_stopped && !c->closing;
}

enum gw_line_verdict tap_line(struct client_state *st, struct client *c, struct gw_line *line)
{
	if (c->tap_stopped || c->stash != NULL) {
		dispatch_keep(st, c, line);
		return GW_LINE_STOP;
	}
	if (tell(st, c, line))
		return GW_LINE_NEXT;
	return c->stash == NULL && dispatch_may(c) ? GW_LINE_NEXT : GW_LINE_STOP;
}

/* What waits goes to the tap; then the connection may deliver again. */
void client_tap_pump(void *state, uint64_t tag)
{
	struct client_state *st = state;
	struct client *c = clients_by_id(st, tag);

	if (c == NULL)
		return;
	while (c->tapped && !c->tap_stopped && !c->closing && c->stash != NULL) {
		struct stash *stash = c->stash;

		DL_DELETE(c->stash, stash);
		tell(st, c, &stash->line);
		gw_free(st->self, stash);
	}
	if (c->tapped && !c->tap_stopped && !c->closing)
		gw_conn_resume(st->self, c->pub.conn);
}

void tap_resume(struct client_state *st, struct client *c)
{
	if (!c->tapped || !c->tap_stopped)
		return;
	c->tap_stopped = false;
	later(st, c, CALL_TAP_PUMP);
}

static struct stash *copy(struct client_state *st, const struct gw_line *line)
{
	size_t n = line->len > INPUT_MAX ? INPUT_MAX : line->len;
	struct stash *stash = gw_alloc(st->self, sizeof(*stash) + n + 1);

	memcpy(stash->text, line->text, n);
	stash->line = (struct gw_line){
		.text = stash->text, .len = n, .too_long = line->too_long || n < line->len};
	return stash;
}

void tap_end(struct client_state *st, struct client *c, const struct gw_line *lines, size_t n)
{
	if (!c->tapped || c->closing)
		return;
	tap_over(c);
	while (n > 0) {
		struct stash *stash = copy(st, &lines[--n]);

		DL_PREPEND(c->stash, stash);
	}
	c->heard_ns = gw_mono_ns(st->self);
	c->pinged = false;
	timeouts_begin(st, c);
	if (c->adopted)
		adopt_tell(st, c);
	if (!c->closing)
		later(st, c, CALL_RESUME);
}

/* The lines that were given back, then those that were not read. */
void client_resume(void *state, uint64_t tag)
{
	struct client_state *st = state;
	struct client *c = clients_by_id(st, tag);

	if (c != NULL)
		connection_resume(st, c);
}

/* It hears so once, and may still give its lines back. If it does not, what waits behind them is
 * not executed either. */
bool tap_closed(struct client_state *st, struct client *c, const char *reason)
{
	struct gw_tap tap;
	gw_tap_closed_fn *fn;
	bool goes_on;

	if (!c->tapped || c->move->tap.module == NULL)
		return false;
	tap = c->move->tap;
	c->move->tap = (struct gw_tap){0};
	fn = (gw_tap_closed_fn *)gw_call_fn(gw_call(tap.module, tap.closed, 0));
	goes_on = fn != NULL && fn(tap.module->state, tap.tag, &c->pub, reason);
	if (c->tapped)
		stash_free(st, c);
	tap_over(c);
	return goes_on;
}

/* Nobody is left who knows what was to become of it. */
void tap_unloaded(struct client_state *st, struct client *c, const struct gw_self *who)
{
	if (c->move == NULL)
		return;
	if (c->move->settled.module == who)
		c->move->settled = (struct gw_call){0};
	if (c->move->owner != who || !(c->tapped || c->diverted))
		return;
	tap_over(c);
	divert(st, c, NULL);
	client_close(st, c,
	             "You were being moved by a part of this server that has been taken out");
}
