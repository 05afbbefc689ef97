/*
 * services/set_aside.c - a server that joins again: its database is set aside, whole, and it starts
 * with an empty one. Nothing is deleted by that.
 */
#include "members.h"
#include "peer.h"
#include "round.h"
#include <errno.h>
#include <string.h>

int set_aside(void *services, struct gw_call done)
{
	struct services_state *state = services;
	int status;

	if (state->setting_aside)
		return -EBUSY;
	peers_refuse(state, SV_EXPIRED, "this server joins its network again");
	status = GW_VIA(state->store, gw_store_ops, wipe, gw_call(state->self, CALL_ASIDE, 0));
	if (status != 0)
		return status;
	state->setting_aside = true;
	state->aside = done;
	return 0;
}

/* Nothing that is known in memory is true any more. */
static void forget_all(struct services_state *state)
{
	membership_set(state, GW_MEMBER_UNKNOWN);
	state->origin = 0;
	state->server = state->life = (struct gw_id){0, 0};
	state->last_issued = state->trimmed = 0;
	vector_free(state->self, &state->vector);
	vector_free(state->self, &state->floor);
	memset(&state->figures, 0, sizeof(state->figures));
	round_forget_kept(state);
	members_drop_all(state);
	find_forget_all(state);
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
		forget_all(state);
		start(state);
	}
	if (fn != NULL)
		fn(state->aside.module->state, state->aside.tag, status, (struct gw_id){0, 0});
}
