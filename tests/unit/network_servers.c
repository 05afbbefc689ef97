/*
 * tests/unit/network_servers.c - a server's part in a tree of servers: who is in sight, which way
 * records go, splits, restarts, and members that say what they may not.
 *
 * Servers "a", "b", "c"... are linked by queues that settle() empties. What is published at each is
 * written down. That servers agree whatever happens is network_tree.c's.
 */
#include "tests/unit/cmocka.h"
#include "tests/unit/network_rig.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define START_MS ((int64_t)1700000000000)
#define SERVERS 4
#define LOG_MAX 4096

struct record {
	struct record *next;
	uint64_t via; /* of the server that gets it */
	size_t len;
	uint8_t bytes[];
};

/** The via of server x to server y is 10 * x + y, counted from 1: "a" to "b" is 12. */
struct tree {
	struct rig *rigs[SERVERS];
	char log[SERVERS][LOG_MAX];
	bool live[100];
	struct record *first, **last;
	uint64_t circle;
	size_t sent;          /* records over links */
	uint64_t drop_inside; /* a via to be dropped in the next notification */
};

static struct rig *rig_at(struct tree *t, uint64_t number)
{
	return t->rigs[number - 1];
}

static size_t index_of(struct tree *t, const struct rig *rig)
{
	size_t i = 0;

	while (t->rigs[i] != rig)
		i++;
	return i;
}

