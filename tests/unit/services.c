/*
 * tests/unit/services.c - the interface "services" on LMDB: registering, claims, deaths, limits,
 * restarts, a full disk.
 */
#include "tests/unit/services_rig.h"
#include <dirent.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
	char *folder;
	struct rig rig;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->folder = mini_folder();
	rig_open(&f->rig, f->folder, false, 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	rig_check(&f->rig);
	rig_close(&f->rig);
	mini_folder_remove(&f->folder);
	free(f);
	return 0;
}

static struct rig *rig_of(void **state)
{
	return &((struct fixture *)*state)->rig;
}

static void first_start_makes_a_network_of_one(void **state)
{
	struct rig *rig = rig_of(state);
	uint64_t origin;

	GW_VIA(rig->services, gw_services_ops, origin, &origin);
	assert_true(origin != 0);
	assert_int_equal(rig_walk(rig, GW_CLASS_NETWORK), 0);
	assert_int_equal(rig->n_walked, 1);
	assert_int_equal(rig_walk(rig, GW_CLASS_ORIGIN), 0);
	assert_int_equal(rig->n_walked, 1);
	assert_int_equal(rig_find(rig, GW_NAME_SERVER, "mini.example"), 0);
	assert_string_equal(rig->owner.display, "Mini.Example");
	assert_int_equal(rig->owner.class, GW_CLASS_SERVER);
	assert_int_equal(rig_read(rig, GW_CLASS_SERVER, rig->owner.id), 0);
	assert_int_equal(rig->n_cells, 2);
}

static void an_account_is_found_and_read(void **state)
{
	struct rig *rig = rig_of(state);
	struct gw_id id, other;
	char text[64];

	assert_int_equal(rig_find(rig, GW_NAME_NICK, "ann"), -ENOENT);
	assert_int_equal(rig_register(rig, "Ann", &id), 0);
	for (int i = 0; i < 2; i++) { /* from the store, then from the cache */
		assert_int_equal(rig_find(rig, GW_NAME_NICK, "ann"), 0);
		assert_int_equal(rig->owner.class, GW_CLASS_ACCOUNT);
		assert_true(gw_id_is(rig->owner.id, id));
		assert_string_equal(rig->owner.display, "Ann");
		assert_int_equal(rig->owner.claim.clock, id.clock);
	}
	assert_int_equal(rig_find(rig, GW_NAME_NICK, "an"), -ENOENT);
	assert_int_equal(rig_find(rig, GW_NAME_NICK, "annn"), -ENOENT);
	assert_int_equal(rig_find(rig, GW_NAME_CHANNEL, "ann"), -ENOENT);
	assert_int_equal(rig_read(rig, GW_CLASS_ACCOUNT, id), 0);
	assert_true(gw_id_is(rig->id, id));
	assert_int_equal(rig->n_cells, 3);
	assert_int_equal(rig->cells[0].field, GW_F_CORE);
	assert_int_equal(rig->cells[1].field, GW_F_CRED);
	assert_int_equal(rig->cells[2].field, GW_F_NAME);
	assert_true(gw_part_text((struct gw_blob){rig->cells[2].value, rig->cells[2].value_n}, 2,
	                         text, sizeof(text)));
	assert_string_equal(text, "Ann");
	other = (struct gw_id){id.clock, id.origin + 1};
	assert_int_equal(rig_read(rig, GW_CLASS_ACCOUNT, other), -ENOENT);
	assert_int_equal(rig_read(rig, GW_CLASS_CHANNEL, id), -ENOENT);
}

static void of_two_in_one_group_the_first_gets_the_name(void **state)
{
	struct rig *rig = rig_of(state);
	uint64_t a, b, c;

	assert_int_equal(rig_register_start(rig, "bob", &a), 0);
	assert_int_equal(rig_register_start(rig, "BOB", &b), 0);
	assert_int_equal(rig_register_start(rig, "cat", &c), 0);
	mini_run(rig->mini, GW_SECOND);
	assert_int_equal(rig->outcomes[a].status, 0);
	assert_int_equal(rig->outcomes[b].status, -EEXIST);
	assert_int_equal(rig->outcomes[c].status, 0);
	assert_int_equal(rig_find(rig, GW_NAME_NICK, "bob"), 0);
	assert_true(gw_id_is(rig->owner.id, rig->outcomes[a].made));
	assert_int_equal(rig_read(rig, GW_CLASS_ACCOUNT, rig->outcomes[b].made), -ENOENT);
	assert_int_equal(rig_walk(rig, GW_CLASS_ACCOUNT), 0);
	assert_int_equal(rig->n_walked, 2);
	assert_int_equal(rig_register(rig, "Bob", NULL), -EEXIST);
}

static void one_name_refused_undoes_the_whole_transaction(void **state)
{
	struct rig *rig = rig_of(state);
	struct gw_write writes[4];
	uint8_t sub[3][8] = {"nnew", "ncat", "mnew"};

	assert_int_equal(rig_register(rig, "cat", NULL), 0);
	writes[0] = (struct gw_write){.class = GW_CLASS_ACCOUNT, .make = true, .field = GW_F_CORE};
	for (int i = 0; i < 3; i++)
		writes[1 + i] = (struct gw_write){.class = GW_CLASS_ACCOUNT,
		                                  .make = true,
		                                  .exclusive = true,
		                                  .field = GW_F_NAME,
		                                  .sub = {sub[i], 4},
		                                  .value = {"x", 1}};
	assert_int_equal(rig_commit_wait(rig, writes, 4, NULL), -EEXIST);
	assert_int_equal(rig_find(rig, GW_NAME_NICK, "new"), -ENOENT);
	assert_int_equal(rig_find(rig, GW_NAME_MAIL, "new"), -ENOENT);
}

