/*
 * nickserv.c - what to type, for those who do not know: on connecting without an account, and to
 * whoever talks to NickServ.
 */
#include "account.h"
#include <godwit/message.h>
#include <strings.h>

static bool needs_mail(struct account *st)
{
	return option(st, "email-required") || mail_on(st);
}

static const char *mail_word(struct account *st)
{
	return needs_mail(st) ? "you@example.org" : "*";
}

/* NICK, USER and CAP END are there, and nobody has authenticated: a person who needs a word. */
void call_unauthenticated(void *state, uint64_t tag, const void *payload)
{
	struct account *st = state;
	const struct gw_client *seen = payload;
	struct gw_client *c = CLIENT(st, by_id, seen->id);
	struct party *party;

	(void)tag;
	if (c == NULL || c->authenticated || c->state != GW_CONNECTING)
		return;
	party = party_find(st, c->id);
	if (party != NULL &&
	    party->mechanism[0] != '\0') { /* the exchange did not end before CAP END */
		sasl_drop(st, party);
		party_tidy(st, party);
		CLIENT(st, numeric, c, 906, ":SASL authentication aborted");
	}
	if ((c->caps & (CLIENT(st, cap, "standard-replies") |
	                CLIENT(st, cap, "draft/account-registration"))) != 0)
		CLIENT(st, line, c, NULL,
		       "FAIL * ACCOUNT_REQUIRED :You need an account to connect");
	CLIENT(st, notice, c, "You need an account to connect. Type one of these:");
	CLIENT(st, notice, c, "/quote REGISTER * %s <password>   makes an account named %s",
	       mail_word(st), c->nick);
	CLIENT(st, notice, c, "/quote PASS <account>:<password>   logs in to one that you have");
}

void call_service(void *state, uint64_t tag, const void *payload)
{
	const struct gw_service_query *query = payload;
	struct account *st = state;
	struct gw_client *c = query->client;

	(void)tag;
	if (strcasecmp(query->target, "NickServ") != 0)
		return;
	*query->taken = true;
	if (c->account == NULL) {
		CLIENT(st, notice, c,
		       "There is no NickServ here; accounts have commands. To register your nick:");
		CLIENT(st, notice, c, "/quote REGISTER * %s <password>", mail_word(st));
		CLIENT(st, notice, c,
		       "To log in, connect again with SASL or with the server password "
		       "<account>:<password>");
	} else {
		CLIENT(st, notice, c,
		       "There is no NickServ here; you are logged in as %s. What you can type:",
		       c->account);
		CLIENT(st, notice, c,
		       "/quote ACCOUNT INFO, or PASSWORD <present> <new>, EMAIL <password> "
		       "<address>,");
		CLIENT(st, notice, c,
		       "NICK LIST|ADD|DEL [nick], CERTFP LIST|ADD|DEL [fingerprint], DROP "
		       "<account> <password>");
	}
}
