/*
 * tests/unit/redirect_hold.c - vectors, the hold queue and its filter, lines that are kept.
 */
#include "tests/unit/cmocka.h"
#include "tests/unit/redirect_rig.h"

#define with_rig(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

struct world {
	struct redirect_rig *rig;
	struct gw_self *self;
	struct hold hold;
	struct gw_channel channels[3];
	struct gw_conn conn;
};

static int setup(void **state)
{
	static const char *const names[] = {"#a", "#b", "#A"};
	struct world *w = calloc(1, sizeof(*w));

	w->rig = redirect_rig_new();
	w->self = w->rig->self;
	for (size_t i = 0; i < 3; i++)
		w->channels[i].name = names[i];
	*state = w;
	return 0;
}

/* The rig fails when buffers or memory are left. */
static int teardown(void **state)
{
	struct world *w = *state;

	hold_free(w->self, &w->hold);
	rig_add(&w->conn.sink.lines, NULL);
	redirect_rig_free(&w->rig);
	free(w);
	return 0;
}

/* `channel` 0: none; from 1. */
static void add(struct world *w, enum held_what what, uint64_t origin, uint64_t seq, int channel,
                const char *text)
{
	struct gw_event event = {.origin = origin, .seq = seq};
	struct gw_buf *buf = NULL;

	if (channel > 0)
		event.channel = &w->channels[channel - 1];
	if (text != NULL) {
		buf = gw_buf_new(w->self, strlen(text) + 2);
		memcpy(buf->data, text, strlen(text));
		memcpy(buf->data + strlen(text), "\r\n", 2);
	}
	hold_add(w->self, &w->hold, what, origin != 0 ? &event : NULL, buf);
	if (buf != NULL)
		gw_buf_unref(w->self, &buf);
}

static void out(struct world *w, uint64_t origin, uint64_t seq, int channel, const char *text)
{
	add(w, HELD_OUTPUT, origin, seq, channel, text);
}

static void left(struct world *w, uint64_t origin, uint64_t seq, int channel)
{
	add(w, HELD_LEFT, origin, seq, channel, NULL);
}

static void filter(struct world *w, uint64_t run, uint64_t seq)
{
	struct vector_entry entries[] = {{run, seq}, {99, 5}};
	struct vector v = {entries, 2};

	vector_sort(&v);
	hold_filter(w->self, &w->hold, &v);
}

static const char *released(struct world *w)
{
	hold_release(w->self, &w->hold, &w->conn.sink);
	return w->conn.sink.lines.p != NULL ? w->conn.sink.lines.p : "";
}

/* --- vectors --- */

static void a_vector_covers_up_to_its_sequences(void **state)
{
	struct vector_entry entries[] = {{30, 7}, {UINT64_MAX, 1}, {10, 5}, {20, 0}};
	struct vector v = {entries, 4}, none = {0};

	(void)state;
	vector_sort(&v);
	assert_true(vector_covers(&v, 10, 5));
	assert_true(vector_covers(&v, 10, 1));
	assert_false(vector_covers(&v, 10, 6));
	assert_true(vector_covers(&v, 30, 7));
	assert_false(vector_covers(&v, 20, 1));
	assert_true(vector_covers(&v, UINT64_MAX, 1));
	assert_false(vector_covers(&v, 40, 0));
	assert_false(vector_covers(&v, 0, 0));
	assert_false(vector_covers(&none, 10, 0));
}

static void a_vector_is_read_as_it_was_written(void **state)
{
	struct world *w = *state;
	struct vector_entry entries[] = {{1, 2}, {0x0102030405060708, UINT64_MAX}};
	struct vector v = {entries, 2}, read;
	uint8_t bytes[33] = {[32] = 0xee};

	assert_int_equal(vector_write(&v, bytes, sizeof(bytes) - 1), 32);
	assert_int_equal(bytes[32], 0xee);
	assert_memory_equal(bytes, "\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2\1\2\3\4\5\6\7\10", 24);
	assert_true(vector_read(w->self, bytes, 32, &read));
	assert_int_equal(read.n, 2);
	assert_memory_equal(read.entries, entries, sizeof(entries));
	gw_free(w->self, read.entries);
}

static void no_more_of_a_vector_is_written_than_fits(void **state)
{
	struct vector_entry entries[] = {{1, 2}, {3, 4}, {5, 6}};
	struct vector v = {entries, 3};
	uint8_t bytes[48];

	(void)state;
	assert_int_equal(vector_write(&v, bytes, 0), 0);
	assert_int_equal(vector_write(&v, bytes, 15), 0);
	assert_int_equal(vector_write(&v, bytes, 47), 32);
	assert_int_equal(vector_write(&v, bytes, 48), 48);
}

