/*
 * core/tls_pair.h - the certificate and key that the configuration names: read by a plan, and by
 * the command `tls reload` alone.
 */
#ifndef CORE_TLS_PAIR_H
#define CORE_TLS_PAIR_H

#include <godwit/error.h>

struct gw_admin_request;
struct gw_server;
struct settings;
struct tls_cred;

/** Without a block `tls` the pair is the server's own, in its state directory, and made where it is
 * missing. */
int tls_pair_prepare(struct gw_server *server, const struct settings *settings,
                     struct tls_cred **out, struct gw_error *err);

/** The commands, gw_admin_fn. */
void tls_show_command(void *state, struct gw_admin_request *req, int argc, const char *const *argv);
void tls_reload_command(void *state, struct gw_admin_request *req, int argc,
                        const char *const *argv);

#endif
