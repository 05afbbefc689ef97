/*
 * tests/module/layout.c - the layout of a real module's state changes under people who come and go
 * and are moved: version 2 of monitor (tests/modules/monitor_next.sed) takes over what version 1
 * has, breaks off half-way, a version 3 refuses, and there is no way back to 1. Who watches is told
 * of everybody, once.
 */
#include "core/change.h"
#include "core/mem.h"
#include "core/module.h"
#include "tests/sim/sim_mover.h"
#include "tests/unit/cmocka.h"
#include <godwit/loop.h>
#include <stdlib.h>
#include <unistd.h>

#define WATCHERS 4
#define NAMES 3

struct stage {
	struct simtree *t;
	char dir[200]; /* where the servers look first */
	struct simmover *watchers[WATCHERS];
	struct simclient *visitor;
	unsigned visits;
};

static void put(struct stage *s, const char *variant)
{
	const char *build = getenv("GODWIT_BUILD") != NULL ? getenv("GODWIT_BUILD") : ".";
	char *command = mem_printf("cp %s/%s/.libs/monitor.so %s/.new && mv %s/.new %s/monitor.so",
	                           build, variant, s->dir, s->dir, s->dir);

	assert_int_equal(system(command), 0);
	free(command);
}

static void begin(struct stage *s)
{
	char *build = realpath(getenv("GODWIT_BUILD") != NULL ? getenv("GODWIT_BUILD") : ".", NULL);
	char *yaml;

	*s = (struct stage){0};
	snprintf(s->dir, sizeof(s->dir), "%s/godwit-layout-XXXXXX",
	         getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	assert_non_null(mkdtemp(s->dir));
	put(s, "modules/monitor");
	yaml = mem_printf("module-directory: [%s, %s/modules, %s/tests/modules]\n"
	                  "client: {exempt: [\"127.0.0.0/8\", \"10.0.0.0/8\"]}\n",
	                  s->dir, build, build);
	s->t = simtree_new(1, yaml, SIMTREE_REDIRECT_MODULES);
	simtree_join(s->t, 0);
	assert_true(simtree_level(s->t, 60 * GW_SECOND));
	for (unsigned i = 0; i < WATCHERS; i++) {
		char nick[8];

		snprintf(nick, sizeof(nick), "w%u", i);
		s->watchers[i] = simmover_new(s->t, i % 2, nick, "godwit/redirect", i > 1);
		assert_non_null(s->watchers[i]);
		simmover_say(s->watchers[i], "MONITOR + v0,v1,v2");
		assert_non_null(simmover_wait(s->watchers[i], "* 731 * :v0,v1,v2"));
	}
	free(yaml);
	free(build);
}

/* All have been told of the one who has come, or gone. */
static void all_are_told(struct stage *s, int numeric)
{
	char want[40];

	snprintf(want, sizeof(want), "* %d w? :v%u%s", numeric, s->visits % NAMES,
	         numeric == 730 ? "!*" : "");
	for (unsigned i = 0; i < WATCHERS; i++)
		if (simmover_wait(s->watchers[i], want) == NULL)
			fail_msg("w%u was not told %s\n%s", i, want, simmover_talk(s->watchers[i]));
}

static void comes(struct stage *s)
{
	struct simserver *at = s->t->nodes[s->visits / 2 % 2].server;

	s->visitor = simnet_client_at(at, "127.0.0.1:6667", "127.0.0.2");
	client_send(s->visitor, "NICK v%u\r\nUSER v 0 * :v", s->visits % NAMES);
}

static void goes(struct stage *s)
{
	client_send(s->visitor, "QUIT :seen");
}

static void gone(struct stage *s)
{
	all_are_told(s, 731);
	client_close(s->visitor);
	s->visits++;
}

/* Two visits: the one comes as it happens, the other goes; it is after `ms` of both. */
static int reload(struct stage *s, unsigned node, const char *variant, unsigned ms,
                  struct gw_error *err)
{
	struct gw_server *server = simserver_server(s->t->nodes[node].server);
	int status;

	put(s, variant);
	comes(s);
	simnet_run(s->t->net, ms * GW_MS / 10);
	status = change_reload(server, "monitor", err);
	all_are_told(s, 730);
	goes(s);
	gone(s);
	comes(s);
	all_are_told(s, 730);
	goes(s);
	simnet_run(s->t->net, ms * GW_MS / 10);
	assert_int_equal(change_reload(server, "monitor", err), status);
	gone(s);
	return status;
}

static struct module *monitor(struct stage *s, unsigned node)
{
	return module_find(simserver_server(s->t->nodes[node].server), "monitor");
}

static void is_reloaded(struct stage *s, unsigned node, const char *variant, unsigned version)
{
	for (unsigned ms = 0; ms < 8; ms++) {
		struct gw_error err = {0};

		if (reload(s, node, variant, ms, &err) != 0)
			fail_msg("%s", err.text);
		assert_int_equal(monitor(s, node)->descriptor->state_version, version);
	}
}

static void is_refused(struct stage *s, unsigned node, const char *variant, const char *sentence)
{
	struct module *m = monitor(s, node);
	unsigned generation = m->self.generation;
	size_t memory = m->memory, blocks = m->blocks;

	for (unsigned ms = 0; ms < 8; ms++) {
		struct gw_error err = {0};

		assert_int_not_equal(reload(s, node, variant, ms, &err), 0);
		assert_string_equal(err.text, sentence);
	}
	assert_int_equal(m->self.generation, generation);
	assert_int_equal(m->memory, memory);
	assert_int_equal(m->blocks, blocks);
}

static void move(struct stage *s, unsigned who, unsigned to)
{
	unsigned from = simmover_node(s->watchers[who]);

	simserver_ask(s->t->nodes[from].server, "moves begin w%u %s", who, s->t->nodes[to].name);
	for (unsigned i = 0; i < 100 && simmover_node(s->watchers[who]) != to; i++)
		simnet_run(s->t->net, 100 * GW_MS);
	assert_int_equal(simmover_node(s->watchers[who]), to);
	simnet_quiet(s->t->net);
}

/* Its list is whole; `told` is what version 2 counts, NULL with version 1. */
static void list_is(struct stage *s, unsigned who, const char *told)
{
	char want[80];

	simmover_say(s->watchers[who], "MONITOR L");
	assert_non_null(simmover_wait(s->watchers[who], "* 732 w? :v0,v1,v2"));
	snprintf(want, sizeof(want), "* 733 w? :End of MONITOR list%s%s",
	         told != NULL ? ", told " : "", told != NULL ? told : "");
	if (simmover_wait(s->watchers[who], want) == NULL)
		fail_msg("w%u: not %s\n%s", who, want, simmover_talk(s->watchers[who]));
}

/* Each was told of all who came and went, once, whatever happened meanwhile. */
static void end(struct stage *s)
{
	char *file;

	for (unsigned i = 0; i < WATCHERS; i++) {
		const char *const *lines;
		size_t n = simmover_lines(s->watchers[i], &lines);
		unsigned came = 0, went = 0;

		for (size_t k = 0; k < n; k++) {
			came += sim_glob("* 730 w? :v?!*", lines[k]);
			went += sim_glob("* 731 w? :v?", lines[k]);
		}
		assert_int_equal(came, s->visits);
		assert_int_equal(went, s->visits);
		simmover_free(&s->watchers[i]);
	}
	for (unsigned k = 0; k < s->t->n; k++) {
		assert_int_equal(simserver_server(s->t->nodes[k].server)->stale, 0);
		assert_null(strstr(simserver_log(s->t->nodes[k].server), "stale"));
		simserver_ask(s->t->nodes[k].server, "module unload monitor");
		assert_int_equal(simserver_server(s->t->nodes[k].server)->leaked, 0);
	}
	simtree_end(&s->t);
	file = mem_printf("%s/monitor.so", s->dir);
	unlink(file);
	rmdir(s->dir);
	free(file);
}

static void a_new_layout_takes_over_under_traffic(void **state)
{
	struct stage s;

	(void)state;
	begin(&s);
	is_reloaded(&s, 0, "modules/monitor", 1);
	is_refused(&s, 0, "tests/modules/monitor2_half", "monitor breaks off half-way");
	list_is(&s, 0, NULL);
	is_refused(&s, 0, "tests/modules/monitor3", "monitor 3 takes no lists of version 1 over");
	is_reloaded(&s, 0, "tests/modules/monitor2", 2);
	list_is(&s, 0, "32");
	is_refused(&s, 0, "tests/modules/monitor3", "monitor 3 takes no lists of version 2 over");
	is_refused(&s, 0, "modules/monitor",
	           "the new monitor has state version 1 and cannot migrate version 2 of the "
	           "running one");
	is_refused(&s, 0, "tests/modules/monitor2_half", "monitor breaks off half-way");
	list_is(&s, 0, "128");
	/* The old version gives its lists to the new one, which counts anew, and the other way. */
	move(&s, 1, 0);
	list_is(&s, 1, "0");
	move(&s, 2, 1);
	list_is(&s, 2, NULL);
	is_reloaded(&s, 0, "tests/modules/monitor2", 2);
	is_reloaded(&s, 1, "tests/modules/monitor2", 2);
	list_is(&s, 1, "64");
	move(&s, 2, 0);
	move(&s, 1, 1);
	list_is(&s, 2, "0");
	list_is(&s, 1, "0");
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_layout_takes_over_under_traffic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
