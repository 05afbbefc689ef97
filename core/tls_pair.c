/*
 * core/tls_pair.c - see tls_pair.h.
 */
#include "core/tls_pair.h"
#include "core/admin.h"
#include "core/conn.h"
#include "core/loop.h"
#include "core/mem.h"
#include "core/rights.h"
#include "core/server.h"
#include "core/settings.h"
#include "core/tls.h"
#include "core/tls_cred.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Where they are; free() both. */
static void paths(const struct settings *s, char **certificate, char **key)
{
	bool own = s->tls_certificate == NULL;

	*certificate =
		own ? mem_printf("%s/tls.crt", s->state_directory) : mem_strdup(s->tls_certificate);
	*key = own ? mem_printf("%s/tls.key", s->state_directory) : mem_strdup(s->tls_key);
}

int tls_pair_prepare(struct gw_server *server, const struct settings *s, struct tls_cred **out,
                     struct gw_error *err)
{
	bool own = s->tls_certificate == NULL;
	struct tls_cred_spec spec = {.name = server->name, .make = own, .loop = server->loop};
	struct gw_error why = {0};
	char *certificate, *key;
	int status;

	paths(s, &certificate, &key);
	spec.certificate = certificate;
	spec.key = key;
	status = tls_cred_prepare(&spec, &why, out);
	free(certificate);
	free(key);
	if (status != 0)
		return gw_fail(err, status, "%s%s%s%s", own ? "" : s->tls_place, own ? "" : ": ",
		               why.text, rights_hint(server, status));
	return 0;
}

static void pair(struct gw_admin_request *req, const char *key, const char *value)
{
	const char *cells[] = {key, value};

	admin_row(req, cells, 2);
}

static void pair_time(struct gw_admin_request *req, const char *key, int64_t ns)
{
	time_t seconds = (time_t)(ns / GW_SECOND);
	char text[32] = "";
	struct tm parts;

	if (gmtime_r(&seconds, &parts) != NULL)
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
	pair(req, key, text);
}

static const char *state_of(const struct tls_facts *facts, int64_t now_ns)
{
	if (now_ns < facts->from_ns)
		return "not valid yet";
	return now_ns > facts->until_ns ? "expired" : "valid";
}

/* The answer of both commands; `changed` is NULL or a word. */
static void show(struct gw_server *server, struct gw_admin_request *req, const char *changed)
{
	static const char *const columns[] = {"key", "value"};
	struct tls_facts facts;
	char *certificate, *key;

	tls_cred_facts(server->conns->tls->cred, &facts);
	paths(server->settings, &certificate, &key);
	admin_head(req, columns, 2);
	if (changed != NULL)
		pair(req, "changed", changed);
	pair(req, "certificate", certificate);
	pair(req, "key", key);
	pair(req, "subject", facts.subject);
	pair(req, "names", facts.names);
	pair(req, "sha256", facts.sha256);
	pair_time(req, "from", facts.from_ns);
	pair_time(req, "until", facts.until_ns);
	pair(req, "state", state_of(&facts, server->loop->ops->wall_ns(server->loop)));
	free(certificate);
	free(key);
	admin_done(&req, 0, "");
}

static bool has_none(const struct gw_server *server, struct gw_admin_request *req)
{
	if (server->conns->tls->cred != NULL)
		return false;
	admin_done(&req, -ENOENT, "no listener of this server needs a certificate");
	return true;
}

void tls_show_command(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct gw_server *server = state;

	(void)argc;
	(void)argv;
	if (!has_none(server, req))
		show(server, req, NULL);
}

void tls_reload_command(void *state, struct gw_admin_request *req, int argc,
                        const char *const *argv)
{
	struct gw_server *server = state;
	struct tls_facts before, after;
	struct tls_cred *cred = NULL;
	struct gw_error err = {0};
	int status;

	(void)argc;
	(void)argv;
	if (has_none(server, req))
		return;
	status = tls_pair_prepare(server, server->settings, &cred, &err);
	if (status != 0) {
		server_log(server, GW_ERROR, "the certificate cannot be replaced reason=\"%s\"",
		           err.text);
		admin_done(&req, status, err.text);
		return;
	}
	tls_cred_facts(server->conns->tls->cred, &before);
	tls_cred_facts(cred, &after);
	tls_cred_commit(server, &cred);
	server_log(server, GW_INFO, "certificate read before=%s after=%s", before.sha256,
	           after.sha256);
	show(server, req, strcmp(before.sha256, after.sha256) == 0 ? "no" : "yes");
}
