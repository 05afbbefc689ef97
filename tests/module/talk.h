/*
 * tests/module/talk.h - the beginnings of conversations that many tests share, on top of
 * tests/sim/harness.h.
 */
#ifndef TESTS_TALK_H
#define TESTS_TALK_H

#include "tests/sim/harness.h"

#define TALK_MODULES "modules: [store, services, network, client, account, channel, message, query"
/** Everybody is let in / only who logs in. */
#define TALK_OPEN TALK_MODULES ", guest]\n"
#define TALK_CLOSED TALK_MODULES "]\n"
#define TALK_FREE "client: {exempt: [\"127.0.0.0/8\"]}\n"

/** A client that is Connected and has read all that a welcome says; `caps` "" for none. With guests
 * only. */
static inline struct simclient *talk_enter(struct simserver *s, const char *nick, const char *caps)
{
	struct simclient *c = simnet_client(s, "127.0.0.1", false);

	if (caps[0] != '\0')
		client_send(c, "CAP REQ :%s", caps);
	client_send(c, "NICK %s\r\nUSER %s 0 * :The real %s", nick, nick, nick);
	if (caps[0] != '\0')
		client_send(c, "CAP END");
	client_send(c, "PING in");
	client_expect(c, "*PONG sim* :in");
	return c;
}

#endif
