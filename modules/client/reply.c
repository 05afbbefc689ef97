/*
 * modules/client/reply.c - lines to one client: numerics, notices, standard replies, lists of
 * words.
 *
 * A line is cut to its bound between two characters, gets the time if the client has server-time,
 * and goes to the open label if there is one.
 */
#include "client.h"
#include <time.h>

/* "time=2026-11-23T12:00:00.000Z"; many lines are written within one millisecond. */
const char *reply_time(struct client_state *st, int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;

	if (ms == st->time_ms && st->time_tag[0] != '\0')
		return st->time_tag;
	gmtime_r(&seconds, &tm);
	snprintf(st->time_tag, sizeof(st->time_tag), "time=%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
	         (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)(tm.tm_mon + 1) % 100,
	         (unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
	         (unsigned)tm.tm_sec % 100, (unsigned)(ms % 1000));
	st->time_ms = ms;
	return st->time_tag;
}

/* Every line to one client ends up here: "@first;time;tags line CR LF". */
void reply_write(struct client_state *st, struct client *c, const char *first_tag, const char *tags,
                 const char *line, size_t n)
{
	char out[TAGS_MAX + TEXT_MAX + 8];
	const char *time = "";
	size_t at;

	if ((c->pub.caps & st->bit.time) && strncmp(tags, "time=", 5) != 0)
		time = reply_time(st, gw_wall_ns(st->self) / GW_MS);
	if (first_tag[0] == '\0' && time[0] == '\0' && tags[0] == '\0') {
		at = 0;
	} else {
		at = (size_t)snprintf(
			out, TAGS_MAX, "@%s%s%s%s%s ", first_tag,
			first_tag[0] != '\0' && time[0] != '\0' ? ";" : "", time,
			tags[0] != '\0' && (first_tag[0] != '\0' || time[0] != '\0') ? ";" : "",
			tags);
	}
	memcpy(out + at, line, n);
	memcpy(out + at + n, "\r\n", 2);
	st->counts.replies++;
	if (c->sink != NULL)
		gw_sink_write(st->self, c->sink, out, at + n + 2);
}

void reply_tagged(struct client_state *st, struct client *c, const char *tags, const char *line,
                  size_t n)
{
	char batch[BATCH_MAX + 8] = "";

	if (c->label != NULL) {
		label_line(st, c, tags, line, n);
		return;
	}
	if (st->inner[0] != '\0')
		snprintf(batch, sizeof(batch), "batch=%s", st->inner);
	reply_write(st, c, batch, tags, line, n);
}

/* Adds to a line that has `at` bytes; returns its length, cut between two characters if need be. */
static size_t add(char text[TEXT_MAX + 1], size_t at, const char *format, va_list args)
{
	int n = vsnprintf(text + at, TEXT_MAX + 1 - at, format, args);

	if (n < 0)
		return at;
	if (at + (size_t)n > TEXT_MAX)
		return utf8_trim(text, TEXT_MAX);
	return at + (size_t)n;
}

void reply_vnumeric(struct client_state *st, struct client *c, int numeric, const char *format,
                    va_list args)
{
	char text[TEXT_MAX + 1];
	size_t n = (size_t)snprintf(text, sizeof(text), ":%s %03d %s ", st->server, numeric,
	                            c->pub.nick);

	reply_tagged(st, c, "", text, add(text, n, format, args));
}

void reply_vline(struct client_state *st, struct client *c, const char *source, const char *format,
                 va_list args)
{
	char text[TEXT_MAX + 1];
	size_t n = 0;

	if (source == NULL)
		source = st->server;
	if (source[0] != '\0')
		n = (size_t)snprintf(text, sizeof(text), ":%.200s ", source);
	reply_tagged(st, c, "", text, add(text, n, format, args));
}

void reply_vstandard(struct client_state *st, struct client *c, const char *type,
                     const char *command, const char *code, const char *context, const char *format,
                     va_list args)
{
	char text[TEXT_MAX + 1];

	text[add(text, 0, format, args)] = '\0';
	if ((c->pub.caps & st->bit.standard) || strcmp(type, "FAIL") == 0)
		reply_line(st, c, NULL, "%s %s %s %s%s:%s", type, command, code, context,
		           context[0] != '\0' ? " " : "", text);
	if (!(c->pub.caps & st->bit.standard))
		reply_line(st, c, NULL, "NOTICE %s :%s", c->pub.nick, text);
}

void reply_numeric(struct client_state *st, struct client *c, int numeric, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	reply_vnumeric(st, c, numeric, format, args);
	va_end(args);
}

void reply_line(struct client_state *st, struct client *c, const char *source, const char *format,
                ...)
{
	va_list args;

	va_start(args, format);
	reply_vline(st, c, source, format, args);
	va_end(args);
}

void reply_standard(struct client_state *st, struct client *c, const char *type,
                    const char *command, const char *code, const char *context, const char *format,
                    ...)
{
	va_list args;

	va_start(args, format);
	reply_vstandard(st, c, type, command, code, context, format, args);
	va_end(args);
}

static void words_flush(struct client_state *st)
{
	struct client *c = st->words.client;

	st->words.client = NULL;
	if (c != NULL && st->words.n > st->words.head)
		reply_tagged(st, c, "", st->words.text, st->words.n);
}

static void words_begin(struct client_state *st, struct client *c, int numeric, const char *head)
{
	int n = snprintf(st->words.text, sizeof(st->words.text), ":%s %03d %s %s", st->server,
	                 numeric, c->pub.nick, head);

	st->words.client = c;
	st->words.numeric = numeric;
	st->words.head = st->words.n = n < TEXT_MAX ? (size_t)n : TEXT_MAX;
}

/* The same list goes on: the head is the same text. */
static bool words_same(const struct client_state *st, const struct client *c, int numeric,
                       const char *head)
{
	size_t n = strlen(head);

	return st->words.client == c && st->words.numeric == numeric && st->words.head >= n &&
	       memcmp(st->words.text + st->words.head - n, head, n) == 0;
}

void reply_words(struct client_state *st, struct client *c, int numeric, const char *head,
                 const char *word, char separator)
{
	size_t n = word != NULL ? strlen(word) : 0;

	if (word == NULL || !words_same(st, c, numeric, head) || st->words.n + 1 + n > TEXT_MAX)
		words_flush(st);
	if (word == NULL)
		return;
	if (st->words.client == NULL)
		words_begin(st, c, numeric, head);
	if (st->words.n + 1 + n > TEXT_MAX)
		return;
	if (st->words.n > st->words.head)
		st->words.text[st->words.n++] = separator;
	memcpy(st->words.text + st->words.n, word, n);
	st->words.n += n;
}

void batch_name(struct client_state *st, char out[BATCH_MAX])
{
	snprintf(out, BATCH_MAX, "%llx", (unsigned long long)++st->last_batch & 0xffffffffffffULL);
}

void batch_begin(struct client_state *st, struct client *c, const char *type)
{
	char name[BATCH_MAX];

	batch_name(st, name);
	reply_line(st, c, NULL, "BATCH +%s %s", name, type);
	snprintf(st->inner, sizeof(st->inner), "%s", name);
}

void batch_end(struct client_state *st, struct client *c)
{
	char name[BATCH_MAX];

	memcpy(name, st->inner, sizeof(name));
	st->inner[0] = '\0';
	reply_line(st, c, NULL, "BATCH -%s", name);
}
