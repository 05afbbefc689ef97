/*
 * link/frames.c - frames out of bytes, and back. Pure: what a peer may send is judged here, what it
 * means elsewhere.
 */
#include "frames.h"
#include <errno.h>
#include <string.h>

#define REACH_BITS 0x07
#define MAY_DROP 0x08

static uint32_t get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put_u32(uint8_t *p, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(value >> (24 - 8 * i));
}

uint64_t wire_get_u64(const uint8_t *p)
{
	return (uint64_t)get_u32(p) << 32 | get_u32(p + 4);
}

void wire_put_u64(uint8_t out[8], uint64_t value)
{
	put_u32(out, (uint32_t)(value >> 32));
	put_u32(out + 4, (uint32_t)value);
}

/* Bytes between the flags and the body; -1: the reach is none, or they are cut off. */
static int address_length(uint8_t reach, const uint8_t *p, size_t n)
{
	size_t length = 0;

	if (reach > GW_REACH_CHANNEL)
		return -1;
	if (reach == GW_REACH_SERVER || reach == GW_REACH_SESSION)
		length = 8;
	else if (reach == GW_REACH_CHANNEL)
		length = n == 0 || p[0] == 0 || p[0] > GW_CHANNEL_MAX ? SIZE_MAX : 1 + (size_t)p[0];
	return length > n ? -1 : (int)length;
}

static int take_address(struct wire_frame *out, const uint8_t *p)
{
	struct gw_frame *frame = &out->frame;

	if (frame->reach == GW_REACH_SERVER || frame->reach == GW_REACH_SESSION)
		frame->to = wire_get_u64(p);
	if (frame->reach != GW_REACH_CHANNEL)
		return 0;
	memcpy(out->channel, p + 1, p[0]);
	frame->channel = out->channel;
	return memchr(out->channel, '\0', p[0]) == NULL ? 0 : -EBADMSG;
}

int wire_parse(const uint8_t *p, size_t n, struct wire_frame *out, struct gw_error *why)
{
	uint32_t length;
	int address;

	if (n < WIRE_LENGTH)
		return -EAGAIN;
	length = get_u32(p);
	if (length < 2 || length > WIRE_FRAME_MAX - WIRE_LENGTH)
		return gw_fail(why, -EBADMSG, "a frame of %u bytes", length);
	if (n - WIRE_LENGTH < length)
		return -EAGAIN;
	memset(out, 0, sizeof(*out));
	out->whole = WIRE_LENGTH + length;
	out->frame.kind = p[4];
	out->frame.reach = p[5] & REACH_BITS;
	out->frame.may_drop = (p[5] & MAY_DROP) != 0;
	p += WIRE_LENGTH + 2;
	length -= 2;
	address = address_length(out->frame.reach, p, length);
	if (address < 0 || length - (uint32_t)address > GW_FRAME_MAX || take_address(out, p) != 0)
		return gw_fail(why, -EBADMSG, "a frame that is addressed wrongly");
	out->frame.body = p + address;
	out->frame.n = length - (uint32_t)address;
	return 0;
}

size_t wire_head(const struct gw_frame *frame, uint8_t out[WIRE_HEAD_MAX])
{
	size_t n = WIRE_LENGTH + 2;

	out[4] = frame->kind;
	out[5] = (uint8_t)(frame->reach | (frame->may_drop ? MAY_DROP : 0));
	if (frame->reach == GW_REACH_SERVER || frame->reach == GW_REACH_SESSION) {
		wire_put_u64(out + n, frame->to);
		n += 8;
	} else if (frame->reach == GW_REACH_CHANNEL) {
		size_t length = strlen(frame->channel);

		out[n++] = (uint8_t)length;
		memcpy(out + n, frame->channel, length);
		n += length;
	}
	put_u32(out, (uint32_t)(n - WIRE_LENGTH + frame->n));
	return n;
}

/* --- turns --- */

static void turn_text(const uint8_t *p, size_t n, char out[TURN_TEXT_MAX + 1])
{
	size_t length = n < TURN_TEXT_MAX ? n : TURN_TEXT_MAX;

	for (size_t i = 0; i < length; i++) /* it is shown to people */
		out[i] = p[i] < ' ' || p[i] > '~' ? '?' : (char)p[i];
	out[length] = '\0';
}

int turn_parse(const uint8_t *p, size_t n, struct turn_said *out, struct gw_error *why)
{
	size_t least;

	memset(out, 0, sizeof(*out));
	if (n < 9)
		return gw_fail(why, -EBADMSG, "a frame of a turn of %zu bytes", n);
	out->step = p[0];
	out->id = wire_get_u64(p + 1);
	least = out->step == TURN_ADOPT || out->step == TURN_GO ? 8 : out->step == TURN_NO;
	p += 9;
	n -= 9;
	if (n < least)
		return gw_fail(why, -EBADMSG, "a step %u of a turn that is cut off", out->step);
	if (out->step == TURN_NO) {
		out->code = p[0];
		turn_text(p + 1, n - 1, out->text);
	} else if (least > 0) {
		out->run = wire_get_u64(p);
	}
	return 0;
}

size_t turn_put(const struct turn_said *said, uint8_t out[TURN_MAX])
{
	size_t n = 9;

	out[0] = said->step;
	wire_put_u64(out + 1, said->id);
	if (said->step == TURN_NO) {
		size_t length = strlen(said->text);

		out[n] = said->code;
		memcpy(out + n + 1, said->text, length);
		n += 1 + length;
	} else if (said->step == TURN_ADOPT || said->step == TURN_GO) {
		wire_put_u64(out + n, said->run);
		n += 8;
	}
	return n;
}
