/*
 * metrics/http.c - a request of HTTP/1.0 or 1.1, line by line, and the texts of answers.
 *
 * Only what is needed to serve one page: the request line and whether there is a Host. A body is
 * never read, as each connection ends with the first answer. Pure.
 */
#include "metrics.h"
#include <string.h>
#include <strings.h>

static const struct http_text texts[HTTP_ANSWERS] = {
	[HTTP_OK] = {"200", "OK", NULL},
	[HTTP_BAD] = {"400", "Bad Request", "That is no request of HTTP/1.1.\n"},
	[HTTP_NOT_FOUND] = {"404", "Not Found", "The figures are at /metrics.\n"},
	[HTTP_NOT_ALLOWED] = {"405", "Method Not Allowed", "Only GET and HEAD are served.\n"},
	[HTTP_TIMEOUT] = {"408", "Request Timeout", "The request took too long.\n"},
	[HTTP_LONG_TARGET] = {"414", "URI Too Long", "The request line is too long.\n"},
	[HTTP_LONG_HEADERS] = {"431", "Request Header Fields Too Large",
                               "The headers are too long, or too many.\n"},
	[HTTP_BUSY] = {"503", "Service Unavailable", "Too many ask at once.\n"},
	[HTTP_VERSION] = {"505", "HTTP Version Not Supported", "HTTP/1 is spoken here.\n"},
};

const struct http_text *http_text(enum http_answer answer)
{
	return &texts[answer];
}

static bool is_token(const char *text, size_t n)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      strchr(others, c) != NULL))
			return false;
	}
	return n > 0;
}

/* "/metrics", "/metrics?...", "http://host/metrics" */
static bool is_ours(const char *target)
{
	static const char path[] = "/metrics";

	if (strncasecmp(target, "http://", 7) == 0)
		target += 7 + strcspn(target + 7, "/?#");
	if (strncmp(target, path, sizeof(path) - 1) != 0)
		return false;
	target += sizeof(path) - 1;
	return *target == '\0' || *target == '?';
}

static bool is_target(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text <= ' ' || *text > '~')
			return false;
	return true;
}

static enum http_answer version(struct http_request *request, const char *text)
{
	bool form = strncmp(text, "HTTP/", 5) == 0 && text[5] >= '0' && text[5] <= '9' &&
	            text[6] == '.' && text[7] >= '0' && text[7] <= '9' && text[8] == '\0';

	if (!form)
		return HTTP_BAD;
	request->v1_0 = text[7] == '0';
	return text[5] == '1' ? HTTP_MORE : HTTP_VERSION;
}

static enum http_answer request_line(struct http_request *request, char *line)
{
	char *target = strchr(line, ' '), *last;

	if (target == NULL || !is_token(line, (size_t)(target - line)))
		return HTTP_BAD;
	*target++ = '\0';
	last = strchr(target, ' ');
	if (last == NULL || last == target)
		return HTTP_BAD;
	*last++ = '\0';
	if (!is_target(target))
		return HTTP_BAD;
	request->begun = true;
	request->get = strcmp(line, "GET") == 0;
	request->head = strcmp(line, "HEAD") == 0;
	request->found = is_ours(target);
	return version(request, last);
}

static enum http_answer header(struct http_request *request, const char *line)
{
	const char *colon = strchr(line, ':');
	size_t n = colon != NULL ? (size_t)(colon - line) : 0;

	if (!is_token(line, n))
		return HTTP_BAD; /* also one that goes on in the next line */
	if (n == 4 && strncasecmp(line, "host", 4) == 0) {
		if (request->host)
			return HTTP_BAD;
		request->host = true;
	}
	return HTTP_MORE;
}

static enum http_answer judge(const struct http_request *request)
{
	if (!request->host && !request->v1_0)
		return HTTP_BAD;
	if (!request->get && !request->head)
		return HTTP_NOT_ALLOWED;
	return request->found ? HTTP_OK : HTTP_NOT_FOUND;
}

enum http_answer http_line(struct http_request *request, struct gw_line *line)
{
	if (line->too_long)
		return request->begun ? HTTP_LONG_HEADERS : HTTP_LONG_TARGET;
	if (request->lines++ == HTTP_LINES_MAX)
		return HTTP_LONG_HEADERS;
	if (memchr(line->text, '\0', line->len) != NULL)
		return HTTP_BAD;
	if (line->len == 0) /* those before the request are passed over */
		return request->begun ? judge(request) : HTTP_MORE;
	return request->begun ? header(request, line->text) : request_line(request, line->text);
}
