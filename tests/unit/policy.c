/*
 * tests/unit/policy.c - policies in simulation: networks that become uneven, and what the policies
 * make of it. Figures of other servers are late and by different times, moves take seconds, some
 * clients refuse. Prints a small table.
 *
 * Nothing here keeps a client from being moved twice but the policy itself: whoever is picked is
 * the least recently moved one, as in the module balance, without its time of rest.
 */
#include "tests/unit/cmocka.h"
#include <errno.h>
#include <godwit/module.h>
#include <godwit/policy.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct gw_module even_LTX_gw_module, fill_LTX_gw_module;

#define SECOND INT64_C(1000000000)
#define SERVERS_MAX 8
#define CLIENTS_MAX 20000
#define NEWS_MAX 200000
#define STEP_MS 100
#define DELAY_MS 20000 /* of what is heard: ten seconds, ten more or less */
#define RATE 20        /* moves a second of each server */
#define AT_ONCE 200    /* on the way, each for some seconds and until that is known */
#define ROOM 100000

/* --- what a module needs of a core: options, at their defaults --- */

static const struct gw_module *descriptor_of(const char *name)
{
	return strcmp(name, "even") == 0 ? &even_LTX_gw_module : &fill_LTX_gw_module;
}

static const struct gw_options *in_force(struct gw_self *self)
{
	return (const struct gw_options *)self;
}

static int64_t integer(const struct gw_options *options, const char *name)
{
	const struct gw_self *self = (const struct gw_self *)options;
	const struct gw_option *o = descriptor_of(self->name)->options;
	char *unit;
	int64_t n;

	while (strcmp(o->name, name) != 0)
		o++;
	n = strtoll(o->fallback, &unit, 10);
	return strcmp(unit, "s") == 0    ? n * SECOND
	       : strcmp(unit, "ms") == 0 ? n * SECOND / 1000
	                                 : n;
}

static const struct gw_option_api option_api = {.in_force = in_force, .integer = integer};
static const struct gw_core core = {.option = &option_api};

/* --- the world --- */

struct client {
	int home; /* as it is; -1: away */
	int to;   /* on the way there; -1: at home */
	bool refuses;
	int64_t ends_ns;  /* of the move */
	int64_t moved_ns; /* last; -1: never */
};

/** What a server has not heard yet: `from` has one fewer, `to` one more (-1: the world). */
struct news {
	int64_t at_ns;
	size_t hears;
	int from, to;
};

struct server {
	char name[32];
	struct gw_self self;
	const struct gw_policy_ops *ops;
	bool up, lags;
	uint32_t weight, room;
	uint32_t clients, coming;     /* as it is: at home, on the way to here */
	int64_t counts[SERVERS_MAX];  /* as it knows */
	int64_t delays[SERVERS_MAX];  /* of news from there */
	int64_t latest[SERVERS_MAX];  /* when the last of it comes */
	uint32_t way_to[SERVERS_MAX]; /* on the way from here, as it knows */
	uint32_t under_way;
	int64_t next_plan_ns, next_delays_ns;
	struct gw_policy_order orders[16];
	size_t to[16]; /* servers of the orders */
	size_t n_orders;
	int64_t tokens; /* thousandths of a move */
};

struct world {
	struct server servers[SERVERS_MAX];
	size_t n;
	struct client *clients;
	size_t n_clients;
	struct news *news;
	size_t n_news;
	int64_t now_ns;
	uint64_t random;
	unsigned moves, refused, twice, late_moves;
	int64_t quiet_ns; /* from here on nobody should be moved */
	int64_t last_move_ns;
	const char *policy;
};

static uint64_t rnd(struct world *w)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return w->random;
}

