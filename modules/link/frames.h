/*
 * frames.h - frames of a link, out of bytes and back.
 *
 *     length   4  bytes that follow
 *     kind     1
 *     flags    1  bits 0-2 reach, bit 3 may be dropped, others 0 and passed on as they are
 *     to       8  reach server, session: a run, a session
 *     channel  1 + n  reach channel: its length, its name
 *     body     at most GW_FRAME_MAX
 *
 * Integers are big endian. Control frames have a type in the first byte of their body. Pure.
 */
#ifndef LINK_FRAMES_H
#define LINK_FRAMES_H

#include <godwit/error.h>
#include <godwit/link.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_LENGTH 4
#define WIRE_HEAD_MAX (WIRE_LENGTH + 2 + 1 + GW_CHANNEL_MAX)
#define WIRE_FRAME_MAX (WIRE_HEAD_MAX + GW_FRAME_MAX)

/** Types of control frames; what a server does not know it leaves alone. */
enum control {
	CONTROL_PING = 1,    /* number 8 */
	CONTROL_PONG = 2,    /* number 8, bytes consumed 8 */
	CONTROL_ACK = 3,     /* bytes consumed 8 */
	CONTROL_GOODBYE = 4, /* code 1, a sentence */
	CONTROL_REAUTH = 5   /* a frame of the handshake */
};
#define CONTROL_NUMBERS 17 /* the longest of the first three */
#define GOODBYE_TEXT_MAX 200

struct wire_frame {
	struct gw_frame frame; /* `channel` points to the one below, `body` into the bytes */
	char channel[GW_CHANNEL_MAX + 1];
	size_t whole; /* bytes that the frame takes */
};

/** 0: `out` is the first frame. -EAGAIN: there is not yet all of it. -EBADMSG, with a sentence: it
 * is none. */
int wire_parse(const uint8_t *p, size_t n, struct wire_frame *out, struct gw_error *why);
/** What stands before the body; its length. */
size_t wire_head(const struct gw_frame *frame, uint8_t out[WIRE_HEAD_MAX]);

void wire_put_u64(uint8_t out[8], uint64_t value);
uint64_t wire_get_u64(const uint8_t *p);

#endif
