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
	CONTROL_REAUTH = 5,  /* a frame of the handshake */
	CONTROL_TURN = 6     /* a server leaves: struct turn_said */
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

/** What neighbours of a server that leaves say to it and to each other: turn.c says what follows.
 * Whoever leaves is M; it keeps A, and B is linked with A instead. */
enum turn_step {
	TURN_ADOPT = 1,     /* M to A: would you have B? */
	TURN_GO = 2,        /* M to B: link with A */
	TURN_YES = 3,       /* A, B to M */
	TURN_NO = 4,        /* A, B to M: not now, or not at all; or it has failed */
	TURN_DIAL = 5,      /* M to A: B cannot, so dial it */
	TURN_UNREACHED = 6, /* A, B to M: no address of the other answers */
	TURN_READY = 7,     /* A and B, on their link: the databases have accepted each other */
	TURN_PARTED = 8,    /* B to M: the last frame of B's on this link */
	TURN_OPEN = 9,      /* A and B, on their link: the live network from here on */
	TURN_LAST = 10,     /* M to A: all of B that comes this way has come */
	TURN_TURNED = 11,   /* A to M: what follows is not for B */
	TURN_OVER = 12,     /* M to A: what follows is for B, too */
	TURN_END = 13,      /* M to B: the last frame of M's on this link */
	TURN_FORGET = 14    /* M to A, B: it is given up */
};
enum turn_no { TURN_NO_BUSY = 1, TURN_NO_NEVER = 2 };
#define TURN_TEXT_MAX 200
#define TURN_MAX (1 + 8 + 1 + TURN_TEXT_MAX)

struct turn_said {
	uint8_t step;
	uint8_t code;                 /* NO: enum turn_no */
	uint8_t reserved[6];          /* 0 */
	uint64_t id;                  /* of the turn, drawn by M */
	uint64_t run;                 /* ADOPT, GO: of B, of A */
	char text[TURN_TEXT_MAX + 1]; /* NO: printable */
};

/** The body behind the control type. -EBADMSG, with a sentence. What a newer version adds, and a
 * step that is not known, is left alone. */
int turn_parse(const uint8_t *p, size_t n, struct turn_said *out, struct gw_error *why);
/** Its length. */
size_t turn_put(const struct turn_said *said, uint8_t out[TURN_MAX]);

void wire_put_u64(uint8_t out[8], uint64_t value);
uint64_t wire_get_u64(const uint8_t *p);

#endif
