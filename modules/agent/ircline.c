/*
 * modules/agent/ircline.c - tags, source, verb and parameters of a line. Pure.
 */
#include "ircline.h"

#include <string.h>
#include <strings.h>

/** The next word of `*at`, ended with a NUL; `*at` goes behind the spaces. */
static char *word(char **at)
{
	char *begin = *at;

	*at += strcspn(begin, " ");
	if (**at != '\0')
		*(*at)++ = '\0';
	*at += strspn(*at, " ");
	return begin;
}

bool ircline_read(struct ircline *out, const char *line)
{
	size_t len = strlen(line);
	char *at = out->bytes;

	if (len > IRCLINE_MAX)
		return false;
	memcpy(out->bytes, line, len + 1);
	out->tags = out->source = out->verb = "";
	out->n = 0;
	at += strspn(at, " ");
	if (*at == '@')
		out->tags = word(&at) + 1;
	if (*at == ':')
		out->source = word(&at) + 1;
	if (*at == '\0')
		return false;
	out->verb = word(&at);
	while (*at != '\0' && out->n < IRCLINE_PARAMS_MAX) {
		if (*at == ':' || out->n == IRCLINE_PARAMS_MAX - 1) {
			out->params[out->n++] = at + (*at == ':');
			break;
		}
		out->params[out->n++] = word(&at);
	}
	for (size_t i = out->n; i < IRCLINE_PARAMS_MAX; i++)
		out->params[i] = "";
	return true;
}

const char *ircline_verb(const char *line, size_t *len_out)
{
	line += strspn(line, " ");
	for (const char *mark = "@:"; *mark != '\0'; mark++) {
		if (*line != *mark)
			continue;
		line += strcspn(line, " ");
		line += strspn(line, " ");
	}
	*len_out = strcspn(line, " ");
	return line;
}

bool ircline_is(const char *line, const char *verb)
{
	size_t len, wanted = strlen(verb);
	const char *found = ircline_verb(line, &len);

	return len == wanted && strncasecmp(found, verb, len) == 0;
}

const char *ircline_tag(const struct ircline *line, const char *key, size_t *len_out)
{
	size_t key_len = strlen(key);
	const char *value = NULL;

	for (const char *at = line->tags; *at != '\0';) {
		size_t len = strcspn(at, ";");

		if (len >= key_len && memcmp(at, key, key_len) == 0 &&
		    (len == key_len || at[key_len] == '=')) {
			size_t before = key_len + (len > key_len);

			value = at + before;
			*len_out = len - before;
		}
		at += len + (at[len] == ';');
	}
	return value;
}

void ircline_nick(const char *source, char *nick_out, size_t max)
{
	size_t len = strcspn(source, "!@");

	if (len >= max)
		len = max - 1;
	memcpy(nick_out, source, len);
	nick_out[len] = '\0';
}
