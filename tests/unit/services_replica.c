/*
 * tests/unit/services_replica.c - the database between servers: rounds, refusals, acknowledgements.
 *
 * run-all: timeout=300
 */
#include "tests/unit/services_net.h"
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { HELLO = 1, CELLS, MARK, ACK, JOIN, JBEGIN, JSLICE, JACK, JDONE, REFUSE };

static void open_linked(struct net *net, int n)
{
	net_open(net, n, true, 0);
	for (int i = 1; i < n; i++)
		net_link(net, i - 1, i);
	net_settle(net);
}

static int edit(struct net *net, int i, struct gw_id account, const char *value,
                struct gw_id *made_out)
{
	const struct gw_write write = {.class = GW_CLASS_ACCOUNT,
	                               .id = account,
	                               .field = GW_F_CRED,
	                               .value = rig_text(value)};

	return rig_commit_wait(&net->nodes[i].rig, &write, 1, made_out);
}

static const struct kept_cell *cred_of(struct net *net, int i, struct gw_id account)
{
	struct rig *rig = &net->nodes[i].rig;

	if (rig_read(rig, GW_CLASS_ACCOUNT, account) != 0)
		return NULL;
	for (size_t c = 0; c < rig->n_cells && c < CELLS_KEPT; c++)
		if (rig->cells[c].field == GW_F_CRED)
			return &rig->cells[c];
	return NULL;
}

static void expect_cred(struct net *net, int i, struct gw_id account, const char *value)
{
	const struct kept_cell *cell = cred_of(net, i, account);

	assert_non_null(cell);
	assert_int_equal(cell->value_n, strlen(value));
	assert_memory_equal(cell->value, value, cell->value_n);
}

/* --- rounds --- */

static void a_write_reaches_the_other_server(void **state)
{
	struct net net;
	struct gw_id made;

	(void)state;
	open_linked(&net, 2);
	assert_int_equal(rig_find(&net.nodes[1].rig, GW_NAME_NICK, "ann"), -ENOENT);
	assert_int_equal(rig_register(&net.nodes[0].rig, "Ann", &made), 0);
	net_settle(&net);
	assert_int_equal(rig_find(&net.nodes[1].rig, GW_NAME_NICK, "ann"), 0);
	assert_true(net.nodes[1].changes > 0);
	assert_int_equal(rig_drop(&net.nodes[1].rig, GW_CLASS_ACCOUNT, made), 0);
	net_settle(&net);
	assert_int_equal(rig_find(&net.nodes[0].rig, GW_NAME_NICK, "ann"), -ENOENT);
	net_same(&net, 0, 1, true);
	net_close(&net);
}

/* What no module of the other server asks for goes its way all the same: both ways, and with its
 * account. */
static void cells_of_unknown_fields_are_as_all_others(void **state)
{
	struct gw_write w = {.class = GW_CLASS_ACCOUNT, .sub = {"1", 1}, .value = {"v", 1}};
	struct net net;

	(void)state;
	open_linked(&net, 2);
	assert_int_equal(GW_VIA(net.nodes[0].rig.services, gw_services_ops, own_field, "memo.text",
	                        &w.field, NULL),
	                 0);
	assert_int_equal(rig_register(&net.nodes[0].rig, "Ann", &w.id), 0);
	assert_int_equal(rig_commit_wait(&net.nodes[0].rig, &w, 1, NULL), 0);
	net_settle(&net);
	net_same(&net, 0, 1, true);
	assert_int_equal(rig_read(&net.nodes[1].rig, GW_CLASS_ACCOUNT, w.id), 0);
	assert_int_equal(net.nodes[1].rig.n_cells, 4);
	assert_int_equal(net.nodes[1].rig.cells[3].field, w.field);
	w.remove = true;
	w.value.n = 0;
	assert_int_equal(rig_commit_wait(&net.nodes[1].rig, &w, 1, NULL), 0);
	net_settle(&net);
	assert_int_equal(rig_read(&net.nodes[0].rig, GW_CLASS_ACCOUNT, w.id), 0);
	assert_int_equal(net.nodes[0].rig.n_cells, 3);
	w.remove = false;
	w.value.n = 1;
	assert_int_equal(rig_commit_wait(&net.nodes[0].rig, &w, 1, NULL), 0);
	assert_int_equal(rig_drop(&net.nodes[1].rig, GW_CLASS_ACCOUNT, w.id), 0);
	net_settle(&net);
	assert_int_equal(rig_read(&net.nodes[0].rig, GW_CLASS_ACCOUNT, w.id), -ENOENT);
	assert_int_equal(rig_commit_wait(&net.nodes[0].rig, &w, 1, NULL), -ENOENT);
	net_same(&net, 0, 1, true);
	net_close(&net);
}

static void the_same_on_the_real_store(void **state)
{
	struct net net;
	struct gw_id made;

	(void)state;
	net_open(&net, 3, false, 0);
	net_link(&net, 0, 1);
	net_link(&net, 1, 2);
	net_settle(&net);
	assert_int_equal(rig_register(&net.nodes[0].rig, "Ann", &made), 0);
	assert_int_equal(edit(&net, 0, made, "secret", NULL), 0);
	net_settle(&net);
	expect_cred(&net, 2, made, "secret");
	net_same(&net, 0, 2, true);
	net_close(&net);
}

/* One transaction is one message of cells, one mark, and one acknowledgement: nothing comes back.
 */
