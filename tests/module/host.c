/*
 * tests/module/host.c - see host.h.
 */
#include "tests/module/host.h"
#include "core/admin.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/registry.h"
#include "core/server_name.h"
#include "core/verb.h"

#include <ftw.h>
#include <godwit/verb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEED(x)                                                                                    \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);                    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

char *host_path(const struct host *h, const char *name)
{
	return mem_printf("%s/%s", h->dir, name);
}

void host_open(struct host *h)
{
	const char *parent = getenv("TMPDIR");
	char *modules;

	memset(h, 0, sizeof(*h));
	snprintf(h->dir, sizeof(h->dir), "%s/godwit-module-XXXXXX",
	         parent != NULL ? parent : "/tmp");
	NEED(mkdtemp(h->dir) != NULL);
	modules = host_path(h, "modules");
	NEED(mkdir(modules, 0700) == 0);
	free(modules);
	h->net = simnet_new(1);
	h->loop = simhost_new(h->net);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
	(void)info;
	(void)kind;
	(void)walk;
	return remove(path);
}

void host_close(struct host *h)
{
	host_stop(h);
	h->loop->ops->free(h->loop);
	simnet_free(&h->net);
	NEED(nftw(h->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
}

struct host *host_new(void **state)
{
	struct host *h = mem_alloc(sizeof(*h));

	host_open(h);
	*state = h;
	return h;
}

int host_teardown(void **state)
{
	host_close(*state);
	free(*state);
	return 0;
}

void host_file(struct host *h, const char *name, const char *text)
{
	char *path = host_path(h, name);
	FILE *f = fopen(path, "w");

	NEED(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
	free(path);
}

void host_config(struct host *h, const char *text)
{
	char *all = mem_printf(
		"server: test.example.net\nstate-directory: state\nmodule-directory: modules\n"
		"debug: {scan-state: yes}\n%s",
		text);

	host_file(h, "godwit.yaml", all);
	free(all);
}

static void copy_file(const char *from, const char *to)
{
	FILE *in = fopen(from, "r"), *out = fopen(to, "w");
	char block[65536];
	size_t n;

	if (in == NULL)
		fprintf(stderr, "no %s\n", from);
	NEED(in != NULL && out != NULL);
	while ((n = fread(block, 1, sizeof(block), in)) > 0)
		NEED(fwrite(block, 1, n, out) == n);
	fclose(in);
	NEED(fclose(out) == 0);
}

void host_put(struct host *h, const char *variant, const char *module)
{
	const char *build = getenv("GODWIT_BUILD");
	char *from = mem_printf("%s/tests/modules/%s/.libs/%s.so", build != NULL ? build : ".",
	                        variant, module);
	char *fresh = mem_printf("%s/modules/%s.fresh", h->dir, module);
	char *to = mem_printf("%s/modules/%s.so", h->dir, module);

	copy_file(from, fresh);
	NEED(rename(fresh, to) == 0);
	free(from);
	free(fresh);
	free(to);
}

void host_remove(struct host *h, const char *module)
{
	char *path = mem_printf("%s/modules/%s.so", h->dir, module);

	NEED(unlink(path) == 0);
	free(path);
}

static void keep_line(void *ctx, const char *line)
{
	struct host *h = ctx;
	size_t used = strlen(h->log);

	if (used + strlen(line) + 2 > sizeof(h->log))
		used = 0;
	snprintf(h->log + used, sizeof(h->log) - used, "%s\n", line);
}

/* The asker: a module without an image, whose calls are these. */

static void got_answer(void *state, uint64_t tag, const struct gw_admin_answer *answer)
{
	struct host *h = state;
	size_t used = strlen(h->answer);

	(void)tag;
	for (size_t i = 0; i < answer->n_cells; i++)
		used += (size_t)snprintf(h->answer + used, sizeof(h->answer) - used, "%s%s",
		                         i > 0 ? "|" : "", answer->cells[i]);
	snprintf(h->answer + used, sizeof(h->answer) - used, "%s\n", answer->text);
	NEED(!h->ended);
	h->ended = answer->part == GW_ADMIN_END;
	h->status = answer->status;
}

static const struct gw_call_row calls[] = {{"answer", (gw_fn *)got_answer}, {NULL, NULL}};
static const struct gw_module descriptor = {
	.abi = GW_ABI, .name = "asker", .version = "", .calls = calls};

/** Sentences of errors name files by their path; tests know them without the folder. */
static void shorten(struct host *h)
{
	char *at;

	while ((at = strstr(h->err.text, h->dir)) != NULL)
		memmove(at, at + strlen(h->dir) + 1, strlen(at + strlen(h->dir) + 1) + 1);
}

static int make_server(struct host *h)
{
	char *path = host_path(h, "godwit.yaml");
	int status;

	memset(&h->err, 0, sizeof(h->err));
	status = server_new(h->loop, path, &h->server, &h->err);
	free(path);
	if (status != 0) {
		shorten(h);
		return status;
	}
	log_set_sink(h->server->log, keep_line, h);
	h->asker = module_new(h->server, "asker");
	module_bind(h->asker, &descriptor, h);
	return h->name != NULL ? server_name_give(h->server, h->name, &h->err) : 0;
}

int host_start(struct host *h)
{
	int status = make_server(h);

	if (status == 0)
		status = server_start(h->server, &h->err);
	shorten(h);
	if (status != 0)
		host_stop(h);
	return status;
}

int host_verb(struct host *h, int argc, const char *const *argv)
{
	int code = make_server(h) == 0 ? verb_run(h->server, argc, argv, &h->err) : 2;

	if (code == GW_VERB_START && server_start(h->server, &h->err) != 0)
		code = 1;
	shorten(h);
	if (code != GW_VERB_START)
		host_stop(h);
	return code;
}

int host_check(struct host *h)
{
	int status = make_server(h);

	if (status == 0)
		status = server_check(h->server, &h->err);
	shorten(h);
	host_stop(h);
	return status;
}

void host_stop(struct host *h)
{
	if (h->server == NULL)
		return;
	admin_forget(h->server, h->asker);
	module_free(&h->asker);
	server_free(&h->server);
}

void host_begin(struct host *h, const char *line)
{
	const struct gw_admin_asker who = {.who = "a test"};
	char *copy = mem_strdup(line), *save = NULL;
	const char *words[16];
	int n = 0;

	for (char *w = strtok_r(copy, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save))
		words[n++] = w;
	h->answer[0] = '\0';
	h->ended = false;
	NEED(admin_api.run(&h->asker->self, n, words, &who, gw_call(&h->asker->self, 0, 0)) == 0);
	free(copy);
}

int host_ask(struct host *h, const char *line)
{
	host_begin(h, line);
	for (int i = 0; i < 100 && !h->ended; i++)
		simnet_run(h->net, GW_MS);
	NEED(h->ended);
	return h->status;
}

struct gw_iface *host_toy(struct host *h)
{
	return &iface_get(h->server, "toy")->handle;
}
