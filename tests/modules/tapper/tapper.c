/*
 * tests/modules/tapper/tapper.c - drives the part of the interface "client" that moves clients, a
 * step a command:
 *
 *     tapper tap NICK            its lines come here       tapper told      them, since last asked
 *     tapper stop | go           whether they go on        tapper resume NICK
 *     tapper keep | quit         when its connection ends  tapper untap NICK [kept | LENGTH]
 *     tapper divert NICK         its output comes here     tapper held      that, since last asked
 *     tapper undivert NICK       with what was held        tapper discard   forgets it
 *     tapper settled NICK BELOW  "settled" is told         tapper calm NICK BELOW   now?
 *     tapper carry NICK          kept for `adopt`          tapper offer CAP | tokens | secure
 *     tapper shadow NICK [CAPS]  tapper caps [CAPS]        tapper unshadow
 *     tapper adopt NICK          by who last said TAPME    tapper write TEXT    to that one
 *     tapper send NICK SERVER    the network's shadow      tapper end NICK    tapper move NICK
 *     tapper moving NICK on|off  the network is told     tapper room
 */
#include <errno.h>
#include <godwit/admin.h>
#include <godwit/client.h>
#include <godwit/loop.h>
#include <godwit/mem.h>
#include <godwit/module.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES 256
#define TEXT 65536

enum {
	CALL_NONE,
	CALL_TAPME,
	CALL_LINE,
	CALL_CLOSED,
	CALL_HELD,
	CALL_SETTLED,
	CALL_GONE,
	CALL_TAP,
	CALL_TOLD,
	CALL_SET,
	CALL_RESUME,
	CALL_UNTAP,
	CALL_DIVERT,
	CALL_UNDIVERT,
	CALL_SHOW,
	CALL_ASK,
	CALL_CALM,
	CALL_CARRY,
	CALL_OFFER,
	CALL_SHADOW,
	CALL_CAPS,
	CALL_UNSHADOW,
	CALL_ADOPT,
	CALL_WRITE,
	CALL_SEND,
	CALL_END,
	CALL_MOVE,
	CALL_ROOM,
	CALL_MOVING
};

struct text {
	size_t n;
	char bytes[TEXT];
};

struct tapper {
	struct gw_self *self;
	struct gw_iface *client, *network;
	struct text told, held;
	char *lines[LINES];
	size_t n_lines;
	bool stop, keep;
	uint8_t reserved[6];
	uint64_t newcomer;
	struct gw_sink *sink, *shadow_sink;
	struct gw_client *shadow;
	struct gw_client_carry carry;
};

#define CLIENT(st, ...) GW_VIA((st)->client, gw_client_ops, __VA_ARGS__)
#define NETWORK(st, ...) GW_VIA((st)->network, gw_network_ops, __VA_ARGS__)

static const uint8_t ID[16] = {1, 2, 3};

static void add(struct text *to, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct text *to, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(to->bytes + to->n, sizeof(to->bytes) - to->n, format, args);
	va_end(args);
	if (n > 0 && to->n + (size_t)n < sizeof(to->bytes))
		to->n += (size_t)n;
}

/* --- what is called --- */

static struct gw_tap tap_of(struct tapper *st)
{
	return (struct gw_tap){
		.module = st->self, .tag = 7, .line = CALL_LINE, .closed = CALL_CLOSED};
}

static void tapme(void *state, struct gw_client *client, const struct gw_message *m)
{
	struct tapper *st = state;
	struct gw_tap tap = tap_of(st);

	(void)m;
	st->newcomer = client->id;
	add(&st->told, "tapme %d\n", CLIENT(st, tap, client, &tap));
}

static enum gw_line_verdict heard(void *state, uint64_t tag, struct gw_client *client,
                                  const struct gw_line *raw, const struct gw_message *m)
{
	struct tapper *st = state;

	add(&st->told, "%s%s%s [%.60s]%s\n", tag == 7 ? "" : "TAG ", client->nick,
	    raw->too_long ? " LONG" : "", raw->text, m != NULL ? m->command : "NULL");
	if (st->n_lines < LINES)
		st->lines[st->n_lines++] = gw_strndup(st->self, raw->text, raw->len);
	return st->stop ? GW_LINE_STOP : GW_LINE_NEXT;
}

