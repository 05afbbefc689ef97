/*
 * names.c - names that two accounts claim, because they were registered on two sides of a split.
 *
 * The earlier claim owns the name; the other account is shown as NAME~DIGITS (the services database
 * computes it). When an account's claims have changed, here or elsewhere, it is read: sessions here
 * that are logged in to it follow the name it is shown by, and are told why; whoever else claims
 * its names is looked at too. A lost name is logged, and told by mail from where it was registered.
 */
#include "account.h"
#include <stdio.h>
#include <strings.h>
#include <utlist.h>

#define READING_MOST 16
#define CHANGED_MOST 65536
#define TOLD_MOST 4096
#define AGAIN_NS (50 * GW_MS)

/** A claim that has been logged as lost; the oldest first. */
struct told {
	struct {
		struct gw_id account;
		char folded[GW_NAME_MAX + 1];
		uint8_t reserved[7]; /* 0 */
	} key;
	UT_hash_handle hh;
};

/** A question who claims a name. */
struct asked {
	uint64_t tag;
	struct gw_id by; /* whose change it is asked for */
	char folded[GW_NAME_MAX + 1];
	bool first; /* the owner has been told */
	struct asked *prev, *next;
};

static void look_at(struct account *st, struct gw_id account);

/* --- what was told already --- */

static struct told *told_find(struct account *st, struct gw_id account, const char *folded)
{
	struct gw_self *self = st->self;
	struct told wanted = {0}, *told;

	wanted.key.account = account;
	snprintf(wanted.key.folded, sizeof(wanted.key.folded), "%s", folded);
	HASH_FIND(hh, st->told, &wanted.key, sizeof(wanted.key), told);
	return told;
}

static void told_drop(struct account *st, struct told *told)
{
	struct gw_self *self = st->self;

	HASH_DELETE(hh, st->told, told);
	st->n_told--;
	gw_free(self, told);
}

static void told_add(struct account *st, struct gw_id account, const char *folded)
{
	struct gw_self *self = st->self;
	struct told *told = gw_alloc(self, sizeof(*told));

	if (st->n_told >= TOLD_MOST)
		told_drop(st, st->told);
	told->key.account = account;
	snprintf(told->key.folded, sizeof(told->key.folded), "%s", folded);
	HASH_ADD(hh, st->told, key, sizeof(told->key), told);
	st->n_told++;
}

/* --- sessions here --- */

void say_waits(struct account *st, struct gw_client *c, const char *shown, const char *waits)
{
	if (waits == NULL || waits[0] == '\0')
		return;
	st->lesser_here = true;
	say_unasked(
		st, c, "NAME_WAITS",
		"Another account claimed %s earlier and owns it. Your account keeps all else; it "
		"is "
		"shown as %s, and logs in as that. ACCOUNT NICK ADD <nick> claims another name; "
		"your claim on %s waits in line.",
		waits, shown, waits);
}

void names_follow(struct account *st, struct gw_client *c, const struct gw_entity *entity,
                  const struct view *view)
{
	char mask[GW_NICK_MAX + GW_IDENT_MAX + GW_HOST_MAX + 8];

	if (CLIENT(st, authenticated, c, entity->id, view->name,
	           view->host[0] != '\0' ? view->host : NULL) != 0)
		return;
	CLIENT(st, numeric, c, 900, "%s %s :You are now logged in as %s",
	       client_mask(c, mask, sizeof(mask)), view->name, view->name);
	if (view->waits[0] != '\0')
		say_waits(st, c, view->name, view->waits);
	else
		say_unasked(st, c, "NAME_CHANGED", "Your account is shown as %s from now on.",
		            view->name);
}

/* One name, claimed with the account and owned ever since: nobody knows it by another. */
static bool is_pristine(const struct gw_entity *entity, const struct view *view)
{
	for (size_t i = 0; i < entity->n; i++) {
		const struct gw_cell *cell = &entity->cells[i];

		if (is_nick(cell) && (cell->beaten || cell->contested || view->nicks != 1 ||
		                      cell->stamp.clock != entity->id.clock))
			return false;
	}
	return true;
}

static void sessions_follow(struct account *st, const struct gw_entity *entity,
                            const struct view *view)
{
	struct gw_client *c, *next;

	if (is_pristine(entity, view) && !st->lesser_here)
		return;
	for (c = CLIENT(st, next, NULL); c != NULL; c = next) {
		next = CLIENT(st, next, c);
		if (c->account != NULL && gw_id_is(c->account_id, entity->id) &&
		    strcmp(c->account, view->name) != 0)
			names_follow(st, c, entity, view);
	}
}

/* --- an account that was read --- */

/* Of its registration, every server but one knows by the services database alone. */
static bool registered_here(struct account *st, struct gw_id account)
{
	uint64_t origin = 0;

	SERVICES(st, origin, &origin);
	return origin == account.origin;
}

static void lost(struct account *st, const struct gw_entity *entity, const struct view *view,
                 const char *folded)
{
	if (told_find(st, entity->id, folded) != NULL)
		return;
	told_add(st, entity->id, folded);
	gw_log(st->self, GW_WARN,
	       "two accounts claim a name: the earlier claim owns it name=%s later=%s", folded,
	       view->name);
	if (registered_here(st, entity->id) && view->mail[0] != '\0' && mail_on(st))
		letter_lost(st, view->mail, folded, view->name);
}

