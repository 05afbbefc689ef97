/*
 * plain_parse.c - takes PLAIN's one message apart.
 */
#include "plain.h"
#include <errno.h>
#include <string.h>

int plain_parse(const uint8_t *message, size_t n, size_t name_max, struct plain *out)
{
	const char *p = (const char *)message, *end = p + n;
	const char *first = n > 0 ? memchr(p, '\0', n) : NULL, *second;

	if (first == NULL)
		return -EBADMSG;
	second = memchr(first + 1, '\0', (size_t)(end - first - 1));
	if (second == NULL || second == first + 1 || second + 1 == end ||
	    memchr(second + 1, '\0', (size_t)(end - second - 1)) != NULL)
		return -EBADMSG;
	if ((size_t)(first - p) > name_max || (size_t)(second - first - 1) > name_max)
		return -EBADMSG;
	*out = (struct plain){.authzid = p, .authcid = first + 1, .password = second + 1};
	return 0;
}
