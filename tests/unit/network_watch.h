/*
 * tests/unit/network_watch.h - what the users of one server were shown, kept up by events alone,
 * and whether that is what is.
 */
#ifndef TESTS_UNIT_NETWORK_WATCH_H
#define TESTS_UNIT_NETWORK_WATCH_H

#include "tests/unit/network_rig.h"

struct shown_member {
	uint64_t session;
	uint8_t status;
};
struct shown_channel {
	char name[GW_CHANNEL_MAX + 1];
	uint64_t modes;
	char key[GW_KEY_MAX + 1], topic[GW_TOPIC_MAX + 1];
	char bans[64][64];
	size_t n_bans;
	struct shown_member members[64];
	size_t n_members;
};
struct shown_user {
	uint64_t session;
	char nick[GW_NICK_MAX + 1];
	char away[GW_AWAY_MAX + 1], host[GW_HOST_MAX + 1];
	uint64_t modes;
};

struct watch {
	struct shown_user users[256];
	size_t n_users;
	struct shown_channel channels[8];
	size_t n_channels;
	const char *fault; /* NULL: none yet */
};

void watch_event(struct watch *watch, const struct gw_event *event);
/** NULL, or how `b`, or what its users were shown, differs from `a`. */
const char *watch_compare(struct rig *a, struct rig *b, const struct watch *of_b, bool verbose);

#endif
