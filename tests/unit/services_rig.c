/*
 * tests/unit/services_rig.c - drives services, and checks its tables against a second, plain
 * computation.
 */
#include "tests/unit/services_rig.h"
#include <gnutls/crypto.h>
#include <stdlib.h>

enum { CALL_COMMITTED, CALL_OWNER, CALL_ENTITY, CALL_WALK, CALL_ROWS };

uint64_t be64(const uint8_t *p)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

struct gw_blob rig_text(const char *text)
{
	return (struct gw_blob){text, strlen(text)};
}

/* --- being called --- */

static void committed(void *state, uint64_t tag, int status, struct gw_id made)
{
	struct rig *rig = state;

	assert_false(rig->outcomes[tag].done);
	rig->outcomes[tag] = (struct outcome){true, status, made};
}

static void owner_told(void *state, uint64_t tag, int status, const struct gw_owner *owner)
{
	struct rig *rig = state;

	(void)tag;
	rig->answered = true;
	rig->status = status;
	assert_int_equal(owner != NULL, status == 0);
	if (owner != NULL)
		rig->owner = *owner;
}

static void entity_told(void *state, uint64_t tag, int status, const struct gw_entity *entity)
{
	struct rig *rig = state;

	(void)tag;
	rig->answered = true;
	rig->status = status;
	rig->n_cells = 0;
	if (entity == NULL)
		return;
	rig->class = entity->class;
	rig->id = entity->id;
	for (size_t i = 0; i < entity->n && i < CELLS_KEPT; i++) {
		const struct gw_cell *c = &entity->cells[i];
		struct kept_cell *k = &rig->cells[i];

		*k = (struct kept_cell){.field = c->field,
		                        .beaten = c->beaten,
		                        .sub_n = c->sub.n,
		                        .value_n = c->value.n,
		                        .stamp = c->stamp};
		memcpy(k->sub, c->sub.p, c->sub.n);
		memcpy(k->value, c->value.p,
		       c->value.n < sizeof(k->value) ? c->value.n : sizeof(k->value));
	}
	rig->n_cells = entity->n;
	snprintf(rig->shown, sizeof(rig->shown), "%s", entity->shown != NULL ? entity->shown : "");
}

static void walk_told(void *state, uint64_t tag, int status, const struct gw_entity *entity)
{
	struct rig *rig = state;

	(void)tag;
	if (entity == NULL) {
		rig->answered = true;
		rig->status = status;
		return;
	}
	rig->walked = realloc(rig->walked, (rig->n_walked + 1) * sizeof(*rig->walked));
	rig->walked[rig->n_walked++] = entity->id;
}

static void *copy(const void *p, size_t n)
{
	void *to = malloc(n + 1);

	if (n > 0)
		memcpy(to, p, n);
	return to;
}

static void rows_told(void *state, uint64_t tag, int status, const struct gw_store_row *rows,
                      size_t n)
{
	struct rig *rig = state;
	struct dump *d = rig->dump;

	(void)tag;
	rig->answered = true;
	rig->status = status;
	d->rows = realloc(d->rows, (d->n + n + 1) * sizeof(*d->rows));
	for (size_t i = 0; i < n; i++)
		d->rows[d->n++] = (struct dump_row){.key_n = rows[i].key.n,
		                                    .val_n = rows[i].val.n,
		                                    .key = copy(rows[i].key.p, rows[i].key.n),
		                                    .val = copy(rows[i].val.p, rows[i].val.n)};
	if (status == GW_STORE_MORE) {
		rig->dump_from_n = rows[n - 1].key.n + 1;
		memset(rig->dump_from, 0, sizeof(rig->dump_from));
		memcpy(rig->dump_from, rows[n - 1].key.p, rows[n - 1].key.n);
	}
}

