/*
 * tests/unit/services_net.c - databases that are linked by queues in memory.
 */
#include "tests/unit/services_net.h"
#include <stdlib.h>
#include <utlist.h>

#define WALL ((int64_t)1790000000 * GW_SECOND)

enum { CALL_SEND, CALL_NEWS, CALL_PUT };

uint64_t net_draw(struct net *net, uint64_t n)
{
	net->random = net->random * 6364136223846793005 + 1442695040888963407;
	return (net->random >> 33) % n;
}

/* --- what the module calls --- */

static struct pipe_link *pipe_find(struct net *net, uint64_t link)
{
	for (int i = 0; i < PIPES_MAX; i++)
		if (net->pipes[i].up && net->pipes[i].link == link)
			return &net->pipes[i];
	return NULL;
}

static struct pipe_end *end_of(struct pipe_link *pipe, const struct node *node)
{
	return &pipe->end[&node->net->nodes[pipe->end[0].node] != node];
}

static void queue(struct pipe_end *end, const void *bytes, size_t n)
{
	struct message *m = malloc(sizeof(*m) + n);

	m->n = n;
	memcpy(m->bytes, bytes, n);
	DL_APPEND(end->queue, m);
	end->queued += n;
}

static void on_send(void *state, uint64_t link, const void *message, size_t n)
{
	struct node *node = state;
	struct pipe_link *pipe = pipe_find(node->net, link);

	assert_true(n > 0 && n <= GW_REPLICA_MESSAGE_MAX);
	if (pipe != NULL)
		queue(end_of(pipe, node), message, n);
}

static void on_news(void *state, uint64_t link, enum gw_peer_news news,
                    const struct gw_join_progress *progress, const char *why)
{
	struct node *node = state;
	struct pipe_link *pipe = pipe_find(node->net, link);
	struct pipe_end *end = pipe == NULL ? NULL : end_of(pipe, node);

	(void)progress;
	if (getenv("MINI_LOG") != NULL)
		fprintf(stderr, "%s news %d %s\n", node->name, news, why == NULL ? "" : why);
	if (end == NULL)
		return;
	end->accepted |= news == GW_PEER_ACCEPTED;
	end->settled += news == GW_PEER_SETTLED;
	end->refused |= news == GW_PEER_REFUSED;
	end->serving |= news == GW_PEER_SERVING;
	end->verified |= news == GW_PEER_VERIFIED;
	end->joined |= news == GW_PEER_JOINED;
	end->retired |= news == GW_PEER_RETIRED;
	if (why != NULL)
		snprintf(end->why, sizeof(end->why), "%s", why);
}

static void on_put(void *state, uint64_t tag, int status, uint64_t number)
{
	(void)tag;
	(void)number;
	assert_int_equal(status, 0);
	*(bool *)state = true;
}

static const struct gw_call_row calls[] = {
	[CALL_SEND] = {"send", (gw_fn *)on_send},
	[CALL_NEWS] = {"news", (gw_fn *)on_news},
	[CALL_PUT] = {"put", (gw_fn *)on_put},
};

static void on_membership(void *ctx, const void *payload)
{
	((struct node *)ctx)->membership = *(const enum gw_membership *)payload;
}

static void on_changed(void *ctx, const void *payload)
{
	(void)payload;
	((struct node *)ctx)->changes++;
}

/* --- servers --- */

static void set_wall(struct node *node)
{
	mini_set_wall(node->rig.mini, WALL + node->net->now + node->skew);
}

static void node_begin(struct node *node)
{
	struct net *net = node->net;

	node->membership = GW_MEMBER_UNKNOWN;
	rig_prepare(&node->rig, node->folder, node->seed == 0 ? 0 : net_draw(net, 1 << 30) + 1);
	mini_name(node->rig.mini, node->name);
	if (node->collect_after != NULL)
		mini_option(node->rig.mini, "collect-after", node->collect_after);
	if (node->joins)
		mini_refuse(node->rig.mini, GW_TOPIC_SERVICES_FIRST);
	set_wall(node);
	rig_load(&node->rig, node->fake);
	node->replica = mini_iface(node->rig.mini, "replica");
	node->self = mini_test_self(node->rig.mini, calls, sizeof(calls) / sizeof(calls[0]), node);
	mini_hear(node->rig.mini, GW_TOPIC_MEMBERSHIP, on_membership, node);
	mini_hear(node->rig.mini, GW_TOPIC_SERVICES_CHANGED, on_changed, node);
	node->up = true;
}

