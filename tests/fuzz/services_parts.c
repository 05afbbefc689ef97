/*
 * Fuzz target: compound values of the services database. No part lies outside of the value, and
 * what is written is read back.
 */
#include "tests/fuzz/fuzz.h"
#include <godwit/parts.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gw_blob value = {data, size}, part;
	static uint8_t again[1 << 17];
	struct gw_parts out = {.bytes = again, .max = sizeof(again)};
	unsigned n = 0;
	char text[40];

	if (size > sizeof(again))
		return 0;
	for (; gw_part(value, n, &part); n++) {
		const uint8_t *p = part.p;

		FUZZ_CHECK(p >= data + 2 && p + part.n <= data + size);
		gw_parts_add(&out, part.p, part.n);
		if (gw_part_text(value, n, text, sizeof(text)))
			FUZZ_CHECK(strlen(text) == part.n);
		FUZZ_CHECK(part.n != 8 || gw_part_u64(value, n, 1) == gw_part_u64(value, n, 2));
	}
	FUZZ_CHECK(!out.overflow && out.n <= size);
	FUZZ_CHECK(out.n == 0 || memcmp(again, data, out.n) == 0);
	return 0;
}
