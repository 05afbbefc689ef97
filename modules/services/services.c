/*
 * services/services.c - the module services: the database of what outlives connections (interface
 * "services" 1.1).
 *
 * This file is the descriptor, and the state's beginning and end; services.h says where the rest
 * is.
 */
#include "import.h"
#include "index.h"
#include "join.h"
#include "members.h"
#include "pile.h"
#include "round.h"
#include <errno.h>
#include <godwit/mem.h>
#include <sodium.h>
#include <string.h>

static bool services_known(void *services, struct gw_stamp stamp)
{
	const struct services_state *state = services;

	return vector_get(&state->vector, stamp.origin) >= stamp.clock;
}

static void services_origin(void *services, uint64_t *origin_out)
{
	*origin_out = ((struct services_state *)services)->origin;
}

static const struct {
	size_t offset; /* in the state */
	uint32_t row;
} timers[] = {
	{offsetof(struct services_state, expiry), CALL_EXPIRE},
	{offsetof(struct services_state, round_retry), CALL_ROUND_RETRY},
	{offsetof(struct services_state, tell_timer), CALL_TELL},
	{offsetof(struct services_state, dead_timer), CALL_TELL_REFS},
	{offsetof(struct services_state, copies_timer), CALL_COPIES},
	{offsetof(struct services_state, ack_timer), CALL_ACK},
	{offsetof(struct services_state, collect_timer), CALL_COLLECT},
	{offsetof(struct services_state, salvage_timer), CALL_SALVAGE},
};

static struct gw_timer **timer_of(struct services_state *state, size_t i)
{
	return (struct gw_timer **)(void *)((char *)state + timers[i].offset);
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
	state->membership_changed = gw_topic(self, GW_TOPIC_MEMBERSHIP);
	state->first = gw_topic(self, GW_TOPIC_SERVICES_FIRST);
	for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++)
		*timer_of(state, i) = gw_timer_new(self, gw_call(self, timers[i].row, 0));
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
	export_drop(state);
	import_drop(state);
	for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++)
		gw_timer_free(timer_of(state, i), self);
	salvage_drop(state);
	peers_drop_all(state);
	rounds_drop_all(state);
	tell_drop_all(state);
	copies_drop_all(state);
	members_drop_all(state);
	vector_free(self, &state->vector);
	vector_free(self, &state->floor);
	pending_drop_all(state);
	request_drop_all(state);
	find_drop_all(state);
	own_drop_all(state);
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
	.known = services_known,
	.own_field = own_field,
};

static enum gw_membership replica_membership(void *services)
{
	return ((struct services_state *)services)->membership;
}

static void replica_identity(void *services, struct gw_id *server_out, struct gw_id *life_out)
{
	const struct services_state *state = services;

	*server_out = state->server;
	*life_out = state->life;
}

static const struct gw_replica_ops replica_ops = {
	.membership = replica_membership,
	.identity = replica_identity,
	.open = replica_open,
	.close = replica_close,
	.input = replica_input,
	.room = replica_room,
	.peer = replica_peer,
	.become_member = join_take_member,
	.set_aside = set_aside,
	.second_copy = second_copy,
	.everywhere = everywhere,
};

