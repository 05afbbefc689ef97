/*
 * tests/unit/network.c - one server's live network, and what it takes and refuses from another.
 * That servers agree is network_converge.c's.
 */
#include "tests/unit/cmocka.h"
#include "tests/unit/network_rig.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_MS ((int64_t)1700000000000)
#define HOUR_MS ((int64_t)3600 * 1000)

/** Two servers that know each other; what happens at the first is written down, what the second
 * records is kept. */
struct pair {
	struct rig *here, *far;
	char log[8192];
	uint8_t record[GW_RECORD_MAX]; /* the last of `far` */
	size_t record_len;
	void (*inside)(struct pair *); /* called once, in the next notification */
	struct gw_member *member;
	bool was_member;
};

/* Appends to the log; what no longer fits is left out (the tests of many events do not read it). */
static void note(struct pair *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void note(struct pair *p, const char *format, ...)
{
	size_t n = strlen(p->log);
	va_list args;

	va_start(args, format);
	vsnprintf(p->log + n, sizeof(p->log) - n, format, args);
	va_end(args);
}

static void heard(void *ctx, struct rig *rig, const struct gw_event *e)
{
	static const char *const names[] = {
		"",     "USER", "QUIT",  "NICK",    "SET",    "CHANNEL", "JOIN",    "PART",
		"KICK", "MODE", "TOPIC", "MESSAGE", "INVITE", "KILL",    "WALLOPS", "UNREGISTER"};
	struct pair *p = ctx;
	void (*inside)(struct pair *) = p->inside;

	if (rig != p->here)
		return;
	note(p, "%s", (e->kind >> 16) == 1 ? names[e->kind & 15] : "OTHER");
	if (e->source != NULL)
		note(p, " %s", e->source->user->nick);
	if (e->channel != NULL)
		note(p, " %s", e->channel->name);
	for (size_t i = 0; i < e->n_modes; i++)
		note(p, " %c%c%s%s", e->modes[i].add ? '+' : '-', e->modes[i].letter,
		     e->modes[i].param == NULL ? "" : " ",
		     e->modes[i].param == NULL ? "" : e->modes[i].param);
	if (e->kind == GW_EV_QUIT)
		p->was_member = e->source->user->n_channels > 0;
	if (e->kind == GW_EV_KICK || e->kind == GW_EV_PART)
		p->was_member = RIG(rig, member, e->channel, e->member->user) == e->member;
	note(p, ";");
	p->inside = NULL;
	if (inside != NULL)
		inside(p);
}

static void recorded(void *ctx, struct rig *rig, const struct gw_record *r)
{
	struct pair *p = ctx;

	if (rig != p->far)
		return;
	memcpy(p->record, r->bytes, r->len);
	p->record_len = r->len;
}

static int setup(void **state)
{
	struct pair *p = calloc(1, sizeof(*p));

	p->here = rig_new("here.example", 1, START_MS);
	p->far = rig_new("far.example", 2, START_MS);
	rig_knows(p->here, p->far, 7);
	rig_knows(p->far, p->here, 8);
	p->here->ctx = p->far->ctx = p;
	p->here->on_event = heard;
	p->far->on_record = recorded;
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct pair *p = *state;

	rig_free(&p->here);
	rig_free(&p->far);
	free(p);
	return 0;
}

static struct gw_session *come(struct rig *rig, const char *nick)
{
	struct gw_user_spec spec = {
		.nick = nick, .ident = "user", .host = "host.example", .realname = "A Name"};
	struct gw_session *session = NULL;

	assert_int_equal(RIG(rig, introduce, &spec, &session), 0);
	assert_non_null(session);
	return session;
}

static struct gw_channel *in(struct rig *rig, struct gw_session *session, const char *name,
                             uint8_t status)
{
	assert_int_equal(RIG(rig, join, session, name, status, 0), 0);
	return RIG(rig, channel, name);
}

static const char *log_of(struct pair *p)
{
	static char text[sizeof(p->log)];

	strcpy(text, p->log);
	p->log[0] = '\0';
	return text;
}

static int from_far(struct pair *p)
{
	return RIG(p->here, apply, p->record, p->record_len, 7);
}

static void names_fold_and_hold(void **state)
{
	struct rig *r = ((struct pair *)*state)->here;
	char out[32];

	assert_int_equal(RIG(r, fold, "Ann[x]", out, sizeof(out)), 6);
	assert_string_equal(out, "ann[x]");
	assert_int_equal(RIG(r, fold, "Ann", out, 3), -EINVAL);
	assert_true(RIG(r, same, "ANN", "ann"));
	assert_false(RIG(r, same, "ann{", "ann["));
	assert_true(RIG(r, valid_nick, "[]\\`_^{|}-9"));
	assert_false(RIG(r, valid_nick, "9a"));
	assert_false(RIG(r, valid_nick, "-a"));
	assert_false(RIG(r, valid_nick, "a~b"));
	assert_false(RIG(r, valid_nick, ""));
	assert_false(RIG(r, valid_nick, "b\xc3\xa4"));
	assert_false(RIG(r, valid_nick, "a234567890123456789012345678901"));
	assert_true(RIG(r, valid_channel,
	                "#"
	                "\xc3\xa4"));
	assert_false(RIG(r, valid_channel, "#"));
	assert_false(RIG(r, valid_channel, "&a"));
	assert_false(RIG(r, valid_channel, "#a b"));
	assert_false(RIG(r, valid_channel, "#a,b"));
	assert_false(RIG(r, valid_channel, "#a\x07"));
	assert_false(RIG(r, valid_channel, "#\xff"));
	assert_false(RIG(r, valid_channel, "#\xc0\x80"));
	assert_false(RIG(r, valid_channel, "#\xed\xa0\x80"));
	assert_false(RIG(r, valid_channel, "#\xc3"));
}

static void masks_match_without_exploding(void **state)
{
	struct rig *r = ((struct pair *)*state)->here;
	char mask[201], text[401];

	assert_true(RIG(r, match, "*!*@*.Example", "ann!u@host.example"));
	assert_true(RIG(r, match, "a?n*", "ANN"));
	assert_true(RIG(r, match, "*", ""));
	assert_false(RIG(r, match, "?", ""));
	assert_false(RIG(r, match, "a*b", "acd"));
	assert_true(RIG(r, match, "a*b*c", "aXbYbZc"));
	for (int i = 0; i < 200; i++)
		mask[i] = i % 2 ? '*' : 'a';
	mask[200] = '\0';
	memset(text, 'a', 400);
	text[400] = '\0';
	text[399] = 'b';
	mask[199] = 'c';
	assert_false(RIG(r, match, mask, text));
}

static void a_msgid_gives_back_what_it_was_made_of(void **state)
{
	struct rig *r = ((struct pair *)*state)->here;
	char id[GW_MSGID_LEN + 1];
	uint64_t origin, seq;

	RIG(r, msgid, 0xfedcba9876543210, 77, id);
	assert_int_equal(strlen(id), GW_MSGID_LEN);
	assert_true(RIG(r, msgid_parse, id, &origin, &seq));
	assert_true(origin == 0xfedcba9876543210 && seq == 77);
	assert_false(RIG(r, msgid_parse, "short", &origin, &seq));
	id[21] ^= 1;
	assert_false(RIG(r, msgid_parse, id, &origin, &seq));
}

static void a_nick_in_use_is_refused(void **state)
{
	struct pair *p = *state;
	struct gw_session *ann = come(p->here, "ann"), *bob = come(p->here, "bob"), *none;
	struct gw_user_spec spec = {.nick = "ANN", .ident = "u", .host = "h", .realname = ""};

	assert_int_equal(RIG(p->here, introduce, &spec, &none), -EEXIST);
	assert_int_equal(RIG(p->here, nick, bob, "Ann", 0), -EEXIST);
	assert_int_equal(RIG(p->here, nick, ann, "Ann", 0), 0);
	assert_string_equal(ann->user->nick, "Ann");
	assert_int_equal(RIG(p->here, nick, ann, "a b", 0), -EINVAL);
	assert_ptr_equal(RIG(p->here, user, "aNN"), ann->user);
	spec.nick = "cid";
	spec.host = "two words";
	assert_int_equal(RIG(p->here, introduce, &spec, &none), -EINVAL);
	assert_null(none);
}

static void those_who_leave_are_still_there_while_all_hear_of_it(void **state)
{
	struct pair *p = *state;
	struct gw_session *ann = come(p->here, "ann"), *bob = come(p->here, "bob");
	struct gw_channel *c = in(p->here, ann, "#c", GW_OP);

	in(p->here, bob, "#C", 0);
	assert_int_equal(RIG(p->here, join, bob, "#c", 0, 0), -EALREADY);
	assert_int_equal(RIG(p->here, part, bob, c, "bye", 0), 0);
	assert_true(p->was_member);
	p->was_member = false;
	in(p->here, bob, "#c", 0);
	RIG(p->here, kick, ann, bob->user->channels, "out", 0);
	assert_true(p->was_member);
	assert_int_equal(c->n_members, 1);
	p->was_member = false;
	RIG(p->here, quit, ann, "gone");
	assert_true(p->was_member);
	assert_null(RIG(p->here, channel, "#c"));
	assert_string_equal(log_of(p), "USER ann;USER bob;JOIN ann #c;JOIN bob #c;PART bob #c;JOIN "
	                               "bob #c;KICK ann #c;QUIT ann;");
}

static void say_inside(struct pair *p)
{
	struct gw_session *bob = NULL;
	struct gw_user_spec spec = {.nick = "bob", .ident = "u", .host = "h", .realname = ""};

	RIG(p->here, introduce, &spec, &bob);
	assert_null(bob);
	RIG(p->here, wallops, NULL, "first", 0);
	assert_int_equal(RIG(p->here, apply, "x", 1, 7), -EBUSY);
	assert_null(RIG(p->here, user, "bob"));
}

static void an_event_made_in_a_notification_comes_behind_it(void **state)
{
	struct pair *p = *state;

	p->inside = say_inside;
	come(p->here, "ann");
	assert_string_equal(log_of(p), "USER ann;USER bob;WALLOPS;");
	assert_non_null(RIG(p->here, user, "bob"));
}

static void modes_are_shown_once(void **state)
{
	struct pair *p = *state;
	struct gw_session *ann = come(p->here, "ann");
	struct gw_channel *c = in(p->here, ann, "#c", 0);
	struct gw_mode_change changes[] = {{.letter = 'n', .add = true},
	                                   {.letter = 'k', .add = true, .param = "sesame"},
	                                   {.letter = 'b', .add = true, .param = "*!*@evil"},
	                                   {.letter = 'o', .add = true, .member = c->members[0]},
	                                   {.letter = 'l', .add = true, .param = "12"}};
	struct gw_mode_change unknown = {.letter = 'Z', .add = true},
			      bare = {.letter = 'k', .add = true};

	log_of(p);
	assert_int_equal(RIG(p->here, mode, ann, c, changes, 5, 0), 0);
	assert_string_equal(log_of(p), "MODE ann #c +n +k sesame +b *!*@evil +o ann +l 12;");
	assert_int_equal(RIG(p->here, mode, ann, c, changes, 5, 0), 0);
	assert_string_equal(log_of(p), "");
	assert_string_equal(c->key, "sesame");
	assert_string_equal(RIG(p->here, mode_param, c, 'k'), "sesame");
	assert_int_equal(c->limit, 12);
	assert_int_equal(c->members[0]->status, GW_OP);
	assert_string_equal(c->lists->setter, "ann!user@host.example");
	assert_int_equal(RIG(p->here, mode, ann, c, &unknown, 1, 0), -EINVAL);
	assert_int_equal(RIG(p->here, mode, ann, c, &bare, 1, 0), -EINVAL);
}

static void a_channel_that_nobody_joins_goes_again(void **state)
{
	struct pair *p = *state;
	struct gw_channel_spec spec = {.name = "#c"};
	struct gw_channel *c;

	assert_int_equal(RIG(p->here, make_channel, &spec, &c), 0);
	assert_non_null(c);
	p->here->wall_ms += 2000;
	rig_call(p->here, "tidy");
	assert_null(RIG(p->here, channel, "#c"));
	spec.registered = (struct gw_id){5, 6};
	RIG(p->here, make_channel, &spec, &c);
	assert_true(c->created.clock == 5 && c->created.origin == 6);
	p->here->wall_ms += 2000;
	rig_call(p->here, "tidy");
	assert_non_null(RIG(p->here, channel, "#c"));
	RIG(p->here, unregister, c);
	assert_null(RIG(p->here, channel, "#c"));
}

static void interest_outlives_the_channel(void **state)
{
	struct pair *p = *state;
	struct gw_session *ann = come(p->here, "ann");

	assert_int_equal(RIG(p->here, interest, "#C", true), 0);
	assert_int_equal(RIG(p->here, interest, "#c", true), 0);
	assert_int_equal(in(p->here, ann, "#c", 0)->interest, 2);
	RIG(p->here, quit, ann, "");
	RIG(p->here, interest, "#c", false);
	ann = come(p->here, "ann");
	assert_int_equal(in(p->here, ann, "#c", 0)->interest, 1);
	assert_int_equal(RIG(p->here, interest, "#c", false), 0);
	assert_int_equal(RIG(p->here, interest, "#c", false), -ENOENT);
}

static void figures_and_walks_follow(void **state)
{
	struct pair *p = *state;
	struct gw_session *ann = come(p->here, "ann"), *bob = come(p->here, "bob");
	struct gw_user_set set = {
		.fields = GW_SET_MODES | GW_SET_ROLE, .modes_add = gw_letter('i'), .role = "admin"};
	uint32_t users, invisible, opers, channels, peak;

	RIG(p->here, nick, ann, "zoe", 0);
	RIG(p->here, set, ann, &set, 0);
	in(p->here, bob, "#c", 0);
	assert_ptr_equal(RIG(p->here, next_user, NULL), ann->user);
	assert_ptr_equal(RIG(p->here, next_user, ann->user), bob->user);
	RIG(p->here, quit, bob, "");
	RIG(p->here, counts, &users, &invisible, &opers, &channels, &peak);
	assert_true(users == 1 && invisible == 1 && opers == 1 && channels == 0 && peak == 2);
	RIG(p->here, quit, ann, "");
	RIG(p->here, counts, &users, &invisible, &opers, &channels, &peak);
	assert_true(users == 0 && invisible == 0 && opers == 0 && channels == 0 && peak == 2);
}

static void a_session_keeps_the_data_of_modules(void **state)
{
	static const struct gw_session_data small[] = {
		{.name = "note", .version = 1, .size = 8},
		{.name = "mood", .version = 1, .size = 4, .stays = true}};
	static const struct gw_session_data large[] = {{.name = "note", .version = 2, .size = 32}};
	static const struct gw_rows first[] = {GW_ROWS(GW_POINT_SESSION_DATA, small),
	                                       {NULL, NULL, 0, 0}};
	static const struct gw_rows second[] = {GW_ROWS(GW_POINT_SESSION_DATA, large),
	                                        {NULL, NULL, 0, 0}};
	struct pair *p = *state;
	struct gw_session *ann = come(p->here, "ann");
	char *note;
	size_t blocks = p->here->blocks;

	assert_null(RIG(p->here, data, ann, "note"));
	rig_rows(p->here, first);
	note = RIG(p->here, data, ann, "note");
	assert_memory_equal(note, "\0\0\0\0\0\0\0", 8);
	strcpy(note, "kept");
	strcpy(RIG(p->here, data, ann, "mood"), "ok");
	rig_reload(p->here);
	rig_rows(p->here, second);
	note = RIG(p->here, data, ann, "note");
	assert_memory_equal(note, "kept\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32);
	assert_null(RIG(p->here, data, ann, "mood"));
	rig_rows(p->here, NULL);
	assert_null(RIG(p->here, data, ann, "note"));
	assert_true(p->here->blocks <= blocks + 2);
}

static int custom_heard(void *state, const struct gw_event *event)
{
	(void)state;
	return event->body_len == 4 && memcmp(event->body, "nope", 4) == 0 ? -EPERM : 0;
}

static void a_module_has_events_of_its_own(void **state)
{
	static const struct gw_kind_row kinds[] = {{"memo.deliver", 1 | GW_KIND_FORWARD, 0},
	                                           {"memo.read", 2 | GW_KIND_DROP, 0}};
	static const struct gw_rows rows[] = {GW_ROWS(GW_POINT_KIND, kinds), {NULL, NULL, 0, 0}};
	static const struct gw_call_row calls[] = {{"heard", (gw_fn *)custom_heard}, {NULL, NULL}};
	struct pair *p = *state;
	struct gw_session *bob = come(p->far, "bob");
	const struct gw_node *node;
	uint64_t seq;

	assert_int_equal(from_far(p), 0);
	assert_int_equal(
		RIG(p->far, custom, bob, "memo.deliver", GW_SCOPE_ALL, NULL, NULL, "yes", 3, 0),
		-ENOENT);
	p->here->other.calls = calls;
	p->here->other.n_calls = 1;
	rig_rows(p->far, rows);
	RIG(p->far, custom, bob, "memo.deliver", GW_SCOPE_ALL, NULL, NULL, "yes", 3, 0);
	assert_int_equal(from_far(p), 0);
	RIG(p->far, custom, bob, "memo.read", GW_SCOPE_ALL, NULL, NULL, "yes", 3, 0);
	assert_int_equal(from_far(p), -ENOMSG);
	log_of(p);
	rig_rows(p->here, rows);
	RIG(p->far, custom, bob, "memo.deliver", GW_SCOPE_ALL, NULL, NULL, "yes", 3, 0);
	assert_int_equal(from_far(p), 0);
	RIG(p->far, custom, bob, "memo.deliver", GW_SCOPE_ALL, NULL, NULL, "nope", 4, 0);
	assert_int_equal(from_far(p), 0);
	assert_string_equal(log_of(p), "OTHER bob;");
	node = RIG(p->here, here);
	RIG(p->here, vector, node, &seq);
	assert_int_equal(seq, 5);
}

static void two_namespaces_of_one_number_do_not_mix(void **state)
{
	/* The SHA-256 of both begins with the same 15 bits. */
	static const struct gw_kind_row kinds[] = {
		{"ns135.a", 1, 0}, {"ns228.b", 2, 0}, {"ns135.c", 3, 0}};
	static const struct gw_rows rows[] = {GW_ROWS(GW_POINT_KIND, kinds), {NULL, NULL, 0, 0}};
	struct pair *p = *state;

	rig_rows(p->here, rows);
	assert_int_equal(RIG(p->here, custom, NULL, "ns135.a", GW_SCOPE_ALL, NULL, NULL, "", 0, 0),
	                 0);
	assert_int_equal(RIG(p->here, custom, NULL, "ns228.b", GW_SCOPE_ALL, NULL, NULL, "", 0, 0),
	                 -ENOENT);
	assert_int_equal(RIG(p->here, custom, NULL, "ns135.c", GW_SCOPE_ALL, NULL, NULL, "", 0, 0),
	                 0);
}

static void nobody_speaks_for_a_session_that_is_not_at_home_there(void **state)
{
	struct pair *p = *state;
	struct rig *third = rig_new("third.example", 3, START_MS);
	struct gw_session *bob = come(p->far, "bob");

	rig_knows(p->here, third, 9);
	assert_int_equal(RIG(p->here, apply, p->record, p->record_len, 9), -EPERM);
	assert_int_equal(RIG(p->here, apply, p->record, p->record_len, 0), -EBUSY);
	assert_int_equal(from_far(p), 0);
	assert_int_equal(from_far(p), -EALREADY);
	/* The session's id in the name of another origin: 5 + 8 + 1 + 8 bytes in front of it. */
	third->ctx = p;
	third->on_record = recorded;
	come(third, "cid");
	RIG(third, wallops, NULL, "", 0);
	RIG(p->far, wallops, bob, "as bob", 0);
	{
		uint64_t run = RIG(third, here)->run;
		struct gw_session *mine = come(p->here, "dan");
		uint8_t forged[128];

		memcpy(forged, p->record, p->record_len);
		for (int i = 0; i < 8; i++)
			forged[5 + i] = (uint8_t)(run >> (56 - 8 * i));
		assert_int_equal(RIG(p->here, apply, forged, p->record_len, 9), -EPERM);
		memcpy(forged, p->record, p->record_len);
		for (int i = 0; i < 8; i++)
			forged[22 + i] = (uint8_t)(mine->id >> (56 - 8 * i));
		assert_int_equal(RIG(p->here, apply, forged, p->record_len, 7), -EPERM);
	}
	assert_int_equal(from_far(p), 0);
	rig_free(&third);
}

static void what_comes_from_the_future_is_refused(void **state)
{
	struct pair *p = *state;

	p->far->wall_ms += 61000;
	come(p->far, "bob");
	assert_int_equal(from_far(p), -ERANGE);
	p->here->wall_ms += 2000;
	assert_int_equal(from_far(p), 0);
}

static void of_two_who_take_a_nick_the_older_keeps_it(void **state)
{
	struct pair *p = *state;
	struct gw_session *ann = come(p->here, "ann");

	p->far->wall_ms -= 1000;
	come(p->far, "Ann");
	log_of(p);
	assert_int_equal(from_far(p), 0);
	assert_string_not_equal(ann->user->nick, "ann");
	assert_int_equal(strncmp(ann->user->nick, "ann~", 4), 0);
	assert_false(RIG(p->here, user, "ann")->session->local);
	/* The rename, then the newcomer; the home's own NICK event shows nothing more. */
	{
		char expected[128];

		snprintf(expected, sizeof(expected), "NICK %s;USER Ann;", ann->user->nick);
		assert_string_equal(log_of(p), expected);
	}
}

static void tombstones_and_strays_are_forgotten_after_a_day(void **state)
{
	struct pair *p = *state;
	struct gw_session *ann = come(p->here, "ann"), *bob = come(p->here, "bob");
	struct gw_channel *c = in(p->here, ann, "#c", GW_OP), *d;
	struct gw_mode_change ban = {.letter = 'b', .add = true, .param = "*!*@evil"};
	size_t before;

	in(p->here, bob, "#c", 0);
	before = p->here->blocks;
	RIG(p->here, mode, ann, c, &ban, 1, 0);
	ban.add = false;
	RIG(p->here, mode, ann, c, &ban, 1, 0);
	RIG(p->here, kick, ann, bob->user->channels, "", 0);
	d = in(p->here, bob, "#d", 0);
	RIG(p->here, part, bob, d, "", 0);
	assert_true(c->lists->gone);
	p->here->wall_ms += 23 * HOUR_MS;
	rig_call(p->here, "tidy");
	assert_non_null(c->lists);
	p->here->wall_ms += 2 * HOUR_MS;
	rig_call(p->here, "tidy");
	assert_null(c->lists);
	assert_true(p->here->blocks <= before + 4);
}

static void keep_row(void *ctx, const void *record, size_t len)
{
	struct pair *p = ctx;

	assert_int_equal(RIG(p->here, apply, record, len, 7), 0);
}

static int row_export(void *state, uint64_t *cursor, void *out, size_t max, size_t *len_out)
{
	(void)state;
	(void)max;
	*len_out = *cursor < 3 ? 1 : 0;
	*(char *)out = (char)('a' + *cursor);
	++*cursor;
	return 0;
}

static char taken[8];

static int row_import(void *state, const void *record, size_t len, struct gw_error *err)
{
	(void)state;
	(void)err;
	strncat(taken, record, len);
	return 0;
}

static void what_modules_keep_goes_with_the_burst(void **state)
{
	static const struct gw_burst_data burst[] = {{"memo", 1, 0, 1}};
	static const struct gw_rows rows[] = {GW_ROWS(GW_POINT_BURST, burst), {NULL, NULL, 0, 0}};
	static const struct gw_call_row calls[] = {
		{"export", (gw_fn *)row_export}, {"import", (gw_fn *)row_import}, {NULL, NULL}};
	struct pair *p = *state;
	struct gw_burst_cursor cursor = {0};

	p->here->other.calls = p->far->other.calls = calls;
	p->here->other.n_calls = p->far->other.n_calls = 2;
	rig_rows(p->here, rows);
	rig_rows(p->far, rows);
	taken[0] = '\0';
	while (RIG(p->far, burst_export, &cursor, keep_row, p))
		;
	assert_string_equal(taken, "abc");
}

static void a_large_burst_comes_in_parts(void **state)
{
	struct pair *p = *state;
	struct gw_burst_cursor cursor = {0};
	struct gw_channel *c = NULL;
	uint8_t here[32], far[32];
	size_t calls = 1;
	char text[64];

	for (int i = 0; i < 500; i++) {
		snprintf(text, sizeof(text), "user%d", i);
		c = in(p->far, come(p->far, text), "#c", 0);
	}
	for (int i = 0; i < 200; i++) {
		struct gw_mode_change ban = {.letter = 'b', .add = true, .param = text};

		snprintf(text, sizeof(text), "*!*@a-rather-long-host-name-%d.example", i);
		RIG(p->far, mode, NULL, c, &ban, 1, 0);
	}
	while (RIG(p->far, burst_export, &cursor, keep_row, p))
		calls++;
	RIG(p->here, digest, here);
	RIG(p->far, digest, far);
	assert_memory_equal(here, far, sizeof(here));
	assert_true(calls > 3);
}

static void an_idle_user_is_small(void **state)
{
	struct pair *p = *state;
	size_t before;
	char nick[32];

	come(p->here, "first");
	before = p->here->bytes + 16 * p->here->blocks;
	for (int i = 0; i < 10000; i++) {
		snprintf(nick, sizeof(nick), "someone%d", i);
		come(p->here, nick);
	}
	p->log[0] = '\0';
	/* With the heap's own 16 bytes a block, and the hash tables. */
	print_message("%zu bytes per user\n",
	              (p->here->bytes + 16 * p->here->blocks - before) / 10000);
	assert_true((p->here->bytes + 16 * p->here->blocks - before) / 10000 < 600);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(names_fold_and_hold),
		CASE(masks_match_without_exploding),
		CASE(a_msgid_gives_back_what_it_was_made_of),
		CASE(a_nick_in_use_is_refused),
		CASE(those_who_leave_are_still_there_while_all_hear_of_it),
		CASE(an_event_made_in_a_notification_comes_behind_it),
		CASE(modes_are_shown_once),
		CASE(a_channel_that_nobody_joins_goes_again),
		CASE(interest_outlives_the_channel),
		CASE(figures_and_walks_follow),
		CASE(a_session_keeps_the_data_of_modules),
		CASE(a_module_has_events_of_its_own),
		CASE(two_namespaces_of_one_number_do_not_mix),
		CASE(nobody_speaks_for_a_session_that_is_not_at_home_there),
		CASE(what_comes_from_the_future_is_refused),
		CASE(of_two_who_take_a_nick_the_older_keeps_it),
		CASE(tombstones_and_strays_are_forgotten_after_a_day),
		CASE(what_modules_keep_goes_with_the_burst),
		CASE(a_large_burst_comes_in_parts),
		CASE(an_idle_user_is_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
