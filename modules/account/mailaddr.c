/*
 * mailaddr.c - checks an address so strictly that it can go into a header or an argument as it is.
 */
#include "mailaddr.h"
#include <stddef.h>
#include <string.h>

#define LOCAL_MAX 64
#define LABEL_MAX 63

static bool alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* atext, of RFC 5322; a leading "-" could be taken for an option by the program that delivers. */
static bool local_valid(const char *p, size_t n)
{
	if (n == 0 || n > LOCAL_MAX || p[0] == '.' || p[0] == '-' || p[n - 1] == '.')
		return false;
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '.'
		            ? p[i + 1] == '.'
		            : !alphanumeric(p[i]) && strchr("!#$%&'*+-/=?^_`{|}~", p[i]) == NULL)
			return false;
	}
	return true;
}

static bool label_valid(const char *p, size_t n)
{
	if (n == 0 || n > LABEL_MAX || p[0] == '-' || p[n - 1] == '-')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!alphanumeric(p[i]) && p[i] != '-')
			return false;
	return true;
}

static bool host_valid(const char *p)
{
	unsigned labels = 0;

	for (;;) {
		size_t n = strcspn(p, ".");

		if (!label_valid(p, n))
			return false;
		labels++;
		if (p[n] == '\0')
			return labels > 1;
		p += n + 1;
	}
}

bool mailaddr_valid(const char *address)
{
	const char *at = strchr(address, '@');

	if (at == NULL || strlen(address) > MAILADDR_MAX || strchr(at + 1, '@') != NULL)
		return false;
	return local_valid(address, (size_t)(at - address)) && host_valid(at + 1);
}
