/*
 * tests/modules/forger/forger.c - a member that has its own way with moves: it sends what messages
 * of the module redirect a test asks for, and logs what comes in answer. It is loaded in place of
 * redirect.
 *
 *     forger shadow NICK SERVER ID         as a source begins; ID is 32 digits of hexadecimal
 *     forger send FROM SERVER NUMBER ID PART...
 *         FROM: a server's name, in whose name it is sent. PART: u:NUMBER, t:TEXT, x:HEX, z:N (so
 *         many zeros), s:NICK (its session), e:NICK (the session's epoch), c:CAPS (a snapshot of
 *         capabilities, with commas between), c:CAPS;NAME=TEXT (and of what a module keeps)
 *     forger storm SERVER COUNT NICK       so many NOTIFYs, each of another id
 *
 * In TEXT "%" and two digits of hexadecimal are a byte.
 */
#include <errno.h>
#include <godwit/admin.h>
#include <godwit/link.h>
#include <godwit/log.h>
#include <godwit/mem.h>
#include <godwit/module.h>
#include <godwit/network.h>
#include <godwit/parts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID_BYTES 16
#define TOKEN_BYTES 32

enum { CALL_NONE, CALL_FRAME, CALL_SHADOW, CALL_SEND, CALL_STORM };

struct forger {
	struct gw_self *self;
	struct gw_iface *link, *network;
};

struct message {
	struct gw_parts parts;
	uint8_t bytes[GW_FRAME_MAX];
};

#define NETWORK(st, ...) GW_VIA((st)->network, gw_network_ops, __VA_ARGS__)

static struct gw_session *session_of(struct forger *st, const char *nick)
{
	struct gw_user *user = NETWORK(st, user, nick);

	return user != NULL ? user->session : NULL;
}

static uint64_t run_of(struct forger *st, const char *name)
{
	for (const struct gw_node *n = NETWORK(st, nodes); n != NULL; n = n->next)
		if (strcmp(n->name, name) == 0)
			return n->run;
	return 0;
}

static int digit(char c)
{
	const char *digits = "0123456789abcdef", *at = strchr(digits, c);

	return at != NULL && c != '\0' ? (int)(at - digits) : 0;
}

static size_t from_hex(const char *text, uint8_t *out, size_t max)
{
	size_t n = 0;

	for (; text[0] != '\0' && text[1] != '\0' && n < max; text += 2)
		out[n++] = (uint8_t)(digit(text[0]) << 4 | digit(text[1]));
	return n;
}

static size_t plain(const char *text, char *out, size_t max)
{
	size_t n = 0;

	while (*text != '\0' && n < max - 1) {
		if (text[0] == '%' && text[1] != '\0' && text[2] != '\0') {
			out[n++] = (char)(digit(text[1]) << 4 | digit(text[2]));
			text += 3;
		} else {
			out[n++] = *text++;
		}
	}
	out[n] = '\0';
	return n;
}

static void add_snapshot(struct gw_parts *out, const char *spec)
{
	uint8_t bytes[8192], flags = 0;
	struct gw_parts parts = {.bytes = bytes, .max = sizeof(bytes)};
	const char *data = strchr(spec, ';'), *is;
	char caps[4000], name[2000];

	snprintf(caps, sizeof(caps), "%.*s", (int)strcspn(spec, ";"), spec);
	for (char *c = caps; *c != '\0'; c++)
		if (*c == ',')
			*c = ' ';
	gw_parts_text(&parts, caps);
	gw_parts_text(&parts, caps);
	gw_parts_u64(&parts, 0);
	gw_parts_add(&parts, &flags, 1);
	is = data != NULL ? strchr(data, '=') : NULL;
	if (is != NULL) {
		snprintf(name, sizeof(name), "%.*s", (int)(is - data - 1), data + 1);
		gw_parts_text(&parts, name);
		gw_parts_u64(&parts, 1);
		gw_parts_text(&parts, is + 1);
	}
	gw_parts_add(out, bytes, parts.n);
}

static void add_part(struct forger *st, struct gw_parts *parts, const char *spec)
{
	static const uint8_t zeros[65535];
	const struct gw_session *session;
	uint8_t bytes[2048];
	const char *value = spec + 2;

	switch (spec[0]) {
	case 'u':
		gw_parts_u64(parts, strtoull(value, NULL, 10));
		break;
	case 't':
		gw_parts_add(parts, bytes, plain(value, (char *)bytes, sizeof(bytes)));
		break;
	case 'x':
		gw_parts_add(parts, bytes, from_hex(value, bytes, sizeof(bytes)));
		break;
	case 'z':
		gw_parts_add(parts, zeros, strtoull(value, NULL, 10) % 65536);
		break;
	case 'c':
		add_snapshot(parts, value);
		break;
	default:
		session = session_of(st, value);
		gw_parts_u64(parts, session == NULL  ? 0
		                    : spec[0] == 's' ? session->id
		                                     : session->epoch);
	}
}

static void begin(struct message *m, uint8_t number, const uint8_t id[ID_BYTES], uint64_t from)
{
	m->parts = (struct gw_parts){.bytes = m->bytes, .max = sizeof(m->bytes)};
	gw_parts_add(&m->parts, &number, 1);
	gw_parts_add(&m->parts, id, ID_BYTES);
	gw_parts_u64(&m->parts, from);
}

static int send(struct forger *st, const struct message *m, const char *server)
{
	struct gw_frame frame = {.kind = GW_FRAME_REDIRECT,
	                         .reach = GW_REACH_SERVER,
	                         .to = run_of(st, server),
	                         .body = m->bytes,
	                         .n = m->parts.n};

	return m->parts.overflow ? -E2BIG : GW_VIA(st->link, gw_link_ops, route, &frame);
}

