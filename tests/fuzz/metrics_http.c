/*
 * Fuzz target: a request for the figures, line by line. It ends within its bounds, and what is
 * answered with the figures asks for them.
 */
#include "modules/metrics/metrics.h"
#include "tests/fuzz/fuzz.h"
#include <string.h>

/* The first line of `*at`, cut as the core does; false when there is none. */
static bool next_line(const uint8_t **at, const uint8_t *end, char text[HTTP_LINE_MAX + 1],
                      struct gw_line *line)
{
	const uint8_t *lf = memchr(*at, '\n', (size_t)(end - *at));
	size_t n;

	if (lf == NULL)
		return false;
	n = (size_t)(lf - *at);
	if (n > 0 && lf[-1] == '\r')
		n--;
	line->too_long = n > HTTP_LINE_MAX;
	line->len = line->too_long ? HTTP_LINE_MAX : n;
	line->text = text;
	memcpy(text, *at, line->len);
	text[line->len] = '\0';
	*at = lf + 1;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[HTTP_LINE_MAX + 1];
	const uint8_t *at = data;
	struct http_request request = {0};
	enum http_answer answer = HTTP_MORE;
	struct gw_line line = {0};
	unsigned lines = 0;

	while (answer == HTTP_MORE && next_line(&at, data + size, text, &line)) {
		answer = http_line(&request, &line);
		FUZZ_CHECK(++lines <= HTTP_LINES_MAX + 1);
	}
	FUZZ_CHECK(answer <= HTTP_MORE);
	if (answer == HTTP_MORE)
		return 0;
	FUZZ_CHECK(strlen(http_text(answer)->code) == 3 && http_text(answer)->title != NULL);
	if (answer == HTTP_OK)
		FUZZ_CHECK(request.found && (request.get || request.head) &&
		           (request.host || request.v1_0) &&
		           (memmem(data, size, "GET ", 4) != NULL ||
		            memmem(data, size, "HEAD ", 5) != NULL) &&
		           memmem(data, size, "/metrics", 8) != NULL);
	return 0;
}