static void a_vector_that_was_shuffled_is_sorted_when_read(void **state)
{
	struct world *w = *state;
	struct vector_entry entries[] = {{9, 1}, {2, 5}, {7, 3}};
	struct vector v = {entries, 3}, read;
	uint8_t bytes[48];

	assert_true(vector_read(w->self, bytes, vector_write(&v, bytes, sizeof(bytes)), &read));
	assert_true(vector_covers(&read, 2, 5) && vector_covers(&read, 7, 3) &&
	            vector_covers(&read, 9, 1));
	assert_false(vector_covers(&read, 9, 2));
	gw_free(w->self, read.entries);
}

static void malformed_vectors_are_not_read(void **state)
{
	struct world *w = *state;
	struct vector read;
	uint8_t bytes[64] = {0};

	for (size_t n = 1; n < 64; n++)
		if (n % 16 != 0)
			assert_false(vector_read(w->self, bytes, n, &read));
	assert_true(vector_read(w->self, NULL, 0, &read));
	assert_int_equal(read.n, 0);
	assert_false(vector_covers(&read, 0, 0));
	gw_free(w->self, read.entries);
}

/* --- the filter --- */

static void what_the_vector_covers_is_dropped(void **state)
{
	struct world *w = *state;

	out(w, 10, 4, 0, "covered");
	out(w, 10, 5, 1, "just covered");
	out(w, 10, 6, 1, "not covered");
	out(w, 11, 1, 1, "of an unknown origin");
	out(w, 0, 0, 0, "of no event");
	filter(w, 10, 5);
	assert_string_equal(released(w), "not covered|of an unknown origin|of no event|");
}

static void what_is_left_is_released_in_its_order_and_once(void **state)
{
	struct world *w = *state;
	char text[12], want[512] = "";

	for (int i = 0; i < 60; i++) {
		snprintf(text, sizeof(text), "%d", i);
		out(w, 10 + (uint64_t)i % 3, 100 - (uint64_t)i / 3, i % 4, text);
		snprintf(want + strlen(want), sizeof(want) - strlen(want), "%d|", i);
	}
	assert_string_equal(released(w), want);
	assert_int_equal(w->hold.n, 0);
	assert_int_equal(w->hold.bytes, 0);
	assert_string_equal(released(w), want);
}

static void a_covered_leave_takes_all_before_it_of_its_channel(void **state)
{
	struct world *w = *state;

	out(w, 11, 1, 1, "#a before");
	out(w, 11, 2, 2, "#b before");
	out(w, 11, 3, 0, "a query");
	left(w, 10, 5, 1);
	out(w, 11, 4, 1, "#a behind");
	filter(w, 10, 5);
	assert_string_equal(released(w), "#b before|a query|#a behind|");
}

static void a_leave_that_is_not_covered_takes_nothing(void **state)
{
	struct world *w = *state;

	out(w, 11, 1, 1, "#a before");
	left(w, 10, 6, 1);
	out(w, 10, 6, 1, "the leave");
	filter(w, 10, 5);
	assert_string_equal(released(w), "#a before|the leave|");
}

static void who_comes_back_is_shown_what_follows(void **state)
{
	struct world *w = *state;

	out(w, 11, 1, 1, "first stay");
	left(w, 10, 3, 1);
	out(w, 10, 4, 1, "the second join");
	out(w, 11, 2, 1, "second stay");
	left(w, 12, 9, 1);
	out(w, 12, 9, 1, "a kick that is not covered");
	out(w, 10, 6, 1, "third join");
	filter(w, 10, 5);
	assert_string_equal(released(w), "second stay|a kick that is not covered|third join|");
}

static void of_several_covered_leaves_the_last_counts(void **state)
{
	struct world *w = *state;

	out(w, 11, 1, 1, "one");
	left(w, 10, 2, 1);
	out(w, 11, 2, 1, "two");
	left(w, 10, 4, 1);
	out(w, 11, 3, 1, "three");
	filter(w, 10, 5);
	assert_string_equal(released(w), "three|");
}

static void channels_are_told_apart_as_the_network_names_them(void **state)
{
	struct world *w = *state;

	out(w, 11, 1, 3, "#A");
	out(w, 11, 2, 1, "#a");
	left(w, 10, 1, 1);
	filter(w, 10, 5);
	assert_int_equal(w->hold.n_channels, 2);
	assert_string_equal(released(w), "#A|");
}

/* What a command says without an event is in no channel, and nobody else has shown it. */
static void a_leave_without_a_channel_takes_nothing(void **state)
{
	struct world *w = *state;

	out(w, 0, 0, 0, "of no event");
	out(w, 11, 1, 0, "a query");
	left(w, 10, 1, 0);
	filter(w, 10, 5);
	assert_string_equal(released(w), "of no event|a query|");
}

