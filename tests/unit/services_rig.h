/*
 * tests/unit/services_rig.h - the modules store (or store_fake) and services in a small core,
 * driven like a caller would, and a second opinion on their tables: all that follows from the cells
 * is computed anew and compared.
 */
#ifndef TESTS_UNIT_SERVICES_RIG_H
#define TESTS_UNIT_SERVICES_RIG_H

#include "tests/unit/cmocka.h"
#include "tests/unit/mini.h"
#include <errno.h>
#include <godwit/parts.h>
#include <godwit/services.h>
#include <godwit/store.h>

/** Numbers of the tables, as the manual gives them. */
enum { T_CELL, T_LOG, T_VEC, T_OWN, T_NAME, T_REF, T_META, T_TOMB };

#define OUTCOMES 4096
#define CELLS_KEPT 64

struct outcome {
	bool done;
	int status;
	struct gw_id made;
};

struct kept_cell {
	uint16_t field;
	bool beaten;
	size_t sub_n, value_n;
	struct gw_stamp stamp;
	uint8_t sub[64], value[512];
};

/** Rows of a table, copied. */
struct dump {
	size_t n;
	struct dump_row {
		size_t key_n, val_n;
		uint8_t *key, *val;
	} * rows;
};

struct rig {
	struct mini *mini;
	struct gw_iface *store, *services;
	struct gw_self *self;
	struct outcome outcomes[OUTCOMES];
	uint64_t n_outcomes;

	/* of the last find, read, walk, store call */
	bool answered;
	int status;
	struct gw_owner owner;
	uint8_t class;
	struct gw_id id;
	size_t n_cells;
	struct kept_cell cells[CELLS_KEPT];
	char shown[GW_NAME_MAX + 1];
	size_t n_walked;
	struct gw_id *walked;
	struct dump *dump;
	uint8_t dump_from[GW_STORE_KEY_MAX + 1];
	size_t dump_from_n;
};

extern const struct gw_module store_LTX_gw_module, store_fake_LTX_gw_module, services_LTX_gw_module;

/** The two halves of rig_begin(), for who has more to say in between. */
void rig_prepare(struct rig *rig, const char *folder, uint64_t seed);
void rig_load(struct rig *rig, bool fake);
/** Loads both modules and lets them start. */
void rig_open(struct rig *rig, const char *folder, bool fake, uint64_t seed);
/** The same without waiting for the start; `map_size` NULL: the usual. */
void rig_begin(struct rig *rig, const char *folder, bool fake, uint64_t seed, const char *map_size);
void rig_close(struct rig *rig);
/** A power cut. */
void rig_cut(struct rig *rig);

/** What commit() returned; the outcome comes later in outcomes[*index_out]. */
int rig_commit(struct rig *rig, const struct gw_write *writes, size_t n, uint64_t *index_out);
/** Commits and waits. */
int rig_commit_wait(struct rig *rig, const struct gw_write *writes, size_t n,
                    struct gw_id *made_out);
/** A new account with an exclusive claim of the nick. */
int rig_register(struct rig *rig, const char *nick, struct gw_id *made_out);
int rig_register_start(struct rig *rig, const char *nick, uint64_t *index_out);
int rig_drop(struct rig *rig, uint8_t class, struct gw_id id);
/** Claims a further nick. */
int rig_claim(struct rig *rig, struct gw_id account, const char *nick, bool exclusive);
/** Waits for the answer; the owner is in rig->owner. */
int rig_find(struct rig *rig, char ns, const char *folded);
/** The same with find_shown. */
int rig_find_shown(struct rig *rig, char ns, const char *folded);
/** Waits for the answer; the cells are in rig->cells. */
int rig_read(struct rig *rig, uint8_t class, struct gw_id id);
/** Waits for the end; ids are in rig->walked. */
int rig_walk(struct rig *rig, uint8_t class);
struct gw_blob rig_text(const char *text);

struct dump rig_dump(struct rig *rig, uint8_t table);
void dump_free(struct dump *dump);
bool dump_same(const struct dump *a, const struct dump *b);
/** Fails the test when log, name, ref, counts or digest are not what the cells say. */
void rig_check(struct rig *rig);
/** The meta row, or NULL. */
const struct dump_row *dump_find(const struct dump *dump, const char *key);
uint64_t be64(const uint8_t *p);

#endif
