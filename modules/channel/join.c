/*
 * modules/channel/join.c - JOIN, one channel after the other.
 *
 * A channel that is live is joined at once. For another the services database is asked first
 * whether it is registered; the client is held meanwhile, so that its replies keep the order of its
 * commands. A registered channel is restored before it is joined, a new one is made with +nt and
 * its maker as operator.
 */
#include "private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

/* A JOIN that waits: what is left of its line. */
struct joining {
	uint64_t tag;
	uint64_t client;
	char *names, *keys; /* the words in full; ours */
	char *next_name, *next_key;
	char *current, *current_key;
	struct joining *prev, *next;
};

static void refuse(struct channel_state *c, struct gw_client *client, const char *name,
                   const struct gw_error *why)
{
	CLIENT(c, numeric, client, why->code != 0 ? why->code : 474, "%s :%s", name, why->text);
}

static bool asked(struct channel_state *c, struct gw_client *client, struct gw_channel *channel,
                  const char *name, const char *key)
{
	struct gw_join_query query = {
		.client = client, .channel = channel, .name = name, .key = key};
	struct gw_error why = {.code = 0};

	if (gw_ask(c->self, c->may_join, &query, &why) == 0)
		return true;
	refuse(c, client, name, &why);
	return false;
}

/* The answers that follow one's own JOIN. */
static void send_entry(struct channel_state *c, struct gw_client *client,
                       struct gw_channel *channel)
{
	if (channel->topic != NULL)
		channel_send_topic(c, client, channel);
	channel_send_names(c, client, channel);
}

static void enter(struct channel_state *c, struct gw_client *client, struct gw_channel *channel,
                  uint8_t status)
{
	const char *name = channel->name;

	if (NETWORK(c, join, client->session, name, status, client->command) == 0) {
		channel = NETWORK(c, channel, name);
		send_entry(c, client, channel);
	}
}

static void join_live(struct channel_state *c, struct gw_client *client, struct gw_channel *channel,
                      const char *key)
{
	struct registered *r = channel_registered(c, channel);
	struct gw_error why = {.code = 0};

	if (NETWORK(c, member, channel, client->session->user) != NULL)
		return;
	if (channel_may_enter(c, client, channel, key, &why) != 0)
		refuse(c, client, channel->name, &why);
	else if (asked(c, client, channel, channel->name, key))
		enter(c, client, channel,
		      r != NULL && client->account != NULL
		              ? channel_access_status(r, client->account_id)
		              : 0);
}

static void join_new(struct channel_state *c, struct gw_client *client, const char *name,
                     const char *key)
{
	static const struct gw_mode_change nt[] = {{.letter = 'n', .add = true},
	                                           {.letter = 't', .add = true}};
	struct gw_channel_spec spec = {.name = name, .modes = nt, .n_modes = 2};
	struct gw_channel *channel;

	if (asked(c, client, NULL, name, key) && NETWORK(c, make_channel, &spec, &channel) == 0)
		enter(c, client, channel, GW_OP);
}

/* What can be said about a name without looking anything up. */
static bool usable(struct channel_state *c, struct gw_client *client, const char *name)
{
	if (name[0] != '#' || !NETWORK(c, valid_channel, name)) {
		CLIENT(c, numeric, client, 403, "%s :No such channel", name);
		return false;
	}
	if (client->session->user->n_channels >= c->max_channels) {
		CLIENT(c, numeric, client, 405, "%s :You have joined too many channels", name);
		return false;
	}
	return true;
}

static void unavailable(struct channel_state *c, struct gw_client *client, const char *name)
{
	CLIENT(c, numeric, client, 437,
	       "%s :The services database cannot be read now, try again later", name);
}

/* Has the entity read; false when that cannot be asked for. */
static bool read_stored(struct channel_state *c, struct joining *j, const struct gw_owner *owner)
{
	return SERVICES(c, read, owner->class, owner->id,
	                gw_call(c->self, CALL_JOIN_READ, j->tag)) == 0;
}

/* False: it is registered, but its record has yet to be read (this module has been away, or the
 * channel came over a link). */
static bool is_known(struct channel_state *c, const struct gw_channel *channel)
{
	return gw_id_none(channel->registered) || channel_registered(c, channel) != NULL;
}

/* One channel. True: the answer comes later. */
static bool join_one(struct channel_state *c, struct gw_client *client, struct joining *j)
{
	struct gw_channel *channel = NETWORK(c, channel, j->current);
	struct gw_owner owner;
	char folded[GW_NAME_MAX + 1];
	int n;

	if (channel != NULL && NETWORK(c, member, channel, client->session->user) != NULL)
		return false;
	if (!usable(c, client, j->current))
		return false;
	if (channel != NULL) {
		owner = (struct gw_owner){.class = GW_CLASS_CHANNEL, .id = channel->registered};
		if (!is_known(c, channel) && read_stored(c, j, &owner))
			return true;
		join_live(c, client, channel, j->current_key);
		return false;
	}
	n = SERVICES(c, fold, j->current, folded);
	if (n < 0) {
		CLIENT(c, numeric, client, 403, "%s :No such channel", j->current);
		return false;
	}
	n = SERVICES(c, find, GW_NAME_CHANNEL, folded, (size_t)n, &owner,
	             gw_call(c->self, CALL_JOIN_FOUND, j->tag));
	if (n == -EINPROGRESS || (n == 0 && read_stored(c, j, &owner)))
		return true;
	if (n == -ENOENT)
		join_new(c, client, j->current, j->current_key);
	else
		unavailable(c, client, j->current);
	return false;
}

