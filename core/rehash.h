/*
 * core/rehash.h - reads the configuration anew and applies what is different, all or nothing.
 */
#ifndef CORE_REHASH_H
#define CORE_REHASH_H

#include <godwit/error.h>

struct gw_server;

/** One difference that was applied: "module" guest "" "loaded", "option" client.nick-length
 * 30 32... */
typedef void rehash_report_fn(void *ctx, const char *what, const char *name, const char *before,
                              const char *after);

/** At the end of a turn. `report` is called after success only. */
int rehash(struct gw_server *server, rehash_report_fn *report, void *ctx, struct gw_error *err);

#endif
