/*
 * tests/unit/network_moves.c - sessions that move from server to server, step by step: a chain of
 * servers, of which each direction of each link is a queue that the test empties when it wants.
 */
#include "tests/unit/cmocka.h"
#include "tests/unit/network_rig.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N 5
#define START_MS ((int64_t)1700000000000)
#define LEFT 1  /* the link to the server before it */
#define RIGHT 2 /* and to the one behind it */

struct record {
	struct record *next;
	size_t len;
	uint8_t bytes[];
};

struct queue {
	struct record *first, **last;
};

struct chain {
	struct rig *rigs[N];
	struct queue out[N][3]; /* by link */
	bool cut[N];            /* the link to the right */
	unsigned kinds[N][32];  /* events seen, by number */
	char from[64];          /* of the last MOVE, and whether it looked local then */
	bool was_local, had_sink;
};

static const uint8_t one[16] = "attempt one....", two[16] = "attempt two....";

static size_t index_of(struct chain *c, struct rig *rig)
{
	size_t i = 0;

	while (c->rigs[i] != rig)
		i++;
	return i;
}

static void push(struct queue *q, const void *bytes, size_t len)
{
	struct record *r = malloc(sizeof(*r) + len);

	r->next = NULL;
	r->len = len;
	memcpy(r->bytes, bytes, len);
	if (q->first == NULL)
		q->last = &q->first;
	*q->last = r;
	q->last = &r->next;
}

static void clear(struct queue *q)
{
	while (q->first != NULL) {
		struct record *r = q->first;

		q->first = r->next;
		free(r);
	}
}

struct sending {
	struct chain *c;
	size_t i;
	const struct gw_record *record;
};

static void send_over(void *ctx, uint64_t via)
{
	struct sending *s = ctx;

	push(&s->c->out[s->i][via], s->record->bytes, s->record->len);
}

static void on_record(void *ctx, struct rig *rig, const struct gw_record *record)
{
	struct sending s = {ctx, index_of(ctx, rig), record};

	RIG(rig, ways, record, send_over, &s);
}

static void on_event(void *ctx, struct rig *rig, const struct gw_event *e)
{
	struct chain *c = ctx;

	assert_ptr_equal(RIG(rig, current), e);
	c->kinds[index_of(c, rig)][e->kind & 31]++;
	if (e->kind != GW_EV_MOVE || !e->from->here)
		return;
	snprintf(c->from, sizeof(c->from), "%s", e->from->name);
	c->was_local = e->source->local;
	c->had_sink = e->source->sink != NULL;
}

/* The next record from `i` over that link; false: there is none. */
static bool step(struct chain *c, size_t i, unsigned via)
{
	struct record *r = c->out[i][via].first;
	size_t to = via == RIGHT ? i + 1 : i - 1;
	int status;

	if (r == NULL || c->cut[via == RIGHT ? i : to])
		return false;
	c->out[i][via].first = r->next;
	status = RIG(c->rigs[to], apply, r->bytes, r->len, via == RIGHT ? LEFT : RIGHT);
	assert_int_not_equal(status, -EPERM);
	assert_int_not_equal(status, -EBADMSG);
	free(r);
	return true;
}

static void settle(struct chain *c)
{
	bool any = true;

	while (any) {
		any = false;
		for (size_t i = 0; i < N; i++) {
			while (step(c, i, LEFT) || step(c, i, RIGHT))
				any = true;
		}
	}
}

static void exported(void *ctx, const void *record, size_t len)
{
	push(ctx, record, len);
}

static void burst(struct chain *c, size_t i, unsigned via)
{
	struct gw_burst_cursor cursor = {.via = via};

	while (RIG(c->rigs[i], burst_export, &cursor, exported, &c->out[i][via]))
		;
}

static void join_pair(struct chain *c, size_t i)
{
	struct gw_stamp joint = {(uint64_t)c->rigs[i]->wall_ms << 16, i + 1};

	c->cut[i] = false;
	rig_via(c->rigs[i], c->rigs[i + 1], RIGHT, joint);
	rig_via(c->rigs[i + 1], c->rigs[i], LEFT, joint);
	burst(c, i, RIGHT);
	burst(c, i + 1, LEFT);
}

static void cut_end(struct chain *c, size_t i, unsigned via)
{
	assert_int_equal(RIG(c->rigs[i], via_drop, via), 0);
	clear(&c->out[i][via]);
}