static void death_is_final_and_frees_the_names(void **state)
{
	struct rig *rig = rig_of(state);
	struct gw_id first, second;

	assert_int_equal(rig_register(rig, "dan", &first), 0);
	assert_int_equal(rig_claim(rig, first, "danny", true), 0);
	assert_int_equal(rig_find(rig, GW_NAME_NICK, "danny"), 0);
	assert_int_equal(rig_drop(rig, GW_CLASS_ACCOUNT, first), 0);
	assert_int_equal(rig_find(rig, GW_NAME_NICK, "dan"), -ENOENT);
	assert_int_equal(rig_find(rig, GW_NAME_NICK, "danny"), -ENOENT);
	assert_int_equal(rig_read(rig, GW_CLASS_ACCOUNT, first), -ENOENT);
	assert_int_equal(rig_claim(rig, first, "dan", true), -ENOENT);
	assert_int_equal(rig_drop(rig, GW_CLASS_ACCOUNT, first), -ENOENT);
	assert_int_equal(rig_register(rig, "Dan", &second), 0);
	assert_int_equal(rig_find(rig, GW_NAME_NICK, "dan"), 0);
	assert_true(gw_id_is(rig->owner.id, second));
}

static void the_earliest_living_claim_owns(void **state)
{
	struct rig *rig = rig_of(state);
	struct gw_id a, b;
	struct gw_write gone = {
		.class = GW_CLASS_ACCOUNT, .field = GW_F_NAME, .sub = {"nold", 4}, .remove = true};

	assert_int_equal(rig_register(rig, "ada", &a), 0);
	assert_int_equal(rig_register(rig, "ben", &b), 0);
	assert_int_equal(rig_claim(rig, a, "old", true), 0);
	assert_int_equal(rig_claim(rig, b, "old", true), -EEXIST);
	assert_int_equal(rig_claim(rig, b, "Old", false), 0);
	assert_int_equal(rig_find(rig, GW_NAME_NICK, "old"), 0);
	assert_true(gw_id_is(rig->owner.id, a));
	gone.id = a;
	assert_int_equal(rig_commit_wait(rig, &gone, 1, NULL), 0);
	assert_int_equal(rig_find(rig, GW_NAME_NICK, "old"), 0);
	assert_true(gw_id_is(rig->owner.id, b));
	assert_string_equal(rig->owner.display, "Old");
	assert_int_equal(rig_claim(rig, a, "old", false), 0); /* anew: it stands behind now */
	assert_int_equal(rig_find(rig, GW_NAME_NICK, "old"), 0);
	assert_true(gw_id_is(rig->owner.id, b));
	assert_int_equal(rig_drop(rig, GW_CLASS_ACCOUNT, b), 0);
	assert_int_equal(rig_find(rig, GW_NAME_NICK, "old"), 0);
	assert_true(gw_id_is(rig->owner.id, a));
}

/* What NAME~DIGITS must be, said once more. */
static void expect_shown(const char *shown, const char *stem, struct gw_id id)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
	uint8_t bytes[16], sum[crypto_hash_sha256_BYTES];
	size_t n = strlen(stem);
	unsigned bits = 0;

	gw_id_bytes(id, bytes);
	crypto_hash_sha256(sum, bytes, sizeof(bytes));
	assert_int_equal(strlen(shown), n + 6);
	assert_memory_equal(shown, stem, n);
	assert_int_equal(shown[n], '~');
	for (int i = 0; i < 5; i++, bits += 5) {
		unsigned two = sum[bits / 8] << 8 | sum[bits / 8 + 1];

		assert_int_equal(shown[n + 1 + (size_t)i], alphabet[two >> (11 - bits % 8) & 31]);
	}
}