static void without_a_vector_everything_stays(void **state)
{
	struct world *w = *state;
	struct vector none = {0};

	out(w, 11, 1, 1, "one");
	left(w, 11, 2, 1);
	out(w, 11, 3, 1, "two");
	hold_filter(w->self, &w->hold, &none);
	assert_string_equal(released(w), "one|two|");
}

/* As long as another queue has the buffer it lives; the rig counts what is not given back. */
static void buffers_are_given_back_when_dropped(void **state)
{
	struct world *w = *state;

	out(w, 10, 1, 1, "one");
	out(w, 10, 6, 1, "two");
	assert_int_equal(w->rig->n_bufs, 2);
	filter(w, 10, 5);
	assert_int_equal(w->rig->n_bufs, 1);
	hold_free(w->self, &w->hold);
	assert_int_equal(w->rig->n_bufs, 0);
}

static void all_that_is_held_is_counted(void **state)
{
	struct world *w = *state;
	size_t before;

	out(w, 10, 1, 0, "12345678");
	assert_true(w->hold.bytes >= 10 + sizeof(struct held));
	before = w->hold.bytes;
	left(w, 10, 2, 1);
	assert_true(w->hold.bytes >= before + sizeof(struct held) + sizeof("#a"));
	for (int i = 0; i < 1000; i++)
		left(w, 10, 3, 1);
	assert_true(w->hold.bytes >= 1000 * sizeof(struct held));
}

/* --- kept lines --- */

static void keep(struct world *w, struct kept *kept, const char *text, bool too_long)
{
	struct gw_line line = {
		.text = (char *)(uintptr_t)text, .len = strlen(text), .too_long = too_long};

	kept_add(w->self, kept, &line);
}

static void lines_are_kept_in_order_and_are_copies(void **state)
{
	struct world *w = *state;
	struct kept kept = {0};
	char text[] = "first";

	keep(w, &kept, text, true);
	text[0] = 'F';
	for (int i = 0; i < 100; i++)
		keep(w, &kept, i % 2 != 0 ? "odd" : "", false);
	assert_int_equal(kept.n, 101);
	assert_string_equal(kept.lines[0].text, "first");
	assert_int_equal(kept.lines[0].len, 5);
	assert_true(kept.lines[0].too_long);
	assert_string_equal(kept.lines[1].text, "");
	assert_string_equal(kept.lines[100].text, "odd");
	assert_false(kept.lines[100].too_long);
	assert_true(kept.bytes >= 5 + 50 * 3 + 101 * sizeof(struct gw_line));
	kept_free(w->self, &kept);
	assert_int_equal(kept.n, 0);
}

static void lines_move_behind_others(void **state)
{
	struct world *w = *state;
	struct kept kept = {0}, more = {0}, none = {0};
	size_t bytes;

	keep(w, &kept, "1", false);
	keep(w, &more, "2", false);
	keep(w, &more, "3", true);
	bytes = kept.bytes + more.bytes;
	kept_move(w->self, &kept, &more);
	kept_move(w->self, &kept, &none);
	assert_int_equal(kept.n, 3);
	assert_int_equal(kept.bytes, bytes);
	assert_string_equal(kept.lines[1].text, "2");
	assert_true(kept.lines[2].too_long);
	assert_null(more.lines);
	assert_int_equal(more.n + more.bytes + more.room, 0);
	kept_free(w->self, &kept);
	kept_free(w->self, &more);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_vector_covers_up_to_its_sequences),
		cmocka_unit_test(no_more_of_a_vector_is_written_than_fits),
		with_rig(a_vector_is_read_as_it_was_written),
		with_rig(a_vector_that_was_shuffled_is_sorted_when_read),
		with_rig(malformed_vectors_are_not_read),
		with_rig(what_the_vector_covers_is_dropped),
		with_rig(what_is_left_is_released_in_its_order_and_once),
		with_rig(a_covered_leave_takes_all_before_it_of_its_channel),
		with_rig(a_leave_that_is_not_covered_takes_nothing),
		with_rig(who_comes_back_is_shown_what_follows),
		with_rig(of_several_covered_leaves_the_last_counts),
		with_rig(channels_are_told_apart_as_the_network_names_them),
		with_rig(a_leave_without_a_channel_takes_nothing),
		with_rig(without_a_vector_everything_stays),
		with_rig(buffers_are_given_back_when_dropped),
		with_rig(all_that_is_held_is_counted),
		with_rig(lines_are_kept_in_order_and_are_copies),
		with_rig(lines_move_behind_others),
	};

	return cmocka_run_group_tests_name("redirect_hold", tests, NULL, NULL);
}
