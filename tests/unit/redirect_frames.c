/*
 * tests/unit/redirect_frames.c - what other servers may say about attempts, and when it counts:
 * malformed, forged, late, twice.
 */
#include "tests/unit/cmocka.h"
#include "tests/unit/redirect_rig.h"
#include <sodium.h>

#define with_rig(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define FINGERPRINT "abababababababababababababababababababababababababababababababab"

static int setup(void **state)
{
	*state = redirect_rig_new();
	return 0;
}

static int teardown(void **state)
{
	struct redirect_rig *rig = *state;

	redirect_rig_free(&rig);
	return 0;
}

static struct fake_client *client_of(struct redirect_rig *rig, uint64_t session)
{
	return rig_find_session(rig, session)->client;
}

/* What a client was sent, a "|" behind each line. */
static const char *heard(const struct fake_client *c)
{
	return c->conn.sink.lines.p != NULL ? c->conn.sink.lines.p : "";
}

/* Whether the text has this many of those. */
static int count(const char *text, const char *what)
{
	int n = 0;

	while ((text = strstr(text, what)) != NULL) {
		text += strlen(what);
		n++;
	}
	return n;
}

static void forget(struct redirect_rig *rig)
{
	rig_notes(rig);
	rig_logged(rig);
}

static int say_accept(struct redirect_rig *rig, const uint8_t *id, const char *host,
                      const char *port, const char *fingerprint)
{
	struct rig_message m;

	rig_begin(&m, MESSAGE_ACCEPT, id, RUN_NEAR);
	gw_parts_text(&m.parts, host);
	gw_parts_text(&m.parts, port);
	gw_parts_text(&m.parts, fingerprint);
	return rig_send(rig, &m, VIA_NEAR);
}

static void say_cancel(struct redirect_rig *rig, const uint8_t *id, uint64_t from,
                       const char *reason)
{
	struct rig_message m;

	rig_begin(&m, MESSAGE_CANCEL, id, from);
	gw_parts_text(&m.parts, reason);
	assert_int_equal(rig_send(rig, &m, rig->nodes[from].via), 0);
}

/* --- the source --- */

static void an_attempt_goes_its_way(void **state)
{
	struct redirect_rig *rig = *state;
	struct source *s = rig_source(rig, 7, RUN_NEAR, SOURCE_CUTTING);
	struct fake_client *c = client_of(rig, 7);
	struct gw_event moved = {.kind = GW_EV_MOVE, .node = &rig->nodes[RUN_NEAR]};
	char want[512], id[ID_TEXT], token[TOKEN_TEXT];

	assert_non_null(s);
	id_text(s->id, id);
	token_text(s->token, token);
	snprintf(want, sizeof(want),
	         ":one.example REDIRECT REQUEST %s two.example 6697 " FINGERPRINT " %s|"
	         ":one.example REDIRECT SYNC %s|",
	         id, token, id);
	assert_string_equal(heard(c), want);
	assert_string_equal(rig_notes(rig), "network shadow 7 2\nlink 2 NOTIFY\nlink 2 CUT\n");
	moved.source = &rig_find_session(rig, 7)->pub;
	moved.source->local = false;
	rig_event(rig, &moved, NULL);
	assert_null(source_of(rig->st, 7));
	assert_string_equal(rig_notes(rig), "client 1000 closed\n");
	assert_string_equal(heard(c), want);
}

/* What the recipient holds of it was shown here. */
static void the_vector_covers_who_has_left_before_the_freeze(void **state)
{
	struct redirect_rig *rig = *state;
	struct source *s = rig_source(rig, 7, RUN_NEAR, SOURCE_REQUESTED);

	assert_non_null(s);
	assert_int_equal(s->vector.n, 0);
	rig->seqs[RUN_OTHER] = 55;
	rig_split(rig, RUN_OTHER);
	rig_turns(rig);
	assert_ptr_equal(source_of(rig->st, 7), s);
	assert_true(vector_covers(&s->vector, RUN_OTHER, 55));
	assert_false(vector_covers(&s->vector, RUN_OTHER, 56));
	assert_false(vector_covers(&s->vector, RUN_NEAR, 1));
}