static const struct gw_call_row calls[] = {
	[CALL_COMMITTED] = {"committed", (gw_fn *)committed},
	[CALL_OWNER] = {"owner", (gw_fn *)owner_told},
	[CALL_ENTITY] = {"entity", (gw_fn *)entity_told},
	[CALL_WALK] = {"walk", (gw_fn *)walk_told},
	[CALL_ROWS] = {"rows", (gw_fn *)rows_told},
};

/* --- beginning and end --- */

void rig_prepare(struct rig *rig, const char *folder, uint64_t seed)
{
	memset(rig, 0, sizeof(*rig));
	rig->mini = mini_new(folder, seed);
	rig->self = mini_test_self(rig->mini, calls, sizeof(calls) / sizeof(calls[0]), rig);
}

void rig_load(struct rig *rig, bool fake)
{
	assert_int_equal(
		mini_load(rig->mini, fake ? &store_fake_LTX_gw_module : &store_LTX_gw_module), 0);
	assert_int_equal(mini_load(rig->mini, &services_LTX_gw_module), 0);
	rig->store = mini_iface(rig->mini, "store");
	rig->services = mini_iface(rig->mini, "services");
}

void rig_begin(struct rig *rig, const char *folder, bool fake, uint64_t seed, const char *map_size)
{
	rig_prepare(rig, folder, seed);
	if (map_size != NULL)
		mini_option(rig->mini, fake ? "room" : "map-size", map_size);
	rig_load(rig, fake);
}

void rig_open(struct rig *rig, const char *folder, bool fake, uint64_t seed)
{
	rig_begin(rig, folder, fake, seed, NULL);
	mini_run(rig->mini, GW_SECOND);
	assert_string_equal(mini_stopped(rig->mini), "");
}

void rig_close(struct rig *rig)
{
	mini_free(&rig->mini);
	free(rig->walked);
}

void rig_cut(struct rig *rig)
{
	mini_cut(&rig->mini);
	free(rig->walked);
}

static void wait_answer(struct rig *rig)
{
	for (int i = 0; i < 1000 && !rig->answered; i++)
		mini_run(rig->mini, 10 * GW_MS);
	assert_true(rig->answered);
}

/* --- calls --- */

int rig_commit(struct rig *rig, const struct gw_write *writes, size_t n, uint64_t *index_out)
{
	uint64_t index = rig->n_outcomes++;

	assert_true(index < OUTCOMES);
	if (index_out != NULL)
		*index_out = index;
	return GW_VIA(rig->services, gw_services_ops, commit, writes, n,
	              gw_call(rig->self, CALL_COMMITTED, index));
}

int rig_commit_wait(struct rig *rig, const struct gw_write *writes, size_t n,
                    struct gw_id *made_out)
{
	uint64_t index;
	int status = rig_commit(rig, writes, n, &index);

	if (status != 0)
		return status;
	for (int i = 0; i < 1000 && !rig->outcomes[index].done; i++)
		mini_run(rig->mini, 10 * GW_MS);
	assert_true(rig->outcomes[index].done);
	if (made_out != NULL)
		*made_out = rig->outcomes[index].made;
	return rig->outcomes[index].status;
}

static size_t account_writes(const char *nick, uint8_t sub[64], struct gw_write writes[3])
{
	char folded[GW_NAME_MAX + 1];
	size_t n = strlen(nick);

	memcpy(folded, nick, n + 1);
	for (size_t i = 0; i < n; i++)
		folded[i] =
			(char)(folded[i] >= 'A' && folded[i] <= 'Z' ? folded[i] | 32 : folded[i]);
	sub[0] = GW_NAME_NICK;
	memcpy(sub + 1, folded, n);
	writes[0] = (struct gw_write){.class = GW_CLASS_ACCOUNT, .make = true, .field = GW_F_CORE};
	writes[1] = (struct gw_write){.class = GW_CLASS_ACCOUNT,
	                              .make = true,
	                              .exclusive = true,
	                              .field = GW_F_NAME,
	                              .sub = {sub, n + 1},
	                              .value = {nick, n}};
	writes[2] = (struct gw_write){
		.class = GW_CLASS_ACCOUNT, .make = true, .field = GW_F_CRED, .value = {nick, n}};
	return 3;
}

