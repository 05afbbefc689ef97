/*
 * Fuzz target: a key as text, and a key file. What is taken has one form only, so writing it again
 * gives the same bytes.
 */
#include "modules/link/keyfile.h"
#include "tests/fuzz/fuzz.h"
#include <sodium.h>
#include <string.h>

static void as_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), again[KEY_TEXT_SIZE];
	struct gw_error why = {0};
	uint8_t pk[KEY_BYTES];

	memcpy(text, data, size);
	text[size] = '\0';
	if (key_parse(text, pk, &why) == 0) {
		key_text(pk, again);
		FUZZ_CHECK(strcmp(text, again) == 0);
	} else {
		FUZZ_CHECK(why.text[0] != '\0');
	}
	free(text);
}

static void as_file(const uint8_t *data, size_t size)
{
	char again[KEYFILE_TEXT_MAX];
	struct gw_error why = {0};
	struct key_pair pair;

	if (keyfile_parse((const char *)data, size, &pair, &why) == 0) {
		FUZZ_CHECK(keyfile_format(&pair, again) == size);
		FUZZ_CHECK(memcmp(data, again, size) == 0);
	} else {
		FUZZ_CHECK(why.text[0] != '\0');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (sodium_init() < 0)
		return 1;
	as_text(data, size);
	as_file(data, size);
	return 0;
}
