/*
 * tests/unit/mini.h - just enough of a core to run modules that are linked into a test: no sockets,
 * no threads.
 *
 * Time stands still but for mini_run(). Jobs run when the test lets them, one thing per
 * mini_step(), in an order that a seed decides (seed 0: first come, first served). mini_cut() is a
 * power cut: nothing is unloaded, all memory is gone.
 */
#ifndef TESTS_UNIT_MINI_H
#define TESTS_UNIT_MINI_H

#include <godwit/admin.h>
#include <godwit/bus.h>
#include <godwit/log.h>
#include <godwit/loop.h>
#include <godwit/mem.h>
#include <godwit/module.h>

struct mini;

struct mini *mini_new(const char *state_directory, uint64_t seed);
/** Unloads the modules in reverse order; fails the test when one left memory behind. */
void mini_free(struct mini **mini);
void mini_cut(struct mini **mini);

/** Text of an option, before mini_load(). */
void mini_option(struct mini *mini, const char *name, const char *value);
/** Returns what its `load` returned. */
int mini_load(struct mini *mini, const struct gw_module *module);
/** Loads the same image again on the state that is there, as a reload does. */
void mini_reload(struct mini *mini, const char *name);
/** As an unload by an operator: what jobs are under way ends later and calls nothing. */
void mini_unload(struct mini *mini, const char *name);
struct gw_self *mini_self(struct mini *mini, const char *name);
/** What `requires` would give: the interface that a loaded module provides. */
struct gw_iface *mini_iface(struct mini *mini, const char *name);
/** A module of the test itself, to be called back. */
struct gw_self *mini_test_self(struct mini *mini, const struct gw_call_row *calls, uint32_t n,
                               void *state);

/** One thing happens; false when there is nothing to do at this moment. */
bool mini_step(struct mini *mini);
/** Lets all happen that is due within `ns`. */
void mini_run(struct mini *mini, int64_t ns);
/** Time passes, and nothing is done in it. */
void mini_pass(struct mini *mini, int64_t ns);
void mini_skew(struct mini *mini, int64_t ns);
/** The wall clock of this moment; else it begins at one that is the same in every test. */
void mini_set_wall(struct mini *mini, int64_t ns);
/** The server's name; before anything is loaded. */
void mini_name(struct mini *mini, const char *server);
uint64_t mini_random(struct mini *mini);
/** The clock last given out. */
uint64_t mini_clock(struct mini *mini);
/** Why gw_stop() was called; "" if it was not. */
const char *mini_stopped(struct mini *mini);

/** The answer to the question is no. */
void mini_refuse(struct mini *mini, const char *question);
/** Calls `fn` for each notification of the topic. */
void mini_hear(struct mini *mini, const char *topic, void (*fn)(void *ctx, const void *payload),
               void *ctx);
void mini_notify(struct mini *mini, const char *topic, const void *payload);
/** Runs an admin command of a loaded module, `arguments` divided by spaces; the answer's lines,
 * cells divided by a space, until the next. Status in `*status_out`. */
const char *mini_admin(struct mini *mini, int *status_out, const char *command,
                       const char *arguments);
/** Its two halves: begins, and waits for the end, whose status it returns. */
void mini_admin_start(struct mini *mini, const char *command, const char *arguments);
int mini_admin_end(struct mini *mini);

/** A new folder below $TMPDIR or /tmp, and its removal. */
char *mini_folder(void);
void mini_folder_remove(char **path);

#endif
