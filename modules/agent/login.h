/*
 * modules/agent/login.h - what a session needs to log in again: what the client has said, or the
 * agent's own file. Private to the agent.
 */
#ifndef AGENT_LOGIN_H
#define AGENT_LOGIN_H

#include <godwit/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct session;

enum {
	LOGIN_CHUNK = 400,     /* of AUTHENTICATE */
	LOGIN_TEXT_MAX = 8192, /* of base64; and of the parameters of PASS, which are far shorter */
	LOGIN_WORD_MAX = 600   /* of a line of the file */
};

/** What a login has come to. */
enum login_way {
	LOGIN_UNKNOWN, /* nothing was accepted yet */
	LOGIN_KEPT,    /* `plain`, `pass` or both are right */
	LOGIN_OTHER    /* by a way that cannot be repeated without the client */
};

/** Noted of a client. What is not accepted yet is in `said`. */
struct login {
	char *pass;  /* the parameters of PASS */
	char *plain; /* the response of SASL PLAIN, base64 without its end */
	struct {
		char *pass, *plain;
		size_t plain_len;
		uint8_t mechanism; /* enum: see login.c */
		bool whole;        /* the response is complete */
		uint8_t reserved[6];
	} said;
	uint8_t way;   /* enum login_way */
	bool over_tls; /* it was said where nobody else could read it */
	uint8_t reserved[6];
};

/** Account and password of the agent's own file. */
struct login_file {
	char account[LOGIN_WORD_MAX + 1], password[LOGIN_WORD_MAX + 1];
};

/** Refuses a file that others can read or that has not the two lines, with a sentence. `out` NULL:
 * only looks. Wipe what it gives. */
int login_file_read(const char *path, struct login_file *out, struct gw_error *err);

/** What there is to log in with, copied; or false. */
struct login_words {
	char *pass;  /* the parameters of PASS; NULL: none */
	char *plain; /* base64 for SASL PLAIN; NULL: none */
	bool from_file, over_tls;
	uint8_t reserved[6];
};
/** False: nothing; `err` then has a sentence if the file was refused. */
bool login_words(struct session *s, struct login_words *out, struct gw_error *err);
void login_words_free(struct session *s, struct login_words *words);
/** The server has refused them, or they are old: they are not used again. */
void login_forget(struct session *s);
/** The connection has ended: an exchange that was under way is over. */
void login_interrupted(struct session *s);
/** Whether the client has logged in, in whatever way. */
bool login_seen(const struct session *s);

#endif
