/*
 * modules/agent/request.h - the words of a line of the verb REDIRECT. Private to the mover.
 */
#ifndef AGENT_REQUEST_H
#define AGENT_REQUEST_H

#include "mover.h"

enum { REQUEST_WORDS_MAX = 8 };

/** REDIRECT REQUEST id host port fingerprint token */
struct request {
	const char *id, *host; /* among the words */
	uint16_t port;
	bool tls;
	uint8_t token[MOVER_SECRET], fingerprint[MOVER_SECRET];
};

/** Cuts at spaces; what begins with a colon is the last word. At most REQUEST_WORDS_MAX. */
int request_split(char *text, char **words_out);
bool request_is_id(const char *text);
bool request_read(struct request *request_out, char **words, int count);

#endif