static void who_does_not_own_a_name_is_shown_with_digits(void **state)
{
	struct rig *rig = rig_of(state);
	char shown[GW_NAME_MAX + 1];
	struct gw_id a, b, c;
	struct gw_write gone = {
		.class = GW_CLASS_ACCOUNT, .field = GW_F_NAME, .sub = {"nben", 4}, .remove = true};

	assert_int_equal(rig_register(rig, "Ada", &a), 0);
	assert_int_equal(rig_register(rig, "Ben", &b), 0);
	assert_int_equal(rig_register(rig, "cid", &c), 0);
	assert_int_equal(rig_read(rig, GW_CLASS_ACCOUNT, b), 0);
	assert_string_equal(rig->shown, "Ben");
	assert_int_equal(rig_claim(rig, b, "Ada", false), 0);
	assert_int_equal(rig_read(rig, GW_CLASS_ACCOUNT, b), 0);
	assert_string_equal(rig->shown, "Ben");
	assert_true(rig->cells[2].beaten); /* "ada" is before "ben" */
	assert_false(rig->cells[3].beaten);
	gone.id = b;
	assert_int_equal(rig_commit_wait(rig, &gone, 1, NULL), 0);
	assert_int_equal(rig_read(rig, GW_CLASS_ACCOUNT, b), 0);
	expect_shown(rig->shown, "Ada", b);
	snprintf(shown, sizeof(shown), "ada%s", rig->shown + 3);
	assert_int_equal(rig_find(rig, GW_NAME_NICK, shown), -ENOENT);
	assert_int_equal(rig_find_shown(rig, GW_NAME_NICK, shown), 0);
	assert_true(gw_id_is(rig->owner.id, b));
	assert_string_equal(rig->owner.display, rig->shown);
	assert_int_equal(rig_find_shown(rig, GW_NAME_NICK, "ada"), 0);
	assert_true(gw_id_is(rig->owner.id, a));
	assert_int_equal(rig_find_shown(rig, GW_NAME_NICK, "ada~aaaaa"), -ENOENT);
	assert_int_equal(rig_find_shown(rig, GW_NAME_NICK, "ada~"), -ENOENT);
	assert_int_equal(rig_drop(rig, GW_CLASS_ACCOUNT, a), 0);
	assert_int_equal(rig_find_shown(rig, GW_NAME_NICK, shown), -ENOENT);
	assert_int_equal(rig_read(rig, GW_CLASS_ACCOUNT, b), 0);
	assert_string_equal(rig->shown, "Ada");
}

static void a_long_name_is_cut_before_its_digits(void **state)
{
	static const char nick[] = "abcdefghijklmnopqrstuvwxyz-123";
	struct rig *rig = rig_of(state);
	char stem[32];
	struct gw_id a, b;

	assert_int_equal(strlen(nick), 30);
	assert_int_equal(rig_register(rig, nick, &a), 0);
	assert_int_equal(rig_register(rig, "other", &b), 0);
	assert_int_equal(rig_drop(rig, GW_CLASS_ACCOUNT, b), 0);
	assert_int_equal(rig_register(rig, "third", &b), 0);
	assert_int_equal(rig_claim(rig, b, nick, false), 0);
	assert_int_equal(rig_commit_wait(rig,
	                                 &(struct gw_write){.class = GW_CLASS_ACCOUNT,
	                                                    .id = b,
	                                                    .field = GW_F_NAME,
	                                                    .sub = {"nthird", 6},
	                                                    .remove = true},
	                                 1, NULL),
	                 0);
	snprintf(stem, sizeof(stem), "%.24s", nick);
	assert_int_equal(rig_read(rig, GW_CLASS_ACCOUNT, b), 0);
	expect_shown(rig->shown, stem, b);
	assert_int_equal(rig_find_shown(rig, GW_NAME_NICK, rig->shown), 0);
	assert_true(gw_id_is(rig->owner.id, b));
}

static void a_new_display_form_keeps_the_place_in_line(void **state)
{
	struct rig *rig = rig_of(state);
	struct gw_id a;
	struct gw_stamp claim;

	assert_int_equal(rig_register(rig, "eve", &a), 0);
	assert_int_equal(rig_find(rig, GW_NAME_NICK, "eve"), 0);
	claim = rig->owner.claim;
	mini_run(rig->mini, GW_SECOND);
	assert_int_equal(rig_claim(rig, a, "EVE", true), 0);
	assert_int_equal(rig_find(rig, GW_NAME_NICK, "eve"), 0);
	assert_string_equal(rig->owner.display, "EVE");
	assert_int_equal(gw_stamp_cmp(rig->owner.claim, claim), 0);
}

static void certificates_are_claimed_too(void **state)
{
	struct rig *rig = rig_of(state);
	uint8_t digest[33] = "0123456789abcdef0123456789abcdef";
	struct gw_write w = {.class = GW_CLASS_ACCOUNT,
	                     .field = GW_F_CERTFP,
	                     .sub = {digest, 32},
	                     .value = {"laptop", 6},
	                     .exclusive = true};
	struct gw_id b;

	assert_int_equal(rig_register(rig, "fay", &w.id), 0);
	assert_int_equal(rig_register(rig, "gil", &b), 0);
	assert_int_equal(rig_commit_wait(rig, &w, 1, NULL), 0);
	assert_int_equal(rig_find(rig, GW_NAME_CERTFP, (char *)digest), 0);
	assert_true(gw_id_is(rig->owner.id, w.id));
	assert_string_equal(rig->owner.display, "laptop");
	w.id = b;
	assert_int_equal(rig_commit_wait(rig, &w, 1, NULL), -EEXIST);
}

