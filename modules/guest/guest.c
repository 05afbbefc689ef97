/*
 * guest.c - the module "guest": admits users without an account, so that plain NICK and USER
 * suffice.
 *
 * It authenticates nameless users, and so the state table holds: on "client.unauthenticated",
 * before the module account tells anybody to log in, and by SASL ANONYMOUS. A nick that an account
 * claims is refused to them by the client module.
 */
#include <errno.h>
#include <godwit/account.h>
#include <godwit/client.h>
#include <godwit/module.h>
#include <string.h>

enum { CALL_NONE, CALL_ADMIT, CALL_ANONYMOUS };

/* RFC 4505: the trace is at most 255 characters; it is not kept. */
#define TRACE_MAX 1020

struct guest {
	struct gw_iface *client, *account; /* `account` has no ops without that module */
};

static void admit(void *state, uint64_t tag, const void *payload)
{
	struct guest *st = state;
	const struct gw_client *seen = payload;
	const struct gw_id nobody = {0, 0};
	struct gw_client *c;

	(void)tag;
	if (seen->authenticated || seen->state != GW_CONNECTING)
		return;
	c = GW_VIA(st->client, gw_client_ops, by_id, seen->id);
	if (c != NULL)
		GW_VIA(st->client, gw_client_ops, authenticated, c, nobody, NULL, NULL);
}

static void anonymous(void *state, struct gw_client *c, const uint8_t *response, size_t n)
{
	const struct gw_login guest = {.name = NULL};
	struct guest *st = state;
	bool sound = n <= TRACE_MAX && memchr(response, '\0', n) == NULL && c->account == NULL;

	if (st->account->ops != NULL)
		GW_VIA(st->account, gw_account_ops, finish, c, sound ? 0 : -EBADMSG, &guest, NULL);
}

static const struct gw_call_row calls[] = {
	[CALL_NONE] = {"none", NULL},
	[CALL_ADMIT] = {"admit", (gw_fn *)admit},
	[CALL_ANONYMOUS] = {"anonymous", (gw_fn *)anonymous},
	{NULL, NULL},
};

static const struct gw_subscription subscriptions[] = {
	{GW_TOPIC_UNAUTHENTICATED, 0, CALL_ADMIT},
	{NULL, 0, 0},
};

static const struct gw_mechanism mechanisms[] = {
	{.name = "ANONYMOUS", .nameless = true, .respond = CALL_ANONYMOUS},
};

static const struct gw_rows rows[] = {
	GW_ROWS(GW_POINT_MECHANISM, mechanisms),
	{NULL, NULL, 0, 0},
};

static int load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	struct guest *st = state;

	(void)why, (void)err;
	st->client = gw_interface(self, "client");
	st->account = gw_interface(self, "account");
	return 0;
}

GW_MODULE(guest) = {
	.abi = GW_ABI,
	.name = "guest",
	.version = "1.0",
	.summary = "users without an account",
	.requires = "client 1.0, account 1.0?",
	.calls = calls,
	.subscriptions = subscriptions,
	.rows = rows,
	.state_size = sizeof(struct guest),
	.state_version = 1,
	.load = load,
};
