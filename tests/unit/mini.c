/*
 * tests/unit/mini.c - a core without sockets and threads for tests of single modules.
 */
#include "tests/unit/mini.h"
#include "tests/unit/cmocka.h"
#include "tests/unit/visit.h"
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <utlist.h>

#define MODULES_MAX 8
#define LANES 3
#define WALL_BEGIN ((int64_t)1790000000 * GW_SECOND)

struct mini_module {
	struct gw_self self; /* first */
	struct mini *mini;
	const struct gw_module *descriptor;
	size_t blocks;
};

struct block {
	struct block *prev, *next;
	struct mini_module *owner;
	_Alignas(max_align_t) char data[];
};

struct gw_timer {
	struct gw_timer *prev, *next;
	struct mini *mini;
	struct gw_call call;
	int64_t at; /* negative: stopped */
};

struct job {
	struct job *prev, *next;
	struct mini *mini;
	enum gw_lane lane;
	gw_job_run_fn *run;
	struct gw_call done;
	bool ran;
	_Alignas(max_align_t) char data[];
};

struct deferred {
	struct deferred *prev, *next;
	struct gw_call call;
};

struct hearer {
	struct hearer *prev, *next;
	char topic[64];
	void (*fn)(void *, const void *);
	void *ctx;
};

struct text {
	char name[32], value[256];
};

struct gw_topic {
	struct gw_topic *prev, *next;
	struct mini *mini;
	bool refused; /* a question, by the test */
	char name[64];
};

struct gw_admin_request {
	struct mini *mini;
	bool ended;
	int status;
	char text[16384];
	size_t n;
};

struct mini {
	struct gw_core core;
	struct mini_module modules[MODULES_MAX];
	size_t n_modules;
	struct gw_iface ifaces[MODULES_MAX];
	char iface_names[MODULES_MAX][32];
	size_t n_ifaces;
	struct block *blocks;
	struct gw_timer *timers;
	struct job *jobs;
	struct deferred *deferred;
	struct hearer *hearers;
	struct gw_topic *topics;
	struct text options[8];
	size_t n_options;
	char folder[512], server[64], stopped[256];
	uint64_t seed, random, clock;
	int64_t now, skew;
	struct gw_admin_request request;
};

static struct mini *mini_of(struct gw_self *self)
{
	return ((struct mini_module *)self)->mini;
}

