/*
 * modules/client/enter.c - from NICK, USER, CAP END and an authenticated user to a session of the
 * network.
 *
 * enter_try() is called whenever one of these has come; it goes as far as it can. Its last step may
 * wait for the services database (is the nick claimed?), and goes on in enter_claimed().
 */
#include "client.h"
#include <errno.h>

static bool ident_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_' || c == '.' || c == '~';
}

/* What a mask could not hold falls away. */
static void take_ident(struct entry *entry, const char *text)
{
	size_t n = 0;

	for (; *text != '\0' && n < GW_IDENT_MAX; text++)
		if (ident_char(*text))
			entry->ident[n++] = *text;
	entry->ident[n] = '\0';
}

void client_user(void *state, struct gw_client *client, const struct gw_message *m)
{
	struct client_state *st = state;
	struct client *c = client_of(client);
	struct entry *entry = c->entry;
	size_t n = strlen(m->argv[3]);

	take_ident(entry, m->argv[0]);
	if (entry->ident[0] == '\0') {
		reply_numeric(st, c, 468, ":Your username is not valid");
		return;
	}
	if (n > GW_REALNAME_MAX)
		n = utf8_trim(m->argv[3], GW_REALNAME_MAX);
	gw_free(st->self, entry->realname);
	entry->realname = gw_strndup(st->self, m->argv[3], n);
	c->pub.ident = entry->ident;
	c->pub.realname = entry->realname;
	enter_try(st, c);
}

/* Once: the guest module admits, the account module says what to type. */
static void tell_unauthenticated(struct client_state *st, struct client *c)
{
	if (c->entry->told)
		return;
	c->entry->told = true;
	gw_notify(st->self, st->unauthenticated, &c->pub);
}

static bool same_account(const struct client *c, const struct gw_user *user)
{
	return !gw_id_none(c->pub.account_id) && gw_id_is(c->pub.account_id, user->account_id);
}

/* A session of the same account gives the nick up; anybody else's keeps it. */
static bool nick_free(struct client_state *st, struct client *c)
{
	struct gw_user *user = NETWORK(st, user, c->entry->nick);
	struct client *ghost;

	if (user == NULL)
		return true;
	if (!same_account(c, user))
		return false;
	ghost = clients_of(st, user->session);
	if (ghost != NULL && !ghost->pub.shadow)
		client_close(st, ghost, "Ghost: you have logged in anew");
	else
		NETWORK(st, kill, NULL, user->session, "Ghost: logged in anew", 0);
	return NETWORK(st, user, c->entry->nick) == NULL;
}

/* A nick that nobody claimed when it was looked up may have been claimed since. */
static void introduced(struct client_state *st, struct client *c)
{
	c->claims = c->entry->claim.clock != 0;
	welcome(st, c);
	if (!c->claims)
		claims_review(st, c, true);
}

static void introduce(struct client_state *st, struct client *c)
{
	struct entry *entry = c->entry;
	char host[GW_HOST_MAX + 1];
	struct gw_user_spec spec = {
		.nick = entry->nick,
		.ident = entry->ident,
		.host = entry->host != NULL ? entry->host : host,
		.realname = entry->realname,
		.account = entry->account,
		.account_id = c->pub.account_id,
		.claim = entry->claim,
		.secure = c->pub.info->tls,
		.sink = c->sink,
		.caps = c->pub.caps,
	};
	int status;

	if (entry->account != NULL)
		host_of_account(st, entry->account, host);
	else
		host_of_guest(st, c, host);
	status = NETWORK(st, introduce, &spec, &c->pub.session);
	if (status == -EEXIST)
		nick_in_use(st, c, entry->nick);
	else if (status != 0)
		client_close(st, c, "The network did not take your names");
	else
		introduced(st, c);
}

/* The nick is refused; another NICK tries again. */
static void ask_for_another(struct client *c)
{
	snprintf(c->entry->nick, sizeof(c->entry->nick), "*");
}