static void node_new(struct net *net, int i, const char *name, bool fake, uint64_t seed)
{
	struct node *node = &net->nodes[i];

	memset(node, 0, sizeof(*node));
	node->net = net;
	node->folder = mini_folder();
	node->fake = fake;
	node->seed = seed;
	snprintf(node->name, sizeof(node->name), "%s", name);
}

static void wait_member(struct net *net, struct node *node)
{
	for (int i = 0; i < 1000 && node->membership == GW_MEMBER_UNKNOWN; i++)
		net_run(net, 10 * GW_MS);
	assert_int_equal(node->membership, GW_MEMBER_FULL);
}

/* --- the network that all begin with --- */

static struct gw_id make_server(struct node *first, const char *name)
{
	uint8_t sub[40] = {GW_NAME_SERVER}, flags[64];
	struct gw_parts parts = {.bytes = flags, .max = sizeof(flags)};
	size_t n = strlen(name);
	struct gw_id made;

	for (size_t i = 0; i <= n; i++)
		sub[1 + i] = (uint8_t)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] | 32 : name[i]);
	gw_parts_u64(&parts, 0);
	const struct gw_write writes[] = {
		{.class = GW_CLASS_SERVER,
	         .make = true,
	         .field = GW_F_CORE,
	         .value = gw_parts_value(&parts)},
		{.class = GW_CLASS_SERVER,
	         .make = true,
	         .field = GW_F_NAME,
	         .sub = {sub, n + 1},
	         .value = rig_text(name)},
	};
	assert_int_equal(rig_commit_wait(&first->rig, writes, 2, &made), 0);
	return made;
}

static struct gw_id make_life(struct node *first, struct gw_id server, uint64_t origin)
{
	uint8_t bytes[64], id[16];
	struct gw_parts parts = {.bytes = bytes, .max = sizeof(bytes)};
	struct gw_id made;

	gw_id_bytes(server, id);
	gw_parts_add(&parts, id, 16);
	gw_parts_u64(&parts, origin);
	const struct gw_write write = {.class = GW_CLASS_ORIGIN,
	                               .make = true,
	                               .field = GW_F_CORE,
	                               .value = gw_parts_value(&parts)};
	assert_int_equal(rig_commit_wait(&first->rig, &write, 1, &made), 0);
	return made;
}

static void be(uint8_t out[8], uint64_t v)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(v >> (56 - 8 * i));
}

/* Rows of the first server's tables into a store that nobody has opened yet. */
static void copy_tables(struct node *first, struct node *node)
{
	static const uint8_t tables[] = {T_CELL, T_LOG, T_VEC, T_NAME, T_REF, T_META, T_TOMB};
	struct mini *mini = mini_new(node->folder, 0);
	struct gw_store_op *ops = calloc(20000, sizeof(*ops));
	uint8_t origin[8], server[16], life[16];
	char identity[GW_STORE_IDENTITY];
	struct dump dumps[sizeof(tables)];
	struct gw_iface *store;
	struct gw_self *self;
	bool done = false;
	size_t n = 0;

	be(origin, node->origin);
	gw_id_bytes(node->server, server);
	gw_id_bytes(node->life, life);
	assert_int_equal(
		mini_load(mini, node->fake ? &store_fake_LTX_gw_module : &store_LTX_gw_module), 0);
	store = mini_iface(mini, "store");
	self = mini_test_self(mini, calls, sizeof(calls) / sizeof(calls[0]), &done);
	for (size_t t = 0; t < sizeof(tables); t++) {
		dumps[t] = rig_dump(&first->rig, tables[t]);
		for (size_t i = 0; i < dumps[t].n; i++)
			ops[n++] = (struct gw_store_op){
				.kind = GW_STORE_PUT,
				.table = tables[t],
				.key = {dumps[t].rows[i].key, dumps[t].rows[i].key_n},
				.val = {dumps[t].rows[i].val, dumps[t].rows[i].val_n}};
	}
	GW_VIA(store, gw_store_ops, identity, identity);
	const struct gw_store_op own[] = {
		{.kind = GW_STORE_PUT, .table = T_META, .key = {"origin", 6}, .val = {origin, 8}},
		{.kind = GW_STORE_PUT, .table = T_META, .key = {"server", 6}, .val = {server, 16}},
		{.kind = GW_STORE_PUT, .table = T_META, .key = {"life", 4}, .val = {life, 16}},
		{.kind = GW_STORE_PUT,
	         .table = T_META,
	         .key = {"identity", 8},
	         .val = rig_text(identity)},
	};
	memcpy(ops + n, own, sizeof(own));
	assert_int_equal(GW_VIA(store, gw_store_ops, commit, ops, n + 4, GW_STORE_DISK,
	                        gw_call(self, CALL_PUT, 0)),
	                 0);
	for (int i = 0; i < 1000 && !done; i++)
		mini_run(mini, 10 * GW_MS);
	assert_true(done);
	mini_free(&mini);
	for (size_t t = 0; t < sizeof(tables); t++)
		dump_free(&dumps[t]);
	free(ops);
}

