/*
 * core/text.h - small questions about text: UTF-8, names, escapes.
 */
#ifndef CORE_TEXT_H
#define CORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/** Bytes of the well-formed UTF-8 sequence at `s`, of which `n` bytes are there; 0 if there is
 * none. */
size_t text_utf8(const char *s, size_t n);

/** UTF-8 throughout, and no control character (C0, DEL, C1). */
bool text_printable(const char *s, size_t n);

/** 1 to `max` characters of a-z, 0-9 and _, a letter first: what a module is called. */
bool text_is_name(const char *s, size_t max);

/** "127.0.0.1:6667", "[::1]:6697", "unix:/path": nothing that must be looked up. */
bool text_is_address(const char *text);

/** Copies `s`, control characters and broken UTF-8 as \n, \t, \xNN; the copy's length, cut at
 * `size` - 1. */
size_t text_escape(char *out, size_t size, const char *s, size_t n);

#endif
