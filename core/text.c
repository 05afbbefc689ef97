/*
 * core/text.c - small questions about text: UTF-8, names, escapes.
 */
#include "core/text.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

size_t text_utf8(const char *s, size_t n)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *u = (const unsigned char *)s;
	uint32_t code;
	size_t len;

	if (n == 0)
		return 0;
	if (u[0] < 0x80)
		return 1;
	len = u[0] >= 0xf0 ? 4 : u[0] >= 0xe0 ? 3 : 2;
	if (u[0] < 0xc0 || u[0] > 0xf4 || len > n)
		return 0;
	code = u[0] & (0x7f >> len);
	for (size_t i = 1; i < len; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (u[i] & 0x3f);
	}
	if (code < least[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return len;
}

/** The length of one printable character at `s`, 0 for a control character or broken UTF-8. */
static size_t printable_at(const char *s, size_t n)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t len = text_utf8(s, n);

	if (len == 1 && (u[0] < 0x20 || u[0] == 0x7f))
		return 0;
	if (len == 2 && u[0] == 0xc2 && u[1] < 0xa0)
		return 0;
	return len;
}

bool text_printable(const char *s, size_t n)
{
	for (size_t at = 0; at < n;) {
		size_t len = printable_at(s + at, n - at);

		if (len == 0)
			return false;
		at += len;
	}
	return true;
}

bool text_is_name(const char *s, size_t max)
{
	size_t len = strlen(s);

	return len > 0 && len <= max && s[0] >= 'a' && s[0] <= 'z' &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

size_t text_escape(char *out, size_t size, const char *s, size_t n)
{
	size_t used = 0;

	for (size_t at = 0; at < n;) {
		size_t len = printable_at(s + at, n - at);
		char code[5] = "";

		if (len == 0)
			snprintf(code, sizeof(code),
			         s[at] == '\n'   ? "\\n"
			         : s[at] == '\t' ? "\\t"
			         : s[at] == '\r' ? "\\r"
			                         : "\\x%02x",
			         (unsigned char)s[at]);
		if (used + (len > 0 ? len : strlen(code)) >= size)
			break;
		memcpy(out + used, len > 0 ? s + at : code, len > 0 ? len : strlen(code));
		used += len > 0 ? len : strlen(code);
		at += len > 0 ? len : 1;
	}
	if (size > 0)
		out[used] = '\0';
	return used;
}