static const struct gw_interface_row services_interfaces[] = {
	{.name = "services", .major = 1, .minor = 1, .ops = &services_ops},
	{.name = "replica", .major = 1, .minor = 0, .ops = &replica_ops},
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
	[CALL_PEERS_GONE] = {"peers-gone", (gw_fn *)peers_free_gone},
	[CALL_HELLO_OWN] = {"hello-own", (gw_fn *)hello_own_rows},
	[CALL_SLICE] = {"slice", (gw_fn *)round_send_rows},
	[CALL_ROUND_WRITE] = {"round-write", (gw_fn *)round_write_run},
	[CALL_ROUND_WRITTEN] = {"round-written", (gw_fn *)round_write_done},
	[CALL_ROUND_DONE] = {"round-done", (gw_fn *)round_done},
	[CALL_ROUND_RETRY] = {"round-retry", (gw_fn *)round_retry},
	[CALL_TELL] = {"tell", (gw_fn *)tell_on},
	[CALL_TELL_READ] = {"tell-read", (gw_fn *)tell_read_run},
	[CALL_TELL_PIECE] = {"tell-piece", (gw_fn *)tell_read_done},
	[CALL_TELL_REFS] = {"tell-refs", (gw_fn *)tell_refs},
	[CALL_COPIES] = {"copies", (gw_fn *)copies_tick},
	[CALL_ACK] = {"ack", (gw_fn *)ack_tick},
	[CALL_ACK_WRITTEN] = {"ack-written", (gw_fn *)ack_written},
	[CALL_COLLECT] = {"collect", (gw_fn *)collect_tick},
	[CALL_TOMBS] = {"tombs", (gw_fn *)collect_tombs},
	[CALL_COLLECTED] = {"collected", (gw_fn *)collect_done},
	[CALL_TRIMMED] = {"trimmed", (gw_fn *)collect_trimmed},
	[CALL_MEMBERS] = {"members", (gw_fn *)members_rows},
	[CALL_MEMBER] = {"member", (gw_fn *)members_touched},
	[CALL_EXPIRE_COMMAND] = {"expire-command", (gw_fn *)admin_expire},
	[CALL_EXPIRED] = {"expired", (gw_fn *)admin_expired},
	[CALL_ADOPT_COMMAND] = {"adopt-command", (gw_fn *)admin_adopt},
	[CALL_ADOPTED] = {"adopted", (gw_fn *)admin_adopted},
	[CALL_LOST] = {"lost", (gw_fn *)start_lost},
	[CALL_GIVE_PINNED] = {"give-pinned", (gw_fn *)join_give_pinned},
	[CALL_GIVE_ROWS] = {"give-rows", (gw_fn *)join_give_rows},
	[CALL_TAKE_META] = {"take-meta", (gw_fn *)join_take_meta},
	[CALL_TAKE_DISCARDED] = {"take-discarded", (gw_fn *)join_take_discarded},
	[CALL_TAKE_FIRST] = {"take-first", (gw_fn *)join_take_first},
	[CALL_TAKE_STORED] = {"take-stored", (gw_fn *)join_take_stored},
	[CALL_TAKE_ENDED] = {"take-ended", (gw_fn *)join_take_ended},
	[CALL_TAKE_MADE] = {"take-made", (gw_fn *)join_take_made},
	[CALL_VERIFY_ROWS] = {"verify-rows", (gw_fn *)verify_rows},
	[CALL_INDEX_ROWS] = {"index-rows", (gw_fn *)index_rows},
	[CALL_INDEX_SORT_RUN] = {"index-sort-run", (gw_fn *)pile_sort_run},
	[CALL_INDEX_SORTED] = {"index-sorted", (gw_fn *)index_sorted},
	[CALL_INDEX_MERGE_RUN] = {"index-merge-run", (gw_fn *)pile_merge_run},
	[CALL_INDEX_MERGED] = {"index-merged", (gw_fn *)index_merged},
	[CALL_INDEX_STORED] = {"index-stored", (gw_fn *)index_stored},
	[CALL_ASIDE] = {"aside", (gw_fn *)set_aside_done},
	[CALL_SALVAGE] = {"salvage", (gw_fn *)salvage_tick},
	[CALL_SALVAGE_META] = {"salvage-meta", (gw_fn *)salvage_meta},
	[CALL_SALVAGE_NETWORK] = {"salvage-network", (gw_fn *)salvage_network},
	[CALL_SALVAGE_OLD] = {"salvage-old", (gw_fn *)salvage_old},
	[CALL_SALVAGE_ROWS] = {"salvage-rows", (gw_fn *)salvage_rows},
	[CALL_SALVAGE_GIVEN] = {"salvage-given", (gw_fn *)salvage_given},
	[CALL_EXPORT_COMMAND] = {"export-command", (gw_fn *)export_command},
	[CALL_EXPORT_NAMES] = {"export-names", (gw_fn *)export_names},
	[CALL_EXPORT_EACH] = {"export-each", (gw_fn *)export_each},
	[CALL_EXPORT_RUN] = {"export-run", (gw_fn *)export_run},
	[CALL_EXPORT_WRITTEN] = {"export-written", (gw_fn *)export_written},
	[CALL_IMPORT_COMMAND] = {"import-command", (gw_fn *)import_command},
	[CALL_IMPORT_RUN] = {"import-run", (gw_fn *)import_run},
	[CALL_IMPORT_READ] = {"import-read", (gw_fn *)import_chunk},
	[CALL_IMPORT_TURN] = {"import-turn", (gw_fn *)import_turn},
	[CALL_IMPORT_OWNER] = {"import-owner", (gw_fn *)import_owner},
	[CALL_IMPORT_CLAIMANT] = {"import-claimant", (gw_fn *)import_claimant},
	[CALL_IMPORT_ACCOUNT] = {"import-account", (gw_fn *)import_account},
	[CALL_IMPORT_EACH] = {"import-each", (gw_fn *)import_each},
	[CALL_IMPORT_DONE] = {"import-done", (gw_fn *)import_done},
	[CALL_METRICS] = {"metrics", (gw_fn *)services_metrics},
	[CALL_IMPORT_CLEAR] = {"import-clear", (gw_fn *)import_clear},
	{NULL, NULL},
};

