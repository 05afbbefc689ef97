/*
 * tests/unit/services_power.c - power cuts: no transaction whose success was reported is missing
 * afterwards, none is there half.
 *
 *     services_power [SEEDS [FIRST]]      100 seeds from 1 unless told otherwise; a failing seed is
 * printed
 *
 * Runs on store_fake, which forgets whatever was not synced. Transactions of a few accounts that
 * fight for a few nicks are sent off without waiting, the power is cut somewhere, and the database
 * is opened again, several times over. A plain model carries out the same transactions up to the
 * one that the database says it holds last; both must agree, and what was reported must be what the
 * model got.
 *
 * run-all: timeout=300
 */
#include "tests/unit/services_rig.h"
#include <stdlib.h>

#define LIVES 4
#define TX_MAX 400
#define NICKS 12

enum kind { REGISTER, EDIT, DROP, CLAIM, UNCLAIM, KINDS };

struct tx {
	enum kind kind;
	uint64_t clock;
	struct gw_id account;
	int nick;
	char value[8];
	uint64_t index; /* of its outcome, in its life */
	bool reported;
	int status; /* as reported */
};

struct account {
	struct gw_id id;
	bool alive, had[NICKS];
	uint64_t claim[NICKS]; /* 0: none */
	char value[8];
};

struct world {
	uint64_t seed, random;
	char *folder;
	struct rig rig;
	struct tx tx[TX_MAX];
	size_t n_tx, life_begins;
	struct account accounts[TX_MAX];
	size_t n_accounts;
};

/** What happened in all seeds, lest the test test nothing. */
static struct {
	unsigned sent, reported, refused, survived, lost;
} tally;

static uint64_t draw(struct world *w, uint64_t n)
{
	w->random = w->random * 6364136223846793005 + 1442695040888963407;
	return (w->random >> 33) % n;
}

/* --- transactions --- */

static void send_off(struct world *w)
{
	struct tx *tx = &w->tx[w->n_tx];
	uint8_t sub[8] = {GW_NAME_NICK};
	struct gw_write writes[3] = {{0}};
	size_t n = 1;
	int status;

	*tx = (struct tx){.kind = w->n_tx == 0 ? REGISTER : (enum kind)draw(w, KINDS),
	                  .nick = (int)draw(w, NICKS)};
	snprintf(tx->value, sizeof(tx->value), "v%u", (unsigned)draw(w, 100000));
	sub[1] = (uint8_t)('a' + tx->nick);
	for (int i = 0; i < 3; i++)
		writes[i] =
			(struct gw_write){.class = GW_CLASS_ACCOUNT, .make = tx->kind == REGISTER};
	if (tx->kind != REGISTER) { /* an account of an earlier transaction, whether that has
		                       succeeded or not */
		const struct tx *of = &w->tx[draw(w, w->n_tx)];

		tx->account = of->kind == REGISTER ? (struct gw_id){of->clock, 0} : of->account;
		GW_VIA(w->rig.services, gw_services_ops, origin, &tx->account.origin);
		for (int i = 0; i < 3; i++)
			writes[i].id = tx->account;
	}
	if (tx->kind == REGISTER) {
		n = 3;
		writes[0].field = GW_F_CORE;
		writes[1].field = GW_F_CRED;
		writes[1].value = rig_text(tx->value);
	} else if (tx->kind == EDIT) {
		writes[0].field = GW_F_CRED;
		writes[0].value = rig_text(tx->value);
	} else if (tx->kind == DROP) {
		writes[0].field = GW_F_CORE;
		writes[0].remove = true;
	}
	if (tx->kind == REGISTER || tx->kind == CLAIM || tx->kind == UNCLAIM) {
		writes[n - 1].field = GW_F_NAME;
		writes[n - 1].sub = (struct gw_blob){sub, 2};
		writes[n - 1].remove = tx->kind == UNCLAIM;
		writes[n - 1].exclusive = tx->kind != UNCLAIM;
		if (tx->kind != UNCLAIM)
			writes[n - 1].value = rig_text("Name");
	}
	status = rig_commit(&w->rig, writes, n, &tx->index);
	if (status == -EAGAIN)
		return; /* the database is not yet read */
	assert_int_equal(status, 0);
	tx->clock = mini_clock(w->rig.mini);
	w->n_tx++;
}

