/*
 * tests/sim/harness_client.c - scripted clients: a line out, a line in, and what both said when it
 * goes wrong.
 */
#include "core/listener.h"
#include "core/mem.h"
#include "tests/sim/harness_part.h"
#include <stdarg.h>
#include <stdlib.h>

#define PATIENCE_NS (10 * GW_SECOND)

struct simclient {
	struct simclient *next;
	struct simserver *server;
	struct simpipe *pipe;
	struct text in; /* an unfinished line */
	char **lines;
	size_t n_lines, room, taken;
	struct text talk; /* all that was said, with times */
	uint8_t binding[32];
	bool ended;
	bool alive; /* see client_alive() */
};

void text_add_n(struct text *t, const char *s, size_t n)
{
	if (t->n + n + 1 > t->room) {
		t->room = (t->n + n + 1) * 2;
		t->data = mem_resize(t->data, t->room);
	}
	memcpy(t->data + t->n, s, n);
	t->n += n;
	t->data[t->n] = '\0';
}

void text_add(struct text *t, const char *s)
{
	text_add_n(t, s, strlen(s));
}

bool sim_glob(const char *glob, const char *text)
{
	const char *star = NULL, *mark = NULL;

	while (*text != '\0') {
		if (*glob == '*') {
			star = glob++;
			mark = text;
		} else if (*glob == '?' || *glob == *text) {
			glob++;
			text++;
		} else if (star != NULL) {
			glob = star + 1;
			text = ++mark;
		} else {
			return false;
		}
	}
	while (*glob == '*')
		glob++;
	return *glob == '\0';
}

unsigned sim_count(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)) != NULL; text += strlen(what))
		n++;
	return n;
}

/* --- what was said --- */

static void note(struct simclient *c, const char *arrow, const char *text, size_t n)
{
	char stamp[40];

	snprintf(stamp, sizeof(stamp), "%10.6f %s ", (double)simnet_now(c->server->net) / 1e9,
	         arrow);
	text_add(&c->talk, stamp);
	text_add_n(&c->talk, text, n);
	text_add(&c->talk, "\n");
}

/* Whether the line was a sign of life that the server asks for, and gets. */
static bool answered(struct simclient *c, size_t n)
{
	char *pong;

	if (!c->alive || n < 5 || memcmp(c->in.data, "PING ", 5) != 0)
		return false;
	pong = mem_printf("PONG %.*s\r\n", (int)(n - 5), c->in.data + 5);
	simpipe_send(c->pipe, pong, strlen(pong));
	free(pong);
	return true;
}

static void take_line(struct simclient *c, size_t n)
{
	if (n > 0 && c->in.data[n - 1] == '\r')
		n--;
	if (answered(c, n))
		return;
	if (c->n_lines == c->room) {
		c->room = c->room * 2 + 32;
		c->lines = mem_resize(c->lines, c->room * sizeof(char *));
	}
	c->lines[c->n_lines++] = mem_strndup(c->in.data, n);
	note(c, "<-", c->in.data, n);
}

static void got(void *ctx, const char *data, ssize_t n)
{
	struct simclient *c = ctx;
	size_t start = 0;
	char *end;

	if (n <= 0) {
		c->ended = true;
		note(c, "<-", n == 0 ? "(end)" : "(reset)", n == 0 ? 5 : 7);
		return;
	}
	text_add_n(&c->in, data, (size_t)n);
	while ((end = memchr(c->in.data, '\n', c->in.n)) != NULL) {
		start = (size_t)(end - c->in.data);
		take_line(c, start);
		memmove(c->in.data, end + 1, c->in.n - start);
		c->in.n -= start + 1;
	}
}

char *sim_report(struct simnet *net, const char *talk, const char *what, const char *wanted)
{
	struct text report = {0};
	char seed[32];

	for (struct simserver *s = *sim_servers(net); s != NULL; s = s->next) {
		text_add(&report, "\n--- log of the server ");
		text_add(&report, s->address);
		text_add(&report, "\n");
		text_add(&report, simserver_log(s));
	}
	if (talk[0] != '\0')
		text_add(&report, "--- conversation (-> sent, <- received)\n");
	text_add(&report, talk);
	text_add(&report, "--- ");
	text_add(&report, what);
	text_add(&report, ": ");
	text_add(&report, wanted);
	snprintf(seed, sizeof(seed), "\n--- seed %llu\n", (unsigned long long)simnet_seed(net));
	text_add(&report, seed);
	return report.data;
}

__attribute__((noreturn)) static void give_up(struct simclient *c, const char *what,
                                              const char *wanted, const char *file, int line)
{
	sim_fail(c->server->net,
	         sim_report(c->server->net, c->talk.data != NULL ? c->talk.data : "", what, wanted),
	         file, line);
}

/* --- connecting --- */

struct door {
	bool tls, found;
	char address[160];
};

static void choose(void *ctx, const struct gw_listener *listener)
{
	struct door *door = ctx;

	if (door->found || door->tls != listener->tls)
		return;
	door->found = true;
	snprintf(door->address, sizeof(door->address), "%s", listener->address);
}

