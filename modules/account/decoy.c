/*
 * decoy.c - verifiers for names that nobody has: made from a secret, so that they are the same at
 * each attempt, after each restart and on each server, and nobody can tell them from real ones.
 *
 * The secret is an option of the network's entity in the services database.
 */
#include "account.h"
#include <gnutls/crypto.h>

#define OPTION_NAME "account.decoy"

static void derive(struct account *st, char use, const char *folded, uint8_t out[CRED_KEY])
{
	char text[2 + GW_NAME_MAX];
	int n = snprintf(text, sizeof(text), "%c%s", use, folded);

	if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, st->decoy, sizeof(st->decoy), text, (size_t)n,
	                     out) != 0)
		gw_random(st->self, out, CRED_KEY);
}

void decoy_cred(struct account *st, const char *folded, struct cred *out)
{
	uint8_t salt[CRED_KEY];

	memset(out, 0, sizeof(*out));
	out->kind = option(st, "scram") ? CRED_SCRAM : CRED_ARGON2ID;
	out->iterations = (uint32_t)option(st, "iterations");
	out->operations = (uint64_t)option(st, "argon2-operations");
	out->memory = (uint64_t)option(st, "argon2-memory");
	derive(st, 's', folded, salt);
	memcpy(out->salt, salt, CRED_SALT);
	derive(st, 'k', folded, out->stored);
	derive(st, 'v', folded, out->server);
}

/* The network's entity is made with the database; its secret by the first server that loads this
 * module. */
static void store_secret(struct account *st)
{
	uint8_t room[2 + CRED_KEY];
	struct gw_parts parts = {.bytes = room, .max = sizeof(room)};
	struct gw_write write = {.class = GW_CLASS_NETWORK,
	                         .id = st->decoy_entity,
	                         .field = GW_F_OPTION,
	                         .sub = {OPTION_NAME, strlen(OPTION_NAME)}};

	gw_parts_add(&parts, st->decoy, sizeof(st->decoy));
	write.value = gw_parts_value(&parts);
	SERVICES(st, commit, &write, 1, (struct gw_call){.module = NULL});
}

void decoy_load(struct account *st)
{
	st->decoy_stored = false;
	st->decoy_entity = (struct gw_id){0, 0};
	SERVICES(st, walk, GW_CLASS_NETWORK, gw_call(st->self, CALL_DECOY_WALKED, 0));
}

static void entity_seen(struct account *st, const struct gw_entity *entity)
{
	const struct gw_cell *cell =
		gw_entity_cell(entity, GW_F_OPTION, OPTION_NAME, strlen(OPTION_NAME));
	struct gw_blob secret;

	if (gw_id_none(st->decoy_entity))
		st->decoy_entity = entity->id;
	if (cell == NULL || st->decoy_stored || !gw_part(cell->value, 0, &secret) ||
	    secret.n != CRED_KEY)
		return;
	memcpy(st->decoy, secret.p, CRED_KEY);
	st->decoy_stored = true;
}

void call_decoy_walked(void *state, uint64_t tag, int status, const struct gw_entity *entity)
{
	struct account *st = state;

	(void)tag;
	if (entity != NULL) {
		entity_seen(st, entity);
	} else if (status == 0 && !st->decoy_stored && !gw_id_none(st->decoy_entity)) {
		st->decoy_stored = true;
		store_secret(st);
	}
}