static void a_write_takes_three_messages(void **state)
{
	struct net net;
	struct pipe_link *pipe;
	struct gw_id made;
	uint64_t before;

	(void)state;
	open_linked(&net, 2);
	pipe = net_linked(&net, 0, 1);
	before = pipe->messages;
	assert_int_equal(rig_register(&net.nodes[0].rig, "Ann", &made), 0);
	net_settle(&net);
	assert_int_equal(pipe->messages - before, 3);
	net_close(&net);
}

static void two_sides_of_a_split_become_one(void **state)
{
	struct net net;
	struct gw_id ann, bob, both;

	(void)state;
	open_linked(&net, 3);
	assert_int_equal(rig_register(&net.nodes[0].rig, "both", &both), 0);
	net_settle(&net);
	net_cut(&net, net_linked(&net, 0, 1));
	assert_int_equal(rig_register(&net.nodes[0].rig, "ann", &ann), 0);
	mini_run(net.nodes[2].rig.mini, GW_SECOND);
	assert_int_equal(rig_register(&net.nodes[2].rig, "bob", &bob), 0);
	assert_int_equal(rig_register(&net.nodes[2].rig, "ann", NULL), 0);
	net_settle(&net);
	assert_int_equal(edit(&net, 0, both, "zero", NULL), 0);
	mini_run(net.nodes[1].rig.mini, GW_SECOND); /* its clock is not behind */
	assert_int_equal(edit(&net, 1, both, "one", NULL), 0);
	net_link(&net, 1, 0);
	net_settle(&net);
	for (int i = 0; i < 3; i++) {
		expect_cred(&net, i, both, "one");
		assert_int_equal(rig_find(&net.nodes[i].rig, GW_NAME_NICK, "ann"), 0);
		assert_true(gw_id_is(net.nodes[i].rig.owner.id, ann));
	}
	net_same(&net, 0, 2, true);
	net_close(&net);
}

/* Whoever has seen a version writes one that is greater, however wrong the clock is. */
static void a_slow_clock_does_not_lose_writes(void **state)
{
	struct net net;
	struct gw_id ann;

	(void)state;
	open_linked(&net, 2);
	mini_skew(net.nodes[1].rig.mini, -30 * GW_SECOND);
	assert_int_equal(rig_register(&net.nodes[0].rig, "ann", &ann), 0);
	net_settle(&net);
	assert_int_equal(edit(&net, 1, ann, "slow", NULL), 0);
	expect_cred(&net, 1, ann, "slow");
	net_settle(&net);
	expect_cred(&net, 0, ann, "slow");
	net_close(&net);
}

static void write_many(struct net *net, int i, int n, size_t value_n, struct gw_id *last_out)
{
	char *value = calloc(1, value_n + 1);
	struct gw_write writes[2] = {
		{.class = GW_CLASS_BAN, .make = true, .field = GW_F_CORE},
		{.class = GW_CLASS_BAN, .make = true, .field = GW_F_EXPIRY},
	};
	uint64_t index = 0;

	memset(value, 'x', value_n);
	writes[0].value = (struct gw_blob){value, value_n};
	for (int k = 0; k < n; k++) {
		assert_int_equal(rig_commit(&net->nodes[i].rig, writes, 2, &index), 0);
		if (k % 32 == 31)
			mini_run(net->nodes[i].rig.mini, 20 * GW_MS);
	}
	while (!net->nodes[i].rig.outcomes[index].done)
		mini_run(net->nodes[i].rig.mini, 20 * GW_MS);
	*last_out = net->nodes[i].rig.outcomes[index].made;
	free(value);
}

static void edit_long(struct net *net, int i, struct gw_id account, size_t n)
{
	char *value = calloc(1, n + 1);

	memset(value, 'y', n);
	assert_int_equal(edit(net, i, account, value, NULL), 0);
	free(value);
}

/* The first slice ends in front of two edits, which the other side overwrites before the second:
 * then nothing is left to be sent but the mark that merges the first. */
static void a_round_whose_rest_was_overwritten_is_merged(void **state)
{
	struct net net;
	struct pipe_link *pipe;
	struct gw_id ann, bob, last;

	(void)state;
	open_linked(&net, 2);
	assert_int_equal(rig_register(&net.nodes[0].rig, "ann", &ann), 0);
	assert_int_equal(rig_register(&net.nodes[0].rig, "bob", &bob), 0);
	net_settle(&net);
	net_cut(&net, net_linked(&net, 0, 1));
	write_many(&net, 0, 7, 3000, &last);
	edit_long(&net, 0, ann, 8000);
	edit_long(&net, 0, bob, 16000);
	mini_run(net.nodes[1].rig.mini, 10 * GW_SECOND);
	assert_int_equal(edit(&net, 1, ann, "one", NULL), 0);
	assert_int_equal(edit(&net, 1, bob, "one", NULL), 0);
	net.window = 4000;
	pipe = net_link(&net, 0, 1);
	assert_true(net_deliver(&net, pipe, 0)); /* the hello, and then nothing */
	for (int i = 0; i < 100; i++) {
		mini_run(net.nodes[0].rig.mini, 10 * GW_MS);
		mini_run(net.nodes[1].rig.mini, 10 * GW_MS);
		net_deliver(&net, pipe, 1);
	}
	expect_cred(&net, 0, bob, "one");
	net_settle(&net);
	assert_int_equal(rig_read(&net.nodes[1].rig, GW_CLASS_BAN, last), 0);
	net_same(&net, 0, 1, true);
	net_close(&net);
}