static bool closed(void *state, uint64_t tag, struct gw_client *client, const char *reason)
{
	struct tapper *st = state;

	add(&st->told, "%s%s closed: %s\n", tag == 7 ? "" : "TAG ", client->nick, reason);
	return st->keep;
}

/* Of a shadow it is told which lines belong to no event of this moment. */
static void held(void *state, uint64_t tag, struct gw_buf *buf)
{
	struct tapper *st = state;
	const struct gw_event *event = tag == 2 ? NETWORK(st, current) : NULL;

	if (tag == 2 && (event == NULL || event->seq == 0))
		add(&st->held, "%s", event == NULL ? "(no event) " : "(again) ");
	add(&st->held, "%.*s", (int)buf->len, buf->data);
}

static void settled(void *state, uint64_t tag)
{
	struct tapper *st = state;

	add(&st->told, "settled%s\n", CLIENT(st, by_id, tag) == NULL ? " (gone)" : "");
}

static void gone(void *state, uint64_t tag, const void *payload)
{
	struct tapper *st = state;
	const struct gw_client *client = payload;

	(void)tag;
	add(&st->told, "%s gone%s\n", client->nick, client->session != NULL ? " SESSION" : "");
}

/* --- commands --- */

static struct gw_client *by_nick(struct tapper *st, const char *nick)
{
	struct gw_user *user = NETWORK(st, user, nick);

	return user != NULL ? CLIENT(st, of_session, user->session) : NULL;
}

static void done(struct tapper *st, struct gw_admin_request *req, int status)
{
	gw_admin_done(st->self, &req, status, status != 0 ? "refused" : "");
}

static void take(struct tapper *st, struct gw_admin_request *req, struct text *text)
{
	if (text->n > 0 && text->bytes[text->n - 1] == '\n')
		text->bytes[--text->n] = '\0';
	if (text->n > 0)
		gw_admin_text(st->self, req, text->bytes);
	text->n = 0;
	text->bytes[0] = '\0';
	done(st, req, 0);
}

static void do_tap(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct tapper *st = state;
	struct gw_tap tap = tap_of(st);

	(void)argc;
	done(st, req, CLIENT(st, tap, by_nick(st, argv[0]), &tap));
}

static void do_told(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	(void)argc;
	(void)argv;
	take(state, req, &((struct tapper *)state)->told);
}

static void do_show(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	(void)argc;
	(void)argv;
	take(state, req, &((struct tapper *)state)->held);
}

static void do_set(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct tapper *st = state;

	(void)argc;
	if (strcmp(argv[0], "stop") == 0 || strcmp(argv[0], "go") == 0)
		st->stop = argv[0][0] == 's';
	else
		st->keep = argv[0][0] == 'k';
	done(st, req, 0);
}

static void do_resume(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct tapper *st = state;

	(void)argc;
	CLIENT(st, tap_resume, by_nick(st, argv[0]));
	done(st, req, 0);
}

static void forget_lines(struct tapper *st)
{
	while (st->n_lines > 0)
		gw_free(st->self, st->lines[--st->n_lines]);
}

static struct gw_client *who(struct tapper *st, const char *nick)
{
	return nick[0] == '-' ? CLIENT(st, by_id, st->newcomer) : by_nick(st, nick);
}

static void untap_long(struct tapper *st, struct gw_client *client, size_t n)
{
	char *text = gw_alloc(st->self, n + 1);
	struct gw_line line = {.text = text, .len = n};

	memset(text, 'x', n);
	CLIENT(st, untap, client, &line, 1);
	gw_free(st->self, text);
}

static void do_untap(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct tapper *st = state;
	struct gw_line lines[LINES] = {{0}};
	bool kept = argc > 1 && strcmp(argv[1], "kept") == 0;

	for (size_t i = 0; i < st->n_lines; i++)
		lines[i] = (struct gw_line){.text = st->lines[i], .len = strlen(st->lines[i])};
	if (argc > 1 && !kept)
		untap_long(st, who(st, argv[0]), (size_t)atoi(argv[1]));
	else
		CLIENT(st, untap, who(st, argv[0]), lines, kept ? st->n_lines : 0);
	forget_lines(st);
	done(st, req, 0);
}

