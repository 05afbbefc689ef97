/*
 * tests/sim/harness.c - servers of the simulation; the clients are in harness_client.c.
 */
#include "tests/sim/harness.h"
#include "core/admin.h"
#include "core/conn.h"
#include "core/listener.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/tls_cred.h"
#include "core/verb.h"
#include "tests/sim/harness_part.h"
#include <errno.h>
#include <ftw.h>
#include <godwit/admin.h>
#include <godwit/verb.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#define ADMIN_NS (60 * GW_SECOND)
#define STOP_NS (10 * GW_SECOND)

/* --- configuration --- */

bool sim_has_key(const char *yaml, const char *key)
{
	const char *at = yaml;
	size_t n = strlen(key);

	while ((at = strstr(at, key)) != NULL) {
		if ((at == yaml || at[-1] == '\n') && at[n] == ':')
			return true;
		at += n;
	}
	return false;
}

static const char *build_folder(void)
{
	const char *build = getenv("GODWIT_BUILD");

	return build != NULL ? build : ".";
}

char *simserver_path(struct simserver *s, const char *name)
{
	return mem_printf("%s/%s", s->folder, name);
}

static void add_listeners(struct simserver *s, const char *yaml, FILE *f)
{
	bool client = strstr(yaml, "client") != NULL, link = strstr(yaml, " link") != NULL;

	if (client || link)
		fprintf(f, "listen:\n");
	if (client)
		fprintf(f, "  - {address: \"127.0.0.1:6667\", tls: no}\n"
		           "  - {address: \"127.0.0.1:6697\"}\n");
	if (link)
		fprintf(f, "  - {address: \"%s\", protocol: link}\n", s->address);
}

const char *simserver_address(const struct simserver *s)
{
	return s->address;
}

void simserver_config(struct simserver *s, const char *yaml)
{
	char *path = simserver_path(s, "godwit.yaml");
	char *build = realpath(build_folder(), NULL);
	FILE *f = fopen(path, "w");

	NEED(f != NULL);
	fprintf(f, "%s\n", yaml);
	if (!sim_has_key(yaml, "server"))
		fprintf(f, "server: sim%d.example.net\n", s->number);
	if (!sim_has_key(yaml, "state-directory"))
		fprintf(f, "state-directory: state\n");
	if (!sim_has_key(yaml, "module-directory"))
		fprintf(f, "module-directory: [%s/modules]\n", build);
	if (!sim_has_key(yaml, "listen"))
		add_listeners(s, yaml, f);
	if (!sim_has_key(yaml, "debug"))
		fprintf(f, "debug: {scan-state: yes}\n");
	NEED(fclose(f) == 0);
	free(build);
	free(path);
	free(s->yaml);
	s->yaml = mem_strdup(yaml);
}

/* --- start and end --- */

static void keep_log(void *ctx, const char *line)
{
	struct simserver *s = ctx;
	char stamp[32];

	snprintf(stamp, sizeof(stamp), "%10.6f ", (double)simnet_now(s->net) / 1e9);
	text_add(&s->log, stamp);
	text_add(&s->log, line);
	text_add(&s->log, "\n");
}

static void got_answer(void *state, uint64_t tag, const struct gw_admin_answer *answer)
{
	struct simserver *s = state;
	size_t i;

	(void)tag;
	for (i = 0; i < answer->n_cells; i++) {
		text_add(&s->answer, i > 0 ? "|" : "");
		text_add(&s->answer, answer->cells[i]);
	}
	if (answer->text != NULL)
		text_add(&s->answer, answer->text);
	if (answer->n_cells > 0 || (answer->text != NULL && answer->text[0] != '\0'))
		text_add(&s->answer, "\n");
	s->answered = answer->part == GW_ADMIN_END;
	s->status = answer->status;
}

static const struct gw_call_row asker_calls[] = {{"answer", (gw_fn *)got_answer}, {NULL, NULL}};
static const struct gw_module asker = {
	.abi = GW_ABI, .name = "asker", .version = "", .calls = asker_calls};

/* Sentences name files by their path; a test knows them without the folder, which is another each
 * time. */
static void shorten(struct simserver *s, char *text)
{
	size_t n = strlen(s->folder) + 1;
	char *at;

	while ((at = strstr(text, s->folder)) != NULL)
		memmove(at, at + n, strlen(at + n) + 1);
}

static void end_server(struct simserver *s)
{
	if (s->server == NULL)
		return;
	if (s->asker != NULL) {
		admin_forget(s->server, s->asker);
		module_free(&s->asker);
	}
	server_free(&s->server);
}

/* 0 to go on with the start. */
static int run_verb(struct simserver *s, const char *const *words, struct gw_error *err)
{
	int code, n = 0;

	while (words[n] != NULL)
		n++;
	code = n == 0 ? GW_VERB_START : verb_run(s->server, n, words, err);
	return code == GW_VERB_START ? 0 : -ECANCELED;
}

/* Those who dial it see the certificate that it has. */
static void show_certificate(struct simserver *s)
{
	uint8_t fingerprint[32];

	if (tls_fingerprint(s->server, fingerprint))
		simhost_certificate(s->host, fingerprint);
}

