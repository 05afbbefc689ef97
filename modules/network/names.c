/*
 * names.c - nicks, channel names, masks and message ids; knows no state.
 *
 * Names fold by ASCII case alone (case mapping `ascii`). Nicks are ASCII; channel names are UTF-8
 * of which ASCII folds.
 */
#include "network.h"
#include <errno.h>
#include <sodium.h>
#include <string.h>

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

int fold(void *network, const char *name, char *out, size_t max)
{
	size_t n = strlen(name);

	(void)network;
	if (n >= max)
		return -EINVAL;
	for (size_t i = 0; i <= n; i++)
		out[i] = lower(name[i]);
	return (int)n;
}

bool same(void *network, const char *a, const char *b)
{
	(void)network;
	while (*a != '\0' && lower(*a) == lower(*b)) {
		a++;
		b++;
	}
	return lower(*a) == lower(*b);
}

/* Only the last star is ever tried again: the work is bounded by the product of the lengths. */
bool match(void *network, const char *mask, const char *text)
{
	const char *star = NULL, *from = NULL;

	(void)network;
	while (*text != '\0') {
		if (*mask == '*') {
			star = mask++;
			from = text;
		} else if (*mask == '?' || (*mask != '\0' && lower(*mask) == lower(*text))) {
			mask++;
			text++;
		} else if (star != NULL) {
			mask = star + 1;
			text = ++from;
		} else {
			return false;
		}
	}
	while (*mask == '*')
		mask++;
	return *mask == '\0';
}

static bool nick_start(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c != '\0' && strchr("[]\\`_^{|}", c) != NULL);
}

static bool nick_chars(const char *nick, const char *more)
{
	size_t n = strlen(nick);

	if (n == 0 || n > GW_NICK_MAX || !nick_start(*nick))
		return false;
	for (const char *c = nick; *c != '\0'; c++) {
		if (!nick_start(*c) && !(*c >= '0' && *c <= '9') && strchr(more, *c) == NULL)
			return false;
	}
	return true;
}

bool valid_nick(void *network, const char *nick)
{
	(void)network;
	return nick_chars(nick, "-");
}

bool valid_given_nick(const char *nick)
{
	return nick_chars(nick, "-~");
}

/* The length of the UTF-8 sequence at `s`, 0 when it is none (overlong and surrogates too). */
static size_t utf8_length(const unsigned char *s)
{
	size_t n = *s < 0x80   ? 1
	           : *s < 0xc2 ? 0
	           : *s < 0xe0 ? 2
	           : *s < 0xf0 ? 3
	           : *s < 0xf5 ? 4
	                       : 0;

	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f) ||
	    (*s == 0xf0 && s[1] < 0x90) || (*s == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

/* Printable UTF-8 without what separates words and names in a line. */
static bool word_chars(const char *text, const char *without)
{
	const unsigned char *s = (const unsigned char *)text;

	while (*s != '\0') {
		size_t n = utf8_length(s);

		if (n == 0 || *s <= ' ' || *s == 0x7f || (n == 2 && *s == 0xc2 && s[1] < 0xa0) ||
		    (n == 1 && strchr(without, (char)*s) != NULL))
			return false;
		s += n;
	}
	return true;
}

bool valid_channel(void *network, const char *name)
{
	(void)network;
	return name[0] == '#' && name[1] != '\0' && strlen(name) <= GW_CHANNEL_MAX &&
	       word_chars(name, ",");
}

bool valid_word(const char *text)
{
	return text[0] != '\0' && text[0] != ':' && word_chars(text, "!@");
}

void msgid(void *network, uint64_t origin, uint64_t seq, char out[GW_MSGID_LEN + 1])
{
	unsigned char bytes[16];

	(void)network;
	for (int i = 0; i < 8; i++) {
		bytes[i] = (unsigned char)(origin >> (56 - 8 * i));
		bytes[8 + i] = (unsigned char)(seq >> (56 - 8 * i));
	}
	sodium_bin2base64(out, GW_MSGID_LEN + 1, bytes, sizeof(bytes),
	                  sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

bool msgid_parse(void *network, const char *text, uint64_t *origin_out, uint64_t *seq_out)
{
	unsigned char bytes[16];
	size_t n;

	(void)network;
	if (strlen(text) != GW_MSGID_LEN ||
	    sodium_base642bin(bytes, sizeof(bytes), text, GW_MSGID_LEN, NULL, &n, NULL,
	                      sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
	    n != sizeof(bytes))
		return false;
	*origin_out = *seq_out = 0;
	for (int i = 0; i < 8; i++) {
		*origin_out = *origin_out << 8 | bytes[i];
		*seq_out = *seq_out << 8 | bytes[8 + i];
	}
	return true;
}