static void do_divert(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct tapper *st = state;

	(void)argc;
	st->sink = gw_sink_new(st->self, gw_call(st->self, CALL_HELD, 1));
	CLIENT(st, divert, by_nick(st, argv[0]), st->sink);
	done(st, req, 0);
}

static void do_undivert(void *state, struct gw_admin_request *req, int argc,
                        const char *const *argv)
{
	struct tapper *st = state;
	struct gw_client *client = by_nick(st, argv[0]);

	(void)argc;
	gw_sink_write(st->self, gw_conn_sink(st->self, client->conn), st->held.bytes, st->held.n);
	st->held.n = 0;
	CLIENT(st, divert, client, NULL);
	gw_sink_free(st->self, &st->sink);
	done(st, req, 0);
}

static void do_ask(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct tapper *st = state;
	struct gw_client *client = by_nick(st, argv[0]);
	size_t below = (size_t)atoi(argv[1]);

	(void)argc;
	CLIENT(st, when_settled, client, below,
	       below > 0 ? gw_call(st->self, CALL_SETTLED, client->id) : (struct gw_call){0});
	done(st, req, 0);
}

static void do_calm(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct tapper *st = state;

	(void)argc;
	gw_admin_text(st->self, req,
	              CLIENT(st, settled, by_nick(st, argv[0]), (size_t)atoi(argv[1])) ? "yes"
	                                                                               : "no");
	done(st, req, 0);
}

static void do_carry(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct tapper *st = state;
	struct gw_client_carry *c = &st->carry;
	char text[128];

	(void)argc;
	CLIENT(st, carry, by_nick(st, argv[0]), c);
	gw_admin_text(st->self, req, c->caps);
	gw_admin_text(st->self, req, c->offered);
	snprintf(text, sizeof(text), "command=%llu idle=%lld owed=%lld tokens=%d 302=%d secure=%d",
	         (unsigned long long)c->command, (long long)c->idle_ms / 1000,
	         (long long)c->owed_ms / 1000, c->tokens != 0, c->cap_302, c->secure);
	gw_admin_text(st->self, req, text);
	done(st, req, 0);
}

static void do_offer(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct tapper *st = state;
	struct gw_client_carry *c = &st->carry;
	size_t n = strlen(c->offered);

	(void)argc;
	if (strcmp(argv[0], "tokens") == 0)
		c->tokens++;
	else if (strcmp(argv[0], "secure") == 0)
		c->secure = !c->secure;
	else if (strcmp(argv[0], "nothing") == 0)
		c->offered[0] = '\0';
	else
		snprintf(c->offered + n, sizeof(c->offered) - n, " %s", argv[0]);
	done(st, req, 0);
}

static void join_words(int argc, const char *const *argv, char *out, size_t max)
{
	size_t n = 0;

	out[0] = '\0';
	for (int i = 0; i < argc && n < max; i++)
		n += (size_t)snprintf(out + n, max - n, "%s%s", i > 0 ? " " : "", argv[i]);
}

static void do_shadow(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct tapper *st = state;
	struct gw_user *user = NETWORK(st, user, argv[0]);
	struct gw_error why = {0};
	struct gw_client *shadow;
	char caps[512];

	join_words(argc - 1, argv + 1, caps, sizeof(caps));
	if (st->shadow_sink == NULL)
		st->shadow_sink = gw_sink_new(st->self, gw_call(st->self, CALL_HELD, 2));
	shadow = CLIENT(st, shadow, user->session, st->shadow_sink, caps, &why);
	gw_admin_text(st->self, req, why.text);
	if (shadow != NULL)
		st->shadow = shadow;
	done(st, req, shadow != NULL ? 0 : -EINVAL);
}

static void do_caps(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct tapper *st = state;
	struct gw_error why = {0};
	char caps[512];
	int status;

	join_words(argc, argv, caps, sizeof(caps));
	status = CLIENT(st, shadow_caps, st->shadow, caps, &why);
	gw_admin_text(st->self, req, why.text);
	done(st, req, status);
}

static void do_unshadow(void *state, struct gw_admin_request *req, int argc,
                        const char *const *argv)
{
	struct tapper *st = state;

	(void)argc;
	(void)argv;
	CLIENT(st, shadow_free, &st->shadow);
	done(st, req, 0);
}

