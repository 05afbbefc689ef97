/*
 * modules/client/message.c - between the connection's line and dispatch.c.
 *
 * The line is changed in place: words get their NUL, the client-only tags are pushed together, the
 * command becomes upper case.
 */
#include "message.h"
#include <string.h>

/* The length of the sequence that `lead` begins, and the bounds of its second byte; 0: none begins
 * so. */
static unsigned sequence(unsigned char lead, unsigned char *low, unsigned char *high)
{
	*low = 0x80;
	*high = 0xbf;
	if (lead >= 0xc2 && lead <= 0xdf)
		return 2;
	if (lead >= 0xe0 && lead <= 0xef) {
		if (lead == 0xe0)
			*low = 0xa0;
		if (lead == 0xed)
			*high = 0x9f;
		return 3;
	}
	if (lead >= 0xf0 && lead <= 0xf4) {
		if (lead == 0xf0)
			*low = 0x90;
		if (lead == 0xf4)
			*high = 0x8f;
		return 4;
	}
	return 0;
}

/* Most text is ASCII: eight characters at a time. */
static const unsigned char *skip_ascii(const unsigned char *p, const unsigned char *end)
{
	uint64_t eight;

	for (; end - p >= 8; p += 8) {
		memcpy(&eight, p, sizeof(eight));
		if ((eight & 0x8080808080808080) != 0)
			break;
	}
	return p;
}

bool utf8_valid(const char *text, size_t n)
{
	const unsigned char *p = (const unsigned char *)text, *end = p + n;
	unsigned char low, high;
	unsigned length;

	while (p < end) {
		if (*p < 0x80) {
			p = skip_ascii(p + 1, end);
			continue;
		}
		length = sequence(*p, &low, &high);
		if (length == 0 || (size_t)(end - p) < length || p[1] < low || p[1] > high)
			return false;
		for (unsigned i = 2; i < length; i++)
			if ((p[i] & 0xc0) != 0x80)
				return false;
		p += length;
	}
	return true;
}

size_t utf8_trim(const char *text, size_t n)
{
	unsigned char low, high;
	size_t start = n;

	while (start > 0 && n - start < 4 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
		start--;
	if (start == 0 || (unsigned char)text[start - 1] < 0xc0)
		return n;
	start--;
	return n - start < sequence((unsigned char)text[start], &low, &high) ? start : n;
}

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* [ "+" ] [ vendor "/" ] letters, digits, hyphens */
static bool key_valid(const char *key, size_t n)
{
	const char *slash = memchr(key, '/', n);
	const char *name = slash != NULL ? slash + 1 : key;

	if (name == key + n || slash == key)
		return false;
	for (const char *p = key; p < key + n; p++)
		if (!is_alnum(*p) && *p != '-' && *p != '/' && !(*p == '.' && p < name))
			return false;
	return slash == NULL || memchr(name, '/', (size_t)(key + n - name)) == NULL;
}

static void take_label(const char *value, size_t n, struct parsed *out)
{
	if (n == 0 || n > LABEL_MAX || memchr(value, '\0', n) != NULL || !utf8_valid(value, n))
		return;
	memcpy(out->label, value, n);
	out->label[n] = '\0';
	out->message.label = out->label;
}

/* One tag: the label is copied, a valid client-only one is moved to `to`. Returns where the next
 * one goes. */
static char *take_tag(char *tag, size_t n, char *start, char *to, struct parsed *out)
{
	char *equals = memchr(tag, '=', n);
	size_t key = equals != NULL ? (size_t)(equals - tag) : n;

	if (key == 5 && memcmp(tag, "label", 5) == 0 && equals != NULL)
		take_label(equals + 1, n - key - 1, out);
	if (n == 0 || tag[0] != '+' || !key_valid(tag + 1, key - 1))
		return to;
	if (to > start)
		*to++ = ';';
	memmove(to, tag, n);
	return to + n;
}

static void take_tags(char *text, size_t n, struct parsed *out)
{
	char *end = text + n, *to = text, *next;

	for (char *tag = text; tag <= end; tag = next + 1) {
		next = memchr(tag, ';', (size_t)(end - tag));
		if (next == NULL)
			next = end;
		to = take_tag(tag, (size_t)(next - tag), text, to, out);
	}
	*to = '\0';
	if (to > text)
		out->message.client_tags = text;
}

static char *skip_spaces(char *p)
{
	while (*p == ' ')
		p++;
	return p;
}

/* Ends the word at `p` with a NUL; returns what follows. */
static char *end_word(char *p)
{
	p += strcspn(p, " ");
	if (*p == '\0')
		return p;
	*p = '\0';
	return skip_spaces(p + 1);
}

static void take_words(char *p, struct gw_message *m)
{
	while (*p != '\0' && *p != ':' && m->argc < GW_ARGS_MAX - 1) {
		m->argv[m->argc++] = p;
		p = end_word(p);
	}
	if (*p != '\0')
		m->argv[m->argc++] = *p == ':' ? p + 1 : p;
	m->argv[m->argc] = NULL;
}

static char *take_command(char *p, struct gw_message *m)
{
	char *word = p;

	p = end_word(p);
	if (!utf8_valid(word, strlen(word)))
		return p;
	for (char *c = word; *c != '\0'; c++)
		if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
	m->command = word;
	return p;
}

/* "@tags " at the front. NULL: too long, or nothing behind it. */
static char *split_tags(struct gw_line *line, struct parsed *out, enum message_status *status)
{
	size_t bound = line->len - 1 < CLIENT_TAGS_MAX + 1 ? line->len - 1 : CLIENT_TAGS_MAX + 1;
	char *tags = line->text + 1, *space = memchr(tags, ' ', bound);

	if (space == NULL) {
		*status = bound == CLIENT_TAGS_MAX + 1 || line->too_long ? MESSAGE_LONG
		                                                         : MESSAGE_EMPTY;
		return NULL;
	}
	if (!utf8_valid(tags, (size_t)(space - tags)))
		*status = MESSAGE_UTF8;
	if (memchr(tags, '\0', (size_t)(space - tags)) != NULL)
		*status = MESSAGE_NUL;
	take_tags(tags, (size_t)(space - tags), out);
	return space + 1;
}

enum message_status message_parse(struct gw_line *line, struct parsed *out)
{
	struct gw_message *m = &out->message;
	char *p = line->text, *end = line->text + line->len;
	enum message_status status = MESSAGE_OK;

	memset(m, 0, sizeof(*m));
	m->command = "*";
	m->line = line;
	if (line->len > 0 && *p == '@')
		p = split_tags(line, out, &status);
	if (p == NULL)
		return status;
	if (memchr(p, '\0', (size_t)(end - p)) != NULL)
		status = MESSAGE_NUL;
	else if (line->too_long || end - p > CLIENT_LINE_MAX)
		status = MESSAGE_LONG;
	else if (status == MESSAGE_OK && !utf8_valid(p, (size_t)(end - p)))
		status = MESSAGE_UTF8;
	p = skip_spaces(p);
	if (*p == ':')
		p = end_word(p);
	if (*p == '\0')
		return status == MESSAGE_OK ? MESSAGE_EMPTY : status;
	p = take_command(p, m);
	if (status == MESSAGE_OK)
		take_words(p, m);
	return status;
}