static void ask_claimants(struct account *st, struct gw_id by, const char *folded)
{
	struct asked *asked = gw_alloc(st->self, sizeof(*asked));

	asked->tag = ++st->last_asked;
	asked->by = by;
	snprintf(asked->folded, sizeof(asked->folded), "%s", folded);
	DL_APPEND(st->asked, asked);
	if (SERVICES(st, claimants, GW_NAME_NICK, folded, strlen(folded),
	             gw_call(st->self, CALL_CLAIMANT, asked->tag)) == 0)
		return;
	DL_DELETE(st->asked, asked);
	gw_free(st->self, asked);
}

/* Those behind the owner are looked at, unless that has been done. */
void call_claimant(void *state, uint64_t tag, int status, const struct gw_owner *owner)
{
	struct account *st = state;
	struct asked *asked;

	(void)status;
	DL_SEARCH_SCALAR(st->asked, asked, tag, tag);
	if (asked == NULL)
		return;
	if (owner == NULL) {
		DL_DELETE(st->asked, asked);
		gw_free(st->self, asked);
		return;
	}
	if (asked->first && !gw_id_is(owner->id, asked->by) &&
	    told_find(st, owner->id, asked->folded) == NULL)
		look_at(st, owner->id);
	asked->first = true;
}

static void look_at_names(struct account *st, const struct gw_entity *entity,
                          const struct view *view)
{
	char folded[GW_NAME_MAX + 1];

	for (size_t i = 0; i < entity->n; i++) {
		const struct gw_cell *cell = &entity->cells[i];
		struct told *told;

		if (!is_nick(cell))
			continue;
		snprintf(folded, sizeof(folded), "%.*s", (int)cell->sub.n - 1,
		         (const char *)cell->sub.p + 1);
		told = told_find(st, entity->id, folded);
		if (cell->beaten)
			lost(st, entity, view, folded);
		else if (told != NULL)
			told_drop(st, told);
		if (cell->contested && !cell->beaten)
			ask_claimants(st, entity->id, folded);
	}
}

/* --- which accounts to read --- */

static void read_next(struct account *st)
{
	uint32_t done = 0;
	int status = 0;

	while (done < st->n_changed && st->n_reading < READING_MOST) {
		status = SERVICES(st, read, GW_CLASS_ACCOUNT, st->changed[done],
		                  gw_call(st->self, CALL_NAMES_READ, 0));
		if (status != 0)
			break;
		st->n_reading++;
		done++;
	}
	st->n_changed -= done;
	if (st->n_changed > 0)
		memmove(st->changed, st->changed + done, st->n_changed * sizeof(*st->changed));
	if (status == 0 || st->n_reading > 0)
		return;
	if (st->names_again == NULL)
		st->names_again = gw_timer_new(st->self, gw_call(st->self, CALL_NAMES_AGAIN, 0));
	gw_timer_set(st->names_again, st->self, AGAIN_NS);
}

void call_names_again(void *state, uint64_t tag)
{
	(void)tag;
	read_next(state);
}

void call_names_read(void *state, uint64_t tag, int status, const struct gw_entity *entity)
{
	struct account *st = state;
	struct view view;

	(void)tag;
	if (status == 0) {
		view_of(entity, &view);
		sessions_follow(st, entity, &view);
		look_at_names(st, entity, &view);
	}
	st->n_reading--;
	read_next(st);
}

static void enqueue(struct account *st, struct gw_id account)
{
	if (st->n_changed == st->changed_room) {
		st->changed_room = st->changed_room == 0 ? 16 : 2 * st->changed_room;
		st->changed =
			gw_resize(st->self, st->changed, st->changed_room * sizeof(*st->changed));
	}
	st->changed[st->n_changed++] = account;
}

static void look_at(struct account *st, struct gw_id account)
{
	if (st->n_changed >= CHANGED_MOST) {
		gw_log(st->self, GW_WARN,
		       "too many accounts have changed at once: not all are looked at for names "
		       "that "
		       "two claim");
		return;
	}
	enqueue(st, account);
	read_next(st);
}

/* Names may have become free: those who are shown with digits may own theirs. */
static void look_at_waiting(struct account *st)
{
	struct gw_client *c = st->lesser_here ? CLIENT(st, next, NULL) : NULL;

	st->lesser_here = false;
	for (; c != NULL; c = CLIENT(st, next, c)) {
		if (c->account == NULL || strchr(c->account, '~') == NULL)
			continue;
		st->lesser_here = true;
		look_at(st, c->account_id);
	}
}

void names_changed(struct account *st, const struct gw_services_change *change)
{
	if (change->names_kept ||
	    (st->replica->ops != NULL && REPLICA(st, membership) != GW_MEMBER_FULL))
		return;
	if (!change->dead)
		look_at(st, change->id);
	look_at_waiting(st);
}

void names_registered(struct account *st, struct gw_id account, const char *name)
{
	char folded[GW_NAME_MAX + 1];

	if (SERVICES(st, fold, name, folded) > 0 && told_find(st, account, folded) != NULL)
		look_at(st, account);
}

void names_free(struct account *st)
{
	struct asked *asked, *next;

	DL_FOREACH_SAFE (st->asked, asked, next) {
		DL_DELETE(st->asked, asked);
		gw_free(st->self, asked);
	}
	while (st->told != NULL)
		told_drop(st, st->told);
	gw_free(st->self, st->changed);
	if (st->names_again != NULL)
		gw_timer_free(&st->names_again, st->self);
}
