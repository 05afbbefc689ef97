/*
 * tests/modules/porter.c - a module at the doors: it brings verbs, may hold the listeners, and has
 * a socket of its own and a protocol of links.
 */
#include <godwit/admin.h>
#include <godwit/bus.h>
#include <godwit/conn.h>
#include <godwit/loop.h>
#include <godwit/module.h>
#include <godwit/verb.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum call {
	CALL_ACCEPT,
	CALL_READY,
	CALL_CODE,
	CALL_FACTS,
	CALL_BEGIN,
	CALL_RELEASE,
	CALL_TELL,
	CALL_RENAME,
	CALL_REHASHED,
	CALL_GIVE,
	CALL_OPTIONS,
	CALL_GIVE_LATE,
};

struct porter_state {
	struct gw_self *self;
	uint64_t ready; /* so often core.ready was told */
};

static int porter_accept(void *state, struct gw_conn *conn, char farewell[512])
{
	(void)state, (void)conn, (void)farewell;
	return -EPERM;
}

static void porter_ready(void *state, uint64_t tag, const void *payload)
{
	(void)tag, (void)payload;
	((struct porter_state *)state)->ready++;
}

/** A rehash may end the hold, too. */
static void porter_rehashed(void *state, uint64_t tag, const void *payload)
{
	struct porter_state *s = state;

	(void)tag, (void)payload;
	if (gw_option_int(s->self, gw_options(s->self), "hold") == 0)
		gw_listen_hold(s->self, false);
}

static int porter_load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	struct porter_state *s = state;
	const char *path = gw_option_string(self, gw_options(self), "socket");
	int status = 0;

	s->self = self;
	if (why == GW_LOAD_FIRST && path[0] != '\0')
		status = gw_listen_unix(self, path, 0600, CALL_ACCEPT);
	if (status != 0)
		return gw_fail(err, status, "no socket");
	if (gw_option_int(self, gw_options(self), "hold") != 0)
		gw_listen_hold(self, true);
	return 0;
}

/* --- verbs --- */

static int verb_code(struct gw_self *self, int argc, const char *const *argv, struct gw_error *err)
{
	(void)self;
	if (argc == 2)
		gw_fail(err, -EINVAL, "%s", argv[1]);
	return atoi(argv[0]);
}

static int verb_facts(struct gw_self *self, int argc, const char *const *argv, struct gw_error *err)
{
	uint64_t one = gw_random_u64(self), two = gw_random_u64(self);

	(void)argc, (void)argv;
	gw_fail(err, -EINVAL, "server=%s verb=%s hold=%d state=%d random=%d clock=%d",
	        gw_server_string(self, "server"), gw_started_as(self),
	        (int)gw_option_int(self, gw_options(self), "hold"), self->state != NULL, one != two,
	        gw_wall_ns(self) > 0 && gw_mono_ns(self) > 0);
	return 3;
}

static int verb_begin(struct gw_self *self, int argc, const char *const *argv, struct gw_error *err)
{
	if (argc == 1 && gw_server_rename(self, argv[0], err) != 0)
		return 1;
	return GW_VERB_START;
}

/** Several in a row: NAME VALUE... [+ NAME VALUE...]. */
static int verb_give(struct gw_self *self, int argc, const char *const *argv, struct gw_error *err)
{
	for (int i = 0, end; i < argc; i = end + 1) {
		for (end = i; end < argc && strcmp(argv[end], "+") != 0;)
			end++;
		if (gw_option_give(self, argv[i], (size_t)(end - i - 1), argv + i + 1, err) != 0)
			return 2;
	}
	return GW_VERB_START;
}

/* --- commands --- */

static void command_release(void *state, struct gw_admin_request *req, int argc,
                            const char *const *argv)
{
	struct porter_state *s = state;

	(void)argc, (void)argv;
	gw_listen_hold(s->self, false);
	gw_admin_done(s->self, &req, 0, "");
}

static void command_tell(void *state, struct gw_admin_request *req, int argc,
                         const char *const *argv)
{
	struct porter_state *s = state;
	char text[200];

	(void)argc, (void)argv;
	snprintf(text, sizeof(text), "server=%s verb=%s ready=%d",
	         gw_server_string(s->self, "server"), gw_started_as(s->self), (int)s->ready);
	gw_admin_text(s->self, req, text);
	gw_admin_done(s->self, &req, 0, "");
}

