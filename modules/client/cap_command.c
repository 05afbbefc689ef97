/*
 * modules/client/cap_command.c - the command CAP: LS, LIST, REQ, END.
 */
#include "client.h"
#include <stdlib.h>

/* A list of words in lines of their bound; the last one is told apart for those who know the form
 * of 302. */
struct listing {
	struct client_state *st;
	struct client *c;
	const char *verb;
	size_t n;
	char text[TEXT_MAX];
};

static size_t room(const struct listing *l)
{
	return TEXT_MAX - strlen(l->st->server) - strlen(l->c->pub.nick) - strlen(l->verb) -
	       sizeof(":  CAP   * :");
}

static void listing_add(struct listing *l, const char *word)
{
	size_t n = strlen(word);

	if (l->n > 0 && l->n + 1 + n > room(l)) {
		reply_line(l->st, l->c, NULL, "CAP %s %s %s:%s", l->c->pub.nick, l->verb,
		           l->c->cap_302 ? "* " : "", l->text);
		l->n = 0;
	}
	l->n += (size_t)snprintf(l->text + l->n, sizeof(l->text) - l->n, "%s%s",
	                         l->n > 0 ? " " : "", word);
}

static void listing_end(struct listing *l)
{
	reply_line(l->st, l->c, NULL, "CAP %s %s :%s", l->c->pub.nick, l->verb, l->text);
}

static void negotiate(struct client *c)
{
	if (c->pub.state != GW_CONNECTED)
		c->pub.cap_negotiating = true;
}

static void cap_ls(struct client_state *st, struct client *c, const struct gw_message *m)
{
	struct listing l = {.st = st, .c = c, .verb = "LS"};
	bool values = m->argc > 1 && atoi(m->argv[1]) >= 302;
	char word[300], value[200];

	if (values) {
		c->cap_302 = true;
		caps_set(st, c, c->pub.caps | st->bit.notify);
	}
	negotiate(c);
	for (uint32_t i = 0; i < st->n_caps; i++) {
		struct cap *cap = &st->caps[i];

		if (!cap->offered || cap->hidden)
			continue;
		value[0] = '\0';
		if (values)
			caps_value(st, cap, c, value, sizeof(value));
		snprintf(word, sizeof(word), "%.90s%s%s", cap->name, value[0] != '\0' ? "=" : "",
		         value);
		listing_add(&l, word);
	}
	listing_end(&l);
}

static void cap_list(struct client_state *st, struct client *c, const struct gw_message *m)
{
	struct listing l = {.st = st, .c = c, .verb = "LIST"};

	(void)m;
	for (uint32_t i = 0; i < st->n_caps; i++)
		if ((c->pub.caps & (uint64_t)1 << i) && !st->caps[i].hidden)
			listing_add(&l, st->caps[i].name);
	listing_end(&l);
}

/* Applies "name" or "-name" to a set; false if there is no such capability, or it cannot be given
 * up. */
static bool apply(struct client_state *st, const struct client *c, const char *word, size_t n,
                  uint64_t *caps)
{
	bool off = word[0] == '-';
	const char *name = word + off;

	n -= off;
	for (uint32_t i = 0; i < st->n_caps; i++) {
		uint64_t bit = (uint64_t)1 << i;

		if (strlen(st->caps[i].name) != n || memcmp(st->caps[i].name, name, n) != 0)
			continue;
		if (!st->caps[i].offered || st->caps[i].hidden ||
		    (off && bit == st->bit.notify && c->cap_302))
			return false;
		*caps = off ? *caps & ~bit : *caps | bit;
		return true;
	}
	return false;
}

static void cap_req(struct client_state *st, struct client *c, const struct gw_message *m)
{
	const char *request = m->argc > 1 ? m->argv[1] : "", *word = request;
	uint64_t caps = c->pub.caps;
	bool granted = true;

	negotiate(c);
	for (word += strspn(word, " "); *word != '\0' && granted; word += strspn(word, " ")) {
		size_t n = strcspn(word, " ");

		granted = apply(st, c, word, n, &caps);
		word += n;
	}
	reply_line(st, c, NULL, "CAP %s %s :%s", c->pub.nick, granted ? "ACK" : "NAK", request);
	if (granted)
		caps_set(st, c, caps);
}

static void cap_end(struct client_state *st, struct client *c, const struct gw_message *m)
{
	(void)m;
	if (c->pub.state == GW_CONNECTED)
		return;
	c->pub.cap_negotiating = false;
	enter_try(st, c);
}

static const struct {
	const char *name;
	void (*fn)(struct client_state *st, struct client *c, const struct gw_message *m);
} subcommands[] = {
	{"LS", cap_ls},
	{"LIST", cap_list},
	{"REQ", cap_req},
	{"END", cap_end},
};

void client_cap(void *state, struct gw_client *client, const struct gw_message *m)
{
	struct client_state *st = state;
	struct client *c = client_of(client);
	const char *name = m->argv[0];

	for (size_t i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++)
		if (strcasecmp(subcommands[i].name, name) == 0) {
			subcommands[i].fn(st, c, m);
			return;
		}
	reply_numeric(st, c, 410, "%.*s :Invalid CAP command",
	              (int)utf8_trim(name, strnlen(name, 64)), name);
}
