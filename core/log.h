/*
 * core/log.h - where log lines go, and which are worth it.
 */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include <godwit/log.h>
#include <stdbool.h>
#include <stdint.h>

struct gw_server;
struct settings;

/** Gets each line, without its line end, in place of the standard error or syslog: for tests and
 * the simulator. */
typedef void log_sink_fn(void *ctx, const char *line);

struct log *log_new(void);
void log_free(struct log **log);

/** Takes target and levels of the settings; levels set by hand are forgotten. */
void log_apply(struct log *log, const struct settings *settings);

/** The level of one module, until the next rehash. */
void log_set_level(struct log *log, const char *module, enum gw_log_level level);
enum gw_log_level log_level(const struct log *log, const char *module);

/** Lines and what gw_say() says go to `sink`; NULL: to where the settings say. */
void log_set_sink(struct log *log, log_sink_fn *sink, void *ctx);

/** Lines of that level so far, of the core and all modules. */
uint64_t log_count(const struct log *log, enum gw_log_level level);

bool log_level_parse(const char *word, enum gw_log_level *out);
const char *log_level_word(enum gw_log_level level);

#endif
