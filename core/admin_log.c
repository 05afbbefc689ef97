/*
 * core/admin_log.c - the log of what operators do: each command that was begun, how it ended or why
 * it was refused, who gave it and from where.
 *
 * Who comes first, so that no argument can be so long that it pushes that out of the line, and no
 * argument has a quotation mark with which it could pretend to be something else.
 */
#include "core/admin_part.h"
#include "core/loop.h"
#include "core/server.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ARGUMENTS_MAX 600
#define WHO_MAX 300

static void add(char *out, size_t max, const char *text)
{
	size_t n = strlen(out);

	for (; *text != '\0' && n + 1 < max; text++)
		out[n++] = *text == '"' ? '\'' : *text;
	out[n] = '\0';
}

/** Behind the command's name; empty if there are none. */
static void arguments(const struct gw_admin_request *req, char out[ARGUMENTS_MAX])
{
	out[0] = '\0';
	for (int i = req->words; req->name != NULL && req->argv[i] != NULL; i++) {
		add(out, ARGUMENTS_MAX, i == req->words ? " arguments=" : " ");
		add(out, ARGUMENTS_MAX, req->secret > 0 && i >= req->secret ? "***" : req->argv[i]);
	}
}

static void who(const struct gw_admin_request *req, char out[WHO_MAX])
{
	snprintf(out, WHO_MAX, "who=\"%.180s\"%s%.100s", req->who,
	         req->detail[0] != '\0' ? " " : "", req->detail);
}

void admin_log_begun(struct gw_admin_request *req)
{
	const struct loop *loop = req->server->loop;
	char given[ARGUMENTS_MAX], by[WHO_MAX];

	req->begun = true;
	req->number = ++req->server->last_request;
	req->begun_ns = loop->ops->mono_ns((struct loop *)loop);
	if (req->reads)
		return;
	who(req, by);
	arguments(req, given);
	server_log(req->server, GW_INFO, "admin begun=%" PRIu64 " %s command=\"%s\"%s", req->number,
	           by, req->name, given);
}

void admin_log_ended(const struct gw_admin_request *req, int status, const char *sentence)
{
	struct loop *loop = req->server->loop;
	int64_t ms = (loop->ops->mono_ns(loop) - req->begun_ns) / 1000000;
	char given[ARGUMENTS_MAX] = "", by[WHO_MAX], result[400] = "";

	who(req, by);
	if (req->reads)
		arguments(req, given);
	add(result, sizeof(result), status == 0 ? "ok" : sentence);
	server_log(req->server, req->reads ? GW_DEBUG : GW_INFO,
	           "admin ended=%" PRIu64 " %s command=\"%s\" ms=%" PRId64 " result=\"%s\"%s",
	           req->number, by, req->name, ms, result, given);
}

/* Words that are no command, or too few or too many, may be secrets that stand in a wrong place. */
void admin_log_refused(const struct gw_admin_request *req, int status, const char *sentence)
{
	bool misplaced = req->secretive && (status != -EPERM || req->secret == 0);
	char given[ARGUMENTS_MAX] = "", by[WHO_MAX], why[400] = "";

	who(req, by);
	if (!misplaced)
		arguments(req, given);
	add(why, sizeof(why), sentence);
	server_log(req->server, status == -EPERM ? GW_WARN : GW_INFO,
	           "admin refused %s command=\"%s\" why=\"%s\"%s", by,
	           req->name != NULL ? req->name : "?", why, given);
}
