/*
 * godwit/verb.h - verbs of the command line: `godwit [-c FILE] VERB ARGUMENTS`.
 *
 * A module contributes rows at the point "core.verb". A verb runs before any module is loaded: it
 * has its module's options and the state directory, no state, no connections. It ends with an exit
 * code, or has the server started after it: then the modules learn with gw_started_as() what it is
 * started for.
 */
#ifndef GODWIT_VERB_H
#define GODWIT_VERB_H

#include <godwit/error.h>
#include <godwit/option.h>
#include <godwit/self.h>
#include <stdbool.h>
#include <stdint.h>

/** A row of the point "core.verb". */
struct gw_verb_row {
	const char *name; /* "join" */
	const char *args; /* "[--name NAME] HOST:PORT KEY", "" for none */
	const char *help; /* one sentence */
	uint8_t min_args, max_args;
	uint32_t call; /* row of `.calls`: gw_verb_fn */
	bool starts;   /* it has the server started: refused while one runs in the same folder */
};
#define GW_POINT_VERB "core.verb"

/** Go on as the server. */
#define GW_VERB_START (-1)

/** argv[0] is the first argument behind the verb. Output by printf. Gives the exit code (not 0:
 * `err` holds a sentence, which the caller prints), or GW_VERB_START. */
typedef int gw_verb_fn(struct gw_self *self, int argc, const char *const *argv,
                       struct gw_error *err);

/** The verb that the server was started with, "" for none. */
static inline const char *gw_started_as(struct gw_self *self)
{
	const char *verb = gw_server_string(self, "verb");

	return verb == 0 ? "" : verb;
}

/** Only within a verb's function: the server's name is `name`, whatever the configuration says; a
 * start behind the verb keeps it for good, in the state directory. 0, or -EINVAL with a sentence:
 * it cannot be a server's name. */
static inline int gw_server_rename(struct gw_self *self, const char *name, struct gw_error *err)
{
	return self->core->option->rename(self, name, err);
}

/** Only within a verb's function: an option of the verb's own module has this value (a list: `n`
 * items, else one) for as long as the server runs, whatever the configuration says, also after a
 * rehash or a reload. gw_options() has it from the start on, not yet in the verb. 0, or negative
 * with a sentence: the row of the option does not take it. */
static inline int gw_option_give(struct gw_self *self, const char *name, size_t n,
                                 const char *const *items, struct gw_error *err)
{
	return self->core->option->give(self, name, n, items, err);
}

#endif
