/*
 * godwit/log.h - one line per entry: time, level, module, a few words, then key=value.
 *
 * gw_log(self, GW_INFO, "listening address=%s", text). Control characters are escaped by the core,
 * so values from outside may be printed; secrets may not. The level is set per module. Loop thread
 * only.
 */
#ifndef GODWIT_LOG_H
#define GODWIT_LOG_H

#include <godwit/self.h>

/** DEBUG for who searches, INFO for what happens, WARN for what may need somebody, ERROR for what
 * does. */
enum gw_log_level { GW_DEBUG, GW_INFO, GW_WARN, GW_ERROR };

/** The table behind gw_log() and gw_say(); call those. */
struct gw_log_api {
	void (*line)(struct gw_self *, enum gw_log_level, const char *format, ...)
		__attribute__((format(printf, 3, 4)));
	void (*say)(struct gw_self *, const char *format, ...)
		__attribute__((format(printf, 2, 3)));
};

#define gw_log(self, level, ...) ((self)->core->log->line((self), (level), __VA_ARGS__))

/** A line on standard output for the person who started the server in the foreground (from the
 * topic "core.ready": how to connect...). Not part of the log. */
#define gw_say(self, ...) ((self)->core->log->say((self), __VA_ARGS__))

#endif