static void the_other_side_goes_its_way(void **state)
{
	struct redirect_rig *rig = *state;
	struct recipient *r = rig_recipient(rig, 7, RUN_NEAR, RECIPIENT_JOINED);
	struct gw_event covered = {.kind = GW_EV_MESSAGE, .origin = RUN_NEAR, .seq = 10},
			later = {.kind = GW_EV_MESSAGE, .origin = RUN_NEAR, .seq = 11};
	struct fake_client *c = rig->clients[0];
	char swap[64] = "REDIRECT SWAP ";

	rig_event(rig, &covered, "shown there");
	rig_event(rig, &later, "held");
	rig_line(rig, 7, "of no event");
	id_text(r->id, swap + strlen(swap));
	rig_cut(rig, r->id, RUN_NEAR, RUN_NEAR, 10);
	assert_string_equal(heard(c), "held|of no event|");
	rig_line(rig, 7, "at once");
	assert_string_equal(heard(c), "held|of no event|at once|");
	rig_says(rig, c, swap);
	rig_says(rig, c, "PRIVMSG #a :x");
	assert_null(c->executed.p);
	rig_turns(rig);
	assert_string_equal(c->executed.p, "PRIVMSG #a :x|");
	assert_null(recipient_of(rig->st, 7));
	assert_string_equal(rig_notes(rig), "link 2 ACCEPT one.example 6697 abab\nlink 2 COMPLETE\n"
	                                    "network move 7\n"
	                                    "client 1000 adopts 7 caps=cap-a idle=5 owed=0\n");
}

static void doors_that_are_none_are_not_told_to_the_client(void **state)
{
	static const char *const bad[][3] = {
		{"", "6697", FINGERPRINT},
		{"two example", "6697", FINGERPRINT},
		{"two.example\r\nQUIT", "6697", FINGERPRINT},
		{"two.example\x01", "6697", FINGERPRINT},
		{"tw\xc3\xb6.example", "6697", FINGERPRINT},
		{":two.example", "6697", FINGERPRINT},
		{"::1", "6697", FINGERPRINT},
		{"two.example", "", FINGERPRINT},
		{"two.example", "0", FINGERPRINT},
		{"two.example", "06697", FINGERPRINT},
		{"two.example", "65536", FINGERPRINT},
		{"two.example", "66970", FINGERPRINT},
		{"two.example", "http", FINGERPRINT},
		{"two.example", "-1", FINGERPRINT},
		{"two.example", "6697 ", FINGERPRINT},
		{"two.example", "6697", ""},
		{"two.example", "6697", "ab"},
		{"two.example", "6697", FINGERPRINT "a"},
		{"two.example", "6697",
	         "ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB"},
		{"two.example", "6697",
	         "gbababababababababababababababababababababababababababababababab"},
	};
	struct redirect_rig *rig = *state;
	char host[257];
	struct source *s;

	for (uint64_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		s = rig_source(rig, 100 + i, RUN_NEAR, SOURCE_NOTIFIED);
		forget(rig);
		say_accept(rig, s->id, bad[i][0], bad[i][1], bad[i][2]);
		assert_null(source_of(rig->st, 100 + i));
		assert_string_equal(heard(client_of(rig, 100 + i)), "");
		assert_int_equal(count(rig_notes(rig), "link 2 CANCEL malformed redirect message"),
		                 1);
	}
	s = rig_source(rig, 7, RUN_NEAR, SOURCE_NOTIFIED);
	memset(host, 'h', sizeof(host));
	host[255] = '\0';
	say_accept(rig, s->id, host, "65535", FINGERPRINT);
	assert_int_equal(s->state, SOURCE_REQUESTED);
	assert_non_null(strstr(heard(client_of(rig, 7)), " 65535 " FINGERPRINT " "));
	host[255] = 'h';
	host[256] = '\0';
	s = rig_source(rig, 8, RUN_NEAR, SOURCE_NOTIFIED);
	say_accept(rig, s->id, host, "6697", FINGERPRINT);
	assert_null(source_of(rig->st, 8));
}

/* Who came over TLS is never sent where there is none, whatever the other server says. */
static void a_session_on_tls_is_not_sent_to_a_door_without(void **state)
{
	struct redirect_rig *rig = *state;
	struct source *s = rig_source(rig, 7, RUN_NEAR, SOURCE_NOTIFIED);

	forget(rig);
	say_accept(rig, s->id, "two.example", "6667", "-");
	assert_null(source_of(rig->st, 7));
	assert_string_equal(heard(client_of(rig, 7)), "");
	assert_string_equal(rig_notes(rig),
	                    "network shadow-end 7\n"
	                    "link 2 CANCEL malformed redirect message (ACCEPT without TLS)\n");
	s = rig_source(rig, 8, RUN_NEAR, SOURCE_NOTIFIED);
	rig_find_session(rig, 8)->user.secure = false;
	say_accept(rig, s->id, "two.example", "6667", "-");
	assert_int_equal(s->state, SOURCE_REQUESTED);
}

static void a_reason_is_one_line_whatever_is_in_it(void **state)
{
	struct redirect_rig *rig = *state;
	struct source *s = rig_source(rig, 7, RUN_NEAR, SOURCE_REQUESTED);
	char want[200], id[ID_TEXT];
	const char *told;

	id_text(s->id, id);
	say_cancel(rig, s->id, RUN_NEAR, "no\r\n:x PRIVMSG #a :\x02hello\xff\x7f");
	snprintf(want, sizeof(want),
	         ":one.example REDIRECT CANCEL %s :no??:x PRIVMSG #a :?hello??|", id);
	told = strstr(heard(client_of(rig, 7)), ":one.example REDIRECT CANCEL");
	assert_non_null(told);
	assert_string_equal(told, want);
	assert_null(source_of(rig->st, 7));
}

