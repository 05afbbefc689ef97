/*
 * Fuzz target: lines of AUTHENTICATE, joined and decoded, and what they hold read as PLAIN.
 */
#include "modules/account/chunks.h"
#include "modules/account/mailaddr.h"
#include "modules/account/plain.h"
#include "tests/fuzz/fuzz.h"
#include <string.h>

static void as_plain(const uint8_t *bytes, size_t n)
{
	struct plain plain;

	if (plain_parse(bytes, n, 64, &plain) != 0)
		return;
	FUZZ_CHECK(plain.authcid[0] != '\0' && strlen(plain.authcid) <= 64 &&
	           strlen(plain.authzid) <= 64);
	FUZZ_CHECK(plain.password + strlen(plain.password) == (const char *)bytes + n);
}

/* Whatever is taken can stand in a header as it is. */
static void as_address(const char *text)
{
	if (mailaddr_valid(text))
		FUZZ_CHECK(strlen(text) <= MAILADDR_MAX &&
		           strpbrk(text, " \t\r\n<>,;:\"\\()[]") == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t out[RESPONSE_MAX];
	char text[RESPONSE_MAX + 1], piece[1024];
	struct chunks chunks = {text, 0};
	size_t at = 0, n;

	while (at < size) {
		for (n = 0; at + n < size && data[at + n] != '\n' && data[at + n] != '\0' &&
		            n + 1 < sizeof(piece);
		     n++)
			piece[n] = (char)data[at + n];
		piece[n] = '\0';
		at += n + 1;
		as_address(piece);
		if (chunk_judge(&chunks, piece) < 0)
			return 0;
		chunk_add(&chunks, piece);
		FUZZ_CHECK(chunks.n <= RESPONSE_MAX);
	}
	if (chunks_decode(&chunks, out, &n) == 0) {
		FUZZ_CHECK(n < RESPONSE_MAX && out[n] == '\0');
		as_plain(out, n);
	}
	return 0;
}