int rig_register_start(struct rig *rig, const char *nick, uint64_t *index_out)
{
	struct gw_write writes[3];
	uint8_t sub[64];

	return rig_commit(rig, writes, account_writes(nick, sub, writes), index_out);
}

int rig_register(struct rig *rig, const char *nick, struct gw_id *made_out)
{
	struct gw_write writes[3];
	uint8_t sub[64];

	return rig_commit_wait(rig, writes, account_writes(nick, sub, writes), made_out);
}

int rig_drop(struct rig *rig, uint8_t class, struct gw_id id)
{
	struct gw_write death = {.class = class, .id = id, .field = GW_F_CORE, .remove = true};

	return rig_commit_wait(rig, &death, 1, NULL);
}

int rig_claim(struct rig *rig, struct gw_id account, const char *nick, bool exclusive)
{
	struct gw_write writes[3];
	uint8_t sub[64];

	account_writes(nick, sub, writes);
	writes[1].make = false;
	writes[1].id = account;
	writes[1].exclusive = exclusive;
	return rig_commit_wait(rig, &writes[1], 1, NULL);
}

static int found(struct rig *rig, int status)
{
	if (status != -EINPROGRESS)
		return status;
	wait_answer(rig);
	return rig->status;
}

int rig_find(struct rig *rig, char ns, const char *folded)
{
	rig->answered = false;
	return found(rig,
	             GW_VIA(rig->services, gw_services_ops, find, (enum gw_namespace)ns, folded,
	                    strlen(folded), &rig->owner, gw_call(rig->self, CALL_OWNER, 0)));
}

int rig_find_shown(struct rig *rig, char ns, const char *folded)
{
	rig->answered = false;
	return found(rig, GW_VIA(rig->services, gw_services_ops, find_shown, (enum gw_namespace)ns,
	                         folded, strlen(folded), &rig->owner,
	                         gw_call(rig->self, CALL_OWNER, 0)));
}

int rig_read(struct rig *rig, uint8_t class, struct gw_id id)
{
	rig->answered = false;
	assert_int_equal(GW_VIA(rig->services, gw_services_ops, read, class, id,
	                        gw_call(rig->self, CALL_ENTITY, 0)),
	                 0);
	assert_false(rig->answered);
	wait_answer(rig);
	return rig->status;
}

int rig_walk(struct rig *rig, uint8_t class)
{
	rig->answered = false;
	rig->n_walked = 0;
	assert_int_equal(GW_VIA(rig->services, gw_services_ops, walk, class,
	                        gw_call(rig->self, CALL_WALK, 0)),
	                 0);
	wait_answer(rig);
	return rig->status;
}

/* --- tables --- */

struct dump rig_dump(struct rig *rig, uint8_t table)
{
	struct dump dump = {0};
	struct gw_store_range range = {.table = table};

	rig->dump = &dump;
	rig->dump_from_n = 0;
	do {
		rig->answered = false;
		range.from = (struct gw_blob){rig->dump_from, rig->dump_from_n};
		assert_int_equal(GW_VIA(rig->store, gw_store_ops, read, &range, 1, 1 << 16,
		                        gw_call(rig->self, CALL_ROWS, 0)),
		                 0);
		wait_answer(rig);
		assert_true(rig->status >= 0);
	} while (rig->status == GW_STORE_MORE);
	return dump;
}

void dump_free(struct dump *dump)
{
	for (size_t i = 0; i < dump->n; i++) {
		free(dump->rows[i].key);
		free(dump->rows[i].val);
	}
	free(dump->rows);
	*dump = (struct dump){0};
}

static int row_order(const void *a_, const void *b_)
{
	const struct dump_row *a = a_, *b = b_;
	size_t n = a->key_n < b->key_n ? a->key_n : b->key_n;
	int order = memcmp(a->key, b->key, n);

	return order != 0 ? order : (a->key_n > b->key_n) - (a->key_n < b->key_n);
}