static void a_long_reason_still_cancels(void **state)
{
	struct redirect_rig *rig = *state;
	struct source *s = rig_source(rig, 7, RUN_NEAR, SOURCE_NOTIFIED);
	char reason[3000];

	memset(reason, 'r', sizeof(reason));
	reason[sizeof(reason) - 1] = '\0';
	say_cancel(rig, s->id, RUN_NEAR, reason);
	assert_null(source_of(rig->st, 7));
}

/* Nothing but what the state waits for, whatever else the recipient says. */
static void messages_out_of_order_change_nothing(void **state)
{
	static const char *const door[] = {"two.example", "6697", FINGERPRINT};
	struct redirect_rig *rig = *state;
	struct source *s;
	struct rig_message m;
	char before[8192];

	for (int i = SOURCE_NOTIFIED; i <= SOURCE_CUTTING; i++) {
		s = rig_source(rig, 10 + (uint64_t)i, RUN_NEAR, (enum source_state)i);
		assert_non_null(s);
		snprintf(before, sizeof(before), "%s", rig_picture(rig));
		for (int n = MESSAGE_NOTIFY; n < MESSAGE_CANCEL; n++) {
			if ((n == MESSAGE_ACCEPT && i == SOURCE_NOTIFIED) ||
			    (n == MESSAGE_COMPLETE && i == SOURCE_REQUESTED) ||
			    n == MESSAGE_NOTIFY || n == MESSAGE_UPDATE || n == MESSAGE_ACK ||
			    n == MESSAGE_CUT)
				continue; /* it is due, or not well-formed so */
			rig_begin(&m, n, s->id, RUN_NEAR);
			for (int part = 0; part < 3; part++)
				gw_parts_text(&m.parts, door[part]);
			rig_send(rig, &m, VIA_NEAR);
			assert_string_equal(rig_picture(rig), before);
		}
	}
}

/* With another id nothing is; SYNCED only answers SYNC. What is no word of an attempt is kept. */
static void words_of_the_client_count_where_they_are_due(void **state)
{
	struct redirect_rig *rig = *state;

	for (int i = SOURCE_NOTIFIED; i <= SOURCE_CUTTING; i++) {
		uint64_t session = 10 + (uint64_t)i;
		struct source *s = rig_source(rig, session, RUN_NEAR, (enum source_state)i);
		struct fake_client *c = client_of(rig, session);
		char id[ID_TEXT], line[64];
		size_t kept = i >= SOURCE_BARRIER ? 3 : 0;

		rig_says(rig, c, "REDIRECT SYNCED AAAAAAAAAAAAAAAAAAAAAA");
		rig_says(rig, c, "REDIRECT REFUSE AAAAAAAAAAAAAAAAAAAAAA");
		rig_says(rig, c, "REDIRECT SWAP AAAAAAAAAAAAAAAAAAAAAA");
		assert_int_equal(s->state, i);
		assert_int_equal(s->kept.n, kept);
		id_text(s->id, id);
		snprintf(line, sizeof(line), "REDIRECT SYNCED %s", id);
		rig_says(rig, c, line);
		assert_int_equal(s->state, i == SOURCE_SYNCING ? SOURCE_CUTTING : i);
		snprintf(line, sizeof(line), "REDIRECT REFUSE %s", id);
		rig_says(rig, c, line);
		rig_turns(rig);
		assert_int_equal(source_of(rig->st, session) != NULL, i >= SOURCE_SYNCING);
	}
}

/* --- what is not the recipient's, or not the source's, to say --- */

static void nothing_counts_from_another_server(void **state)
{
	static const struct {
		uint64_t from, via;
	} others[] = {{RUN_FAR, VIA_NEAR}, {RUN_OTHER, VIA_OTHER}, {RUN_NEAR, VIA_OTHER},
	              {RUN_NEAR, 0},       {RUN_HERE, 0},          {RUN_HERE, VIA_NEAR},
	              {77, VIA_NEAR},      {0, VIA_NEAR}};
	struct redirect_rig *rig = *state;
	uint8_t ids[8][ID_BYTES];
	char before[16384];
	size_t n = 0;

	for (int i = SOURCE_NOTIFIED; i <= SOURCE_CUTTING; i++, n++)
		memcpy(ids[n],
		       rig_source(rig, 10 + (uint64_t)i, RUN_NEAR, (enum source_state)i)->id,
		       ID_BYTES);
	for (int i = RECIPIENT_PENDING; i <= RECIPIENT_HEIR; i++, n++)
		memcpy(ids[n],
		       rig_recipient(rig, 20 + (uint64_t)i, RUN_NEAR, (enum recipient_state)i)->id,
		       ID_BYTES);
	rig_turns(rig);
	snprintf(before, sizeof(before), "%s", rig_picture(rig));
	for (size_t other = 0; other < sizeof(others) / sizeof(others[0]); other++)
		for (size_t i = 0; i < n; i++)
			for (int number = 0; number < 12; number++) {
				struct rig_message m;

				rig_begin(&m, number, ids[i], others[other].from);
				for (int part = 0; part < 6; part++)
					gw_parts_u64(&m.parts, 20 + i);
				rig_send(rig, &m, others[other].via);
				rig_turns(rig);
				assert_string_equal(rig_picture(rig), before);
			}
}