static void do_adopt(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct tapper *st = state;
	struct gw_user *user = NETWORK(st, user, argv[0]);
	struct gw_client *newcomer = CLIENT(st, by_id, st->newcomer);

	(void)argc;
	done(st, req,
	     newcomer == NULL || user == NULL
	             ? -ENOENT
	             : CLIENT(st, adopt, newcomer, user->session, &st->carry));
}

static void do_write(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct tapper *st = state;
	struct gw_client *newcomer = CLIENT(st, by_id, st->newcomer);
	char text[512];

	join_words(argc, argv, text, sizeof(text) - 2);
	strcat(text, "\r\n");
	gw_sink_write(st->self, gw_conn_sink(st->self, newcomer->conn), text, strlen(text));
	done(st, req, 0);
}

static void do_send(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct tapper *st = state;
	struct gw_user *user = NETWORK(st, user, argv[0]);
	const struct gw_node *node = NETWORK(st, nodes);

	(void)argc;
	while (node != NULL && strcmp(node->name, argv[1]) != 0)
		node = node->next;
	done(st, req, NETWORK(st, shadow, user->session, node->run, ID));
}

static void do_end(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct tapper *st = state;

	(void)argc;
	done(st, req, NETWORK(st, shadow_end, NETWORK(st, user, argv[0])->session->id, ID));
}

static void do_move(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct tapper *st = state;

	(void)argc;
	done(st, req, NETWORK(st, move, NETWORK(st, user, argv[0])->session, ID));
}

static void do_moving(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct tapper *st = state;

	(void)argc;
	NETWORK(st, moving, NETWORK(st, user, argv[0])->session, strcmp(argv[1], "on") == 0);
	done(st, req, 0);
}

static void do_room(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct tapper *st = state;
	char text[24];

	(void)argc;
	(void)argv;
	snprintf(text, sizeof(text), "%u", CLIENT(st, room));
	gw_admin_text(st->self, req, text);
	done(st, req, 0);
}

static int tapper_load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	struct tapper *st = state;

	(void)err;
	if (why == GW_LOAD_RELOAD)
		return 0;
	st->self = self;
	st->client = gw_interface(self, "client");
	st->network = gw_interface(self, "network");
	return 0;
}

/* It leaves its taps and its diverted clients to the module client: the shadow only is its own. */
static void tapper_unload(struct gw_self *self, void *state, enum gw_unload why)
{
	struct tapper *st = state;

	(void)self;
	if (why == GW_UNLOAD_RELOAD)
		return;
	forget_lines(st);
	if (st->shadow != NULL)
		CLIENT(st, shadow_free, &st->shadow);
}

static const struct gw_call_row calls[] = {
	[CALL_NONE] = {"none", NULL},
	[CALL_TAPME] = {"tapme", (gw_fn *)tapme},
	[CALL_LINE] = {"line", (gw_fn *)heard},
	[CALL_CLOSED] = {"closed", (gw_fn *)closed},
	[CALL_HELD] = {"held", (gw_fn *)held},
	[CALL_SETTLED] = {"settled", (gw_fn *)settled},
	[CALL_GONE] = {"gone", (gw_fn *)gone},
	[CALL_TAP] = {"tap", (gw_fn *)do_tap},
	[CALL_TOLD] = {"told", (gw_fn *)do_told},
	[CALL_SET] = {"set", (gw_fn *)do_set},
	[CALL_RESUME] = {"resume", (gw_fn *)do_resume},
	[CALL_UNTAP] = {"untap", (gw_fn *)do_untap},
	[CALL_DIVERT] = {"divert", (gw_fn *)do_divert},
	[CALL_UNDIVERT] = {"undivert", (gw_fn *)do_undivert},
	[CALL_SHOW] = {"show", (gw_fn *)do_show},
	[CALL_ASK] = {"ask", (gw_fn *)do_ask},
	[CALL_CALM] = {"calm", (gw_fn *)do_calm},
	[CALL_CARRY] = {"carry", (gw_fn *)do_carry},
	[CALL_OFFER] = {"offer", (gw_fn *)do_offer},
	[CALL_SHADOW] = {"shadow", (gw_fn *)do_shadow},
	[CALL_CAPS] = {"caps", (gw_fn *)do_caps},
	[CALL_UNSHADOW] = {"unshadow", (gw_fn *)do_unshadow},
	[CALL_ADOPT] = {"adopt", (gw_fn *)do_adopt},
	[CALL_WRITE] = {"write", (gw_fn *)do_write},
	[CALL_SEND] = {"send", (gw_fn *)do_send},
	[CALL_END] = {"end", (gw_fn *)do_end},
	[CALL_MOVE] = {"move", (gw_fn *)do_move},
	[CALL_ROOM] = {"room", (gw_fn *)do_room},
	[CALL_MOVING] = {"moving", (gw_fn *)do_moving},
	{NULL, NULL},
};