bool dump_same(const struct dump *a, const struct dump *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (row_order(&a->rows[i], &b->rows[i]) != 0 ||
		    a->rows[i].val_n != b->rows[i].val_n ||
		    memcmp(a->rows[i].val, b->rows[i].val, a->rows[i].val_n) != 0)
			return false;
	return true;
}

const struct dump_row *dump_find(const struct dump *dump, const char *key)
{
	for (size_t i = 0; i < dump->n; i++)
		if (dump->rows[i].key_n == strlen(key) &&
		    memcmp(dump->rows[i].key, key, strlen(key)) == 0)
			return &dump->rows[i];
	return NULL;
}

/* --- the second opinion --- */

struct expected {
	struct dump log, name, ref, tomb;
	uint64_t count, entities[256];
	uint8_t sum[32];
};

static void expect(struct dump *d, const void *a, size_t a_n, const void *b, size_t b_n,
                   const void *c, size_t c_n, const void *val, size_t val_n)
{
	struct dump_row *r;

	d->rows = realloc(d->rows, (d->n + 1) * sizeof(*d->rows));
	r = &d->rows[d->n++];
	r->key_n = a_n + b_n + c_n;
	r->key = malloc(r->key_n + 1);
	memcpy(r->key, a, a_n);
	memcpy(r->key + a_n, b, b_n);
	if (c_n > 0)
		memcpy(r->key + a_n + b_n, c, c_n);
	r->val_n = val_n;
	r->val = copy(val, val_n);
}

static bool entity_lives(const struct dump *cells, const uint8_t *entity)
{
	for (size_t i = 0; i < cells->n; i++)
		if (cells->rows[i].key_n == 19 && memcmp(cells->rows[i].key, entity, 17) == 0 &&
		    cells->rows[i].key[18] == GW_F_CORE && cells->rows[i].key[17] == 0)
			return (cells->rows[i].val[0] & 1) == 0;
	return false;
}

static void expect_sum(struct expected *e, const struct dump_row *r)
{
	uint8_t bytes[1 + 128 + 70000], hash[32];
	unsigned carry = 0;

	assert_true(r->key_n <= 128 && r->val_n <= 70000);
	bytes[0] = (uint8_t)r->key_n;
	memcpy(bytes + 1, r->key, r->key_n);
	memcpy(bytes + 1 + r->key_n, r->val, r->val_n);
	assert_int_equal(gnutls_hash_fast(GNUTLS_DIG_SHA256, bytes, 1 + r->key_n + r->val_n, hash),
	                 0);
	for (int i = 31; i >= 0; i--) {
		carry += (unsigned)e->sum[i] + hash[i];
		e->sum[i] = (uint8_t)carry;
		carry >>= 8;
	}
	e->count++;
}

static void expect_name(struct expected *e, const struct dump_row *r, uint16_t field)
{
	const uint8_t *sub = r->key + 19;
	size_t sub_n = r->key_n - 19;
	struct gw_blob value = {r->val + 17, r->val_n - 17}, clock, origin, display = {NULL, 0};
	uint8_t front[2 + 64], stamp[16];

	if (!gw_part(value, 0, &clock) || !gw_part(value, 1, &origin) || clock.n != 8 ||
	    origin.n != 8)
		return;
	gw_part(value, 2, &display);
	if (field == GW_F_NAME) {
		front[0] = *sub++;
		sub_n--;
	} else {
		front[0] = GW_NAME_CERTFP;
	}
	front[1] = (uint8_t)sub_n;
	memcpy(front + 2, sub, sub_n);
	memcpy(stamp, clock.p, 8);
	memcpy(stamp + 8, origin.p, 8);
	expect(&e->name, front, 2 + sub_n, stamp, 16, r->key, 17, display.p, display.n);
}

