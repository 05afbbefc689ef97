/*
 * scram.h - the messages of SCRAM-SHA-256 (RFC 5802, RFC 7677), server's side. Pure: no input, no
 * output, no clock.
 *
 * scram_first() reads the client's first message, scram_challenge() writes the server's,
 * scram_final() judges the client's last one and writes the server's signature. Reasons of failure
 * are those of the RFC's server-error.
 */
#ifndef ACCOUNT_SCRAM_H
#define ACCOUNT_SCRAM_H

#include "cred.h"
#include <stddef.h>
#include <stdint.h>

#define SCRAM_NAME_MAX 64
#define SCRAM_NONCE_MAX 256   /* of the client's nonce */
#define SCRAM_SERVER_NONCE 64 /* at most so many characters are added */
#define SCRAM_FIRST_MAX 1024  /* client-first-message */
#define SCRAM_CHALLENGE_MAX 512
#define SCRAM_SIGNATURE_MAX 64

struct scram {
	char name[SCRAM_NAME_MAX + 1]; /* unescaped */
	char header[160];              /* gs2-header, to compare with c= */
	char bare[SCRAM_FIRST_MAX + 1];
	char challenge[SCRAM_CHALLENGE_MAX];
	char nonce[SCRAM_NONCE_MAX + SCRAM_SERVER_NONCE + 1]; /* the client's, later both */
	struct cred cred;
};

/** 0, or -EINVAL with `*why`: a server-error-value, static. */
int scram_first(struct scram *scram, const uint8_t *message, size_t n, const char **why);
/** Adds `server_nonce` (printable, no comma, at most SCRAM_SERVER_NONCE characters) and takes the
 * verifier. The text is scram->challenge. */
void scram_challenge(struct scram *scram, const struct cred *cred, const char *server_nonce);
/** 0 and `signature` ("v=..."), or -EINVAL for what is malformed, -EACCES for a wrong proof, with
 * `*why`. */
int scram_final(const struct scram *scram, const uint8_t *message, size_t n,
                char signature[SCRAM_SIGNATURE_MAX], const char **why);

#endif