static void cut(struct chain *c, size_t i)
{
	c->cut[i] = true;
	cut_end(c, i, RIGHT);
	cut_end(c, i + 1, LEFT);
}

static struct chain *chain_new(const struct gw_rows *rows)
{
	struct chain *c = calloc(1, sizeof(*c));
	char name[32];

	for (size_t i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "s%zu.example", i);
		c->rigs[i] = rig_new(name, i + 1, START_MS);
		rig_identity(c->rigs[i], (struct gw_id){i + 1, 1}, 1);
		c->rigs[i]->ctx = c;
		c->rigs[i]->on_record = on_record;
		c->rigs[i]->on_event = on_event;
		if (rows != NULL)
			rig_rows(c->rigs[i], rows);
	}
	for (size_t i = 0; i + 1 < N; i++)
		join_pair(c, i);
	settle(c);
	return c;
}

static void chain_free(struct chain *c)
{
	for (size_t i = 0; i < N; i++) {
		rig_free(&c->rigs[i]);
		clear(&c->out[i][LEFT]);
		clear(&c->out[i][RIGHT]);
	}
	free(c);
}

/* Somebody at home on server `i`, with a sink. */
static uint64_t enter(struct chain *c, size_t i, const char *nick)
{
	struct gw_user_spec spec = {.nick = nick,
	                            .ident = "u",
	                            .host = "h",
	                            .realname = "r",
	                            .sink = (struct gw_sink *)c,
	                            .caps = 5};
	struct gw_session *s;

	assert_int_equal(RIG(c->rigs[i], introduce, &spec, &s), 0);
	return s->id;
}

static struct gw_session *at(struct chain *c, size_t i, uint64_t id)
{
	return RIG(c->rigs[i], session, id);
}

static struct gw_channel *channel_at(struct chain *c, size_t i, const char *name)
{
	return RIG(c->rigs[i], channel, name);
}

static uint64_t run_of(struct chain *c, size_t i)
{
	return RIG(c->rigs[i], here)->run;
}

static void levelled(struct chain *c)
{
	uint8_t a[32], b[32];

	RIG(c->rigs[0], digest, a);
	for (size_t i = 1; i < N; i++) {
		RIG(c->rigs[i], digest, b);
		assert_memory_equal(a, b, sizeof(a));
	}
}

static void order_holds(struct chain *c)
{
	for (size_t i = 0; i < N; i++) {
		for (const struct gw_channel *ch = NULL;
		     (ch = RIG(c->rigs[i], next_channel, ch)) != NULL;) {
			for (uint32_t m = 0; m < ch->n_members; m++)
				assert_int_equal(ch->members[m]->session->shown, m < ch->n_local);
		}
	}
}

static void say(struct chain *c, size_t i, const char *channel, uint64_t by, uint64_t to)
{
	struct gw_message_spec spec = {.text = "words"};

	if (channel != NULL)
		spec.channel = channel_at(c, i, channel);
	else
		spec.target = at(c, i, to);
	assert_int_equal(RIG(c->rigs[i], message, at(c, i, by), &spec, 0), 0);
	settle(c);
}

static unsigned messages(struct chain *c, size_t i)
{
	unsigned n = c->kinds[i][GW_EV_MESSAGE & 31];

	c->kinds[i][GW_EV_MESSAGE & 31] = 0;
	return n;
}

