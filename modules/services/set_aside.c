/*
 * services/set_aside.c - a server that joins again: its database is set aside, whole, and it starts
 * with an empty one. Nothing is deleted by that.
 */
#include "peer.h"
#include "round.h"
#include <errno.h>

int set_aside(void *services, struct gw_call done)
{
	struct services_state *state = services;
	int status;

	if (state->setting_aside)
		return -EBUSY;
	salvage_drop(state);
	peers_refuse(state, SV_ROLLBACK, "this server joins its network again");
	status = GW_VIA(state->store, gw_store_ops, wipe, gw_call(state->self, CALL_ASIDE, 0));
	if (status != 0)
		return status;
	state->setting_aside = true;
	state->aside = done;
	return 0;
}

void set_aside_done(void *state_, uint64_t tag, int status, uint64_t number)
{
	struct services_state *state = state_;
	gw_committed_fn *fn = (gw_committed_fn *)gw_call_fn(state->aside);

	(void)tag;
	(void)number;
	state->setting_aside = false;
	if (status == 0) {
		gw_log(state->self, GW_WARN,
		       "the database was set aside: services.aside-* in the "
		       "state directory");
		round_forget_kept(state);
		start(state);
	}
	if (fn != NULL)
		fn(state->aside.module->state, state->aside.tag, status, (struct gw_id){0, 0});
}
