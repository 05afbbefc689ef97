/*
 * modules/client/nick.c - NICK, and whose a nick is.
 *
 * Before Connected a nick is only noted: whether it is free shows when the user is known, who may
 * own it. A claim of the services database may have to be read first; the client's input waits for
 * it.
 */
#include "client.h"
#include <errno.h>

void nick_in_use(struct client_state *st, struct client *c, const char *nick)
{
	/* Before Connected the reply must not be addressed to a nick that the client does not have.
	 */
	if (c->pub.session == NULL)
		reply_line(st, c, NULL, "433 * %s :Nickname is already in use", nick);
	else
		reply_numeric(st, c, 433, "%s :Nickname is already in use", nick);
}

/* A name that people trust with their passwords. */
static bool is_reserved(struct client_state *st, const char *nick)
{
	const char *const *names;
	size_t n = gw_option_list(st->self, gw_options(st->self), "reserved", &names);

	for (size_t i = 0; i < n; i++)
		if (NETWORK(st, same, names[i], nick))
			return true;
	return false;
}

/* Asks the other modules too; tells the client when one refuses. */
int nick_may(struct client_state *st, struct client *c, const char *nick)
{
	struct gw_nick_query query = {.client = &c->pub, .nick = nick};
	struct gw_error why = {0};
	int status;

	if (is_reserved(st, nick))
		status = gw_fail(&why, -EACCES, "That nick is reserved");
	else
		status = gw_ask(st->self, st->may_nick, &query, &why);
	if (status != 0)
		reply_numeric(st, c, why.code != 0 ? why.code : 432, "%s :%s", nick, why.text);
	return status;
}

/* 0 and the owner, -ENOENT, or -EINPROGRESS: client_claim_found() is called, the client is held. */
int claim_find(struct client_state *st, struct client *c, const char *nick,
               struct gw_owner *owner_out)
{
	char folded[GW_NAME_MAX + 1];
	int n, status;

	if (st->services->ops == NULL)
		return -ENOENT;
	n = SERVICES(st, fold, nick, folded);
	if (n < 0)
		return -ENOENT;
	status = SERVICES(st, find, GW_NAME_NICK, folded, (size_t)n, owner_out,
	                  gw_call(st->self, CALL_CLAIM_FOUND, c->pub.id));
	if (status == -EINPROGRESS)
		client_hold(st, c, st->self);
	return status;
}

/* A claim that cannot be read is taken for somebody else's: better asked again than given away. */
bool claim_permits(const struct client *c, int status, const struct gw_owner *owner)
{
	if (status == -ENOENT)
		return true;
	return status == 0 && gw_id_is(owner->id, c->pub.account_id);
}

static void nick_set(struct client_state *st, struct client *c, const char *nick)
{
	int status = NETWORK(st, nick, c->pub.session, nick, c->pub.command);

	if (status == -EEXIST)
		nick_in_use(st, c, nick);
	else if (status != 0)
		reply_numeric(st, c, 432, "%s :Erroneous nickname", nick);
}

static void change_claimed(struct client_state *st, struct client *c, int status,
                           const struct gw_owner *owner)
{
	char *nick = c->new_nick;

	c->new_nick = NULL;
	if (c->pub.session != NULL && claim_permits(c, status, owner))
		nick_set(st, c, nick);
	else if (c->pub.session != NULL)
		nick_in_use(st, c, nick);
	gw_free(st->self, nick);
}

void client_claim_found(void *state, uint64_t tag, int status, const struct gw_owner *owner)
{
	struct client_state *st = state;
	struct client *c = clients_by_id(st, tag);

	if (c == NULL)
		return;
	if (c->new_nick != NULL)
		change_claimed(st, c, status, owner);
	else if (!c->closing && c->pub.session == NULL && c->entry->checking)
		enter_claimed(st, c, status, owner);
	client_release(st, c, st->self);
}

static void change_nick(struct client_state *st, struct client *c, const char *nick)
{
	struct gw_user *user = NETWORK(st, user, nick);
	struct gw_owner owner;
	int status;

	if (strcmp(nick, c->pub.nick) == 0)
		return;
	if (user == c->pub.session->user) {
		nick_set(st, c, nick);
		return;
	}
	if (nick_may(st, c, nick) != 0)
		return;
	if (user != NULL) {
		nick_in_use(st, c, nick);
		return;
	}
	c->new_nick = gw_strdup(st->self, nick);
	status = claim_find(st, c, nick, &owner);
	if (status != -EINPROGRESS)
		change_claimed(st, c, status, &owner);
}

void client_nick(void *state, struct gw_client *client, const struct gw_message *m)
{
	struct client_state *st = state;
	struct client *c = client_of(client);
	const char *nick = m->argc > 0 ? m->argv[0] : "";

	if (nick[0] == '\0') {
		reply_numeric(st, c, 431, ":No nickname given");
	} else if (!NETWORK(st, valid_nick, nick)) {
		reply_numeric(st, c, 432, "%.*s :Erroneous nickname",
		              (int)utf8_trim(nick, strnlen(nick, 64)), nick);
	} else if (c->pub.session != NULL) {
		change_nick(st, c, nick);
	} else if (!c->entry->checking) {
		snprintf(c->entry->nick, sizeof(c->entry->nick), "%s", nick);
		enter_try(st, c);
	}
}
