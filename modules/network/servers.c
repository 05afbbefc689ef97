/*
 * servers.c - the tree of servers: how they come into sight, and go.
 *
 * Each server is known by the one way that leads to it. A second way to a server closes a circle of
 * links, of which the youngest has to go: a way's joint is that of its youngest link, so of two
 * ways the one with the younger joint leads over it. Every server on the circle decides by that,
 * whatever it hears first, and the two ends of the youngest link close it. network.md has the
 * reasoning.
 */
#include "network.h"
#include <errno.h>
#include <godwit/log.h>
#include <utlist.h>

#define SPLIT_MAX 4096 /* servers in one record */

struct server *server_find(struct network *net, uint64_t run)
{
	struct gw_self *self = net->self;
	struct server *server;

	if (net->here != NULL && run == net->here->pub.run)
		return net->here;
	HASH_FIND(hh, net->servers, &run, sizeof(run), server);
	return server;
}

/* What a record says of a server. */
struct arrival {
	uint64_t run, life, up, since;
	struct gw_id id;
	struct gw_stamp joint;
	const char *name, *description;
};

static struct server *server_add(struct network *net, const struct arrival *in, struct server *up)
{
	struct gw_self *self = net->self;
	struct server *server = (struct server *)gw_alloc(self, sizeof(*server));
	struct gw_node *last = net->here == NULL ? NULL : &net->here->pub;
	struct past *past;

	strcpy(server->name, in->name);
	server->description = gw_strdup(self, in->description);
	server->pub = (struct gw_node){.name = server->name,
	                               .description = server->description,
	                               .id = in->id,
	                               .run = in->run,
	                               .life = in->life,
	                               .here = up == NULL,
	                               .up = up == NULL ? NULL : &up->pub};
	server->since = in->since;
	server->joint = in->joint;
	HASH_FIND(hh, net->pasts, &in->run, sizeof(in->run), past);
	server->shown = past == NULL ? 0 : past->seq;
	HASH_ADD(hh, net->servers, pub.run, sizeof(server->pub.run), server);
	while (last != NULL && last->next != NULL)
		last = last->next;
	if (last != NULL)
		last->next = &server->pub;
	return server;
}

struct server *server_here(struct network *net, const char *name, const char *description)
{
	struct arrival in = {
		.run = gw_random_u64(net->self) | 1, .name = name, .description = description};

	return server_add(net, &in, NULL);
}

static void past_keep(struct network *net, const struct server *server)
{
	struct gw_self *self = net->self;
	uint64_t seq = server->seq > server->shown ? server->seq : server->shown;
	struct past *past;

	HASH_FIND(hh, net->pasts, &server->pub.run, sizeof(server->pub.run), past);
	if (past == NULL && HASH_COUNT(net->pasts) >= PASTS_MAX) {
		past = net->pasts;
		HASH_DEL(net->pasts, past);
		gw_free(self, past);
		past = NULL;
	}
	if (past == NULL) {
		past = (struct past *)gw_alloc(self, sizeof(*past));
		past->run = server->pub.run;
		HASH_ADD(hh, net->pasts, run, sizeof(past->run), past);
	}
	past->seq = seq;
	past->at_ms = gw_mono_ns(self) / GW_MS;
}

void pasts_tidy(struct network *net, int64_t keep_ms)
{
	struct gw_self *self = net->self;
	int64_t limit = gw_mono_ns(self) / GW_MS - keep_ms;
	struct past *past, *next;

	HASH_ITER (hh, net->pasts, past, next) {
		if (past->at_ms > limit)
			continue;
		HASH_DEL(net->pasts, past);
		gw_free(self, past);
	}
}

static void server_free(struct network *net, struct server *server)
{
	struct gw_self *self = net->self;

	HASH_DELETE(hh, net->servers, server);
	gw_free(self, server->description);
	gw_free(self, server);
}

void servers_free(struct network *net)
{
	while (net->servers != NULL)
		server_free(net, net->servers);
	pasts_tidy(net, -1);
}

