/*
 * tests/unit/services_converge.c - random networks of databases: whatever breaks, they become
 * equal, and nothing that was reported is lost.
 *
 *     services_converge [SEEDS [FIRST]]      100 seeds from 1 unless told otherwise; a failing seed
 * is printed
 *
 * Two to five servers with wrong clocks write, link, split, lose power (store_fake forgets what was
 * not synced), come back; messages pass one by one. All is healed at last: then all tables are the
 * same everywhere, each reported write is there or was overwritten by a greater one, no refusal was
 * ever told, and after some quiet minutes not one tombstone is left.
 *
 * run-all: timeout=300
 */
#include "tests/unit/services_net.h"
#include <stdlib.h>

#define OPS_MAX 400
#define STEPS 500
#define NICKS 6

enum kind { REGISTER, EDIT, DROP, CLAIM, UNCLAIM, ACCESS, UNACCESS, BAN, UNBAN, STRANGE, KINDS };

/** A transaction that was sent off. */
struct op {
	enum kind kind;
	int node;
	unsigned life; /* of the node: how often it had crashed */
	uint64_t index;
	bool reported;
	int status;
	struct gw_stamp stamp;
	struct gw_id entity;
	uint8_t class;
	uint16_t field;
	uint8_t sub[24];
	size_t sub_n;
	bool remove;
};

struct world {
	struct net net;
	struct op ops[OPS_MAX];
	size_t n_ops;
	unsigned lives[NODES_MAX];
	bool refused;
};

static struct {
	unsigned sent, reported, crashes, cuts, dead;
} tally;

/* --- writes --- */

/* An entity that some transaction has made, whether that is known at the node or not. */
static const struct op *made_by(struct world *w, enum kind kind)
{
	for (int tries = 0; tries < 20 && w->n_ops > 0; tries++) {
		const struct op *op = &w->ops[net_draw(&w->net, w->n_ops)];

		if (op->kind == kind && op->reported && op->status == 0)
			return op;
	}
	return NULL;
}

static void fill(struct world *w, struct op *op, const struct op *on)
{
	static const struct {
		uint8_t class;
		uint16_t field;
		bool remove;
	} shape[KINDS] = {
		[REGISTER] = {GW_CLASS_ACCOUNT, GW_F_CRED, false},
		[EDIT] = {GW_CLASS_ACCOUNT, GW_F_CRED, false},
		[DROP] = {GW_CLASS_ACCOUNT, GW_F_CORE, true},
		[CLAIM] = {GW_CLASS_ACCOUNT, GW_F_NAME, false},
		[UNCLAIM] = {GW_CLASS_ACCOUNT, GW_F_NAME, true},
		[ACCESS] = {GW_CLASS_CHANNEL, GW_F_ACCESS, false},
		[UNACCESS] = {GW_CLASS_CHANNEL, GW_F_ACCESS, true},
		[BAN] = {GW_CLASS_BAN, GW_F_CORE, false},
		[UNBAN] = {GW_CLASS_BAN, GW_F_CORE, true},
		[STRANGE] = {GW_CLASS_ACCOUNT, 0x9000, false},
	};

	op->class = shape[op->kind].class;
	op->field = shape[op->kind].field;
	op->remove = shape[op->kind].remove;
	if (on != NULL)
		op->entity = on->entity;
	if (op->field == GW_F_NAME) {
		op->sub[0] = GW_NAME_NICK;
		op->sub[1] = (uint8_t)('a' + net_draw(&w->net, NICKS));
		op->sub_n = 2;
	} else if (op->field == GW_F_ACCESS) {
		gw_id_bytes(on->entity, op->sub);
		op->sub_n = 16;
	}
}

/* The channel that all know: the network's own entity serves as one in these tests. */
static bool choose(struct world *w, struct op *op)
{
	static const enum kind on[KINDS] = {
		[EDIT] = REGISTER,    [DROP] = REGISTER,    [CLAIM] = REGISTER,
		[UNCLAIM] = REGISTER, [ACCESS] = REGISTER,  [UNACCESS] = REGISTER,
		[UNBAN] = BAN,        [STRANGE] = REGISTER,
	};
	const struct op *of = NULL;

	op->kind = (enum kind)net_draw(&w->net, KINDS);
	if (op->kind == DROP && net_draw(&w->net, 3) > 0)
		op->kind = EDIT;
	if (op->kind != REGISTER && op->kind != BAN) {
		of = made_by(w, on[op->kind]);
		if (of == NULL)
			op->kind = REGISTER;
	}
	fill(w, op, of);
	return true;
}

