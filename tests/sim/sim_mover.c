/*
 * tests/sim/sim_mover.c - connections and a clock for the movable clients of the simulation.
 *
 * Whatever happens to a client happens in an event of the network that is nobody's turn: bytes
 * arrive, or its one timer is due, which is set anew behind each event.
 */
#include "tests/sim/sim_mover.h"
#include "core/mem.h"
#include "core/tls_cred.h"
#include "tests/sim/harness_part.h"
#include "tests/sim/sim_part.h"
#include <godwit/network.h>
#include <stdarg.h>
#include <stdlib.h>

#define SILENCE_NS (90 * GW_SECOND)
#define WAIT_NS (10 * GW_SECOND)
#define GUESTS 4

/** One of its two connections. */
struct end {
	struct simmover *m;
	struct simpipe *pipe;
	struct text in; /* an unfinished line */
	int slot;
	unsigned node;
	bool tls;
};

/** A connection over which somebody says one line. */
struct guest {
	struct simpipe *pipe;
};

struct simmover {
	struct simtree *tree;
	struct simserver *agent; /* NULL: it is its own */
	struct mover mover;
	char nick[GW_NICK_MAX + 1];
	struct end ends[2];
	struct guest guests[GUESTS];
	unsigned n_guests;
	char **lines;
	size_t n_lines, room, waited;
	struct text talk;
	enum simmover_manner manner;
	int64_t patience_ns;
	struct simevent *timer;
	int64_t heard_ns, silence_ns;        /* of the connection in use */
	int64_t dial_ns, slow_ns, fickle_ns; /* when to do so; INT64_MAX: no */
	char host[MOVER_HOST_MAX + 1];
	uint16_t port;
	char handover[200]; /* the last one */
	char synced[100];   /* not said yet */
	char lost[100];
	bool asked; /* for a sign of life */
	simmover_step_fn *watch;
	void *watch_ctx;
};

static void note(struct simmover *m, int slot, const char *arrow, const char *text)
{
	char head[48];

	snprintf(head, sizeof(head), "%10.6f %s%d%s ", (double)simnet_now(m->tree->net) / 1e9,
	         slot < 0 ? "*" : "", slot < 0 ? 0 : slot, arrow);
	text_add(&m->talk, head);
	text_add(&m->talk, text);
	text_add(&m->talk, "\n");
}

void simmover_note(struct simmover *m, const char *text)
{
	note(m, -1, "", text);
}

static void step(struct simmover *m, enum simmover_step which)
{
	if (m->watch != NULL)
		m->watch(m->watch_ctx, m, which);
}

/* --- its clock --- */

static void set_timer(struct simmover *m);

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void end_close(struct end *end)
{
	if (end->pipe != NULL)
		simpipe_close(&end->pipe);
	end->in.n = 0;
}

static void end_is_dead(struct end *end, const char *how)
{
	note(end->m, end->slot, "<-", how);
	end_close(end);
	mover_closed(&end->m->mover, end->slot);
}

static void dial_now(struct simmover *m);

static void send_now(struct simmover *m, int slot, const char *line)
{
	struct end *end = &m->ends[slot];

	if (end->pipe == NULL)
		return;
	note(m, slot, "->", line);
	simpipe_send(end->pipe, line, strlen(line));
	simpipe_send(end->pipe, "\r\n", 2);
}

/* Asks for a sign of life at two thirds of its patience; what it must not ask it waits out. */
static void look_for_life(struct simmover *m, int64_t now)
{
	if (m->mover.state == MOVER_LOST)
		return;
	if (now - m->heard_ns >= m->silence_ns) {
		m->heard_ns = now;
		m->asked = false;
		end_is_dead(&m->ends[m->mover.home], "(silence)");
	} else if (now - m->heard_ns >= m->silence_ns * 2 / 3 && !m->asked) {
		m->asked = true;
		if (m->mover.state != MOVER_HOLDING)
			mover_say(&m->mover, "PING :alive");
	}
}

