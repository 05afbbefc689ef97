/*
 * core/log.c - from gw_log() to one line on the standard error or in syslog.
 *
 * The standard error may be a pipe that nobody empties. A line is written only when it can be taken
 * at once; what was lost meanwhile is counted and told with the next line that gets through.
 */
#include "core/log.h"
#include "core/loop.h"
#include "core/mem.h"
#include "core/module.h"
#include "core/server.h"
#include "core/settings.h"
#include "core/text.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum {
	text_max = 2048,
	line_max = 3500
}; /* a write to a pipe of up to 4096 bytes is never split */

struct level {
	struct level *next;
	enum gw_log_level level;
	char module[];
};

struct log {
	enum log_target target;
	enum gw_log_level level;
	struct level *levels;
	log_sink_fn *sink;
	void *ctx;
	unsigned long lost;
	uint64_t counts[GW_ERROR + 1];
};

static const struct {
	const char *word;
	int priority;
} levels[] = {
	[GW_DEBUG] = {"debug", LOG_DEBUG},
	[GW_INFO] = {"info", LOG_INFO},
	[GW_WARN] = {"warn", LOG_WARNING},
	[GW_ERROR] = {"error", LOG_ERR},
};

uint64_t log_count(const struct log *log, enum gw_log_level level)
{
	return log->counts[level];
}

bool log_level_parse(const char *word, enum gw_log_level *out)
{
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (strcmp(levels[i].word, word) != 0)
			continue;
		*out = (enum gw_log_level)i;
		return true;
	}
	return false;
}

const char *log_level_word(enum gw_log_level level)
{
	return levels[level].word;
}

struct log *log_new(void)
{
	struct log *log = mem_alloc(sizeof(*log));

	log->level = GW_INFO;
	return log;
}

static void levels_clear(struct log *log)
{
	struct level *l;

	while ((l = log->levels) != NULL) {
		log->levels = l->next;
		free(l);
	}
}

void log_free(struct log **log)
{
	if (*log == NULL)
		return;
	levels_clear(*log);
	free(*log);
	*log = NULL;
}

void log_set_level(struct log *log, const char *module, enum gw_log_level level)
{
	struct level *l = log->levels;

	while (l != NULL && strcmp(l->module, module) != 0)
		l = l->next;
	if (l == NULL) {
		l = mem_alloc(sizeof(*l) + strlen(module) + 1);
		memcpy(l->module, module, strlen(module) + 1);
		l->next = log->levels;
		log->levels = l;
	}
	l->level = level;
}

enum gw_log_level log_level(const struct log *log, const char *module)
{
	for (const struct level *l = log->levels; l != NULL; l = l->next)
		if (strcmp(l->module, module) == 0)
			return l->level;
	return log->level;
}

void log_apply(struct log *log, const struct settings *settings)
{
	levels_clear(log);
	log->target = settings->log_target;
	log->level = settings->log_level;
	for (size_t i = 0; i < settings->n_levels; i++)
		log_set_level(log, settings->levels[i].module, settings->levels[i].level);
}

void log_set_sink(struct log *log, log_sink_fn *sink, void *ctx)
{
	log->sink = sink;
	log->ctx = ctx;
}

static bool stderr_takes(void)
{
	struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};

	return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) != 0;
}

static void to_stderr(struct log *log, const char *line)
{
	char out[line_max + 80];
	int n;

	if (!stderr_takes()) {
		log->lost++;
		return;
	}
	if (log->lost > 0)
		n = snprintf(out, sizeof(out), "%s (%lu lines before this one were lost)\n", line,
		             log->lost);
	else
		n = snprintf(out, sizeof(out), "%s\n", line);
	if (write(STDERR_FILENO, out, (size_t)n) == n)
		log->lost = 0;
	else
		log->lost++;
}

/** "2026-11-23T04:30:00.123Z", UTC. */
static void stamp(char out[40], int64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / 1000000000);
	struct tm tm;
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(out, 30, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, 40 - n, ".%03dZ", (int)(wall_ns / 1000000 % 1000));
}

static void emit(struct gw_server *server, const char *module, enum gw_log_level level,
                 const char *text)
{
	struct log *log = server->log;
	char line[line_max], time_text[40];

	log->counts[level]++;
	if (log->target == LOG_TO_SYSLOG && log->sink == NULL) {
		syslog(LOG_DAEMON | levels[level].priority, "%s: %s", module, text);
		return;
	}
	stamp(time_text, server->loop->ops->wall_ns(server->loop));
	snprintf(line, sizeof(line), "%s %s %s: %s", time_text, levels[level].word, module, text);
	if (log->sink != NULL)
		log->sink(log->ctx, line);
	else
		to_stderr(log, line);
}

__attribute__((format(printf, 3, 4))) static void
api_line(struct gw_self *self, enum gw_log_level level, const char *format, ...)
{
	struct gw_server *server = self_server(self);
	char raw[text_max], text[text_max];
	va_list args;

	if (level < log_level(server->log, self->name))
		return;
	va_start(args, format);
	vsnprintf(raw, sizeof(raw), format, args);
	va_end(args);
	text_escape(text, sizeof(text), raw, strlen(raw));
	emit(server, self->name, level, text);
}

__attribute__((format(printf, 2, 3))) static void api_say(struct gw_self *self, const char *format,
                                                          ...)
{
	struct log *log = self_server(self)->log;
	char text[text_max];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (log->sink != NULL) {
		log->sink(log->ctx, text);
		return;
	}
	printf("%s\n", text);
	fflush(stdout);
}

const struct gw_log_api log_api = {
	.line = api_line,
	.say = api_say,
};
