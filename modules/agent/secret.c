/*
 * modules/agent/secret.c - compares passwords, in clear or hashed with Argon2id.
 */
#include "secret.h"

#include <sodium.h>
#include <string.h>

#define HASH_PREFIX "$argon2id$"

bool secret_is_hash(const char *wanted)
{
	return strncmp(wanted, HASH_PREFIX, strlen(HASH_PREFIX)) == 0;
}

bool secret_is_broken(const char *wanted)
{
	return secret_is_hash(wanted) &&
	       (strlen(wanted) >= crypto_pwhash_STRBYTES ||
	        crypto_pwhash_str_needs_rehash(wanted, crypto_pwhash_OPSLIMIT_MIN,
	                                       crypto_pwhash_MEMLIMIT_MIN) < 0);
}

static bool ends_password(char c)
{
	return c == '\0' || c == ':';
}

static ssize_t match_plain(const char *wanted, const char *said)
{
	char a[SECRET_WANTED_MAX + 1] = "", b[SECRET_WANTED_MAX + 1] = "";
	size_t n = strlen(wanted), there = strnlen(said, n);
	bool same;

	memcpy(a, wanted, n);
	memcpy(b, said, there);
	same = sodium_memcmp(a, b, sizeof(a)) == 0;
	sodium_memzero(a, sizeof(a));
	sodium_memzero(b, sizeof(b));
	return same && there == n && ends_password(said[n]) ? (ssize_t)n : -1;
}

static ssize_t match_hash(const char *wanted, const char *said)
{
	size_t whole = strlen(said), first = strcspn(said, ":");

	if (crypto_pwhash_str_verify(wanted, said, whole) == 0)
		return (ssize_t)whole;
	if (first < whole && crypto_pwhash_str_verify(wanted, said, first) == 0)
		return (ssize_t)first;
	return -1;
}

ssize_t secret_match(const char *wanted, const char *said)
{
	if (strlen(wanted) > SECRET_WANTED_MAX || strlen(said) > SECRET_SAID_MAX)
		return -1;
	return secret_is_hash(wanted) ? match_hash(wanted, said) : match_plain(wanted, said);
}

void secret_run(void *job)
{
	struct secret_job *j = job;

	j->n = secret_match(j->wanted, j->said);
}
