/*
 * modules/client/claims.c - sessions and the claims on their nicks, while they last.
 *
 * A session's claim on its nick is told to the network, which decides by claims when two sessions
 * want one nick. It is looked up whenever the nick or the account is another one, and when an
 * account has claimed names, here or on another server. Who has a nick that somebody else's account
 * owns gets another one, and is told.
 */
#include "client.h"
#include <errno.h>
#include <utlist.h>

#define READING_MOST 16
#define QUEUE_MOST 65536
#define AGAIN_NS (50 * GW_MS)

/** A look-up for a session that is Connected. */
struct review {
	uint64_t tag, client;
	bool evict;
	char nick[GW_NICK_MAX + 1];
	struct review *prev, *next;
};

/* --- what a claim means for a session --- */

static void tell_claim(struct client_state *st, struct client *c, struct gw_stamp claim)
{
	struct gw_user_set set = {.fields = GW_SET_CLAIM, .claim = claim};

	c->claims = claim.clock != 0;
	NETWORK(st, set, c->pub.session, &set, 0);
}

/* Whether the account was registered under the nick, or is shown as NICK~DIGITS. */
static bool named_alike(struct client_state *st, const char *account, const char *nick)
{
	char stem[GW_NAME_MAX + 1];

	snprintf(stem, sizeof(stem), "%.*s", (int)strcspn(account, "~"), account);
	return NETWORK(st, same, stem, nick);
}

/* A nick that nobody else has: by the account, if it claims the nick too, else by the session. */
static int give_nick(struct client_state *st, struct client *c, const char *nick)
{
	uint8_t id[17] = {0};
	char given[GW_NAME_MAX + 1];
	size_t n = 8;
	int status;

	for (int i = 0; i < 8; i++)
		id[i] = (uint8_t)(c->session_id >> (56 - 8 * i));
	if (c->pub.account != NULL && named_alike(st, c->pub.account, nick)) {
		gw_id_bytes(c->pub.account_id, id);
		n = 16;
	}
	do {
		SERVICES(st, lesser, nick, id, n, (size_t)GW_NICK_MAX, given);
		status = NETWORK(st, nick, c->pub.session, given, 0);
		n = 17;
	} while (status == -EEXIST && ++id[16] < 8);
	return status;
}

/* It is told when the nick has changed, which is at once or behind the present event. */
static void lose_nick(struct client_state *st, struct client *c)
{
	char nick[GW_NICK_MAX + 1];

	snprintf(nick, sizeof(nick), "%s", c->pub.nick);
	c->losing = true;
	if (give_nick(st, c, nick) != 0)
		c->losing = false;
}

static bool keeps_nick(struct client_state *st, const struct client *c, struct gw_id owner)
{
	struct gw_lose_query query = {.client = &c->pub, .owner = owner};

	return gw_ask(st->self, st->may_lose, &query, NULL) != 0;
}

/* Its home leaves it alone for now. */
static bool put_off(struct client *c, bool evict)
{
	if (!c->diverted)
		return false;
	c->review = true;
	c->evict |= evict;
	return true;
}

/* Without `evict` an account may keep the nick of another one: it has just been changed to. */
static void judge(struct client_state *st, struct client *c, bool evict, int status,
                  const struct gw_owner *owner)
{
	bool own = status == 0 && owner->class == GW_CLASS_ACCOUNT &&
	           gw_id_is(owner->id, c->pub.account_id);

	if ((status != 0 && status != -ENOENT) || put_off(c, evict))
		return; /* told again by the next change */
	if (own)
		tell_claim(st, c, owner->claim);
	else if (c->claims)
		tell_claim(st, c, (struct gw_stamp){0, 0});
	if (status == 0 && !own && (evict || c->pub.account == NULL) &&
	    !keeps_nick(st, c, owner->id))
		lose_nick(st, c);
}

void claims_review(struct client_state *st, struct client *c, bool evict)
{
	char folded[GW_NAME_MAX + 1];
	struct gw_owner owner;
	struct review *review;
	int n, status;

	if (st->services->ops == NULL || c->pub.session == NULL || c->closing || c->pub.shadow ||
	    put_off(c, evict))
		return;
	n = SERVICES(st, fold, c->pub.nick, folded);
	if (n <= 0)
		return;
	status = SERVICES(st, find, GW_NAME_NICK, folded, (size_t)n, &owner,
	                  gw_call(st->self, CALL_REVIEWED, st->last_review + 1));
	if (status != -EINPROGRESS) {
		judge(st, c, evict, status, &owner);
		return;
	}
	review = gw_alloc(st->self, sizeof(*review));
	review->tag = ++st->last_review;
	review->client = c->pub.id;
	review->evict = evict;
	snprintf(review->nick, sizeof(review->nick), "%s", c->pub.nick);
	DL_APPEND(st->reviews, review);
}

/* Who has another nick by now has been looked at since. */
void client_reviewed(void *state, uint64_t tag, int status, const struct gw_owner *owner)
{
	struct client_state *st = state;
	struct review *review;
	struct client *c;

	DL_SEARCH_SCALAR(st->reviews, review, tag, tag);
	if (review == NULL)
		return;
	c = clients_by_id(st, review->client);
	if (c != NULL && !c->closing && c->pub.session != NULL &&
	    strcmp(c->pub.nick, review->nick) == 0)
		judge(st, c, review->evict, status, owner);
	DL_DELETE(st->reviews, review);
	gw_free(st->self, review);
}

