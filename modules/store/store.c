/*
 * store/store.c - the module store: durable key-value transactions on LMDB (interface "store" 1.1).
 *
 * Nothing here runs on disk: the files beside do, on the lanes of the pool. This one is the
 * descriptor, and the state's beginning and end.
 */
#include "store.h"
#include <errno.h>
#include <godwit/log.h>
#include <godwit/mem.h>
#include <godwit/module.h>
#include <stdio.h>
#include <string.h>

static unsigned store_caps(void *store)
{
	(void)store;
	return GW_STORE_LOCAL | GW_STORE_MERGES;
}

static uint64_t store_pending(void *store)
{
	return ((struct store_state *)store)->pending;
}

static void store_usage(void *store, uint64_t *bytes_out, uint64_t *limit_out)
{
	env_usage(((struct store_state *)store)->env, bytes_out, limit_out);
}

static void store_identity(void *store, char out[GW_STORE_IDENTITY])
{
	env_identity(((struct store_state *)store)->env, out);
}

const struct gw_store_ops store_ops = {
	.caps = store_caps,
	.merge_by = commit_merge_by,
	.commit = commit_add,
	.read = read_add,
	.pending = store_pending,
	.usage = store_usage,
	.identity = store_identity,
	.wipe = care_wipe,
	.discard = care_discard,
	.open_old = care_open_old,
	.read_old = read_old_add,
	.close_old = care_close_old,
	.backup = care_backup,
	.tx_get = tx_get,
	.tx_put = tx_put,
	.tx_del = tx_del,
	.tx_next = tx_next,
	.open_image = snapshot_open,
	.read_image = read_image_add,
	.close_image = snapshot_close,
};

static int store_first_load(struct gw_self *self, struct store_state *state, struct gw_error *err)
{
	size_t wanted = (size_t)gw_option_int(self, gw_options(self), "map-size");
	const char *folder = gw_server_string(self, "state-directory");
	char path[4096];
	int status;

	if ((size_t)snprintf(path, sizeof(path), "%s/services", folder) >= sizeof(path) - 100)
		return gw_fail(err, -ENAMETOOLONG, "the state directory's name is too long");
	status = env_open(path, wanted, &state->env, err);
	if (status != 0)
		return status;
	if (state->env->map_size < wanted)
		gw_log(self, GW_WARN,
		       "address space is limited: the database may grow to %zu MiB only",
		       state->env->map_size >> 20);
	state->self = self;
	state->retry = gw_timer_new(self, gw_call(self, CALL_RETRY, 0));
	return 0;
}

static int store_load(struct gw_self *self, void *state_, enum gw_load why, struct gw_error *err)
{
	struct store_state *state = state_;

	return why == GW_LOAD_FIRST ? store_first_load(self, state, err) : 0;
}

static void store_unload(struct gw_self *self, void *state_, enum gw_unload why)
{
	struct store_state *state = state_;

	if (why == GW_UNLOAD_RELOAD)
		return;
	commit_drop_all(state);
	read_drop_all(state);
	gw_timer_free(&state->retry, self);
	snapshot_unref(&state->snapshot);
	env_unref(&state->old);
	env_unref(&state->env); /* a job under way has its own reference and closes it */
}

static const struct gw_option store_options[] = {
	{.name = "map-size",
         .type = GW_OPT_SIZE,
         .fallback = "64g",
         .min = 1 << 20,
         .max = (int64_t)1 << 46,
         .help = "The most that the database may ever hold; it costs address space, not disk. Read "
                 "at the start only."},
	{.name = NULL},
};

static const struct gw_interface_row store_interfaces[] = {
	{.name = "store", .major = 1, .minor = 1, .ops = &store_ops},
	{.name = NULL},
};

static const struct gw_call_row store_calls[] = {
	[CALL_WRITE_RUN] = {"write-run", (gw_fn *)write_run},
	[CALL_WRITE_DONE] = {"write-done", (gw_fn *)commit_written},
	[CALL_READ_RUN] = {"read-run", (gw_fn *)read_run},
	[CALL_READ_DONE] = {"read-done", (gw_fn *)read_finished},
	[CALL_COPY_RUN] = {"copy-run", (gw_fn *)care_copy_run},
	[CALL_COPY_DONE] = {"copy-done", (gw_fn *)care_copied},
	[CALL_WIPE_RUN] = {"wipe-run", (gw_fn *)care_wipe_run},
	[CALL_WIPE_DONE] = {"wipe-done", (gw_fn *)care_wiped},
	[CALL_RETRY] = {"retry", (gw_fn *)commit_retry},
	[CALL_METRICS] = {"metrics", (gw_fn *)store_metrics},
	{NULL, NULL},
};

static const struct gw_subscription store_subscriptions[] = {
	{GW_TOPIC_METRICS, 0, CALL_METRICS},
	{.topic = NULL},
};

GW_MODULE(store) = {
	.abi = GW_ABI,
	.name = "store",
	.version = "1.0",
	.summary = "durable key-value transactions on LMDB",
	.interfaces = store_interfaces,
	.options = store_options,
	.calls = store_calls,
	.subscriptions = store_subscriptions,
	.state_size = sizeof(struct store_state),
	.state_version = 1,
	.load = store_load,
	.unload = store_unload,
};
