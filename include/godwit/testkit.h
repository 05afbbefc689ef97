/*
 * godwit/testkit.h - runs a module in a simulated network: real servers, scripted clients, virtual
 * time, no sockets. For tests only; link with `pkg-config --libs godwit-testkit`.
 *
 *     int main(void)
 *     {
 *             struct gwt_net *net = gwt_net_new(gwt_seed(1), ".");
 *             struct gwt_server *s = gwt_server_new(net, "karma", "karma: {most: 3}\n");
 *             struct gwt_client *ann = gwt_enter(s, "ann", "");
 *
 *             gwt_send(ann, "KARMA %s", "bob");
 *             gwt_expect(ann, ":* NOTICE ann :bob has 1 point");
 *             gwt_net_end(&net);
 *             return 0;
 *     }
 *
 * The module is loaded from its file, by the code of the daemon, and cannot tell this from a
 * network of machines. Nothing happens but inside of these calls, and the same seed gives the same
 * run, to the byte. Functions that wait do so in virtual time, which costs nothing; durations are
 * in nanoseconds (GW_MS and GW_SECOND of <godwit/loop.h>).
 *
 * What a test expects and does not happen is a failure: the servers' logs, the client's
 * conversation, the seed and the place in the test are printed on stderr, and the program ends with
 * status 1; or gwt_on_failure() says what is done. So no function here returns an error that the
 * test could forget to look at.
 *
 * One thread. All that these functions return belongs to the network, and ends with it at the
 * latest. Whoever runs the tests may set in the environment: GODWIT_MODULES, the folder of Godwit's
 * own modules if they are not where Godwit was installed; GODWIT_SEED, see gwt_seed(); TMPDIR,
 * where the servers' folders are made and removed (else in memory, /dev/shm).
 */
#ifndef GODWIT_TESTKIT_H
#define GODWIT_TESTKIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default)

struct gwt_net;    /* a network, and its clock */
struct gwt_server; /* one server of it */
struct gwt_client; /* one connection to it, with a script for a person */

/** Most servers in a network; those that have crashed count. */
#define GWT_SERVERS_MAX 9

/* --- the network --- */

/** What the environment variable GODWIT_SEED says, as a decimal number, else `otherwise`: so that a
 * failure can be run again, and a test be tried with many seeds, without compiling it anew. */
uint64_t gwt_seed(uint64_t otherwise);

/** A network without servers yet. Latencies, keys, random numbers: all that chance decides comes
 * from `seed`. `folder` is where the modules under test are looked for (NAME.so), before Godwit's
 * own; relative to the working directory; copied; NULL for none. To be ended. */
struct gwt_net *gwt_net_new(uint64_t seed, const char *folder);

/** Modules are looked for in this folder too, behind those named before it. For servers that start
 * from now on. */
void gwt_net_folder(struct gwt_net *net, const char *folder);

/**
 * Stops all servers in good order and frees all that was made of this network; sets `*net` to NULL.
 * It is a failure if a module has left memory behind at its unloading, or pointers into its old
 * code after a reload, in any server that ended in good order.
 */
void gwt_net_end(struct gwt_net **net);

/** Lets `ns` of virtual time pass. */
void gwt_run(struct gwt_net *net, int64_t ns);

/** Virtual time since the network's beginning, in nanoseconds. The servers' wall clocks began at
 * 2026-01-01 00:00 UTC then. */
int64_t gwt_now(const struct gwt_net *net);

/** A number from the network's seed, for tests that do things at random. */
uint64_t gwt_random(struct gwt_net *net);

/** What the network does to all that passes through it. */
struct gwt_faults {
	int64_t latency_min_ns, latency_max_ns; /* of each delivery, drawn between the two; 0.1 ms
	                                           at first. On one connection nothing overtakes. */
	unsigned short_writes,
		short_reads; /* so many of 100 take or give only a part; 0 at first */
};

/** From now on. `faults` is copied. */
void gwt_net_faults(struct gwt_net *net, const struct gwt_faults *faults);

/* --- failures --- */