static void expect_ref(struct expected *e, const struct dump_row *r, uint16_t field)
{
	struct gw_blob value = {r->val + 17, r->val_n - 17}, account = {NULL, 0};

	if (r->key[0] == GW_CLASS_CHANNEL && field == GW_F_ACCESS)
		account = (struct gw_blob){r->key + 19, r->key_n - 19};
	else if (r->key[0] == GW_CLASS_CHANNEL && field == GW_F_FOUNDER)
		gw_part(value, 0, &account);
	else if (r->key[0] == GW_CLASS_GRANT && field == GW_F_CORE)
		gw_part(value, 1, &account);
	if (account.n == 16)
		expect(&e->ref, account.p, 16, r->key, r->key_n, NULL, 0, NULL, 0);
}

static void expect_cell(struct expected *e, const struct dump *cells, const struct dump_row *r)
{
	uint16_t field = (uint16_t)(r->key[17] << 8 | r->key[18]);
	bool live = (r->val[0] & 1) == 0;

	expect(&e->log, r->val + 9, 8, r->val + 1, 8, r->key, r->key_n, NULL, 0);
	if (!live && r->key[0] != GW_CLASS_SERVER && r->key[0] != GW_CLASS_ORIGIN)
		expect(&e->tomb, r->val + 9, 8, r->val + 1, 8, r->key, r->key_n, NULL, 0);
	if (!live)
		return;
	expect_sum(e, r);
	expect_ref(e, r, field);
	if (field == GW_F_CORE)
		e->entities[r->key[0]]++;
	if (((field == GW_F_NAME && r->key_n > 20) || (field == GW_F_CERTFP && r->key_n > 19)) &&
	    entity_lives(cells, r->key))
		expect_name(e, r, field);
}

static void check_table(const struct dump *there, struct dump *expected)
{
	if (expected->n > 0)
		qsort(expected->rows, expected->n, sizeof(*expected->rows), row_order);
	assert_int_equal(there->n, expected->n);
	assert_true(dump_same(there, expected));
	dump_free(expected);
}

static void check_meta(const struct dump *meta, const struct expected *e)
{
	const struct dump_row *row = dump_find(meta, "live");

	assert_non_null(row);
	assert_int_equal(be64(row->val), e->count);
	assert_memory_equal(row->val + 8, e->sum, 32);
	for (int i = 1; i < 256; i++) {
		char key[3] = {'n', (char)i, '\0'};

		row = dump_find(meta, key);
		assert_int_equal(row == NULL ? 0 : be64(row->val), e->entities[i]);
	}
}

/* All tables as they are at one moment, though reading takes several. */
static void dump_all(struct rig *rig, struct dump tables[T_TOMB + 1])
{
	struct dump before = rig_dump(rig, T_VEC), after;
	bool still = false;

	while (!still) { /* every commit changes the vector, collection too */
		for (uint8_t t = T_CELL; t <= T_TOMB; t++)
			tables[t] = rig_dump(rig, t);
		after = rig_dump(rig, T_VEC);
		still = dump_same(&before, &after);
		dump_free(&before);
		before = after;
		for (uint8_t t = T_CELL; t <= T_TOMB && !still; t++)
			dump_free(&tables[t]);
	}
	dump_free(&before);
}

void rig_check(struct rig *rig)
{
	struct dump tables[T_TOMB + 1];
	struct expected e = {0};

	dump_all(rig, tables);
	for (size_t i = 0; i < tables[T_CELL].n; i++)
		expect_cell(&e, &tables[T_CELL], &tables[T_CELL].rows[i]);
	check_table(&tables[T_LOG], &e.log);
	check_table(&tables[T_NAME], &e.name);
	check_table(&tables[T_REF], &e.ref);
	check_table(&tables[T_TOMB], &e.tomb);
	check_meta(&tables[T_META], &e);
	for (uint8_t t = T_CELL; t <= T_TOMB; t++)
		dump_free(&tables[t]);
}
