/*
 * tests/sim/harness.h - servers and scripted clients in a simulated network, for tests that read
 * like a conversation.
 *
 *     struct simnet *net = simnet_new(seed);
 *     struct simserver *s = simnet_server(net, "modules: [store, services, network, client,
 * account, guest]\n"); struct simclient *a = simnet_client(s, "127.0.0.1", false);
 *
 *     client_send(a, "NICK %s", "ann");
 *     client_expect(a, ":* 001 ann *");
 *     simnet_end(&net);
 *
 * A server is the real one, with modules from the build tree and a folder of its own; time passes
 * only inside of these calls. What fails prints the whole conversation, the server's log, and the
 * seed.
 */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

#include "core/server.h"
#include "tests/sim/sim.h"

struct simserver;
struct simclient;

/**
 * Starts a server. What `yaml` does not say is added: server (simN.example.net), state-directory,
 * plain and TLS listeners on 127.0.0.1:6667 and :6697 (where the module client is loaded), one for
 * links on 10.0.0.N:7000 (where the module link is), debug: {scan-state: yes}. Modules are found in
 * the build tree (GODWIT_BUILD, else the working directory); `module-directory` in `yaml` comes
 * before it.
 */
struct simserver *simnet_server(struct simnet *net, const char *yaml);
/** The same, but a start that fails is what the test wants: NULL, and the sentence, without the
 * folder's name. */
struct simserver *simnet_try_server(struct simnet *net, const char *yaml, struct gw_error *err);
/** As `godwit VERB ARGUMENTS...`, which end with NULL. NULL when the verb does not have the server
 * started, with its sentence if it failed. */
struct simserver *simnet_verb_server(struct simnet *net, const char *yaml, struct gw_error *err,
                                     const char *verb, ...) __attribute__((sentinel));
struct gw_server *simserver_server(struct simserver *s);
struct loop *simserver_host(struct simserver *s);
/** "10.0.0.N:7000", where server N is reached by others. */
const char *simserver_address(const struct simserver *s);
/** A path below the server's folder ("state/...", "godwit.yaml"); to be freed. */
char *simserver_path(struct simserver *s, const char *name);
/** Ends in good order, as by SIGTERM, and starts anew on the same state with `yaml` (NULL: the
 * same). */
void simserver_restart(struct simserver *s, const char *yaml);
/** Only the first half: clients see how a server ends. */
void simserver_stop(struct simserver *s);
/**
 * A power cut: from this moment the server is no more, until simserver_restart(). Its memory is
 * gone, and with store_fake what was not synced; clients read what is under way to them.
 */
void simserver_cut(struct simserver *s);
/** Writes another configuration, for "rehash". */
void simserver_config(struct simserver *s, const char *yaml);
/**
 * Runs an administrator's command, waits for its end, and returns its answer: a line per head, row
 * or text, cells between bars. Valid until the next command. The status is 0 or a negative errno;
 * the sentence of an error is the last line.
 */
const char *simserver_admin(struct simserver *s, int *status_out, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/** The same for a command that must succeed. */
const char *simserver_ask(struct simserver *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/** All that it logged so far. */
const char *simserver_log(struct simserver *s);

/** Connects; with `tls` to the first TLS listener, else to the first plain one. `from` is the
 * client's address. */
struct simclient *simnet_client(struct simserver *s, const char *from, bool tls);
/** The same with a client certificate of that fingerprint. */
struct simclient *simnet_client_with(struct simserver *s, const char *from,
                                     const uint8_t certificate[32]);
/** To the listener with this address ("unix:/..." too); */
struct simclient *simnet_client_at(struct simserver *s, const char *address, const char *from);

/** Sends a line; CR LF is added. */
void client_send(struct simclient *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void client_send_raw(struct simclient *c, const void *data, size_t n);

/**
 * Waits, for ten seconds of virtual time, for a line that matches (* any characters, ? one) and
 * takes it and all before it. Returns the line, valid until the client ends.
 */
#define client_expect(c, glob) client_expect_at((c), (glob), __FILE__, __LINE__)
/** The very next line must match. */
#define client_expect_next(c, glob) client_expect_next_at((c), (glob), __FILE__, __LINE__)
/** Until the network is quiet (a second): no line that has not been taken matches. Takes nothing.
 */
#define client_expect_none(c, glob) client_expect_none_at((c), (glob), __FILE__, __LINE__)
/** All lines that have not been taken, once the network is quiet, joined with LF, must be exactly
 * `text`; takes them. */
#define client_expect_exactly(c, text) client_expect_exactly_at((c), (text), __FILE__, __LINE__)
/** The server closes the connection. */
#define client_expect_end(c) client_expect_end_at((c), __FILE__, __LINE__)

const char *client_expect_at(struct simclient *c, const char *glob, const char *file, int line);
const char *client_expect_next_at(struct simclient *c, const char *glob, const char *file,
                                  int line);
void client_expect_none_at(struct simclient *c, const char *glob, const char *file, int line);
void client_expect_exactly_at(struct simclient *c, const char *text, const char *file, int line);
void client_expect_end_at(struct simclient *c, const char *file, int line);

/** All that has not been taken, once the network is quiet, joined with LF; takes it. To be freed.
 */
char *client_take(struct simclient *c);
/** Lines received so far, from the first one on, for tests that compare whole conversations. */
size_t client_lines(struct simclient *c, const char *const **lines_out);
bool client_ended(const struct simclient *c);
/** The connection itself: to block, cut, shut or break it. NULL when it has ended here. */
struct simpipe *client_pipe(struct simclient *c);
/** From now on it answers its server's PING, and neither is among its lines. */
void client_alive(struct simclient *c);
/** The channel binding of a TLS client. */
void client_binding(const struct simclient *c, uint8_t out[32]);
/** Goes away without a word. */
void client_close(struct simclient *c);

/** Lets a second pass. */
void simnet_quiet(struct simnet *net);
/** Ends all clients and servers, then the network. */
void simnet_end(struct simnet **net);

bool sim_glob(const char *glob, const char *text);
/** How often `what` stands in `text`. */
unsigned sim_count(const char *text, const char *what);

#endif