/** `report` is all that would be printed, valid during the call; `file` and `line` are the place in
 * the test, or "" and 0. It may end the program or leave by longjmp() (as cmocka's _fail() does):
 * then only gwt_net_end() may be called for that network, and does not fail any more (what the call
 * that failed had in hand is not freed). If it returns, the program ends with status 1. */
typedef void gwt_failed_fn(void *ctx, const char *report, const char *file, int line);

/** Called in place of printing the report; NULL: it is printed. */
void gwt_on_failure(struct gwt_net *net, gwt_failed_fn *fn, void *ctx);

/** Fails unless the condition holds, with all logs. */
#define gwt_check(net, condition)                                                                  \
	((condition) ? (void)0 : gwt_fail_at((net), #condition, __FILE__, __LINE__))
void gwt_fail_at(struct gwt_net *net, const char *what, const char *file, int line);

/* --- servers --- */

/**
 * Starts the network's first server. `modules` names those that it has besides the usual ones,
 * separated by commas, NULL for none; the usual ones are
 *
 *     store services network link burst client account channel message query monitor guest oper
 *     redirect balance
 *
 * `yaml` is added to its configuration (godwit.yaml(5)); NULL for nothing. What it does not say is
 * set so that tests are quick: server (sN.example.net, N from 0 on), listen, account (few
 * iterations), client (no flood limit for 127.0.0.0/8), burst. With `modules:` in `yaml`
 * exactly those are loaded, one of which must serve clients. The state directory is a temporary
 * folder. It is a failure if the server does not start; the report has its sentence.
 */
struct gwt_server *gwt_server_new(struct gwt_net *net, const char *modules, const char *yaml);

/** A further server, which joins the network of `uplink` as an operator has it joined: `godwit
 * join` on the new one, `server add` on the other. Returns when clients can connect to it. */
struct gwt_server *gwt_server_join(struct gwt_server *uplink, const char *modules,
                                   const char *yaml);

/** A start that must fail, as a server of its own: returns its sentence, valid until the next call
 * of this function; without the name of the temporary folder. */
const char *gwt_server_refused(struct gwt_net *net, const char *modules, const char *yaml);

/** "s0.example.net" */
const char *gwt_server_name(const struct gwt_server *server);

/** All that it has logged, from its first start on: lines that begin with the virtual time in
 * seconds. Valid until time passes. */
const char *gwt_log(const struct gwt_server *server);

/** Another configuration, of the same form as for gwt_server_new(), and a rehash; a refusal is a
 * failure. */
void gwt_rehash(struct gwt_server *server, const char *modules, const char *yaml);

/** Ends it in good order and starts it again on its state. In a network, clients may come again
 * when it is linked: gwt_level(). */
void gwt_restart(struct gwt_server *server);

/** It is gone from one moment to the next, as by a loss of power: what was not stored is lost, and
 * its clients see their connections end. */
void gwt_crash(struct gwt_server *server);

/** Starts one that has crashed. It may be linked only some time later: gwt_level(). */
void gwt_start(struct gwt_server *server);

/**
 * Runs an operator's command (godwitctl(1)) and waits for its end, for at most a minute. Words are
 * separated by spaces. Returns the answer, valid until the next command: a line per row or text,
 * cells between bars; the sentence of an error is the last line. `status`: 0 or a negative errno;
 * with NULL an error is a failure.
 */
const char *gwt_admin(struct gwt_server *server, int *status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** Loads the module's file anew while the server runs, as `godwitctl module reload`; a refusal is a
 * failure. */
void gwt_reload(struct gwt_server *server, const char *module);

/** The same, but from now on this server takes the module from a copy of `file`: another build of
 * it, say one with another layout of its state. */
void gwt_reload_as(struct gwt_server *server, const char *module, const char *file);

/* --- between servers --- */

/** Nothing passes between the two any more; their link is reset. */
void gwt_cut(struct gwt_server *a, struct gwt_server *b);
/** The same, but nobody is told: what is under way hangs. */
void gwt_stall(struct gwt_server *a, struct gwt_server *b);
/** Takes all cuts and stalls back. The servers dial each other again by themselves. */
void gwt_heal(struct gwt_net *net);
/** Waits until all servers that are up are linked and have the same users, channels and stored
 * data; a failure if that takes more than `within_ns`. Two minutes are enough after a cut. */
void gwt_level(struct gwt_net *net, int64_t within_ns);

/* --- clients --- */

/** A connection from 127.0.0.1 that has said nothing yet. */
struct gwt_client *gwt_connect(struct gwt_server *server);
/** The same from another address ("192.0.2.7"), with `tls` over TLS. */
struct gwt_client *gwt_connect_from(struct gwt_server *server, const char *address, bool tls);
/** A guest: connected, with that nick and these capabilities (separated by spaces, "" for none),
 * who has read the welcome. It answers the server's PING by itself, and shows no line of that: so
 * hours may pass. */
struct gwt_client *gwt_enter(struct gwt_server *server, const char *nick, const char *caps);
/** The same, of a person whose client can be moved to another server, as an agent can:
 * gwt_move(). What such a client shows is what its user sees, whichever the connection. */
struct gwt_client *gwt_enter_movable(struct gwt_server *server, const char *nick, const char *caps);
/** Makes an account whose owner is not there, with the password of gwt_login(). It is known to the
 * other servers some moments later: gwt_level(). Its name should not be a nick that somebody uses,
 * who would lose it to the account. */
void gwt_account(struct gwt_server *server, const char *account);
/** The client logs in to an account, which it registers if its server knows none of that name; a
 * failure if it is refused. It has read all that the server says about it. A guest cannot have had
 * the nick of an account that there is before: gwt_enter() is refused that. */
void gwt_login(struct gwt_client *client, const char *account);
/** An operator moves the client, which was entered as movable, to that server of its network, and
 * tries for a minute if that is refused; a failure if it does not arrive. */
void gwt_move(struct gwt_client *client, struct gwt_server *to);
/** Where it is connected. */
struct gwt_server *gwt_client_server(const struct gwt_client *client);

/** Says a line; CR LF is added. Nothing happens if the connection has ended. */
void gwt_send(struct gwt_client *client, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/** Sends bytes as they are. Not for a movable client. */
void gwt_send_raw(struct gwt_client *client, const void *data, size_t n);

/** Waits, for ten seconds, for a line that matches (* any characters, ? one), and takes it and all
 * before it. Returns the line without CR LF, valid until the client is closed. */
#define gwt_expect(client, glob) gwt_expect_at((client), (glob), __FILE__, __LINE__)
/** Waits for a line that must be the very next one. Not for a movable client. */
#define gwt_expect_next(client, glob) gwt_expect_next_at((client), (glob), __FILE__, __LINE__)
/** Lets a second pass: no line that has not been taken may match. Takes nothing. */
#define gwt_expect_none(client, glob) gwt_expect_none_at((client), (glob), __FILE__, __LINE__)
/** The server ends the connection within ten seconds. Not for a movable client. */
#define gwt_expect_end(client) gwt_expect_end_at((client), __FILE__, __LINE__)

/** The functions behind the above. */
const char *gwt_expect_at(struct gwt_client *client, const char *glob, const char *file, int line);
const char *gwt_expect_next_at(struct gwt_client *client, const char *glob, const char *file,
                               int line);
void gwt_expect_none_at(struct gwt_client *client, const char *glob, const char *file, int line);
void gwt_expect_end_at(struct gwt_client *client, const char *file, int line);

/** All lines received so far, taken or not: their number, and the array, valid until time passes.
 * Lets no time pass. */
size_t gwt_lines(const struct gwt_client *client, const char *const **lines_out);

/** With true it reads nothing any more, so that what the server sends waits there; with false it
 * reads again. Not for a movable client. */
void gwt_block(struct gwt_client *client, bool blocked);
/** Goes away without a word, and frees the client; sets `*client` to NULL. */
void gwt_close(struct gwt_client **client);

#pragma GCC visibility pop

#endif