/* --- records --- */

void server_put(struct network *net, struct writer *w, const struct server *server)
{
	const struct gw_node *node = &server->pub;

	if (net->here->since == 0)
		net->here->since = gw_clock_next(net->self);
	put_u64(w, node->run);
	put_string(w, node->name, GW_SERVER_MAX);
	put_string(w, node->description, GW_REALNAME_MAX);
	put_u64(w, node->id.clock);
	put_u64(w, node->id.origin);
	put_u64(w, node->life);
	put_u64(w, node->up == NULL ? 0 : node->up->run);
	put_stamp(w, server->joint);
	put_u64(w, server->since);
}

static bool arrival_read(struct applying *a, struct arrival *in)
{
	struct reader *r = &a->body;

	*in = (struct arrival){.run = get_u64(r)};
	in->name = get_string(r, GW_SERVER_MAX);
	in->description = get_string(r, GW_REALNAME_MAX);
	in->id.clock = get_u64(r);
	in->id.origin = get_u64(r);
	in->life = get_u64(r);
	in->up = get_u64(r);
	in->joint = get_stamp(r);
	in->since = get_u64(r);
	return reader_done(r) && valid_word(in->name) && in->run != 0 && timely(a, in->since) &&
	       timely(a, in->joint.clock);
}

const char *server_split(struct applying *a, const struct server *server)
{
	const struct gw_node *far = server->top == NULL ? &server->pub : &server->top->pub;

	snprintf(a->split, sizeof(a->split), "%s %s",
	         far->up == NULL ? a->net->here->pub.name : far->up->name, far->name);
	return a->split;
}

/* --- going --- */

/* Marks what is behind a server that is marked: servers come behind those that lead to them. */
static bool gone_spread(struct network *net)
{
	bool any = false;

	for (struct gw_node *node = net->here->pub.next; node != NULL; node = node->next) {
		if (server_of(node->up)->gone)
			server_of(node)->gone = true;
		any = any || server_of(node)->gone;
	}
	return any;
}

void person_split(struct applying *a, struct person *p)
{
	struct gw_event event = a->event;

	event.kind = GW_EV_QUIT;
	event.source = &p->session;
	p->session.sink = NULL;
	publish(a->net, &event);
	shadow_clear(a->net, p);
	seats_put_aside(a->net, p);
	person_leave(a, p);
}

/* All are there until the last of them has been seen to leave. */
static void users_leave(struct applying *a)
{
	struct person *p, *next;

	for (p = a->net->people; p != NULL; p = next) {
		next = (struct person *)p->by_id.next;
		if (person_lost(a->net, p))
			person_split(a, p);
	}
	nick_vacated(a);
}

/* Where it goes without a word from the other side of its link, that one still has it. */
static void servers_remove(struct network *net, uint64_t told_by)
{
	struct gw_node **at = &net->here->pub.next;

	while (*at != NULL) {
		struct server *server = server_of(*at);
		struct way *way = way_find(net, server->pub.via);

		if (!server->gone) {
			at = &server->pub.next;
			continue;
		}
		if (way != NULL && way->via != told_by)
			way_shade(net, way, server->pub.run);
		*at = server->pub.next;
		past_keep(net, server);
		interests_leave(net, server);
		server_free(net, server);
	}
}

/* Whether `server` lies behind the origin of the event, which is behind the link that brought it.
 */
static bool behind_origin(const struct applying *a, const struct server *server)
{
	for (const struct gw_node *node = server->pub.up; node != NULL; node = node->up) {
		if (node == a->event.node)
			return true;
	}
	return false;
}

static void gone_read(struct applying *a, uint64_t n)
{
	while (n-- > 0) {
		uint64_t run = get_u64(&a->body);
		struct server *server = server_find(a->net, run);

		if (a->way != NULL)
			way_unshade(a->net, a->way, run);
		if (server != NULL && (a->via == 0 || behind_origin(a, server)))
			server->gone = !server->pub.here;
	}
}

