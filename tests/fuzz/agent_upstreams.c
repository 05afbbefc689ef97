/*
 * Fuzz target: the agent's file of addresses and pins, and an address as people write it. What is
 * taken has one form only, so written again it is the same.
 */
#include "modules/agent/upstreams_text.h"
#include "tests/fuzz/fuzz.h"
#include <sodium.h>
#include <string.h>

struct seen {
	const char *text;
	size_t n, rows;
};

static bool take(void *ctx, const struct upstream_row *row)
{
	char line[UPSTREAM_ROW_MAX + 1];
	struct seen *seen = ctx;
	size_t n = upstreams_text_row(row, line);

	FUZZ_CHECK(n <= UPSTREAM_ROW_MAX && line[n - 1] == '\n');
	FUZZ_CHECK(memmem(seen->text, seen->n, line, n) != NULL);
	FUZZ_CHECK(row->used_ns >= 0 && (row->has_pin || row->from == 0));
	return ++seen->rows < 5;
}

static void as_address(const uint8_t *data, size_t size)
{
	char exact[UPSTREAM_ADDRESS_MAX + 1], again[UPSTREAM_ADDRESS_MAX + 1];
	char *text = malloc(size + 1);
	uint8_t pin[UPSTREAM_PIN];
	struct gw_error why = {0};

	memcpy(text, data, size);
	text[size] = '\0';
	upstream_pin_read(text, pin);
	if (upstream_address_read(text, 6697, exact, &why) == 0) {
		FUZZ_CHECK(upstream_address_read(exact, 1, again, NULL) == 0);
		FUZZ_CHECK(strcmp(exact, again) == 0);
	} else {
		FUZZ_CHECK(why.text[0] != '\0');
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen seen = {.text = (const char *)data, .n = size};
	size_t line = 0, wrong;

	if (sodium_init() < 0)
		return 1;
	wrong = upstreams_text_read(seen.text, size, take, &seen, &line);
	FUZZ_CHECK((wrong > 0) == (line > 0));
	as_address(data, size);
	return 0;
}