static void send_off(struct world *w, int i)
{
	struct node *node = &w->net.nodes[i];
	struct op *op = &w->ops[w->n_ops];
	struct gw_write writes[3] = {{0}};
	char value[6000] = "";
	size_t n = 0;

	if (w->n_ops == OPS_MAX || node->rig.n_outcomes >= OUTCOMES - 1)
		return;
	memset(op, 0, sizeof(*op));
	choose(w, op);
	op->node = i;
	op->life = w->lives[i];
	memset(value, 'v', net_draw(&w->net, 4) == 0 ? net_draw(&w->net, 5900) : 0);
	snprintf(value + strlen(value), 16, "%u", (unsigned)net_draw(&w->net, 100000));
	if (op->kind == REGISTER) {
		writes[n++] = (struct gw_write){
			.class = GW_CLASS_ACCOUNT, .make = true, .field = GW_F_CORE};
		writes[n++] = (struct gw_write){.class = GW_CLASS_ACCOUNT,
		                                .make = true,
		                                .field = GW_F_NAME,
		                                .sub = {"na", 2},
		                                .value = {"Name", 4}};
	}
	writes[n++] = (struct gw_write){.class = op->class,
	                                .make = op->kind == REGISTER || op->kind == BAN,
	                                .remove = op->remove,
	                                .id = op->entity,
	                                .field = op->field,
	                                .sub = {op->sub, op->sub_n},
	                                .value = rig_text(op->remove ? "" : value)};
	if (op->field == GW_F_ACCESS) {
		writes[n - 1].class = GW_CLASS_NETWORK;
		writes[n - 1].id = w->net.nodes[0].server; /* made in the same transaction */
		op->class = GW_CLASS_NETWORK;
		op->entity = w->net.nodes[0].server;
	}
	if (rig_commit(&node->rig, writes, n, &op->index) != 0)
		return;
	tally.sent++;
	w->n_ops++;
}

static void note(struct world *w)
{
	for (size_t k = 0; k < w->n_ops; k++) {
		struct op *op = &w->ops[k];
		const struct node *node = &w->net.nodes[op->node];

		if (op->reported || op->life != w->lives[op->node] || !node->up ||
		    !node->rig.outcomes[op->index].done)
			continue;
		op->reported = true;
		op->status = node->rig.outcomes[op->index].status;
		op->stamp = (struct gw_stamp){node->rig.outcomes[op->index].made.clock,
		                              node->rig.outcomes[op->index].made.origin};
		if (op->kind == REGISTER || op->kind == BAN)
			op->entity = node->rig.outcomes[op->index].made;
		tally.reported += op->status == 0;
	}
	for (int p = 0; p < PIPES_MAX; p++)
		w->refused |= w->net.pipes[p].end[0].refused || w->net.pipes[p].end[1].refused;
}

/* --- trouble --- */

static void trouble(struct world *w)
{
	struct net *net = &w->net;
	int a = (int)net_draw(net, (uint64_t)net->n), b = (int)net_draw(net, (uint64_t)net->n);
	struct pipe_link *pipe;

	switch (net_draw(net, 12)) {
	case 0:
	case 1:
	case 2:
		if (a != b && net->nodes[a].up && net->nodes[b].up && !net_connected(net, a, b))
			net_link(net, a, b);
		break;
	case 3:
		pipe = net_linked(net, a, b);
		if (a != b && pipe != NULL) {
			net_cut(net, pipe);
			tally.cuts++;
		}
		break;
	case 4:
		if (net->nodes[a].up && net_draw(net, 3) == 0) {
			note(w);
			net_crash(net, a);
			w->lives[a]++;
			tally.crashes++;
		} else if (!net->nodes[a].up) {
			net_restart(net, a);
		}
		break;
	case 5:
		if (net_draw(net, 8) == 0)
			net_run(net, (int64_t)net_draw(net, 150) * GW_SECOND);
		break;
	default:
		if (net->nodes[a].up)
			send_off(w, a);
	}
}

static void heal(struct world *w)
{
	struct net *net = &w->net;

	for (int i = 0; i < net->n; i++)
		if (!net->nodes[i].up)
			net_restart(net, i);
	net_run(net, GW_SECOND);
	for (int i = 1; i < net->n; i++)
		for (int j = 0; j < i && !net_connected(net, i, 0); j++)
			if (!net_connected(net, i, j))
				net_link(net, i, j);
	net_settle(net);
	note(w);
}

/* --- afterwards --- */