/* The first slice ends in the middle of it. */
static void a_long_transaction_is_sent_whole(void **state)
{
	char *value = calloc(1, 16001);
	struct gw_write writes[4];
	struct net net;
	struct gw_id made;

	(void)state;
	memset(value, 'z', 16000);
	for (int i = 0; i < 4; i++)
		writes[i] = (struct gw_write){.class = GW_CLASS_BAN,
		                              .make = true,
		                              .field = (uint16_t)(GW_F_CORE + i),
		                              .value = rig_text(value)};
	writes[GW_F_NAME - GW_F_CORE].field = GW_F_VHOST;
	net_open(&net, 2, true, 0);
	assert_int_equal(rig_commit_wait(&net.nodes[0].rig, writes, 4, &made), 0);
	net_link(&net, 0, 1);
	net_settle(&net);
	assert_int_equal(rig_read(&net.nodes[1].rig, GW_CLASS_BAN, made), 0);
	assert_int_equal(net.nodes[1].rig.n_cells, 4);
	net_same(&net, 0, 1, true);
	net_close(&net);
	free(value);
}

static void a_broken_round_goes_on(void **state)
{
	struct net net;
	struct pipe_link *pipe;
	struct gw_id last;
	uint64_t before;

	(void)state;
	net_open(&net, 2, true, 0);
	write_many(&net, 0, 800, 3000, &last);
	pipe = net_link(&net, 0, 1);
	while (pipe->bytes < 1500000)
		net_run(&net, GW_MS);
	before = pipe->bytes;
	assert_int_equal(rig_read(&net.nodes[1].rig, GW_CLASS_BAN, last), -ENOENT);
	net_cut(&net, pipe);
	pipe = net_link(&net, 1, 0);
	net_settle(&net);
	assert_true(before + pipe->bytes < 800 * 3100 + 800000);
	net_same(&net, 0, 1, true);
	net_close(&net);
}

/* More than is kept in memory goes through a file. */
static void a_large_round_is_put_aside_in_a_file(void **state)
{
	struct net net;
	struct gw_id last;

	(void)state;
	net_open(&net, 2, true, 0);
	write_many(&net, 0, 900, 16000, &last);
	net_link(&net, 0, 1);
	net_settle(&net);
	net_run(&net, 5 * GW_SECOND);
	assert_int_equal(rig_read(&net.nodes[1].rig, GW_CLASS_BAN, last), 0);
	assert_true(net.nodes[1].changes >= 900);
	net_same(&net, 0, 1, true);
	net_close(&net);
}

static void a_reload_goes_on_with_open_links(void **state)
{
	struct net net;
	struct gw_id made;

	(void)state;
	open_linked(&net, 2);
	mini_reload(net.nodes[0].rig.mini, "services");
	mini_reload(net.nodes[1].rig.mini, "services");
	assert_int_equal(rig_register(&net.nodes[0].rig, "Ann", &made), 0);
	net_settle(&net);
	assert_int_equal(rig_find(&net.nodes[1].rig, GW_NAME_NICK, "ann"), 0);
	net_close(&net);
}

/* --- what a peer must not send --- */

struct bytes {
	size_t n;
	uint8_t p[GW_REPLICA_MESSAGE_MAX];
};

static void u8(struct bytes *b, uint64_t v)
{
	b->p[b->n++] = (uint8_t)v;
}

static void number(struct bytes *b, uint64_t v, int bytes)
{
	for (int i = bytes - 1; i >= 0; i--)
		u8(b, v >> (8 * i));
}

static void put_cell(struct bytes *b, uint8_t class, uint16_t field, size_t sub_n, uint8_t flags,
                     struct gw_stamp stamp, size_t value_n)
{
	u8(b, 19 + sub_n);
	number(b, 17 + value_n, 4);
	u8(b, class);
	number(b, 77, 8);
	number(b, 88, 8);
	number(b, field, 2);
	for (size_t i = 0; i < sub_n; i++)
		u8(b, 'a');
	u8(b, flags);
	number(b, stamp.clock, 8);
	number(b, stamp.origin, 8);
	for (size_t i = 0; i < value_n; i++)
		u8(b, 'v');
}

static void put_mark(struct bytes *b, bool final, struct gw_stamp entry)
{
	u8(b, MARK);
	u8(b, final);
	number(b, 1, 2);
	number(b, entry.origin, 8);
	number(b, entry.clock, 8);
	if (final)
		for (int i = 0; i < 40; i++)
			u8(b, 0);
}

enum breach {
	EMPTY_CELLS,
	GARBAGE,
	UNKNOWN_KIND,
	SECOND_HELLO,
	CUT_CELL,
	CLASS_ZERO,
	FIELD_ZERO,
	CLOCK_ZERO,
	ORIGIN_ZERO,
	FLAGS,
	TOMBSTONE_WITH_VALUE,
	LONG_SUB,
	LONG_VALUE,
	OWN_STAMP,
	OWN_MARK,
	OWN_ACK,
	FUTURE_CELL,
	FUTURE_MARK,
	UNCOVERED,
	MARK_BACK,
	MARK_UNSORTED,
	MANY_ORIGINS,
	LARGE_TRANSACTION,
	ACK_OF_UNSENT,
	A_JOIN,
	A_SLICE,
	LIE,
	BREACHES
};

static struct gw_stamp now_plus(struct net *net, int64_t ms, uint64_t origin)
{
	return (struct gw_stamp){
		(mini_clock(net->nodes[0].rig.mini) >> 16 << 16) + (uint64_t)(ms << 16), origin};
}