static void what_is_for_a_shadowed_session_goes_both_ways(void **state)
{
	struct chain *c = chain_new(NULL);
	uint64_t ann = enter(c, 1, "ann"), bob;

	(void)state;
	settle(c);
	bob = enter(c, 2, "bob");
	settle(c);
	assert_int_equal(RIG(c->rigs[1], join, at(c, 1, ann), "#x", GW_OP, 0), 0);
	settle(c);
	say(c, 2, "#x", bob, 0);
	assert_int_equal(messages(c, 1), 1);
	assert_int_equal(messages(c, 4), 0);
	assert_int_equal(RIG(c->rigs[1], shadow, at(c, 1, ann), run_of(c, 4), one), 0);
	settle(c);
	assert_true(at(c, 4, ann)->shown);
	assert_false(at(c, 4, ann)->local);
	assert_null(at(c, 4, ann)->sink);
	assert_true(at(c, 3, ann)->shadow == run_of(c, 4));
	assert_true(at(c, 0, ann)->shadow == 0);
	order_holds(c);
	say(c, 2, "#x", bob, 0);
	say(c, 2, NULL, bob, ann);
	assert_int_equal(messages(c, 1), 3 - 1);
	assert_int_equal(messages(c, 4), 2);
	/* What happens meanwhile. */
	assert_int_equal(RIG(c->rigs[1], join, at(c, 1, ann), "#y", 0, 0), 0);
	settle(c);
	say(c, 0, "#y", 0, 0);
	assert_int_equal(messages(c, 4), 1);
	assert_int_equal(RIG(c->rigs[1], part, at(c, 1, ann), channel_at(c, 1, "#x"), "", 0), 0);
	settle(c);
	order_holds(c);
	/* The end, by either. */
	assert_int_equal(RIG(c->rigs[3], shadow_end, ann, one), -ENOENT);
	assert_int_equal(RIG(c->rigs[4], shadow_end, ann, two), -ENOENT);
	RIG(c->rigs[4], attach, at(c, 4, ann), (struct gw_sink *)c, 7);
	assert_int_equal(RIG(c->rigs[4], shadow_end, ann, one), 0);
	assert_null(at(c, 4, ann)->sink);
	assert_true(at(c, 4, ann)->caps == 0);
	settle(c);
	assert_true(at(c, 1, ann)->shadow == 0);
	messages(c, 4);
	say(c, 2, "#y", bob, 0);
	assert_int_equal(messages(c, 4), 0);
	order_holds(c);
	levelled(c);
	chain_free(c);
}

static void ends_cross_and_attempts_are_replaced(void **state)
{
	struct chain *c = chain_new(NULL);
	uint64_t ann = enter(c, 0, "ann");

	(void)state;
	settle(c);
	assert_int_equal(RIG(c->rigs[0], shadow, at(c, 0, ann), run_of(c, 0), one), -ENOTCONN);
	assert_int_equal(RIG(c->rigs[0], shadow, at(c, 0, ann), 12345, one), -ENOTCONN);
	assert_int_equal(RIG(c->rigs[1], shadow, at(c, 1, ann), run_of(c, 4), one), -EPERM);
	assert_int_equal(RIG(c->rigs[0], shadow, at(c, 0, ann), run_of(c, 4), one), 0);
	settle(c);
	assert_int_equal(RIG(c->rigs[0], shadow_end, ann, one), 0);
	assert_int_equal(RIG(c->rigs[4], shadow_end, ann, one), 0);
	settle(c);
	for (size_t i = 0; i < N; i++)
		assert_true(at(c, i, ann)->shadow == 0);
	/* The end of the first by its shadow meets the second. */
	assert_int_equal(RIG(c->rigs[0], shadow, at(c, 0, ann), run_of(c, 4), one), 0);
	settle(c);
	assert_int_equal(RIG(c->rigs[4], shadow_end, ann, one), 0);
	assert_int_equal(RIG(c->rigs[0], shadow, at(c, 0, ann), run_of(c, 2), two), 0);
	settle(c);
	assert_true(at(c, 0, ann)->shadow == run_of(c, 2));
	assert_true(at(c, 1, ann)->shadow == run_of(c, 2));
	assert_true(at(c, 2, ann)->shown);
	assert_true(at(c, 3, ann)->shadow == 0);
	assert_false(at(c, 4, ann)->shown);
	assert_int_equal(RIG(c->rigs[4], move, at(c, 4, ann), one), -EPERM);
	assert_int_equal(RIG(c->rigs[2], move, at(c, 2, ann), one), -EPERM);
	chain_free(c);
}

static void a_split_ends_a_shadow_on_both_sides(void **state)
{
	(void)state;
	for (size_t link = 0; link + 1 < N; link++) {
		for (int told = 0; told < 2; told++) {
			struct chain *c = chain_new(NULL);
			uint64_t ann = enter(c, 0, "ann");

			RIG(c->rigs[0], join, at(c, 0, ann), "#x", 0, 0);
			settle(c);
			RIG(c->rigs[0], shadow, at(c, 0, ann), run_of(c, 4), one);
			if (told)
				settle(c);
			cut(c, link);
			settle(c);
			for (size_t i = 0; i <= link; i++)
				assert_true(at(c, i, ann)->shadow == 0);
			for (size_t i = link + 1; i < N; i++)
				assert_null(at(c, i, ann));
			join_pair(c, link);
			settle(c);
			for (size_t i = 0; i < N; i++)
				assert_true(at(c, i, ann)->shadow == 0);
			order_holds(c);
			levelled(c);
			chain_free(c);
		}
	}
}