static const struct gw_option services_options[] = {
	{"collect-after", GW_OPT_DURATION, "0s", 0, 3650 * 24 * 3600 * GW_SECOND, false,
         "Deletions are forgotten after this time even if a server has not confirmed them; it then "
         "has "
         "to join again. 0s: never."},
	{.name = NULL},
};

static const struct gw_topic_row services_topics[] = {
	{GW_TOPIC_SERVICES_CHANGED, GW_NOTIFICATION},
	{GW_TOPIC_MEMBERSHIP, GW_NOTIFICATION},
	{GW_TOPIC_SERVICES_FIRST, GW_QUESTION},
	{.name = NULL},
};

static const struct gw_subscription services_subscriptions[] = {
	{GW_TOPIC_STATUS, 0, CALL_STATUS_TOPIC},
	{GW_TOPIC_METRICS, 0, CALL_METRICS},
	{.topic = NULL},
};

static const struct gw_admin_command services_commands[] = {
	{.name = "services status",
         .help = "What the services database holds, its digest and how far it has got.",
         .call = CALL_STATUS_COMMAND,
         .reads = true},
	{.name = "services expire",
         .args = "SERVER",
         .help = "Ends a server's membership, so that it holds up nothing any more; it has to join "
                 "again.",
         .min_args = 1,
         .max_args = 1,
         .call = CALL_EXPIRE_COMMAND},
	{.name = "services adopt",
         .help = "Makes this server's copy the network's database: the only one that is left. "
                 "Other "
                 "servers have to join again.",
         .call = CALL_ADOPT_COMMAND},
	{.name = "services export",
         .args = "FILE [--without-secrets]",
         .help = "Writes the services database in a readable form to a new file in the state "
                 "directory.",
         .min_args = 1,
         .max_args = 2,
         .call = CALL_EXPORT_COMMAND},
	{.name = "services import",
         .args = "FILE [--dry-run] [--skip-existing] [--servers]",
         .help = "Reads such a file, checks all of it, and writes what it holds into the services "
                 "database.",
         .min_args = 1,
         .max_args = 4,
         .call = CALL_IMPORT_COMMAND},
	{.name = "backup",
         .args = "DIR",
         .help = "Copies the database, keys and certificates into a new folder, while the server "
                 "runs.",
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
	.requires = "store 1.1",
	.interfaces = services_interfaces,
	.options = services_options,
	.calls = services_calls,
	.topics = services_topics,
	.subscriptions = services_subscriptions,
	.rows = services_rows,
	.state_size = sizeof(struct services_state),
	.state_version = 1,
	.load = services_load,
	.unload = services_unload,
};