static const struct dump_row *cell_of(const struct dump *cells, const struct op *op)
{
	uint8_t key[19 + 24] = {op->class};

	gw_id_bytes(op->entity, key + 1);
	key[17] = (uint8_t)(op->field >> 8);
	key[18] = (uint8_t)op->field;
	memcpy(key + 19, op->sub, op->sub_n);
	for (size_t i = 0; i < cells->n; i++)
		if (cells->rows[i].key_n == 19 + op->sub_n &&
		    memcmp(cells->rows[i].key, key, 19 + op->sub_n) == 0)
			return &cells->rows[i];
	return NULL;
}

/* Its death may have been forgotten already: then nothing of it is there. */
static bool entity_is_dead(const struct dump *cells, const struct op *op)
{
	struct op core = *op;
	const struct dump_row *row;

	core.field = GW_F_CORE;
	core.sub_n = 0;
	row = cell_of(cells, &core);
	return row == NULL || row->val[0] == 3;
}

static bool was_removed(const struct world *w, const struct op *op)
{
	for (size_t k = 0; k < w->n_ops; k++) {
		const struct op *other = &w->ops[k];

		if (other->remove && other->field == op->field &&
		    gw_id_is(other->entity, op->entity) && other->sub_n == op->sub_n &&
		    memcmp(other->sub, op->sub, op->sub_n) == 0)
			return true;
	}
	return false;
}

static void check_reported(struct world *w)
{
	struct dump cells = rig_dump(&w->net.nodes[0].rig, T_CELL);

	for (size_t k = 0; k < w->n_ops; k++) {
		const struct op *op = &w->ops[k];
		const struct dump_row *row = cell_of(&cells, op);
		struct gw_stamp stamp;

		if (!op->reported || op->status != 0)
			continue;
		if (entity_is_dead(&cells, op)) {
			tally.dead++;
			continue;
		}
		if (row == NULL && was_removed(w, op))
			continue; /* and forgotten */
		assert_non_null(row);
		stamp = (struct gw_stamp){be64(row->val + 1), be64(row->val + 9)};
		assert_true(gw_stamp_cmp(stamp, op->stamp) >= 0);
	}
	for (size_t k = 0; k < w->n_ops; k++) /* who was dropped stays so */
		if (w->ops[k].kind == DROP && w->ops[k].reported && w->ops[k].status == 0)
			assert_true(entity_is_dead(&cells, &w->ops[k]));
	dump_free(&cells);
}

static size_t tombs(struct world *w, int i)
{
	struct dump dump = rig_dump(&w->net.nodes[i].rig, T_TOMB);
	size_t n = dump.n;

	dump_free(&dump);
	return n;
}

static void seed_run(uint64_t seed)
{
	struct world *w = calloc(1, sizeof(*w));
	struct net *net = &w->net;

	net_open(net, 2 + (int)(seed % 4), true, seed);
	for (int i = 0; i < net->n; i++) {
		net->nodes[i].skew = (int64_t)net_draw(net, 40) * GW_SECOND - 20 * GW_SECOND;
		mini_set_wall(net->nodes[i].rig.mini,
		              (int64_t)1790000000 * GW_SECOND + net->now + net->nodes[i].skew);
	}
	net->window = 200 + net_draw(net, 4000);
	for (int k = 0; k < STEPS; k++) {
		trouble(w);
		for (uint64_t s = net_draw(net, 12); s > 0; s--)
			net_step(net);
		note(w);
	}
	heal(w); /* settled: digests have been compared on every link */
	check_reported(w);
	net_run(net, 30 * 60 * GW_SECOND);
	net_settle(net);
	note(w);
	for (int i = 0; i < net->n; i++)
		assert_int_equal(tombs(w, i), 0);
	for (int i = 1; i < net->n; i++)
		net_same(net, 0, i, true);
	assert_false(w->refused);
	net_close(net);
	free(w);
}

static uint64_t seeds = 100, first = 1, current;

static int tell_seed(void **state)
{
	(void)state;
	print_message("# the last seed was %llu\n", (unsigned long long)current);
	return 0;
}

static void servers_become_equal_and_lose_nothing(void **state)
{
	(void)state;
	for (uint64_t seed = first; seed < first + seeds; seed++) {
		current = seed;
		seed_run(seed);
	}
	assert_true(tally.reported > 10 * seeds && tally.crashes > seeds / 2 &&
	            tally.cuts > seeds && tally.dead > 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(servers_become_equal_and_lose_nothing, tell_seed),
	};

	if (argc > 1)
		seeds = strtoull(argv[1], NULL, 10);
	if (argc > 2)
		first = strtoull(argv[2], NULL, 10);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
