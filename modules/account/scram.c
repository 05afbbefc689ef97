/*
 * scram.c - SCRAM-SHA-256: parsing the client's two messages, checking the proof.
 *
 * Channel binding is not offered, so "n" and "y" are both right and "p" is refused. Unknown
 * optional attributes are skipped, the mandatory one ("m=") is refused, as the RFC demands.
 */
#include "scram.h"
#include <errno.h>
#include <gnutls/crypto.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* What is left of a message: attributes separated by commas. */
struct cursor {
	const char *at, *end;
};

static int fail(const char **why, const char *value)
{
	*why = value;
	return -EINVAL;
}

/* The next attribute, without its comma; false at the end. */
static bool next(struct cursor *c, const char **attribute, size_t *n)
{
	const char *comma;

	if (c->at > c->end)
		return false;
	comma = memchr(c->at, ',', (size_t)(c->end - c->at));
	*attribute = c->at;
	*n = (size_t)((comma != NULL ? comma : c->end) - c->at);
	c->at = comma != NULL ? comma + 1 : c->end + 1;
	return true;
}

static bool is_attribute(const char *attribute, size_t n, char letter)
{
	return n >= 2 && attribute[0] == letter && attribute[1] == '=';
}

/* saslname: "=2C" is a comma, "=3D" an equals sign, and no other "=" is allowed. */
static bool unescape(const char *p, size_t n, char *out, size_t max)
{
	size_t used = 0;

	for (size_t i = 0; i < n; i++) {
		char c = p[i];

		if (c == '=') {
			if (n - i < 3 ||
			    (memcmp(p + i, "=2C", 3) != 0 && memcmp(p + i, "=3D", 3) != 0))
				return false;
			c = p[i + 1] == '2' ? ',' : '=';
			i += 2;
		}
		if (used + 1 >= max)
			return false;
		out[used++] = c;
	}
	out[used] = '\0';
	return used > 0;
}

static bool printable(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] < 0x21 || p[i] > 0x7e)
			return false;
	return true;
}

/* "n,," or "y,a=name,": leaves the cursor behind it. */
static int read_header(struct scram *s, struct cursor *c, char *authzid, size_t max,
                       const char **why)
{
	const char *start = c->at, *p;
	size_t n;

	authzid[0] = '\0';
	if (!next(c, &p, &n) || n == 0)
		return fail(why, "invalid-encoding");
	if (p[0] == 'p')
		return fail(why, "channel-binding-not-supported");
	if (n != 1 || (p[0] != 'n' && p[0] != 'y') || !next(c, &p, &n))
		return fail(why, "invalid-encoding");
	if (n > 0 && (!is_attribute(p, n, 'a') || !unescape(p + 2, n - 2, authzid, max)))
		return fail(why, "invalid-username-encoding");
	n = (size_t)(c->at - start);
	if (c->at > c->end || n >= sizeof(s->header))
		return fail(why, "invalid-encoding");
	memcpy(s->header, start, n);
	s->header[n] = '\0';
	return 0;
}

static int read_bare(struct scram *s, struct cursor *c, const char **why)
{
	const char *p;
	size_t n;

	if (!next(c, &p, &n) || n < 2)
		return fail(why, "invalid-encoding");
	if (is_attribute(p, n, 'm'))
		return fail(why, "extensions-not-supported");
	if (!is_attribute(p, n, 'n'))
		return fail(why, "invalid-encoding");
	if (!unescape(p + 2, n - 2, s->name, sizeof(s->name)))
		return fail(why, "invalid-username-encoding");
	if (!next(c, &p, &n) || !is_attribute(p, n, 'r') || n == 2 || n - 2 > SCRAM_NONCE_MAX ||
	    !printable(p, n))
		return fail(why, "invalid-encoding");
	memcpy(s->nonce, p + 2, n - 2);
	s->nonce[n - 2] = '\0';
	while (next(c, &p, &n))
		if (n < 2 || p[1] != '=')
			return fail(why, "invalid-encoding");
	return 0;
}

int scram_first(struct scram *s, const uint8_t *message, size_t n, const char **why)
{
	struct cursor c = {(const char *)message, (const char *)message + n};
	char authzid[SCRAM_NAME_MAX + 1];
	int status;

	memset(s, 0, sizeof(*s));
	if (n == 0 || n > SCRAM_FIRST_MAX || memchr(message, '\0', n) != NULL)
		return fail(why, "invalid-encoding");
	status = read_header(s, &c, authzid, sizeof(authzid), why);
	if (status != 0)
		return status;
	memcpy(s->bare, c.at, (size_t)(c.end - c.at));
	status = read_bare(s, &c, why);
	if (status == 0 && authzid[0] != '\0' && strcasecmp(authzid, s->name) != 0)
		return fail(why, "other-error"); /* nobody acts for somebody else here */
	return status;
}

