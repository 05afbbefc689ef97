/*
 * core/text.h - small questions about text: UTF-8, names, escapes, addresses.
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

/** Copies `s`, control characters and broken UTF-8 as \n, \t, \xNN; the copy's length, cut at
 * `size` - 1. */
size_t text_escape(char *out, size_t size, const char *s, size_t n);

/** "127.0.0.1:6667", "[::1]:6697", "unix:/path": nothing that must be looked up. */
bool text_is_address(const char *text);

/** "irc.example.net:6697", "192.0.2.1:6667", "[2001:db8::1]:6697": where others connect. */
bool text_is_place(const char *text);

#define TEXT_HOST_MAX 253
/** The name in "irc.example.net:6697"; false where there is none: a numeric address, a path. */
bool text_host_name(const char *text, char out[TEXT_HOST_MAX + 1]);

/** Whom an address or a place leads to. */
enum text_reach {
	TEXT_ONE_HOST,
	TEXT_LOOPBACK, /* the machine that asks */
	TEXT_ANY_HOST  /* to be listened on: all that the machine has */
};
enum text_reach text_reach(const char *text);

#endif