static void another_server_cannot_end_an_attempt_by_a_notify_of_its_own(void **state)
{
	struct redirect_rig *rig = *state;
	uint8_t id[ID_BYTES] = "of another one.";
	struct recipient *r = rig_recipient(rig, 7, RUN_NEAR, RECIPIENT_JOINED);
	char before[4096];

	snprintf(before, sizeof(before), "%s", rig_picture(rig));
	forget(rig);
	rig_notify(rig, 7, id, RUN_OTHER);
	rig_turns(rig);
	assert_string_equal(rig_notes(rig), "link 4 CANCEL this session is not yet known here\n");
	assert_ptr_equal(recipient_of(rig->st, 7), r);
	assert_string_equal(rig_picture(rig), before);
}

static void an_id_in_use_is_nobody_elses(void **state)
{
	struct redirect_rig *rig = *state;
	struct recipient *r = rig_recipient(rig, 7, RUN_NEAR, RECIPIENT_PENDING);
	struct fake_session *s = rig_session(rig, 8, RUN_OTHER);

	s->pub.shadow = RUN_HERE;
	memcpy(s->attempt, r->id, ID_BYTES);
	rig_notify(rig, 8, r->id, RUN_OTHER);
	assert_ptr_equal(recipient_of(rig->st, 7), r);
	assert_null(recipient_of(rig->st, 8));
}

/* --- the recipient --- */

static void a_newer_attempt_of_the_same_home_takes_the_place_of_the_older(void **state)
{
	struct redirect_rig *rig = *state;
	uint8_t id[ID_BYTES] = "the newer one..";
	struct recipient *r = rig_recipient(rig, 7, RUN_NEAR, RECIPIENT_JOINED);

	recipient_drop_later(rig->st, r, "of the older one");
	memcpy(rig_find_session(rig, 7)->attempt, id, ID_BYTES);
	forget(rig);
	rig_notify(rig, 7, id, RUN_NEAR);
	assert_string_equal(rig_notes(rig),
	                    "client 1000 close Handover cancelled: another attempt has begun\n"
	                    "link 2 ACCEPT one.example 6697 abab\n");
	rig_turns(rig);
	r = recipient_of(rig->st, 7);
	assert_non_null(r);
	assert_memory_equal(r->id, id, ID_BYTES);
	assert_int_equal(r->state, RECIPIENT_PENDING);
}

static void a_cut_before_the_client_has_come_ends_the_attempt_and_the_shadow(void **state)
{
	struct redirect_rig *rig = *state;
	struct recipient *r = rig_recipient(rig, 7, RUN_NEAR, RECIPIENT_PENDING);
	uint8_t id[ID_BYTES];

	memcpy(id, r->id, ID_BYTES);
	forget(rig);
	rig_cut(rig, id, RUN_NEAR, RUN_NEAR, 10);
	assert_string_equal(rig_notes(rig), "network shadow-end 7\n"
	                                    "link 2 CANCEL it was cut before its client came\n");
	assert_null(recipient_of(rig->st, 7));
	assert_int_equal(rig_find_session(rig, 7)->pub.shadow, 0);
	rig_cut(rig, id, RUN_NEAR, RUN_NEAR, 10);
	assert_string_equal(rig_notes(rig), "link 2 CANCEL the handover is not under way\n");
}

static void say_cut(struct redirect_rig *rig, const struct recipient *r, uint64_t epoch,
                    size_t vector, const void *snapshot, size_t n)
{
	static const uint8_t zeros[65535];
	struct rig_message m;

	rig_begin(&m, MESSAGE_CUT, r->id, RUN_NEAR);
	gw_parts_u64(&m.parts, epoch);
	gw_parts_u64(&m.parts, 1);
	gw_parts_u64(&m.parts, 0);
	gw_parts_u64(&m.parts, 0);
	gw_parts_add(&m.parts, zeros, vector);
	gw_parts_add(&m.parts, snapshot, n);
	rig_send(rig, &m, VIA_NEAR);
}