static void policy_load(struct world *w, struct server *s, const char *name)
{
	const struct gw_module *descriptor = descriptor_of(name);
	struct gw_error err = {0};

	free(s->self.state);
	s->self = (struct gw_self){.core = &core, .name = descriptor->name};
	s->self.state = calloc(1, descriptor->state_size);
	assert_int_equal(descriptor->load(&s->self, s->self.state, GW_LOAD_FIRST, &err), 0);
	s->ops = descriptor->interfaces[0].ops;
	w->policy = descriptor->name;
}

/* --- news: what `origin` makes known reaches the others later, in order --- */

static void hear(struct server *s, int from, int to)
{
	if (from >= 0)
		s->counts[from]--;
	if (to >= 0)
		s->counts[to]++;
}

static void tell(struct world *w, size_t origin, int from, int to)
{
	hear(&w->servers[origin], from, to);
	for (size_t i = 0; i < w->n; i++) {
		struct server *s = &w->servers[i];
		int64_t at = w->now_ns + s->delays[origin];

		if (i == origin)
			continue;
		assert_true(w->n_news < NEWS_MAX);
		s->latest[origin] = at > s->latest[origin] ? at : s->latest[origin];
		w->news[w->n_news++] = (struct news){
			.at_ns = s->latest[origin],
			.hears = i,
			.from = from,
			.to = to,
		};
	}
}

/* The source of a move learns by the same news that it is over. */
static void hear_news(struct world *w, const struct news *news)
{
	struct server *s = &w->servers[news->hears];

	hear(s, news->from, news->to);
	if (news->to < 0 || news->from != (int)news->hears)
		return;
	s->under_way--;
	s->way_to[news->to]--;
}

static void news_arrive(struct world *w)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->n_news; i++)
		if (w->news[i].at_ns <= w->now_ns)
			hear_news(w, &w->news[i]);
		else
			w->news[kept++] = w->news[i];
	w->n_news = kept;
}

/* Now and then a way becomes slower or faster; nothing overtakes. */
static void draw_delays(struct world *w, struct server *s)
{
	if (w->now_ns < s->next_delays_ns)
		return;
	s->next_delays_ns = w->now_ns + 40 * SECOND;
	for (size_t i = 0; i < SERVERS_MAX; i++)
		s->delays[i] = (int64_t)(rnd(w) % DELAY_MS) * SECOND / 1000;
}

static void come(struct world *w, size_t server, uint32_t n, bool known)
{
	for (uint32_t i = 0; i < n; i++) {
		assert_true(w->n_clients < CLIENTS_MAX);
		w->clients[w->n_clients++] =
			(struct client){.home = (int)server, .to = -1, .moved_ns = -1};
		if (!known)
			tell(w, server, -1, (int)server);
	}
	w->servers[server].clients += n;
	for (size_t i = 0; known && i < w->n; i++)
		w->servers[i].counts[server] += n;
}

static void server_add(struct world *w, uint32_t weight, uint32_t clients)
{
	struct server *s = &w->servers[w->n];

	memset(s, 0, sizeof(*s));
	snprintf(s->name, sizeof(s->name), "s%zu.example.net", w->n);
	s->up = true;
	s->weight = weight;
	s->room = ROOM;
	policy_load(w, s, w->policy);
	s->next_plan_ns = w->now_ns + (int64_t)(rnd(w) % 5000) * SECOND / 1000;
	for (size_t i = 0; i < w->n; i++)
		s->counts[i] = w->servers[i].clients;
	come(w, w->n++, clients, true);
}

static struct world *world_new(const char *policy)
{
	struct world *w = calloc(1, sizeof(*w));

	w->random = 88172645463325252u;
	w->now_ns = 1000 * SECOND;
	w->clients = calloc(CLIENTS_MAX, sizeof(*w->clients));
	w->news = calloc(NEWS_MAX, sizeof(*w->news));
	w->quiet_ns = INT64_MAX;
	w->policy = policy;
	return w;
}

static void world_free(struct world *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->servers[i].self.state);
	free(w->clients);
	free(w->news);
	free(w);
}

/* --- what a server sees --- */

