/*
 * services/services.c - the module services: the database of what outlives connections (interface
 * "services" 1.0).
 *
 * This file is the descriptor, and the state's beginning and end; services.h says where the rest
 * is.
 */
#include "services.h"
#include <errno.h>
#include <godwit/mem.h>
#include <sodium.h>
#include <string.h>

static void services_origin(void *services, uint64_t *origin_out)
{
	*origin_out = ((struct services_state *)services)->origin;
}

static int services_first_load(struct gw_self *self, struct services_state *state,
                               struct gw_error *err)
{
	if (sodium_init() < 0)
		return gw_fail(err, -EIO, "libsodium cannot be used");
	state->self = self;
	state->store = gw_interface(self, "store");
	if ((GW_VIA(state->store, gw_store_ops, caps) & GW_STORE_MERGES) == 0)
		return gw_fail(err, -ENOTSUP, "the store cannot merge");
	state->changed = gw_topic(self, GW_TOPIC_SERVICES_CHANGED);
	state->expiry = gw_timer_new(self, gw_call(self, CALL_EXPIRE, 0));
	GW_VIA(state->store, gw_store_ops, merge_by, gw_call(self, CALL_MERGE, 0));
	start(state);
	return 0;
}

static int services_load(struct gw_self *self, void *state_, enum gw_load why, struct gw_error *err)
{
	struct services_state *state = state_;

	return why == GW_LOAD_FIRST ? services_first_load(self, state, err) : 0;
}

static void services_unload(struct gw_self *self, void *state_, enum gw_unload why)
{
	struct services_state *state = state_;

	if (why == GW_UNLOAD_RELOAD)
		return;
	if (state->backup != NULL)
		gw_admin_done(self, &state->backup, -ECANCELED, "the module was unloaded");
	if (state->backup_path != NULL)
		gw_free(self, state->backup_path);
	gw_timer_free(&state->expiry, self);
	pending_drop_all(state);
	request_drop_all(state);
	find_drop_all(state);
}

static const struct gw_services_ops services_ops = {
	.find = find,
	.read = read_entity,
	.commit = commit,
	.walk = walk,
	.origin = services_origin,
	.fold = fold,
	.find_shown = find_shown,
	.claimants = claimants,
	.lesser = lesser,
};

static const struct gw_interface_row services_interfaces[] = {
	{.name = "services", .major = 1, .minor = 0, .ops = &services_ops},
	{.name = NULL},
};

static const struct gw_call_row services_calls[] = {
	[CALL_MERGE] = {"merge", (gw_fn *)merge},
	[CALL_STARTED] = {"started", (gw_fn *)start_rows},
	[CALL_MADE] = {"made", (gw_fn *)start_made},
	[CALL_COMMITTED] = {"committed", (gw_fn *)commit_done},
	[CALL_FOUND] = {"found", (gw_fn *)find_rows},
	[CALL_FILTER_ROWS] = {"filter-rows", (gw_fn *)find_filter_rows},
	[CALL_ENTITY_ROWS] = {"entity-rows", (gw_fn *)read_rows},
	[CALL_WALK_ROWS] = {"walk-rows", (gw_fn *)walk_rows},
	[CALL_EXPIRE] = {"expire", (gw_fn *)expire_tick},
	[CALL_EXPIRE_ENTITY] = {"expire-entity", (gw_fn *)expire_entity},
	[CALL_EXPIRE_DONE] = {"expire-done", (gw_fn *)expire_done},
	[CALL_REFS] = {"refs", (gw_fn *)expire_refs_rows},
	[CALL_FIGURES] = {"figures", (gw_fn *)figures_rows},
	[CALL_STATUS_COMMAND] = {"status-command", (gw_fn *)admin_status},
	[CALL_STATUS_ROWS] = {"status-rows", (gw_fn *)admin_status_rows},
	[CALL_STATUS_TOPIC] = {"status-topic", (gw_fn *)admin_status_topic},
	[CALL_BACKUP_COMMAND] = {"backup-command", (gw_fn *)admin_backup},
	[CALL_BACKUP_STORED] = {"backup-stored", (gw_fn *)admin_backup_stored},
	[CALL_BACKUP_RUN] = {"backup-run", (gw_fn *)admin_backup_run},
	[CALL_BACKUP_DONE] = {"backup-done", (gw_fn *)admin_backup_done},
	[CALL_TIDIED] = {"tidied", (gw_fn *)expire_tidied},
	[CALL_SHOWN] = {"shown", (gw_fn *)shown_rows},
	[CALL_CLAIMANTS] = {"claimants", (gw_fn *)claimants_rows},
	{NULL, NULL},
};

static const struct gw_topic_row services_topics[] = {
	{GW_TOPIC_SERVICES_CHANGED, GW_NOTIFICATION},
	{.name = NULL},
};

static const struct gw_subscription services_subscriptions[] = {
	{GW_TOPIC_STATUS, 0, CALL_STATUS_TOPIC},
	{.topic = NULL},
};

static const struct gw_admin_command services_commands[] = {
	{.name = "services status",
         .args = "",
         .help = "What the services database holds, its digest and how far it has got.",
         .privilege = "status",
         .call = CALL_STATUS_COMMAND},
	{.name = "backup",
         .args = "DIR",
         .help = "Copies the database, keys and certificates into a new folder, while the server "
                 "runs.",
         .privilege = "backup",
         .min_args = 1,
         .max_args = 1,
         .call = CALL_BACKUP_COMMAND},
};

static const struct gw_rows services_rows[] = {
	GW_ROWS(GW_POINT_ADMIN, services_commands),
	{.point = NULL},
};

GW_MODULE(services) = {
	.abi = GW_ABI,
	.name = "services",
	.version = "1.0",
	.summary = "the services database: accounts, channels, bans, operators, servers",
	.requires = "store 1.0",
	.interfaces = services_interfaces,
	.calls = services_calls,
	.topics = services_topics,
	.subscriptions = services_subscriptions,
	.rows = services_rows,
	.state_size = sizeof(struct services_state),
	.state_version = 1,
	.load = services_load,
	.unload = services_unload,
};
