/* tests/unit/network_rig.c - see network_rig.h */
#include "tests/unit/network_rig.h"
#include "tests/unit/visit.h"
#include <godwit/bus.h>
#include <godwit/log.h>
#include <godwit/loop.h>
#include <godwit/mem.h>
#include <godwit/option.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct gw_module network_LTX_gw_module;

static struct rig *rig_of(struct gw_self *self)
{
	return (struct rig *)self->state;
}

uint64_t rig_random(uint64_t *seed)
{
	uint64_t z = (*seed += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* Each block has its size in front. */
static void *api_resize(struct gw_self *self, void *p, size_t n)
{
	struct rig *rig = rig_of(self);
	size_t *block = p == NULL ? NULL : (size_t *)p - 2;

	if (block == NULL)
		rig->blocks++;
	else
		rig->bytes -= *block;
	block = realloc(block, n + 2 * sizeof(size_t));
	if (block == NULL)
		abort();
	*block = n;
	rig->bytes += n;
	return block + 2;
}

static void *api_alloc(struct gw_self *self, size_t n)
{
	return memset(api_resize(self, NULL, n), 0, n);
}

static void api_free(struct gw_self *self, void *p)
{
	struct rig *rig = rig_of(self);
	size_t *block = (size_t *)p - 2;

	rig->blocks--;
	rig->bytes -= *block;
	free(block);
}

static uint64_t api_hash(struct gw_self *self, const void *p, size_t n)
{
	uint64_t hash = 0xcbf29ce484222325;

	(void)self;
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ ((const uint8_t *)p)[i]) * 0x100000001b3;
	return hash ^ hash >> 32;
}

static const struct gw_mem_api mem = {
	.alloc = api_alloc, .resize = api_resize, .free = api_free, .hash = api_hash};

__attribute__((format(printf, 3, 4))) static void
api_line(struct gw_self *self, enum gw_log_level level, const char *format, ...)
{
	(void)self;
	(void)level;
	(void)format;
}

static const struct gw_log_api quiet = {.line = api_line};

static int64_t api_now(struct gw_self *self)
{
	return rig_of(self)->wall_ms * GW_MS;
}

static void api_random(struct gw_self *self, void *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)out)[i] = (uint8_t)rig_random(&rig_of(self)->seed);
}

static uint64_t api_clock(struct gw_self *self)
{
	struct rig *rig = rig_of(self);
	uint64_t wall = (uint64_t)rig->wall_ms << 16;

	rig->clock = wall > rig->clock ? wall : rig->clock + 1;
	return rig->clock;
}

static void api_clock_raise(struct gw_self *self, uint64_t clock)
{
	struct rig *rig = rig_of(self);

	if (clock > rig->clock)
		rig->clock = clock;
}

static struct gw_timer *api_timer_new(struct gw_self *self, struct gw_call call)
{
	(void)call;
	return (struct gw_timer *)self;
}

static void api_timer_set(struct gw_timer *timer, int64_t after_ns)
{
	(void)timer;
	(void)after_ns;
}

static void api_timer_free(struct gw_timer **timer)
{
	*timer = NULL;
}

static const struct gw_loop_api loop = {.mono_ns = api_now,
                                        .wall_ns = api_now,
                                        .random = api_random,
                                        .clock = api_clock,
                                        .clock_raise = api_clock_raise,
                                        .timer_new = api_timer_new,
                                        .timer_set = api_timer_set,
                                        .timer_free = api_timer_free};

/** A topic is its place in here. */
struct topic_of {
	struct rig *rig;
	unsigned which; /* events, records, circles, who is not shown any more */
};

static struct gw_topic *api_topic(struct gw_self *self, const char *name)
{
	struct topic_of *topic = api_alloc(self, sizeof(*topic));

	topic->rig = rig_of(self);
	topic->which = strcmp(name, GW_TOPIC_RECORD) == 0    ? 1
	               : strcmp(name, GW_TOPIC_CIRCLE) == 0  ? 2
	               : strcmp(name, GW_TOPIC_UNSHOWN) == 0 ? 3
	                                                     : 0;
	topic->rig->topics[topic->which] = topic;
	return (struct gw_topic *)topic;
}

static void api_notify(struct gw_topic *handle, const void *payload)
{
	struct topic_of *topic = (struct topic_of *)handle;
	struct rig *rig = topic->rig;

	if (topic->which == 0 && rig->on_event != NULL)
		rig->on_event(rig->ctx, rig, payload);
	if (topic->which == 1 && rig->on_record != NULL)
		rig->on_record(rig->ctx, rig, payload);
	if (topic->which == 2 && rig->on_circle != NULL)
		rig->on_circle(rig->ctx, rig, *(const uint64_t *)payload);
}

static const struct gw_bus_api bus = {.topic = api_topic, .notify = api_notify};

static const struct gw_chanmode modes[] = {
	{"b", GW_MODE_LIST, 0, 0, "ban"},        {"e", GW_MODE_LIST, 0, 0, "except"},
	{"k", GW_MODE_PARAM, 0, 0, "key"},       {"l", GW_MODE_SET_PARAM, 0, 0, "limit"},
	{"i", GW_MODE_FLAG, 0, 0, "invite"},     {"m", GW_MODE_FLAG, 0, 0, "moderated"},
	{"n", GW_MODE_FLAG, 0, 0, "no outside"}, {"t", GW_MODE_FLAG, 0, 0, "topic"},
	{"o", GW_MODE_PREFIX, '@', GW_OP, "op"}, {"v", GW_MODE_PREFIX, '+', GW_VOICE, "voice"},
};
static const struct gw_rows own_rows[] = {GW_ROWS(GW_POINT_CHANMODE, modes), {NULL, NULL, 0, 0}};