static void what_is_over_a_limit_is_refused(void **state)
{
	struct rig *rig = rig_of(state);
	char long_name[80], value[GW_VALUE_MAX + 1];
	struct gw_write w = {.class = GW_CLASS_ACCOUNT,
	                     .field = GW_F_OPTION,
	                     .sub = {"x", 1},
	                     .value = {"v", 1}};
	struct gw_write many[GW_TX_CELLS + 1], two[2];
	char folded[GW_NAME_MAX + 1];

	memset(long_name, 'a', sizeof(long_name));
	long_name[64] = '\0';
	memset(value, 'v', sizeof(value));
	assert_int_equal(rig_register(rig, "hal", &w.id), 0);
	assert_int_equal(GW_VIA(rig->services, gw_services_ops, fold, long_name, folded), -EINVAL);
	assert_int_equal(GW_VIA(rig->services, gw_services_ops, fold, "A[b]", folded), 4);
	assert_string_equal(folded, "a[b]");
	w.sub = (struct gw_blob){long_name, 65};
	assert_int_equal(rig_commit(rig, &w, 1, NULL), -E2BIG);
	w.sub = (struct gw_blob){long_name, 64};
	w.value = (struct gw_blob){value, GW_VALUE_MAX + 1};
	assert_int_equal(rig_commit(rig, &w, 1, NULL), -E2BIG);
	w.value.n = GW_VALUE_MAX;
	assert_int_equal(rig_commit_wait(rig, &w, 1, NULL), 0);
	for (int i = 0; i <= GW_TX_CELLS; i++) {
		many[i] = w;
		many[i].value.n = 1;
		many[i].sub = (struct gw_blob){&many[i], 8};
		memcpy(value + 8 * i, &i, sizeof(i));
		many[i].sub.p = value + 8 * i;
	}
	assert_int_equal(rig_commit(rig, many, GW_TX_CELLS + 1, NULL), -E2BIG);
	assert_int_equal(rig_commit_wait(rig, many, GW_TX_CELLS, NULL), 0);
	for (int i = 0; i < 5; i++)
		many[i].value = (struct gw_blob){value, GW_VALUE_MAX};
	assert_int_equal(rig_commit(rig, many, 5, NULL), -E2BIG);
	two[0] = two[1] = w;
	assert_int_equal(rig_commit(rig, two, 2, NULL), -EINVAL); /* one cell twice */
	two[0].make = true;
	assert_int_equal(rig_commit(rig, two, 1, NULL), -EINVAL); /* made without a core */
	assert_int_equal(rig_commit(rig, two, 0, NULL), -EINVAL);
	w.exclusive = true;
	assert_int_equal(rig_commit(rig, &w, 1, NULL), -EINVAL); /* no claim */
	w = (struct gw_write){
		.class = GW_CLASS_ACCOUNT, .field = GW_F_NAME, .id = w.id, .sub = {"n", 1}};
	assert_int_equal(rig_commit(rig, &w, 1, NULL), -EINVAL); /* claims no name */
}

static void a_field_of_a_modules_own_has_a_number_from_its_name(void **state)
{
	struct rig *rig = rig_of(state);
	struct gw_write w = {.class = GW_CLASS_ACCOUNT, .sub = {"1", 1}, .value = {"v", 1}};
	struct gw_error err = {0};
	char name[GW_NAME_MAX + 2];
	uint16_t field;

#define OWN_FIELD(name) GW_VIA(rig->services, gw_services_ops, own_field, name, &field, &err)
	for (int i = 0; i < 2; i++) { /* also when it is known */
		assert_int_equal(OWN_FIELD("memo.text"), 0);
		assert_int_equal(field, 0xf422);
	}
	assert_int_equal(OWN_FIELD("toy.62"), 0);
	assert_int_equal(OWN_FIELD("toy.80"), -EEXIST);
	assert_string_equal(err.text, "the fields toy.62 and toy.80 of the services database have "
	                              "the same number (49553): one has to be renamed");
	memset(name, 'x', sizeof(name));
	name[GW_NAME_MAX + 1] = '\0';
	assert_int_equal(OWN_FIELD(name), -EINVAL);
	assert_int_equal(OWN_FIELD(""), -EINVAL);
	name[GW_NAME_MAX] = '\0';
	assert_int_equal(OWN_FIELD(name), 0);
#undef OWN_FIELD
	assert_int_equal(rig_register(rig, "ivy", &w.id), 0);
	w.field = field;
	assert_int_equal(rig_commit_wait(rig, &w, 1, NULL), 0);
	assert_int_equal(rig_read(rig, GW_CLASS_ACCOUNT, w.id), 0);
	assert_int_equal(rig->n_cells, 4);
	assert_int_equal(rig->cells[3].field, field);
	assert_int_equal(rig_drop(rig, GW_CLASS_ACCOUNT, w.id), 0);
	assert_int_equal(rig_commit_wait(rig, &w, 1, NULL), -ENOENT);
}

static void an_account_holds_32_nicks(void **state)
{
	struct rig *rig = rig_of(state);
	struct gw_id a;
	struct gw_write two[2];
	char nick[32];

	assert_int_equal(rig_register(rig, "ida", &a), 0);
	for (int i = 1; i < GW_NICKS_MAX - 1; i++) {
		snprintf(nick, sizeof(nick), "ida-%d", i);
		assert_int_equal(rig_claim(rig, a, nick, true), 0);
	}
	for (int i = 0; i < 2; i++)
		two[i] = (struct gw_write){.class = GW_CLASS_ACCOUNT,
		                           .id = a,
		                           .field = GW_F_NAME,
		                           .sub = {i == 0 ? "nida-x" : "nida-y", 6},
		                           .value = {"Ida", 3}};
	assert_int_equal(rig_commit_wait(rig, two, 2, NULL), -E2BIG);
	assert_int_equal(rig_commit_wait(rig, two, 1, NULL), 0);
	assert_int_equal(rig_claim(rig, a, "ida-33", true), -E2BIG);
	assert_int_equal(rig_claim(rig, a, "IDA-1", true), 0); /* it has that one */
	two[0].remove = true;
	two[0].value.n = 0;
	assert_int_equal(rig_commit_wait(rig, two, 1, NULL), 0);
	assert_int_equal(rig_claim(rig, a, "ida-33", true), 0);
}

