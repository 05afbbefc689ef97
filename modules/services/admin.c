/*
 * services/admin.c - the operator's view: `services status`, figures for `status`.
 */
#include "services.h"
#include <godwit/mem.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define META_BYTES ((size_t)64 << 10)
#define VEC_BYTES ((size_t)1 << 20)

static const struct {
	uint8_t class;
	const char *plural;
} counted[] = {
	{GW_CLASS_ACCOUNT, "accounts"},
	{GW_CLASS_CHANNEL, "channels"},
	{GW_CLASS_SERVER, "servers"},
	{GW_CLASS_ORIGIN, "origins"},
	{GW_CLASS_BAN, "bans"},
	{GW_CLASS_GRANT, "grants"},
	{GW_CLASS_PENDING, "pending-registrations"},
};

/* --- figures of the meta table --- */

static void figures_take(struct figures *figures, const struct gw_store_row *row)
{
	const uint8_t *key = row->key.p, *val = row->val.p;

	if (row->key.n == 4 && memcmp(key, "live", 4) == 0 && row->val.n == 8 + DIGEST_BYTES) {
		figures->cells = get_u64(val);
		memcpy(figures->digest, val + 8, DIGEST_BYTES);
	} else if (row->key.n == 2 && key[0] == 'n' && row->val.n == 8) {
		figures->entities[key[1]] = get_u64(val);
	}
}

void figures_refresh(struct services_state *state)
{
	struct gw_store_range range = {.table = TABLE_META};

	if (state->figures_read) {
		state->figures_stale = true;
		return;
	}
	state->figures_stale = false;
	state->figures_read = store_read(state, &range, 1, META_BYTES, CALL_FIGURES, 0) == 0;
}

void figures_rows(void *state_, uint64_t tag, int status, const struct gw_store_row *rows, size_t n)
{
	struct services_state *state = state_;

	(void)tag;
	state->figures_read = false;
	if (status >= 0)
		memset(&state->figures, 0, sizeof(state->figures));
	for (size_t i = 0; i < n; i++)
		figures_take(&state->figures, &rows[i]);
	if (state->figures_stale)
		figures_refresh(state);
}

static void digest_text(const uint8_t digest[DIGEST_BYTES], char out[2 * DIGEST_BYTES + 1])
{
	sodium_bin2hex(out, 2 * DIGEST_BYTES + 1, digest, DIGEST_BYTES);
}

void admin_status_topic(void *state_, uint64_t tag, const void *payload)
{
	const struct services_state *state = state_;
	struct gw_status *status = (struct gw_status *)(uintptr_t)payload;
	char text[2 * DIGEST_BYTES + 1];

	(void)tag;
	snprintf(text, sizeof(text), "%" PRIu64, state->figures.entities[GW_CLASS_ACCOUNT]);
	status->add(status, "services-accounts", text);
	snprintf(text, sizeof(text), "%" PRIu64, state->figures.entities[GW_CLASS_CHANNEL]);
	status->add(status, "services-channels", text);
	snprintf(text, sizeof(text), "%" PRIu64, state->figures.cells);
	status->add(status, "services-cells", text);
	digest_text(state->figures.digest, text);
	status->add(status, "services-digest", text);
	admin_settled((struct services_state *)(uintptr_t)state, text);
	status->add(status, "services-settled", text);
}

/* --- services status --- */

/** What a command that waits for the store hangs on: its tag. */
void admin_status(void *state_, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct services_state *state = state_;
	struct gw_store_range ranges[] = {{.table = TABLE_META}, {.table = TABLE_VEC}};

	(void)argc;
	(void)argv;
	if (store_read(state, ranges, 2, META_BYTES + VEC_BYTES, CALL_STATUS_ROWS,
	               (uintptr_t)req) != 0)
		gw_admin_done(state->self, &req, -1, "too much waits for the database; try again");
}

static void say(struct services_state *state, struct gw_admin_request *req, const char *key,
                const char *value)
{
	const char *cells[] = {key, value};

	gw_admin_row(state->self, req, cells, 2);
}

static void say_number(struct services_state *state, struct gw_admin_request *req, const char *key,
                       uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	say(state, req, key, text);
}

static void say_figures(struct services_state *state, struct gw_admin_request *req,
                        const struct figures *figures)
{
	char text[2 * DIGEST_BYTES + 1];
	uint64_t bytes, limit;

	for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]); i++)
		say_number(state, req, counted[i].plural, figures->entities[counted[i].class]);
	say_number(state, req, "cells", figures->cells);
	digest_text(figures->digest, text);
	say(state, req, "digest", text);
	GW_VIA(state->store, gw_store_ops, usage, &bytes, &limit);
	say_number(state, req, "store-bytes", bytes);
	say_number(state, req, "store-bytes-most", limit);
	say_number(state, req, "store-bytes-pending", GW_VIA(state->store, gw_store_ops, pending));
	snprintf(text, sizeof(text), "%016" PRIx64, state->origin);
	say(state, req, "origin", text);
}

/* An entry of the vector: up to which clock all of an origin's transactions are in. */
static void say_vector(struct services_state *state, struct gw_admin_request *req,
                       const struct gw_store_row *row)
{
	char key[32], value[64];

	if (row->key.n != 8 || row->val.n != 16)
		return;
	snprintf(key, sizeof(key), "vector-%016" PRIx64, get_u64(row->key.p));
	snprintf(value, sizeof(value), "%" PRIu64, get_u64(row->val.p));
	say(state, req, key, value);
}

void admin_status_rows(void *state_, uint64_t tag, int status, const struct gw_store_row *rows,
                       size_t n)
{
	static const char *const columns[] = {"name", "value"};
	struct services_state *state = state_;
	struct gw_admin_request *req = (struct gw_admin_request *)(uintptr_t)tag;
	struct figures figures = {0};

	if (status < 0) {
		gw_admin_done(state->self, &req, status, "the database cannot be read");
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (rows[i].table == TABLE_META)
			figures_take(&figures, &rows[i]);
	gw_admin_head(state->self, req, columns, 2);
	say_figures(state, req, &figures);
	admin_say_peers(state, req);
	for (size_t i = 0; i < n; i++)
		if (rows[i].table == TABLE_VEC)
			say_vector(state, req, &rows[i]);
	gw_admin_done(state->self, &req, 0, "");
}
