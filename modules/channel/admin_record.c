/*
 * modules/channel/admin_record.c - channel info and channel drop: what the network and the services
 * database know of a channel, in use or not, and the end of its registration.
 */
#include "private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

/* A command that waits for the services database. */
struct inquiry {
	uint64_t tag;
	struct gw_admin_request *req;
	bool drop;            /* else: tell */
	uint8_t reserved[12]; /* 0 */
	char name[GW_CHANNEL_MAX + 1];
	struct inquiry *prev, *next;
};

static struct inquiry *inquiry_of(struct channel_state *c, uint64_t tag)
{
	struct inquiry *q;

	DL_SEARCH_SCALAR(c->inquiries, q, tag, tag);
	return q;
}

static void inquiry_end(struct channel_state *c, struct inquiry *q, int status, const char *why)
{
	gw_admin_done(c->self, &q->req, status, why);
	DL_DELETE(c->inquiries, q);
	gw_free(c->self, q);
}

void channel_inquiries_free(struct channel_state *c)
{
	struct inquiry *q, *next;

	DL_FOREACH_SAFE (c->inquiries, q, next) {
		DL_DELETE(c->inquiries, q);
		gw_free(c->self, q);
	}
}

static void unavailable(struct channel_state *c, struct inquiry *q)
{
	inquiry_end(c, q, -EAGAIN, "the services database cannot do that now; nothing was changed");
}

/* --- info --- */

static void pair(struct channel_state *c, struct gw_admin_request *req, const char *key,
                 const char *value)
{
	gw_admin_row(c->self, req, (const char *const[]){key, value != NULL ? value : ""}, 2);
}

static void pair_date(struct channel_state *c, struct gw_admin_request *req, const char *key,
                      uint64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	char text[32];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	pair(c, req, key, text);
}

/* "b nick!*@* by ann" */
static void show_lists(struct channel_state *c, struct gw_admin_request *req,
                       const struct gw_channel *channel)
{
	const struct gw_list_entry *entry;
	char text[MASK_MAX + GW_HOST_MAX + GW_NICK_MAX + 40];

	DL_FOREACH (channel->lists, entry) {
		if (entry->gone)
			continue;
		snprintf(text, sizeof(text), "+%c %s by %s", entry->letter, entry->mask,
		         entry->setter);
		pair(c, req, "list", text);
	}
}

static void show_live(struct channel_state *c, struct gw_admin_request *req,
                      const struct gw_channel *channel)
{
	char text[128];

	snprintf(text, sizeof(text), "%u", channel->n_members);
	pair(c, req, "members", text);
	pair_date(c, req, "created", channel->created.clock >> 16);
	channel_modes_text(c, channel, true, text, sizeof(text));
	pair(c, req, "modes", text);
	pair(c, req, "topic", channel->topic);
	if (channel->topic != NULL) {
		pair(c, req, "topic-by", channel->topic_setter);
		pair_date(c, req, "topic-set", (uint64_t)channel->topic_ms);
	}
	show_lists(c, req, channel);
}

static void show_record(struct channel_state *c, struct gw_admin_request *req,
                        const struct registered *r)
{
	char text[GW_NICK_MAX + 8];

	pair(c, req, "registered", "yes");
	pair_date(c, req, "registered-since", r->since_ms);
	pair(c, req, "founder", r->founder_name);
	if (r->beaten)
		pair(c, req, "shown-as", r->shown);
	for (uint32_t i = 0; i < r->n_access; i++) {
		char letter = '?';

		for (const struct gw_chanmode *mode = channel_modes; mode->type == GW_MODE_PREFIX;
		     mode++)
			if (r->access[i].status & mode->bit)
				letter = mode->name[0];
		snprintf(text, sizeof(text), "+%c %s", letter, r->access[i].name);
		pair(c, req, "access", text);
	}
}

/* `r` NULL: it is not registered. */
static void tell(struct channel_state *c, struct inquiry *q, const struct registered *r)
{
	static const char *const head[] = {"key", "value"};
	const struct gw_channel *channel = NETWORK(c, channel, q->name);

	if (r == NULL && channel == NULL) {
		inquiry_end(c, q, -ENOENT, "there is no such channel, in use or registered");
		return;
	}
	gw_admin_head(c->self, q->req, head, 2);
	pair(c, q->req, "name", channel != NULL ? channel->name : r->name);
	if (channel != NULL)
		show_live(c, q->req, channel);
	else
		pair(c, q->req, "members", "0");
	if (r != NULL)
		show_record(c, q->req, r);
	else
		pair(c, q->req, "registered", "no");
	inquiry_end(c, q, 0, "");
}

/* --- drop --- */