static void command_options(void *state, struct gw_admin_request *req, int argc,
                            const char *const *argv)
{
	struct porter_state *s = state;
	const struct gw_options *o = gw_options(s->self);
	const char *const *words;
	size_t n = gw_option_list(s->self, o, "words", &words);
	char text[200];

	(void)argc, (void)argv;
	snprintf(text, sizeof(text), "hold=%d socket=%s", (int)gw_option_int(s->self, o, "hold"),
	         gw_option_string(s->self, o, "socket"));
	for (size_t i = 0; i < n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s", words[i]);
	gw_admin_text(s->self, req, text);
	gw_admin_done(s->self, &req, 0, "");
}

static void command_rename(void *state, struct gw_admin_request *req, int argc,
                           const char *const *argv)
{
	struct porter_state *s = state;
	struct gw_error err = {0};
	int status = gw_server_rename(s->self, argv[0], &err);

	(void)argc;
	gw_admin_done(s->self, &req, status, err.text);
}

/** Too late: the verb, if there was one, has ended. */
static void command_give(void *state, struct gw_admin_request *req, int argc,
                         const char *const *argv)
{
	struct porter_state *s = state;
	struct gw_error err = {0};
	int status = gw_option_give(s->self, argv[0], (size_t)argc - 1, argv + 1, &err);

	gw_admin_done(s->self, &req, status, err.text);
}

static const struct gw_option options[] = {
	{"hold", GW_OPT_BOOL, "no", 0, 0, false, "Whether it holds the listeners."},
	{"socket", GW_OPT_PATH, NULL, 0, 0, false, "Its own socket."},
	{"words", GW_OPT_LIST, "[one]", 0, 3, false, "Words."},
	{NULL, GW_OPT_BOOL, NULL, 0, 0, false, NULL},
};

static const struct gw_call_row calls[] = {
	[CALL_ACCEPT] = {"accept", (gw_fn *)porter_accept},
	[CALL_READY] = {"ready", (gw_fn *)porter_ready},
	[CALL_CODE] = {"code", (gw_fn *)verb_code},
	[CALL_FACTS] = {"facts", (gw_fn *)verb_facts},
	[CALL_BEGIN] = {"begin", (gw_fn *)verb_begin},
	[CALL_RELEASE] = {"release", (gw_fn *)command_release},
	[CALL_TELL] = {"tell", (gw_fn *)command_tell},
	[CALL_RENAME] = {"rename", (gw_fn *)command_rename},
	[CALL_REHASHED] = {"rehashed", (gw_fn *)porter_rehashed},
	[CALL_GIVE] = {"give", (gw_fn *)verb_give},
	[CALL_OPTIONS] = {"options", (gw_fn *)command_options},
	[CALL_GIVE_LATE] = {"give_late", (gw_fn *)command_give},
	{NULL, NULL},
};

static const struct gw_subscription subscriptions[] = {
	{GW_TOPIC_READY, 0, CALL_READY}, {GW_TOPIC_REHASHED, 0, CALL_REHASHED}, {NULL, 0, 0}};

static const struct gw_verb_row verbs[] = {
	{"code", "NUMBER [SENTENCE]", "Ends with that code.", 1, 2, CALL_CODE, false},
	{"facts", "", "Tells what a verb knows.", 0, 0, CALL_FACTS, false},
	{"begin", "[NAME]", "Starts the server.", 0, 1, CALL_BEGIN, false},
	{"give", "NAME VALUE...", "Starts it with options.", 1, 9, CALL_GIVE, true},
};

static const struct gw_admin_command commands[] = {
	{"porter release", "", "Lets the listeners open.", "", 0, 0, CALL_RELEASE, false, 0},
	{"porter tell", "", "Tells what it knows.", "", 0, 0, CALL_TELL, false, 0},
	{"porter options", "", "Tells what its options are.", "", 0, 0, CALL_OPTIONS, false, 0},
	{"porter give", "NAME VALUE", "Sets an option.", "", 2, 2, CALL_GIVE_LATE, false, 0},
	{"porter rename", "NAME", "Renames the server.", "", 1, 1, CALL_RENAME, false, 0},
};

static const struct gw_protocol protocols[] = {{"door", CALL_ACCEPT, GW_TLS_CLIENTS},
                                               {"gate", CALL_ACCEPT, GW_TLS_LINK}};

static const struct gw_rows rows[] = {
	GW_ROWS(GW_POINT_VERB, verbs),
	GW_ROWS(GW_POINT_ADMIN, commands),
	GW_ROWS(GW_POINT_PROTOCOL, protocols),
	{NULL, NULL, 0, 0},
};

GW_MODULE(porter) = {
	.abi = GW_ABI,
	.name = "porter",
	.version = "1.0",
	.summary = "verbs and doors",
	.options = options,
	.calls = calls,
	.subscriptions = subscriptions,
	.rows = rows,
	.state_size = sizeof(struct porter_state),
	.state_version = 1,
	.load = porter_load,
};
