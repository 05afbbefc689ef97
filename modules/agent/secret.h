/*
 * modules/agent/secret.h - whether what a client says is the agent's own password. Pure; private to
 * gate.c.
 */
#ifndef AGENT_SECRET_H
#define AGENT_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { SECRET_WANTED_MAX = 255, SECRET_SAID_MAX = 1023 };

/** A check that takes long, as a job for the compute lane. */
struct secret_job {
	char wanted[SECRET_WANTED_MAX + 1], said[SECRET_SAID_MAX + 1];
	ssize_t n; /* what secret_match() gave */
};

/** Whether it is the hash of a password, which takes long to compare, and not the password. */
bool secret_is_hash(const char *wanted);
/** A hash that begins like one, but can never match. */
bool secret_is_broken(const char *wanted);
/**
 * `said` is the password, or the password, a colon and what is meant for the server. Gives the
 * length of the password, or -1: it is not right. The time that it takes does not depend on where
 * it is wrong.
 *
 * With a hash the password ends at the first colon, or with the text.
 */
ssize_t secret_match(const char *wanted, const char *said);
/** A gw_job_run_fn on struct secret_job. */
void secret_run(void *job);

#endif