static void put_breach(struct net *net, struct bytes *b, enum breach which)
{
	struct gw_stamp good = now_plus(net, 100, 4711),
			own = now_plus(net, 100, net->nodes[0].origin),
			future = now_plus(net, 70000, 4711);

	u8(b, CELLS);
	switch (which) {
	case EMPTY_CELLS:
		break;
	case GARBAGE:
		for (int i = 0; i < 300; i++)
			u8(b, (uint64_t)(i * 7));
		break;
	case UNKNOWN_KIND:
		b->p[0] = 99;
		break;
	case SECOND_HELLO:
		b->p[0] = HELLO;
		break;
	case CUT_CELL:
		put_cell(b, 'B', 1, 0, 0, good, 10);
		b->n -= 3;
		break;
	case CLASS_ZERO:
		put_cell(b, 0, 1, 0, 0, good, 10);
		break;
	case FIELD_ZERO:
		put_cell(b, 'B', 0, 0, 0, good, 10);
		break;
	case CLOCK_ZERO:
		put_cell(b, 'B', 1, 0, 0, (struct gw_stamp){0, 4711}, 10);
		break;
	case ORIGIN_ZERO:
		put_cell(b, 'B', 1, 0, 0, (struct gw_stamp){good.clock, 0}, 10);
		break;
	case FLAGS:
		put_cell(b, 'B', 1, 0, 8, good, 10);
		break;
	case TOMBSTONE_WITH_VALUE:
		put_cell(b, 'B', 2, 0, 1, good, 10);
		break;
	case LONG_SUB:
		put_cell(b, 'B', 2, 65, 0, good, 10);
		break;
	case LONG_VALUE:
		put_cell(b, 'B', 2, 0, 0, good, 16385);
		break;
	case OWN_STAMP:
		put_cell(b, 'B', 1, 0, 0, own, 10);
		break;
	case OWN_MARK:
		b->n = 0;
		put_mark(b, false, own);
		break;
	case OWN_ACK:
		b->n = 0;
		u8(b, ACK);
		number(b, 0, 8);
		number(b, 1, 2);
		number(b, own.origin, 8);
		number(b, own.clock, 8);
		break;
	case FUTURE_CELL:
		put_cell(b, 'B', 1, 0, 0, future, 10);
		break;
	case FUTURE_MARK:
		b->n = 0;
		put_mark(b, false, future);
		break;
	case MARK_BACK:
		b->n = 0;
		put_mark(b, false, (struct gw_stamp){1, net->nodes[1].origin});
		break;
	case MARK_UNSORTED:
		b->n = 0;
		u8(b, MARK);
		u8(b, 0);
		number(b, 2, 2);
		number(b, 5, 8);
		number(b, good.clock, 8);
		number(b, 4, 8);
		number(b, good.clock, 8);
		break;
	case MANY_ORIGINS:
		b->n = 0;
		u8(b, MARK);
		u8(b, 0);
		number(b, 70, 2);
		for (uint64_t i = 1; i <= 70; i++) {
			number(b, i, 8);
			number(b, good.clock, 8);
		}
		break;
	case LARGE_TRANSACTION:
		for (int i = 0; i < 257; i++)
			put_cell(b, 'B', (uint16_t)(2 + i), 0, 0, good, 10);
		break;
	case ACK_OF_UNSENT:
		b->n = 0;
		u8(b, ACK);
		number(b, 1 << 30, 8);
		number(b, 0, 2);
		break;
	case A_JOIN:
		b->p[0] = JOIN;
		u8(b, 0);
		break;
	case A_SLICE:
		b->p[0] = JSLICE;
		u8(b, 0);
		break;
	case UNCOVERED:
	case LIE:
		put_cell(b, 'B', 1, 0, 0, good, 10);
		break;
	case BREACHES:
		break;
	}
}

/* What must follow for the breach to show. */
static bool put_more(struct net *net, struct bytes *b, enum breach which)
{
	struct gw_stamp good = now_plus(net, 100, 4711);

	b->n = 0;
	if (which == UNCOVERED)
		put_mark(b, true, (struct gw_stamp){good.clock - 1, 4711});
	else if (which == LIE)
		put_mark(b, true, good);
	return b->n > 0;
}

static void breach(enum breach which)
{
	struct bytes *b = calloc(1, sizeof(*b));
	struct net net;
	struct pipe_link *pipe;
	struct dump before, after;
	struct gw_id ann;

	open_linked(&net, 2);
	pipe = net_linked(&net, 0, 1);
	assert_int_equal(rig_register(&net.nodes[1].rig, "ann", &ann), 0);
	net_settle(&net);
	if (which == UNCOVERED) /* the vectors differ, so the digest cannot tell */
		assert_int_equal(rig_register(&net.nodes[0].rig, "eve", &ann), 0);
	before = rig_dump(&net.nodes[0].rig, T_CELL);
	put_breach(&net, b, which);
	net_inject(&net, pipe, 1, b->p, b->n);
	if (put_more(&net, b, which))
		net_inject(&net, pipe, 1, b->p, b->n);
	net_run(&net, 100 * GW_MS);
	after = rig_dump(&net.nodes[0].rig, T_CELL);
	if (pipe->up || !pipe->end[0].refused)
		fail_msg("breach %d was not refused", which);
	assert_true(pipe->end[0].why[0] != '\0');
	assert_true(dump_same(&before, &after));
	rig_check(&net.nodes[0].rig);
	dump_free(&before);
	dump_free(&after);
	/* the rest goes on */
	assert_int_equal(rig_register(&net.nodes[1].rig, "bob", &ann), 0);
	net_link(&net, 0, 1);
	net_settle(&net);
	assert_int_equal(rig_find(&net.nodes[0].rig, GW_NAME_NICK, "bob"), 0);
	net_close(&net);
	free(b);
}