static void a_move_has_a_new_home_everywhere(void **state)
{
	struct chain *c = chain_new(NULL);
	uint64_t ann = enter(c, 1, "ann");
	struct gw_user_set away = {.fields = GW_SET_AWAY, .away = "gone"};

	(void)state;
	RIG(c->rigs[1], join, at(c, 1, ann), "#x", GW_OP, 0);
	settle(c);
	RIG(c->rigs[1], shadow, at(c, 1, ann), run_of(c, 3), one);
	settle(c);
	RIG(c->rigs[1], moving, at(c, 1, ann), true);
	assert_int_equal(RIG(c->rigs[1], set, at(c, 1, ann), &away, 0), -EPERM);
	assert_int_equal(RIG(c->rigs[1], quit, at(c, 1, ann), "bye"), -EPERM);
	RIG(c->rigs[3], attach, at(c, 3, ann), (struct gw_sink *)c, 9);
	assert_int_equal(RIG(c->rigs[3], move, at(c, 3, ann), one), 0);
	assert_true(at(c, 3, ann)->local && at(c, 3, ann)->shown);
	assert_true(at(c, 3, ann)->caps == 9);
	assert_true(at(c, 1, ann)->local);
	settle(c);
	assert_string_equal(c->from, "s1.example");
	assert_true(c->was_local && c->had_sink);
	assert_false(at(c, 1, ann)->local || at(c, 1, ann)->shown || at(c, 1, ann)->moving);
	assert_null(at(c, 1, ann)->sink);
	for (size_t i = 0; i < N; i++) {
		assert_string_equal(at(c, i, ann)->home->name, "s3.example");
		assert_int_equal(at(c, i, ann)->epoch, 1);
		assert_true(at(c, i, ann)->shadow == 0);
		assert_int_equal(c->kinds[i][GW_EV_MOVE & 31], 1);
		assert_int_equal(c->kinds[i][GW_EV_QUIT & 31], 0);
		assert_int_equal(c->kinds[i][GW_EV_USER & 31], 1);
	}
	order_holds(c);
	assert_int_equal(RIG(c->rigs[1], set, at(c, 1, ann), &away, 0), -EPERM);
	assert_int_equal(RIG(c->rigs[3], set, at(c, 3, ann), &away, 0), 0);
	settle(c);
	assert_string_equal(at(c, 0, ann)->user->away, "gone");
	levelled(c);
	chain_free(c);
}

/* Server 1 is cut off, which 2 hears at once, while the move by 4 has got to `reach`: whoever hears
 * of the split first sees the session go, and come again. */
static void a_move_and_the_end_of_the_former_home_cross(void **state)
{
	(void)state;
	for (size_t reach = 2; reach <= 4; reach++) {
		struct chain *c = chain_new(NULL);
		uint64_t ann = enter(c, 1, "ann");

		RIG(c->rigs[1], join, at(c, 1, ann), "#x", GW_OP, 0);
		RIG(c->rigs[1], join, at(c, 1, ann), "#y", 0, 0);
		settle(c);
		RIG(c->rigs[1], shadow, at(c, 1, ann), run_of(c, 4), one);
		settle(c);
		assert_int_equal(RIG(c->rigs[4], move, at(c, 4, ann), one), 0);
		for (size_t i = 4; i > reach; i--)
			assert_true(step(c, i, LEFT));
		cut(c, 1);
		settle(c);
		for (size_t i = 2; i < N; i++) {
			assert_non_null(at(c, i, ann));
			assert_string_equal(at(c, i, ann)->home->name, "s4.example");
			assert_int_equal(at(c, i, ann)->user->n_channels, 2);
			assert_int_equal(c->kinds[i][GW_EV_QUIT & 31], i < reach);
		}
		/* The other part has kept it, in a later epoch if it was about to move. */
		join_pair(c, 1);
		settle(c);
		for (size_t i = 0; i < N; i++)
			assert_string_equal(at(c, i, ann)->home->name, "s4.example");
		order_holds(c);
		levelled(c);
		chain_free(c);
	}
}