void split_put(struct network *net, struct writer *w, const char *near, const char *far)
{
	const struct gw_node *node;
	uint64_t n = 0;

	for (node = net->here->pub.next; node != NULL; node = node->next)
		n += server_of(node)->gone;
	put_string(w, near, GW_SERVER_MAX);
	put_string(w, far, GW_SERVER_MAX);
	put_varint(w, n);
	for (node = net->here->pub.next; node != NULL; node = node->next) {
		if (server_of(node)->gone)
			put_u64(w, node->run);
	}
}

/* Told on is what has gone out of sight here: neighbours then know what they hear of no more. */
static void split_tell(struct applying *a, const char *near, const char *far)
{
	uint8_t room[1024];
	struct writer w;

	writer_init(&w, a->net->self, room, sizeof(room));
	put_header(&w, &a->header);
	split_put(a->net, &w, near, far);
	tell_links(a, w.p, w.n);
	writer_fini(&w);
	a->stays = true;
}

int apply_split(struct applying *a)
{
	struct reader *r = &a->body;
	const char *near = get_string(r, GW_SERVER_MAX), *far = get_string(r, GW_SERVER_MAX);
	uint64_t n = get_varint(r);

	if (r->bad || n > SPLIT_MAX || (uint64_t)(r->end - r->p) != 8 * n || !valid_word(near) ||
	    !valid_word(far))
		return -EBADMSG;
	gone_read(a, n);
	if (!gone_spread(a->net)) {
		a->stays = true;
		return 0;
	}
	snprintf(a->split, sizeof(a->split), "%s %s", near, far);
	a->event.split = a->event.text = a->split;
	shadows_leave(a->net);
	users_leave(a);
	publish_as(a, GW_EV_SPLIT);
	split_tell(a, near, far);
	servers_remove(a->net, a->via);
	return 0;
}

/* --- coming --- */

/* Passed over: what follows in its name is, too. */
static int arrival_skip(struct applying *a, const struct arrival *in)
{
	if (a->way != NULL)
		way_shade(a->net, a->way, in->run);
	a->stays = true;
	return 0;
}

/* The link that brought it has to go. */
static int arrival_close(struct applying *a, const struct arrival *in)
{
	struct way *way = a->way;

	arrival_skip(a, in);
	a->way = NULL;
	if (way != NULL)
		way_close(a->net, way);
	return 0;
}

/* `server` and what is behind it leave, before what takes their place comes. */
static void server_yield(struct applying *a, struct server *server)
{
	struct network *net = a->net;
	struct way *way = way_find(net, server->pub.via);

	if (way != NULL && server->pub.direct) {
		way_close(net, way);
	} else {
		char near[GW_SERVER_MAX + 1], far[GW_SERVER_MAX + 1];

		strcpy(near, server->pub.up->name);
		strcpy(far, server->pub.name);
		server->gone = true;
		gone_spread(net);
		submit_split(net, near, far);
	}
	a->way = way_find(net, a->via);
}

/* A server that is in sight over another link. The way that gives way is the one over the youngest
 * link of both. */
static int arrival_circle(struct applying *a, const struct arrival *in, struct server *known)
{
	struct server *first = known;

	if (gw_stamp_cmp(in->joint, known->joint) >= 0)
		return gw_stamp_cmp(in->joint, a->way->joint) == 0 ? arrival_close(a, in)
		                                                   : arrival_skip(a, in);
	while (!first->pub.direct &&
	       gw_stamp_cmp(server_of(first->pub.up)->joint, known->joint) == 0)
		first = server_of(first->pub.up);
	server_yield(a, first);
	return 1;
}

static struct server *server_by_id(struct network *net, struct gw_id id)
{
	for (struct gw_node *node = &net->here->pub; node != NULL && !gw_id_none(id);
	     node = node->next) {
		if (gw_id_is(node->id, id))
			return server_of(node);
	}
	return NULL;
}

