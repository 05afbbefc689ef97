/*
 * godwit/admin.h - commands of the operator: rows in, rows out.
 *
 * A module contributes rows at the point "core.admin"; the same command then serves godwitctl (over
 * the control socket) and operators in IRC. A command answers with a table, lines of text, and one
 * end; how that looks (aligned columns, JSON, notices) is the front end's business.
 */
#ifndef GODWIT_ADMIN_H
#define GODWIT_ADMIN_H

#include <godwit/self.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct gw_admin_request; /* the core's, from the call until gw_admin_done() */

/** A row of the point "core.admin". */
struct gw_admin_command {
	const char *name;      /* one to three words: "module list" */
	const char *args;      /* "NAME [--cascade]", "" for none */
	const char *help;      /* one sentence */
	const char *privilege; /* what an operator in IRC must hold; NULL: the name with dots
	                          between its words, "module.list"; "": any operator */
	uint8_t min_args, max_args;
	uint32_t call;  /* row of `.calls`: gw_admin_fn */
	bool reads;     /* it changes nothing: in the log at debug only */
	uint8_t secret; /* the arguments from this one on (1: the first) are never logged, and
	                   wiped at the end; 0: none */
};
#define GW_POINT_ADMIN "core.admin"

/** Answers now or later, from any turn; gw_admin_done() exactly once. argv[0] is the first argument
 * behind the name; no argument has a line end in it. */
typedef void gw_admin_fn(void *state, struct gw_admin_request *req, int argc,
                         const char *const *argv);

/** The front end's side: what it is called with. Cells and text are borrowed for the call, and
 * UTF-8, whatever the command gave. */
enum gw_admin_part {
	GW_ADMIN_HEAD,
	GW_ADMIN_ROW,
	GW_ADMIN_TEXT,
	GW_ADMIN_END,
	GW_ADMIN_PROGRESS /* a line that takes the place of the one before */
};
/** One part of an answer. */
struct gw_admin_answer {
	enum gw_admin_part part;
	const char *const *cells; /* HEAD: column names; ROW: values */
	size_t n_cells;
	const char *text; /* TEXT, PROGRESS: a line; END: the error, "" on success */
	int status;       /* END: 0 or negative errno */
};
/** Called for each part in turn, within gw_admin_run() or later; GW_ADMIN_END is the last. */
typedef void gw_admin_answer_fn(void *state, uint64_t tag, const struct gw_admin_answer *answer);

/** Who asks: for the log and for privileges. Copied. */
struct gw_admin_asker {
	const char *who; /* "uid 0 on the control socket", "account alice from 192.0.2.7" */
	const char *const *privileges; /* NULL-terminated; see gw_admin_covers(); NULL: all */
	const char *detail; /* more of it, for the log alone: "pid=4711"; NULL: nothing */
};

/** Whether what an operator holds gives a privilege: it is the same, or "*", or "module.*" for all
 * that begins with "module.". */
static inline bool gw_admin_covers(const char *held, const char *privilege)
{
	size_t n = strlen(held);

	if (n > 0 && held[n - 1] == '*' && (n == 1 || held[n - 2] == '.'))
		return strncmp(held, privilege, n - 1) == 0;
	return strcmp(held, privilege) == 0;
}

/** Payload of the topic "core.status": call gw_status_add() for each figure. */
struct gw_status {
	void *core;
	void (*add)(struct gw_status *, const char *key, const char *value);
};

/** The table behind the functions below; call those. */
struct gw_admin_api {
	int (*run)(struct gw_self *, int argc, const char *const *argv,
	           const struct gw_admin_asker *, struct gw_call answer);
	void (*head)(struct gw_admin_request *, const char *const *columns, size_t n);
	void (*row)(struct gw_admin_request *, const char *const *cells, size_t n);
	void (*text)(struct gw_admin_request *, const char *line);
	void (*done)(struct gw_admin_request **, int status, const char *error);
	const char *(*who)(struct gw_admin_request *);
	void (*progress)(struct gw_admin_request *, const char *line);
};

/** Runs a command line for a front end; `answer` names a gw_admin_answer_fn and always ends with
 * GW_ADMIN_END (also for an unknown command or a missing privilege). argv[0] is the command's first
 * word. "help" lists what there is. */
static inline int gw_admin_run(struct gw_self *self, int argc, const char *const *argv,
                               const struct gw_admin_asker *asker, struct gw_call answer)
{
	return self->core->admin->run(self, argc, argv, asker, answer);
}

/** Names the columns; before the first row. Lower case, no spaces: they are the keys of the JSON
 * form. */
static inline void gw_admin_head(struct gw_self *self, struct gw_admin_request *req,
                                 const char *const *columns, size_t n)
{
	self->core->admin->head(req, columns, n);
}

/** A row: as many cells as there are columns. Cells are copied or sent within the call. */
static inline void gw_admin_row(struct gw_self *self, struct gw_admin_request *req,
                                const char *const *cells, size_t n)
{
	self->core->admin->row(req, cells, n);
}

/** A line of text, without a line end; before, between or instead of rows. */
static inline void gw_admin_text(struct gw_self *self, struct gw_admin_request *req,
                                 const char *line)
{
	self->core->admin->text(req, line);
}

/** How far a long command is: at most a few times a second. A terminal shows it in one line, which
 * the next takes the place of; other front ends show it now and then, or not at all. */
static inline void gw_admin_progress(struct gw_self *self, struct gw_admin_request *req,
                                     const char *line)
{
	self->core->admin->progress(req, line);
}

/** Ends the answer; `error` is a sentence when status is negative, else "". Nulls `*req`. */
static inline void gw_admin_done(struct gw_self *self, struct gw_admin_request **req, int status,
                                 const char *error)
{
	self->core->admin->done(req, status, error);
}

/** Who asked, for logs and for what is stored as the setter. */
static inline const char *gw_admin_who(struct gw_self *self, struct gw_admin_request *req)
{
	return self->core->admin->who(req);
}

#endif
