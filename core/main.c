/*
 * core/main.c - the daemon: command line, one real loop, one server, signals.
 */
#include "core/loop.h"
#include "core/mem.h"
#include "core/new_module.h"
#include "core/notify.h"
#include "core/server.h"
#include "core/server_name.h"
#include "core/signals.h"
#include "core/verb.h"
#include "core/verb_config.h"

#include <getopt.h>
#include <godwit/verb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { exit_usage = 2, exit_start_anew = 75 };

struct daemon {
	struct loop *loop;
	struct gw_server *server;
	struct signals signals;
	bool again;      /* start anew when it has ended */
	bool dropped;    /* it was root */
	bool inherited;  /* sockets from a service manager */
	bool keep_words; /* and with the verb, which has set options */
	int argc;        /* the verb and its arguments */
	const char *const *argv;
};

struct command_line {
	const char *config; /* NULL: not named */
	const char *name;
	const char *verb;             /* whose configuration is meant; NULL: the server's */
	int (*what)(struct daemon *); /* gives the exit code */
};

static void on_stopped(struct gw_server *server, void *ctx)
{
	struct daemon *d = ctx;

	(void)server;
	d->loop->ops->stop(d->loop);
}

static int fail(struct daemon *d, const struct gw_error *err, int code)
{
	fprintf(stderr, "%s\n", err->text);
	server_free(&d->server);
	return code;
}

static int run(struct daemon *d)
{
	struct gw_error err = {0};
	int code;

	d->server->on_stopped = on_stopped;
	d->server->on_stopped_ctx = d;
	d->inherited = loop_ev_inherit(d->loop) > 0;
	notify_begin(d->server);
	signals_catch(&d->signals, d->server);
	if (server_start(d->server, &err) != 0) {
		code = fail(d, &err, d->server->exit_status);
	} else {
		d->loop->ops->run(d->loop);
		code = d->server->exit_status;
		d->again = d->server->again;
		d->dropped = d->server->dropped;
		d->keep_words = d->server->given != NULL;
		server_free(&d->server);
	}
	signals_release(&d->signals);
	return code;
}

static int check(struct daemon *d)
{
	struct gw_error err = {0};

	if (server_check(d->server, &err) != 0)
		return fail(d, &err, exit_usage);
	printf("%s: all right\n", d->server->config_path);
	server_free(&d->server);
	return 0;
}

static int options(struct daemon *d)
{
	struct gw_error err = {0};

	if (server_options(d->server, stdout, &err) != 0)
		return fail(d, &err, exit_usage);
	server_free(&d->server);
	return 0;
}

static void usage(FILE *out)
{
	fprintf(out,
	        "Usage: godwit [-c FILE] [--name NAME] [-t | --options | VERB [ARGUMENTS]]\n"
	        "       godwit new-module NAME [DIRECTORY]\n"
	        "Runs a Godwit server in the foreground; or 'godwit agent HOST', which stands\n"
	        "between your own IRC client and a network: godwit-agent(1); or\n"
	        "'godwit new-module', which begins a module of your own and needs no server.\n\n"
	        "  -c FILE     the configuration; without it VERB.yaml, if there is one in\n"
	        "              ~/.config/godwit, %s or\n"
	        "              %s, else godwit.yaml in %s\n"
	        "  --name NAME what the server is called, from now on\n"
	        "  -t          check the configuration and the modules' options, then end\n"
	        "  --options   list the options of the core and of the modules that the\n"
	        "              configuration names: name, type, default, limits, help\n"
	        "  -h, --help  this text\n"
	        "  --version   the version\n",
	        SYSCONFDIR "/godwit", PKGDATADIR, SYSCONFDIR "/godwit");
}

static int verb(struct daemon *d)
{
	struct gw_error err = {0};
	int code = verb_run(d->server, d->argc, d->argv, &err);

	if (code == GW_VERB_START)
		return run(d);
	if (code != 0)
		return fail(d, &err, code);
	server_free(&d->server);
	return 0;
}