void net_open(struct net *net, int n, bool fake, uint64_t seed)
{
	struct node *first = &net->nodes[0];
	char name[32];

	memset(net, 0, sizeof(*net));
	net->random = seed * 2654435761 + 1;
	net->window = 65536;
	net->n = 1;
	node_new(net, 0, "zero.example", fake, seed);
	node_begin(first);
	wait_member(net, first);
	GW_VIA(first->replica, gw_replica_ops, identity, &first->server, &first->life);
	GW_VIA(first->rig.services, gw_services_ops, origin, &first->origin);
	for (int i = 1; i < n; i++) {
		snprintf(name, sizeof(name), "n%d.example", i);
		node_new(net, i, name, fake, seed);
		net->nodes[i].server = make_server(first, name);
		net->nodes[i].origin = net_draw(net, 1 << 30) << 30 | (net_draw(net, 1 << 30) + 1);
		net->nodes[i].life = make_life(first, net->nodes[i].server, net->nodes[i].origin);
	}
	for (int i = 1; i < n; i++) {
		copy_tables(first, &net->nodes[i]);
		node_begin(&net->nodes[i]);
		net->n = i + 1;
	}
	for (int i = 1; i < n; i++)
		wait_member(net, &net->nodes[i]);
}

int net_add_empty(struct net *net, const char *name)
{
	int i = net->n++;

	node_new(net, i, name, net->nodes[0].fake, net->nodes[0].seed);
	net->nodes[i].server = make_server(&net->nodes[0], name);
	net->nodes[i].joins = true;
	node_begin(&net->nodes[i]);
	net_run(net, 100 * GW_MS);
	assert_int_equal(net->nodes[i].membership, GW_MEMBER_EMPTY);
	return i;
}

void net_is_member(struct net *net, int i)
{
	struct node *node = &net->nodes[i];

	for (int k = 0; k < 1000 && node->membership != GW_MEMBER_FULL; k++)
		net_run(net, 10 * GW_MS);
	assert_int_equal(node->membership, GW_MEMBER_FULL);
	GW_VIA(node->replica, gw_replica_ops, identity, &node->server, &node->life);
	GW_VIA(node->rig.services, gw_services_ops, origin, &node->origin);
	node->joins = false;
}

/* --- links --- */

struct pipe_link *net_linked(struct net *net, int a, int b)
{
	for (int i = 0; i < PIPES_MAX; i++) {
		struct pipe_link *p = &net->pipes[i];

		if (p->up && ((p->end[0].node == a && p->end[1].node == b) ||
		              (p->end[0].node == b && p->end[1].node == a)))
			return p;
	}
	return NULL;
}

bool net_connected(struct net *net, int a, int b)
{
	bool seen[NODES_MAX] = {false}, more = true;

	seen[a] = true;
	while (more) {
		more = false;
		for (int i = 0; i < PIPES_MAX; i++) {
			const struct pipe_link *p = &net->pipes[i];

			if (!p->up || seen[p->end[0].node] == seen[p->end[1].node])
				continue;
			seen[p->end[0].node] = seen[p->end[1].node] = more = true;
		}
	}
	return seen[b];
}

static void give_room(struct net *net, struct pipe_link *pipe, int end)
{
	struct pipe_end *e = &pipe->end[end];
	size_t room = e->queued < net->window ? net->window - e->queued : 0;

	if (e->open)
		GW_VIA(net->nodes[e->node].replica, gw_replica_ops, room, pipe->link, room);
}