static int start(struct simserver *s, const char *const *words, struct gw_error *err)
{
	char *path = simserver_path(s, "godwit.yaml");
	int status;

	sim_lend_randomness(s->net);
	status = server_new(s->host, path, &s->server, err);
	free(path);
	if (status == 0) {
		log_set_sink(s->server->log, keep_log, s);
		s->asker = module_new(s->server, asker.name);
		module_bind(s->asker, &asker, s);
		status = run_verb(s, words, err);
	}
	if (status == 0)
		status = server_start(s->server, err);
	if (status == 0) {
		show_certificate(s);
		return 0;
	}
	shorten(s, err->text);
	end_server(s);
	return status;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
	(void)info, (void)kind, (void)walk;
	return remove(path);
}

static void remove_folder(const struct simserver *s)
{
	NEED(nftw(s->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
}

void sim_remove_folders(struct simnet *net)
{
	for (struct simserver *s = *sim_servers(net); s != NULL; s = s->next)
		remove_folder(s);
}

static void simserver_free(struct simserver *s)
{
	while (s->clients != NULL)
		client_free(s->clients);
	end_server(s);
	s->host->ops->free(s->host);
	remove_folder(s);
	free(s->folder);
	free(s->yaml);
	free(s->log.data);
	free(s->answer.data);
	free(s);
}

static struct simserver *try(struct simnet *net, const char *yaml, const char *const *words,
                             struct gw_error *err)
{
	struct simserver *s = calloc(1, sizeof(*s)), **at = sim_servers(net);

	s->net = net;
	s->host = simhost_new(net);
	s->folder = mem_printf("%s/godwit-sim-XXXXXX", simnet_folders(net));
	NEED(mkdtemp(s->folder) != NULL);
	for (s->number = 1; *at != NULL; at = &(*at)->next)
		s->number++;
	snprintf(s->address, sizeof(s->address), "10.0.0.%d:7000", s->number);
	simhost_number(s->host, (unsigned)s->number);
	simserver_config(s, yaml);
	if (start(s, words, err) != 0) {
		simserver_free(s);
		return NULL;
	}
	*at = s;
	return s;
}

static const char *const no_words[] = {NULL};

struct simserver *simnet_try_server(struct simnet *net, const char *yaml, struct gw_error *err)
{
	return try(net, yaml, no_words, err);
}

struct simserver *simnet_verb_server(struct simnet *net, const char *yaml, struct gw_error *err,
                                     const char *verb, ...)
{
	const char *words[16] = {verb};
	va_list args;
	int n = 0;

	va_start(args, verb);
	while (words[n] != NULL && n < 14)
		words[++n] = va_arg(args, const char *);
	va_end(args);
	return try(net, yaml, words, err);
}

struct simserver *simnet_server(struct simnet *net, const char *yaml)
{
	struct gw_error err = {0};
	struct simserver *s = simnet_try_server(net, yaml, &err);

	if (s == NULL)
		BROKEN("the server does not start: %s\n%s", err.text, yaml);
	return s;
}

struct gw_server *simserver_server(struct simserver *s)
{
	return s->server;
}

struct loop *simserver_host(struct simserver *s)
{
	return s->host;
}

const char *simserver_log(struct simserver *s)
{
	return s->log.data != NULL ? s->log.data : "";
}

void simserver_stop(struct simserver *s)
{
	int64_t until = simnet_now(s->net) + STOP_NS;

	server_stop(s->server, "The test ends it");
	while (s->server->phase != SERVER_STOPPED && simnet_step(s->net, until))
		;
	NEED(s->server->phase == SERVER_STOPPED);
	end_server(s);
	simnet_quiet(s->net);
}

void simserver_cut(struct simserver *s)
{
	end_server(s);
}

void simserver_restart(struct simserver *s, const char *yaml)
{
	struct gw_error err = {0};

	if (s->server != NULL)
		simserver_stop(s);
	if (yaml != NULL)
		simserver_config(s, yaml);
	if (start(s, no_words, &err) != 0)
		BROKEN("the server does not start again: %s", err.text);
}

/** Cuts `command` at its spaces, in place. */
static const char *command_run(struct simserver *s, int *status_out, char *command)
{
	const struct gw_admin_asker who = {.who = "a test"};
	int64_t until = simnet_now(s->net) + ADMIN_NS;
	char *save = NULL, *word;
	const char *words[32] = {""};
	int n = 0;

	for (word = strtok_r(command, " ", &save); word != NULL && n < 32;
	     word = strtok_r(NULL, " ", &save))
		words[n++] = word;
	s->answer.n = 0;
	text_add(&s->answer, "");
	s->answered = false;
	NEED(admin_api.run(&s->asker->self, n, words, &who, gw_call(&s->asker->self, 0, 0)) == 0);
	while (!s->answered && simnet_step(s->net, until))
		;
	if (!s->answered)
		BROKEN("no answer within a minute: %s", words[0]);
	if (status_out != NULL)
		*status_out = s->status;
	shorten(s, s->answer.data);
	return s->answer.data;
}

const char *simserver_admin(struct simserver *s, int *status_out, const char *format, ...)
{
	char command[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	return command_run(s, status_out, command);
}

const char *simserver_ask(struct simserver *s, const char *format, ...)
{
	char command[1024], asked[1024];
	const char *answer;
	va_list args;
	int status;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	memcpy(asked, command, sizeof(asked));
	answer = command_run(s, &status, command);
	if (status != 0)
		BROKEN("%s: %s", asked, answer);
	return answer;
}

void simnet_quiet(struct simnet *net)
{
	simnet_run(net, GW_SECOND);
}

void simnet_end(struct simnet **net)
{
	struct simserver **at = sim_servers(*net), *s;

	while ((s = *at) != NULL) {
		*at = s->next;
		simserver_free(s);
	}
	simnet_free(net);
}