static struct gw_policy_server row_of(const struct world *w, const struct server *s, size_t i)
{
	const struct server *o = &w->servers[i];
	struct gw_policy_server row = {
		.run = i + 1,
		.name = o->name,
		.here = o == s,
		.clients = (uint32_t)(s->counts[i] + s->way_to[i]),
		.weight = o->weight,
		.lag_us = o->lags ? 900000 : 2000,
		.age_ms = o == s ? 0 : 20000,
	};

	if (o == s) {
		row.clients -= s->under_way;
		row.movable = row.clients;
	}
	row.room = o->room > row.clients ? o->room - row.clients : 0;
	row.takes = row.room > 0;
	return row;
}

static void plan(struct world *w, struct server *s)
{
	struct gw_policy_server rows[SERVERS_MAX];
	struct gw_policy_view view = {.servers = rows, .now_ns = w->now_ns};
	size_t map[SERVERS_MAX];

	for (size_t i = 0; i < w->n; i++) {
		if (!w->servers[i].up)
			continue;
		if (&w->servers[i] == s)
			view.here = view.n;
		map[view.n] = i;
		rows[view.n++] = row_of(w, s, i);
	}
	s->n_orders = s->ops->plan(s->self.state, &view, s->orders, 16);
	for (size_t i = 0; i < s->n_orders; i++) {
		assert_true(s->orders[i].to < view.n);
		assert_true(rows[s->orders[i].to].takes && !rows[s->orders[i].to].here);
		s->to[i] = map[s->orders[i].to];
	}
}

/* --- moves --- */

static struct client *pick(struct world *w, int home)
{
	struct client *best = NULL;

	for (size_t i = 0; i < w->n_clients; i++) {
		struct client *c = &w->clients[i];

		if (c->home != home || c->to >= 0 || c->refuses)
			continue;
		if (c->moved_ns < 0)
			return c;
		if (best == NULL || c->moved_ns < best->moved_ns)
			best = c;
	}
	return best;
}

static void start(struct world *w, struct server *s, size_t to)
{
	struct client *c = pick(w, (int)(s - w->servers));
	struct server *r = &w->servers[to];

	if (c == NULL)
		return;
	if (r->clients + r->coming >= r->room || rnd(w) % 20 == 0) {
		c->refuses = r->clients + r->coming < r->room;
		w->refused++;
		return;
	}
	c->to = (int)to;
	c->ends_ns = w->now_ns + SECOND / 10 + (int64_t)(rnd(w) % 5000) * SECOND / 1000;
	s->under_way++;
	s->way_to[to]++;
	r->coming++;
}

static void carry_out(struct world *w, struct server *s)
{
	s->tokens += RATE * STEP_MS;
	if (s->tokens > 2000)
		s->tokens = 2000;
	for (size_t i = 0; i < s->n_orders && s->tokens >= 1000;) {
		if (s->orders[i].count == 0 || !w->servers[s->to[i]].up) {
			i++;
			continue;
		}
		if (s->under_way >= AT_ONCE)
			return;
		s->orders[i].count--;
		s->tokens -= 1000;
		start(w, s, s->to[i]);
	}
}

static void arrive(struct world *w, struct client *c)
{
	w->servers[c->home].clients--;
	w->servers[c->to].clients++;
	w->servers[c->to].coming--;
	w->moves++;
	w->twice += c->moved_ns >= 0 && w->now_ns - c->moved_ns < 600 * SECOND;
	w->late_moves += w->now_ns > w->quiet_ns;
	w->last_move_ns = w->now_ns;
	tell(w, (size_t)c->to, c->home, c->to);
	c->home = c->to;
	c->to = -1;
	c->moved_ns = w->now_ns;
}