static bool next_name(struct joining *j)
{
	do {
		j->current = strsep(&j->next_name, ",");
		j->current_key = j->next_key != NULL ? strsep(&j->next_key, ",") : NULL;
		if (j->current_key == NULL)
			j->current_key = (char *)"";
	} while (j->current != NULL && j->current[0] == '\0');
	return j->current != NULL;
}

/* Goes on until the line is done (true) or something must be waited for. */
static bool go_on(struct channel_state *c, struct gw_client *client, struct joining *j)
{
	while (next_name(j))
		if (join_one(c, client, j))
			return false;
	return true;
}

static void joining_free(struct channel_state *c, struct joining *j)
{
	gw_free(c->self, j->names);
	gw_free(c->self, j->keys);
	gw_free(c->self, j);
}

static void leave_all(struct channel_state *c, struct gw_client *client)
{
	struct gw_user *user = client->session->user;

	while (user->channels != NULL)
		NETWORK(c, part, client->session, user->channels->channel, "", client->command);
}

void channel_join(void *state, struct gw_client *client, const struct gw_message *m)
{
	struct channel_state *c = state;
	struct joining *j;

	if (strcmp(m->argv[0], "0") == 0) {
		leave_all(c, client);
		return;
	}
	j = gw_alloc(c->self, sizeof(*j));
	j->tag = ++c->last_tag;
	j->client = client->id;
	j->next_name = j->names = gw_strdup(c->self, m->argv[0]);
	j->next_key = j->keys = gw_strdup(c->self, m->argc > 1 ? m->argv[1] : "");
	if (go_on(c, client, j)) {
		joining_free(c, j);
		return;
	}
	DL_APPEND(c->joinings, j);
	CLIENT(c, hold, client, c->self);
}

/* The JOIN that an answer is for, if its client is still there; else it is forgotten. */
static struct joining *joining_of(struct channel_state *c, uint64_t tag,
                                  struct gw_client **client_out)
{
	struct joining *j;

	DL_SEARCH_SCALAR(c->joinings, j, tag, tag);
	if (j == NULL)
		return NULL;
	*client_out = CLIENT(c, by_id, j->client);
	if (*client_out != NULL && (*client_out)->session != NULL)
		return j;
	DL_DELETE(c->joinings, j);
	joining_free(c, j);
	return NULL;
}

static void resume(struct channel_state *c, struct gw_client *client, struct joining *j)
{
	if (!go_on(c, client, j))
		return;
	DL_DELETE(c->joinings, j);
	joining_free(c, j);
	CLIENT(c, release, client, c->self);
}

void channel_join_found(void *state, uint64_t tag, int status, const struct gw_owner *owner)
{
	struct channel_state *c = state;
	struct gw_client *client;
	struct joining *j = joining_of(c, tag, &client);
	struct gw_channel *channel;

	if (j == NULL || (status == 0 && read_stored(c, j, owner)))
		return;
	/* Somebody else may have made it meanwhile. */
	channel = NETWORK(c, channel, j->current);
	if (channel != NULL)
		join_live(c, client, channel, j->current_key);
	else if (status == -ENOENT)
		join_new(c, client, j->current, j->current_key);
	else
		unavailable(c, client, j->current);
	resume(c, client, j);
}

void channel_join_read(void *state, uint64_t tag, int status, const struct gw_entity *entity)
{
	struct channel_state *c = state;
	struct gw_client *client;
	struct joining *j = joining_of(c, tag, &client);
	struct gw_channel *channel;

	if (j == NULL)
		return;
	channel = NETWORK(c, channel, j->current);
	if (channel != NULL && status == 0)
		channel_registered_take(c, entity);
	else if (status == 0 && channel_restore(c, entity, &channel) != 0)
		channel = NULL;
	if (channel != NULL)
		join_live(c, client, channel, j->current_key);
	else if (status == -ENOENT) /* dropped between the two questions */
		join_new(c, client, j->current, j->current_key);
	else
		unavailable(c, client, j->current);
	resume(c, client, j);
}

void channel_joinings_free(struct channel_state *c)
{
	struct joining *j, *next;

	DL_FOREACH_SAFE (c->joinings, j, next) {
		DL_DELETE(c->joinings, j);
		joining_free(c, j);
	}
}