static void breaches_are_refused_and_merge_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < BREACHES; i++)
		breach((enum breach)i);
}

static void optional_messages_are_skipped(void **state)
{
	const uint8_t message[] = {200, 1, 2, 3};
	struct net net;

	(void)state;
	open_linked(&net, 2);
	net_inject(&net, net_linked(&net, 0, 1), 0, message, sizeof(message));
	net_run(&net, 100 * GW_MS);
	assert_true(net_is_settled(&net));
	net_close(&net);
}

/* --- hellos --- */

static void version_seven(struct net *net, struct pipe_link *pipe, int from, uint8_t *bytes,
                          size_t *n)
{
	(void)net;
	(void)pipe;
	(void)n;
	if (from == 0 && bytes[0] == HELLO)
		bytes[1] = 7;
}

static void minor_nine(struct net *net, struct pipe_link *pipe, int from, uint8_t *bytes, size_t *n)
{
	(void)net;
	(void)pipe;
	(void)n;
	if (from == 0 && bytes[0] == HELLO)
		bytes[2] = 9;
}

static void only_another_major_version_is_refused(void **state)
{
	struct net net;
	struct pipe_link *pipe;

	(void)state;
	net_open(&net, 2, true, 0);
	net.tap = minor_nine;
	net_link(&net, 0, 1);
	net_settle(&net);
	net_cut(&net, net_linked(&net, 0, 1));
	net.tap = version_seven;
	pipe = net_link(&net, 0, 1);
	net_run(&net, 100 * GW_MS);
	assert_true(pipe->end[1].refused);
	assert_non_null(strstr(pipe->end[1].why, "VERSION"));
	assert_non_null(strstr(pipe->end[0].why, "VERSION"));
	net_close(&net);
}

static void clocks_that_are_a_minute_apart_are_refused(void **state)
{
	struct net net;
	struct pipe_link *pipe;

	(void)state;
	net_open(&net, 2, true, 0);
	mini_skew(net.nodes[1].rig.mini, -3 * GW_SECOND);
	net_link(&net, 0, 1);
	net_settle(&net);
	net_cut(&net, net_linked(&net, 0, 1));
	mini_skew(net.nodes[1].rig.mini, -70 * GW_SECOND);
	for (int i = 0; i < 3; i++) {
		pipe = net_link(&net, 0, 1);
		net_run(&net, 100 * GW_MS);
		assert_true(pipe->end[0].refused);
		assert_non_null(strstr(pipe->end[0].why, "CLOCK"));
	}
	assert_non_null(strstr(pipe->end[0].why, "again in 40 s")); /* it doubles */
	net_close(&net);
}

static void another_server_than_the_handshake_proved_is_refused(void **state)
{
	struct net net;
	struct pipe_link *pipe;

	(void)state;
	net_open(&net, 3, true, 0);
	net.nodes[1].server = net.nodes[2].server;
	pipe = net_link(&net, 0, 1);
	net_run(&net, 100 * GW_MS);
	assert_true(pipe->end[0].refused);
	net_close(&net);
}

/* --- lives that end --- */

static void expire(struct net *net, int by, const char *name)
{
	int status;

	mini_admin(net->nodes[by].rig.mini, &status, "services expire", name);
	assert_int_equal(status, 0);
}

static void an_expired_server_takes_no_writes(void **state)
{
	struct net net;
	struct pipe_link *pipe;

	(void)state;
	open_linked(&net, 2);
	pipe = net_linked(&net, 0, 1);
	expire(&net, 0, "N1.example");
	net_run(&net, GW_SECOND);
	assert_false(pipe->up);
	assert_int_equal(net.nodes[1].membership, GW_MEMBER_LOST);
	assert_int_equal(rig_register(&net.nodes[1].rig, "ann", NULL), -EROFS);
	assert_int_equal(rig_register(&net.nodes[0].rig, "ann", NULL), 0);
	net_crash(&net, 1);
	net_restart(&net, 1);
	net_run(&net, GW_SECOND);
	assert_int_equal(net.nodes[1].membership, GW_MEMBER_LOST);
	net_close(&net);
}

static void who_was_expired_meanwhile_is_told(void **state)
{
	struct net net;
	struct pipe_link *pipe;

	(void)state;
	open_linked(&net, 2);
	net_cut(&net, net_linked(&net, 0, 1));
	expire(&net, 0, "n1.example");
	pipe = net_link(&net, 0, 1);
	net_run(&net, GW_SECOND);
	assert_non_null(strstr(pipe->end[1].why, "EXPIRED"));
	assert_int_equal(net.nodes[0].membership, GW_MEMBER_FULL);
	assert_int_equal(net.nodes[1].membership, GW_MEMBER_LOST);
	net_close(&net);
}

static void a_removed_server_is_told(void **state)
{
	struct gw_write death = {.class = GW_CLASS_SERVER, .remove = true, .field = GW_F_CORE};
	struct net net;
	struct pipe_link *pipe;

	(void)state;
	net_open(&net, 2, true, 0);
	death.id = net.nodes[1].server;
	assert_int_equal(rig_commit_wait(&net.nodes[0].rig, &death, 1, NULL), 0);
	net_run(&net, 100 * GW_MS);
	pipe = net_link(&net, 0, 1);
	net_run(&net, GW_SECOND);
	assert_non_null(strstr(pipe->end[1].why, "REMOVED"));
	assert_int_equal(net.nodes[1].membership, GW_MEMBER_LOST);
	net_close(&net);
}