static void cuts_that_are_wrong_end_the_attempt_before_the_move(void **state)
{
	static const uint8_t junk[65535] = {0xff, 0xff};
	struct redirect_rig *rig = *state;
	struct recipient *r;

	for (int i = 0; i < 5; i++) {
		r = rig_recipient(rig, 7, RUN_NEAR, RECIPIENT_JOINED);
		assert_non_null(r);
		forget(rig);
		say_cut(rig, r, i == 0 ? 1 : 0,
		        i == 1   ? 15
		        : i == 2 ? 16 * (VECTOR_MAX + 1)
		                 : 16,
		        junk,
		        i == 3   ? 65535
		        : i == 4 ? 1
		                 : 0);
		assert_null(recipient_of(rig->st, 7));
		assert_null(strstr(rig_notes(rig), "network move"));
		assert_int_equal(rig_find_session(rig, 7)->pub.shadow, 0);
		rig_turns(rig);
		rig_quit(rig, 7);
	}
}

static void the_greatest_cut_is_taken(void **state)
{
	struct redirect_rig *rig = *state;
	struct recipient *r = rig_recipient(rig, 7, RUN_NEAR, RECIPIENT_JOINED);

	say_cut(rig, r, 0, 16 * VECTOR_MAX, "", 0);
	assert_int_equal(r->state, RECIPIENT_HEIR);
}

static int say_line(struct redirect_rig *rig, const struct recipient *r, const void *text, size_t n)
{
	struct rig_message m;
	uint8_t flag = 0;

	rig_begin(&m, MESSAGE_LINES, r->id, RUN_NEAR);
	gw_parts_add(&m.parts, &flag, 1);
	gw_parts_add(&m.parts, text, n);
	return rig_send(rig, &m, VIA_NEAR);
}

/* They are executed as if the client had sent them: one is one, and a client could have sent it. */
static void lines_that_no_client_could_send_end_the_attempt(void **state)
{
	static const struct {
		const char *text;
		size_t n;
	} bad[] = {{"PRIVMSG #a :x\nQUIT", 18}, {"PRIVMSG #a :x\rQUIT", 18}, {"NICK a\0b", 8}};
	struct redirect_rig *rig = *state;
	struct recipient *r;

	for (uint64_t i = 0; i < 3; i++) {
		r = rig_recipient(rig, 7 + i, RUN_NEAR, RECIPIENT_JOINED);
		forget(rig);
		say_line(rig, r, "PRIVMSG #a :good", 16);
		assert_int_equal(r->cut.n, 1);
		say_line(rig, r, bad[i].text, bad[i].n);
		assert_null(recipient_of(rig->st, 7 + i));
		assert_int_equal(count(rig_notes(rig), "CANCEL malformed redirect message (LINES)"),
		                 1);
	}
}

static void the_lines_of_a_cut_are_bounded(void **state)
{
	static char text[65535];
	struct redirect_rig *rig = *state;
	struct recipient *r = rig_recipient(rig, 7, RUN_NEAR, RECIPIENT_JOINED);
	size_t most = 0;

	memset(text, 'x', sizeof(text));
	for (int i = 0; i < 100 && recipient_of(rig->st, 7) != NULL; i++) {
		most = r->cut.bytes;
		say_line(rig, r, text, sizeof(text));
	}
	assert_null(recipient_of(rig->st, 7));
	assert_in_range(most, LINES_MAX, 2 * LINES_MAX);
}

static void lines_are_taken_from_who_has_come_alone(void **state)
{
	struct redirect_rig *rig = *state;
	struct recipient *r = rig_recipient(rig, 7, RUN_NEAR, RECIPIENT_PENDING);

	say_line(rig, r, "early", 5);
	assert_int_equal(r->cut.n, 0);
	r = rig_recipient(rig, 8, RUN_NEAR, RECIPIENT_HEIR);
	say_line(rig, r, "late", 4);
	assert_int_equal(r->cut.n, 0);
}

static int say_update(struct redirect_rig *rig, const struct recipient *r, const void *snapshot,
                      size_t n)
{
	struct rig_message m;

	rig_begin(&m, MESSAGE_UPDATE, r->id, RUN_NEAR);
	gw_parts_u64(&m.parts, 4);
	gw_parts_add(&m.parts, snapshot, n);
	return rig_send(rig, &m, VIA_NEAR);
}

static void what_is_not_known_here_is_refused_with_its_name(void **state)
{
	struct redirect_rig *rig = *state;
	struct recipient *r = rig_recipient(rig, 7, RUN_NEAR, RECIPIENT_PENDING);
	uint8_t bytes[1024];

	forget(rig);
	say_update(rig, r, bytes, rig_snapshot(bytes, sizeof(bytes), "cap-a cap-z", NULL));
	assert_string_equal(rig_notes(rig),
	                    "network shadow-end 7\n"
	                    "link 2 CANCEL the capability cap-z is not offered here\n");
	assert_null(recipient_of(rig->st, 7));
}