static void an_access_list_ends_at_4096(void **state)
{
	struct rig *rig = rig_of(state);
	struct gw_write make = {.class = GW_CLASS_CHANNEL, .make = true, .field = GW_F_CORE},
			add[GW_TX_CELLS];
	uint8_t ids[GW_TX_CELLS][16];
	struct gw_id channel;

	assert_int_equal(rig_commit_wait(rig, &make, 1, &channel), 0);
	for (uint64_t i = 0; i <= GW_ACCESS_MAX / GW_TX_CELLS; i++) {
		for (uint64_t j = 0; j < GW_TX_CELLS; j++) {
			gw_id_bytes((struct gw_id){1 + i * GW_TX_CELLS + j, 7}, ids[j]);
			add[j] = (struct gw_write){.class = GW_CLASS_CHANNEL,
			                           .id = channel,
			                           .field = GW_F_ACCESS,
			                           .sub = {ids[j], 16},
			                           .value = {"o", 1}};
		}
		assert_int_equal(rig_commit_wait(rig, add, i < 16 ? GW_TX_CELLS : 1, NULL),
		                 i < 16 ? 0 : -E2BIG);
	}
	assert_int_equal(rig_read(rig, GW_CLASS_CHANNEL, channel), 0);
	assert_int_equal(rig->n_cells, 1 + GW_ACCESS_MAX);
}

static void register_many(struct rig *rig, const char *prefix, int n)
{
	char nick[32];

	for (int i = 0; i < n; i++) {
		snprintf(nick, sizeof(nick), "%s%d", prefix, i);
		assert_int_equal(rig_register_start(rig, nick, NULL), 0);
	}
	mini_run(rig->mini, GW_SECOND);
}

static void walks_tell_each_entity_once_in_order(void **state)
{
	struct rig *rig = rig_of(state);
	static const char value[GW_VALUE_MAX];
	struct gw_write w = {
		.class = GW_CLASS_ACCOUNT, .field = GW_F_OPTION, .value = {value, sizeof(value)}};
	struct gw_id id;

	register_many(rig, "before", 200);
	assert_int_equal(rig_register(rig, "fat", &id), 0); /* several slices long */
	for (char c = 'a'; c < 'm'; c++) {
		w.id = id;
		w.sub = (struct gw_blob){&c, 1};
		assert_int_equal(rig_commit_wait(rig, &w, 1, NULL), 0);
	}
	register_many(rig, "behind", 200);
	assert_int_equal(rig_walk(rig, GW_CLASS_ACCOUNT), 0);
	assert_int_equal(rig->n_walked, 401);
	for (size_t i = 1; i < rig->n_walked; i++)
		assert_true(rig->walked[i - 1].clock < rig->walked[i].clock);
	assert_int_equal(rig_read(rig, GW_CLASS_ACCOUNT, id), 0);
	assert_int_equal(rig->n_cells, 15);
}

static void unknown_names_are_denied_without_a_read(void **state)
{
	struct rig *rig = rig_of(state);
	int asked = 0, status;
	char nick[32];

	register_many(rig, "member", 50);
	for (int i = 0; i < 10000; i++) {
		snprintf(nick, sizeof(nick), "guest%d", i);
		status = GW_VIA(rig->services, gw_services_ops, find, GW_NAME_NICK, nick,
		                strlen(nick), &rig->owner, (struct gw_call){0});
		asked += status == -EINPROGRESS;
		assert_true(status == -EINPROGRESS || status == -ENOENT);
	}
	assert_true(asked < 100);
}

static void names_are_found_before_the_filter_is_built(void **state)
{
	struct fixture *f = *state;
	struct rig *rig = &f->rig;
	struct gw_id id;

	assert_int_equal(rig_register(rig, "jan", &id), 0);
	rig_close(rig);
	rig_begin(rig, f->folder, false, 0, NULL);
	assert_int_equal(GW_VIA(rig->services, gw_services_ops, find, GW_NAME_NICK, "kim", 3,
	                        &rig->owner, (struct gw_call){0}),
	                 -EINPROGRESS);
	assert_int_equal(rig_find(rig, GW_NAME_NICK, "jan"), 0);
	assert_true(gw_id_is(rig->owner.id, id));
}

struct heard {
	int n, dead;
	struct gw_services_change last;
};

static void hear(void *ctx, const void *payload)
{
	struct heard *heard = ctx;

	heard->last = *(const struct gw_services_change *)payload;
	heard->n++;
	heard->dead += heard->last.dead;
}

static void every_commit_is_announced(void **state)
{
	struct rig *rig = rig_of(state);
	struct heard heard = {0};
	struct gw_id id;

	mini_hear(rig->mini, GW_TOPIC_SERVICES_CHANGED, hear, &heard);
	assert_int_equal(rig_register(rig, "lea", &id), 0);
	assert_int_equal(heard.n, 1);
	assert_true(gw_id_is(heard.last.id, id) && heard.last.class == GW_CLASS_ACCOUNT &&
	            !heard.last.dead);
	assert_int_equal(rig_register(rig, "lea", NULL), -EEXIST);
	assert_int_equal(heard.n, 1);
	assert_int_equal(rig_drop(rig, GW_CLASS_ACCOUNT, id), 0);
	assert_int_equal(heard.n, 2);
	assert_int_equal(heard.dead, 1);
}

