/*
 * tests/unit/link_frames.c - frames of a link out of bytes and back: every form, every cut, every
 * bound.
 */
#include "modules/link/frames.h"
#include "tests/unit/cmocka.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static size_t make(const struct gw_frame *frame, uint8_t *out)
{
	size_t n = wire_head(frame, out);

	if (frame->n > 0)
		memcpy(out + n, frame->body, frame->n);
	return n + frame->n;
}

static void same(const struct gw_frame *a, const struct gw_frame *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->reach, b->reach);
	assert_int_equal(a->may_drop, b->may_drop);
	assert_true(a->to == b->to);
	if (a->channel == NULL)
		assert_null(b->channel);
	else
		assert_string_equal(a->channel, b->channel);
	assert_int_equal(a->n, b->n);
	if (a->n > 0)
		assert_memory_equal(a->body, b->body, a->n);
}

static const struct gw_frame forms[] = {
	{.kind = GW_FRAME_CONTROL, .body = "\1abcdefgh", .n = 9},
	{.kind = GW_FRAME_EVENT},
	{.kind = 200, .reach = GW_REACH_ALL, .may_drop = true, .body = "x", .n = 1},
	{.kind = 4, .reach = GW_REACH_SERVER, .to = 0x0102030405060708, .body = "yy", .n = 2},
	{.kind = 255, .reach = GW_REACH_SESSION, .to = UINT64_MAX},
	{.kind = 5, .reach = GW_REACH_CHANNEL, .channel = "#a", .body = "zzz", .n = 3},
	{.kind = 5,
         .reach = GW_REACH_CHANNEL,
         .channel = "#234567890123456789012345678901234567890123456789#",
         .may_drop = true},
};

static void test_what_goes_out_comes_in(void **state)
{
	uint8_t bytes[256];
	struct wire_frame wire;
	struct gw_error why;

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		size_t n = make(&forms[i], bytes);

		assert_int_equal(wire_parse(bytes, n, &wire, &why), 0);
		assert_int_equal(wire.whole, n);
		same(&forms[i], &wire.frame);
	}
}

static void test_a_part_is_waited_for(void **state)
{
	uint8_t bytes[256];
	struct wire_frame wire;
	struct gw_error why;

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		size_t n = make(&forms[i], bytes);

		for (size_t cut = 0; cut < n; cut++)
			assert_int_equal(wire_parse(bytes, cut, &wire, &why), -EAGAIN);
	}
}

static void test_only_the_first_is_taken(void **state)
{
	uint8_t bytes[256];
	struct wire_frame wire;
	struct gw_error why;
	size_t first = make(&forms[2], bytes), second = make(&forms[3], bytes + first);

	(void)state;
	assert_int_equal(wire_parse(bytes, first + second, &wire, &why), 0);
	assert_int_equal(wire.whole, first);
	assert_int_equal(wire_parse(bytes + first, second, &wire, &why), 0);
	same(&forms[3], &wire.frame);
}

static void test_the_longest_fits_and_one_byte_more_does_not(void **state)
{
	struct gw_frame frame = {.kind = 2, .n = GW_FRAME_MAX};
	uint8_t *bytes = calloc(1, WIRE_FRAME_MAX + 1);
	struct wire_frame wire;
	struct gw_error why;

	(void)state;
	frame.body = bytes + WIRE_HEAD_MAX;
	assert_int_equal(wire_head(&frame, bytes), 6);
	assert_int_equal(wire_parse(bytes, 6 + GW_FRAME_MAX, &wire, &why), 0);
	assert_int_equal(wire.frame.n, GW_FRAME_MAX);
	frame.n++;
	wire_head(&frame, bytes);
	assert_int_equal(wire_parse(bytes, 7 + GW_FRAME_MAX, &wire, &why), -EBADMSG);
	free(bytes);
}

/* What is wrong is known as soon as the length is there, whatever it announces. */
static void test_malformed_frames_are_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
	} bad[] = {
		{"\0\0\0\0", 4},
		{"\0\0\0\1\0", 5},
		{"\xff\xff\xff\xff", 4},
		{"\0\2\1\0", 4},     /* one more than the longest */
		{"\0\0\0\2\4\5", 6}, /* no such reach */
		{"\0\0\0\2\4\7", 6},
		{"\0\0\0\2\4\2", 6},                 /* no run */
		{"\0\0\0\11\4\3\0\0\0\0\0\0\0", 13}, /* seven bytes of a session */
		{"\0\0\0\2\4\4", 6},                 /* no channel */
		{"\0\0\0\3\4\4\0", 7},               /* an empty one */
		{"\0\0\0\5\4\4\3#a", 9},             /* cut off */
		{"\0\0\0\6\4\4\3#\0a", 10},          /* with a NUL in it */
		{"\0\0\0\66\4\4\63#23456789012345678901234567890123456789012345678901", 58},
	};
	struct wire_frame wire;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct gw_error why = {0};

		assert_int_equal(wire_parse((const uint8_t *)bad[i].bytes, bad[i].n, &wire, &why),
		                 -EBADMSG);
		assert_true(why.text[0] != '\0');
	}
}

/* Bits that have no meaning yet are left alone. */
static void test_unknown_flags_are_no_error(void **state)
{
	static const uint8_t bytes[] = {0, 0, 0, 3, 9, 0xf1, 'x'};
	struct wire_frame wire;
	struct gw_error why;

	(void)state;
	assert_int_equal(wire_parse(bytes, sizeof(bytes), &wire, &why), 0);
	assert_int_equal(wire.frame.reach, GW_REACH_ALL);
	assert_false(wire.frame.may_drop);
	assert_int_equal(wire.frame.n, 1);
}

static void test_what_is_said_of_a_turn(void **state)
{
	static const uint8_t cut[] = {TURN_ADOPT, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
	struct turn_said said = {.step = TURN_NO, .id = 7, .code = TURN_NO_BUSY}, back;
	uint8_t bytes[TURN_MAX + 1] = {0};
	struct gw_error why;

	(void)state;
	memset(said.text, 'x', TURN_TEXT_MAX);
	assert_int_equal(turn_put(&said, bytes), TURN_MAX);
	assert_int_equal(turn_parse(bytes, TURN_MAX + 1, &back, &why), 0);
	assert_memory_equal(&said, &back, sizeof(said));
	bytes[10] = '\n';
	assert_int_equal(turn_parse(bytes, TURN_MAX, &back, &why), 0);
	assert_int_equal(back.text[0], '?');
	said = (struct turn_said){.step = TURN_GO, .id = UINT64_MAX, .run = 0x0102030405060708};
	assert_int_equal(turn_put(&said, bytes), 17);
	assert_int_equal(turn_parse(bytes, 17, &back, &why), 0);
	assert_memory_equal(&said, &back, sizeof(said));
	for (size_t n = 0; n <= sizeof(cut); n++)
		assert_int_equal(turn_parse(cut, n, &back, &why), -EBADMSG);
	bytes[0] = TURN_NO;
	assert_int_equal(turn_parse(bytes, 9, &back, &why), -EBADMSG);
	bytes[0] = 200; /* a newer version's */
	assert_int_equal(turn_parse(bytes, 9, &back, &why), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_goes_out_comes_in),
		cmocka_unit_test(test_a_part_is_waited_for),
		cmocka_unit_test(test_only_the_first_is_taken),
		cmocka_unit_test(test_the_longest_fits_and_one_byte_more_does_not),
		cmocka_unit_test(test_malformed_frames_are_refused),
		cmocka_unit_test(test_unknown_flags_are_no_error),
		cmocka_unit_test(test_what_is_said_of_a_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
