/*
 * Fuzz target: what may come in place of a frame of the handshake. A whole frame has one length and
 * one head; each beginning of it is one that may still become whole.
 */
#include "modules/link/handshake.h"
#include "tests/fuzz/fuzz.h"
#include <string.h>

static const enum frame_type types[] = {TYPE_HELLO, TYPE_CHALLENGE, TYPE_RESPONSE, TYPE_DONE};

static void whole(enum frame_type type, const uint8_t *data, size_t size)
{
	char name[LINK_NAME];

	FUZZ_CHECK(frame_type_of(data, size) == type);
	for (size_t n = 0; n < size; n++)
		FUZZ_CHECK(frame_look(type, data, n) == 0);
	if (type == TYPE_HELLO && target_hello(data, name) == CODE_OK)
		FUZZ_CHECK(strlen(name) < LINK_NAME && link_name_valid(name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int n, found = 0;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		n = frame_look(types[i], data, size);
		FUZZ_CHECK(n == 0 || n == -1 || n == (int)size);
		if (n > 0) {
			whole(types[i], data, size);
			found++;
		}
	}
	FUZZ_CHECK(found <= 1);
	FUZZ_CHECK((frame_type_of(data, size) != TYPE_NONE) == (found == 1));
	return 0;
}
