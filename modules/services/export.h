/*
 * services/export.h - an export under way.
 *
 *     export.c        the command, the order of things, the file
 *     export_names.c  who claims which name: how accounts are called in the file
 */
#ifndef SERVICES_EXPORT_H
#define SERVICES_EXPORT_H

#include "form.h"
#include "services.h"

struct called;
struct called_block;
struct contested;

struct export
{
	struct gw_admin_request *req;
	char *path; /* of the file */
	bool secrets;
	bool writing;  /* a job is under way */
	bool made;     /* the file beside was begun */
	bool read;     /* all is in `text` */
	bool headed;   /* the section's name was written */
	bool unread;   /* it was the database that failed, not the file */
	uint8_t class; /* of the walk */
	bool walking;  /* a walk has not said its last word */
	size_t section;
	uint64_t held; /* the walk that waits for the file; 0: none */
	int64_t told_ns;
	uint64_t counts[256];  /* by class */
	struct form_text text; /* not yet handed to a job */
	int status;
	/* export_names.c */
	struct called *called;
	struct called_block *blocks;
	struct contested *contested;
	uint64_t nameless;
	uint8_t from[NAME_KEY_MAX + 1];
	size_t from_n;      /* the row behind the last one */
	uint32_t place;     /* of the last one */
	uint32_t reserved2; /* 0 */
};

/* --- export_names.c --- */

/** Reads on; export_names() is called. */
int export_names_read(struct services_state *state);
/** Takes a slice; the first row behind it is asked for next. */
void export_names_take(struct services_state *state, const struct gw_store_row *rows, size_t n);
/** An account comes: it gets a number if it has no name. */
void export_names_meet(struct services_state *state, const struct gw_entity *entity);
struct form_names export_names_of(struct services_state *state);
void export_names_free(struct services_state *state);

#endif