static void drop(struct channel_state *c, struct inquiry *q, const struct registered *r)
{
	struct gw_write write = {.class = GW_CLASS_CHANNEL, .field = GW_F_CORE, .remove = true};

	if (r == NULL) {
		inquiry_end(c, q, -ENOENT, "that channel is not registered");
		return;
	}
	write.id = r->id;
	if (SERVICES(c, commit, &write, 1, gw_call(c->self, CALL_ADMIN_DROPPED, q->tag)) != 0)
		unavailable(c, q);
}

static void dropped(struct channel_state *c, struct inquiry *q)
{
	char line[GW_CHANNEL_MAX + 40];

	snprintf(line, sizeof(line), "%s is no longer registered", q->name);
	gw_admin_text(c->self, q->req, line);
	inquiry_end(c, q, 0, "");
}

void channel_admin_dropped(void *state, uint64_t tag, int status, struct gw_id made)
{
	struct channel_state *c = state;
	struct inquiry *q = inquiry_of(c, tag);
	int64_t within = gw_option_int(c->self, gw_options(c->self), "second-copy");

	if (q == NULL)
		return;
	if (status == -ENOENT)
		inquiry_end(c, q, status, "that channel is not registered");
	else if (status != 0)
		unavailable(c, q);
	else if (within == 0 || c->replica->ops == NULL ||
	         REPLICA(c, second_copy, ((struct gw_stamp){made.clock, made.origin}), within,
	                 gw_call(c->self, CALL_ADMIN_COPIED, tag)) != 0)
		dropped(c, q);
}

void channel_admin_copied(void *state, uint64_t tag, int status, struct gw_id made)
{
	struct channel_state *c = state;
	struct inquiry *q = inquiry_of(c, tag);
	char away[8];

	if (q == NULL)
		return;
	if (status != 0 && !REPLICA(c, everywhere, ((struct gw_stamp){made.clock, made.origin}),
	                            away, sizeof(away)))
		gw_admin_text(c->self, q->req,
		              "It is stored on this server only until another one is reached.");
	dropped(c, q);
}

/* --- the way to the record --- */

static void act(struct channel_state *c, struct inquiry *q, const struct registered *r)
{
	if (q->drop)
		drop(c, q, r);
	else
		tell(c, q, r);
}

static void with_owner(struct channel_state *c, struct inquiry *q, int status,
                       const struct gw_owner *owner)
{
	if (status == -ENOENT || status == -EINVAL)
		act(c, q, NULL);
	else if (status != 0 || SERVICES(c, read, GW_CLASS_CHANNEL, owner->id,
	                                 gw_call(c->self, CALL_ADMIN_READ, q->tag)) != 0)
		unavailable(c, q);
}

void channel_admin_found(void *state, uint64_t tag, int status, const struct gw_owner *owner)
{
	struct inquiry *q = inquiry_of(state, tag);

	if (q != NULL)
		with_owner(state, q, status, owner);
}

void channel_admin_read(void *state, uint64_t tag, int status, const struct gw_entity *entity)
{
	struct channel_state *c = state;
	struct inquiry *q = inquiry_of(c, tag);

	if (q == NULL)
		return;
	if (status != 0 && status != -ENOENT)
		unavailable(c, q);
	else
		act(c, q, status == 0 ? channel_registered_take(c, entity) : NULL);
}

/* A live channel's record is at hand; another's is looked up. */
static void begin(struct channel_state *c, struct gw_admin_request *req, const char *name,
                  bool drops)
{
	const struct gw_channel *channel = NETWORK(c, channel, name);
	const struct registered *r = channel != NULL ? channel_registered(c, channel) : NULL;
	struct inquiry *q = gw_alloc(c->self, sizeof(*q));
	char folded[GW_NAME_MAX + 1];
	struct gw_owner owner;
	int n = SERVICES(c, fold, name, folded);

	q->tag = ++c->last_tag;
	q->req = req;
	q->drop = drops;
	snprintf(q->name, sizeof(q->name), "%s", name);
	DL_APPEND(c->inquiries, q);
	if (r != NULL) {
		act(c, q, r);
		return;
	}
	if (n >= 0)
		n = SERVICES(c, find_shown, GW_NAME_CHANNEL, folded, (size_t)n, &owner,
		             gw_call(c->self, CALL_ADMIN_FOUND, q->tag));
	if (n != -EINPROGRESS)
		with_owner(c, q, n, &owner);
}

void channel_admin_info(void *state, struct gw_admin_request *req, int argc,
                        const char *const *argv)
{
	(void)argc;
	begin(state, req, argv[0], false);
}

void channel_admin_drop(void *state, struct gw_admin_request *req, int argc,
                        const char *const *argv)
{
	(void)argc;
	begin(state, req, argv[0], true);
}
