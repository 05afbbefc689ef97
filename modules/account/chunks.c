/*
 * chunks.c - joining a SASL response from its lines.
 */
#include "chunks.h"
#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>

static bool is_empty(const char *piece)
{
	return strcmp(piece, "+") == 0;
}

int chunk_judge(const struct chunks *chunks, const char *piece)
{
	size_t n = strlen(piece);

	if (is_empty(piece))
		return CHUNK_LAST;
	if (n > CHUNK_SIZE || chunks->n + n > RESPONSE_MAX)
		return -EMSGSIZE;
	return n == CHUNK_SIZE ? CHUNK_MORE : CHUNK_LAST;
}

void chunk_add(struct chunks *chunks, const char *piece)
{
	size_t n = is_empty(piece) ? 0 : strlen(piece);

	memcpy(chunks->text + chunks->n, piece, n);
	chunks->n += n;
	chunks->text[chunks->n] = '\0';
}

int chunks_decode(const struct chunks *chunks, uint8_t out[RESPONSE_MAX], size_t *n_out)
{
	*n_out = 0;
	if (chunks->n > 0 && sodium_base642bin(out, RESPONSE_MAX - 1, chunks->text, chunks->n, NULL,
	                                       n_out, NULL, sodium_base64_VARIANT_ORIGINAL) != 0)
		return -EBADMSG;
	out[*n_out] = '\0';
	return 0;
}