static void end_open(struct net *net, struct pipe_link *pipe, int end)
{
	struct node *node = &net->nodes[pipe->end[end].node],
		    *other = &net->nodes[pipe->end[!end].node];
	struct gw_peer_spec spec = {.link = pipe->link,
	                            .server = other->server,
	                            .name = other->name,
	                            .joiner = node->joins,
	                            .send = gw_call(node->self, CALL_SEND, 0),
	                            .news = gw_call(node->self, CALL_NEWS, 0)};

	if (node->joins)
		spec.server = (struct gw_id){0, 0};
	pipe->end[end].open = GW_VIA(node->replica, gw_replica_ops, open,
	                             (const struct gw_peer_spec *)&spec) == 0;
	give_room(net, pipe, end);
}

struct pipe_link *net_link(struct net *net, int a, int b)
{
	struct pipe_link *pipe = NULL;

	for (int i = 0; i < PIPES_MAX && pipe == NULL; i++)
		if (!net->pipes[i].up)
			pipe = &net->pipes[i];
	assert_non_null(pipe);
	*pipe = (struct pipe_link){.link = ++net->last_link, .up = true};
	pipe->end[0].node = a;
	pipe->end[1].node = b;
	end_open(net, pipe, 0);
	end_open(net, pipe, 1);
	if (!pipe->end[0].open || !pipe->end[1].open)
		net_cut(net, pipe);
	return pipe;
}

void net_cut(struct net *net, struct pipe_link *pipe)
{
	struct message *m, *next;

	pipe->up = false;
	for (int i = 0; i < 2; i++) {
		struct pipe_end *end = &pipe->end[i];

		DL_FOREACH_SAFE (end->queue, m, next) {
			DL_DELETE(end->queue, m);
			free(m);
		}
		end->queued = 0;
		if (end->open && net->nodes[end->node].up)
			GW_VIA(net->nodes[end->node].replica, gw_replica_ops, close, pipe->link);
		end->open = false;
	}
}

void net_inject(struct net *net, struct pipe_link *pipe, int end, const void *bytes, size_t n)
{
	(void)net;
	queue(&pipe->end[end], bytes, n);
}

bool net_deliver(struct net *net, struct pipe_link *pipe, int end)
{
	struct pipe_end *from = &pipe->end[end], *to = &pipe->end[!end];
	struct message *m = from->queue;
	struct gw_error why = {0};
	int status = 0;

	if (m == NULL || !pipe->up)
		return false;
	DL_DELETE(from->queue, m);
	from->queued -= m->n;
	pipe->messages++;
	pipe->bytes += m->n;
	if (net->tap != NULL)
		net->tap(net, pipe, end, m->bytes, &m->n);
	if (m->n > 0 && to->open)
		status = GW_VIA(net->nodes[to->node].replica, gw_replica_ops, input, pipe->link,
		                m->bytes, m->n, &why);
	free(m);
	if (status != 0) {
		to->refused = true;
		snprintf(to->why, sizeof(to->why), "%s", why.text);
	}
	give_room(net, pipe, end);
	return true;
}

/* A side that will not go on has its link closed, when the other has read why. */
static void close_refused(struct net *net)
{
	for (int i = 0; i < PIPES_MAX; i++) {
		struct pipe_link *p = &net->pipes[i];

		if (p->up && (p->end[0].refused || p->end[1].refused) && p->end[0].queue == NULL &&
		    p->end[1].queue == NULL)
			net_cut(net, p);
	}
}

/* --- crashes --- */

void net_crash(struct net *net, int i)
{
	struct node *node = &net->nodes[i];

	node->up = false;
	for (int p = 0; p < PIPES_MAX; p++)
		if (net->pipes[p].up &&
		    (net->pipes[p].end[0].node == i || net->pipes[p].end[1].node == i))
			net_cut(net, &net->pipes[p]);
	rig_cut(&node->rig);
}

void net_restart(struct net *net, int i)
{
	node_begin(&net->nodes[i]);
}

void net_close(struct net *net)
{
	for (int p = 0; p < PIPES_MAX; p++)
		if (net->pipes[p].up)
			net_cut(net, &net->pipes[p]);
	for (int i = 0; i < net->n; i++) {
		if (net->nodes[i].up) {
			mini_run(net->nodes[i].rig.mini, 100 * GW_MS);
			rig_close(&net->nodes[i].rig);
		}
		mini_folder_remove(&net->nodes[i].folder);
	}
}