static const struct gw_command commands[] = {
	{.name = "TAPME", .states = GW_IN_ALL, .cost = 1, .call = CALL_TAPME},
};

static const struct gw_admin_command admin[] = {
	{"tapper tap", "NICK", "Taps.", "", 1, 1, CALL_TAP, false, 0},
	{"tapper told", "", "What the tap was told.", "", 0, 0, CALL_TOLD, false, 0},
	{"tapper set", "stop|go|keep|quit", "What the tap answers.", "", 1, 1, CALL_SET, false, 0},
	{"tapper resume", "NICK", "Takes lines again.", "", 1, 1, CALL_RESUME, false, 0},
	{"tapper untap", "NICK|- [kept|LENGTH]", "Ends the tap.", "", 1, 2, CALL_UNTAP, false, 0},
	{"tapper divert", "NICK", "Takes the output.", "", 1, 1, CALL_DIVERT, false, 0},
	{"tapper undivert", "NICK", "Gives it back.", "", 1, 1, CALL_UNDIVERT, false, 0},
	{"tapper held", "", "The output.", "", 0, 0, CALL_SHOW, false, 0},
	{"tapper settled", "NICK BELOW", "Asks to be called.", "", 2, 2, CALL_ASK, false, 0},
	{"tapper calm", "NICK BELOW", "Asks now.", "", 2, 2, CALL_CALM, false, 0},
	{"tapper carry", "NICK", "What moves along.", "", 1, 1, CALL_CARRY, false, 0},
	{"tapper offer", "WORD", "Changes that.", "", 1, 1, CALL_OFFER, false, 0},
	{"tapper shadow", "NICK [CAP...]", "Makes a shadow.", "", 1, 20, CALL_SHADOW, false, 0},
	{"tapper caps", "[CAP...]", "Its capabilities.", "", 0, 20, CALL_CAPS, false, 0},
	{"tapper unshadow", "", "Ends it.", "", 0, 0, CALL_UNSHADOW, false, 0},
	{"tapper adopt", "NICK", "Takes its session over.", "", 1, 1, CALL_ADOPT, false, 0},
	{"tapper write", "WORD...", "Writes to the newcomer.", "", 1, 20, CALL_WRITE, false, 0},
	{"tapper send", "NICK SERVER", "Shadows in the network.", "", 2, 2, CALL_SEND, false, 0},
	{"tapper end", "NICK", "Ends that.", "", 1, 1, CALL_END, false, 0},
	{"tapper move", "NICK", "Moves the session.", "", 1, 1, CALL_MOVE, false, 0},
	{"tapper moving", "NICK on|off", "It is handed over.", "", 2, 2, CALL_MOVING, false, 0},
	{"tapper room", "", "For clients.", "", 0, 0, CALL_ROOM, false, 0},
};

static const struct gw_rows rows[] = {
	GW_ROWS(GW_POINT_COMMAND, commands),
	GW_ROWS(GW_POINT_ADMIN, admin),
	{.point = NULL},
};

static const struct gw_subscription subscriptions[] = {
	{GW_TOPIC_CLIENT_GONE, 0, CALL_GONE},
	{NULL, 0, 0},
};

GW_MODULE(tapper) = {
	.abi = GW_ABI,
	.name = "tapper",
	.version = "1.0",
	.summary = "moves clients step by step, for tests",
	.requires = "client 1.0, network 1.0",
	.calls = calls,
	.subscriptions = subscriptions,
	.rows = rows,
	.state_size = sizeof(struct tapper),
	.state_version = 1,
	.load = tapper_load,
	.unload = tapper_unload,
};
