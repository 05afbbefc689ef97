/*
 * godwit/account.h - who a client is: the interface "account" 1.0, and SASL mechanisms as rows.
 *
 * The module account keeps AUTHENTICATE's exchange (chunks, base64, numerics, bounds); a mechanism
 * sees whole decoded responses and answers each with one challenge() or one finish(), at once or in
 * a later turn. Loop thread only.
 */
#ifndef GODWIT_ACCOUNT_H
#define GODWIT_ACCOUNT_H

#include <godwit/client.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The client's response; a borrowed view, with a NUL behind `n` bytes. */
typedef void gw_mechanism_fn(void *state, struct gw_client *, const uint8_t *response, size_t n);

/** A row of the point "account.mechanism". */
struct gw_mechanism {
	const char *name;  /* "SCRAM-SHA-256": upper case */
	bool private_line; /* sends secrets: offered over TLS and on the loopback only */
	bool certificate;  /* offered only to clients that showed a certificate */
	bool nameless;     /* admits users without an account: none is required then */
	uint32_t respond;  /* row of `.calls`: gw_mechanism_fn */
};
#define GW_POINT_MECHANISM "account.mechanism"

/** Who has proved to be whom. */
struct gw_login {
	struct gw_id account;
	const char *name;  /* NULL: a guest */
	const char *host;  /* visible host of the account, NULL: none */
	const char *waits; /* names that it claims and other accounts own, "ann, bob"; NULL: none */
};

/** Question, asked before a name is claimed for somebody: an account's, a nick, a channel's. */
struct gw_claim_query {
	char away[256]; /* filled: servers of the network that are out of sight, "one, two", "":
	                   none. One of them may know of an earlier claim: the name is provisional
	                 */
};
#define GW_TOPIC_MAY_CLAIM "account.may-claim"

/** The interface "account" 1.0: how a mechanism answers, exactly once for each gw_mechanism_fn that
 * it got, then or in a later turn. `account`: the handle's `impl`, which GW_VIA gives. */
struct gw_account_ops {
	/** The next challenge; 0 bytes are an empty one. */
	void (*challenge)(void *account, struct gw_client *, const void *bytes, size_t n);
	/** Ends the exchange. Status 0: `login` says who it is; else 904 with `why` (a sentence, or
	 * NULL). */
	void (*finish)(void *account, struct gw_client *, int status, const struct gw_login *login,
	               const char *why);
};

#endif