static void step(struct world *w)
{
	w->now_ns += STEP_MS * SECOND / 1000;
	for (size_t i = 0; i < w->n_clients; i++)
		if (w->clients[i].to >= 0 && w->clients[i].ends_ns <= w->now_ns)
			arrive(w, &w->clients[i]);
	news_arrive(w);
	for (size_t i = 0; i < w->n; i++) {
		struct server *s = &w->servers[i];

		if (!s->up)
			continue;
		draw_delays(w, s);
		if (w->now_ns >= s->next_plan_ns) {
			s->next_plan_ns = w->now_ns + 5 * SECOND;
			plan(w, s);
		}
		carry_out(w, s);
	}
}

static void run(struct world *w, int64_t seconds)
{
	for (int64_t i = 0; i < seconds * 1000 / STEP_MS; i++)
		step(w);
}

/* --- what is judged --- */

/* The fewest moves that make it even. */
static uint64_t least_moves(const struct world *w)
{
	uint64_t clients = 0, weight = 0, least = 0;

	for (size_t i = 0; i < w->n; i++) {
		clients += w->servers[i].up ? w->servers[i].clients : 0;
		weight += w->servers[i].up ? w->servers[i].weight : 0;
	}
	for (size_t i = 0; i < w->n; i++) {
		uint64_t share = clients * w->servers[i].weight / weight;

		if (w->servers[i].up && w->servers[i].clients > share)
			least += w->servers[i].clients - share;
	}
	return least;
}

static void check_even(const struct world *w, unsigned percent)
{
	uint64_t clients = 0, weight = 0;

	for (size_t i = 0; i < w->n; i++) {
		clients += w->servers[i].up ? w->servers[i].clients : 0;
		weight += w->servers[i].up ? w->servers[i].weight : 0;
	}
	for (size_t i = 0; i < w->n; i++) {
		const struct server *s = &w->servers[i];
		double share = (double)clients * s->weight / (double)weight;

		if (s->up && (s->clients > share * (100 + percent) / 100 + 10 ||
		              s->clients < share * (100 - percent) / 100 - 10))
			fail_msg("%s has %u clients, its share is %.0f", s->name, s->clients,
			         share);
	}
}

static void table_row(const struct world *w, const char *trace, uint64_t least, int64_t began_ns)
{
	print_message("%-5s %-26s least %5" PRIu64 "  moves %5u  ratio %.3f  refused %4u  after "
	              "%4" PRId64 " s  twice %u  later %u\n",
	              w->policy, trace, least, w->moves,
	              least == 0 ? 0.0 : (double)w->moves / (double)least, w->refused,
	              w->last_move_ns == 0 ? 0 : (w->last_move_ns - began_ns) / SECOND, w->twice,
	              w->late_moves);
}

/* From a disturbance on: ten minutes in which moves may happen, an hour in which none may. */
static void settle(struct world *w, const char *trace, uint64_t least, double most)
{
	int64_t began = w->now_ns;

	run(w, 600);
	w->quiet_ns = w->now_ns + 5 * SECOND;
	run(w, 3600);
	table_row(w, trace, least, began);
	assert_int_equal(w->twice, 0);
	assert_int_equal(w->late_moves, 0);
	assert_true(w->moves <= (double)least * most + 10);
	assert_true(w->moves > 0 || least == 0);
}

static struct world *four(void)
{
	struct world *w = world_new("even");

	for (unsigned i = 0; i < 4; i++)
		server_add(w, 100, 1000);
	run(w, 60);
	assert_int_equal(w->moves, 0);
	return w;
}

static void a_flash_crowd_is_spread(void **state)
{
	struct world *w = four();

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		come(w, 1, 100, false);
		run(w, 1);
	}
	settle(w, "flash crowd", least_moves(w) + w->moves, 1.05);
	check_even(w, 6);
	world_free(w);
}

static void a_server_that_joins_empty_gets_its_share(void **state)
{
	struct world *w = four();

	(void)state;
	server_add(w, 100, 0);
	settle(w, "a server joins empty", least_moves(w), 1.05);
	check_even(w, 6);
	world_free(w);
}