/* --- old copies --- */

static off_t log_size(struct node *node, char path[600])
{
	int log;
	off_t size;

	snprintf(path, 600, "%s/store_fake.log", node->folder);
	log = open(path, O_RDONLY);
	size = lseek(log, 0, SEEK_END);
	close(log);
	return size;
}

/* The file is the same, its content older: only the others can tell. */
static void a_rolled_back_database_is_found_by_its_own_stamps(void **state)
{
	struct net net;
	struct pipe_link *pipe;
	struct gw_id made;
	char path[600];
	off_t size;

	(void)state;
	open_linked(&net, 2);
	mini_run(net.nodes[1].rig.mini, GW_SECOND);
	size = log_size(&net.nodes[1], path);
	assert_int_equal(rig_register(&net.nodes[1].rig, "ann", &made), 0);
	net_settle(&net);
	net_crash(&net, 1);
	assert_int_equal(truncate(path, size), 0);
	net_restart(&net, 1);
	net_run(&net, GW_SECOND);
	assert_int_equal(net.nodes[1].membership, GW_MEMBER_FULL);
	pipe = net_link(&net, 0, 1);
	net_run(&net, GW_SECOND);
	assert_non_null(strstr(pipe->end[1].why, "ROLLBACK"));
	assert_int_equal(net.nodes[1].membership, GW_MEMBER_LOST);
	assert_int_equal(net.nodes[0].membership, GW_MEMBER_FULL);
	net_close(&net);
}

static void copy_file(const char *path)
{
	char command[2500];

	snprintf(command, sizeof(command), "cp '%s' '%s.new' && mv '%s.new' '%s'", path, path, path,
	         path);
	assert_int_equal(system(command), 0);
}

static void a_copy_that_was_put_back_must_join_again(void **state)
{
	struct net net;
	struct pipe_link *pipe;
	char path[600];
	int status;

	(void)state;
	open_linked(&net, 2);
	net_crash(&net, 1);
	log_size(&net.nodes[1], path);
	copy_file(path);
	net_restart(&net, 1);
	net_run(&net, GW_SECOND);
	assert_string_equal(mini_stopped(net.nodes[1].rig.mini), "");
	assert_int_equal(net.nodes[1].membership, GW_MEMBER_LOST);
	assert_int_equal(rig_register(&net.nodes[1].rig, "ann", NULL), -EROFS);
	/* unless it is all that is left */
	mini_admin(net.nodes[1].rig.mini, &status, "services adopt", NULL);
	assert_int_equal(status, 0);
	assert_int_equal(net.nodes[1].membership, GW_MEMBER_FULL);
	assert_int_equal(rig_register(&net.nodes[1].rig, "ann", NULL), 0);
	pipe = net_link(&net, 1, 0);
	net_run(&net, GW_SECOND);
	assert_non_null(strstr(pipe->end[1].why, "EXPIRED"));
	assert_int_equal(net.nodes[0].membership, GW_MEMBER_LOST);
	net_close(&net);
}

/* --- acknowledgements --- */

static struct {
	bool done;
	int status;
} copied;

static void on_copied(void *state, uint64_t tag, int status, struct gw_id made)
{
	(void)state;
	(void)tag;
	(void)made;
	copied.done = true;
	copied.status = status;
}

static const struct gw_call_row copy_calls[] = {{"copied", (gw_fn *)on_copied}};

static void ask_for_copy(struct net *net, int i, struct gw_id made)
{
	struct node *node = &net->nodes[i];
	struct gw_self *self = mini_test_self(node->rig.mini, copy_calls, 1, NULL);

	copied.done = false;
	assert_int_equal(GW_VIA(node->replica, gw_replica_ops, second_copy,
	                        ((struct gw_stamp){made.clock, made.origin}), 2 * GW_SECOND,
	                        gw_call(self, 0, 0)),
	                 0);
	assert_false(copied.done);
}

static void a_second_copy_is_reported_when_it_is_there(void **state)
{
	struct net net;
	struct gw_id made;

	(void)state;
	open_linked(&net, 2);
	assert_int_equal(rig_register(&net.nodes[0].rig, "ann", &made), 0);
	ask_for_copy(&net, 0, made);
	mini_run(net.nodes[0].rig.mini, 100 * GW_MS); /* nothing passes yet */
	assert_false(copied.done);
	net_settle(&net);
	net_run(&net, 10 * GW_MS);
	assert_true(copied.done);
	assert_int_equal(copied.status, 0);
	assert_int_equal(rig_find(&net.nodes[1].rig, GW_NAME_NICK, "ann"), 0);
	net_close(&net);
}

static void a_second_copy_that_does_not_come_is_told(void **state)
{
	struct net net;
	struct gw_id made;

	(void)state;
	open_linked(&net, 2);
	assert_int_equal(rig_register(&net.nodes[0].rig, "ann", &made), 0);
	ask_for_copy(&net, 0, made);
	mini_run(net.nodes[0].rig.mini, 3 * GW_SECOND);
	assert_true(copied.done);
	assert_int_equal(copied.status, -ETIMEDOUT);
	net_cut(&net, net_linked(&net, 0, 1));
	assert_int_equal(rig_register(&net.nodes[0].rig, "bob", &made), 0);
	ask_for_copy(&net, 0, made);
	net_run(&net, 10 * GW_MS);
	assert_true(copied.done);
	assert_int_equal(copied.status, -ENOTCONN);
	net_close(&net);
}

