/*
 * modules/client/states.c - the states of a connection, as a table.
 *
 *     from          to            by
 *     Connecting    Registration  in-channel registration starts
 *     Registration  Connecting    registration complete or cancelled
 *     Connecting    Connected     user authentication success
 *
 * What is not in here is not permitted. Authenticated, a client becomes Connected once NICK, USER
 * and CAP END are there.
 */
#include "client.h"
#include <errno.h>

static const struct transition {
	enum gw_client_state from;
	enum gw_client_change change;
	enum gw_client_state to;
} transitions[] = {
	{GW_CONNECTING, GW_REGISTRATION_STARTED, GW_REGISTRATION},
	{GW_REGISTRATION, GW_REGISTRATION_COMPLETED, GW_CONNECTING},
	{GW_REGISTRATION, GW_REGISTRATION_CANCELLED, GW_CONNECTING},
	{GW_CONNECTING, GW_AUTHENTICATED, GW_CONNECTED},
};

bool states_allow(const struct client *c, enum gw_client_change change,
                  enum gw_client_state *to_out)
{
	for (size_t i = 0; i < sizeof(transitions) / sizeof(transitions[0]); i++) {
		if (transitions[i].from != c->pub.state || transitions[i].change != change)
			continue;
		*to_out = transitions[i].to;
		return true;
	}
	return false;
}

int states_change(struct client *c, enum gw_client_change change)
{
	enum gw_client_state to;

	if (!states_allow(c, change, &to))
		return -EPERM;
	c->pub.state = to;
	return 0;
}
