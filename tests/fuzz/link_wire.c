/*
 * Fuzz target: frames of a link that is up. What is taken apart lies within what came, keeps its
 * bounds, and is the same when it is put together again. So is what control frames say when a
 * server leaves.
 */
#include "modules/link/frames.h"
#include "tests/fuzz/fuzz.h"
#include <errno.h>
#include <string.h>

static void check(const struct wire_frame *wire, const uint8_t *p, size_t n)
{
	const struct gw_frame *frame = &wire->frame;
	const uint8_t *body = frame->body;
	uint8_t head[WIRE_HEAD_MAX];
	size_t head_n = wire_head(frame, head);

	FUZZ_CHECK(wire->whole <= n && frame->n <= GW_FRAME_MAX);
	FUZZ_CHECK(body == p + head_n && head_n + frame->n == wire->whole);
	FUZZ_CHECK(frame->reach <= GW_REACH_CHANNEL);
	head[5] |= p[5] & 0xf0; /* flags without a meaning yet */
	FUZZ_CHECK(memcmp(head, p, head_n) == 0);
}

static void check_turn(const uint8_t *p, size_t n)
{
	struct gw_error why = {0};
	struct turn_said said, again;
	uint8_t out[TURN_MAX];
	int status = turn_parse(p, n, &said, &why);

	FUZZ_CHECK(status == 0 || (status == -EBADMSG && why.text[0] != '\0'));
	if (status != 0)
		return;
	FUZZ_CHECK(strlen(said.text) <= TURN_TEXT_MAX);
	FUZZ_CHECK(turn_parse(out, turn_put(&said, out), &again, &why) == 0);
	FUZZ_CHECK(memcmp(&said, &again, sizeof(said)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t at = 0;

	while (at < size) {
		struct wire_frame wire;
		struct gw_error why = {0};
		uint8_t *copy = malloc(size - at);
		int status;

		memcpy(copy, data + at, size - at);
		status = wire_parse(copy, size - at, &wire, &why);
		FUZZ_CHECK(status == 0 || status == -EAGAIN || status == -EBADMSG);
		FUZZ_CHECK(status != -EBADMSG || why.text[0] != '\0');
		if (status == 0)
			check(&wire, copy, size - at);
		if (status == 0 && wire.frame.kind == GW_FRAME_CONTROL && wire.frame.n > 0 &&
		    copy[wire.whole - wire.frame.n] == CONTROL_TURN)
			check_turn(copy + (wire.whole - wire.frame.n) + 1, wire.frame.n - 1);
		free(copy);
		if (status != 0)
			return 0;
		at += wire.whole;
	}
	return 0;
}