static void note_reports(struct world *w)
{
	for (size_t i = w->life_begins; i < w->n_tx; i++) {
		w->tx[i].reported = w->rig.outcomes[w->tx[i].index].done;
		w->tx[i].status = w->rig.outcomes[w->tx[i].index].status;
		tally.sent++;
		tally.reported += w->tx[i].reported;
		tally.refused += w->tx[i].status != 0;
	}
}

/* --- the model --- */

static struct account *account_of(struct world *w, struct gw_id id)
{
	for (size_t i = 0; i < w->n_accounts; i++)
		if (w->accounts[i].id.clock == id.clock)
			return &w->accounts[i];
	return NULL;
}

static bool taken(struct world *w, int nick, const struct account *but)
{
	for (size_t i = 0; i < w->n_accounts; i++)
		if (&w->accounts[i] != but && w->accounts[i].alive &&
		    w->accounts[i].claim[nick] != 0)
			return true;
	return false;
}

static int model_register(struct world *w, const struct tx *tx)
{
	struct account *a;

	if (taken(w, tx->nick, NULL))
		return -EEXIST;
	a = &w->accounts[w->n_accounts++];
	*a = (struct account){.id = {tx->clock, 0}, .alive = true};
	a->claim[tx->nick] = tx->clock;
	memcpy(a->value, tx->value, sizeof(a->value));
	return 0;
}

static int model_run(struct world *w, const struct tx *tx)
{
	struct account *a;

	if (tx->kind == REGISTER)
		return model_register(w, tx);
	a = account_of(w, tx->account);
	if (a == NULL || !a->alive)
		return -ENOENT;
	if (tx->kind == CLAIM && taken(w, tx->nick, a))
		return -EEXIST;
	if (tx->kind == CLAIM && a->claim[tx->nick] == 0)
		a->claim[tx->nick] = tx->clock;
	if (tx->kind == UNCLAIM)
		a->claim[tx->nick] = 0;
	if (tx->kind == EDIT)
		memcpy(a->value, tx->value, sizeof(a->value));
	if (tx->kind == DROP)
		a->alive = false;
	return 0;
}

/* --- the database against the model --- */

static uint64_t last_durable(struct world *w)
{
	struct dump vec = rig_dump(&w->rig, T_VEC);
	uint64_t clock;

	assert_int_equal(vec.n, 1);
	clock = be64(vec.rows[0].val);
	dump_free(&vec);
	return clock;
}

static void replay_model(struct world *w, uint64_t last)
{
	size_t kept = 0;
	int status;

	w->n_accounts = 0;
	for (size_t i = 0; i < w->n_tx; i++) {
		struct tx *tx = &w->tx[i];

		if (tx->reported && tx->status == 0)
			assert_true(tx->clock <= last); /* else an acknowledged one is lost */
		if (tx->clock > last) {
			tally.lost += !tx->reported;
			continue;
		}
		status = model_run(w, tx);
		if (tx->reported) {
			assert_int_equal(status, tx->status);
		} else {
			tally.survived += status == 0;
			tx->status = status;
		}
		tx->reported = true; /* from now on it must stay */
		w->tx[kept++] = *tx;
	}
	w->n_tx = kept;
}