/* The same server in another run. After a crash the new run stands in place of the old one, which
 * nobody may have missed yet; two databases that say they are one server are not let in both. */
static int arrival_again(struct applying *a, const struct arrival *in, struct server *other)
{
	bool crashed = in->life == other->pub.life;
	bool newer =
		in->since > other->since || (in->since == other->since && in->run > other->pub.run);

	if (!crashed)
		gw_log(a->net->self, GW_WARN,
		       "two servers say they are one server=%s life=%016llx other=%016llx",
		       in->name, (unsigned long long)in->life, (unsigned long long)other->pub.life);
	if (other->pub.here || newer != crashed)
		return in->up == 0 ? arrival_close(a, in) : arrival_skip(a, in);
	server_yield(a, other);
	return 1;
}

/* 1: it may come; 0: it was passed over. */
static int arrival_settle(struct applying *a, struct arrival *in)
{
	struct network *net = a->net;
	struct server *known = server_find(net, in->run), *other;
	int status = 1;

	if (known != NULL && known->pub.via == a->via) {
		a->stays = true;
		return 0;
	}
	if (known == net->here)
		return arrival_skip(a, in);
	if (known != NULL)
		status = arrival_circle(a, in, known);
	other = status == 1 ? server_by_id(net, in->id) : NULL;
	if (other != NULL && a->way != NULL)
		status = arrival_again(a, in, other);
	return status == 1 && a->way == NULL ? 0 : status;
}

/* What has come is told on with its joint as it is here. */
static void arrival_tell(struct applying *a, const struct server *server)
{
	uint8_t room[1024];
	struct writer w;

	writer_init(&w, NULL, room, sizeof(room));
	put_header(&w, &a->header);
	server_put(a->net, &w, server);
	tell_links(a, w.p, w.n);
	a->stays = true;
}

static void arrive(struct applying *a, const struct arrival *in, struct server *up)
{
	struct server *server = server_add(a->net, in, up);

	server->pub.via = a->via;
	server->pub.direct = in->up == 0;
	server->pub.bursting = true;
	server->top = up->pub.bursting && !up->pub.here ? up->top : server;
	a->way->recent = in->run;
	a->event.node = &server->pub;
	a->event.split = server_split(a, server);
	publish_as(a, GW_EV_SERVER);
	arrival_tell(a, server);
}

int apply_burst_server(struct applying *a)
{
	struct network *net = a->net;
	struct arrival in;
	struct server *up;
	int status;

	if (!arrival_read(a, &in))
		return -EBADMSG;
	if (in.up == 0 &&
	    (!gw_id_is(in.id, a->way->server) || strcasecmp(in.name, a->way->name) != 0))
		return -EPERM;
	if (gw_stamp_cmp(in.joint, a->way->joint) < 0)
		in.joint = a->way->joint;
	up = in.up == 0 ? net->here : server_find(net, in.up);
	if (in.up != 0 && (up == NULL || up->pub.via != a->via))
		return arrival_skip(a, &in);
	status = arrival_settle(a, &in);
	if (status <= 0) {
		a->stays = true;
		return status;
	}
	up = in.up == 0 ? net->here : server_find(net, in.up);
	if (up == NULL || (in.up != 0 && up->pub.via != a->via))
		return arrival_skip(a, &in);
	arrive(a, &in, up);
	return 0;
}

int apply_load(struct applying *a)
{
	struct reader *r = &a->body;
	struct gw_load_report load = {.clients = (uint32_t)get_varint(r)};
	uint8_t draining;

	load.weight = (uint32_t)get_varint(r);
	load.lag_us = (uint32_t)get_varint(r);
	load.bytes = get_varint(r);
	load.room = (uint32_t)get_varint(r);
	draining = get_u8(r);
	load.draining = draining == 1;
	if (!reader_done(r) || draining > 1)
		return -EBADMSG;
	a->event.node->load = load;
	publish_as(a, GW_EV_LOAD);
	return 0;
}