uint64_t mini_random(struct mini *mini)
{
	uint64_t z = (mini->random += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* --- memory --- */

static struct block *block_of(void *p)
{
	return (struct block *)((char *)p - offsetof(struct block, data));
}

static void *api_alloc(struct gw_self *self, size_t n)
{
	struct block *block = calloc(1, sizeof(*block) + n);

	assert_non_null(block);
	block->owner = (struct mini_module *)self;
	block->owner->blocks++;
	DL_APPEND(block->owner->mini->blocks, block);
	return block->data;
}

static void api_free(struct gw_self *self, void *p)
{
	struct block *block;

	if (p == NULL)
		return;
	block = block_of(p);
	assert_ptr_equal(block->owner, self);
	block->owner->blocks--;
	DL_DELETE(block->owner->mini->blocks, block);
	free(block);
}

static void *api_resize(struct gw_self *self, void *p, size_t n)
{
	struct mini *mini = mini_of(self);
	struct block *block;

	if (p == NULL)
		return api_alloc(self, n);
	block = block_of(p);
	DL_DELETE(mini->blocks, block);
	block = realloc(block, sizeof(*block) + n);
	assert_non_null(block);
	DL_APPEND(mini->blocks, block);
	return block->data;
}

static uint64_t api_hash(struct gw_self *self, const void *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325;

	(void)self;
	for (size_t i = 0; i < n; i++)
		h = (h ^ ((const uint8_t *)p)[i]) * 0x100000001b3;
	h ^= h >> 29;
	return h * 0x9e3779b97f4a7c15;
}

static const struct gw_mem_api mem = {api_alloc, api_resize, api_free, api_hash};

/* --- log --- */

__attribute__((format(printf, 3, 4))) static void
api_line(struct gw_self *self, enum gw_log_level level, const char *format, ...)
{
	va_list args;

	if (getenv("MINI_LOG") == NULL)
		return;
	fprintf(stderr, "%d %s ", level, self->name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

__attribute__((format(printf, 2, 3))) static void api_say(struct gw_self *self, const char *format,
                                                          ...)
{
	(void)self;
	(void)format;
}

static const struct gw_log_api logs = {api_line, api_say};

/* --- time, timers, jobs --- */

static int64_t api_mono(struct gw_self *self)
{
	return mini_of(self)->now + GW_SECOND;
}

static int64_t api_wall(struct gw_self *self)
{
	return WALL_BEGIN + mini_of(self)->now + mini_of(self)->skew;
}

static void api_random(struct gw_self *self, void *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)out)[i] = (uint8_t)mini_random(mini_of(self));
}

static uint64_t api_clock(struct gw_self *self)
{
	struct mini *mini = mini_of(self);
	uint64_t wall = (uint64_t)(api_wall(self) / GW_MS) << 16;

	mini->clock = wall > mini->clock ? wall : mini->clock + 1;
	return mini->clock;
}

static void api_clock_raise(struct gw_self *self, uint64_t clock)
{
	if (clock > mini_of(self)->clock)
		mini_of(self)->clock = clock;
}

uint64_t mini_clock(struct mini *mini)
{
	return mini->clock;
}

static struct gw_timer *api_timer_new(struct gw_self *self, struct gw_call call)
{
	struct gw_timer *timer = calloc(1, sizeof(*timer));

	timer->mini = mini_of(self);
	timer->call = call;
	timer->at = -1;
	DL_APPEND(timer->mini->timers, timer);
	return timer;
}

static void api_timer_set(struct gw_timer *timer, int64_t after_ns)
{
	timer->at = after_ns < 0 ? -1 : timer->mini->now + after_ns;
}

static void api_timer_free(struct gw_timer **timer)
{
	DL_DELETE((*timer)->mini->timers, *timer);
	free(*timer);
	*timer = NULL;
}

static void api_defer(struct gw_self *self, struct gw_call call)
{
	struct deferred *d = calloc(1, sizeof(*d));

	d->call = call;
	DL_APPEND(mini_of(self)->deferred, d);
}

static struct job *job_of(void *data)
{
	return (struct job *)((char *)data - offsetof(struct job, data));
}

static void *api_job_new(struct gw_self *self, size_t n)
{
	struct job *job = calloc(1, sizeof(*job) + n);

	assert_non_null(job);
	job->mini = mini_of(self);
	return job->data;
}

static int api_job_start(struct gw_self *self, enum gw_lane lane, uint32_t row, void *data,
                         struct gw_call done)
{
	struct job *job = job_of(data);

	job->lane = lane;
	job->run = (gw_job_run_fn *)self->calls[row].fn;
	job->done = done;
	DL_APPEND(job->mini->jobs, job);
	return 0;
}

static void api_job_uses(struct gw_self *self, void *job, struct gw_self *other)
{
	(void)self;
	(void)job;
	(void)other;
}

static void api_stop(struct gw_self *self, const char *reason)
{
	snprintf(mini_of(self)->stopped, sizeof(mini_of(self)->stopped), "%s", reason);
}

const char *mini_stopped(struct mini *mini)
{
	return mini->stopped;
}

static const struct gw_loop_api loop = {
	.mono_ns = api_mono,
	.wall_ns = api_wall,
	.random = api_random,
	.clock = api_clock,
	.clock_raise = api_clock_raise,
	.timer_new = api_timer_new,
	.timer_set = api_timer_set,
	.timer_free = api_timer_free,
	.defer = api_defer,
	.job_new = api_job_new,
	.job_start = api_job_start,
	.stop = api_stop,
	.job_uses = api_job_uses,
};

static void call_plain(struct gw_call call)
{
	gw_timer_fn *fn = (gw_timer_fn *)gw_call_fn(call);

	if (fn != NULL)
		fn(call.module->state, call.tag);
}

/* The first of a lane that has not run, or that has run and waits to be completed. */
static struct job *job_pick(struct mini *mini, enum gw_lane lane, bool ran)
{
	struct job *job;

	DL_FOREACH (mini->jobs, job) {
		if (job->lane != lane)
			continue;
		if (job->ran == ran)
			return job;
		if (ran)
			return NULL; /* completions come in order */
	}
	return NULL;
}

static void job_complete(struct mini *mini, struct job *job)
{
	gw_job_done_fn *fn = (gw_job_done_fn *)gw_call_fn(job->done);

	DL_DELETE(mini->jobs, job);
	if (fn != NULL)
		fn(job->done.module->state, job->done.tag, job->data);
	free(job);
}

static bool job_step(struct mini *mini)
{
	unsigned first = mini->seed != 0 ? (unsigned)mini_random(mini) : 0;
	struct job *job;

	for (unsigned i = 0; i < 2 * LANES; i++) {
		unsigned pick = (first + i) % (2 * LANES);

		job = job_pick(mini, (enum gw_lane)(pick / 2), pick % 2 == 0);
		if (job == NULL)
			continue;
		if (job->ran) {
			job_complete(mini, job);
		} else {
			job->run(job->data);
			job->ran = true;
		}
		return true;
	}
	return false;
}

static struct gw_timer *timer_due(struct mini *mini, int64_t until)
{
	struct gw_timer *timer, *first = NULL;

	DL_FOREACH (mini->timers, timer)
		if (timer->at >= 0 && timer->at <= until &&
		    (first == NULL || timer->at < first->at))
			first = timer;
	return first;
}

bool mini_step(struct mini *mini)
{
	struct deferred *d = mini->deferred;
	struct gw_timer *timer = timer_due(mini, mini->now);

	if (d != NULL) {
		struct gw_call call = d->call;

		DL_DELETE(mini->deferred, d);
		free(d);
		call_plain(call);
		return true;
	}
	if (timer != NULL) {
		timer->at = -1;
		call_plain(timer->call);
		return true;
	}
	return job_step(mini);
}

void mini_run(struct mini *mini, int64_t ns)
{
	int64_t until = mini->now + ns;
	struct gw_timer *timer;

	for (;;) {
		while (mini_step(mini))
			continue;
		timer = timer_due(mini, until);
		if (timer == NULL)
			break;
		mini->now = timer->at;
	}
	mini->now = until;
}

void mini_pass(struct mini *mini, int64_t ns)
{
	mini->now += ns;
}

void mini_skew(struct mini *mini, int64_t ns)
{
	mini->skew = ns;
}

void mini_set_wall(struct mini *mini, int64_t ns)
{
	mini->skew = ns - WALL_BEGIN - mini->now;
}

void mini_name(struct mini *mini, const char *server)
{
	snprintf(mini->server, sizeof(mini->server), "%s", server);
}

/* --- bus --- */

static struct gw_topic *topic_of(struct mini *mini, const char *name)
{
	struct gw_topic *topic;

	DL_FOREACH (mini->topics, topic)
		if (strcmp(topic->name, name) == 0)
			return topic;
	topic = calloc(1, sizeof(*topic));
	topic->mini = mini;
	snprintf(topic->name, sizeof(topic->name), "%s", name);
	DL_APPEND(mini->topics, topic);
	return topic;
}

static struct gw_topic *api_topic(struct gw_self *self, const char *name)
{
	return topic_of(mini_of(self), name);
}

void mini_notify(struct mini *mini, const char *topic, const void *payload)
{
	const struct gw_subscription *s;
	struct hearer *hearer;

	DL_FOREACH (mini->hearers, hearer)
		if (strcmp(hearer->topic, topic) == 0)
			hearer->fn(hearer->ctx, payload);
	for (size_t i = 0; i < mini->n_modules; i++) {
		struct mini_module *m = &mini->modules[i];

		for (s = m->descriptor != NULL ? m->descriptor->subscriptions : NULL;
		     s != NULL && s->topic != NULL; s++)
			if (strcmp(s->topic, topic) == 0)
				((gw_heard_fn *)m->self.calls[s->call].fn)(m->self.state, 0,
				                                           payload);
	}
}

static void api_notify(struct gw_topic *topic, const void *payload)
{
	mini_notify(topic->mini, topic->name, payload);
}

static int api_ask(struct gw_topic *topic, void *payload, struct gw_error *why)
{
	(void)payload;
	return topic->refused ? gw_fail(why, -EBUSY, "the test refuses") : 0;
}

static const struct gw_bus_api bus = {api_topic, api_notify, api_ask};

void mini_refuse(struct mini *mini, const char *question)
{
	topic_of(mini, question)->refused = true;
}

void mini_hear(struct mini *mini, const char *topic, void (*fn)(void *, const void *), void *ctx)
{
	struct hearer *hearer = calloc(1, sizeof(*hearer));

	snprintf(hearer->topic, sizeof(hearer->topic), "%s", topic);
	hearer->fn = fn;
	hearer->ctx = ctx;
	DL_APPEND(mini->hearers, hearer);
}

/* --- options --- */

static const struct gw_options *api_in_force(struct gw_self *self)
{
	return (const struct gw_options *)self;
}

static const char *api_option_string(const struct gw_options *options, const char *name)
{
	const struct mini_module *module = (const struct mini_module *)options;
	const struct mini *mini = module->mini;
	const struct gw_option *o;

	for (size_t i = 0; i < mini->n_options; i++)
		if (strcmp(mini->options[i].name, name) == 0)
			return mini->options[i].value;
	for (o = module->descriptor->options; o != NULL && o->name != NULL; o++)
		if (strcmp(o->name, name) == 0)
			return o->fallback != NULL ? o->fallback : "";
	fail_msg("no option %s", name);
	return "";
}

static int64_t api_option_int(const struct gw_options *options, const char *name)
{
	static const struct {
		const char *unit;
		int64_t factor;
	} units[] = {
		{"k", 1 << 10}, {"m", 1 << 20}, {"g", 1 << 30}, {"s", GW_SECOND}, {"ms", GW_MS}};
	const char *text = api_option_string(options, name);
	char *end;
	int64_t n = strtoll(text, &end, 10);

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(end, units[i].unit) == 0)
			n *= units[i].factor;
	return n;
}

static const char *api_server(struct gw_self *self, const char *key)
{
	if (strcmp(key, "state-directory") == 0)
		return mini_of(self)->folder;
	return strcmp(key, "server") == 0 ? mini_of(self)->server : NULL;
}

static const struct gw_option_api option = {.in_force = api_in_force,
                                            .integer = api_option_int,
                                            .string = api_option_string,
                                            .server = api_server};

void mini_option(struct mini *mini, const char *name, const char *value)
{
	struct text *o = &mini->options[mini->n_options++];

	snprintf(o->name, sizeof(o->name), "%s", name);
	snprintf(o->value, sizeof(o->value), "%s", value);
}

/* --- modules --- */

static struct gw_iface *api_interface(struct gw_self *self, const char *name)
{
	return mini_iface(mini_of(self), name);
}

static const struct gw_module_api module = {
	.interface = api_interface, .visit = visit_untimed, .visit_end = visit_untimed_end};

struct gw_iface *mini_iface(struct mini *mini, const char *name)
{
	for (size_t i = 0; i < mini->n_ifaces; i++)
		if (strcmp(mini->iface_names[i], name) == 0)
			return &mini->ifaces[i];
	fail_msg("no interface %s", name);
	return NULL;
}

static struct mini_module *module_add(struct mini *mini, const char *name,
                                      const struct gw_call_row *calls)
{
	struct mini_module *m = &mini->modules[mini->n_modules++];

	assert_true(mini->n_modules <= MODULES_MAX);
	m->mini = mini;
	m->self.core = &mini->core;
	m->self.name = name;
	m->self.calls = calls;
	m->self.generation = 1;
	while (calls[m->self.n_calls].name != NULL)
		m->self.n_calls++;
	return m;
}

int mini_load(struct mini *mini, const struct gw_module *descriptor)
{
	struct mini_module *m = module_add(mini, descriptor->name, descriptor->calls);
	const struct gw_interface_row *row;
	struct gw_error err = {0};
	int status;

	m->descriptor = descriptor;
	m->self.state = calloc(1, descriptor->state_size);
	status = descriptor->load(&m->self, m->self.state, GW_LOAD_FIRST, &err);
	if (status != 0) {
		if (getenv("MINI_LOG") != NULL)
			fprintf(stderr, "%s\n", err.text);
		free(m->self.state);
		mini->n_modules--;
		return status;
	}
	for (row = descriptor->interfaces; row != NULL && row->name != NULL; row++) {
		snprintf(mini->iface_names[mini->n_ifaces], sizeof(mini->iface_names[0]), "%s",
		         row->name);
		mini->ifaces[mini->n_ifaces++] = (struct gw_iface){row->ops, m->self.state};
	}
	return 0;
}

struct gw_self *mini_self(struct mini *mini, const char *name)
{
	for (size_t i = 0; i < mini->n_modules; i++)
		if (strcmp(mini->modules[i].self.name, name) == 0)
			return &mini->modules[i].self;
	return NULL;
}

void mini_unload(struct mini *mini, const char *name)
{
	struct mini_module *m = (struct mini_module *)mini_self(mini, name);

	m->descriptor->unload(&m->self, m->self.state, GW_UNLOAD_LAST);
	m->descriptor = NULL;
	m->self.calls = NULL;
	m->self.n_calls = 0;
	free(m->self.state);
}

void mini_reload(struct mini *mini, const char *name)
{
	struct mini_module *m = (struct mini_module *)mini_self(mini, name);
	struct gw_error err;

	assert_int_equal(m->descriptor->load(&m->self, m->self.state, GW_LOAD_RELOAD, &err), 0);
	m->descriptor->unload(&m->self, m->self.state, GW_UNLOAD_RELOAD);
	m->self.generation++;
}

struct gw_self *mini_test_self(struct mini *mini, const struct gw_call_row *calls, uint32_t n,
                               void *state)
{
	struct mini_module *m = &mini->modules[mini->n_modules++];

	m->mini = mini;
	m->self = (struct gw_self){.core = &mini->core,
	                           .name = "test",
	                           .state = state,
	                           .calls = calls,
	                           .n_calls = n,
	                           .generation = 1};
	return &m->self;
}

/* --- admin --- */

static void say(struct gw_admin_request *req, const char *const *cells, size_t n)
{
	for (size_t i = 0; i < n && req->n < sizeof(req->text) - 1; i++)
		req->n += (size_t)snprintf(req->text + req->n, sizeof(req->text) - req->n, "%s%s",
		                           i > 0 ? " " : "", cells[i]);
	if (req->n < sizeof(req->text) - 1)
		req->text[req->n++] = '\n';
}

static void api_head(struct gw_admin_request *req, const char *const *columns, size_t n)
{
	(void)req;
	(void)columns;
	(void)n;
}

static void api_text(struct gw_admin_request *req, const char *line)
{
	say(req, &line, 1);
}

static void api_done(struct gw_admin_request **req, int status, const char *error)
{
	(*req)->ended = true;
	(*req)->status = status;
	if (status != 0)
		say(*req, &error, 1);
	*req = NULL;
}

static void api_progress(struct gw_admin_request *req, const char *line)
{
	(void)req;
	(void)line;
}

static const char *api_who(struct gw_admin_request *req)
{
	(void)req;
	return "the test";
}

static const struct gw_admin_api admin = {.head = api_head,
                                          .row = say,
                                          .text = api_text,
                                          .done = api_done,
                                          .who = api_who,
                                          .progress = api_progress};

static const struct gw_admin_command *command_find(struct mini *mini, const char *name,
                                                   struct gw_self **self_out)
{
	for (size_t i = 0; i < mini->n_modules; i++) {
		const struct gw_module *d = mini->modules[i].descriptor;

		for (const struct gw_rows *r = d != NULL ? d->rows : NULL;
		     r != NULL && r->point != NULL; r++) {
			const struct gw_admin_command *commands = r->rows;

			for (size_t j = 0; strcmp(r->point, GW_POINT_ADMIN) == 0 && j < r->count;
			     j++)
				if (strcmp(commands[j].name, name) == 0) {
					*self_out = &mini->modules[i].self;
					return &commands[j];
				}
		}
	}
	return NULL;
}

void mini_admin_start(struct mini *mini, const char *command, const char *arguments)
{
	struct gw_self *self = NULL;
	const struct gw_admin_command *row = command_find(mini, command, &self);
	char words[1024];
	const char *argv[8];
	int argc = 0;

	assert_non_null(row);
	memset(&mini->request, 0, sizeof(mini->request));
	snprintf(words, sizeof(words), "%s", arguments != NULL ? arguments : "");
	for (char *rest, *w = strtok_r(words, " ", &rest); w != NULL && argc < 8;
	     w = strtok_r(NULL, " ", &rest))
		argv[argc++] = w;
	((gw_admin_fn *)self->calls[row->call].fn)(self->state, &mini->request, argc, argv);
}

int mini_admin_end(struct mini *mini)
{
	for (int i = 0; i < 100000 && !mini->request.ended; i++)
		mini_run(mini, 10 * GW_MS);
	assert_true(mini->request.ended);
	return mini->request.status;
}

const char *mini_admin(struct mini *mini, int *status_out, const char *command,
                       const char *arguments)
{
	mini_admin_start(mini, command, arguments);
	*status_out = mini_admin_end(mini);
	return mini->request.text;
}

/* --- beginning and end --- */

struct mini *mini_new(const char *state_directory, uint64_t seed)
{
	struct mini *mini = calloc(1, sizeof(*mini));

	mini->core = (struct gw_core){.mem = &mem,
	                              .log = &logs,
	                              .loop = &loop,
	                              .bus = &bus,
	                              .module = &module,
	                              .option = &option,
	                              .admin = &admin};
	mini->seed = seed;
	mini->random = seed;
	mini_name(mini, "Mini.Example");
	snprintf(mini->folder, sizeof(mini->folder), "%s", state_directory);
	return mini;
}

#define FREE_ALL(list)                                                                             \
	do {                                                                                       \
		void *one_;                                                                        \
		while ((list) != NULL) {                                                           \
			one_ = (list);                                                             \
			DL_DELETE(list, list);                                                     \
			free(one_);                                                                \
		}                                                                                  \
	} while (0)

void mini_cut(struct mini **handle)
{
	struct mini *mini = *handle;

	*handle = NULL;
	FREE_ALL(mini->jobs);
	FREE_ALL(mini->timers);
	FREE_ALL(mini->deferred);
	FREE_ALL(mini->hearers);
	FREE_ALL(mini->topics);
	FREE_ALL(mini->blocks);
	for (size_t i = 0; i < mini->n_modules; i++)
		if (mini->modules[i].descriptor != NULL)
			free(mini->modules[i].self.state);
	free(mini);
}

void mini_free(struct mini **handle)
{
	struct mini *mini = *handle;

	while (job_step(mini))
		continue;
	for (size_t i = mini->n_modules; i-- > 0;) {
		struct mini_module *m = &mini->modules[i];

		if (m->descriptor != NULL)
			m->descriptor->unload(&m->self, m->self.state, GW_UNLOAD_LAST);
		assert_int_equal(m->blocks, 0);
	}
	mini_cut(handle);
}

char *mini_folder(void)
{
	const char *parent = getenv("TMPDIR");
	char *path = malloc(PATH_MAX);

	snprintf(path, PATH_MAX, "%s/godwit-test-XXXXXX", parent != NULL ? parent : "/tmp");
	assert_non_null(mkdtemp(path));
	return path;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

void mini_folder_remove(char **path)
{
	nftw(*path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(*path);
	*path = NULL;
}