/** Tells what it can, also where the configuration is wrong. */
static int help(struct daemon *d)
{
	struct gw_error err = {0};

	printf("\nVerbs of the modules that the configuration names:\n");
	if (verb_list(d->server, stdout, &err) != 0)
		return fail(d, &err, exit_usage);
	printf("  help\n              This text.\n");
	server_free(&d->server);
	return 0;
}

static void take_verb(struct command_line *line, const char *const *words)
{
	line->what = verb;
	line->verb = words[0];
	if (strcmp(words[0], "help") != 0)
		return;
	line->what = help;
	line->verb = words[1]; /* "help agent" */
	usage(stdout);
}

/** Fills `*out`; -1, or the exit code of a program that is done. */
static int parse(int argc, char **argv, struct command_line *out)
{
	static const struct option longs[] = {
		{"options", no_argument, NULL, 'o'},
		{"name", required_argument, NULL, 'n'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'v'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "+c:th", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			out->config = optarg;
			break;
		case 'n':
			out->name = optarg;
			break;
		case 't':
			out->what = check;
			break;
		case 'o':
			out->what = options;
			break;
		case 'h':
			usage(stdout);
			return 0;
		case 'v':
			printf("godwit %s\n", server_version());
			return 0;
		default:
			usage(stderr);
			return exit_usage;
		}
	}
	if (optind < argc && out->what == run)
		take_verb(out, (const char *const *)argv + optind);
	else if (optind < argc) {
		usage(stderr);
		return exit_usage;
	}
	return -1;
}

/* Without a verb and without a name: what these have done is done, unless it was for this run only.
 * Comes back only when it fails. */
static int start_anew(const struct daemon *d, char *const *argv, const char *config)
{
	char *const words[] = {argv[0], (char[]){"-c"}, (char *)(uintptr_t)config, NULL};

	execv("/proc/self/exe", d->keep_words ? argv : words);
	perror("godwit: cannot start anew");
	return 1;
}

static char *find_config(const struct command_line *line)
{
	char *found = NULL;

	if (line->config != NULL)
		return mem_strdup(line->config);
	if (line->verb != NULL)
		found = verb_config(line->verb);
	return found != NULL ? found : mem_strdup(SYSCONFDIR "/godwit/godwit.yaml");
}

/* The one verb that is of no server's: it wants no configuration. */
static int begin_module(int argc, const char *const *words)
{
	struct gw_error err = {0};

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "Usage: godwit new-module NAME [DIRECTORY]\n");
		return exit_usage;
	}
	if (new_module(words[1], words[2], &err) == 0)
		return 0;
	fprintf(stderr, "%s\n", err.text);
	return 1;
}

int main(int argc, char **argv)
{
	struct command_line line = {.what = run};
	struct daemon d = {0};
	struct gw_error err = {0};
	int code = parse(argc, argv, &line);
	char *config;

	if (code >= 0)
		return code;
	if (line.verb != NULL && strcmp(line.verb, "new-module") == 0 && line.what == verb)
		return begin_module(argc - optind, (const char *const *)argv + optind);
	d.loop = loop_ev_new();
	if (d.loop == NULL) {
		fprintf(stderr, "godwit: this system has no epoll\n");
		return 1;
	}
	d.argc = argc - optind;
	d.argv = (const char *const *)argv + optind;
	config = find_config(&line);
	if (server_new(d.loop, config, &d.server, &err) != 0 ||
	    (line.name != NULL && server_name_give(d.server, line.name, &err) != 0))
		code = fail(&d, &err, exit_usage);
	else
		code = line.what(&d);
	d.loop->ops->free(d.loop);
	/* Only who has handed the sockets over, or started it as root, can do it again. */
	if (d.again && (d.inherited || d.dropped))
		code = exit_start_anew;
	else if (d.again)
		code = start_anew(&d, argv, config);
	free(config);
	return code;
}
