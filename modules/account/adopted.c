/*
 * adopted.c - sessions that have come from another server, whose database may have been an older
 * one: what happened to their accounts meanwhile, nobody has told them.
 *
 * An account that is gone logs them out, one that is shown by another name takes them along. One
 * that has only not arrived here yet is theirs as before.
 */
#include "account.h"
#include <errno.h>
#include <utlist.h>

/** Whose account is being read. */
struct adopted {
	uint64_t client;
	struct gw_id account;
	struct adopted *prev, *next;
};

static void forget(struct account *st, struct adopted *a)
{
	DL_DELETE(st->adopted, a);
	gw_free(st->self, a);
}

void call_adopted(void *state, uint64_t tag, const void *payload)
{
	struct account *st = state;
	const struct gw_client *c = payload;
	struct adopted *a;

	(void)tag;
	if (c->account == NULL || SERVICES(st, read, GW_CLASS_ACCOUNT, c->account_id,
	                                   gw_call(st->self, CALL_ADOPTED_READ, c->id)) != 0)
		return;
	a = gw_alloc(st->self, sizeof(*a));
	a->client = c->id;
	a->account = c->account_id;
	DL_APPEND(st->adopted, a);
}

/* Who has another account by now was looked at when it got that. */
void call_adopted_read(void *state, uint64_t tag, int status, const struct gw_entity *entity)
{
	struct account *st = state;
	struct gw_client *c = CLIENT(st, by_id, tag);
	struct adopted *a;
	struct gw_id id;
	struct view view;

	DL_SEARCH_SCALAR(st->adopted, a, client, tag);
	if (a == NULL)
		return;
	id = a->account;
	forget(st, a);
	if (c == NULL || c->session == NULL || c->account == NULL || !gw_id_is(c->account_id, id))
		return;
	if (status == -ENOENT && SERVICES(st, known, (struct gw_stamp){id.clock, id.origin}))
		log_out(st, c);
	if (status != 0)
		return;
	view_of(entity, &view);
	if (strcmp(c->account, view.name) != 0)
		names_follow(st, c, entity, &view);
}

void adopted_free(struct account *st)
{
	struct adopted *a, *next;

	DL_FOREACH_SAFE (st->adopted, a, next)
		forget(st, a);
}
