/*
 * Fuzz target: the two messages of a SCRAM client, divided by the first NUL. No proof of a stranger
 * is ever right.
 */
#include "modules/account/scram.h"
#include "tests/fuzz/fuzz.h"
#include <stdbool.h>
#include <string.h>

static bool printable(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text < 0x21 || *text > 0x7e)
			return false;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct cred cred = {
		.kind = CRED_SCRAM, .iterations = 4096, .stored = {1}, .server = {2}};
	const uint8_t *end = memchr(data, '\0', size);
	size_t n = end != NULL ? (size_t)(end - data) : size;
	char signature[SCRAM_SIGNATURE_MAX];
	const char *why = NULL;
	struct scram scram;

	if (scram_first(&scram, data, n, &why) != 0) {
		FUZZ_CHECK(why != NULL);
		return 0;
	}
	FUZZ_CHECK(scram.name[0] != '\0' && strlen(scram.name) <= SCRAM_NAME_MAX);
	FUZZ_CHECK(printable(scram.nonce) && strchr(scram.nonce, ',') == NULL);
	scram_challenge(&scram, &cred, "abcdefghijklmnopqrstuvwx");
	FUZZ_CHECK(strlen(scram.challenge) < SCRAM_CHALLENGE_MAX - 1);
	if (end != NULL) {
		FUZZ_CHECK(scram_final(&scram, end + 1, size - n - 1, signature, &why) != 0);
		FUZZ_CHECK(why != NULL);
	}
	return 0;
}
