/*
 * redirect/command.c - REDIRECT, as clients type it; what they type within a move goes to its taps.
 */
#include "redirect.h"
#include <strings.h>

bool redirect_says(const struct gw_message *m, const char *word, const uint8_t id[ID_BYTES])
{
	uint8_t bytes[ID_BYTES];

	return strcmp(m->command, "REDIRECT") == 0 && m->argc >= 2 &&
	       strcasecmp(m->argv[0], word) == 0 && id_parse(m->argv[1], bytes) &&
	       memcmp(bytes, id, ID_BYTES) == 0;
}

static void fail(struct redirect_state *st, struct gw_client *client, const char *code,
                 const char *why)
{
	CLIENT(st, standard, client, "FAIL", "REDIRECT", code, "", "%s", why);
}

static void say_move(struct redirect_state *st, struct gw_client *client,
                     const struct gw_message *m)
{
	struct gw_move_query query = {.client = client, .server = m->argc > 1 ? m->argv[1] : NULL};
	struct gw_error why = {0};

	if (gw_ask(st->self, st->may_move, &query, &why) != 0) {
		fail(st, client, "DENIED", why.text);
	} else if (query.to == 0) {
		fail(st, client, "DENIED", "Nobody here decides about moves");
	} else if (!redirect_able(st, client)) {
		fail(st, client, "DENIED", "Request the capability godwit/redirect first");
	} else if (source_begin(st, client, query.to, true, (struct gw_call){0}, &why) != 0) {
		fail(st, client, "DENIED", why.text);
	}
}

/* Before the barrier; then it is the tap's. */
static void say_refuse(struct redirect_state *st, struct gw_client *client,
                       const struct gw_message *m)
{
	struct source *s = source_of(st, client->session->id);

	if (s != NULL && redirect_says(m, "REFUSE", s->id))
		source_resume(st, s, GW_MOVE_REFUSED,
		              m->argc > 2 && m->argv[2][0] != '\0' ? m->argv[2] : "refused", true);
}

void redirect_command(void *state, struct gw_client *client, const struct gw_message *m)
{
	struct redirect_state *st = state;
	const char *word = m->argv[0];

	if (strcasecmp(word, "HANDOVER") == 0 && m->argc >= 3 && client->session == NULL)
		recipient_handover(st, client, m->argv[1], m->argv[2]);
	else if (client->session == NULL)
		CLIENT(st, numeric, client, 451, ":You have not registered");
	else if (strcasecmp(word, "MOVE") == 0)
		say_move(st, client, m);
	else if (strcasecmp(word, "REFUSE") == 0)
		say_refuse(st, client, m);
	else if (strcasecmp(word, "SYNCED") != 0) /* of an attempt that is over: no word */
		fail(st, client, "INVALID", "There is no such REDIRECT here");
}

static const char *const source_states[] = {"notified", "requested", "barrier", "syncing",
                                            "cutting"};
static const char *const recipient_states[] = {"pending", "joined", "heir"};

static void row(struct redirect_state *st, struct gw_admin_request *req, uint64_t session,
                bool leaves, uint64_t other, const char *step, int64_t since_ns, size_t held)
{
	const struct gw_session *found = NETWORK(st, session, session);
	const struct gw_node *node = NETWORK(st, node, other);
	char ms[24], bytes[24];
	const char *cells[] = {found != NULL ? found->user->nick : "?",
	                       leaves ? "to" : "from",
	                       node != NULL ? node->name : "?",
	                       step,
	                       ms,
	                       bytes};

	snprintf(ms, sizeof(ms), "%lld", (long long)((gw_mono_ns(st->self) - since_ns) / GW_MS));
	snprintf(bytes, sizeof(bytes), "%zu", held);
	gw_admin_row(st->self, req, cells, 6);
}

void redirect_list(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	static const char *const columns[] = {"nick", "direction", "server", "step", "ms", "held"};
	struct redirect_state *st = state;
	const struct source *s;
	const struct recipient *r;

	(void)argc;
	(void)argv;
	gw_admin_head(st->self, req, columns, 6);
	for (s = st->sources; s != NULL; s = s->by_session.next)
		row(st, req, s->session, true, s->to, source_states[s->state], s->begun_ns,
		    s->hold.bytes);
	for (r = st->recipients; r != NULL; r = r->by_session.next)
		row(st, req, r->session, false, r->from, recipient_states[r->state], r->begun_ns,
		    r->hold.bytes);
	gw_admin_done(st->self, &req, 0, "");
}