static void compare_account(struct world *w, const struct account *a)
{
	size_t names = 0, expected = 0;

	assert_int_equal(rig_read(&w->rig, GW_CLASS_ACCOUNT, a->id), 0);
	for (size_t i = 0; i < w->rig.n_cells; i++) {
		const struct kept_cell *c = &w->rig.cells[i];

		if (c->field == GW_F_CRED)
			assert_memory_equal(c->value, a->value, strlen(a->value));
		if (c->field == GW_F_NAME) {
			assert_int_equal(gw_part_u64((struct gw_blob){c->value, c->value_n}, 0, 0),
			                 a->claim[c->sub[1] - 'a']);
			names++;
		}
	}
	for (int i = 0; i < NICKS; i++)
		expected += a->claim[i] != 0;
	assert_int_equal(names, expected);
}

static void compare(struct world *w)
{
	size_t living = 0;
	uint64_t origin;

	rig_check(&w->rig);
	replay_model(w, last_durable(w));
	GW_VIA(w->rig.services, gw_services_ops, origin, &origin);
	for (size_t i = 0; i < w->n_accounts; i++) {
		w->accounts[i].id.origin = origin;
		if (!w->accounts[i].alive) {
			assert_int_equal(rig_read(&w->rig, GW_CLASS_ACCOUNT, w->accounts[i].id),
			                 -ENOENT);
			continue;
		}
		living++;
		compare_account(w, &w->accounts[i]);
	}
	assert_int_equal(rig_walk(&w->rig, GW_CLASS_ACCOUNT), 0);
	assert_int_equal(w->rig.n_walked, living);
	for (int i = 0; i < NICKS; i++) {
		char nick[2] = {(char)('a' + i), '\0'};

		assert_int_equal(rig_find(&w->rig, GW_NAME_NICK, nick),
		                 taken(w, i, NULL) ? 0 : -ENOENT);
	}
}

/* --- lives --- */

static void live(struct world *w, unsigned life)
{
	uint64_t steps = draw(w, 150);

	rig_begin(&w->rig, w->folder, true, w->seed * 100 + life + 1, NULL);
	if (draw(w, 8) != 0)
		mini_run(w->rig.mini, 100 * GW_MS); /* else it is cut off while it starts */
	w->life_begins = w->n_tx;
	for (uint64_t i = 0; i < steps && w->n_tx < TX_MAX - 1; i++) {
		if (draw(w, 2) == 0)
			send_off(w);
		if (draw(w, 40) == 0)
			mini_reload(w->rig.mini, "services");
		for (uint64_t n = draw(w, 4); n > 0; n--)
			mini_step(w->rig.mini);
		if (draw(w, 4) == 0)
			mini_run(w->rig.mini, (int64_t)draw(w, 10) * GW_MS);
	}
	note_reports(w);
	rig_cut(&w->rig);
}

static void run_seed(uint64_t seed)
{
	struct world *w = calloc(1, sizeof(*w));

	w->seed = w->random = seed;
	w->folder = mini_folder();
	for (unsigned life = 0; life < LIVES; life++) {
		live(w, life);
		rig_open(&w->rig, w->folder, true, seed * 100 + 50 + life);
		compare(w);
		rig_close(&w->rig);
	}
	mini_folder_remove(&w->folder);
	free(w);
}

static uint64_t seeds = 100, first = 1, current;

static int tell_seed(void **state)
{
	(void)state;
	print_message("# the last seed was %llu\n", (unsigned long long)current);
	return 0;
}

static void nothing_reported_is_lost_and_nothing_is_half_there(void **state)
{
	(void)state;
	for (uint64_t seed = first; seed < first + seeds; seed++) {
		current = seed;
		run_seed(seed);
	}
	print_message("# %u transactions: %u reported (%u refused), %u not reported but durable, "
	              "%u lost unreported\n",
	              tally.sent, tally.reported, tally.refused, tally.survived, tally.lost);
	assert_true(tally.reported > 10 * seeds && tally.survived > 0 && tally.lost > 0 &&
	            tally.refused > 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test_teardown(
		nothing_reported_is_lost_and_nothing_is_half_there, tell_seed)};

	if (argc > 1)
		seeds = strtoull(argv[1], NULL, 10);
	if (argc > 2)
		first = strtoull(argv[2], NULL, 10);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
