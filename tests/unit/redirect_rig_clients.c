/*
 * tests/unit/redirect_rig_clients.c - the clients of the rig: connections whose lines the test
 * types, and shadows.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/redirect_rig.h"
#include <errno.h>
#include <stdarg.h>

#define CARRIED "cap-a godwit/redirect"

static struct fake_client *fake(const struct gw_client *client)
{
	return (struct fake_client *)(uintptr_t)client;
}

/* Words that go into a line: none may end it. */
__attribute__((format(printf, 1, 0))) static const char *one_line(const char *format, va_list args)
{
	static char text[2048];

	vsnprintf(text, sizeof(text), format, args);
	FUZZ_CHECK(strpbrk(text, "\r\n") == NULL);
	return text;
}

void rig_free_client(struct fake_client *c)
{
	rig_add(&c->conn.sink.lines, NULL);
	rig_add(&c->executed, NULL);
	free(c);
}

static void let_go(struct fake_client *c)
{
	struct fake_session *s = (struct fake_session *)c->pub.session;

	c->pub.session = NULL;
	c->divert = NULL;
	if (s != NULL && s->client == c)
		s->client = NULL;
}

static bool tap_over(struct fake_client *c, const char *reason)
{
	gw_tap_closed_fn *fn;

	if (!c->tapped)
		return false;
	c->tapped = false;
	fn = (gw_tap_closed_fn *)gw_call_fn(gw_call(c->tap.module, c->tap.closed, 0));
	return fn(c->tap.module->state, c->tap.tag, &c->pub, reason);
}

static void client_close(struct redirect_rig *rig, struct fake_client *c, const char *why)
{
	struct gw_session *session = c->pub.session;

	FUZZ_CHECK(!c->pub.shadow);
	if (c->closed || c->divert != NULL)
		return;
	c->closed = true;
	rig_add(&rig->notes, "client %d close %s\n", (int)c->pub.id, why);
	tap_over(c, why);
	if (session != NULL)
		rig_quit(rig, session->id);
}

void rig_close(struct redirect_rig *rig, struct fake_client *c)
{
	struct gw_session *session = c->pub.session;

	if (c->closed)
		return;
	c->divert = NULL;
	if (!tap_over(c, "Connection closed")) {
		client_close(rig, c, "Connection closed");
		return;
	}
	c->closed = true;
	if (session != NULL)
		session->sink = NULL;
	let_go(c);
}

/* The client's side of an event, which comes before others hear of it. */
void rig_clients_hear(struct redirect_rig *rig, const struct gw_event *event)
{
	struct fake_session *s = (struct fake_session *)event->source;
	struct fake_client *c = s != NULL ? s->client : NULL;

	if (c == NULL || (event->kind != GW_EV_QUIT && event->kind != GW_EV_MOVE) ||
	    (event->kind == GW_EV_MOVE && s->pub.local))
		return;
	s->pub.sink = NULL;
	let_go(c);
	if (c->pub.shadow || c->closed)
		return;
	c->closed = true;
	rig_add(&rig->notes, "client %d closed\n", (int)c->pub.id);
	if (event->kind == GW_EV_QUIT)
		tap_over(c, "Quit");
	c->tapped = false;
}

void rig_unshown(struct redirect_rig *rig, struct fake_session *s)
{
	struct fake_client *c = s->client;

	s->pub.sink = NULL;
	s->data_n = 0;
	if (c != NULL && c->pub.shadow)
		let_go(c);
	rig->notifying++;
	mini_notify(rig->mini, GW_TOPIC_UNSHOWN, &s->pub);
	rig->notifying--;
}

/* --- the interface --- */

static struct gw_client *ops_by_id(void *fakes, uint64_t id)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct fake_client *c = RIG(fakes)->clients[i];

		if (c != NULL && c->pub.id == id)
			return &c->pub;
	}
	return NULL;
}

static void ops_numeric(void *fakes, struct gw_client *client, int numeric, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	rig_add(&RIG(fakes)->notes, "client %d %d %s\n", (int)client->id, numeric,
	        one_line(format, args));
	va_end(args);
}

static void ops_standard(void *fakes, struct gw_client *client, const char *type,
                         const char *command, const char *code, const char *context,
                         const char *format, ...)
{
	va_list args;

	va_start(args, format);
	rig_add(&RIG(fakes)->notes, "client %d %s %s %s%s :%s\n", (int)client->id, type, command,
	        code, context, one_line(format, args));
	va_end(args);
}

static void ops_close(void *fakes, struct gw_client *client, const char *format, ...)
{
	char why[512];
	va_list args;

	va_start(args, format);
	snprintf(why, sizeof(why), "%.500s", one_line(format, args));
	va_end(args);
	client_close(RIG(fakes), fake(client), why);
}

static uint64_t ops_cap(void *fakes, const char *name)
{
	(void)fakes;
	return strcmp(name, "godwit/redirect") == 0 ? CAP_BIT : 0;
}

static int ops_tap(void *fakes, struct gw_client *client, const struct gw_tap *tap)
{
	struct fake_client *c = fake(client);

	FUZZ_CHECK(RIG(fakes)->notifying == 0);
	if (c->tapped || c->closed || client->shadow)
		return -EBUSY;
	c->tap = *tap;
	c->tapped = true;
	c->stopped = false;
	return 0;
}

