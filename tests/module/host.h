/*
 * tests/module/host.h - one server under the simulated loop, with a folder of its own and test
 * modules to put there.
 */
#ifndef TESTS_MODULE_HOST_H
#define TESTS_MODULE_HOST_H

#include "core/loop.h"
#include "core/module.h"
#include "core/server.h"
#include "tests/modules/toy.h"
#include "tests/sim/sim.h"
#include <godwit/error.h>
#include <limits.h>
#include <stdbool.h>

struct host {
	char dir[PATH_MAX]; /* godwit.yaml, modules/, state/ */
	struct simnet *net;
	struct loop *loop;
	struct gw_server *server;
	const char *name;     /* as --name; NULL: not given */
	struct gw_error err;  /* of the last thing that failed */
	struct module *asker; /* in whose name commands are given */
	char answer[16384];   /* of the last command: a line per row or text, cells between bars */
	int status;
	bool ended;
	char log[65536];
};

void host_open(struct host *h);
void host_close(struct host *h);
/** The same for a test's fixture: a host in `*state`, and its end. */
struct host *host_new(void **state);
int host_teardown(void **state);

/** Puts a variant of a module (tests/modules/VARIANT) where the server looks, as an installer
 * would: by renaming. */
void host_put(struct host *h, const char *variant, const char *module);
void host_remove(struct host *h, const char *module);
/** Writes godwit.yaml: the usual keys in four lines, then `text`, which begins in line 5. */
void host_config(struct host *h, const char *text);
/** Writes another file of the folder. */
void host_file(struct host *h, const char *name, const char *text);
char *host_path(const struct host *h, const char *name);

/** server_new() and server_start(); the sentence of a failure is in err, without the folder's name.
 */
int host_start(struct host *h);
/** As `godwit VERB...`: its exit code, or GW_VERB_START, and then the server runs. */
int host_verb(struct host *h, int argc, const char *const *argv);
/** server_new() and server_check(). */
int host_check(struct host *h);
void host_stop(struct host *h);

/** Begins a command line; the answer so far is in `answer`. */
void host_begin(struct host *h, const char *line);
/** Runs a command line and waits for its end; its status. */
int host_ask(struct host *h, const char *line);

/** The interface of toy, by the core's handle. */
struct gw_iface *host_toy(struct host *h);

#endif