static void admin_send(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct forger *st = state;
	struct message *m = gw_alloc(st->self, sizeof(*m));
	uint8_t id[ID_BYTES] = {0};
	int status;

	from_hex(argv[3], id, sizeof(id));
	begin(m, (uint8_t)atoi(argv[2]), id, run_of(st, argv[0]));
	for (int i = 4; i < argc; i++)
		add_part(st, &m->parts, argv[i]);
	status = send(st, m, argv[1]);
	gw_free(st->self, m);
	gw_admin_done(st->self, &req, status, status == 0 ? "" : strerror(-status));
}

static void admin_storm(void *state, struct gw_admin_request *req, int argc,
                        const char *const *argv)
{
	struct forger *st = state;
	const struct gw_session *session = session_of(st, argv[2]);
	struct message *m = gw_alloc(st->self, sizeof(*m));
	uint8_t id[ID_BYTES] = {0xff}, token[TOKEN_BYTES] = {0}, flags = 0;

	(void)argc;
	for (int i = 0, n = atoi(argv[1]); i < n && session != NULL; i++) {
		id[14] = (uint8_t)(i >> 8);
		id[15] = (uint8_t)i;
		begin(m, 1, id, NETWORK(st, here)->run);
		gw_parts_u64(&m->parts, session->id);
		gw_parts_u64(&m->parts, session->epoch);
		gw_parts_add(&m->parts, &flags, 1);
		gw_parts_add(&m->parts, token, sizeof(token));
		add_snapshot(&m->parts, "");
		send(st, m, argv[0]);
	}
	gw_free(st->self, m);
	gw_admin_done(st->self, &req, 0, "");
}

static void admin_shadow(void *state, struct gw_admin_request *req, int argc,
                         const char *const *argv)
{
	struct forger *st = state;
	struct gw_session *session = session_of(st, argv[0]);
	uint8_t id[ID_BYTES] = {0};
	int status = -ENOENT;

	(void)argc;
	from_hex(argv[2], id, sizeof(id));
	if (session != NULL)
		status = NETWORK(st, shadow, session, run_of(st, argv[1]), id);
	gw_admin_done(st->self, &req, status, status == 0 ? "" : strerror(-status));
}

/* "heard NUMBER id=HEX from=NAME text": with the texts that a message has. */
static int heard(void *state, const struct gw_link *link, const struct gw_frame *frame,
                 struct gw_error *why)
{
	struct forger *st = state;
	struct gw_blob body = {frame->body, frame->n}, number, id;
	const struct gw_node *from = NETWORK(st, node, gw_part_u64(body, 2, 0));
	char text[300], hex[2 * ID_BYTES + 1] = "";

	(void)link;
	(void)why;
	if (!gw_part(body, 0, &number) || number.n != 1 || !gw_part(body, 1, &id) ||
	    id.n != ID_BYTES)
		return 0;
	for (size_t i = 0; i < ID_BYTES; i++)
		snprintf(hex + 2 * i, 3, "%02x", ((const uint8_t *)id.p)[i]);
	gw_part_text(body, 3, text, sizeof(text));
	gw_log(st->self, GW_INFO, "heard %d id=%s from=%s text=%s", *(const uint8_t *)number.p, hex,
	       from != NULL ? from->name : "?", *(const uint8_t *)number.p == 1 ? "" : text);
	return 0;
}

static int forger_load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	struct forger *st = state;

	(void)why;
	(void)err;
	st->self = self;
	st->link = gw_interface(self, "link");
	st->network = gw_interface(self, "network");
	return 0;
}

static void forger_unload(struct gw_self *self, void *state, enum gw_unload why)
{
	(void)self;
	(void)state;
	(void)why;
}

static const struct gw_call_row forger_calls[] = {
	[CALL_NONE] = {"none", NULL},
	[CALL_FRAME] = {"frame", (gw_fn *)heard},
	[CALL_SHADOW] = {"shadow", (gw_fn *)admin_shadow},
	[CALL_SEND] = {"send", (gw_fn *)admin_send},
	[CALL_STORM] = {"storm", (gw_fn *)admin_storm},
	{NULL, NULL},
};

static const struct gw_frame_row forger_frames[] = {
	{"redirect", GW_FRAME_REDIRECT, CALL_FRAME},
};

static const struct gw_admin_command forger_admin[] = {
	{"forger shadow", "NICK SERVER ID", "Makes a server a session's shadow.", "", 3, 3,
         CALL_SHADOW, false, 0},
	{"forger send", "FROM SERVER NUMBER ID PART...", "Sends a message.", "", 4, 30, CALL_SEND,
         false, 0},
	{"forger storm", "SERVER COUNT NICK", "Sends many.", "", 3, 3, CALL_STORM, false, 0},
};

static const struct gw_rows forger_rows[] = {
	GW_ROWS(GW_POINT_FRAME, forger_frames),
	GW_ROWS(GW_POINT_ADMIN, forger_admin),
	{.point = NULL},
};

GW_MODULE(forger) = {
	.abi = GW_ABI,
	.name = "forger",
	.version = "1",
	.summary = "sends what no honest server would",
	.requires = "link 1.0, network 1.0",
	.calls = forger_calls,
	.rows = forger_rows,
	.state_size = sizeof(struct forger),
	.state_version = 1,
	.load = forger_load,
	.unload = forger_unload,
};
