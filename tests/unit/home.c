/*
 * tests/unit/home.c - what lies in the user's home folder: paths that begin with ~/, and the
 * configuration of a verb.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/config.h"
#include "core/home.h"
#include "core/option.h"
#include "core/path.h"
#include "core/settings.h"
#include "core/verb_config.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void expect_path(const char *file, const char *text, const char *expected)
{
	char *path = path_from(file, text);

	assert_string_equal(path, expected);
	free(path);
}

static void test_a_path_counts_from_the_home_folder_or_the_file(void **state)
{
	(void)state;
	setenv("HOME", "/home/anna", 1);
	expect_path("conf/f.yaml", "~/x/y", "/home/anna/x/y");
	expect_path(NULL, "~/x", "/home/anna/x");
	expect_path("conf/f.yaml", "~", "conf/~");
	expect_path("conf/f.yaml", "~bob/x", "conf/~bob/x");
	expect_path("conf/f.yaml", "x", "conf/x");
	expect_path("conf/f.yaml", "/x", "/x");
	expect_path("conf/f.yaml", "", "");
	expect_path("f.yaml", "x", "x");
	expect_path(NULL, "x", "x");
}

static void test_a_home_that_is_none_is_not_believed(void **state)
{
	(void)state;
	setenv("HOME", "relative", 1);
	assert_true(home_folder() == NULL || home_folder()[0] == '/');
	unsetenv("HOME");
	assert_true(home_folder() == NULL || home_folder()[0] == '/');
}

static int read_settings(const char *text, struct settings **out, struct gw_error *err)
{
	struct config *config;
	int status = config_parse("d/f", text, &config, err);

	if (status == 0)
		status = settings_read(config, out, err);
	config_free(&config);
	return status;
}

static void test_options_know_the_home_folder(void **state)
{
	struct settings *s;
	struct gw_error err = {0};

	(void)state;
	setenv("HOME", "/home/anna", 1);
	assert_int_equal(read_settings("server: a.b\nstate-directory: ~/state\n"
	                               "module-directory: [~/m, n]\n"
	                               "listen: [{address: 'unix:~/s', tls: no}]\n",
	                               &s, &err),
	                 0);
	assert_string_equal(s->state_directory, "/home/anna/state");
	assert_string_equal(s->module_directories[0], "/home/anna/m");
	assert_string_equal(s->module_directories[1], "d/n");
	assert_string_equal(s->listen[0].address, "unix:/home/anna/s");
	settings_free(&s);
}

/* --- the configuration of a verb --- */

static char folder[] = "/tmp/godwit-home-XXXXXX";

static int make_home(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL || chdir(folder) != 0 || mkdir(".config", 0700) != 0 ||
	    mkdir(".config/godwit", 0700) != 0 || mkdir("xdg", 0700) != 0 ||
	    mkdir("xdg/godwit", 0700) != 0)
		return -1;
	return 0;
}

static int be_there(void **state)
{
	(void)state;
	unsetenv("XDG_CONFIG_HOME");
	return setenv("HOME", folder, 1);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
	(void)info, (void)kind, (void)walk;
	return remove(path);
}

static int remove_home(void **state)
{
	(void)state;
	return chdir("/") == 0 ? nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS) : -1;
}

static void touch(const char *name)
{
	FILE *f = fopen(name, "w");

	assert_non_null(f);
	fclose(f);
}

static void expect_config(const char *verb, const char *expected)
{
	char *path = verb_config(verb), whole[200];

	snprintf(whole, sizeof(whole), "%s/%s", folder, expected);
	assert_non_null(path);
	assert_string_equal(path, whole);
	free(path);
}

static void test_the_users_own_configuration_of_a_verb(void **state)
{
	char xdg[200];

	(void)state;
	assert_null(verb_config("dance-away"));
	touch(".config/godwit/dance-away.yaml");
	expect_config("dance-away", ".config/godwit/dance-away.yaml");
	snprintf(xdg, sizeof(xdg), "%s/xdg", folder);
	setenv("XDG_CONFIG_HOME", xdg, 1);
	assert_null(verb_config("dance-away"));
	touch("xdg/godwit/dance-away.yaml");
	expect_config("dance-away", "xdg/godwit/dance-away.yaml");
	setenv("XDG_CONFIG_HOME", "xdg", 1); /* relative ones are to be ignored */
	expect_config("dance-away", ".config/godwit/dance-away.yaml");
}

static void test_a_word_that_cannot_be_a_verb_names_no_file(void **state)
{
	(void)state;
	touch(".config/godwit/x.yaml");
	expect_config("x", ".config/godwit/x.yaml");
	assert_null(verb_config("../godwit/x"));
	assert_null(verb_config("X"));
	assert_null(verb_config(""));
	touch(".config/godwit/.yaml");
	assert_null(verb_config(""));
	touch(".config/godwit/a1.yaml");
	assert_null(verb_config("a1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_path_counts_from_the_home_folder_or_the_file),
		cmocka_unit_test(test_a_home_that_is_none_is_not_believed),
		cmocka_unit_test(test_options_know_the_home_folder),
		cmocka_unit_test_setup(test_the_users_own_configuration_of_a_verb, be_there),
		cmocka_unit_test_setup(test_a_word_that_cannot_be_a_verb_names_no_file, be_there),
	};

	return cmocka_run_group_tests(tests, make_home, remove_home);
}
