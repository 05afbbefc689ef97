/*
 * services/form_text.c - scalars of the readable form, to text and back.
 *
 * Text is written so that a person can read it and any reader of YAML takes it for text: words as
 * they are, the rest in double quotes, with whatever does not show escaped.
 */
#include "form.h"
#include <errno.h>
#include <godwit/mem.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define ROOM_FIRST ((size_t)4096)
#define PLAIN_MAX 64

void form_text_free(struct form_text *t)
{
	if (t->p != NULL)
		sodium_memzero(t->p, t->room);
	gw_free(t->self, t->p);
	t->p = NULL;
	t->n = t->room = 0;
}

void form_put(struct form_text *t, const void *p, size_t n)
{
	struct form_text grown = *t;

	if (t->room - t->n < n) {
		grown.room = t->room == 0 ? ROOM_FIRST : t->room;
		while (grown.room - t->n < n)
			grown.room *= 2;
		grown.p = gw_alloc(t->self, grown.room);
		if (t->n > 0)
			memcpy(grown.p, t->p, t->n);
		form_text_free(t); /* what is moved is not left behind */
		*t = grown;
	}
	if (n > 0)
		memcpy(t->p + t->n, p, n);
	t->n += n;
}

void form_puts(struct form_text *t, const char *s)
{
	form_put(t, s, strlen(s));
}

void form_put_number(struct form_text *t, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	form_puts(t, text);
}

void form_put_time(struct form_text *t, uint64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;
	char text[64];

	gmtime_r(&seconds, &tm);
	snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ", tm.tm_year + 1900,
	         tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
	         (unsigned)(ms % 1000));
	form_puts(t, text);
}

void form_put_hex(struct form_text *t, struct gw_blob bytes)
{
	char *hex = gw_alloc(t->self, 2 * bytes.n + 1);

	sodium_bin2hex(hex, 2 * bytes.n + 1, bytes.p, bytes.n);
	form_puts(t, "\"");
	form_puts(t, hex);
	form_puts(t, "\"");
	gw_free(t->self, hex);
}

void form_put_base64(struct form_text *t, struct gw_blob bytes)
{
	size_t room = sodium_base64_encoded_len(bytes.n, sodium_base64_VARIANT_ORIGINAL);
	char *text = gw_alloc(t->self, room);

	sodium_bin2base64(text, room, bytes.p, bytes.n, sodium_base64_VARIANT_ORIGINAL);
	form_puts(t, "\"");
	form_puts(t, text);
	form_puts(t, "\"");
	sodium_memzero(text, room);
	gw_free(t->self, text);
}

/* --- text --- */