static bool is_everywhere(struct net *net, int i, struct gw_id made, char away[100])
{
	return GW_VIA(net->nodes[i].replica, gw_replica_ops, everywhere,
	              ((struct gw_stamp){made.clock, made.origin}), away, 100);
}

/* Somebody always writes: they have caught up all the same. */
static void busy_servers_settle(void **state)
{
	struct net net;
	struct pipe_link *pipe;
	struct gw_id last;

	(void)state;
	net_open(&net, 2, true, 0);
	write_many(&net, 0, 100, 100, &last);
	pipe = net_link(&net, 0, 1);
	for (int i = 0; i < 50; i++) {
		write_many(&net, 0, 1, 100, &last);
		assert_int_equal(rig_register_start(&net.nodes[0].rig, "ann", NULL), 0);
		net_run(&net, GW_MS);
	}
	assert_true(pipe->end[0].settled > 0 && pipe->end[1].settled > 0);
	net_close(&net);
}

static void it_is_known_who_has_not_confirmed(void **state)
{
	struct net net;
	struct gw_id made;
	char away[100];

	(void)state;
	open_linked(&net, 3);
	net_run(&net, 150 * GW_SECOND);
	net_cut(&net, net_linked(&net, 1, 2));
	assert_int_equal(rig_register(&net.nodes[0].rig, "ann", &made), 0);
	net_settle(&net);
	assert_false(is_everywhere(&net, 0, made, away));
	assert_string_equal(away, "n1.example, n2.example");
	net_run(&net, 150 * GW_SECOND);
	assert_false(is_everywhere(&net, 0, made, away));
	assert_string_equal(away, "n2.example");
	net_link(&net, 1, 2);
	net_run(&net, 150 * GW_SECOND);
	assert_true(is_everywhere(&net, 0, made, away));
	assert_string_equal(away, "");
	net_close(&net);
}

static void quiet_servers_do_not_acknowledge_for_ever(void **state)
{
	struct net net;
	struct pipe_link *pipe;
	uint64_t before;

	(void)state;
	open_linked(&net, 2);
	net_run(&net, 300 * GW_SECOND);
	pipe = net_linked(&net, 0, 1);
	before = pipe->messages;
	net_run(&net, 1200 * GW_SECOND);
	assert_int_equal(pipe->messages, before);
	net_close(&net);
}

/* --- collection --- */

static size_t tombs(struct net *net, int i)
{
	struct dump dump = rig_dump(&net->nodes[i].rig, T_TOMB);
	size_t n = dump.n;

	dump_free(&dump);
	return n;
}

struct tape {
	struct bytes cells, mark;
};

static void record(struct net *net, struct pipe_link *pipe, int from, uint8_t *bytes, size_t *n)
{
	struct tape *tape = net->ctx;
	struct bytes *to = bytes[0] == CELLS ? &tape->cells : &tape->mark;

	(void)pipe;
	if (from != 0 || (bytes[0] != CELLS && bytes[0] != MARK) || to->n > 0)
		return;
	memcpy(to->p, bytes, *n);
	to->n = *n;
}

/* What was deleted and forgotten does not come back with old messages. */
static void a_replay_brings_nothing_back(void **state)
{
	struct tape *tape = calloc(1, sizeof(*tape));
	struct pipe_link *pipe;
	struct net net;
	struct gw_id ann;

	(void)state;
	open_linked(&net, 2);
	pipe = net_linked(&net, 0, 1);
	net.tap = record;
	net.ctx = tape;
	assert_int_equal(rig_register(&net.nodes[0].rig, "ann", &ann), 0);
	net_settle(&net);
	net.tap = NULL;
	assert_int_equal(rig_drop(&net.nodes[0].rig, GW_CLASS_ACCOUNT, ann), 0);
	net_settle(&net);
	assert_int_equal(tombs(&net, 1), 1);
	net_run(&net, 600 * GW_SECOND);
	assert_int_equal(tombs(&net, 0), 0);
	assert_int_equal(tombs(&net, 1), 0);
	assert_true(tape->cells.n > 0 && tape->mark.n > 0);
	net_cut(&net, pipe);
	pipe = net_link(&net, 0, 1);
	net_settle(&net);
	net_inject(&net, pipe, 0, tape->cells.p, tape->cells.n);
	tape->mark.p[1] = 1; /* its vector goes back: only cells, with a mark of now */
	net_run(&net, 100 * GW_MS);
	assert_int_equal(rig_register(&net.nodes[0].rig, "bob", &ann), 0);
	net_settle(&net);
	assert_int_equal(rig_find(&net.nodes[1].rig, GW_NAME_NICK, "ann"), -ENOENT);
	net_same(&net, 0, 1, true);
	net_close(&net);
	free(tape);
}

static void a_member_that_is_away_keeps_tombstones(void **state)
{
	struct net net;
	struct gw_id ann;

	(void)state;
	open_linked(&net, 3);
	assert_int_equal(rig_register(&net.nodes[0].rig, "ann", &ann), 0);
	net_settle(&net);
	net_cut(&net, net_linked(&net, 1, 2));
	assert_int_equal(rig_drop(&net.nodes[0].rig, GW_CLASS_ACCOUNT, ann), 0);
	net_run(&net, 3600 * GW_SECOND);
	assert_int_equal(tombs(&net, 0), 1);
	net_link(&net, 1, 2);
	net_run(&net, 600 * GW_SECOND);
	for (int i = 0; i < 3; i++)
		assert_int_equal(tombs(&net, i), 0);
	net_same(&net, 0, 2, true);
	net_close(&net);
}

