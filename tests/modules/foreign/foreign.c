/*
 * tests/modules/foreign/foreign.c - what another server registered long ago, and this one learns
 * only now: entities with an old stamp are merged into the store behind the back of the module
 * services, which then hears of them by a commit that changes nothing.
 *
 *     foreign account NAME SECONDS     an account that claimed NAME so long ago
 *     foreign channel NAME SECONDS     a channel, likewise; nobody's
 *     foreign drop CLASS               the one that was made last dies
 */
#include "modules/services/cell.h"
#include "modules/services/services.h"
#include <errno.h>
#include <godwit/admin.h>
#include <godwit/loop.h>
#include <godwit/module.h>
#include <godwit/services.h>
#include <stdlib.h>
#include <string.h>

#define ORIGIN 0x0f0e0d0c0b0a0908u

enum { CALL_NONE, CALL_MAKE_ACCOUNT, CALL_MAKE_CHANNEL, CALL_DROP, CALL_STORED, CALL_TOLD };

struct foreign {
	struct gw_self *self;
	struct gw_iface *store, *services;
	struct gw_admin_request *req;
	uint8_t class;
	uint8_t reserved[7];
	struct gw_id id;
	char name[GW_NAME_MAX + 1];
	uint8_t sub[GW_NAME_MAX];
	size_t sub_n;
};

static struct gw_store_op cell_op(struct foreign *st, uint16_t field, struct gw_blob sub,
                                  struct gw_blob value, uint8_t *key, uint8_t *row)
{
	struct gw_store_op op = {.kind = GW_STORE_MERGE, .table = TABLE_CELL, .version = VERB_CELL};

	cell_header(row, 0, (struct gw_stamp){st->id.clock, st->id.origin});
	if (value.n > 0)
		memcpy(row + CELL_HEADER, value.p, value.n);
	op.key = (struct gw_blob){key, cell_key(key, st->class, st->id, field, sub)};
	op.val = (struct gw_blob){row, CELL_HEADER + value.n};
	return op;
}

static void make(struct foreign *st, struct gw_admin_request *req, uint8_t class, char ns,
                 const char *const *argv)
{
	uint8_t key[2][CELL_KEY_MAX], row[2][CELL_HEADER + CLAIM_VALUE_MAX], value[CLAIM_VALUE_MAX];
	uint64_t now_ms = (uint64_t)(gw_wall_ns(st->self) / GW_MS);
	uint8_t core[32];
	struct gw_parts parts = {.bytes = core, .max = sizeof(core)};
	struct gw_store_op ops[2];
	size_t n;

	st->req = req;
	st->class = class;
	st->id.clock = (now_ms - strtoull(argv[1], NULL, 10) * 1000) << 16;
	st->id.origin = ORIGIN;
	strncpy(st->name, argv[0], GW_NAME_MAX);
	st->sub[0] = (uint8_t)ns;
	n = (size_t)GW_VIA(st->services, gw_services_ops, fold, st->name, (char *)st->sub + 1);
	st->sub_n = n + 1;
	gw_parts_u64(&parts, 0);
	gw_parts_u64(&parts, st->id.clock >> 16);
	n = claim_value(value, (struct gw_stamp){st->id.clock, ORIGIN},
	                (struct gw_blob){st->name, strlen(st->name)});
	ops[0] = cell_op(st, GW_F_CORE, (struct gw_blob){NULL, 0}, gw_parts_value(&parts), key[0],
	                 row[0]);
	ops[1] = cell_op(st, GW_F_NAME, (struct gw_blob){st->sub, st->sub_n},
	                 (struct gw_blob){value, n}, key[1], row[1]);
	if (GW_VIA(st->store, gw_store_ops, commit, ops, 2, GW_STORE_DISK,
	           gw_call(st->self, CALL_STORED, 0)) != 0)
		gw_admin_done(st->self, &st->req, -EIO, "the store did not take it");
}

static void make_account(void *state, struct gw_admin_request *req, int argc,
                         const char *const *argv)
{
	(void)argc;
	make(state, req, GW_CLASS_ACCOUNT, GW_NAME_NICK, argv);
}

static void make_channel(void *state, struct gw_admin_request *req, int argc,
                         const char *const *argv)
{
	(void)argc;
	make(state, req, GW_CLASS_CHANNEL, GW_NAME_CHANNEL, argv);
}

/* The claim keeps its stamp: it is there already. */
static void stored(void *state, uint64_t tag, int status, uint64_t commit)
{
	struct foreign *st = state;
	struct gw_write write = {.class = st->class,
	                         .id = st->id,
	                         .field = GW_F_NAME,
	                         .sub = {st->sub, st->sub_n},
	                         .value = {st->name, strlen(st->name)}};

	(void)tag;
	(void)commit;
	if (status == 0)
		status = GW_VIA(st->services, gw_services_ops, commit, &write, 1,
		                gw_call(st->self, CALL_TOLD, 0));
	if (status != 0)
		gw_admin_done(st->self, &st->req, status, "it was not stored");
}

static void told(void *state, uint64_t tag, int status, struct gw_id made)
{
	struct foreign *st = state;

	(void)tag;
	(void)made;
	gw_admin_done(st->self, &st->req, status, "it was not told");
}

static void drop(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct foreign *st = state;
	struct gw_write write = {
		.class = st->class, .id = st->id, .field = GW_F_CORE, .remove = true};

	(void)argc;
	(void)argv;
	st->req = req;
	if (GW_VIA(st->services, gw_services_ops, commit, &write, 1,
	           gw_call(st->self, CALL_TOLD, 0)) != 0)
		gw_admin_done(st->self, &st->req, -EIO, "it could not be dropped");
}

static const struct gw_call_row calls[] = {
	[CALL_NONE] = {"none", NULL},
	[CALL_MAKE_ACCOUNT] = {"make-account", (gw_fn *)make_account},
	[CALL_MAKE_CHANNEL] = {"make-channel", (gw_fn *)make_channel},
	[CALL_DROP] = {"drop", (gw_fn *)drop},
	[CALL_STORED] = {"stored", (gw_fn *)stored},
	[CALL_TOLD] = {"told", (gw_fn *)told},
	{NULL, NULL},
};

static const struct gw_admin_command commands[] = {
	{"foreign account", "NAME SECONDS", "Makes an old account.", "test", 2, 2,
         CALL_MAKE_ACCOUNT, false, 0},
	{"foreign channel", "NAME SECONDS", "Makes an old channel.", "test", 2, 2,
         CALL_MAKE_CHANNEL, false, 0},
	{"foreign drop", "", "Drops what was made last.", "test", 0, 0, CALL_DROP, false, 0},
};

static const struct gw_rows rows[] = {
	GW_ROWS(GW_POINT_ADMIN, commands),
	{NULL, NULL, 0, 0},
};

static int load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	struct foreign *st = state;

	(void)why, (void)err;
	st->self = self;
	st->store = gw_interface(self, "store");
	st->services = gw_interface(self, "services");
	return 0;
}

GW_MODULE(foreign) = {
	.abi = GW_ABI,
	.name = "foreign",
	.version = "1.0",
	.summary = "what other servers registered",
	.requires = "store 1.0, services 1.0",
	.calls = calls,
	.rows = rows,
	.state_size = sizeof(struct foreign),
	.state_version = 1,
	.load = load,
};