/* --- events of sessions here --- */

static void tell(struct client_state *st, struct client *c, const char *why,
                 const struct gw_event *event)
{
	struct label *label = label_pause(c);

	reply_line(st, c, NULL,
	           "NOTICE %s :The nick %s %s. You are %s from now on; /NICK <nick> takes "
	           "another one.",
	           c->pub.nick, event->old, why, c->pub.nick);
	label_resume(c, label);
}

/* Nobody chooses a nick with ~ in it: it was given here, or by the network, where two wanted one.
 */
static void tell_new_nick(struct client_state *st, struct client *c, const struct gw_event *event)
{
	if (c->losing)
		tell(st, c, "belongs to an account that is not the one you are logged in to",
		     event);
	else if (strchr(c->pub.nick, '~') != NULL && strchr(event->old, '~') == NULL)
		tell(st, c,
		     "was in use twice when parts of the network met again, and the other user has "
		     "the older right to it",
		     event);
	c->losing = false;
}

void claims_event(struct client_state *st, struct client *c, const struct gw_event *event)
{
	if (event->kind == GW_EV_NICK) {
		c->claims = false;
		tell_new_nick(st, c, event);
	}
	if (event->kind == GW_EV_NICK ||
	    (event->kind == GW_EV_SET && (event->fields & GW_SET_ACCOUNT)))
		claims_review(st, c, false);
}

/* --- what accounts claim --- */

static void review_nick(struct client_state *st, const char *folded)
{
	struct gw_user *user = NETWORK(st, user, folded);
	struct client *c = user != NULL ? clients_of(st, user->session) : NULL;

	if (c != NULL)
		claims_review(st, c, true);
}

static void review_all(struct client_state *st)
{
	for (struct client *c = st->clients; c != NULL; c = c->next)
		claims_review(st, c, true);
}

static void read_next(struct client_state *st)
{
	uint32_t done = 0;
	int status = 0;

	if (st->services->ops == NULL)
		st->n_reading = st->n_claimed = 0;
	while (done < st->n_claimed && st->n_reading < READING_MOST) {
		status = SERVICES(st, read, GW_CLASS_ACCOUNT, st->claimed[done],
		                  gw_call(st->self, CALL_CLAIMS_READ, 0));
		if (status != 0)
			break;
		st->n_reading++;
		done++;
	}
	st->n_claimed -= done;
	if (st->n_claimed > 0)
		memmove(st->claimed, st->claimed + done, st->n_claimed * sizeof(*st->claimed));
	if (status != 0 && st->n_reading == 0)
		gw_timer_set(st->claims_timer, st->self, AGAIN_NS);
}

void client_claims_read(void *state, uint64_t tag, int status, const struct gw_entity *entity)
{
	struct client_state *st = state;
	char folded[GW_NAME_MAX + 1];

	(void)tag;
	for (size_t i = 0; status == 0 && i < entity->n; i++) {
		const struct gw_cell *cell = &entity->cells[i];

		if (cell->field != GW_F_NAME || cell->sub.n < 2 ||
		    *(const char *)cell->sub.p != GW_NAME_NICK)
			continue;
		snprintf(folded, sizeof(folded), "%.*s", (int)cell->sub.n - 1,
		         (const char *)cell->sub.p + 1);
		review_nick(st, folded);
	}
	if (st->n_reading > 0)
		st->n_reading--;
	read_next(st);
}

void client_claims_again(void *state, uint64_t tag)
{
	(void)tag;
	read_next(state);
}

static void queue(struct client_state *st, struct gw_id account)
{
	if (st->n_claimed == st->claimed_room) {
		st->claimed_room = st->claimed_room == 0 ? 16 : 2 * st->claimed_room;
		st->claimed =
			gw_resize(st->self, st->claimed, st->claimed_room * sizeof(*st->claimed));
	}
	st->claimed[st->n_claimed++] = account;
}

/* An account that died takes its claims with it: its sessions lose it, which is an event. */
void client_services_changed(void *state, uint64_t tag, const void *payload)
{
	const struct gw_services_change *change = payload;
	struct client_state *st = state;

	(void)tag;
	if (change->class != GW_CLASS_ACCOUNT || change->dead || change->names_kept ||
	    st->n_connected == 0)
		return;
	for (struct client *c = st->clients; c != NULL && change->names_dropped; c = c->next)
		if (c->claims && gw_id_is(c->pub.account_id, change->id))
			claims_review(st, c, true);
	if (st->n_claimed < QUEUE_MOST) {
		queue(st, change->id);
		read_next(st);
		return;
	}
	st->n_claimed = 0;
	review_all(st);
}

void claims_free(struct client_state *st)
{
	struct review *review, *next;

	DL_FOREACH_SAFE (st->reviews, review, next) {
		DL_DELETE(st->reviews, review);
		gw_free(st->self, review);
	}
	gw_free(st->self, st->claimed);
	gw_timer_free(&st->claims_timer, st->self);
}
