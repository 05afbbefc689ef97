/*
 * cred.h - what is stored of a password: one verifier, SCRAM's or Argon2id's.
 *
 * Pure: making and checking run off the loop, as a job that holds all it needs.
 */
#ifndef ACCOUNT_CRED_H
#define ACCOUNT_CRED_H

#include <godwit/store.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CRED_SALT 16
#define CRED_KEY 32
#define CRED_PASSWORD_MAX 1024
#define CRED_BYTES 160 /* room for any encoded one */

enum cred_kind { CRED_NONE, CRED_SCRAM, CRED_ARGON2ID };

struct cred {
	enum cred_kind kind;
	uint32_t iterations;         /* SCRAM */
	uint64_t operations, memory; /* Argon2id; memory in bytes */
	uint8_t salt[CRED_SALT];
	uint8_t stored[CRED_KEY]; /* SCRAM's StoredKey; Argon2id's hash */
	uint8_t server[CRED_KEY]; /* SCRAM's ServerKey */
};

/** Of a password in the compute lane. */
struct cred_job {
	bool check; /* else: make */
	bool done;  /* it was made; it matches */
	struct cred cred;
	size_t n;
	char password[CRED_PASSWORD_MAX];
};

/** As it is stored; `room` is at least CRED_BYTES. */
struct gw_blob cred_encode(const struct cred *cred, uint8_t *room);
/** False for what no version of ours has written. */
bool cred_decode(struct gw_blob value, struct cred *out);
/** A gw_job_run_fn. */
void cred_run(void *job);
/** The two keys of SCRAM-SHA-256 (RFC 5802, section 3); false when the library fails. */
bool cred_scram_keys(const char *password, size_t n, struct cred *cred);

#endif