void scram_challenge(struct scram *s, const struct cred *cred, const char *server_nonce)
{
	char salt[sodium_base64_ENCODED_LEN(CRED_SALT, sodium_base64_VARIANT_ORIGINAL)];
	size_t n = strlen(s->nonce);

	s->cred = *cred;
	snprintf(s->nonce + n, sizeof(s->nonce) - n, "%s", server_nonce);
	sodium_bin2base64(salt, sizeof(salt), cred->salt, CRED_SALT,
	                  sodium_base64_VARIANT_ORIGINAL);
	snprintf(s->challenge, sizeof(s->challenge), "r=%s,s=%s,i=%u", s->nonce, salt,
	         (unsigned)cred->iterations);
}

static bool decode(const char *p, size_t n, void *out, size_t max, size_t *n_out)
{
	return sodium_base642bin(out, max, p, n, NULL, n_out, NULL,
	                         sodium_base64_VARIANT_ORIGINAL) == 0;
}

/* c= must be the header that opened the exchange, r= both nonces, p= a proof, and it comes last. */
static int read_final(const struct scram *s, const uint8_t *message, size_t size,
                      size_t *without_proof, uint8_t proof[CRED_KEY], const char **why)
{
	struct cursor c = {(const char *)message, (const char *)message + size};
	char header[sizeof(s->header)];
	const char *p;
	size_t n, got;

	if (!next(&c, &p, &n) || !is_attribute(p, n, 'c') ||
	    !decode(p + 2, n - 2, header, sizeof(header), &got))
		return fail(why, "invalid-encoding");
	if (got != strlen(s->header) || memcmp(header, s->header, got) != 0)
		return fail(why, "channel-bindings-dont-match");
	if (!next(&c, &p, &n) || !is_attribute(p, n, 'r'))
		return fail(why, "invalid-encoding");
	if (n - 2 != strlen(s->nonce) || memcmp(p + 2, s->nonce, n - 2) != 0)
		return fail(why, "other-error");
	while (next(&c, &p, &n) && !is_attribute(p, n, 'p'))
		if (n < 2 || p[1] != '=')
			return fail(why, "invalid-encoding");
	if (!is_attribute(p, n, 'p') || c.at <= c.end ||
	    !decode(p + 2, n - 2, proof, CRED_KEY, &got) || got != CRED_KEY)
		return fail(why, "invalid-encoding");
	*without_proof = (size_t)(p - 1 - (const char *)message);
	return 0;
}

/* AuthMessage, as pieces handed to the MAC one after the other. */
static bool sign(const struct scram *s, const uint8_t *key, const uint8_t *final, size_t n,
                 uint8_t out[CRED_KEY])
{
	gnutls_hmac_hd_t mac;
	bool done;

	if (gnutls_hmac_init(&mac, GNUTLS_MAC_SHA256, key, CRED_KEY) != 0)
		return false;
	done = gnutls_hmac(mac, s->bare, strlen(s->bare)) == 0 && gnutls_hmac(mac, ",", 1) == 0 &&
	       gnutls_hmac(mac, s->challenge, strlen(s->challenge)) == 0 &&
	       gnutls_hmac(mac, ",", 1) == 0 && gnutls_hmac(mac, final, n) == 0;
	gnutls_hmac_deinit(mac, out);
	return done;
}

int scram_final(const struct scram *s, const uint8_t *message, size_t n,
                char signature[SCRAM_SIGNATURE_MAX], const char **why)
{
	uint8_t proof[CRED_KEY], key[CRED_KEY], stored[CRED_KEY];
	size_t without_proof;
	int status;

	status = read_final(s, message, n, &without_proof, proof, why);
	if (status != 0)
		return status;
	if (!sign(s, s->cred.stored, message, without_proof, key))
		return fail(why, "other-error");
	for (size_t i = 0; i < CRED_KEY; i++)
		key[i] ^= proof[i];
	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, key, CRED_KEY, stored) != 0 ||
	    sodium_memcmp(stored, s->cred.stored, CRED_KEY) != 0) {
		*why = "invalid-proof";
		return -EACCES;
	}
	if (!sign(s, s->cred.server, message, without_proof, key))
		return fail(why, "other-error");
	memcpy(signature, "v=", 3);
	sodium_bin2base64(signature + 2, SCRAM_SIGNATURE_MAX - 2, key, CRED_KEY,
	                  sodium_base64_VARIANT_ORIGINAL);
	return 0;
}
