/*
 * modules/oper/sessions.c - session list and session kick: connections as the operator sees them.
 *
 * A list may be long. Whom it is to show is noted when it is asked for, and shown some at a time,
 * each piece in a turn of its own, so that nobody else waits for it; who has gone by then is left
 * out.
 */
#include "private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#define PER_TURN 200

struct listing {
	uint64_t tag;
	struct gw_admin_request *req;
	char mask[MASK_MAX + 1];
	uint8_t reserved[7]; /* 0 */
	uint64_t *ids;
	size_t n, n_here, room, at; /* the first n_here are connections, the others sessions */
	struct listing *prev, *next;
};

static void note(struct oper_state *o, struct listing *l, uint64_t id)
{
	if (l->n == l->room) {
		l->room += l->room / 2 + 64;
		l->ids = gw_resize(o->self, l->ids, l->room * sizeof(*l->ids));
	}
	l->ids[l->n++] = id;
}

static void note_all(struct oper_state *o, struct listing *l, bool elsewhere)
{
	for (struct gw_client *c = CLIENT(o, next, NULL); c != NULL; c = CLIENT(o, next, c))
		note(o, l, c->id);
	l->n_here = l->n;
	if (!elsewhere)
		return;
	for (struct gw_user *u = NETWORK(o, next_user, NULL); u != NULL;
	     u = NETWORK(o, next_user, u))
		if (!u->session->local)
			note(o, l, u->session->id);
}

static void free_listing(struct oper_state *o, struct listing *l)
{
	DL_DELETE(o->listings, l);
	gw_free(o->self, l->ids);
	gw_free(o->self, l);
}

void oper_listings_free(struct oper_state *o)
{
	while (o->listings != NULL)
		free_listing(o, o->listings);
}

const char *oper_session_state(const struct gw_client *client)
{
	static const char *const names[] = {
		[GW_CONNECTING] = "connecting",
		[GW_REGISTRATION] = "registering",
		[GW_CONNECTED] = "connected",
	};

	return client->session != NULL && client->session->moving ? "moving" : names[client->state];
}

void oper_age(struct oper_state *o, int64_t since_ns, char out[AGE_MAX])
{
	out[0] = '\0';
	if (since_ns != 0)
		snprintf(out, AGE_MAX, "%llds",
		         (long long)((gw_mono_ns(o->self) - since_ns) / GW_SECOND));
}

static bool matches(struct oper_state *o, const char *mask, const char *nick, const char *account,
                    const char *address)
{
	return mask[0] == '\0' || NETWORK(o, match, mask, nick) ||
	       (account != NULL && NETWORK(o, match, mask, account)) ||
	       (address != NULL && NETWORK(o, match, mask, address));
}

static void show_client(struct oper_state *o, const struct listing *l, uint64_t id)
{
	const struct gw_client *c = CLIENT(o, by_id, id);
	char number[24], since[AGE_MAX], idle[AGE_MAX];

	if (c == NULL || !matches(o, l->mask, c->nick, c->account, c->info->address))
		return;
	snprintf(number, sizeof(number), "%llu", (unsigned long long)id);
	oper_age(o, c->info->accepted_ns, since);
	oper_age(o, c->last_active_ns, idle);
	gw_admin_row(o->self, l->req,
	             (const char *const[]){number, c->nick, c->account != NULL ? c->account : "",
	                                   c->info->address, gw_server_string(o->self, "server"),
	                                   oper_session_state(c), since, idle,
	                                   c->info->tls ? "yes" : "no"},
	             9);
}

/* What only its own server knows stays empty. */
static void show_elsewhere(struct oper_state *o, const struct listing *l, uint64_t id)
{
	const struct gw_session *session = NETWORK(o, session, id);
	const struct gw_user *user = session != NULL ? session->user : NULL;

	if (user == NULL || session->local || !matches(o, l->mask, user->nick, user->account, NULL))
		return;
	gw_admin_row(o->self, l->req,
	             (const char *const[]){
			     "", user->nick, user->account != NULL ? user->account : "", "",
			     session->home->name, "connected", "", "", user->secure ? "yes" : "no"},
	             9);
}

void oper_session_slice(void *state, uint64_t tag)
{
	struct oper_state *o = state;
	struct listing *l;

	DL_SEARCH_SCALAR(o->listings, l, tag, tag);
	if (l == NULL)
		return;
	for (int i = 0; i < PER_TURN && l->at < l->n; i++, l->at++) {
		if (l->at < l->n_here)
			show_client(o, l, l->ids[l->at]);
		else
			show_elsewhere(o, l, l->ids[l->at]);
	}
	if (l->at < l->n) {
		gw_defer(o->self, gw_call(o->self, CALL_SESSION_SLICE, tag));
		return;
	}
	gw_admin_done(o->self, &l->req, 0, "");
	free_listing(o, l);
}

void oper_session_list(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	static const char *const head[] = {"id",    "nick",  "account", "address", "server",
	                                   "state", "since", "idle",    "tls"};
	struct oper_state *o = state;
	struct listing *l;
	bool elsewhere = false;
	const char *mask = "";

	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--all") == 0)
			elsewhere = true;
		else if (mask[0] == '\0' && strncmp(argv[i], "--", 2) != 0)
			mask = argv[i];
		else {
			gw_admin_done(o->self, &req, -ENOSYS, "usage: session list [MASK] [--all]");
			return;
		}
	}
	l = gw_alloc(o->self, sizeof(*l));
	l->tag = ++o->last_tag;
	l->req = req;
	snprintf(l->mask, sizeof(l->mask), "%s", mask);
	DL_APPEND(o->listings, l);
	gw_admin_head(o->self, req, head, 9);
	note_all(o, l, elsewhere);
	oper_session_slice(o, l->tag);
}

/* --- kick --- */

/* One that is not here, or not in the network yet, is ended another way than a client here. */
void oper_session_kick(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct oper_state *o = state;
	struct gw_client *client = CLIENT(o, named, argv[0]);
	struct gw_user *user = NETWORK(o, user, argv[0]);
	struct gw_session *session = client != NULL ? client->session
	                             : user != NULL ? user->session
	                                            : NULL;
	char reason[REASON_MAX + 1], line[200];
	const char *nick = session != NULL ? session->user->nick : argv[0];

	if (client == NULL && session == NULL) {
		gw_admin_done(o->self, &req, -ENOENT,
		              "nobody has that nick, and no connection here that number: see "
		              "session list");
		return;
	}
	oper_join_words(reason, sizeof(reason), argc - 1, argv + 1);
	if (reason[0] == '\0')
		snprintf(reason, sizeof(reason), "No reason given");
	oper_tell(o, "%s was killed by %s (%s)", nick, gw_admin_who(o->self, req), reason);
	if (client != NULL)
		snprintf(line, sizeof(line), "%s is disconnected", nick);
	else
		snprintf(line, sizeof(line), "%s was told to disconnect %s", session->home->name,
		         nick);
	gw_admin_text(o->self, req, line);
	if (session != NULL)
		NETWORK(o, kill, NULL, session, reason, 0);
	else
		CLIENT(o, close, client, "Killed (%s)", reason);
	gw_admin_done(o->self, &req, 0, "");
}