static void a_clock_behind_the_database_stops_writes(void **state)
{
	struct rig *rig = rig_of(state);

	assert_int_equal(rig_register(rig, "moe", NULL), 0);
	mini_skew(rig->mini, -50 * GW_SECOND);
	assert_int_equal(rig_register(rig, "nan", NULL), 0);
	mini_skew(rig->mini, -70 * GW_SECOND);
	assert_int_equal(rig_register(rig, "oda", NULL), -ETIME);
	assert_int_equal(rig_find(rig, GW_NAME_NICK, "moe"), 0);
	mini_skew(rig->mini, 0);
	assert_int_equal(rig_register(rig, "oda", NULL), 0);
}

static void a_restart_finds_all_as_it_was(void **state)
{
	struct fixture *f = *state;
	struct rig *rig = &f->rig;
	uint64_t origin, again, clock;
	struct dump before, after;

	assert_int_equal(rig_register(rig, "pia", NULL), 0);
	GW_VIA(rig->services, gw_services_ops, origin, &origin);
	clock = mini_clock(rig->mini);
	before = rig_dump(rig, T_CELL);
	rig_close(rig);
	rig_begin(rig, f->folder, false, 5, NULL);
	mini_skew(rig->mini, -20 * GW_SECOND);
	mini_run(rig->mini, GW_SECOND);
	GW_VIA(rig->services, gw_services_ops, origin, &again);
	assert_int_equal(origin, again);
	after = rig_dump(rig, T_CELL);
	assert_true(dump_same(&before, &after));
	assert_int_equal(rig_register(rig, "quo", NULL), 0);
	assert_true(mini_clock(rig->mini) > clock); /* although the wall clock was put back */
	dump_free(&before);
	dump_free(&after);
}

static void commits_wait_for_the_start(void **state)
{
	struct fixture *f = *state;
	struct rig *rig = &f->rig;

	rig_close(rig);
	rig_begin(rig, f->folder, false, 0, NULL);
	assert_int_equal(rig_register(rig, "ray", NULL), -EAGAIN);
	mini_run(rig->mini, GW_SECOND);
	assert_int_equal(rig_register(rig, "ray", NULL), 0);
}

static void a_file(const char *folder, const char *name, const char *text)
{
	char path[600];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void a_backup_put_back_begins_a_new_life(void **state)
{
	struct fixture *f = *state;
	struct rig *rig = &f->rig;
	char keys[600], copy[600], path[700], text[16] = "";
	uint64_t origin, again;
	struct gw_id id;
	struct stat st;
	int status, fd;

	assert_int_equal(rig_register(rig, "sue", &id), 0);
	GW_VIA(rig->services, gw_services_ops, origin, &origin);
	snprintf(keys, sizeof(keys), "%s/keys", f->folder);
	assert_int_equal(mkdir(keys, 0700), 0);
	a_file(keys, "server.key", "secret");
	a_file(f->folder, "lock", "");
	snprintf(copy, sizeof(copy), "%s-copy", f->folder);
	mini_admin(rig->mini, &status, "backup", "relative");
	assert_int_equal(status, -EINVAL);
	mini_admin(rig->mini, &status, "backup", copy);
	assert_int_equal(status, 0);
	mini_admin(rig->mini, &status, "backup", copy);
	assert_int_equal(status, -EEXIST);
	snprintf(path, sizeof(path), "%s/inside", f->folder);
	mini_admin(rig->mini, &status, "backup", path);
	assert_int_equal(status, 0);
	strcat(path, "/inside");
	assert_int_equal(access(path, F_OK), -1);
	snprintf(path, sizeof(path), "%s/keys/server.key", copy);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0 && read(fd, text, 15) == 6 && fstat(fd, &st) == 0);
	close(fd);
	assert_string_equal(text, "secret");
	assert_int_equal(st.st_mode & 0777, 0600);
	snprintf(path, sizeof(path), "%s/lock", copy);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(rig_register(rig, "too-late", NULL), 0);
	rig_close(rig);
	mini_folder_remove(&f->folder);
	f->folder = strdup(copy);
	rig_open(rig, f->folder, false, 9);
	GW_VIA(rig->services, gw_services_ops, origin, &again);
	assert_int_not_equal(origin, again);
	assert_int_equal(rig_find(rig, GW_NAME_NICK, "sue"), 0);
	assert_true(gw_id_is(rig->owner.id, id));
	assert_int_equal(rig_find(rig, GW_NAME_NICK, "too-late"), -ENOENT);
	assert_int_equal(rig_walk(rig, GW_CLASS_ORIGIN), 0);
	assert_int_equal(rig->n_walked, 1);
	assert_int_equal(rig_register(rig, "tim", NULL), 0);
	origin = again;
	rig_close(rig);
	rig_open(rig, f->folder, false, 0);
	GW_VIA(rig->services, gw_services_ops, origin, &again);
	assert_int_equal(origin, again); /* once */
}

