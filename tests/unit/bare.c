/*
 * tests/unit/bare.c - see bare.h.
 */
#include "tests/unit/bare.h"
#include "core/conn.h"
#include "core/image.h"
#include "core/listener.h"
#include "core/loop_api.h"
#include "core/module.h"
#include <godwit/mem.h>
#include <stdlib.h>
#include <string.h>

struct bare {
	struct module module; /* first: what struct gw_self belongs to */
	struct gw_server server;
	struct gw_row row;
	struct gw_protocol protocol;
};

static struct bare *bare_of(const struct gw_server *server)
{
	return container_of(server, struct bare, server);
}

struct gw_server *self_server(const struct gw_self *self)
{
	return module_of(self)->server;
}

struct gw_self *server_self(struct gw_server *server)
{
	return &bare_of(server)->module.self;
}

const struct gw_row *point_find(struct gw_server *server, const char *point, const char *name)
{
	if (strcmp(point, GW_POINT_PROTOCOL) != 0 || strcmp(name, "test") != 0)
		return NULL;
	return &bare_of(server)->row;
}

void server_stop(struct gw_server *server, const char *reason)
{
	(void)reason;
	server->loop->ops->stop(server->loop);
}

void server_open(struct gw_server *server)
{
	listeners_open(server, NULL);
}

struct image *self_image(const struct gw_self *self)
{
	return module_of(self)->image;
}

/* Images that are only counted. */
struct image *image_ref(struct image *image)
{
	++*(int *)image;
	return image;
}

void image_unref(struct image **image)
{
	--*(int *)*image;
	*image = NULL;
}

bool image_holds(const struct image *image, uintptr_t address)
{
	(void)image, (void)address;
	return false;
}

static void log_nothing(struct gw_self *self, enum gw_log_level level, const char *format, ...)
{
	(void)self, (void)level, (void)format;
}

const struct gw_log_api log_api = {.line = log_nothing};

struct bare *bare_new(struct loop *loop, const struct gw_call_row *calls, void *state)
{
	struct bare *bare = calloc(1, sizeof(*bare));
	struct gw_self *self = &bare->module.self;

	bare->server.loop = loop;
	bare->server.api.loop = &loop_api;
	bare->server.api.conn = &conn_api;
	bare->server.api.log = &log_api;
	self->core = &bare->server.api;
	self->name = "test";
	self->state = state;
	self->calls = calls;
	while (calls[self->n_calls].name != NULL)
		self->n_calls++;
	bare->module.server = &bare->server;
	bare->protocol = (struct gw_protocol){.name = "test", .accept = 0};
	bare->row = (struct gw_row){.module = self, .row = &bare->protocol};
	bare->server.conns = conns_new(&bare->server);
	bare->server.calls = loop_calls_new(&bare->server);
	return bare;
}

void bare_free(struct bare **bare)
{
	struct loop *loop = (*bare)->server.loop;

	loop->ops->work_finish(loop);
	conns_free(&(*bare)->server.conns);
	loop_calls_free(&(*bare)->server.calls);
	loop->ops->free(loop);
	free(*bare);
	*bare = NULL;
}

struct gw_server *bare_server(struct bare *bare)
{
	return &bare->server;
}

struct gw_self *bare_self(struct bare *bare)
{
	return &bare->module.self;
}

int bare_listen(struct bare *bare, const char *address, bool tls, struct gw_error *err)
{
	struct listen_spec spec = {.address = address, .protocol = "test", .tls = tls};
	struct listen_change *change;
	int status = listeners_prepare(&bare->server, &spec, 1, err, &change);

	if (status == 0)
		listeners_commit(&bare->server, &change);
	return status;
}

void bare_tls(struct bare *bare, enum gw_tls tls)
{
	bare->protocol.tls = tls;
}

static void note_port(void *ctx, const struct gw_listener *listener)
{
	*(uint16_t *)ctx = listener->port;
}

uint16_t bare_port(struct bare *bare)
{
	uint16_t port = 0;

	listeners_each(&bare->server, note_port, &port);
	return port;
}