/* Both parts go on with the session; the greater epoch has it, with what it was there. */
static void after_a_split_the_greater_epoch_counts(void **state)
{
	(void)state;
	for (int frozen = 0; frozen < 2; frozen++) {
		struct chain *c = chain_new(NULL);
		uint64_t ann = enter(c, 1, "ann");
		size_t home = frozen ? 1 : 4;

		RIG(c->rigs[1], join, at(c, 1, ann), "#x", GW_OP, 0);
		settle(c);
		RIG(c->rigs[1], shadow, at(c, 1, ann), run_of(c, 4), one);
		settle(c);
		RIG(c->rigs[1], moving, at(c, 1, ann), frozen != 0);
		assert_int_equal(RIG(c->rigs[4], move, at(c, 4, ann), one), 0);
		step(c, 4, LEFT);
		cut(c, 2);
		settle(c);
		RIG(c->rigs[1], moving, at(c, 1, ann), false);
		RIG(c->rigs[1], join, at(c, 1, ann), "#left", 0, 0);
		RIG(c->rigs[4], join, at(c, 4, ann), "#right", 0, 0);
		RIG(c->rigs[1], nick, at(c, 1, ann), "left", 0);
		RIG(c->rigs[4], nick, at(c, 4, ann), "right", 0);
		RIG(c->rigs[4], part, at(c, 4, ann), channel_at(c, 4, "#x"), "", 0);
		settle(c);
		join_pair(c, 2);
		settle(c);
		for (size_t i = 0; i < N; i++) {
			assert_true(at(c, i, ann)->home->run == run_of(c, home));
			assert_string_equal(at(c, i, ann)->user->nick, frozen ? "left" : "right");
			assert_int_equal(at(c, i, ann)->user->n_channels, frozen ? 2 : 1);
		}
		assert_false(at(c, frozen ? 4 : 1, ann)->shown);
		order_holds(c);
		levelled(c);
		chain_free(c);
	}
}

/* A name that was lost meanwhile is given up later. */
static void nothing_is_said_in_the_name_of_one_who_moves(void **state)
{
	struct chain *c = chain_new(NULL);
	uint64_t ann = enter(c, 1, "ann");
	struct gw_user_spec other = {.nick = "ann", .ident = "u", .host = "h", .realname = "r"};
	struct gw_session *s;
	uint64_t late;

	(void)state;
	c->rigs[0]->wall_ms -= 1000;
	c->rigs[0]->clock -= (uint64_t)2000 << 16;
	assert_int_equal(RIG(c->rigs[0], introduce, &other, &s), 0);
	late = s->id;
	RIG(c->rigs[1], shadow, at(c, 1, ann), run_of(c, 3), one);
	RIG(c->rigs[1], moving, at(c, 1, ann), true);
	settle(c);
	assert_string_not_equal(at(c, 1, ann)->user->nick, at(c, 1, late)->user->nick);
	RIG(c->rigs[1], moving, at(c, 1, ann), false);
	settle(c);
	levelled(c);
	chain_free(c);
}

/* --- what may not be said --- */

/* The last record that `from` sent over that link, as another server would say it. */
static struct record *last_of(struct chain *c, size_t i, unsigned via)
{
	struct record *r = c->out[i][via].first;

	while (r->next != NULL)
		r = r->next;
	return r;
}

static void put64(uint8_t *p, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t)(value >> (56 - 8 * i));
}

