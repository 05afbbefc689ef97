/*
 * Fuzz target: the agent's tracker. Lines divided by LF; those that begin with ">" are the
 * client's, all others the server's.
 */
#include "modules/agent/track.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/agent_tracked.h"
#include "tests/unit/counted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct counted mem;
	struct track t;
	const char *wrong;

	track_init(&t, counted_open(&mem));
	for (size_t at = 0, n; at < size; at += n + 1) {
		const uint8_t *end = memchr(data + at, '\n', size - at);
		char *line;

		n = end != NULL ? (size_t)(end - data) - at : size - at;
		line = strndup((const char *)data + at, n);
		if (line[0] == '>')
			track_client_line(&t, line + 1);
		else
			track_server_line(&t, line);
		free(line);
	}
	wrong = tracked_wrong(&t);
	if (wrong != NULL)
		fprintf(stderr, "%s\n", wrong);
	FUZZ_CHECK(wrong == NULL);
	track_fini(&t);
	FUZZ_CHECK(mem.blocks == 0);
	return 0;
}
