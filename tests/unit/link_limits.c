/*
 * How many attempts to link there may be: for all, for one place, and for servers that are listed.
 */
#include "modules/link/limits.h"
#include "tests/unit/cmocka.h"
#include "tests/unit/mini.h"

struct rig {
	struct mini *mini;
	struct gw_self *self;
	struct limits l;
	char *folder;
	uint32_t said, said_nowhere;
};

static int rig_new(void **state)
{
	static const struct gw_call_row calls[] = {{NULL, NULL}};
	struct rig *rig = calloc(1, sizeof(*rig));

	rig->folder = mini_folder();
	rig->mini = mini_new(rig->folder, 0);
	rig->self = mini_test_self(rig->mini, calls, 0, NULL);
	rig->l.options = (struct limit_options){.max = 64,
	                                        .per_address = 4,
	                                        .reserved = 16,
	                                        .bucket = 6,
	                                        .per_second = 50,
	                                        .refill_ns = 4 * GW_SECOND};
	*state = rig;
	return 0;
}

static int rig_free(void **state)
{
	struct rig *rig = *state;

	limits_free(rig->self, &rig->l);
	mini_free(&rig->mini);
	mini_folder_remove(&rig->folder);
	free(rig);
	return 0;
}

static struct place *from(struct rig *rig, const char *name)
{
	return limits_begin(rig->self, &rig->l, name, false);
}

static struct place *numbered(struct rig *rig, unsigned n, bool listed)
{
	char name[PLACE_MAX];

	snprintf(name, sizeof(name), "10.0.%u.%u", n / 256, n % 256);
	return limits_begin(rig->self, &rig->l, name, listed);
}

static void one_place_has_four_at_a_time(void **state)
{
	struct rig *rig = *state;
	struct place *place = NULL;

	for (int i = 0; i < 4; i++)
		assert_non_null(place = from(rig, "192.0.2.1"));
	assert_null(from(rig, "192.0.2.1"));
	assert_non_null(from(rig, "192.0.2.2"));
	limits_end(rig->self, &rig->l, place);
	assert_non_null(from(rig, "192.0.2.1"));
	assert_null(from(rig, "192.0.2.1"));
}

static void one_place_has_six_at_once_and_one_each_four_seconds(void **state)
{
	struct rig *rig = *state;
	struct place *place;

	for (int i = 0; i < 6; i++) {
		assert_non_null(place = from(rig, "192.0.2.1"));
		limits_end(rig->self, &rig->l, place);
	}
	assert_null(from(rig, "192.0.2.1"));
	mini_run(rig->mini, 4 * GW_SECOND - 1);
	assert_null(from(rig, "192.0.2.1"));
	mini_run(rig->mini, 1);
	assert_non_null(place = from(rig, "192.0.2.1"));
	limits_end(rig->self, &rig->l, place);
	assert_null(from(rig, "192.0.2.1"));
	mini_run(rig->mini, 3600 * GW_SECOND);
	for (int i = 0; i < 6; i++) {
		assert_non_null(place = from(rig, "192.0.2.1"));
		limits_end(rig->self, &rig->l, place);
	}
	assert_null(from(rig, "192.0.2.1"));
}

static void a_crowd_leaves_room_for_listed_servers(void **state)
{
	struct rig *rig = *state;
	unsigned n = 0, got = 0;

	for (; n < 1000; n++)
		got += numbered(rig, n, false) != NULL;
	assert_int_equal(got, 48);
	for (got = 0; n < 2000; n++)
		got += numbered(rig, n, true) != NULL;
	assert_int_equal(got, 16);
	assert_int_equal(rig->l.open, 64);
}

static void strangers_begin_fifty_in_a_second(void **state)
{
	struct rig *rig = *state;
	struct place *place;
	unsigned got = 0;

	for (unsigned n = 0; n < 1000; n++) {
		place = numbered(rig, n, false);
		if (place != NULL)
			limits_end(rig->self, &rig->l, place);
		got += place != NULL;
	}
	assert_int_equal(got, 50);
	assert_non_null(place = numbered(rig, 1001, true));
	limits_end(rig->self, &rig->l, place);
	mini_run(rig->mini, GW_SECOND / 50);
	assert_non_null(numbered(rig, 1002, false));
	assert_null(numbered(rig, 1003, false));
}