static void nobody_else_gives_a_session_away(void **state)
{
	struct chain *c = chain_new(NULL);
	uint64_t ann = enter(c, 1, "ann"), bob;
	struct record *r;

	(void)state;
	settle(c);
	bob = enter(c, 3, "bob");
	settle(c);
	/* A shadow, in the name of a session that is at home elsewhere: the header is flags, kind,
	 * run, sequence (a byte), clock, session. */
	RIG(c->rigs[1], shadow, at(c, 1, ann), run_of(c, 4), one);
	r = last_of(c, 1, RIGHT);
	put64(r->bytes + 22, bob);
	assert_int_equal(RIG(c->rigs[2], apply, r->bytes, r->len, LEFT), -EPERM);
	assert_true(at(c, 2, bob)->shadow == 0);
	/* To itself. */
	put64(r->bytes + 22, ann);
	put64(r->bytes + 30, run_of(c, 1));
	assert_int_equal(RIG(c->rigs[2], apply, r->bytes, r->len, LEFT), -EBADMSG);
	put64(r->bytes + 30, run_of(c, 4));
	/* Cut short, or with more behind it. */
	for (size_t n = 0; n < r->len; n++)
		assert_int_equal(RIG(c->rigs[2], apply, r->bytes, n, LEFT), -EBADMSG);
	settle(c);
	/* An end that is told by neither end of it. */
	RIG(c->rigs[3], shadow, at(c, 3, bob), run_of(c, 4), one);
	settle(c);
	RIG(c->rigs[3], shadow_end, bob, one);
	r = last_of(c, 3, RIGHT);
	put64(r->bytes + 22, ann);
	assert_int_equal(RIG(c->rigs[4], apply, r->bytes, r->len, LEFT), -EPERM);
	assert_true(at(c, 4, ann)->shadow == run_of(c, 4));
	put64(r->bytes + 22, bob);
	settle(c);
	chain_free(c);
}

static void who_is_not_the_shadow_does_not_get_the_session(void **state)
{
	struct chain *c = chain_new(NULL);
	uint64_t ann = enter(c, 1, "ann"), bob = enter(c, 1, "bob");
	struct record *r;

	(void)state;
	settle(c);
	RIG(c->rigs[1], shadow, at(c, 1, ann), run_of(c, 2), one);
	RIG(c->rigs[1], shadow, at(c, 1, bob), run_of(c, 4), one);
	settle(c);
	assert_int_equal(RIG(c->rigs[4], move, at(c, 4, bob), one), 0);
	r = last_of(c, 4, LEFT);
	put64(r->bytes + 22, ann);
	step(c, 4, LEFT);
	assert_string_equal(at(c, 3, ann)->home->name, "s4.example");
	settle(c);
	assert_string_equal(at(c, 2, ann)->home->name, "s1.example");
	assert_string_equal(at(c, 1, ann)->home->name, "s1.example");
	assert_true(at(c, 1, ann)->local);
	chain_free(c);
}

/* --- what modules keep --- */

struct block {
	char text[16];
};

static int block_export(void *state, const struct gw_session *session, const void *data, void *out,
                        size_t max, size_t *len_out)
{
	const struct block *block = data;

	(void)state, (void)session;
	*len_out = strlen(block->text);
	if (strcmp(block->text, "huge") == 0)
		*len_out = max + 1;
	else
		memcpy(out, block->text, *len_out);
	return 0;
}

static int block_import(void *state, struct gw_session *session, void *data, const void *in,
                        size_t len, struct gw_error *err)
{
	struct block *block = data;

	(void)state, (void)session, (void)err;
	memset(block, 0, sizeof(*block));
	memcpy(block->text, in, len);
	return 0;
}

static const struct gw_call_row block_calls[] = {
	{"none", NULL},
	{"export", (gw_fn *)block_export},
	{"import", (gw_fn *)block_import},
	{NULL, NULL},
};
static const struct gw_session_data blocks[] = {
	{.name = "moves",
         .version = 2,
         .size = sizeof(struct block),
         .export_row = 1,
         .import_row = 2},
	{.name = "stays", .version = 1, .size = sizeof(struct block), .stays = true},
	{.name = "all",
         .version = 1,
         .size = sizeof(struct block),
         .everywhere = true,
         .export_row = 1,
         .import_row = 2},
};
static const struct gw_rows block_rows[] = {GW_ROWS(GW_POINT_SESSION_DATA, blocks),
                                            {NULL, NULL, 0, 0}};

struct emitted {
	unsigned n;
	char name[16], text[16];
	uint32_t version;
};

static void emit(void *ctx, const char *name, uint32_t version, const void *data, size_t len)
{
	struct emitted *e = ctx;

	e->n++;
	e->version = version;
	snprintf(e->name, sizeof(e->name), "%s", name);
	snprintf(e->text, sizeof(e->text), "%.*s", (int)len, (const char *)data);
}

static char *text_of(struct chain *c, size_t i, uint64_t id, const char *name)
{
	return ((struct block *)RIG(c->rigs[i], data, at(c, i, id), name))->text;
}