static struct simclient *connect_to(struct simserver *s, const char *address, const char *from,
                                    const uint8_t certificate[32])
{
	struct simclient *c = calloc(1, sizeof(*c));

	c->server = s;
	c->pipe = simpipe_connect(s->net, s->host, address, from, certificate, got, c);
	if (c->pipe == NULL)
		BROKEN("nobody listens on %s", address);
	simpipe_binding(c->pipe, c->binding);
	c->next = s->clients;
	s->clients = c;
	return c;
}

static struct simclient *connect_by(struct simserver *s, const char *from, bool tls,
                                    const uint8_t certificate[32])
{
	struct door door = {.tls = tls};

	listeners_each(s->server, choose, &door);
	if (!door.found)
		BROKEN("there is no listener for clients%s", tls ? " with TLS" : "");
	return connect_to(s, door.address, from, certificate);
}

struct simclient *simnet_client(struct simserver *s, const char *from, bool tls)
{
	return connect_by(s, from, tls, NULL);
}

struct simclient *simnet_client_with(struct simserver *s, const char *from,
                                     const uint8_t certificate[32])
{
	return connect_by(s, from, true, certificate);
}

struct simclient *simnet_client_at(struct simserver *s, const char *address, const char *from)
{
	return connect_to(s, address, from, NULL);
}

void client_close(struct simclient *c)
{
	if (c->pipe == NULL)
		return;
	note(c, "->", "(gone)", 6);
	simpipe_close(&c->pipe);
	c->ended = true;
}

void client_free(struct simclient *c)
{
	struct simclient **at = &c->server->clients;
	size_t i;

	client_close(c);
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	for (i = 0; i < c->n_lines; i++)
		free(c->lines[i]);
	free(c->lines);
	free(c->in.data);
	free(c->talk.data);
	free(c);
}

/* --- talking --- */

void client_send_raw(struct simclient *c, const void *data, size_t n)
{
	if (c->pipe == NULL)
		return;
	note(c, "->", data, n > 0 && ((const char *)data)[n - 1] == '\n' ? n - 1 : n);
	simpipe_send(c->pipe, data, n);
}

void client_send(struct simclient *c, const char *format, ...)
{
	va_list args;
	char *text = NULL;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	NEED(n >= 0);
	text = mem_resize(text, (size_t)n + 3);
	memcpy(text + n, "\r\n", 3);
	if (c->pipe != NULL) {
		note(c, "->", text, (size_t)n);
		simpipe_send(c->pipe, text, (size_t)n + 2);
	}
	free(text);
}

/* Lets time pass until there is a line at `i`; false when none comes. */
static bool wait_line(struct simclient *c, size_t i, int64_t until)
{
	while (c->n_lines <= i && !c->ended && simnet_step(c->server->net, until))
		;
	return c->n_lines > i;
}

const char *client_expect_at(struct simclient *c, const char *glob, const char *file, int line)
{
	int64_t until = simnet_now(c->server->net) + PATIENCE_NS;
	size_t i;

	for (i = c->taken; wait_line(c, i, until); i++) {
		if (!sim_glob(glob, c->lines[i]))
			continue;
		c->taken = i + 1;
		return c->lines[i];
	}
	give_up(c, "did not come", glob, file, line);
}

const char *client_expect_next_at(struct simclient *c, const char *glob, const char *file, int line)
{
	if (!wait_line(c, c->taken, simnet_now(c->server->net) + PATIENCE_NS))
		give_up(c, "nothing came instead of", glob, file, line);
	if (!sim_glob(glob, c->lines[c->taken]))
		give_up(c, "is not what came next", glob, file, line);
	return c->lines[c->taken++];
}

void client_expect_none_at(struct simclient *c, const char *glob, const char *file, int line)
{
	size_t i;

	simnet_quiet(c->server->net);
	for (i = c->taken; i < c->n_lines; i++)
		if (sim_glob(glob, c->lines[i]))
			give_up(c, "should not have come", glob, file, line);
}

char *client_take(struct simclient *c)
{
	struct text all = {0};

	simnet_quiet(c->server->net);
	text_add(&all, "");
	for (; c->taken < c->n_lines; c->taken++) {
		text_add(&all, all.n > 0 ? "\n" : "");
		text_add(&all, c->lines[c->taken]);
	}
	return all.data;
}

void client_expect_exactly_at(struct simclient *c, const char *text, const char *file, int line)
{
	char *came = client_take(c);
	bool same = strcmp(came, text) == 0;

	free(came);
	if (!same)
		give_up(c, "should have been all that came", text, file, line);
}

void client_expect_end_at(struct simclient *c, const char *file, int line)
{
	int64_t until = simnet_now(c->server->net) + PATIENCE_NS;

	while (!c->ended && simnet_step(c->server->net, until))
		;
	if (!c->ended)
		give_up(c, "did not happen", "the end of the connection", file, line);
}

size_t client_lines(struct simclient *c, const char *const **lines_out)
{
	*lines_out = (const char *const *)c->lines;
	return c->n_lines;
}

bool client_ended(const struct simclient *c)
{
	return c->ended;
}

struct simpipe *client_pipe(struct simclient *c)
{
	return c->pipe;
}

void client_alive(struct simclient *c)
{
	c->alive = true;
}

void client_binding(const struct simclient *c, uint8_t out[32])
{
	memcpy(out, c->binding, sizeof(c->binding));
}