void enter_claimed(struct client_state *st, struct client *c, int status,
                   const struct gw_owner *owner)
{
	c->entry->checking = false;
	if (!claim_permits(c, status, owner) || !nick_free(st, c)) {
		nick_in_use(st, c, c->entry->nick);
		ask_for_another(c);
		return;
	}
	c->entry->claim = status == 0 ? owner->claim : (struct gw_stamp){0, 0};
	introduce(st, c);
	if (c->pub.session == NULL && !c->closing)
		ask_for_another(c);
}

static bool banned(struct client_state *st, struct client *c)
{
	struct gw_error why = {0};

	if (gw_ask(st->self, st->may_enter, &c->pub, &why) == 0)
		return false;
	st->counts.barred++;
	if (why.code != GW_REFUSAL_SAID)
		reply_numeric(st, c, why.code != 0 ? why.code : 465, ":%s", why.text);
	client_close(st, c, why.text);
	return true;
}

static bool complete(const struct client *c)
{
	return !c->pub.cap_negotiating && c->entry->nick[0] != '*' && c->entry->realname != NULL;
}

void enter_try(struct client_state *st, struct client *c)
{
	struct gw_owner owner;
	enum gw_client_state to;
	int status;

	if (c->closing || !states_allow(c, GW_AUTHENTICATED, &to) || !complete(c) ||
	    c->entry->checking)
		return;
	if (!c->pub.authenticated) {
		tell_unauthenticated(st, c);
		return;
	}
	if (banned(st, c))
		return;
	if (nick_may(st, c, c->entry->nick) != 0) {
		ask_for_another(c);
		return;
	}
	c->entry->checking = true;
	status = claim_find(st, c, c->entry->nick, &owner);
	if (status != -EINPROGRESS)
		enter_claimed(st, c, status, &owner);
}

int enter_change(struct client_state *st, struct client *c, enum gw_client_change change)
{
	int status;

	if (change == GW_AUTHENTICATED)
		return enter_authenticated(st, c, (struct gw_id){0, 0}, NULL, NULL);
	status = clients_change(st, c, change);
	if (status != 0)
		return status;
	timeouts_begin(st, c);
	/* A completed one is followed by the login with what it has proved. */
	if (change == GW_REGISTRATION_CANCELLED)
		enter_try(st, c);
	return 0;
}

static void set_string(struct client_state *st, char **to, const char *value)
{
	gw_free(st->self, *to);
	*to = value != NULL ? gw_strdup(st->self, value) : NULL;
}

/* Connected already: an event, so that everybody learns of it. */
static int account_changes(struct client_state *st, struct client *c, struct gw_id account,
                           const char *name, const char *host)
{
	char made[GW_HOST_MAX + 1];
	struct gw_user_set set = {
		.fields = GW_SET_ACCOUNT | GW_SET_HOST,
		.account = name,
		.account_id = account,
		.ident = c->pub.ident,
		.host = host != NULL ? host : made,
	};

	if (name != NULL)
		host_of_account(st, name, made);
	else
		host_of_guest(st, c, made);
	if (strcmp(set.host, c->pub.session->user->host) == 0)
		set.fields = GW_SET_ACCOUNT;
	return NETWORK(st, set, c->pub.session, &set, c->pub.command);
}

int enter_authenticated(struct client_state *st, struct client *c, struct gw_id account,
                        const char *name, const char *host)
{
	enum gw_client_state to;

	if (c->closing || c->pub.shadow)
		return -EPERM;
	if (divert_account(st, c, account, name, host))
		return 0;
	if (c->pub.session != NULL) {
		c->pub.account_id = account;
		return account_changes(st, c, account, name, host);
	}
	if (!states_allow(c, GW_AUTHENTICATED, &to))
		return -EPERM;
	set_string(st, &c->entry->account, name);
	set_string(st, &c->entry->host, host);
	c->pub.account = c->entry->account;
	c->pub.account_id = account;
	c->pub.authenticated = true;
	enter_try(st, c);
	return 0;
}