static void the_clients_of_a_server_that_left_are_spread(void **state)
{
	struct world *w = four();

	(void)state;
	w->servers[3].up = false;
	come(w, 0, 800, false);
	come(w, 1, 200, false);
	settle(w, "a server leaves", least_moves(w), 1.05);
	check_even(w, 6);
	world_free(w);
}

static void weights_are_what_counts(void **state)
{
	static const uint32_t weights[] = {100, 200, 300, 50};
	struct world *w = world_new("even");

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		server_add(w, weights[i], 1000);
	settle(w, "unequal weights", least_moves(w), 1.05);
	check_even(w, 6);
	world_free(w);
}

static void eight_servers_with_one_crowd_agree(void **state)
{
	struct world *w = world_new("even");

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		server_add(w, 100, i == 5 ? 4000 : i == 2 ? 2500 : 300);
	settle(w, "two crowds of eight", least_moves(w), 1.1);
	check_even(w, 6);
	world_free(w);
}

static void coming_and_going_moves_nobody(void **state)
{
	struct world *w = four();

	(void)state;
	for (unsigned i = 0; i < 3600; i++) {
		size_t at = rnd(w) % 4;
		struct client *c = &w->clients[rnd(w) % w->n_clients];

		/* One leaves, one comes: to any server. */
		if (c->home >= 0 && c->to < 0) {
			w->servers[c->home].clients--;
			tell(w, (size_t)c->home, c->home, -1);
			w->servers[at].clients++;
			tell(w, at, -1, (int)at);
			c->home = (int)at;
		}
		run(w, 1);
	}
	table_row(w, "an hour of coming, going", 0, w->now_ns);
	assert_int_equal(w->moves, 0);
	world_free(w);
}

static void a_server_that_lags_takes_nobody(void **state)
{
	struct world *w = four();

	(void)state;
	w->servers[2].lags = true;
	come(w, 0, 1000, false);
	settle(w, "a server lags", 500, 1.0);
	assert_int_equal(w->servers[2].clients, 1000);
	world_free(w);
}

static void nobody_is_sent_where_there_is_no_room(void **state)
{
	struct world *w = four();

	(void)state;
	w->servers[3].room = 1100;
	come(w, 0, 2000, false);
	settle(w, "little room", least_moves(w), 1.05);
	assert_true(w->servers[3].clients <= 1100);
	world_free(w);
}

static void small_differences_are_left_alone(void **state)
{
	struct world *w = world_new("even");

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		server_add(w, 100, 3 + 5 * i);
	run(w, 600);
	assert_int_equal(w->moves, 0);
	world_free(w);
}

static void old_figures_are_not_acted_on(void **state)
{
	struct gw_policy_server servers[] = {
		{.name = "a",
	         .here = true,
	         .takes = true,
	         .clients = 1000,
	         .movable = 1000,
	         .weight = 100,
	         .room = 1000},
		{.name = "b", .takes = true, .weight = 100, .room = 1000, .age_ms = 1000000},
	};
	struct gw_policy_view view = {.servers = servers, .n = 2, .now_ns = 1};
	struct world *w = world_new("even");
	struct gw_policy_order orders[4];
	struct server *s = &w->servers[0];

	(void)state;
	server_add(w, 100, 0);
	for (unsigned i = 0; i < 20; i++, view.now_ns += 5 * SECOND)
		assert_int_equal(s->ops->plan(s->self.state, &view, orders, 4), 0);
	servers[1].age_ms = 5000;
	s->ops->plan(s->self.state, &view, orders, 4);
	view.now_ns += 20 * SECOND;
	assert_int_equal(s->ops->plan(s->self.state, &view, orders, 4), 1);
	assert_int_equal(orders[0].to, 1);
	assert_int_equal(orders[0].count, 500);
	world_free(w);
}