static void ops_untap(void *fakes, struct gw_client *client, const struct gw_line *lines, size_t n)
{
	struct fake_client *c = fake(client);

	FUZZ_CHECK(RIG(fakes)->notifying == 0);
	if (!c->tapped || c->closed)
		return;
	c->tapped = false;
	for (size_t i = 0; i < n; i++) {
		FUZZ_CHECK(lines[i].text[lines[i].len] == '\0');
		FUZZ_CHECK(strcspn(lines[i].text, "\r\n") == lines[i].len);
		rig_add(&c->executed, "%s|", lines[i].text);
	}
}

static void ops_when_settled(void *fakes, struct gw_client *client, size_t below,
                             struct gw_call call)
{
	(void)fakes;
	(void)below;
	fake(client)->settled = call;
}

static bool ops_settled(void *fakes, const struct gw_client *client, size_t below)
{
	(void)fakes;
	(void)below;
	return !fake(client)->busy;
}

static void ops_divert(void *fakes, struct gw_client *client, struct gw_sink *sink)
{
	struct fake_client *c = fake(client);

	FUZZ_CHECK(RIG(fakes)->notifying == 0);
	if (c->closed || client->session == NULL)
		return;
	c->divert = sink;
	client->session->sink = sink != NULL ? sink : &c->conn.sink;
}

static void ops_carry(void *fakes, const struct gw_client *client, struct gw_client_carry *out)
{
	(void)fakes;
	*out = (struct gw_client_carry){.caps = CARRIED,
	                                .offered = CARRIED " cap-b",
	                                .tokens = 7,
	                                .command = client->command,
	                                .idle_ms = 5,
	                                .secure = client->info->tls};
}

/* -1: something is not offered here. */
static int caps_known(const char *caps, struct gw_error *why)
{
	static const char *const known[] = {"cap-a", "cap-b", "godwit/redirect"};

	for (caps += strspn(caps, " "); *caps != '\0'; caps += strspn(caps, " ")) {
		size_t n = strcspn(caps, " "), i = 0;

		while (i < 3 && (strlen(known[i]) != n || memcmp(known[i], caps, n) != 0))
			i++;
		if (i == 3)
			return gw_fail(why, -EINVAL, "the capability %.*s is not offered here",
			               n < 64 ? (int)n : 64, caps);
		caps += n;
	}
	return 0;
}

static struct gw_client *ops_shadow(void *fakes, struct gw_session *session, struct gw_sink *sink,
                                    const char *caps, struct gw_error *why)
{
	struct fake_session *s = (struct fake_session *)session;
	struct fake_client *c;

	FUZZ_CHECK(RIG(fakes)->notifying == 0);
	FUZZ_CHECK(session->shadow == RUN_HERE);
	if (s->client != NULL) {
		gw_fail(why, -EEXIST, "the session has a client here already");
		return NULL;
	}
	if (caps_known(caps, why) != 0)
		return NULL;
	c = calloc(1, sizeof(*c));
	c->pub.shadow = true;
	c->pub.session = session;
	s->client = c;
	session->sink = sink;
	RIG(fakes)->n_shadows++;
	return &c->pub;
}

static int ops_shadow_caps(void *fakes, struct gw_client *client, const char *caps,
                           struct gw_error *why)
{
	(void)fakes;
	FUZZ_CHECK(client->shadow);
	return caps_known(caps, why);
}

static void ops_shadow_free(void *fakes, struct gw_client **client)
{
	struct fake_client *c = fake(*client);

	FUZZ_CHECK(c->pub.shadow);
	*client = NULL;
	if (c->pub.session != NULL && !c->pub.session->local)
		c->pub.session->sink = NULL;
	let_go(c);
	RIG(fakes)->n_shadows--;
	rig_free_client(c);
}

static int ops_adopt(void *fakes, struct gw_client *newcomer, struct gw_session *session,
                     const struct gw_client_carry *carry)
{
	struct fake_client *c = fake(newcomer);
	struct fake_session *s = (struct fake_session *)session;

	FUZZ_CHECK(RIG(fakes)->notifying == 0 && s->client == NULL);
	if (c->closed || RIG(fakes)->no_adopt || !session->local || newcomer->session != NULL ||
	    newcomer->state != GW_CONNECTING || (carry->secure && !newcomer->info->tls))
		return -EPERM;
	newcomer->state = GW_CONNECTED;
	newcomer->session = session;
	newcomer->command = carry->command;
	newcomer->caps = CAP_BIT;
	s->client = c;
	session->sink = &c->conn.sink;
	rig_add(&RIG(fakes)->notes, "client %d adopts %d caps=%s idle=%lld owed=%lld\n",
	        (int)newcomer->id, (int)session->id, carry->caps, (long long)carry->idle_ms,
	        (long long)carry->owed_ms);
	return 0;
}

static uint32_t ops_room(void *fakes)
{
	return RIG(fakes)->room;
}

const struct gw_client_ops rig_clients = {
	.by_id = ops_by_id,
	.numeric = ops_numeric,
	.standard = ops_standard,
	.close = ops_close,
	.cap = ops_cap,
	.tap = ops_tap,
	.untap = ops_untap,
	.when_settled = ops_when_settled,
	.settled = ops_settled,
	.divert = ops_divert,
	.carry = ops_carry,
	.shadow = ops_shadow,
	.shadow_caps = ops_shadow_caps,
	.shadow_free = ops_shadow_free,
	.adopt = ops_adopt,
	.room = ops_room,
};