static void note(struct tree *t, const struct rig *rig, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void note(struct tree *t, const struct rig *rig, const char *format, ...)
{
	char *log = t->log[index_of(t, rig)];
	size_t n = strlen(log);
	va_list args;

	va_start(args, format);
	vsnprintf(log + n, LOG_MAX - n, format, args);
	va_end(args);
}

static void heard(void *ctx, struct rig *rig, const struct gw_event *e)
{
	static const char *const names[] = {"?",       "USER",    "QUIT",   "NICK",  "SET",
	                                    "CHANNEL", "JOIN",    "PART",   "KICK",  "MODE",
	                                    "TOPIC",   "MESSAGE", "INVITE", "KILL",  "WALLOPS",
	                                    "UNREG",   "SPLIT",   "LOAD",   "SERVER"};
	struct tree *t = ctx;
	uint64_t drop = t->drop_inside;

	note(t, rig, "%s", (e->kind >> 16) == 1 && (e->kind & 63) < 19 ? names[e->kind & 63] : "?");
	if (e->kind == GW_EV_SERVER || e->kind == GW_EV_LOAD)
		note(t, rig, " %s", e->node->name);
	if (e->source != NULL)
		note(t, rig, " %s", e->source->user->nick);
	if (e->channel != NULL)
		note(t, rig, " %s", e->channel->name);
	if (e->target != NULL)
		note(t, rig, " to %s", e->target->user->nick);
	if (e->kind == GW_EV_TOPIC || e->kind == GW_EV_MESSAGE)
		note(t, rig, " '%s'", e->text);
	if (e->split != NULL)
		note(t, rig, " (%s)", e->split);
	note(t, rig, ";");
	t->drop_inside = 0;
	if (drop != 0)
		assert_int_equal(RIG(rig, via_drop, drop), 0);
}

static const char *log_of(struct tree *t, uint64_t number)
{
	static char text[LOG_MAX];

	strcpy(text, t->log[number - 1]);
	t->log[number - 1][0] = '\0';
	return text;
}

static void push(struct tree *t, uint64_t via, const void *bytes, size_t len)
{
	struct record *r = malloc(sizeof(*r) + len);

	*r = (struct record){.via = via, .len = len};
	memcpy(r->bytes, bytes, len);
	if (t->first == NULL)
		t->last = &t->first;
	*t->last = r;
	t->last = &r->next;
	t->sent++;
}

struct sending {
	struct tree *t;
	const void *bytes;
	size_t len;
};

static void send_over(void *ctx, uint64_t via)
{
	struct sending *s = ctx;

	if (s->t->live[via])
		push(s->t, via % 10 * 10 + via / 10, s->bytes, s->len);
}

static void recorded(void *ctx, struct rig *rig, const struct gw_record *r)
{
	struct sending s = {ctx, r->bytes, r->len};

	RIG(rig, ways, r, send_over, &s);
}

static void circle(void *ctx, struct rig *rig, uint64_t via)
{
	struct tree *t = ctx;

	(void)rig;
	t->circle = via;
	t->live[via] = false;
}

static void settle(struct tree *t)
{
	while (t->first != NULL) {
		struct record *r = t->first;
		int status;

		t->first = r->next;
		if (t->live[r->via]) {
			status = RIG(rig_at(t, r->via / 10), apply, r->bytes, r->len, r->via);
			assert_true(status == 0 || status == -ENOENT || status == -EALREADY ||
			            status == -ENOMSG);
		}
		free(r);
	}
}

static void exported(void *ctx, const void *record, size_t len)
{
	struct sending *s = ctx;

	push(s->t, s->len, record, len);
}

static void burst(struct tree *t, uint64_t x, uint64_t y)
{
	struct gw_burst_cursor cursor = {.via = 10 * x + y};
	struct sending s = {.t = t, .len = 10 * y + x};

	while (RIG(rig_at(t, x), burst_export, &cursor, exported, &s))
		;
}

static void link_with(struct tree *t, uint64_t x, uint64_t y, uint64_t joint)
{
	struct gw_stamp stamp = {joint, 1};

	rig_via(rig_at(t, x), rig_at(t, y), 10 * x + y, stamp);
	rig_via(rig_at(t, y), rig_at(t, x), 10 * y + x, stamp);
	t->live[10 * x + y] = t->live[10 * y + x] = true;
	burst(t, x, y);
	burst(t, y, x);
	settle(t);
}

static void cut(struct tree *t, uint64_t x, uint64_t y)
{
	t->live[10 * x + y] = t->live[10 * y + x] = false;
	RIG(rig_at(t, x), via_drop, 10 * x + y);
	RIG(rig_at(t, y), via_drop, 10 * y + x);
	settle(t);
}

static void server_start(struct tree *t, uint64_t number, uint64_t seed)
{
	char name[16];
	struct rig *rig;

	snprintf(name, sizeof(name), "%c.example", (int)('a' + number - 1));
	rig = rig_new(name, seed, START_MS);
	rig_identity(rig, (struct gw_id){number, 1}, 100 + number);
	rig->ctx = t;
	rig->on_event = heard;
	rig->on_record = recorded;
	rig->on_circle = circle;
	t->rigs[number - 1] = rig;
}

/* a - b - c, and d by itself. */
static int setup(void **state)
{
	struct tree *t = calloc(1, sizeof(*t));

	for (uint64_t i = 1; i <= SERVERS; i++)
		server_start(t, i, i);
	link_with(t, 1, 2, 10);
	link_with(t, 2, 3, 20);
	memset(t->log, 0, sizeof(t->log));
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct tree *t = *state;

	memset(t->live, 0, sizeof(t->live));
	settle(t);
	for (size_t i = 0; i < SERVERS; i++)
		rig_free(&t->rigs[i]);
	free(t);
	return 0;
}

static struct gw_session *come(struct tree *t, uint64_t number, const char *nick)
{
	struct gw_user_spec spec = {
		.nick = nick, .ident = "user", .host = "host.example", .realname = "A Name"};
	struct gw_session *session = NULL;

	assert_int_equal(RIG(rig_at(t, number), introduce, &spec, &session), 0);
	settle(t);
	return session;
}

static void join(struct tree *t, uint64_t number, struct gw_session *session, const char *channel)
{
	assert_int_equal(RIG(rig_at(t, number), join, session, channel, GW_OP, 0), 0);
	settle(t);
}

static struct gw_channel *channel_at(struct tree *t, uint64_t number, const char *name)
{
	return RIG(rig_at(t, number), channel, name);
}

static const struct gw_node *node_of(struct tree *t, uint64_t at, uint64_t of)
{
	uint64_t run = RIG(rig_at(t, of), here)->run;

	return RIG(rig_at(t, at), node, run);
}

static void agree(struct tree *t, uint64_t x, uint64_t y)
{
	uint8_t of_x[32], of_y[32];

	RIG(rig_at(t, x), digest, of_x);
	RIG(rig_at(t, y), digest, of_y);
	assert_memory_equal(of_x, of_y, 32);
}

static void the_tree_is_known_as_it_is(void **state)
{
	struct tree *t = *state;
	const struct gw_node *b = node_of(t, 1, 2), *c = node_of(t, 1, 3);

	assert_non_null(b);
	assert_non_null(c);
	assert_true(b->direct && !c->direct && b->via == 12 && c->via == 12);
	assert_ptr_equal(c->up, b);
	assert_ptr_equal(b->up, RIG(rig_at(t, 1), here));
	assert_null(b->up->up);
	assert_true(c->id.clock == 3 && c->life == 103);
	assert_string_equal(c->name, "c.example");
	assert_null(node_of(t, 1, 4));
	link_with(t, 4, 2, 30);
	assert_string_equal(log_of(t, 1), "SERVER d.example (b.example d.example);");
	assert_string_equal(log_of(t, 4), "SERVER b.example (d.example b.example);"
	                                  "SERVER a.example (d.example b.example);"
	                                  "SERVER c.example (d.example b.example);");
	agree(t, 1, 4);
}

static void via_list(void *ctx, uint64_t via)
{
	*(uint64_t *)ctx = *(uint64_t *)ctx * 100 + via;
}

static uint64_t ways_of(struct tree *t, uint64_t number, enum gw_scope scope, const char *channel,
                        uint64_t to)
{
	uint64_t list = 0;

	RIG(rig_at(t, number), ways_to, scope, channel, to, via_list, &list);
	return list;
}

static void messages_go_where_members_are(void **state)
{
	struct tree *t = *state;
	struct gw_session *ann = come(t, 1, "ann"), *bob = come(t, 3, "bob");
	struct gw_message_spec say = {.text = "hello"};
	size_t sent;

	join(t, 1, ann, "#c");
	assert_int_equal(ways_of(t, 1, GW_SCOPE_CHANNEL, "#C", 0), 0);
	assert_int_equal(ways_of(t, 3, GW_SCOPE_CHANNEL, "#c", 0), 32);
	join(t, 3, bob, "#c");
	assert_int_equal(ways_of(t, 1, GW_SCOPE_CHANNEL, "#c", 0), 12);
	assert_int_equal(ways_of(t, 2, GW_SCOPE_CHANNEL, "#c", 0), 2123);
	assert_int_equal(ways_of(t, 1, GW_SCOPE_SESSION, NULL, bob->id), 12);
	assert_int_equal(ways_of(t, 2, GW_SCOPE_SERVER, NULL, node_of(t, 3, 3)->run), 23);
	assert_int_equal(ways_of(t, 2, GW_SCOPE_ALL, NULL, 0), 2123);
	memset(t->log, 0, sizeof(t->log));
	say.channel = RIG(rig_at(t, 1), channel, "#c");
	RIG(rig_at(t, 1), message, ann, &say, 0);
	settle(t);
	assert_string_equal(log_of(t, 3), "MESSAGE ann #c 'hello';");
	RIG(rig_at(t, 3), part, bob, channel_at(t, 3, "#c"), "", 0);
	settle(t);
	sent = t->sent;
	RIG(rig_at(t, 1), message, ann, &say, 0);
	settle(t);
	assert_int_equal(t->sent, sent);
}

static void interest_brings_messages_without_a_member(void **state)
{
	struct tree *t = *state;
	struct gw_session *ann = come(t, 1, "ann");
	struct gw_message_spec say = {.text = "hello"};

	assert_int_equal(RIG(rig_at(t, 3), interest, "#C", true), 0);
	settle(t);
	join(t, 1, ann, "#c");
	assert_int_equal(ways_of(t, 1, GW_SCOPE_CHANNEL, "#c", 0), 12);
	assert_int_equal(ways_of(t, 2, GW_SCOPE_CHANNEL, "#c", 0), 2123);
	log_of(t, 3);
	say.channel = RIG(rig_at(t, 1), channel, "#c");
	RIG(rig_at(t, 1), message, ann, &say, 0);
	settle(t);
	assert_string_equal(log_of(t, 3), "MESSAGE ann #c 'hello';");
	link_with(t, 4, 1, 30);
	assert_int_equal(ways_of(t, 4, GW_SCOPE_CHANNEL, "#c", 0), 41);
	RIG(rig_at(t, 1), quit, ann, "");
	settle(t);
	assert_int_equal(ways_of(t, 4, GW_SCOPE_CHANNEL, "#c", 0), 41);
	cut(t, 2, 3);
	assert_int_equal(ways_of(t, 4, GW_SCOPE_CHANNEL, "#c", 0), 0);
	link_with(t, 2, 3, 40);
	assert_int_equal(ways_of(t, 4, GW_SCOPE_CHANNEL, "#c", 0), 41);
	RIG(rig_at(t, 3), interest, "#c", false);
	settle(t);
	assert_int_equal(ways_of(t, 4, GW_SCOPE_CHANNEL, "#c", 0), 0);
}

static void a_split_is_one_event_for_all_who_are_left(void **state)
{
	struct tree *t = *state;
	struct gw_session *ann = come(t, 1, "ann"), *bob = come(t, 3, "bob"),
			  *cid = come(t, 2, "cid");

	join(t, 1, ann, "#c");
	join(t, 3, bob, "#c");
	join(t, 2, cid, "#c");
	memset(t->log, 0, sizeof(t->log));
	cut(t, 2, 3);
	assert_string_equal(log_of(t, 1), "QUIT bob (b.example c.example);"
	                                  "SPLIT (b.example c.example);");
	assert_string_equal(log_of(t, 3), "QUIT ann (c.example b.example);"
	                                  "QUIT cid (c.example b.example);"
	                                  "SPLIT (c.example b.example);");
	assert_null(node_of(t, 1, 3));
	assert_null(RIG(rig_at(t, 1), user, "bob"));
	assert_int_equal(RIG(rig_at(t, 1), channel, "#c")->n_members, 2);
	agree(t, 1, 2);
	link_with(t, 3, 2, 30);
	assert_string_equal(log_of(t, 1), "SERVER c.example (b.example c.example);"
	                                  "CHANNEL #c (b.example c.example);"
	                                  "USER bob (b.example c.example);"
	                                  "JOIN bob #c (b.example c.example);");
	agree(t, 1, 3);
}

static void a_link_may_be_dropped_while_all_hear_of_something(void **state)
{
	struct tree *t = *state;

	come(t, 3, "bob");
	log_of(t, 1);
	t->live[12] = t->live[21] = false;
	t->drop_inside = 12;
	come(t, 1, "ann");
	assert_string_equal(log_of(t, 1), "USER ann;QUIT bob (a.example b.example);"
	                                  "SPLIT (a.example b.example);");
	assert_int_equal(RIG(rig_at(t, 1), via_drop, 12), -ENOENT);
}

static void who_comes_back_in_a_new_run_takes_the_place_of_the_old(void **state)
{
	struct tree *t = *state;

	come(t, 3, "bob");
	rig_free(&t->rigs[2]);
	t->live[23] = t->live[32] = false;
	server_start(t, 3, 33);
	t->rigs[2]->wall_ms += 1000;
	come(t, 3, "bob");
	memset(t->log, 0, sizeof(t->log));
	link_with(t, 3, 1, 30);
	assert_string_equal(log_of(t, 1), "QUIT bob (b.example c.example);"
	                                  "SPLIT (b.example c.example);"
	                                  "SERVER c.example (a.example c.example);"
	                                  "USER bob (a.example c.example);");
	assert_int_equal(t->circle, 23);
	assert_int_equal(node_of(t, 2, 3)->via, 21);
	agree(t, 1, 3);
	agree(t, 2, 3);
}

static void two_that_say_they_are_one_are_not_let_in_both(void **state)
{
	struct tree *t = *state;

	rig_identity(rig_at(t, 4), (struct gw_id){3, 1}, 999);
	rig_at(t, 4)->wall_ms += 1000;
	come(t, 4, "dan");
	link_with(t, 4, 1, 30);
	assert_int_equal(t->circle / 10 * 10 + t->circle % 10, 14);
	assert_null(node_of(t, 1, 4));
	assert_null(RIG(rig_at(t, 1), user, "dan"));
	assert_non_null(node_of(t, 1, 3));
}

static void of_a_circle_the_youngest_link_goes(void **state)
{
	struct tree *t = *state;

	link_with(t, 3, 1, 30);
	assert_true(t->circle == 13 || t->circle == 31);
	RIG(rig_at(t, 1), via_drop, 13);
	RIG(rig_at(t, 3), via_drop, 31);
	t->circle = 0;
	link_with(t, 1, 3, 15);
	assert_true(t->circle == 23 || t->circle == 32);
	assert_int_equal(node_of(t, 1, 3)->via, 13);
	RIG(rig_at(t, 2), via_drop, 23);
	RIG(rig_at(t, 3), via_drop, 32);
	settle(t);
	for (uint64_t x = 1; x <= 3; x++) {
		for (uint64_t y = 1; y <= 3; y++)
			assert_non_null(node_of(t, x, y));
	}
	come(t, 2, "ann");
	agree(t, 2, 3);
}

/* The bytes of a record that server `x` makes and nobody gets. */
static struct record *made_by(struct tree *t, uint64_t x, void (*make)(struct rig *, void *),
                              void *arg)
{
	bool live[100];
	struct record *r;

	memcpy(live, t->live, sizeof(live));
	make(rig_at(t, x), arg);
	memcpy(t->live, live, sizeof(live));
	r = t->first;
	assert_non_null(r);
	t->first = r->next;
	assert_null(t->first);
	return r;
}

static void make_wallops(struct rig *rig, void *session)
{
	RIG(rig, wallops, session, "hear", 0);
}

static void make_kick(struct rig *rig, void *session)
{
	struct gw_channel *c = RIG(rig, channel, "#c");

	RIG(rig, kick, session, c->members[0], "out", 0);
}

static void nobody_speaks_for_those_behind_another_link(void **state)
{
	struct tree *t = *state;
	struct gw_session *bob = come(t, 3, "bob"), *ann = come(t, 1, "ann");
	struct record *r;

	link_with(t, 4, 2, 30);
	join(t, 1, ann, "#c");
	/* c's own words, said by d's link */
	r = made_by(t, 3, make_wallops, bob);
	assert_int_equal(RIG(rig_at(t, 2), apply, r->bytes, r->len, 24), -EPERM);
	/* d speaks as a user of c: run 8 at 5, the source at 22 */
	for (int i = 0; i < 8; i++)
		r->bytes[5 + i] = (uint8_t)(RIG(rig_at(t, 4), here)->run >> (56 - 8 * i));
	assert_int_equal(RIG(rig_at(t, 2), apply, r->bytes, r->len, 24), -EPERM);
	free(r);
	r = made_by(t, 3, make_kick, bob);
	assert_int_equal(RIG(rig_at(t, 2), apply, r->bytes, r->len, 24), -EPERM);
	assert_int_equal(RIG(rig_at(t, 2), channel, "#c")->n_members, 1);
	free(r);
	/* a link that nobody has announced */
	r = made_by(t, 3, make_wallops, bob);
	assert_int_equal(RIG(rig_at(t, 2), apply, r->bytes, r->len, 29), -EPERM);
	free(r);
}

static void keep_first(void *ctx, const void *record, size_t len)
{
	struct sending *s = ctx;

	if (s->len++ == 0)
		push(s->t, 0, record, len);
}

/* The introduction of `x` by itself. */
static struct record *introduction(struct tree *t, uint64_t x)
{
	struct gw_burst_cursor cursor = {.via = 0};
	struct sending s = {.t = t};
	struct record *r;

	while (RIG(rig_at(t, x), burst_export, &cursor, keep_first, &s))
		;
	r = t->first;
	t->first = NULL;
	return r;
}

static void keep_users(void *ctx, const void *record, size_t len)
{
	const uint8_t *bytes = record;

	if (bytes[4] == (GW_EV_USER & 0xff))
		push(((struct sending *)ctx)->t, 0, record, len);
}

/* Server c tells a of its user by their own link. */
static void push_user(struct tree *t, const struct gw_session *user)
{
	struct gw_burst_cursor cursor = {.via = 0};
	struct sending s = {.t = t};
	struct record *r;

	while (RIG(rig_at(t, 3), burst_export, &cursor, keep_users, &s))
		;
	r = t->first;
	t->first = NULL;
	assert_int_equal(RIG(rig_at(t, 1), apply, r->bytes, r->len, 13), 0);
	assert_non_null(RIG(rig_at(t, 1), session, user->id));
	free(r);
}

static void a_link_brings_whom_it_was_announced_for(void **state)
{
	struct tree *t = *state;
	struct record *d = introduction(t, 4), *c = introduction(t, 3);

	rig_via(rig_at(t, 1), rig_at(t, 4), 14, (struct gw_stamp){30, 1});
	assert_int_equal(RIG(rig_at(t, 1), apply, c->bytes, c->len, 14), -EPERM);
	assert_int_equal(node_of(t, 1, 3)->via, 12);
	assert_int_equal(RIG(rig_at(t, 1), apply, d->bytes, d->len, 14), 0);
	assert_int_equal(node_of(t, 1, 4)->via, 14);
	free(c);
	free(d);
}

/* c is heard over b, then over a link of its own, where its last words are still under way. */
static void nothing_is_said_twice_when_a_way_changes(void **state)
{
	struct tree *t = *state;
	struct gw_session *bob = come(t, 3, "bob");
	struct record *r = made_by(t, 3, make_wallops, bob), *c;

	log_of(t, 1);
	assert_int_equal(RIG(rig_at(t, 1), apply, r->bytes, r->len, 12), 0);
	assert_string_equal(log_of(t, 1), "WALLOPS bob;");
	c = introduction(t, 3);
	rig_via(rig_at(t, 1), rig_at(t, 3), 13, (struct gw_stamp){5, 1});
	assert_int_equal(RIG(rig_at(t, 1), apply, c->bytes, c->len, 13), 0);
	assert_int_equal(node_of(t, 1, 3)->via, 13);
	assert_string_equal(log_of(t, 1), "QUIT bob (b.example c.example);"
	                                  "SPLIT (b.example c.example);"
	                                  "SERVER c.example (a.example c.example);");
	/* without its user it is of no use; with, it has been shown */
	assert_int_equal(RIG(rig_at(t, 1), apply, r->bytes, r->len, 13), -ENOENT);
	settle(t);
	push_user(t, bob);
	assert_int_equal(RIG(rig_at(t, 1), apply, r->bytes, r->len, 13), -EALREADY);
	free(r);
	free(c);
}

/* d says that c is behind it; its link is younger than the way that c really has. */
static void whoever_claims_another_server_gains_nothing(void **state)
{
	struct tree *t = *state;
	struct gw_session *bob = come(t, 3, "bob");
	struct record *r, *d = introduction(t, 4);

	rig_via(rig_at(t, 1), rig_at(t, 4), 14, (struct gw_stamp){30, 1});
	RIG(rig_at(t, 1), apply, d->bytes, d->len, 14);
	settle(t);
	rig_via(rig_at(t, 4), rig_at(t, 3), 43, (struct gw_stamp){5, 1});
	r = introduction(t, 3);
	assert_int_equal(RIG(rig_at(t, 4), apply, r->bytes, r->len, 43), 0);
	free(r);
	free(d);
	t->live[14] = true;
	burst(t, 4, 1);
	settle(t);
	assert_int_equal(node_of(t, 1, 3)->via, 12);
	assert_int_equal(t->circle, 14);
	assert_null(node_of(t, 1, 4));
	r = made_by(t, 3, make_wallops, bob);
	log_of(t, 1);
	assert_int_equal(RIG(rig_at(t, 1), apply, r->bytes, r->len, 14), -EPERM);
	assert_string_equal(log_of(t, 1), "");
	free(r);
}

static void make_split(struct rig *rig, void *via)
{
	RIG(rig, via_drop, *(uint64_t *)via);
}

/* d is behind a; it says that c, which it sees over a, has gone with its own link. */
static void a_split_takes_nobody_who_is_not_behind_it(void **state)
{
	struct tree *t = *state;
	uint64_t to_a = 41;
	struct record *r;

	link_with(t, 4, 1, 30);
	come(t, 3, "bob");
	/* so that it has somebody to tell */
	t->live[42] = true;
	rig_via(rig_at(t, 4), rig_at(t, 2), 42, (struct gw_stamp){40, 1});
	memset(t->log, 0, sizeof(t->log));
	r = made_by(t, 4, make_split, &to_a);
	assert_int_equal(RIG(rig_at(t, 1), apply, r->bytes, r->len, 14), 0);
	assert_non_null(node_of(t, 1, 2));
	assert_non_null(node_of(t, 1, 3));
	assert_non_null(RIG(rig_at(t, 1), user, "bob"));
	assert_string_equal(log_of(t, 1), "");
	free(r);
	t->live[42] = false;
}

static int row_heard(void *state, const struct gw_event *event)
{
	(void)state;
	(void)event;
	return 0;
}

static void what_nobody_knows_is_passed_on_or_dropped(void **state)
{
	static const struct gw_kind_row kinds[] = {{"memo.deliver", 1 | GW_KIND_FORWARD, 0},
	                                           {"memo.read", 2 | GW_KIND_DROP, 0}};
	static const struct gw_rows rows[] = {GW_ROWS(GW_POINT_KIND, kinds), {NULL, NULL, 0, 0}};
	static const struct gw_call_row calls[] = {{"heard", (gw_fn *)row_heard}, {NULL, NULL}};
	struct tree *t = *state;
	struct gw_session *ann = come(t, 1, "ann");

	rig_rows(rig_at(t, 1), rows);
	t->rigs[2]->other.calls = calls;
	t->rigs[2]->other.n_calls = 1;
	rig_rows(rig_at(t, 3), rows);
	memset(t->log, 0, sizeof(t->log));
	RIG(rig_at(t, 1), custom, ann, "memo.deliver", GW_SCOPE_ALL, NULL, NULL, "x", 1, 0);
	settle(t);
	assert_string_equal(log_of(t, 2), "");
	assert_string_equal(log_of(t, 3), "? ann;");
	RIG(rig_at(t, 1), custom, ann, "memo.read", GW_SCOPE_ALL, NULL, NULL, "x", 1, 0);
	settle(t);
	assert_string_equal(log_of(t, 3), "");
	agree(t, 1, 3);
}

static void kind_is(struct record *r, uint16_t number)
{
	r->bytes[3] = (uint8_t)(number >> 8);
	r->bytes[4] = (uint8_t)number;
}

/* A newer version's burst has kinds that this one does not know. */
static void so_is_what_nobody_knows_of_a_burst(void **state)
{
	struct tree *t = *state;
	struct record *r = introduction(t, 1);

	kind_is(r, 63 | GW_KIND_FORWARD);
	t->sent = 0;
	assert_int_equal(RIG(rig_at(t, 2), apply, r->bytes, r->len, 21), 0);
	assert_int_equal(t->sent, 1);
	settle(t);
	kind_is(r, 63 | GW_KIND_DROP);
	assert_int_equal(RIG(rig_at(t, 2), apply, r->bytes, r->len, 21), -ENOMSG);
	kind_is(r, 63 | GW_KIND_FORWARD);
	assert_int_equal(RIG(rig_at(t, 2), apply, r->bytes, r->len, 23), -EPERM);
	assert_int_equal(t->sent, 1);
	free(r);
}

static int note_export(void *state, const struct gw_session *session, const void *data, void *out,
                       size_t max, size_t *len_out)
{
	(void)state;
	(void)session;
	(void)max;
	*len_out = strlen(data);
	memcpy(out, data, *len_out);
	return 0;
}

static int note_import(void *state, struct gw_session *session, void *data, const void *in,
                       size_t len, struct gw_error *err)
{
	(void)state;
	(void)session;
	(void)err;
	memcpy(data, in, len);
	return 0;
}

static void what_every_server_keeps_of_a_session_comes_with_it(void **state)
{
	static const struct gw_session_data data[] = {
		{.name = "note", .version = 1, .size = 16, .everywhere = true, .import_row = 1},
		{.name = "mood", .version = 1, .size = 16, .import_row = 1}};
	static const struct gw_rows rows[] = {GW_ROWS(GW_POINT_SESSION_DATA, data),
	                                      {NULL, NULL, 0, 0}};
	static const struct gw_call_row calls[] = {
		{"export", (gw_fn *)note_export}, {"import", (gw_fn *)note_import}, {NULL, NULL}};
	struct tree *t = *state;
	struct gw_session *dan = come(t, 4, "dan"), *here;

	for (uint64_t i = 1; i <= SERVERS; i += i == 1 ? 2 : 1) {
		rig_at(t, i)->other.calls = calls;
		rig_at(t, i)->other.n_calls = 2;
		rig_rows(rig_at(t, i), rows);
	}
	strcpy(RIG(rig_at(t, 4), data, dan, "note"), "kept");
	strcpy(RIG(rig_at(t, 4), data, dan, "mood"), "his own");
	link_with(t, 4, 2, 30); /* b has no such module, and passes it on */
	here = RIG(rig_at(t, 1), session, dan->id);
	assert_string_equal(RIG(rig_at(t, 1), data, here, "note"), "kept");
	assert_string_equal(RIG(rig_at(t, 1), data, here, "mood"), "");
	rig_rows(rig_at(t, 4), NULL);
	for (uint64_t i = 1; i <= 3; i += 2)
		rig_rows(rig_at(t, i), NULL);
}

static void of_two_registered_channels_the_older_claim_wins(void **state)
{
	struct tree *t = *state;
	struct gw_channel_spec later = {.name = "#c",
	                                .registered = {5, 1},
	                                .claim = {90, 1},
	                                .topic = "later",
	                                .topic_setter = "x"},
			       older = {.name = "#c",
	                                .registered = {7, 1},
	                                .claim = {80, 1},
	                                .topic = "older",
	                                .topic_setter = "x"};

	RIG(rig_at(t, 1), make_channel, &later, NULL);
	RIG(rig_at(t, 4), make_channel, &older, NULL);
	settle(t);
	join(t, 1, come(t, 1, "ann"), "#c");
	join(t, 4, come(t, 4, "dan"), "#c");
	memset(t->log, 0, sizeof(t->log));
	link_with(t, 4, 3, 30);
	assert_non_null(strstr(t->log[0], "TOPIC #c 'older' (c.example d.example);"));
	assert_null(strstr(t->log[3], "TOPIC"));
	for (uint64_t i = 1; i <= SERVERS; i++) {
		struct gw_channel *c = RIG(rig_at(t, i), channel, "#c");

		assert_string_equal(c->topic, "older");
		assert_int_equal(c->registered.clock, 7);
		assert_int_equal(c->n_members, 2);
		agree(t, 1, i);
	}
}

static void orders_reach_the_home_of_whom_they_are_for(void **state)
{
	struct tree *t = *state;
	struct gw_session *ann = come(t, 1, "ann"), *bob, *there;
	struct gw_message_spec say = {.text = "psst"};

	come(t, 3, "bob");
	bob = RIG(rig_at(t, 1), user, "bob")->session;
	join(t, 1, ann, "#c");
	memset(t->log, 0, sizeof(t->log));
	RIG(rig_at(t, 1), kill, ann, bob, "out", 0);
	RIG(rig_at(t, 1), invite, ann, bob, channel_at(t, 1, "#c"), 0);
	RIG(rig_at(t, 1), wallops, ann, "all", 0);
	say.target = bob;
	RIG(rig_at(t, 1), message, ann, &say, 0);
	settle(t);
	assert_string_equal(log_of(t, 3), "KILL ann to bob;INVITE ann #c to bob;WALLOPS ann;"
	                                  "MESSAGE ann to bob 'psst';");
	there = RIG(rig_at(t, 3), user, "bob")->session;
	join(t, 3, there, "#c");
	log_of(t, 3);
	RIG(rig_at(t, 1), kick, ann, bob->user->channels, "out", 0);
	settle(t);
	assert_string_equal(log_of(t, 3), "KICK ann #c to bob;");
}

static void a_load_report_is_told_to_all(void **state)
{
	struct tree *t = *state;
	struct gw_load_report load = {.clients = 300, .weight = 10, .lag_us = 7, .bytes = 1 << 20};

	assert_int_equal(RIG(rig_at(t, 3), report_load, &load), 0);
	settle(t);
	assert_string_equal(log_of(t, 1), "LOAD c.example;");
	assert_memory_equal(&node_of(t, 1, 3)->load, &load, sizeof(load));
}

static void local_members_come_first(void **state)
{
	struct tree *t = *state;
	struct gw_channel *c;
	char nick[16];

	for (int i = 0; i < 20; i++) {
		uint64_t at = i % 3 == 0 ? 1 : 3;

		snprintf(nick, sizeof(nick), "n%d", i);
		join(t, at, come(t, at, nick), "#c");
	}
	c = RIG(rig_at(t, 1), channel, "#c");
	for (int i = 0; i < 20; i += 2) {
		uint64_t at = i % 3 == 0 ? 1 : 3;
		struct gw_user *u;

		snprintf(nick, sizeof(nick), "n%d", i);
		u = RIG(rig_at(t, at), user, nick);
		RIG(rig_at(t, at), part, u->session, channel_at(t, at, "#c"), "", 0);
		settle(t);
		for (uint32_t m = 0; m < c->n_members; m++) {
			assert_int_equal(c->members[m]->index, m);
			assert_int_equal(c->members[m]->session->local, m < c->n_local);
		}
	}
	assert_int_equal(c->n_local, 3);
	assert_int_equal(c->n_members, 10);
}

static void a_split_of_many_users_is_quick(void **state)
{
	struct tree *t = *state;
	struct gw_channel *c;
	char nick[16];
	clock_t before;

	rig_at(t, 1)->on_event = NULL;
	rig_at(t, 3)->on_event = NULL;
	rig_at(t, 2)->on_event = NULL;
	for (int i = 0; i < 10000; i++) {
		snprintf(nick, sizeof(nick), "n%d", i);
		join(t, 3, come(t, 3, nick), "#c");
	}
	join(t, 1, come(t, 1, "ann"), "#c");
	c = RIG(rig_at(t, 1), channel, "#c");
	assert_int_equal(c->n_members, 10001);
	before = clock();
	cut(t, 1, 2);
	print_message("%ld ms for both sides\n",
	              (long)((clock() - before) * 1000 / CLOCKS_PER_SEC));
	assert_true(clock() - before < CLOCKS_PER_SEC);
	assert_int_equal(c->n_members, 1);
	assert_int_equal(ways_of(t, 1, GW_SCOPE_CHANNEL, "#c", 0), 0);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(the_tree_is_known_as_it_is),
		CASE(messages_go_where_members_are),
		CASE(interest_brings_messages_without_a_member),
		CASE(a_split_is_one_event_for_all_who_are_left),
		CASE(a_link_may_be_dropped_while_all_hear_of_something),
		CASE(who_comes_back_in_a_new_run_takes_the_place_of_the_old),
		CASE(two_that_say_they_are_one_are_not_let_in_both),
		CASE(of_a_circle_the_youngest_link_goes),
		CASE(nobody_speaks_for_those_behind_another_link),
		CASE(a_link_brings_whom_it_was_announced_for),
		CASE(nothing_is_said_twice_when_a_way_changes),
		CASE(whoever_claims_another_server_gains_nothing),
		CASE(a_split_takes_nobody_who_is_not_behind_it),
		CASE(what_nobody_knows_is_passed_on_or_dropped),
		CASE(so_is_what_nobody_knows_of_a_burst),
		CASE(what_every_server_keeps_of_a_session_comes_with_it),
		CASE(of_two_registered_channels_the_older_claim_wins),
		CASE(orders_reach_the_home_of_whom_they_are_for),
		CASE(a_load_report_is_told_to_all),
		CASE(local_members_come_first),
		CASE(a_split_of_many_users_is_quick),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
