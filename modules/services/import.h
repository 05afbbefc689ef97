/*
 * services/import.h - an import under way: `services import FILE`.
 *
 *     import.c        the command, one phase after the other, the end
 *     import_file.c   the file, read by jobs; its text to records
 *     import_plan.c   who claims what in the file, and in which order; who is meant by a reference
 *     import_check.c  what of it is in the database already
 *     import_write.c  the transactions
 *
 * Nothing is written before all has been read and checked. Work is done a little each turn of the
 * loop.
 */
#ifndef SERVICES_IMPORT_H
#define SERVICES_IMPORT_H

#include "form.h"
#include "services.h"

#define IMPORT_SECTIONS 8
#define IMPORT_TOLD 20     /* faults and conflicts that are told; the others are counted */
#define IMPORT_AT_ONCE 256 /* records of a turn, where each is quickly done */
#define IMPORT_CELLS 4096  /* cells of a turn, or references: a record may have thousands */

/** What a phase's turn has come to. */
enum import_step {
	STEP_TURN,  /* there is more of it: another turn */
	STEP_WAIT,  /* something will call */
	STEP_DONE,  /* on to the next phase */
	STEP_FAILED /* import_fail() was called */
};

struct claimed;
struct existing;

/** A claim that must wait for others of the file. */
struct late {
	struct form_record *record;
	uint64_t claim; /* its number among the record's */
};

struct import {
	struct gw_admin_request *req;
	char *path, *name; /* of the file; as it was typed */
	bool dry, skip, servers;
	bool asked;   /* an answer is waited for: where `section`, `at`, `part` point */
	bool turning; /* a turn is on its way */
	bool sized;   /* the file's length is known */
	uint8_t phase;
	uint8_t reserved; /* 0 */
	int64_t told_ns;

	/* import_file.c */
	char *text;
	uint64_t size, got;
	struct form_tree *tree;
	struct records {
		struct form_record **p;
		size_t n, room;
		uint64_t written, exist, left_out;
	} records[IMPORT_SECTIONS];
	uint64_t faults, conflicts;

	/* Where the phase at hand is. */
	size_t section, at, part;

	/* import_plan.c */
	struct claimed *claimed;       /* by name and place */
	struct form_record **nameless; /* accounts without a name */
	size_t n_nameless, nameless_room;
	struct late *late;
	size_t n_late, late_room;

	/* import_check.c */
	uint64_t question; /* who claims a name: the last one */
	uint32_t place;    /* of the claimants that are being told */
	uint32_t class;    /* that is walked over */
	struct existing *existing;
	struct gw_id network;

	/* import_write.c */
	uint64_t in_flight, durable; /* transactions; records */
	int64_t status;

	struct import *next; /* that is over, and is being given back */
};

/* --- import.c --- */

/** Says what is wrong with the file, up to a bound. */
void import_fault(struct services_state *state, uint32_t line, uint32_t column, const char *text);
/** The end, once nothing is under way: the answer is a sentence. What it took is given back in
 * later turns. */
void import_fail(struct services_state *state, int status, const char *text);
/** Another turn. */
void import_again(struct services_state *state);
/** The record at `section`, `at`; goes on to the next section behind the last one. NULL: none. */
struct form_record *import_record(struct import *im);
void import_drop(struct services_state *state);
gw_admin_fn import_command;
gw_timer_fn import_turn, import_clear;

/* --- import_file.c --- */

enum import_step import_read(struct services_state *state),
	import_parse(struct services_state *state);
void import_text_free(struct services_state *state);
gw_job_run_fn import_run;
gw_job_done_fn import_chunk;

/* --- import_plan.c --- */

enum import_step import_index(struct services_state *state);
enum import_step import_order(struct services_state *state);
enum import_step import_resolve(struct services_state *state);
/** The claim number `i` of a record, or NULL. */
const struct form_cell *import_claim(const struct form_record *record, size_t i);
/** The name that it claims; its length. */
size_t import_prefix(const struct form_record *record, const struct form_cell *cell,
                     uint8_t out[NAME_PREFIX_MAX]);
/** Fills the ids of accounts of the file that have theirs by now. */
void import_fill(struct form_record *record);
/** Gives back at most so many claims; false: there are more. */
bool import_plan_free(struct gw_self *self, struct import *im, size_t most);
gw_owner_fn import_account;

/* --- import_check.c --- */

enum import_step import_names(struct services_state *state);
enum import_step import_compare(struct services_state *state);
/** As import_plan_free() does, what was noted of the database. */
bool import_check_free(struct gw_self *self, struct import *im, size_t most);
gw_owner_fn import_owner, import_claimant;
gw_walk_fn import_each;

/* --- import_write.c --- */

enum import_step import_write(struct services_state *state);
gw_committed_fn import_done;

#endif
