/*
 * Fuzz target: a line from a client. Whatever it is, what comes out stays within the line and
 * within its bounds.
 */
#include "modules/client/message.h"
#include "tests/fuzz/fuzz.h"
#include <stdlib.h>
#include <string.h>

static bool within(const char *p, const char *text, size_t n)
{
	return p >= text && p + strlen(p) <= text + n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gw_line line = {.len = size};
	struct parsed parsed;
	enum message_status status;

	if (size > 8192)
		return 0;
	line.text = malloc(size + 1);
	memcpy(line.text, data, size);
	line.text[size] = '\0';
	status = message_parse(&line, &parsed);
	FUZZ_CHECK(parsed.message.command != NULL);
	FUZZ_CHECK(parsed.message.label == NULL ||
	           (parsed.message.label[0] != '\0' && strlen(parsed.message.label) <= LABEL_MAX));
	if (status == MESSAGE_OK) {
		FUZZ_CHECK(within(parsed.message.command, line.text, size) &&
		           parsed.message.command[0] != '\0');
		FUZZ_CHECK(parsed.message.argc >= 0 && parsed.message.argc <= GW_ARGS_MAX);
		for (int i = 0; i < parsed.message.argc; i++)
			FUZZ_CHECK(
				within(parsed.message.argv[i], line.text, size) &&
				utf8_valid(parsed.message.argv[i], strlen(parsed.message.argv[i])));
		FUZZ_CHECK(parsed.message.argv[parsed.message.argc] == NULL);
		FUZZ_CHECK(parsed.message.client_tags == NULL ||
		           strlen(parsed.message.client_tags) <= CLIENT_TAGS_MAX);
	}
	FUZZ_CHECK(utf8_trim((const char *)data, size) <= size);
	free(line.text);
	return 0;
}
