/*
 * party.c - what is remembered of a client while it is on its way to an account; nothing once it
 * has arrived.
 */
#include "account.h"
#include <sodium.h>

struct party *party_find(struct account *st, uint64_t client)
{
	struct gw_self *self = st->self;
	struct party *party;

	HASH_FIND(hh, st->parties, &client, sizeof(client), party);
	return party;
}

struct party *party_of(struct account *st, uint64_t client)
{
	struct gw_self *self = st->self;
	struct party *party = party_find(st, client);

	if (party != NULL)
		return party;
	party = gw_alloc(self, sizeof(*party));
	party->client = client;
	HASH_ADD(hh, st->parties, client, sizeof(party->client), party);
	return party;
}

void party_free(struct account *st, struct party *party)
{
	struct gw_self *self = st->self;

	HASH_DELETE(hh, st->parties, party);
	sasl_drop(st, party);
	if (party->timeout != NULL)
		gw_timer_free(&party->timeout, self);
	gw_free(self, party);
}

void party_tidy(struct account *st, struct party *party)
{
	if (party->task == 0 && party->mechanism[0] == '\0' && gw_id_none(party->pending) &&
	    party->failures == 0)
		party_free(st, party);
}

void parties_free(struct account *st)
{
	struct party *party, *next;

	for (party = st->parties; party != NULL; party = next) {
		struct gw_client *c = CLIENT(st, by_id, party->client);

		next = party->hh.next;
		if (c != NULL && c->state == GW_REGISTRATION)
			CLIENT(st, change, c, GW_REGISTRATION_CANCELLED);
		party_free(st, party);
	}
}

void call_gone(void *state, uint64_t tag, const void *payload)
{
	struct account *st = state;
	const struct gw_client *c = payload;
	struct party *party;

	(void)tag;
	if (st->parties == NULL)
		return;
	task_forget_client(st, c->id);
	party = party_find(st, c->id);
	if (party != NULL)
		party_free(st, party);
}