static void what_modules_keep_moves_along(void **state)
{
	struct chain *c = chain_new(block_rows);
	uint64_t ann = enter(c, 1, "ann");
	struct emitted e = {.n = 0};
	struct gw_error why = {0};

	(void)state;
	for (size_t i = 0; i < N; i++) {
		c->rigs[i]->other.calls = block_calls;
		c->rigs[i]->other.n_calls = 3;
	}
	settle(c);
	assert_int_equal(RIG(c->rigs[1], data_export, at(c, 1, ann), emit, &e, &why), 0);
	text_of(c, 1, ann, "moves");
	assert_int_equal(RIG(c->rigs[1], data_export, at(c, 1, ann), emit, &e, &why), 0);
	assert_int_equal(e.n, 0);
	strcpy(text_of(c, 1, ann, "moves"), "kept");
	strcpy(text_of(c, 1, ann, "stays"), "here");
	strcpy(text_of(c, 1, ann, "all"), "known");
	assert_int_equal(RIG(c->rigs[1], data_export, at(c, 1, ann), emit, &e, &why), 0);
	assert_int_equal(e.n, 1);
	assert_string_equal(e.name, "moves");
	assert_int_equal(e.version, 2);
	strcpy(text_of(c, 1, ann, "moves"), "huge");
	assert_int_equal(RIG(c->rigs[1], data_export, at(c, 1, ann), emit, &e, &why), -E2BIG);
	assert_non_null(strstr(why.text, "moves"));
	assert_int_equal(RIG(c->rigs[3], data_import, at(c, 3, ann), "moves", 2, "x", 1, &why),
	                 -EPERM);
	RIG(c->rigs[1], shadow, at(c, 1, ann), run_of(c, 3), one);
	settle(c);
	assert_int_equal(RIG(c->rigs[3], data_import, at(c, 3, ann), "moves", 3, "x", 1, &why),
	                 -ENOENT);
	assert_int_equal(RIG(c->rigs[3], data_import, at(c, 3, ann), "stays", 1, "x", 1, &why),
	                 -ENOENT);
	assert_int_equal(RIG(c->rigs[3], data_import, at(c, 3, ann), "none", 1, "x", 1, &why),
	                 -ENOENT);
	assert_int_equal(RIG(c->rigs[3], data_import, at(c, 3, ann), "moves", 1, "kept", 4, &why),
	                 0);
	assert_string_equal(text_of(c, 3, ann, "moves"), "kept");
	assert_int_equal(RIG(c->rigs[3], move, at(c, 3, ann), one), 0);
	settle(c);
	assert_string_equal(text_of(c, 3, ann, "moves"), "kept");
	assert_string_equal(text_of(c, 1, ann, "moves"), "");
	assert_string_equal(text_of(c, 1, ann, "stays"), "");
	assert_string_equal(text_of(c, 1, ann, "all"), "known");
	chain_free(c);
}

static void a_load_report_says_what_is_left(void **state)
{
	struct chain *c = chain_new(NULL);
	struct gw_load_report load = {
		.clients = 3, .weight = 100, .room = 4000000000u, .draining = true};
	const struct gw_node *node;

	(void)state;
	assert_int_equal(RIG(c->rigs[0], report_load, &load), 0);
	settle(c);
	node = RIG(c->rigs[4], node, run_of(c, 0));
	assert_true(node->load.room == 4000000000u);
	assert_true(node->load.draining);
	assert_false(node->bursting);
	chain_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_for_a_shadowed_session_goes_both_ways),
		cmocka_unit_test(ends_cross_and_attempts_are_replaced),
		cmocka_unit_test(a_split_ends_a_shadow_on_both_sides),
		cmocka_unit_test(a_move_has_a_new_home_everywhere),
		cmocka_unit_test(a_move_and_the_end_of_the_former_home_cross),
		cmocka_unit_test(after_a_split_the_greater_epoch_counts),
		cmocka_unit_test(nothing_is_said_in_the_name_of_one_who_moves),
		cmocka_unit_test(nobody_else_gives_a_session_away),
		cmocka_unit_test(who_is_not_the_shadow_does_not_get_the_session),
		cmocka_unit_test(what_modules_keep_moves_along),
		cmocka_unit_test(a_load_report_says_what_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