static void a_full_map_refuses_and_goes_on(void **state)
{
	struct fixture *f = *state;
	struct rig *rig = &f->rig;
	struct gw_id ids[2000];
	char nick[32];
	int n = 0, status = 0;
	size_t refused = 0;

	rig_close(rig);
	mini_folder_remove(&f->folder);
	f->folder = mini_folder();
	rig_begin(rig, f->folder, false, 0, "1m");
	mini_run(rig->mini, GW_SECOND);
	for (n = 0; n < 2000 && status == 0; n++) {
		snprintf(nick, sizeof(nick), "filler%d", n);
		status = rig_register(rig, nick, &ids[n]);
	}
	assert_int_equal(status, -ENOSPC);
	n--;
	assert_true(n > 100);
	rig_check(rig);
	for (int i = 0; i < 20; i++) { /* several in one group */
		snprintf(nick, sizeof(nick), "late%d", i);
		assert_int_equal(rig_register_start(rig, nick, NULL), 0);
	}
	mini_run(rig->mini, GW_SECOND);
	for (uint64_t i = rig->n_outcomes - 20; i < rig->n_outcomes; i++) {
		assert_true(rig->outcomes[i].done);
		refused += rig->outcomes[i].status == -ENOSPC;
		assert_true(rig->outcomes[i].status == 0 || rig->outcomes[i].status == -ENOSPC);
	}
	assert_true(refused > 0);
	rig_check(rig);
	snprintf(nick, sizeof(nick), "filler%d", n);
	assert_int_equal(rig_find(rig, GW_NAME_NICK, nick), -ENOENT);
	assert_int_equal(rig_find(rig, GW_NAME_NICK, "filler0"), 0);
	rig_close(rig); /* with more room it goes on */
	rig_begin(rig, f->folder, false, 0, "4m");
	mini_run(rig->mini, GW_SECOND);
	assert_int_equal(rig_walk(rig, GW_CLASS_ACCOUNT), 0);
	assert_int_equal(rig->n_walked, (size_t)n + 20 - refused);
	assert_int_equal(rig_register(rig, nick, NULL), 0);
}

static void what_expired_is_deleted_an_hour_later(void **state)
{
	struct rig *rig = rig_of(state);
	uint8_t value[16];
	struct gw_parts parts = {.bytes = value, .max = sizeof(value)};
	struct gw_write w[2] = {{.class = GW_CLASS_BAN, .make = true, .field = GW_F_CORE},
	                        {.class = GW_CLASS_BAN, .make = true, .field = GW_F_EXPIRY}};
	struct gw_id id;

	gw_parts_u64(&parts, (uint64_t)(gw_wall_ns(rig->self) / GW_MS) + 600000);
	w[1].value = gw_parts_value(&parts);
	assert_int_equal(rig_commit_wait(rig, w, 2, &id), 0);
	assert_int_equal(rig_commit_wait(rig, w, 1, NULL), 0); /* one that never expires */
	mini_run(rig->mini, 65 * 60 * GW_SECOND);
	assert_int_equal(rig_read(rig, GW_CLASS_BAN, id), 0);
	mini_run(rig->mini, 60 * 60 * GW_SECOND);
	assert_int_equal(rig_read(rig, GW_CLASS_BAN, id), -ENOENT);
	assert_int_equal(rig_walk(rig, GW_CLASS_BAN), 0);
	assert_int_equal(rig->n_walked, 1);
}

static void cells_that_name_a_dropped_account_are_deleted(void **state)
{
	struct rig *rig = rig_of(state);
	uint8_t id_bytes[16], value[32];
	struct gw_parts parts = {.bytes = value, .max = sizeof(value)};
	struct gw_write w[3];
	struct gw_id account, other, channels[100];
	struct dump refs;

	assert_int_equal(rig_register(rig, "uma", &account), 0);
	assert_int_equal(rig_register(rig, "vic", &other), 0);
	gw_id_bytes(account, id_bytes);
	gw_parts_add(&parts, id_bytes, 16);
	w[0] = (struct gw_write){.class = GW_CLASS_CHANNEL, .make = true, .field = GW_F_CORE};
	w[1] = (struct gw_write){.class = GW_CLASS_CHANNEL,
	                         .make = true,
	                         .field = GW_F_ACCESS,
	                         .sub = {id_bytes, 16},
	                         .value = {"o", 1}};
	w[2] = (struct gw_write){.class = GW_CLASS_CHANNEL,
	                         .make = true,
	                         .field = GW_F_FOUNDER,
	                         .value = gw_parts_value(&parts)};
	for (int i = 0; i < 100; i++)
		assert_int_equal(rig_commit_wait(rig, w, 3, &channels[i]), 0);
	refs = rig_dump(rig, T_REF);
	assert_int_equal(refs.n, 200);
	dump_free(&refs);
	assert_int_equal(rig_drop(rig, GW_CLASS_ACCOUNT, account), 0);
	mini_run(rig->mini, GW_SECOND);
	refs = rig_dump(rig, T_REF);
	assert_int_equal(refs.n, 0);
	dump_free(&refs);
	assert_int_equal(rig_read(rig, GW_CLASS_CHANNEL, channels[7]), 0);
	assert_int_equal(rig->n_cells, 1);
}

