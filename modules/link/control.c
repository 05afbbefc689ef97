/*
 * link/control.c - control frames: signs of life, what was consumed, goodbyes; frames of
 * re-authentication go on to reauth.c.
 */
#include "net.h"
#include <errno.h>

void control_send(struct link_state *st, struct link *link, enum control type, const void *p,
                  size_t n)
{
	uint8_t body[1024];

	body[0] = (uint8_t)type;
	memcpy(body + 1, p, n);
	flow_send(st, link, &(struct gw_frame){.kind = GW_FRAME_CONTROL, .body = body, .n = n + 1});
}

void control_ping(struct link_state *st, struct link *link)
{
	uint8_t number[8];

	link->pinged_ns = gw_mono_ns(st->self);
	wire_put_u64(number, (uint64_t)link->pinged_ns);
	control_send(st, link, CONTROL_PING, number, sizeof(number));
}

typedef int control_fn(struct link_state *st, struct link *link, const uint8_t *p, size_t n,
                       struct gw_error *why);

static int take_ping(struct link_state *st, struct link *link, const uint8_t *p, size_t n,
                     struct gw_error *why)
{
	uint8_t answer[16];

	(void)n;
	(void)why;
	memcpy(answer, p, 8);
	wire_put_u64(answer + 8, link->consumed);
	link->told = link->consumed;
	control_send(st, link, CONTROL_PONG, answer, sizeof(answer));
	return 0;
}

/* The number is the time at which the ping was sent. */
static int take_pong(struct link_state *st, struct link *link, const uint8_t *p, size_t n,
                     struct gw_error *why)
{
	int64_t now = gw_mono_ns(st->self);
	uint64_t sent = wire_get_u64(p);

	(void)n;
	if (sent > (uint64_t)now || sent < (uint64_t)link->pub.since_ns)
		return gw_fail(why, -EBADMSG, "the answer to a ping that was never sent");
	link->pub.lag_ns = now - (int64_t)sent;
	return flow_acked(st, link, wire_get_u64(p + 8), why);
}

static int take_ack(struct link_state *st, struct link *link, const uint8_t *p, size_t n,
                    struct gw_error *why)
{
	(void)n;
	return flow_acked(st, link, wire_get_u64(p), why);
}

static int take_goodbye(struct link_state *st, struct link *link, const uint8_t *p, size_t n,
                        struct gw_error *why)
{
	(void)why;
	link->bye = p[0];
	snprintf(link->reason, sizeof(link->reason), "%s said: %.*s", link->name, (int)(n - 1),
	         (const char *)p + 1);
	for (char *c = link->reason; *c != '\0'; c++) /* it is shown to people */
		if ((unsigned char)*c < ' ' || (unsigned char)*c > '~')
			*c = '?';
	link->phase = LINK_CLOSING;
	gw_conn_close(st->self, link->conn, GW_CLOSE_FLUSH, link->reason);
	return 0;
}

/* A row a type: how long it is at least (a newer version may add something), and what it does. */
static const struct {
	control_fn *fn;
	uint16_t least, most;
} controls[] = {
	[CONTROL_PING] = {take_ping, 8, 64},
	[CONTROL_PONG] = {take_pong, 16, 64},
	[CONTROL_ACK] = {take_ack, 8, 64},
	[CONTROL_GOODBYE] = {take_goodbye, 1, 1 + GOODBYE_TEXT_MAX},
	[CONTROL_REAUTH] = {reauth_input, 1, 1000},
	[CONTROL_TURN] = {turn_input, 9, 1000},
};

int control_input(struct link_state *st, struct link *link, const struct gw_frame *frame,
                  struct gw_error *why)
{
	const uint8_t *p = frame->body;

	if (frame->n == 0)
		return gw_fail(why, -EBADMSG, "an empty control frame");
	if (p[0] >= sizeof(controls) / sizeof(controls[0]) || controls[p[0]].fn == NULL)
		return 0;
	if (frame->n - 1 < controls[p[0]].least || frame->n - 1 > controls[p[0]].most)
		return gw_fail(why, -EBADMSG, "a control frame of type %u of %zu bytes", p[0],
		               frame->n);
	return controls[p[0]].fn(st, link, p + 1, frame->n - 1, why);
}