/* --- time --- */

static void pass(struct net *net, int64_t ns)
{
	net->now += ns;
	for (int i = 0; i < net->n; i++)
		if (net->nodes[i].up)
			mini_run(net->nodes[i].rig.mini, ns);
}

static bool deliver_all(struct net *net)
{
	bool any = false;

	for (int i = 0; i < PIPES_MAX; i++)
		for (int end = 0; end < 2; end++)
			while (net->pipes[i].up && net_deliver(net, &net->pipes[i], end))
				any = true;
	close_refused(net);
	return any;
}

void net_run(struct net *net, int64_t ns)
{
	int64_t until = net->now + ns, step = ns > 20 * GW_SECOND ? 5 * GW_SECOND : 5 * GW_MS;

	deliver_all(net);
	while (net->now < until) {
		pass(net, step < until - net->now ? step : until - net->now);
		while (deliver_all(net))
			pass(net, 0);
	}
}

void net_step(struct net *net)
{
	struct pipe_link *pipe = &net->pipes[net_draw(net, PIPES_MAX)];

	switch (net_draw(net, 4)) {
	case 0:
		pass(net, (int64_t)net_draw(net, 3) * GW_MS);
		break;
	case 1: {
		struct node *node = &net->nodes[net_draw(net, (uint64_t)net->n)];

		if (node->up)
			mini_step(node->rig.mini);
		break;
	}
	default:
		for (int i = 0; i < PIPES_MAX && !pipe->up; i++)
			pipe = &net->pipes[i];
		if (pipe->up)
			net_deliver(net, pipe, (int)net_draw(net, 2));
	}
	close_refused(net);
}

bool net_is_settled(struct net *net)
{
	struct gw_peer_state state;

	for (int i = 0; i < PIPES_MAX; i++) {
		const struct pipe_link *p = &net->pipes[i];

		for (int end = 0; end < 2 && p->up; end++) {
			if (p->end[0].queue != NULL || p->end[1].queue != NULL)
				return false;
			if (GW_VIA(net->nodes[p->end[end].node].replica, gw_replica_ops, peer,
			           p->link, &state) != 0 ||
			    !state.settled)
				return false;
		}
	}
	return true;
}

void net_settle(struct net *net)
{
	for (int i = 0; i < 4000; i++) {
		if (net_is_settled(net))
			return;
		net_run(net, 10 * GW_MS);
	}
	fail_msg("the links do not settle");
}

/* --- tables --- */

static void live_only(struct dump *cells)
{
	size_t kept = 0;

	for (size_t i = 0; i < cells->n; i++) {
		if ((cells->rows[i].val[0] & 1) == 0) {
			cells->rows[kept++] = cells->rows[i];
			continue;
		}
		free(cells->rows[i].key);
		free(cells->rows[i].val);
	}
	cells->n = kept;
}

static bool same_table(struct net *net, int a, int b, uint8_t table, bool live)
{
	bool same;
	struct dump one = rig_dump(&net->nodes[a].rig, table),
		    two = rig_dump(&net->nodes[b].rig, table);

	if (live) {
		live_only(&one);
		live_only(&two);
	}
	same = dump_same(&one, &two);
	dump_free(&one);
	dump_free(&two);
	return same;
}

void net_same(struct net *net, int a, int b, bool raw)
{
	bool same = false;

	for (int i = 0; i < 5 && !same; i++) { /* an acknowledgement may come in between */
		net_settle(net);
		same = same_table(net, a, b, T_CELL, !raw) &&
		       same_table(net, a, b, T_NAME, false) &&
		       same_table(net, a, b, T_REF, false) &&
		       (!raw || same_table(net, a, b, T_LOG, false));
	}
	if (!same)
		fail_msg("%s and %s differ", net->nodes[a].name, net->nodes[b].name);
	rig_check(&net->nodes[a].rig);
	rig_check(&net->nodes[b].rig);
}

uint64_t net_applied(struct net *net, int i, uint64_t origin)
{
	struct dump vec = rig_dump(&net->nodes[i].rig, T_VEC);
	uint64_t clock = 0;

	for (size_t r = 0; r < vec.n; r++)
		if (be64(vec.rows[r].key) == origin)
			clock = be64(vec.rows[r].val);
	dump_free(&vec);
	return clock;
}