static void due(void *ctx)
{
	struct simmover *m = ctx;
	int64_t now = simnet_now(m->tree->net);

	m->timer = NULL;
	if (now >= m->dial_ns)
		dial_now(m);
	if (now >= m->slow_ns) {
		m->slow_ns = INT64_MAX;
		if (m->mover.state == MOVER_HOLDING) {
			send_now(m, m->mover.home, m->synced);
			step(m, SIMMOVER_SYNCED);
		}
	}
	if (now >= m->fickle_ns) {
		m->fickle_ns = INT64_MAX;
		mover_give_up(&m->mover, "I have changed my mind");
	}
	mover_tick(&m->mover, now);
	look_for_life(m, now);
	set_timer(m);
}

static void set_timer(struct simmover *m)
{
	int64_t at = mover_deadline(&m->mover);

	if (m->timer != NULL)
		m->timer->cancelled = true;
	m->timer = NULL;
	if (m->mover.state == MOVER_LOST)
		return;
	at = least(least(at, m->dial_ns), least(m->slow_ns, m->fickle_ns));
	at = least(at, m->heard_ns + (m->asked ? m->silence_ns : m->silence_ns * 2 / 3));
	if (at < simnet_now(m->tree->net))
		at = simnet_now(m->tree->net);
	m->timer = sim_at(m->tree->net, NULL, at, due, m);
}

/* --- input --- */

static void come_line(struct end *end, char *line)
{
	struct simmover *m = end->m;

	note(m, end->slot, "<-", line);
	if (end->slot == m->mover.home) {
		m->heard_ns = simnet_now(m->tree->net);
		m->asked = false;
	}
	if (strstr(line, " REDIRECT REQUEST ") != NULL)
		step(m, SIMMOVER_REQUEST);
	else if (strstr(line, " REDIRECT SYNC ") != NULL)
		step(m, SIMMOVER_SYNC);
	else if (strstr(line, " REDIRECT CANCEL ") != NULL)
		step(m, SIMMOVER_CANCEL);
	mover_line(&m->mover, end->slot, line);
}

static void got(void *ctx, const char *data, ssize_t n)
{
	struct end *end = ctx;
	struct simpipe *pipe = end->pipe;
	char *line_end;

	mover_tick(&end->m->mover, simnet_now(end->m->tree->net));
	if (n <= 0) {
		if (end->in.n > 0)
			note(end->m, end->slot, "<-", "(half a line)");
		end_is_dead(end, n == 0 ? "(end)" : "(reset)");
		set_timer(end->m);
		return;
	}
	text_add_n(&end->in, data, (size_t)n);
	while (end->pipe == pipe && (line_end = memchr(end->in.data, '\n', end->in.n)) != NULL) {
		size_t len = (size_t)(line_end - end->in.data);
		char *line = mem_strndup(end->in.data, len);

		if (len > 0 && line[len - 1] == '\r')
			line[len - 1] = '\0';
		memmove(end->in.data, line_end + 1, end->in.n - len);
		end->in.n -= len + 1;
		come_line(end, line);
		free(line);
	}
	set_timer(end->m);
}

/* --- connections --- */

/* "10.0.0.N" and a port, as the servers call themselves. NULL: nobody listens there. */
static struct simpipe *connect_to(struct simtree *tree, const char *host, uint16_t port,
                                  simpipe_got_fn *fn, void *ctx, unsigned *node_out)
{
	unsigned number = strncmp(host, "10.0.0.", 7) == 0 ? (unsigned)atoi(host + 7) : 0;
	char address[64];
	struct simserver *s;

	if (number == 0 || number > tree->n)
		return NULL;
	*node_out = number - 1;
	s = tree->nodes[number - 1].server;
	if (port == 6667)
		strcpy(address, "127.0.0.1:6667");
	else
		snprintf(address, sizeof(address), "%s:%u", host, port);
	if (simserver_server(s) == NULL)
		return NULL;
	return simpipe_connect(tree->net, simserver_host(s), address, "127.0.0.1", NULL, fn, ctx);
}

static void connected(struct simmover *m, struct end *end)
{
	uint8_t binding[32], fingerprint[32] = {0};

	simpipe_binding(end->pipe, binding);
	if (end->tls)
		tls_fingerprint(simserver_server(m->tree->nodes[end->node].server), fingerprint);
	mover_connected(&m->mover, end->slot, end->tls ? binding : NULL,
	                end->tls ? fingerprint : NULL);
}

static void guest_got(void *ctx, const char *data, ssize_t n)
{
	struct guest *guest = ctx;

	(void)data;
	if (n <= 0 && guest->pipe != NULL)
		simpipe_close(&guest->pipe);
}

