/*
 * login.c - what follows a proof: 900 and 903, the client module's part, one's own ghost; and the
 * end of an account.
 */
#include "account.h"
#include <stdio.h>

const char *client_mask(struct gw_client *c, char *out, size_t max)
{
	const struct gw_user *user = c->session != NULL ? c->session->user : NULL;

	if (user != NULL)
		snprintf(out, max, "%s!%s@%s", user->nick, user->ident, user->host);
	else
		snprintf(out, max, "%s!%s@*", c->nick, c->ident != NULL ? c->ident : "*");
	return out;
}

/* A session of the same account holds the account's nick: it is a ghost, and makes room. (When a
 * client enters, the client module does the same.) */
static void take_nick_back(struct account *st, struct gw_client *c, const struct gw_login *login)
{
	struct gw_user *ghost = NETWORK(st, user, login->name);
	struct gw_client *local;

	if (c->session == NULL || ghost == NULL || ghost->session == c->session ||
	    !gw_id_is(ghost->account_id, login->account))
		return;
	local = CLIENT(st, of_session, ghost->session);
	if (local != NULL && !local->shadow)
		CLIENT(st, close, local, "Ghost: %s has logged in again", login->name);
	else
		NETWORK(st, kill, NULL, ghost->session, "Ghost", 0);
	NETWORK(st, nick, c->session, login->name, c->command);
}

void login_succeeds(struct account *st, struct gw_client *c, const struct gw_login *login,
                    bool sasl)
{
	struct party *party = party_find(st, c->id);
	struct gw_id none = {0, 0};
	char mask[GW_NICK_MAX + GW_IDENT_MAX + GW_HOST_MAX + 8];

	st->counts.logins++;
	if (party != NULL)
		party->failures = 0;
	if (login->name != NULL)
		CLIENT(st, numeric, c, 900, "%s %s :You are now logged in as %s",
		       client_mask(c, mask, sizeof(mask)), login->name, login->name);
	if (sasl)
		CLIENT(st, numeric, c, 903, ":SASL authentication successful");
	if (CLIENT(st, authenticated, c, login->name != NULL ? login->account : none, login->name,
	           login->host) == 0 &&
	    login->name != NULL)
		take_nick_back(st, c, login);
	if (login->name != NULL && CLIENT(st, by_id, c->id) != NULL)
		say_waits(st, c, login->name, login->waits);
	if (party != NULL)
		party_tidy(st, party);
}

bool login_failed(struct account *st, struct gw_client *c)
{
	struct party *party = party_of(st, c->id);

	st->counts.failures++;
	gw_log(st->self, GW_INFO, "login failed address=%s", c->info->address);
	if (c->exempt || ++party->failures < (unsigned)option(st, "failures"))
		return true;
	CLIENT(st, close, c, "Too many failed attempts to log in");
	return false;
}

void log_out(struct account *st, struct gw_client *c)
{
	struct gw_id none = {0, 0};
	char mask[GW_NICK_MAX + GW_IDENT_MAX + GW_HOST_MAX + 8];

	CLIENT(st, authenticated, c, none, NULL, NULL);
	CLIENT(st, numeric, c, 901, "%s :You are now logged out",
	       client_mask(c, mask, sizeof(mask)));
}

/* The home server of each session carries out what the database says. */
static void account_died(struct account *st, struct gw_id id)
{
	for (struct gw_client *c = CLIENT(st, next, NULL); c != NULL; c = CLIENT(st, next, c)) {
		if (c->account == NULL || !gw_id_is(c->account_id, id))
			continue;
		if (c->session == NULL)
			CLIENT(st, close, c, "Your account has been dropped");
		else
			log_out(st, c);
	}
}

void call_changed(void *state, uint64_t tag, const void *payload)
{
	const struct gw_services_change *change = payload;
	struct account *st = state;

	(void)tag;
	if (change->class == GW_CLASS_ACCOUNT && change->dead)
		account_died(st, change->id);
	if (change->class == GW_CLASS_ACCOUNT)
		names_changed(st, change);
	else if (change->class == GW_CLASS_SERVER || change->class == GW_CLASS_ORIGIN)
		servers_changed(st, change);
	else if (change->class == GW_CLASS_NETWORK)
		decoy_load(st);
}