static void an_expired_member_keeps_none(void **state)
{
	struct net net;
	struct pipe_link *pipe;
	struct gw_id ann;

	(void)state;
	open_linked(&net, 3);
	assert_int_equal(rig_register(&net.nodes[0].rig, "ann", &ann), 0);
	net_settle(&net);
	net_cut(&net, net_linked(&net, 1, 2));
	assert_int_equal(rig_drop(&net.nodes[0].rig, GW_CLASS_ACCOUNT, ann), 0);
	expire(&net, 0, "n2.example");
	net_run(&net, 600 * GW_SECOND);
	assert_int_equal(tombs(&net, 0), 0);
	assert_int_equal(tombs(&net, 1), 0);
	pipe = net_link(&net, 1, 2);
	net_run(&net, GW_SECOND);
	assert_true(pipe->end[0].refused);
	assert_int_equal(rig_find(&net.nodes[1].rig, GW_NAME_NICK, "ann"), -ENOENT);
	net_close(&net);
}

static void open_collecting(struct net *net, int i)
{
	net_crash(net, i);
	net->nodes[i].collect_after = "600s";
	net_restart(net, i);
	net_run(net, GW_SECOND);
}

static void who_lacks_a_collected_deletion_is_behind(void **state)
{
	struct net net;
	struct pipe_link *pipe;
	struct gw_id ann;

	(void)state;
	net_open(&net, 2, true, 0);
	open_collecting(&net, 0);
	net_link(&net, 0, 1);
	net_settle(&net);
	assert_int_equal(rig_register(&net.nodes[0].rig, "ann", &ann), 0);
	net_settle(&net);
	net_cut(&net, net_linked(&net, 0, 1));
	assert_int_equal(rig_drop(&net.nodes[0].rig, GW_CLASS_ACCOUNT, ann), 0);
	net_run(&net, 300 * GW_SECOND);
	assert_int_equal(tombs(&net, 0), 1);
	net_run(&net, 900 * GW_SECOND);
	assert_int_equal(tombs(&net, 0), 0);
	pipe = net_link(&net, 0, 1);
	net_run(&net, GW_SECOND);
	assert_non_null(strstr(pipe->end[0].why, "BEHIND"));
	assert_int_equal(net.nodes[1].membership, GW_MEMBER_LOST);
	assert_int_equal(rig_find(&net.nodes[0].rig, GW_NAME_NICK, "ann"), -ENOENT);
	net_close(&net);
}

/* --- operators --- */

static void operators_see_the_peers(void **state)
{
	struct net net;
	const char *text;
	int status;

	(void)state;
	open_linked(&net, 2);
	text = mini_admin(net.nodes[0].rig.mini, &status, "services status", NULL);
	assert_int_equal(status, 0);
	assert_non_null(strstr(text, "membership member\n"));
	assert_non_null(strstr(text, "peer-n1.example link=1 accepted=yes settled=yes owed=0 "
	                             "buffered=0\n"));
	mini_admin(net.nodes[0].rig.mini, &status, "services expire", "nobody.example");
	assert_int_equal(status, -EINVAL);
	mini_admin(net.nodes[0].rig.mini, &status, "services expire", "zero.example");
	assert_int_equal(status, -EINVAL);
	mini_admin(net.nodes[0].rig.mini, &status, "services adopt", NULL);
	assert_int_equal(status, -EINVAL);
	net_close(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_write_reaches_the_other_server),
		cmocka_unit_test(cells_of_unknown_fields_are_as_all_others),
		cmocka_unit_test(the_same_on_the_real_store),
		cmocka_unit_test(a_write_takes_three_messages),
		cmocka_unit_test(two_sides_of_a_split_become_one),
		cmocka_unit_test(a_slow_clock_does_not_lose_writes),
		cmocka_unit_test(a_round_whose_rest_was_overwritten_is_merged),
		cmocka_unit_test(a_long_transaction_is_sent_whole),
		cmocka_unit_test(a_broken_round_goes_on),
		cmocka_unit_test(a_large_round_is_put_aside_in_a_file),
		cmocka_unit_test(a_reload_goes_on_with_open_links),
		cmocka_unit_test(breaches_are_refused_and_merge_nothing),
		cmocka_unit_test(optional_messages_are_skipped),
		cmocka_unit_test(only_another_major_version_is_refused),
		cmocka_unit_test(clocks_that_are_a_minute_apart_are_refused),
		cmocka_unit_test(another_server_than_the_handshake_proved_is_refused),
		cmocka_unit_test(an_expired_server_takes_no_writes),
		cmocka_unit_test(who_was_expired_meanwhile_is_told),
		cmocka_unit_test(a_removed_server_is_told),
		cmocka_unit_test(a_rolled_back_database_is_found_by_its_own_stamps),
		cmocka_unit_test(a_copy_that_was_put_back_must_join_again),
		cmocka_unit_test(a_second_copy_is_reported_when_it_is_there),
		cmocka_unit_test(a_second_copy_that_does_not_come_is_told),
		cmocka_unit_test(busy_servers_settle),
		cmocka_unit_test(it_is_known_who_has_not_confirmed),
		cmocka_unit_test(quiet_servers_do_not_acknowledge_for_ever),
		cmocka_unit_test(a_replay_brings_nothing_back),
		cmocka_unit_test(a_member_that_is_away_keeps_tombstones),
		cmocka_unit_test(an_expired_member_keeps_none),
		cmocka_unit_test(who_lacks_a_collected_deletion_is_behind),
		cmocka_unit_test(operators_see_the_peers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
