/*
 * cred.c - verifiers of passwords: their stored form, and the slow work on them.
 *
 * Stored is a run of parts whose first names the scheme, as SASL does. Comparisons take the same
 * time for all contents.
 */
#include "cred.h"
#include <gnutls/crypto.h>
#include <godwit/parts.h>
#include <sodium.h>
#include <string.h>

#define SCRAM_NAME "SCRAM-SHA-256"
#define ARGON2ID_NAME "argon2id"

/* Bounds on what is read back: a linked server may have written it. */
#define ITERATIONS_MAX 10000000
#define OPERATIONS_MAX 64
#define MEMORY_MAX ((uint64_t)1 << 30)

struct gw_blob cred_encode(const struct cred *cred, uint8_t *room)
{
	struct gw_parts parts = {.bytes = room, .max = CRED_BYTES};

	gw_parts_text(&parts, cred->kind == CRED_SCRAM ? SCRAM_NAME : ARGON2ID_NAME);
	gw_parts_add(&parts, cred->salt, sizeof(cred->salt));
	if (cred->kind == CRED_SCRAM) {
		gw_parts_u64(&parts, cred->iterations);
		gw_parts_add(&parts, cred->stored, sizeof(cred->stored));
		gw_parts_add(&parts, cred->server, sizeof(cred->server));
	} else {
		gw_parts_u64(&parts, cred->operations);
		gw_parts_u64(&parts, cred->memory);
		gw_parts_add(&parts, cred->stored, sizeof(cred->stored));
	}
	return gw_parts_value(&parts);
}

static bool bytes_of(struct gw_blob value, unsigned index, uint8_t *out, size_t n)
{
	struct gw_blob part;

	if (!gw_part(value, index, &part) || part.n != n)
		return false;
	memcpy(out, part.p, n);
	return true;
}

static bool decode_scram(struct gw_blob value, struct cred *out)
{
	uint64_t iterations = gw_part_u64(value, 2, 0);

	out->kind = CRED_SCRAM;
	out->iterations = (uint32_t)iterations;
	return iterations > 0 && iterations <= ITERATIONS_MAX &&
	       bytes_of(value, 3, out->stored, CRED_KEY) &&
	       bytes_of(value, 4, out->server, CRED_KEY);
}

static bool decode_argon2id(struct gw_blob value, struct cred *out)
{
	out->kind = CRED_ARGON2ID;
	out->operations = gw_part_u64(value, 2, 0);
	out->memory = gw_part_u64(value, 3, 0);
	return out->operations >= crypto_pwhash_OPSLIMIT_MIN && out->operations <= OPERATIONS_MAX &&
	       out->memory >= crypto_pwhash_MEMLIMIT_MIN && out->memory <= MEMORY_MAX &&
	       bytes_of(value, 4, out->stored, CRED_KEY);
}

bool cred_decode(struct gw_blob value, struct cred *out)
{
	char scheme[24];

	memset(out, 0, sizeof(*out));
	if (!gw_part_text(value, 0, scheme, sizeof(scheme)) ||
	    !bytes_of(value, 1, out->salt, CRED_SALT))
		return false;
	if (strcmp(scheme, SCRAM_NAME) == 0)
		return decode_scram(value, out);
	if (strcmp(scheme, ARGON2ID_NAME) == 0)
		return decode_argon2id(value, out);
	return false;
}

bool cred_scram_keys(const char *password, size_t n, struct cred *cred)
{
	const gnutls_datum_t key = {(unsigned char *)password, (unsigned)n};
	const gnutls_datum_t salt = {cred->salt, sizeof(cred->salt)};
	uint8_t salted[CRED_KEY], client_key[CRED_KEY];
	bool done;

	done = gnutls_pbkdf2(GNUTLS_MAC_SHA256, &key, &salt, cred->iterations, salted,
	                     sizeof(salted)) == 0 &&
	       gnutls_hmac_fast(GNUTLS_MAC_SHA256, salted, sizeof(salted), "Client Key", 10,
	                        client_key) == 0 &&
	       gnutls_hash_fast(GNUTLS_DIG_SHA256, client_key, sizeof(client_key), cred->stored) ==
	               0 &&
	       gnutls_hmac_fast(GNUTLS_MAC_SHA256, salted, sizeof(salted), "Server Key", 10,
	                        cred->server) == 0;
	sodium_memzero(salted, sizeof(salted));
	sodium_memzero(client_key, sizeof(client_key));
	return done;
}

static bool derive(const struct cred_job *job, struct cred *cred)
{
	if (cred->kind == CRED_SCRAM)
		return cred_scram_keys(job->password, job->n, cred);
	return crypto_pwhash(cred->stored, sizeof(cred->stored), job->password, job->n, cred->salt,
	                     cred->operations, cred->memory, crypto_pwhash_ALG_ARGON2ID13) == 0;
}

void cred_run(void *data)
{
	struct cred_job *job = data;
	struct cred made = job->cred;

	job->done = derive(job, &made);
	if (job->check)
		job->done =
			job->done && sodium_memcmp(made.stored, job->cred.stored, CRED_KEY) == 0;
	else
		job->cred = made;
	sodium_memzero(job->password, sizeof(job->password));
	sodium_memzero(&made, sizeof(made));
}