static void data_of_an_unknown_module_is_refused(void **state)
{
	struct redirect_rig *rig = *state;
	struct recipient *r = rig_recipient(rig, 7, RUN_NEAR, RECIPIENT_PENDING);
	struct gw_parts parts;
	uint8_t bytes[1024];

	parts = (struct gw_parts){.bytes = bytes, .max = sizeof(bytes)};
	parts.n = rig_snapshot(bytes, sizeof(bytes), "cap-a", "kept");
	gw_parts_text(&parts, "other");
	gw_parts_u64(&parts, 1);
	gw_parts_text(&parts, "x");
	forget(rig);
	say_update(rig, r, bytes, parts.n);
	assert_string_equal(rig_notes(rig), "network shadow-end 7\n"
	                                    "link 2 CANCEL no module here keeps other\n");
}

/* Each part that is missing; a name that is too long; a text that is too long. */
static void malformed_snapshots_are_refused(void **state)
{
	struct redirect_rig *rig = *state;
	struct recipient *r;
	struct gw_parts parts;
	uint8_t bytes[60000];
	char text[GW_CAPS_TEXT_MAX + 1];

	memset(text, 'n', sizeof(text));
	text[GW_CAPS_TEXT_MAX] = '\0';
	for (int i = 0; i < 9; i++) {
		parts = (struct gw_parts){.bytes = bytes, .max = sizeof(bytes)};
		if (i > 0)
			gw_parts_text(&parts, i == 4 ? text : "cap-a");
		if (i > 1)
			gw_parts_text(&parts, i == 5 ? text : "");
		if (i > 2)
			gw_parts_u64(&parts, 7);
		if (i > 3)
			gw_parts_add(&parts, "\2", 1);
		if (i > 5)
			gw_parts_text(&parts, i == 6 ? text : "notes");
		if (i > 6)
			gw_parts_add(&parts, "\0\0\0\0\0\0\0\1", i == 7 ? 3 : 8);
		r = rig_recipient(rig, 7, RUN_NEAR, RECIPIENT_PENDING);
		assert_non_null(r);
		forget(rig);
		say_update(rig, r, bytes, parts.n);
		assert_string_equal(rig_notes(rig), "network shadow-end 7\n"
		                                    "link 2 CANCEL the snapshot is malformed\n");
		rig_turns(rig);
		rig_quit(rig, 7);
	}
}

/* To look for each of the one in each of the other takes long when there are thousands. */
static void a_snapshot_of_thousands_of_data_is_refused(void **state)
{
	struct redirect_rig *rig = *state;
	struct recipient *r = rig_recipient(rig, 7, RUN_NEAR, RECIPIENT_PENDING);
	struct gw_parts parts;
	static uint8_t bytes[60000];

	parts = (struct gw_parts){.bytes = bytes, .max = sizeof(bytes)};
	parts.n = rig_snapshot(bytes, sizeof(bytes), "cap-a", NULL);
	while (parts.n + 19 < sizeof(bytes)) {
		gw_parts_text(&parts, "notes");
		gw_parts_u64(&parts, 1);
		gw_parts_text(&parts, "");
	}
	forget(rig);
	say_update(rig, r, bytes, parts.n);
	assert_string_equal(rig_notes(rig), "network shadow-end 7\n"
	                                    "link 2 CANCEL the snapshot is malformed\n");
}

/* What brought a frame may only have passed it on: it is not its fault. */
static void what_is_malformed_is_logged_and_ends_its_attempt_alone(void **state)
{
	static const int numbers[] = {MESSAGE_UPDATE, MESSAGE_CUT};
	struct redirect_rig *rig = *state;
	struct rig_message m;

	for (uint64_t i = 0; i < 2; i++) {
		struct recipient *r = rig_recipient(rig, 7 + i, RUN_FAR, RECIPIENT_JOINED);

		rig_recipient(rig, 17 + i, RUN_FAR, RECIPIENT_JOINED);
		rig_begin(&m, numbers[i], r->id, RUN_FAR);
		assert_int_equal(rig_send(rig, &m, VIA_NEAR), 0);
		assert_null(recipient_of(rig->st, 7 + i));
		assert_non_null(recipient_of(rig->st, 17 + i));
	}
	assert_int_equal(count(rig_logged(rig), "2 redirect message dropped from=far.example "
	                                        "reason=\"malformed redirect message (CUT)\"\n"),
	                 1);
}