static void send_guest(struct simmover *m, const char *host, uint16_t port, const char *line)
{
	struct guest *guest = &m->guests[m->n_guests++ % GUESTS];
	unsigned node;

	if (guest->pipe != NULL)
		simpipe_close(&guest->pipe);
	guest->pipe = connect_to(m->tree, host, port, guest_got, guest, &node);
	if (guest->pipe == NULL)
		return;
	note(m, -1, " somebody else: ", line);
	simpipe_send(guest->pipe, line, strlen(line));
	simpipe_send(guest->pipe, "\r\n", 2);
}

/* Without TLS a handover is not bound to a connection: a copy that comes before it is as good. */
static void send_copy(struct simmover *m, const char *host)
{
	if (m->handover[0] != '\0' && (m->port != 6667 || m->mover.state == MOVER_HOME))
		send_guest(m, host, m->port, m->handover);
}

void simmover_replay(struct simmover *m, unsigned node)
{
	char host[32];

	snprintf(host, sizeof(host), "10.0.0.%u", node + 1);
	send_copy(m, host);
}

static void dial_now(struct simmover *m)
{
	struct end *end = &m->ends[!m->mover.home];
	char line[128];

	m->dial_ns = INT64_MAX;
	if (m->manner == SIMMOVER_THIEF) {
		snprintf(line, sizeof(line),
		         "REDIRECT HANDOVER %s AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		         m->mover.id);
		send_guest(m, m->host, m->port, line);
	}
	if (m->manner == SIMMOVER_FOREIGN)
		send_guest(m, m->host, m->port,
		           "REDIRECT HANDOVER AAAAAAAAAAAAAAAAAAAAAA "
		           "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
	if (m->mover.state != MOVER_DIALLING) {
		send_copy(m, m->host); /* it comes although it knows better */
		return;
	}
	end_close(end);
	end->tls = m->port != 6667;
	end->pipe = connect_to(m->tree, m->host, m->port, got, end, &end->node);
	if (end->pipe == NULL) {
		note(m, end->slot, "<-", "(nobody listens)");
		mover_closed(&m->mover, end->slot);
		return;
	}
	connected(m, end);
}

static void act_dial(void *driver, int slot, const char *host, uint16_t port,
                     const uint8_t *fingerprint)
{
	struct simmover *m = driver;
	int64_t now = simnet_now(m->tree->net);

	(void)slot, (void)fingerprint;
	snprintf(m->host, sizeof(m->host), "%s", host);
	m->port = port;
	step(m, SIMMOVER_DIALS);
	if (m->manner == SIMMOVER_AWAY)
		return;
	m->dial_ns = now + (m->manner == SIMMOVER_LATE
	                            ? m->patience_ns
	                            : (int64_t)(simnet_random(m->tree->net) % (5 * GW_MS)));
}

/* --- output --- */

static void said_handover(struct simmover *m)
{
	if (m->manner == SIMMOVER_TWICE)
		send_copy(m, m->host);
	if (m->manner == SIMMOVER_FICKLE)
		m->fickle_ns = simnet_now(m->tree->net) + m->patience_ns;
	step(m, SIMMOVER_HANDOVER);
}

static void act_send(void *driver, int slot, const char *line)
{
	struct simmover *m = driver;
	bool synced = strncmp(line, "REDIRECT SYNCED ", 16) == 0;

	if (synced && m->manner == SIMMOVER_MUTE)
		return;
	if (synced && m->manner == SIMMOVER_SLOW) {
		snprintf(m->synced, sizeof(m->synced), "%s", line);
		m->slow_ns = simnet_now(m->tree->net) + m->patience_ns;
		return;
	}
	send_now(m, slot, line);
	if (strncmp(line, "REDIRECT HANDOVER ", 18) == 0) {
		snprintf(m->handover, sizeof(m->handover), "%s", line);
		said_handover(m);
	} else if (synced) {
		step(m, SIMMOVER_SYNCED);
	} else if (strncmp(line, "REDIRECT SWAP ", 14) == 0) {
		step(m, SIMMOVER_SWAP);
	} else if (strncmp(line, "REDIRECT REFUSE ", 16) == 0) {
		step(m, SIMMOVER_REFUSE);
	}
}

static void act_close(void *driver, int slot)
{
	struct simmover *m = driver;

	if (m->ends[slot].pipe != NULL)
		note(m, slot, "->", "(closed)");
	end_close(&m->ends[slot]);
	if (m->manner != SIMMOVER_LATE)
		m->dial_ns = INT64_MAX;
	m->fickle_ns = INT64_MAX;
}

/* `source` is that of a line, `at` what stands behind it. */
static void note_nick(struct simmover *m, const char *source, const char *at)
{
	size_t n = strlen(m->nick);

	if (strncmp(at, "NICK ", 5) == 0 && strncmp(source, m->nick, n) == 0 && source[n] == '!')
		snprintf(m->nick, sizeof(m->nick), "%s", at + 5 + (at[5] == ':'));
}

static void act_deliver(void *driver, const char *line)
{
	struct simmover *m = driver;
	const char *at = line[0] == '@' ? strchr(line, ' ') + 1 : line;

	if (at[0] == ':') {
		const char *source = at + 1;

		at = strchr(at, ' ') + 1;
		note_nick(m, source, at);
	}
	if (strncmp(at, "PING ", 5) == 0)
		mover_say(&m->mover, "PONG :alive");
	if (m->n_lines == m->room) {
		m->room = m->room * 2 + 64;
		m->lines = mem_resize(m->lines, m->room * sizeof(char *));
	}
	m->lines[m->n_lines++] = mem_strdup(line);
}

static void act_moved(void *driver)
{
	struct simmover *m = driver;

	m->heard_ns = simnet_now(m->tree->net);
	m->asked = false;
}

static void act_lost(void *driver, const char *reason)
{
	struct simmover *m = driver;

	snprintf(m->lost, sizeof(m->lost), "%s", reason);
	note(m, -1, " lost: ", reason);
}

static const struct mover_actions actions = {
	.dial = act_dial,
	.send = act_send,
	.close = act_close,
	.deliver = act_deliver,
	.moved = act_moved,
	.lost = act_lost,
};

/* --- from outside --- */

void simmover_watch(struct simmover *m, simmover_step_fn *fn, void *ctx)
{
	m->watch = fn;
	m->watch_ctx = ctx;
}

void simmover_behave(struct simmover *m, enum simmover_manner manner, int64_t patience_ns)
{
	m->manner = manner;
	m->patience_ns = patience_ns;
	m->mover.settings.policy = manner == SIMMOVER_REFUSES   ? MOVER_REFUSE
	                           : manner == SIMMOVER_IGNORES ? MOVER_IGNORE
	                                                        : MOVER_ACCEPT;
}

void simmover_say(struct simmover *m, const char *format, ...)
{
	va_list args;
	char *text = NULL;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	NEED(n >= 0);
	if (m->mover.state == MOVER_HOLDING)
		note(m, m->mover.home, " held: ", text);
	mover_say(&m->mover, text);
	free(text);
}

size_t simmover_lines(const struct simmover *m, const char *const **lines_out)
{
	*lines_out = (const char *const *)m->lines;
	return m->n_lines;
}

const char *simmover_wait(struct simmover *m, const char *glob)
{
	int64_t until = simnet_now(m->tree->net) + WAIT_NS;

	for (;; m->waited++) {
		while (m->waited == m->n_lines)
			if (m->mover.state == MOVER_LOST || !simnet_step(m->tree->net, until))
				return NULL;
		if (sim_glob(glob, m->lines[m->waited]))
			return m->lines[m->waited++];
	}
}

size_t simmover_taken(const struct simmover *m)
{
	return m->waited;
}

const char *simmover_talk(const struct simmover *m)
{
	return m->talk.data != NULL ? m->talk.data : "";
}

const char *simmover_nick(const struct simmover *m)
{
	return m->nick;
}

const struct mover *simmover_state(const struct simmover *m)
{
	return &m->mover;
}

/* By what its session's home is called, on any server that is up. */
static unsigned home_of(const struct simmover *m)
{
	unsigned node = 0;
	int status = -1;

	for (unsigned i = 0; i < m->tree->n && status != 0; i++) {
		struct simtree_node *at = &m->tree->nodes[i];

		if (!at->down && simtree_is_open(m->tree, i))
			sscanf(simserver_admin(at->server, &status, "moves home %s", m->nick),
			       "s%u.", &node);
	}
	return node;
}

unsigned simmover_node(const struct simmover *m)
{
	return m->agent != NULL ? home_of(m) : m->ends[m->mover.home].node;
}

bool simmover_by_agent(const struct simmover *m)
{
	return m->agent != NULL;
}

bool simmover_lost(const struct simmover *m)
{
	return m->mover.state == MOVER_LOST;
}

const char *simmover_why_lost(const struct simmover *m)
{
	return m->lost;
}

struct simpipe *simmover_pipe(const struct simmover *m, bool fresh)
{
	return m->ends[fresh ? !m->mover.home : m->mover.home].pipe;
}

void simmover_silence(struct simmover *m, int64_t ns)
{
	m->silence_ns = ns;
	set_timer(m);
}

void simmover_leave(struct simmover *m)
{
	if (m->mover.state == MOVER_LOST)
		return;
	note(m, -1, "", " leaves");
	end_close(&m->ends[!m->mover.home]);
	end_close(&m->ends[m->mover.home]);
	m->mover.new_open = false;
	m->mover.state = MOVER_HOME;
	mover_closed(&m->mover, m->mover.home);
	set_timer(m);
}

void simmover_free(struct simmover **mover)
{
	struct simmover *m = *mover;

	*mover = NULL;
	for (size_t i = 0; i < 2; i++) {
		end_close(&m->ends[i]);
		free(m->ends[i].in.data);
	}
	for (size_t i = 0; i < GUESTS; i++)
		if (m->guests[i].pipe != NULL)
			simpipe_close(&m->guests[i].pipe);
	if (m->timer != NULL)
		m->timer->cancelled = true;
	for (size_t i = 0; i < m->n_lines; i++)
		free(m->lines[i]);
	free(m->lines);
	free(m->talk.data);
	mover_fini(&m->mover);
	free(m);
}

static struct simmover *new_mover(struct simtree *tree, unsigned node, const char *nick, bool tls)
{
	struct simmover *m = mem_alloc(sizeof(*m));
	const struct mover_settings settings = {.actions = &actions, .driver = m};
	int64_t now = simnet_now(tree->net);

	m->tree = tree;
	snprintf(m->nick, sizeof(m->nick), "%s", nick);
	m->ends[0] = (struct end){.m = m, .slot = 0, .node = node, .tls = tls};
	m->ends[1] = (struct end){.m = m, .slot = 1};
	m->heard_ns = now;
	m->silence_ns = SILENCE_NS;
	m->dial_ns = m->slow_ns = m->fickle_ns = INT64_MAX;
	mover_init(&m->mover, &settings, now);
	return m;
}

/* Its first connection has been asked for. NULL: it is not Connected. */
static struct simmover *enter(struct simmover *m, const char *caps)
{
	if (m->ends[0].pipe == NULL) {
		simmover_free(&m);
		return NULL;
	}
	connected(m, &m->ends[0]);
	set_timer(m);
	if (caps[0] != '\0')
		simmover_say(m, "CAP REQ :%s", caps);
	simmover_say(m, "NICK %s", m->nick);
	simmover_say(m, "USER %s 0 * :The real %s", m->nick, m->nick);
	if (caps[0] != '\0')
		simmover_say(m, "CAP END");
	simmover_say(m, "PING in");
	if (simmover_wait(m, "* PONG s* :in") == NULL)
		simmover_free(&m);
	return m;
}

struct simmover *simmover_new(struct simtree *tree, unsigned node, const char *nick,
                              const char *caps, bool tls)
{
	struct simmover *m = new_mover(tree, node, nick, tls);
	char host[32];

	snprintf(host, sizeof(host), "10.0.0.%u", node + 1);
	m->ends[0].pipe = connect_to(tree, host, tls ? 6697 : 6667, got, &m->ends[0], &node);
	return enter(m, caps);
}

struct simmover *simmover_new_by(struct simtree *tree, struct simserver *agent, const char *nick,
                                 const char *caps)
{
	struct simmover *m = new_mover(tree, 0, nick, false);

	m->agent = agent;
	m->ends[0].pipe = simpipe_connect(tree->net, simserver_host(agent), SIMMOVER_AGENT,
	                                  "127.0.0.1", NULL, got, &m->ends[0]);
	return enter(m, caps);
}