static void unsaid(void *ctx, const char *name, uint32_t n)
{
	struct rig *rig = ctx;

	if (name == NULL)
		rig->said_nowhere += n;
	else
		rig->said += n;
}

static void ten_lines_a_minute_are_said_and_the_rest_counted(void **state)
{
	struct rig *rig = *state;
	struct place *place = from(rig, "192.0.2.1");
	int said = 0;

	for (int i = 0; i < 25; i++)
		said += limits_may_say(place, gw_mono_ns(rig->self));
	assert_int_equal(said, 10);
	rig->l.unsaid = 3;
	limits_minute(rig->self, &rig->l, unsaid, rig);
	assert_int_equal(rig->said, 15);
	assert_int_equal(rig->said_nowhere, 3);
	assert_false(limits_may_say(place, gw_mono_ns(rig->self)));
	mini_run(rig->mini, 60 * GW_SECOND);
	assert_true(limits_may_say(place, gw_mono_ns(rig->self)));
}

/* However many come, what is remembered of them is bounded, and goes. */
static void places_are_forgotten(void **state)
{
	struct rig *rig = *state;
	struct place *place;

	for (unsigned n = 0; n < 60000; n++) {
		place = numbered(rig, n % 65536, false);
		if (place != NULL)
			limits_end(rig->self, &rig->l, place);
		if (n % 1000 == 0)
			mini_run(rig->mini, GW_SECOND);
	}
	assert_in_range(HASH_COUNT(rig->l.places), 1, 61 * 50);
	mini_run(rig->mini, 120 * GW_SECOND);
	limits_minute(rig->self, &rig->l, unsaid, rig);
	assert_int_equal(HASH_COUNT(rig->l.places), 0);
}

static void open_attempts_and_failures_are_remembered(void **state)
{
	struct rig *rig = *state;
	struct place *open = from(rig, "192.0.2.1"), *failed = from(rig, "192.0.2.2");

	failed->failures = 2;
	limits_end(rig->self, &rig->l, failed);
	mini_run(rig->mini, 600 * GW_SECOND);
	limits_minute(rig->self, &rig->l, unsaid, rig);
	assert_ptr_equal(limits_place(rig->self, &rig->l, "192.0.2.2", false), failed);
	mini_run(rig->mini, 3600 * GW_SECOND);
	limits_minute(rig->self, &rig->l, unsaid, rig);
	assert_null(limits_place(rig->self, &rig->l, "192.0.2.2", false));
	assert_ptr_equal(limits_place(rig->self, &rig->l, "192.0.2.1", false), open);
}

static void a_place_is_what_one_party_has(void **state)
{
	char name[PLACE_MAX], other[PLACE_MAX];

	(void)state;
	place_name("192.0.2.1", "x", name);
	assert_string_equal(name, "192.0.2.1");
	place_name("::ffff:192.0.2.1", "x", name);
	assert_string_equal(name, "192.0.2.1");
	place_name("2001:db8:1:2:3:4:5:6", "x", name);
	place_name("2001:db8:1:2:ffff::1", "x", other);
	assert_string_equal(name, "2001:db8:1:2::/64");
	assert_string_equal(name, other);
	place_name("unix", "unix:/run/godwit/link.sock", name);
	assert_string_equal(name, "unix:/run/godwit/link.sock");
}

#define with_rig(test) cmocka_unit_test_setup_teardown(test, rig_new, rig_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_rig(one_place_has_four_at_a_time),
		with_rig(one_place_has_six_at_once_and_one_each_four_seconds),
		with_rig(a_crowd_leaves_room_for_listed_servers),
		with_rig(strangers_begin_fifty_in_a_second),
		with_rig(ten_lines_a_minute_are_said_and_the_rest_counted),
		with_rig(places_are_forgotten),
		with_rig(open_attempts_and_failures_are_remembered),
		cmocka_unit_test(a_place_is_what_one_party_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
