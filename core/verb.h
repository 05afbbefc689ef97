/*
 * core/verb.h - verbs of the command line, which modules bring (include/godwit/verb.h).
 *
 * The modules are opened and their options checked as for `godwit -t`; none of them is loaded.
 */
#ifndef CORE_VERB_H
#define CORE_VERB_H

#include <godwit/error.h>
#include <stdio.h>

struct gw_self;
struct gw_server;

/** Runs argv[0] with the arguments behind it. Gives an exit code, with a sentence when it is not 0,
 * or GW_VERB_START: server_start() comes next. */
int verb_run(struct gw_server *server, int argc, const char *const *argv, struct gw_error *err);

/** A line for each verb. */
int verb_list(struct gw_server *server, FILE *out, struct gw_error *err);

/** Behind gw_server_rename(). */
int verb_rename(struct gw_self *self, const char *name, struct gw_error *err);

#endif
