/*
 * modules/agent/upstreams_text.h - addresses and fingerprints as people write them, and the file in
 * which upstreams are remembered. Private to upstreams.c and admin.c.
 *
 * Nothing here knows the agent: what is read comes as rows, what is written is made of rows.
 */
#ifndef AGENT_UPSTREAMS_TEXT_H
#define AGENT_UPSTREAMS_TEXT_H

#include "upstreams.h"

#include <godwit/error.h>

enum {
	UPSTREAM_ADDRESS_MAX = 263, /* "[", a name of 253 bytes, "]:65535" */
	UPSTREAM_HEX = 2 * UPSTREAM_PIN,
	UPSTREAM_ROW_MAX = 2 * UPSTREAM_ADDRESS_MAX + UPSTREAM_HEX + 64, /* bytes of a line */
	UPSTREAMS_FILE_MAX = 128 + UPSTREAMS_MAX * UPSTREAM_ROW_MAX
};

/**
 * "irc.example.net", "192.0.2.1:6667", "[2001:db8::1]:6697", "unix:/path". Gives the one form in
 * which it is compared and dialled: lower case, always with a port (`port`, if none is written). 0,
 * or -EINVAL with a sentence.
 */
int upstream_address_read(const char *text, uint16_t port, char out[UPSTREAM_ADDRESS_MAX + 1],
                          struct gw_error *why);
bool upstream_address_is_unix(const char *address);

/** 64 hexadecimal digits, with colons or without. False: it is none. */
bool upstream_pin_read(const char *text, uint8_t out[UPSTREAM_PIN]);
void upstream_pin_text(const uint8_t pin[UPSTREAM_PIN], char out[UPSTREAM_HEX + 1]);

/** A line of the file. */
struct upstream_row {
	char address[UPSTREAM_ADDRESS_MAX + 1]; /* as upstream_address_read() gives it */
	char by[UPSTREAM_ADDRESS_MAX + 1];      /* likewise; "": the network has not named it */
	bool tls, has_pin;
	enum upstream_pin_from from; /* where there is a pin */
	uint8_t pin[UPSTREAM_PIN];
	int64_t used_ns;
};

/** False: it cannot be taken. */
typedef bool upstream_row_fn(void *ctx, const struct upstream_row *row);

/** The text of the file's beginning, and of a row; the bytes written. */
size_t upstreams_text_head(char out[UPSTREAM_ROW_MAX + 1]);
size_t upstreams_text_row(const struct upstream_row *row, char out[UPSTREAM_ROW_MAX + 1]);
/** Hands each row that is right to `fn`. Gives the number of lines that are not right, or were not
 * taken; of the first of them the line, from 1. */
size_t upstreams_text_read(const char *text, size_t n, upstream_row_fn *fn, void *ctx,
                           size_t *line_out);

/* The file `upstreams` of the folder; mode 0600. */

/** Reads it whole, in `out`. The bytes; or -ENOENT (without a sentence), or another error with a
 * sentence: then nothing of it may be believed, or it is too long. */
ssize_t upstreams_file_read(const char *folder, char out[UPSTREAMS_FILE_MAX], struct gw_error *why);
/** Durably, all or nothing. */
int upstreams_file_write(const char *folder, const char *text, size_t n, struct gw_error *why);
/** What is there is kept as `upstreams.broken`; an older one of that name goes. */
int upstreams_file_aside(const char *folder);

#endif