static void whoever_asks_gets_an_answer(void **state)
{
	struct gw_policy_server servers[] = {
		{.name = "a",
	         .here = true,
	         .takes = true,
	         .clients = 500,
	         .weight = 100,
	         .room = 1000},
		{.name = "b", .takes = true, .clients = 300, .weight = 100, .room = 1000},
		{.name = "c", .takes = true, .clients = 900, .weight = 100, .room = 1000},
		{.name = "d", .draining = true, .clients = 0, .weight = 100},
	};
	struct gw_policy_view view = {.servers = servers, .n = 4, .now_ns = 1};
	struct world *w = world_new("even");
	struct server *s = &w->servers[0];
	struct gw_error why = {0};

	(void)state;
	server_add(w, 100, 0);
	assert_int_equal(s->ops->recipient(s->self.state, &view), 1);
	assert_int_equal(s->ops->asked(s->self.state, &view, -1, &why), 1);
	assert_int_equal(s->ops->asked(s->self.state, &view, 1, &why), 1);
	assert_int_equal(s->ops->asked(s->self.state, &view, 2, &why), -EPERM);
	assert_string_equal(why.text, "c has more than its share of clients");
	assert_int_equal(s->ops->asked(s->self.state, &view, 3, &why), -EPERM);
	assert_int_equal(s->ops->newcomer(s->self.state, &view), -1);
	servers[0].clients = 800;
	assert_int_equal(s->ops->newcomer(s->self.state, &view), 1);
	servers[0].clients = 100;
	assert_int_equal(s->ops->asked(s->self.state, &view, -1, &why), -EPERM);
	servers[1].takes = servers[2].takes = false;
	assert_int_equal(s->ops->recipient(s->self.state, &view), -1);
	world_free(w);
}

/* --- fill --- */

static void fill_empties_the_last_servers(void **state)
{
	struct world *w = world_new("fill");
	uint64_t all = 0;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		server_add(w, 100, 500);
		w->servers[i].room = 1000;
	}
	/* 80 % of the first two, the rest on the third. */
	settle(w, "the last is emptied", 600, 1.05);
	for (size_t i = 0; i < 4; i++)
		all += w->servers[i].clients;
	assert_int_equal(all, 2000);
	assert_in_range(w->servers[0].clients, 770, 810);
	assert_in_range(w->servers[1].clients, 770, 810);
	assert_in_range(w->servers[2].clients, 370, 440);
	assert_in_range(w->servers[3].clients, 0, 30);
	world_free(w);
}

/* Clients who refuse stay; orders of before the change are simply forgotten. */
static void policies_can_be_exchanged_in_mid_move(void **state)
{
	struct world *w = world_new("even");
	uint64_t all = 0;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		server_add(w, 100, i == 0 ? 2000 : 0);
		w->servers[i].room = 3000;
	}
	run(w, 30);
	assert_true(w->moves > 50 && w->servers[0].under_way > 0);
	for (unsigned i = 0; i < 4; i++)
		policy_load(w, &w->servers[i], "fill");
	run(w, 600);
	for (size_t i = 0; i < 4; i++)
		all += w->servers[i].clients;
	assert_int_equal(all, 2000);
	assert_true(w->servers[0].clients > 1950);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flash_crowd_is_spread),
		cmocka_unit_test(a_server_that_joins_empty_gets_its_share),
		cmocka_unit_test(the_clients_of_a_server_that_left_are_spread),
		cmocka_unit_test(weights_are_what_counts),
		cmocka_unit_test(eight_servers_with_one_crowd_agree),
		cmocka_unit_test(coming_and_going_moves_nobody),
		cmocka_unit_test(a_server_that_lags_takes_nobody),
		cmocka_unit_test(nobody_is_sent_where_there_is_no_room),
		cmocka_unit_test(small_differences_are_left_alone),
		cmocka_unit_test(old_figures_are_not_acted_on),
		cmocka_unit_test(whoever_asks_gets_an_answer),
		cmocka_unit_test(fill_empties_the_last_servers),
		cmocka_unit_test(policies_can_be_exchanged_in_mid_move),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
