/*
 * redirect/offenders.c - addresses from which wrong handovers came.
 *
 * A proof cannot be guessed; what this bounds is the noise: after a few wrong ones an address is
 * refused without a look, for a while.
 */
#include "redirect.h"

#define OFFENCES_MAX 5
#define OFFENDERS_MAX 4096
#define FORGET_NS (60 * GW_SECOND)

struct offender {
	uint32_t offences;
	uint32_t reserved; /* 0 */
	UT_hash_handle hh;
	char address[64];
};

static struct offender *offender_of(struct redirect_state *st, const char *address)
{
	struct gw_self *self = st->self;
	struct offender *found;

	HASH_FIND_STR(st->offenders, address, found);
	return found;
}

bool offenders_blocked(struct redirect_state *st, const char *address)
{
	const struct offender *offender = offender_of(st, address);

	return offender != NULL && offender->offences >= OFFENCES_MAX;
}

void offenders_note(struct redirect_state *st, const char *address)
{
	struct gw_self *self = st->self;
	struct offender *offender = offender_of(st, address);

	st->refused_handovers++;
	if (offender == NULL && HASH_COUNT(st->offenders) >= OFFENDERS_MAX)
		return;
	if (offender == NULL) {
		if (st->offenders == NULL)
			gw_timer_set(st->forget, self, FORGET_NS);
		offender = gw_alloc(self, sizeof(*offender));
		snprintf(offender->address, sizeof(offender->address), "%s", address);
		HASH_ADD_STR(st->offenders, address, offender);
	}
	offender->offences++;
}

/* All at once, a minute after the first: who goes on is blocked again after a few. */
void offenders_forget(void *state, uint64_t tag)
{
	(void)tag;
	offenders_free(state);
}

void offenders_free(struct redirect_state *st)
{
	struct gw_self *self = st->self;
	struct offender *offender, *next;

	HASH_ITER (hh, st->offenders, offender, next) {
		HASH_DEL(st->offenders, offender);
		gw_free(self, offender);
	}
}
