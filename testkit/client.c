/*
 * testkit/client.c - clients of the kit: plain connections, and those that can be moved, which have
 * the client's side of a move of their own.
 */
#include "core/mem.h"
#include "testkit/kit.h"
#include <godwit/loop.h>
#include <stdarg.h>
#include <stdlib.h>

#define ARRIVE_NS (60 * GW_SECOND)
#define STEP_NS (100 * GW_MS)

/* --- coming --- */

static struct gwt_client *add(struct gwt_server *server, struct simclient *plain,
                              struct simmover *mover)
{
	struct gwt_client *c = mem_alloc(sizeof(*c));

	*c = (struct gwt_client){
		.next = server->net->clients, .server = server, .plain = plain, .mover = mover};
	server->net->clients = c;
	return c;
}

static void need_up(struct gwt_server *server)
{
	if (server->down)
		kit_refuse(server->net, "it has crashed", gwt_server_name(server));
}

struct gwt_client *gwt_connect(struct gwt_server *server)
{
	return gwt_connect_from(server, "127.0.0.1", false);
}

struct gwt_client *gwt_connect_from(struct gwt_server *server, const char *address, bool tls)
{
	need_up(server);
	return add(server, simnet_client(kit_simserver(server), address, tls), NULL);
}

struct gwt_client *gwt_enter(struct gwt_server *server, const char *nick, const char *caps)
{
	struct simclient *plain;

	need_up(server);
	plain = simtree_enter(server->net->tree, server->node, nick, caps);
	client_alive(plain);
	return add(server, plain, NULL);
}

struct gwt_client *gwt_enter_movable(struct gwt_server *server, const char *nick, const char *caps)
{
	char *all = mem_printf("godwit/redirect%s%s", caps[0] != '\0' ? " " : "", caps);
	struct simmover *mover;

	need_up(server);
	mover = simmover_new(server->net->tree, server->node, nick, all, false);
	free(all);
	if (mover == NULL)
		kit_refuse(server->net, "was not let in", nick);
	return add(server, NULL, mover);
}

/* --- going --- */

static void forget(struct gwt_client *c)
{
	struct gwt_client **at = &c->server->net->clients;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	if (c->mover != NULL)
		simmover_free(&c->mover);
	else
		client_free(c->plain);
	free(c);
}

void gwt_close(struct gwt_client **client)
{
	forget(*client);
	*client = NULL;
}

void kit_clients_free(struct gwt_net *net)
{
	while (net->clients != NULL)
		forget(net->clients);
}

/* --- being moved --- */

struct gwt_server *gwt_client_server(const struct gwt_client *c)
{
	return c->mover != NULL ? &c->server->net->servers[simmover_node(c->mover)] : c->server;
}

__attribute__((noreturn)) static void lose(struct gwt_client *c, const char *what,
                                           const char *wanted, const char *file, int line)
{
	kit_fail(c->server->net, simmover_talk(c->mover), what, wanted, file, line);
}

void gwt_move(struct gwt_client *c, struct gwt_server *to)
{
	struct gwt_net *net = c->server->net;
	int64_t until = gwt_now(net) + ARRIVE_NS;
	const char *answer;
	int status;

	if (c->mover == NULL)
		kit_refuse(net, "cannot be moved", "a client of gwt_enter_movable() can");
	/* A server that has just come may not have said yet that it has room. */
	while (answer = gwt_admin(gwt_client_server(c), &status, "session redirect %s %s",
	                          simmover_nick(c->mover), gwt_server_name(to)),
	       status != 0 && gwt_now(net) < until)
		gwt_run(net, GW_SECOND);
	if (status != 0)
		kit_refuse(net, "a move was refused", answer);
	while ((gwt_client_server(c) != to || simmover_state(c->mover)->state != MOVER_HOME) &&
	       gwt_now(net) < until)
		gwt_run(net, STEP_NS);
	if (gwt_client_server(c) != to)
		lose(c, "did not arrive at", gwt_server_name(to), "", 0);
}

/* --- talking --- */

static struct simclient *plain(struct gwt_client *c)
{
	if (c->plain == NULL)
		kit_refuse(c->server->net, "not for a movable client", simmover_nick(c->mover));
	return c->plain;
}

void gwt_send(struct gwt_client *c, const char *format, ...)
{
	char *line = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&line, format, args) < 0)
		abort();
	va_end(args);
	if (c->mover == NULL)
		client_send(c->plain, "%s", line);
	else if (!simmover_lost(c->mover))
		simmover_say(c->mover, "%s", line);
	free(line);
}

void gwt_send_raw(struct gwt_client *c, const void *data, size_t n)
{
	client_send_raw(plain(c), data, n);
}

const char *gwt_expect_at(struct gwt_client *c, const char *glob, const char *file, int line)
{
	const char *came;

	if (c->mover == NULL)
		return client_expect_at(c->plain, glob, file, line);
	came = simmover_wait(c->mover, glob);
	if (came == NULL)
		lose(c, "did not come", glob, file, line);
	return came;
}

const char *gwt_expect_next_at(struct gwt_client *c, const char *glob, const char *file, int line)
{
	return client_expect_next_at(plain(c), glob, file, line);
}

void gwt_expect_none_at(struct gwt_client *c, const char *glob, const char *file, int line)
{
	const char *const *lines;
	size_t n;

	if (c->mover == NULL) {
		client_expect_none_at(c->plain, glob, file, line);
		return;
	}
	gwt_run(c->server->net, GW_SECOND);
	n = simmover_lines(c->mover, &lines);
	for (size_t i = simmover_taken(c->mover); i < n; i++)
		if (sim_glob(glob, lines[i]))
			lose(c, "should not have come", glob, file, line);
}

void gwt_expect_end_at(struct gwt_client *c, const char *file, int line)
{
	client_expect_end_at(plain(c), file, line);
}

size_t gwt_lines(const struct gwt_client *c, const char *const **lines_out)
{
	return c->mover != NULL ? simmover_lines(c->mover, lines_out)
	                        : client_lines(c->plain, lines_out);
}

void gwt_block(struct gwt_client *c, bool blocked)
{
	if (client_pipe(plain(c)) != NULL)
		simpipe_block(client_pipe(c->plain), blocked);
}