static struct gw_iface *api_interface(struct gw_self *self, const char *name)
{
	(void)self;
	(void)name;
	return NULL;
}

static size_t rows_add(struct rig *rig, const struct gw_rows *rows, const char *point, size_t n)
{
	for (; rows != NULL && rows->point != NULL; rows++) {
		for (size_t i = 0; strcmp(rows->point, point) == 0 && i < rows->count; i++) {
			rig->row_views = realloc(rig->row_views, (n + 1) * sizeof(*rig->row_views));
			rig->row_views[n++] =
				(struct gw_row){.module = &rig->other,
			                        .row = (const char *)rows->rows + i * rows->size};
		}
	}
	return n;
}

static size_t api_rows(struct gw_self *self, const char *point, const struct gw_row **rows_out)
{
	struct rig *rig = rig_of(self);
	size_t n = rows_add(rig, rig->rows, point, rows_add(rig, own_rows, point, 0));

	*rows_out = rig->row_views;
	return n;
}

static const struct gw_module_api modules = {.interface = api_interface,
                                             .rows = api_rows,
                                             .visit = visit_untimed,
                                             .visit_end = visit_untimed_end};

static const char *api_server(struct gw_self *self, const char *key)
{
	return strcmp(key, "server") == 0 ? rig_of(self)->name : NULL;
}

static const struct gw_option_api options = {.server = api_server};

void rig_call(struct rig *rig, const char *name)
{
	const struct gw_call_row *row = network_LTX_gw_module.calls;

	while (strcmp(row->name, name) != 0)
		row++;
	((gw_timer_fn *)row->fn)(rig->net, 0);
}

struct rig *rig_new(const char *name, uint64_t seed, int64_t wall_ms)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct gw_error err;

	if (rig == NULL)
		abort();
	rig->core = (struct gw_core){.mem = &mem,
	                             .log = &quiet,
	                             .loop = &loop,
	                             .bus = &bus,
	                             .module = &modules,
	                             .option = &options};
	rig->self = (struct gw_self){
		.core = &rig->core, .name = "network", .state = rig, .generation = 1};
	rig->other = (struct gw_self){
		.core = &rig->core, .name = "other", .state = rig, .generation = 1};
	snprintf(rig->name, sizeof(rig->name), "%s", name);
	rig->seed = seed;
	rig->wall_ms = wall_ms;
	rig->net = calloc(1, network_LTX_gw_module.state_size);
	rig->ops = network_LTX_gw_module.interfaces[0].ops;
	if (rig->net == NULL ||
	    network_LTX_gw_module.load(&rig->self, rig->net, GW_LOAD_FIRST, &err) != 0)
		abort();
	rig_call(rig, "chanmodes");
	return rig;
}

void rig_identity(struct rig *rig, struct gw_id server, uint64_t life)
{
	struct gw_node *here = RIG(rig, here);

	here->id = server;
	here->life = life;
}

void rig_rows(struct rig *rig, const struct gw_rows *rows)
{
	rig->rows = rows;
	rig_call(rig, "chanmodes");
	rig_call(rig, "session-data");
	rig_call(rig, "burst-rows");
	rig_call(rig, "kinds");
}

void rig_reload(struct rig *rig)
{
	struct gw_error err;

	network_LTX_gw_module.unload(&rig->self, rig->net, GW_UNLOAD_RELOAD);
	rig->self.generation++;
	if (network_LTX_gw_module.load(&rig->self, rig->net, GW_LOAD_RELOAD, &err) != 0)
		abort();
}

void rig_via(struct rig *rig, const struct rig *to, uint64_t via, struct gw_stamp joint)
{
	struct gw_via_spec spec = {.via = via,
	                           .server = RIG((struct rig *)(uintptr_t)to, here)->id,
	                           .name = to->name,
	                           .joint = joint};

	if (RIG(rig, via_add, &spec) != 0)
		abort();
}

/** What `rig_knows` is told. */
struct knowing {
	struct rig *rig;
	uint64_t via;
	uint32_t last; /* kind of the record before */
};

/* Of each of its kinds the first record of a burst is about the exporter. */
static void knowing_record(void *ctx, const void *record, size_t len)
{
	struct knowing *k = ctx;
	const uint8_t *p = record;
	uint32_t kind = (uint32_t)p[3] << 8 | p[4];
	bool first = kind != k->last;

	k->last = kind;
	if (first && (kind == 32 || kind == 33) && RIG(k->rig, apply, record, len, k->via) != 0)
		abort();
}

void rig_knows(struct rig *rig, const struct rig *to, uint64_t via)
{
	struct gw_burst_cursor cursor = {.via = 0};
	struct knowing k = {.rig = rig, .via = via};

	rig_via(rig, to, via, (struct gw_stamp){1, via});
	while (RIG((struct rig *)(uintptr_t)to, burst_export, &cursor, knowing_record, &k))
		;
}

void rig_free(struct rig **rig)
{
	network_LTX_gw_module.unload(&(*rig)->self, (*rig)->net, GW_UNLOAD_LAST);
	/* The topics are the core's. */
	if ((*rig)->blocks != 4) {
		fprintf(stderr, "the module left %zu blocks behind\n", (*rig)->blocks - 4);
		abort();
	}
	for (size_t i = 0; i < 4; i++)
		free((size_t *)(void *)(*rig)->topics[i] - 2);
	free((*rig)->row_views);
	free((*rig)->net);
	free(*rig);
	*rig = NULL;
}
