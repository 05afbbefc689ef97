/*
 * balance/pick.c - whom to move: those whose software can, and who have been in peace for a while;
 * the least recently moved first, then in the order in which they came.
 */
#include "balance.h"
#include <stdlib.h>

bool pick_able(struct balance_state *st, const struct gw_client *client)
{
	return client->state == GW_CONNECTED && client->session != NULL &&
	       REDIRECT(st, able, client);
}

static struct rest *rest_of(struct balance_state *st, struct gw_session *session)
{
	return NETWORK(st, data, session, REST_NAME);
}

/* Of all this is asked every few seconds: who has never moved and never refused costs nothing. */
static bool rested(struct balance_state *st, const struct gw_client *client, int64_t *moved_out)
{
	const struct rest *rest = rest_of(st, client->session);
	int64_t now = gw_mono_ns(st->self), latest;

	*moved_out = 0;
	if (rest == NULL)
		return true;
	*moved_out = rest->moved_ns;
	latest = rest->moved_ns > rest->tried_ns ? rest->moved_ns : rest->tried_ns;
	return latest == 0 || now - latest >= st->settings.rest_ns;
}

size_t pick_all(struct balance_state *st, struct candidate **out)
{
	struct candidate *all = NULL;
	const struct gw_client *client;
	size_t n = 0, room = 0;
	int64_t moved;

	*out = NULL;
	if (st->client->ops == NULL || st->redirect->ops == NULL)
		return 0;
	for (client = CLIENT(st, next, NULL); client != NULL; client = CLIENT(st, next, client)) {
		if (!pick_able(st, client) || !rested(st, client, &moved))
			continue;
		if (n == room) {
			room = 2 * room + 64;
			all = all == NULL ? gw_alloc(st->self, room * sizeof(*all))
			                  : gw_resize(st->self, all, room * sizeof(*all));
		}
		all[n++] = (struct candidate){.client = client->id, .moved_ns = moved};
	}
	*out = all;
	return n;
}

/* Ids are given out in the order of arrival. */
static int by_move(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->moved_ns != y->moved_ns)
		return x->moved_ns < y->moved_ns ? -1 : 1;
	return x->client < y->client ? -1 : x->client > y->client;
}

void pick_sort(struct candidate *all, size_t n)
{
	if (n > 1)
		qsort(all, n, sizeof(*all), by_move);
}

int64_t moved_ago_ns(struct balance_state *st, struct gw_session *session)
{
	const struct rest *rest = rest_of(st, session);

	return rest == NULL || rest->moved_ns == 0 ? -1 : gw_mono_ns(st->self) - rest->moved_ns;
}

void rest_moved(struct balance_state *st, struct gw_session *session)
{
	struct rest *rest = rest_of(st, session);

	if (rest != NULL)
		*rest = (struct rest){.moved_ns = gw_mono_ns(st->self) | 1};
}

void rest_tried(struct balance_state *st, uint64_t session_id)
{
	struct gw_session *session = NETWORK(st, session, session_id);
	struct rest *rest = session == NULL || !session->local ? NULL : rest_of(st, session);

	if (rest != NULL)
		rest->tried_ns = gw_mono_ns(st->self) | 1;
}