/* The length of the character at `p`, and its code; 0: this is no UTF-8. */
static size_t utf8_char(const uint8_t *p, size_t n, uint32_t *code_out)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	uint32_t code = length == 1 ? p[0] : p[0] & (0xffu >> (length + 1));

	if (length == 0 || length > n || p[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	*code_out = code;
	return length;
}

static bool is_utf8(struct gw_blob text)
{
	const uint8_t *p = text.p;
	uint32_t code;

	for (size_t i = 0, n; i < text.n; i += n) {
		n = utf8_char(p + i, text.n - i, &code);
		if (n == 0)
			return false;
	}
	return true;
}

static bool is_plain(struct gw_blob text)
{
	static const char *const taken[] = {"true", "false", "yes", "no", "on",
	                                    "off",  "null",  "y",   "n"};
	static const char follows[] = "0123456789_.-";
	const char *p = text.p;

	if (text.n == 0 || text.n > PLAIN_MAX)
		return false;
	for (size_t i = 0; i < text.n; i++)
		if (!((p[i] >= 'a' && p[i] <= 'z') || (p[i] >= 'A' && p[i] <= 'Z')) &&
		    (i == 0 || p[i] == '\0' || strchr(follows, p[i]) == NULL))
			return false;
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (text.n == strlen(taken[i]) && strncasecmp(p, taken[i], text.n) == 0)
			return false;
	return true;
}

/* Characters that are not seen, that YAML does not have, or that turn the direction of writing. */
static bool is_hidden(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0xad || code == 0xfeff ||
	       (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2060 && code <= 0x206f) || (code & 0xfffe) == 0xfffe;
}

static void put_quoted(struct form_text *t, struct gw_blob text)
{
	const uint8_t *p = text.p;
	uint32_t code = 0;
	char escaped[16];

	form_puts(t, "\"");
	for (size_t i = 0, n; i < text.n; i += n) {
		n = utf8_char(p + i, text.n - i, &code);
		if (code == '"' || code == '\\')
			form_puts(t, "\\");
		if (is_hidden(code)) {
			snprintf(escaped, sizeof(escaped),
			         code < 0x100     ? "\\x%02x"
			         : code < 0x10000 ? "\\u%04x"
			                          : "\\U%08x",
			         code);
			form_puts(t, escaped);
		} else {
			form_put(t, p + i, n);
		}
	}
	form_puts(t, "\"");
}

void form_put_text(struct form_text *t, struct gw_blob text)
{
	if (is_plain(text)) {
		form_put(t, text.p, text.n);
	} else if (is_utf8(text)) {
		put_quoted(t, text);
	} else {
		form_puts(t, "!!binary ");
		form_put_base64(t, text);
	}
}

/* --- back --- */

bool form_get_number(struct gw_blob text, uint64_t most, uint64_t *out)
{
	const char *p = text.p;
	uint64_t value = 0;

	if (text.n == 0 || (text.n > 1 && p[0] == '0'))
		return false;
	for (size_t i = 0; i < text.n; i++) {
		uint64_t digit = (uint64_t)(uint8_t)p[i] - '0';

		if (digit > 9 || value > (most - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*out = value;
	return true;
}

/* `n` digits. */
static bool digits(const char **p, const char *end, unsigned n, unsigned *out)
{
	*out = 0;
	for (unsigned i = 0; i < n; i++) {
		if (*p == end || **p < '0' || **p > '9')
			return false;
		*out = *out * 10 + (unsigned)(*(*p)++ - '0');
	}
	return true;
}

static bool sign(const char **p, const char *end, const char *of)
{
	if (*p == end || **p == '\0' || strchr(of, **p) == NULL)
		return false;
	(*p)++;
	return true;
}

/* "Z", or how far the place is ahead of it. */
static bool zone(const char **p, const char *end, int *minutes_out)
{
	unsigned hours, minutes;
	bool behind = *p != end && **p == '-';

	*minutes_out = 0;
	if (sign(p, end, "Zz"))
		return true;
	if (!sign(p, end, "+-") || !digits(p, end, 2, &hours) || !sign(p, end, ":") ||
	    !digits(p, end, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*minutes_out = (int)(hours * 60 + minutes) * (behind ? -1 : 1);
	return true;
}

bool form_get_time(struct gw_blob text, uint64_t *ms_out)
{
	const char *p = text.p, *end = p + text.n;
	unsigned year, month, day, hour, minute, second, ms = 0;
	struct tm tm, normal;
	int ahead;
	int64_t at;

	if (!digits(&p, end, 4, &year) || !sign(&p, end, "-") || !digits(&p, end, 2, &month) ||
	    !sign(&p, end, "-") || !digits(&p, end, 2, &day) || !sign(&p, end, "Tt ") ||
	    !digits(&p, end, 2, &hour) || !sign(&p, end, ":") || !digits(&p, end, 2, &minute) ||
	    !sign(&p, end, ":") || !digits(&p, end, 2, &second))
		return false;
	if (sign(&p, end, ".")) {
		if (!digits(&p, end, 3, &ms))
			return false;
		while (p != end && *p >= '0' && *p <= '9')
			p++; /* finer than we keep */
	}
	if (!zone(&p, end, &ahead) || p != end || hour > 23 || minute > 59 || second > 59)
		return false;
	tm = (struct tm){.tm_year = (int)year - 1900,
	                 .tm_mon = (int)month - 1,
	                 .tm_mday = (int)day,
	                 .tm_hour = (int)hour,
	                 .tm_min = (int)minute,
	                 .tm_sec = (int)second};
	normal = tm;
	at = ((int64_t)timegm(&normal) - (int64_t)ahead * 60) * 1000 + ms;
	if (normal.tm_mon != tm.tm_mon || normal.tm_mday != tm.tm_mday || at < 0 ||
	    (uint64_t)at > FORM_TIME_MAX)
		return false;
	*ms_out = (uint64_t)at;
	return true;
}

bool form_get_hex(struct gw_blob text, uint8_t *out, size_t *n_out)
{
	return sodium_hex2bin(out, text.n, text.p, text.n, NULL, n_out, NULL) == 0 &&
	       *n_out * 2 == text.n;
}

/* Blanks and line ends may stand in it: other writers fold it. */
bool form_get_base64(struct gw_blob text, uint8_t *out, size_t *n_out)
{
	const char *end;

	if (text.n == 0) {
		*n_out = 0;
		return true;
	}
	return sodium_base642bin(out, text.n, text.p, text.n, " \n\r\t", n_out, &end,
	                         sodium_base64_VARIANT_ORIGINAL) == 0 &&
	       end == (const char *)text.p + text.n;
}
