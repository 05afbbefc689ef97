/*
 * chunks.h - the pieces of a SASL response: 400 bytes of base64 a line, a shorter one (or "+") is
 * the last. Pure.
 */
#ifndef ACCOUNT_CHUNKS_H
#define ACCOUNT_CHUNKS_H

#include <stddef.h>
#include <stdint.h>

#define CHUNK_SIZE 400
#define RESPONSE_MAX 8192 /* base64 in all */

/** What has come so far; `text` is the caller's, with room for RESPONSE_MAX + 1. */
struct chunks {
	char *text;
	size_t n;
};

enum chunk_verdict { CHUNK_MORE, CHUNK_LAST };

/** Looks at the next piece, changes nothing: enum chunk_verdict, or -EMSGSIZE. */
int chunk_judge(const struct chunks *chunks, const char *piece);
void chunk_add(struct chunks *chunks, const char *piece);
/** Into `out`, with a NUL behind it. Returns 0, or -EBADMSG when it is no strict base64. */
int chunks_decode(const struct chunks *chunks, uint8_t out[RESPONSE_MAX], size_t *n_out);

#endif
