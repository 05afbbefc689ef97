/*
 * tests/module/services.c - store and services in a server under the simulated loop: first start,
 * restart, reloads, backup and the way back, a store that is lost at any moment.
 */
#include "core/mem.h"
#include "tests/sim/harness.h"
#include "tests/unit/cmocka.h"
#include <stdlib.h>
#include <unistd.h>

#define MODULES "modules: [store, services]\n"

/* The value of a row of `services status`; to be freed. */
static char *figure(struct simserver *s, const char *name)
{
	const char *text, *at, *end;
	char *key = mem_printf("%s|", name);
	int status;

	text = simserver_admin(s, &status, "services status");
	assert_int_equal(status, 0);
	at = strstr(text, key);
	assert_non_null(at);
	at += strlen(key);
	end = strchr(at, '\n');
	free(key);
	return mem_printf("%.*s", (int)(end != NULL ? end - at : (long)strlen(at)), at);
}

static void assert_figure(struct simserver *s, const char *name, const char *expected)
{
	char *value = figure(s, name);

	assert_string_equal(value, expected);
	free(value);
}

static void a_restart_finds_the_same_network(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, MODULES);
	char *digest, *origin;

	(void)state;
	simnet_quiet(net);
	assert_figure(s, "servers", "1");
	assert_figure(s, "origins", "1");
	digest = figure(s, "digest");
	origin = figure(s, "origin");
	simserver_restart(s, NULL);
	simnet_quiet(net);
	assert_figure(s, "digest", digest);
	assert_figure(s, "origin", origin);
	assert_null(strstr(simserver_log(s), "new life"));
	free(digest);
	free(origin);
	simnet_end(&net);
}

static void reloads_keep_the_database(void **state)
{
	struct simnet *net = simnet_new(2);
	struct simserver *s = simnet_server(net, MODULES);
	char *digest;
	int status;

	(void)state;
	simnet_quiet(net);
	digest = figure(s, "digest");
	for (int i = 0; i < 20; i++) {
		simserver_admin(s, &status, "module reload services");
		assert_int_equal(status, 0);
		simserver_admin(s, &status, "module reload store");
		assert_int_equal(status, 0);
		assert_figure(s, "digest", digest);
	}
	simserver_admin(s, &status, "module unload store");
	assert_true(status < 0);
	simserver_admin(s, &status, "module unload services");
	assert_int_equal(status, 0);
	simserver_admin(s, &status, "module unload store");
	assert_int_equal(status, 0);
	simserver_admin(s, &status, "module load store");
	assert_int_equal(status, 0);
	simserver_admin(s, &status, "module load services");
	assert_int_equal(status, 0);
	simnet_quiet(net);
	assert_figure(s, "digest", digest);
	free(digest);
	simnet_end(&net);
}

static void a_backup_is_put_back(void **state)
{
	struct simnet *net = simnet_new(3);
	struct simserver *s = simnet_server(net, MODULES);
	char *copy = simserver_path(s, "copy"), *config, *origin;
	int status;

	(void)state;
	simnet_quiet(net);
	simserver_admin(s, &status, "backup %s", copy);
	assert_int_equal(status, 0);
	simserver_admin(s, &status, "backup %s", copy);
	assert_true(status < 0);
	origin = figure(s, "origin");
	config = mem_printf(MODULES "state-directory: %s\n", copy);
	simserver_restart(s, config);
	simnet_quiet(net);
	assert_non_null(strstr(simserver_log(s), "began a new life"));
	assert_figure(s, "servers", "1");
	assert_figure(s, "origins", "1");
	free(origin);
	free(config);
	free(copy);
	simnet_end(&net);
}

static void the_fake_store_serves_as_well(void **state)
{
	struct simnet *net = simnet_new(4);
	char *build = realpath(getenv("GODWIT_BUILD") != NULL ? getenv("GODWIT_BUILD") : ".", NULL);
	char *yaml = mem_printf("modules: [store_fake, services]\nmodule-directory: [%s/modules, "
	                        "%s/tests/modules]\n",
	                        build, build);
	struct simserver *s = simnet_server(net, yaml);
	char *digest;
	int status;

	(void)state;
	simnet_quiet(net);
	digest = figure(s, "digest");
	simserver_admin(s, &status, "module reload services");
	assert_int_equal(status, 0);
	simserver_restart(s, NULL);
	simnet_quiet(net);
	assert_figure(s, "digest", digest);
	free(digest);
	free(yaml);
	free(build);
	simnet_end(&net);
}

static void a_folder_that_is_a_file_is_told(void **state)
{
	struct simnet *net = simnet_new(5);
	struct simserver *s = simnet_server(net, "modules: []\n");
	char *path = simserver_path(s, "state/services");
	FILE *f;
	int status;

	(void)state;
	f = fopen(path, "w");
	assert_non_null(f);
	fclose(f);
	assert_non_null(
		strstr(simserver_admin(s, &status, "module load store"), "cannot open the folder"));
	assert_true(status < 0);
	assert_int_equal(unlink(path), 0);
	simserver_admin(s, &status, "module load store");
	assert_int_equal(status, 0);
	free(path);
	simnet_end(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_restart_finds_the_same_network),
		cmocka_unit_test(reloads_keep_the_database),
		cmocka_unit_test(a_backup_is_put_back),
		cmocka_unit_test(the_fake_store_serves_as_well),
		cmocka_unit_test(a_folder_that_is_a_file_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
