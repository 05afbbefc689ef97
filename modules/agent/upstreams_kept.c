/*
 * modules/agent/upstreams_kept.c - what the agent remembers of addresses and certificates, to and
 * from the file.
 */
#include "agent.h"
#include "upstreams_part.h"
#include "upstreams_text.h"

#include <errno.h>
#include <godwit/log.h>
#include <godwit/mem.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

static void row_of(const struct upstream *u, struct upstream_row *out)
{
	*out = (struct upstream_row){.tls = u->tls,
	                             .has_pin = u->has_pin,
	                             .from = (enum upstream_pin_from)u->from,
	                             .used_ns = u->used_ns};
	strcpy(out->address, u->address);
	strcpy(out->by, u->by == NULL ? "" : u->by);
	memcpy(out->pin, u->pin, sizeof(out->pin));
}

void upstreams_save(struct agent *agent)
{
	struct gw_self *self = agent->self;
	char *text = gw_alloc(self, UPSTREAMS_FILE_MAX);
	size_t n = upstreams_text_head(text);
	struct gw_error why = {0};
	struct upstream_row row;
	struct upstream *u;

	DL_FOREACH (agent->upstreams.list, u) {
		row_of(u, &row);
		if (u->has_pin || u->by != NULL)
			n += upstreams_text_row(&row, text + n);
	}
	agent->upstreams.unsaved =
		upstreams_file_write(gw_server_string(self, "state-directory"), text, n, &why) != 0;
	if (agent->upstreams.unsaved)
		gw_log(self, GW_ERROR, "what is trusted cannot be kept reason=\"%s\"", why.text);
	gw_free(self, text);
}

/* False: it is there twice, or there are too many. */
static bool take_row(void *ctx, const struct upstream_row *row)
{
	struct agent *agent = ctx;
	struct upstream *u;

	if (agent->upstreams.n_all >= UPSTREAMS_MAX || upstream_find(agent, row->address) != NULL)
		return false;
	u = upstream_add(agent, row->address, row->tls);
	upstream_set_by(agent, u, row->by[0] != '\0' ? row->by : NULL);
	u->has_pin = row->has_pin;
	u->from = (uint8_t)row->from;
	memcpy(u->pin, row->pin, sizeof(u->pin));
	u->used_ns = row->used_ns;
	return true;
}

/* What could be used of it is written anew at once, so it is told of once. */
static void damaged(struct agent *agent, const char *folder, const char *what)
{
	int status = upstreams_file_aside(folder);

	gw_log(agent->self, GW_ERROR,
	       "%s; servers that it does not name are trusted anew at first use kept-as=%s", what,
	       status == 0 ? "upstreams.broken" : strerror(-status));
	upstreams_save(agent);
}

void upstreams_load_file(struct agent *agent)
{
	const char *folder = gw_server_string(agent->self, "state-directory");
	char *text = gw_alloc(agent->self, UPSTREAMS_FILE_MAX), what[400];
	struct gw_error why = {0};
	ssize_t n = upstreams_file_read(folder, text, &why);
	size_t line = 0, wrong = 0;

	agent->upstreams.loaded = true;
	if (n >= 0)
		wrong = upstreams_text_read(text, (size_t)n, take_row, agent, &line);
	gw_free(agent->self, text);
	if (wrong > 0) {
		snprintf(what, sizeof(what), "%.160s/upstreams is damaged: line %zu%s", folder,
		         line, wrong > 1 ? " and others" : "");
		damaged(agent, folder, what);
	} else if (n < 0 && n != -ENOENT) {
		damaged(agent, folder, why.text);
	}
}