static void frames_without_a_head_are_nothing(void **state)
{
	static const uint8_t bodies[][6] = {{0xff, 0xff}, {0, 1, 1, 0, 1, 'x'}, {0, 2, 1, 1}};
	struct redirect_rig *rig = *state;
	struct rig_message m;
	uint8_t id[ID_BYTES] = {0};

	assert_int_equal(rig_frame(rig, "", 0, VIA_NEAR), 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(rig_frame(rig, bodies[i], sizeof(bodies[i]), VIA_NEAR), 0);
	rig_begin(&m, MESSAGE_NOTIFY, id, RUN_NEAR);
	for (size_t n = 0; n < m.parts.n; n++)
		assert_int_equal(rig_frame(rig, m.bytes, n, VIA_NEAR), 0);
	rig_begin(&m, 200, id, RUN_NEAR);
	assert_int_equal(rig_send(rig, &m, VIA_NEAR), 0);
	assert_string_equal(rig_notes(rig), "");
}

static void an_heir_is_not_cancelled(void **state)
{
	struct redirect_rig *rig = *state;
	struct recipient *r = rig_recipient(rig, 7, RUN_NEAR, RECIPIENT_HEIR);
	char before[4096];

	snprintf(before, sizeof(before), "%s", rig_picture(rig));
	say_cancel(rig, r->id, RUN_NEAR, "too late");
	rig_cut(rig, r->id, RUN_NEAR, RUN_NEAR, 10);
	assert_string_equal(rig_picture(rig), before);
}

static void say_ack(struct redirect_rig *rig, const struct source *s, uint64_t joined)
{
	struct rig_message m;

	rig_begin(&m, MESSAGE_ACK, s->id, RUN_NEAR);
	gw_parts_u64(&m.parts, joined);
	gw_parts_u64(&m.parts, 0);
	assert_int_equal(rig_send(rig, &m, VIA_NEAR), 0);
	rig_turns(rig);
}

/* What is said in that channel may have gone to the source alone until then. */
static void the_freeze_waits_until_a_join_is_known_there(void **state)
{
	struct redirect_rig *rig = *state;
	struct source *s = rig_source(rig, 7, RUN_NEAR, SOURCE_REQUESTED);
	struct gw_event join = {.kind = GW_EV_JOIN,
	                        .origin = RUN_HERE,
	                        .seq = 50,
	                        .node = &rig->nodes[RUN_HERE],
	                        .source = &rig_find_session(rig, 7)->pub};
	struct rig_message m;

	rig_event(rig, &join, NULL);
	rig_begin(&m, MESSAGE_COMPLETE, s->id, RUN_NEAR);
	assert_int_equal(rig_send(rig, &m, VIA_NEAR), 0);
	rig_turns(rig);
	assert_int_equal(s->state, SOURCE_BARRIER);
	say_ack(rig, s, 49);
	assert_int_equal(s->state, SOURCE_BARRIER);
	say_ack(rig, s, 50);
	assert_int_equal(s->state, SOURCE_SYNCING);
}

/* The source, cut off before it heard of the move, keeps the session where it is. */
static void who_comes_to_an_heir_that_was_cut_off_is_claimed(void **state)
{
	struct redirect_rig *rig = *state;
	struct recipient *r = rig_recipient(rig, 7, RUN_NEAR, RECIPIENT_HEIR);
	char swap[64] = "REDIRECT SWAP ";

	id_text(r->id, swap + strlen(swap));
	rig_split(rig, RUN_NEAR);
	forget(rig);
	rig_says(rig, rig->clients[0], swap);
	rig_turns(rig);
	assert_int_equal(count(rig_notes(rig), "network claim 7\n"), 1);
	assert_null(recipient_of(rig->st, 7));
}

/* Its QUIT ends the attempt within the call. */
static void who_says_something_else_than_swap_is_closed(void **state)
{
	struct redirect_rig *rig = *state;

	for (int i = RECIPIENT_JOINED; i <= RECIPIENT_HEIR; i++) {
		rig_recipient(rig, 7, RUN_NEAR, (enum recipient_state)i);
		forget(rig);
		rig_says(rig, rig->clients[0], "PRIVMSG #a :x");
		assert_int_equal(count(rig_notes(rig), "client 100"), 1);
		rig_turns(rig);
		assert_null(recipient_of(rig->st, 7));
		rig_quit(rig, 7);
	}
}

static void a_session_without_a_client_quits_and_the_newcomer_is_closed(void **state)
{
	struct redirect_rig *rig = *state;
	struct recipient *r = rig_recipient(rig, 7, RUN_NEAR, RECIPIENT_JOINED);

	rig->no_adopt = true;
	forget(rig);
	rig_cut(rig, r->id, RUN_NEAR, RUN_NEAR, 10);
	assert_string_equal(rig_notes(rig), "network move 7\nnetwork quit 7 Handover failed\n"
	                                    "client 1000 close Handover failed\n");
	assert_null(recipient_of(rig->st, 7));
}

static void what_is_expected_is_bounded(void **state)
{
	struct redirect_rig *rig = *state;
	size_t got = 0;

	rig->st->settings.expected = 5;
	for (uint64_t i = 0; i < 20; i++)
		got += rig_recipient(rig, 100 + i, RUN_NEAR, RECIPIENT_PENDING) != NULL;
	assert_int_equal(got, 5);
	assert_int_equal(
		count(rig_notes(rig), "CANCEL too many clients are expected here already\n"), 15);
}

static void there_is_no_more_room_than_the_clients_have(void **state)
{
	struct redirect_rig *rig = *state;

	rig->room = 1;
	assert_non_null(rig_recipient(rig, 7, RUN_NEAR, RECIPIENT_PENDING));
	forget(rig);
	assert_null(rig_recipient(rig, 8, RUN_NEAR, RECIPIENT_PENDING));
	assert_string_equal(rig_notes(rig),
	                    "network shadow-end 8\nlink 2 CANCEL this server is full\n");
}

static void a_full_hold_queue_ends_the_attempt(void **state)
{
	struct redirect_rig *rig = *state;
	struct recipient *r = rig_recipient(rig, 7, RUN_NEAR, RECIPIENT_PENDING);
	char text[400];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	forget(rig);
	for (int i = 0; i < 4000 && r->due == NULL; i++)
		rig_line(rig, 7, text);
	assert_true(r->hold.bytes < rig->st->settings.hold + 1000);
	rig_turns(rig);
	assert_string_equal(rig_notes(rig), "network shadow-end 7\n"
	                                    "link 2 CANCEL too much came meanwhile\n");
}

static void an_event_without_a_number_ends_the_attempt(void **state)
{
	struct redirect_rig *rig = *state;
	struct recipient *r = rig_recipient(rig, 7, RUN_NEAR, RECIPIENT_JOINED);
	struct gw_event event = {.kind = GW_EV_TOPIC, .origin = RUN_OTHER};
	uint8_t id[ID_BYTES];

	memcpy(id, r->id, ID_BYTES);
	rig_event(rig, &event, "a topic of a burst");
	forget(rig);
	rig_cut(rig, id, RUN_NEAR, RUN_NEAR, 10);
	assert_null(recipient_of(rig->st, 7));
	assert_string_equal(rig_notes(rig),
	                    "network shadow-end 7\nlink 2 CANCEL a link came up meanwhile\n"
	                    "client 1000 close Handover cancelled: a link came up meanwhile\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_rig(an_attempt_goes_its_way),
		with_rig(the_vector_covers_who_has_left_before_the_freeze),
		with_rig(the_other_side_goes_its_way),
		with_rig(doors_that_are_none_are_not_told_to_the_client),
		with_rig(a_session_on_tls_is_not_sent_to_a_door_without),
		with_rig(a_reason_is_one_line_whatever_is_in_it),
		with_rig(a_long_reason_still_cancels),
		with_rig(messages_out_of_order_change_nothing),
		with_rig(words_of_the_client_count_where_they_are_due),
		with_rig(nothing_counts_from_another_server),
		with_rig(another_server_cannot_end_an_attempt_by_a_notify_of_its_own),
		with_rig(an_id_in_use_is_nobody_elses),
		with_rig(a_newer_attempt_of_the_same_home_takes_the_place_of_the_older),
		with_rig(a_cut_before_the_client_has_come_ends_the_attempt_and_the_shadow),
		with_rig(cuts_that_are_wrong_end_the_attempt_before_the_move),
		with_rig(the_greatest_cut_is_taken),
		with_rig(lines_that_no_client_could_send_end_the_attempt),
		with_rig(the_lines_of_a_cut_are_bounded),
		with_rig(lines_are_taken_from_who_has_come_alone),
		with_rig(what_is_not_known_here_is_refused_with_its_name),
		with_rig(data_of_an_unknown_module_is_refused),
		with_rig(malformed_snapshots_are_refused),
		with_rig(a_snapshot_of_thousands_of_data_is_refused),
		with_rig(what_is_malformed_is_logged_and_ends_its_attempt_alone),
		with_rig(frames_without_a_head_are_nothing),
		with_rig(an_heir_is_not_cancelled),
		with_rig(the_freeze_waits_until_a_join_is_known_there),
		with_rig(who_comes_to_an_heir_that_was_cut_off_is_claimed),
		with_rig(who_says_something_else_than_swap_is_closed),
		with_rig(a_session_without_a_client_quits_and_the_newcomer_is_closed),
		with_rig(what_is_expected_is_bounded),
		with_rig(there_is_no_more_room_than_the_clients_have),
		with_rig(a_full_hold_queue_ends_the_attempt),
		with_rig(an_event_without_a_number_ends_the_attempt),
	};

	return cmocka_run_group_tests_name("redirect_frames", tests, NULL, NULL);
}