/* As the module oper writes them. */
static void grants_of_a_dropped_account_end(void **state)
{
	struct rig *rig = rig_of(state);
	uint8_t id_bytes[16], value[64];
	struct gw_parts parts = {.bytes = value, .max = sizeof(value)};
	struct gw_write w = {.class = GW_CLASS_GRANT, .make = true, .field = GW_F_CORE};
	struct gw_id account, grant;

	assert_int_equal(rig_register(rig, "uma", &account), 0);
	gw_id_bytes(account, id_bytes);
	gw_parts_text(&parts, "");
	gw_parts_add(&parts, id_bytes, 16);
	gw_parts_text(&parts, "admin");
	w.value = gw_parts_value(&parts);
	assert_int_equal(rig_commit_wait(rig, &w, 1, &grant), 0);
	assert_int_equal(rig_read(rig, GW_CLASS_GRANT, grant), 0);
	assert_int_equal(rig_drop(rig, GW_CLASS_ACCOUNT, account), 0);
	mini_run(rig->mini, GW_SECOND);
	assert_int_equal(rig_read(rig, GW_CLASS_GRANT, grant), -ENOENT);
}

static void a_reload_keeps_what_is_under_way(void **state)
{
	struct rig *rig = rig_of(state);
	uint64_t a;

	assert_int_equal(rig_register(rig, "wes", NULL), 0);
	assert_int_equal(rig_register_start(rig, "xan", &a), 0);
	mini_reload(rig->mini, "services");
	mini_reload(rig->mini, "store");
	assert_int_equal(GW_VIA(rig->services, gw_services_ops, find, GW_NAME_NICK, "nobody", 6,
	                        &rig->owner, (struct gw_call){0}),
	                 -ENOENT);
	mini_run(rig->mini, GW_SECOND);
	assert_true(rig->outcomes[a].done);
	assert_int_equal(rig->outcomes[a].status, 0);
	assert_int_equal(rig_find(rig, GW_NAME_NICK, "xan"), 0);
	assert_int_equal(rig_find(rig, GW_NAME_NICK, "wes"), 0);
}

static void status_tells_counts_digest_and_vector(void **state)
{
	struct rig *rig = rig_of(state);
	const char *text;
	int status;

	assert_int_equal(rig_register(rig, "yan", NULL), 0);
	text = mini_admin(rig->mini, &status, "services status", NULL);
	assert_int_equal(status, 0);
	assert_non_null(strstr(text, "accounts 1\n"));
	assert_non_null(strstr(text, "servers 1\n"));
	assert_non_null(strstr(text, "cells 8\n"));
	assert_non_null(strstr(text, "digest "));
	assert_non_null(strstr(text, "vector-"));
}

static void a_state_directory_serves_one_at_a_time(void **state)
{
	struct fixture *f = *state;
	struct mini *other = mini_new(f->folder, 0);

	assert_int_equal(mini_load(other, &store_LTX_gw_module), -EBUSY);
	mini_free(&other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void what_dies_in_a_full_map_makes_room(void **state)
{
	struct fixture *f = *state;
	struct rig *rig = &f->rig;
	static struct gw_id ids[2000];
	int n = 0, dead = 0, status = 0;
	char nick[32];

	rig_close(rig);
	mini_folder_remove(&f->folder);
	f->folder = mini_folder();
	rig_begin(rig, f->folder, false, 0, "1m");
	mini_run(rig->mini, GW_SECOND);
	for (; n < 2000 && status == 0; n++) {
		snprintf(nick, sizeof(nick), "filler%d", n);
		status = rig_register(rig, nick, &ids[n]);
	}
	assert_int_equal(status, -ENOSPC);
	n--;
	do {
		assert_true(dead < n);
		assert_int_equal(rig_drop(rig, GW_CLASS_ACCOUNT, ids[dead++]), 0);
	} while (rig_register(rig, "newcomer", NULL) != 0);
	rig_check(rig);
	for (; dead < n; dead++) /* as many as one likes */
		assert_int_equal(rig_drop(rig, GW_CLASS_ACCOUNT, ids[dead]), 0);
	rig_check(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(first_start_makes_a_network_of_one),
		TEST(an_account_is_found_and_read),
		TEST(of_two_in_one_group_the_first_gets_the_name),
		TEST(one_name_refused_undoes_the_whole_transaction),
		TEST(death_is_final_and_frees_the_names),
		TEST(the_earliest_living_claim_owns),
		TEST(who_does_not_own_a_name_is_shown_with_digits),
		TEST(a_long_name_is_cut_before_its_digits),
		TEST(a_new_display_form_keeps_the_place_in_line),
		TEST(certificates_are_claimed_too),
		TEST(what_is_over_a_limit_is_refused),
		TEST(a_field_of_a_modules_own_has_a_number_from_its_name),
		TEST(an_account_holds_32_nicks),
		TEST(an_access_list_ends_at_4096),
		TEST(walks_tell_each_entity_once_in_order),
		TEST(unknown_names_are_denied_without_a_read),
		TEST(names_are_found_before_the_filter_is_built),
		TEST(every_commit_is_announced),
		TEST(a_clock_behind_the_database_stops_writes),
		TEST(a_restart_finds_all_as_it_was),
		TEST(commits_wait_for_the_start),
		TEST(a_backup_put_back_begins_a_new_life),
		TEST(a_full_map_refuses_and_goes_on),
		TEST(what_dies_in_a_full_map_makes_room),
		TEST(what_expired_is_deleted_an_hour_later),
		TEST(cells_that_name_a_dropped_account_are_deleted),
		TEST(grants_of_a_dropped_account_end),
		TEST(a_reload_keeps_what_is_under_way),
		TEST(status_tells_counts_digest_and_vector),
		TEST(a_state_directory_serves_one_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
