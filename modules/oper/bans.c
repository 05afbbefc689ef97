/*
 * modules/oper/bans.c - bans by account and by address, with expiry and reason.
 *
 * A ban is an entity of class B: core = flags, type, mask, reason, setter, time, and of an account
 * its id, as its name may become another one's; and its expiry. An address is judged when the
 * connection comes, an account when it enters; whoever is there already when a ban arrives is
 * closed by their home server.
 */
#include "private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <utlist.h>

static bool expired(struct oper_state *o, const struct ban *ban)
{
	return ban->expiry_ms != 0 && ban->expiry_ms <= gw_wall_ns(o->self) / GW_MS;
}

static bool hits(struct oper_state *o, const struct ban *ban, const struct gw_client *client,
                 const uint8_t address[16], bool has_address)
{
	if (expired(o, ban))
		return false;
	if (ban->type == BAN_ADDRESS)
		return has_address && oper_address_matches(ban->address, address, ban->bits);
	if (client->account == NULL)
		return false;
	return gw_id_none(ban->account) ? NETWORK(o, same, ban->mask, client->account)
	                                : gw_id_is(ban->account, client->account_id);
}

static const struct ban *ban_on(struct oper_state *o, const struct gw_client *client)
{
	uint8_t address[16], bits;
	bool has_address = oper_address_parse(client->info->address, address, &bits);
	const struct ban *ban;

	DL_FOREACH (o->bans, ban)
		if (hits(o, ban, client, address, has_address))
			return ban;
	return NULL;
}

static int judge(struct oper_state *o, const struct gw_client *client, struct gw_error *why)
{
	const struct ban *ban = ban_on(o, client);

	if (ban == NULL)
		return 0;
	why->code = 465;
	return gw_fail(why, -EACCES, "You are banned from this network: %s", ban->reason);
}

int oper_may_connect(void *state, uint64_t tag, void *payload, struct gw_error *why)
{
	(void)tag;
	return judge(state, payload, why);
}

int oper_may_enter(void *state, uint64_t tag, void *payload, struct gw_error *why)
{
	(void)tag;
	return judge(state, payload, why);
}

/* Who comes from another server is judged as one who is here when a ban arrives. */
void oper_adopted(void *state, uint64_t tag, const void *payload)
{
	struct oper_state *o = state;
	struct gw_client *client = (struct gw_client *)payload;
	const struct ban *ban = ban_on(o, client);

	(void)tag;
	if (ban != NULL)
		CLIENT(o, close, client, "Banned: %s", ban->reason);
	else
		oper_rights_of(o, client->session);
}

static struct ban *ban_by_id(struct oper_state *o, struct gw_id id)
{
	struct ban *ban;

	DL_FOREACH (o->bans, ban)
		if (gw_id_is(ban->id, id))
			return ban;
	return NULL;
}

static bool read_ban(const struct gw_entity *entity, struct ban *ban)
{
	const struct gw_cell *core = gw_entity_cell(entity, GW_F_CORE, NULL, 0);
	const struct gw_cell *expiry = gw_entity_cell(entity, GW_F_EXPIRY, NULL, 0);
	struct gw_blob account;
	char type[2];

	if (core == NULL || !gw_part_text(core->value, 1, type, sizeof(type)) ||
	    !gw_part_text(core->value, 2, ban->mask, sizeof(ban->mask)))
		return false;
	ban->type = type[0] == BAN_ACCOUNT ? BAN_ACCOUNT : BAN_ADDRESS;
	gw_part_text(core->value, 3, ban->reason, sizeof(ban->reason));
	gw_part_text(core->value, 4, ban->setter, sizeof(ban->setter));
	ban->set_ms = (int64_t)gw_part_u64(core->value, 5, 0);
	if (gw_part(core->value, 6, &account))
		ban->account = gw_id_from(account);
	ban->expiry_ms = expiry != NULL ? (int64_t)gw_part_u64(expiry->value, 0, 0) : 0;
	return ban->type == BAN_ACCOUNT || oper_address_parse(ban->mask, ban->address, &ban->bits);
}

/* Closes those whom a ban that has just come meets. */
static void enforce(struct oper_state *o)
{
	struct gw_client *client = CLIENT(o, next, NULL);

	while (client != NULL) {
		struct gw_client *next = CLIENT(o, next, client);
		const struct ban *ban = ban_on(o, client);

		if (ban != NULL)
			CLIENT(o, close, client, "Banned: %s", ban->reason);
		client = next;
	}
}

void oper_ban_take(struct oper_state *o, const struct gw_entity *entity)
{
	struct ban *ban = ban_by_id(o, entity->id), read = {.id = entity->id};

	if (!read_ban(entity, &read)) {
		gw_log(o->self, GW_WARN,
		       "a ban is of a kind that this version does not know, and is not applied");
		return;
	}
	if (ban == NULL) {
		ban = gw_alloc(o->self, sizeof(*ban));
		DL_APPEND(o->bans, ban);
	}
	read.prev = ban->prev;
	read.next = ban->next;
	*ban = read;
	enforce(o);
}

void oper_ban_gone(struct oper_state *o, struct gw_id id)
{
	struct ban *ban = ban_by_id(o, id);

	if (ban == NULL)
		return;
	DL_DELETE(o->bans, ban);
	gw_free(o->self, ban);
}

void oper_bans_free(struct oper_state *o)
{
	struct ban *ban, *next;

	DL_FOREACH_SAFE (o->bans, ban, next) {
		DL_DELETE(o->bans, ban);
		gw_free(o->self, ban);
	}
}

void oper_ban_list(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	static const char *const head[] = {"type", "mask", "expires", "setter", "reason"};
	struct oper_state *o = state;
	const struct ban *ban;

	(void)argc;
	(void)argv;
	gw_admin_head(o->self, req, head, 5);
	DL_FOREACH (o->bans, ban) {
		char expires[32] = "never";

		if (expired(o, ban))
			continue;
		if (ban->expiry_ms != 0)
			snprintf(expires, sizeof(expires), "in %llds",
			         (long long)(ban->expiry_ms - gw_wall_ns(o->self) / GW_MS) / 1000);
		gw_admin_row(o->self, req,
		             (const char *const[]){ban->type == BAN_ACCOUNT ? "account" : "address",
		                                   ban->mask, expires, ban->setter, ban->reason},
		             5);
	}
	gw_admin_done(o->self, &req, 0, "");
}

/* "90s", "10m", "2h", "30d" in milliseconds; "never" is 0; -1 is neither. */
static int64_t duration_ms(const char *text)
{
	static const struct {
		char unit;
		int64_t ms;
	} units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (strcmp(text, "never") == 0)
		return 0;
	if (text[0] < '1' || text[0] > '9' || n > 100000)
		return -1;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (end[0] == units[i].unit && end[1] == '\0')
			return (int64_t)n * units[i].ms;
	return -1;
}

void oper_join_words(char *out, size_t max, int argc, const char *const *argv)
{
	size_t used = 0;

	out[0] = '\0';
	for (int i = 0; i < argc && used < max; i++)
		used += (size_t)snprintf(out + used, max - used, "%s%s", i > 0 ? " " : "", argv[i]);
	if (used >= max)
		gw_cut(out, max - 2); /* between two characters */
}

/* Anything with a dot, a colon or a slash means an address; none of these is in an account's name.
 */
static bool known_mask(struct oper_state *o, const char *mask, enum ban_type *type_out)
{
	char name[MASK_MAX + 1];
	uint8_t address[16], bits;

	*type_out = strpbrk(mask, ".:/") != NULL ? BAN_ADDRESS : BAN_ACCOUNT;
	if (*type_out == BAN_ADDRESS)
		return oper_address_parse(mask, address, &bits);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(mask, "~"), mask); /* NAME~DIGITS */
	return NETWORK(o, valid_nick, name);
}

/* `account`: whose it is, none for an address, or for a name that nobody has. */
static void add_ban(struct oper_state *o, struct request *r, enum ban_type type,
                    struct gw_id account)
{
	int64_t now_ms = gw_wall_ns(o->self) / GW_MS;
	uint8_t bytes[1024], expiry[16], id[16];
	struct gw_parts core = {.bytes = bytes, .max = sizeof(bytes)},
			until = {.bytes = expiry, .max = sizeof(expiry)};
	struct gw_write writes[2] = {{.class = GW_CLASS_BAN, .make = true, .field = GW_F_CORE},
	                             {.class = GW_CLASS_BAN, .make = true, .field = GW_F_EXPIRY}};

	gw_parts_text(&core, "");
	gw_parts_text(&core, type == BAN_ACCOUNT ? "a" : "c");
	gw_parts_text(&core, r->name);
	gw_parts_text(&core, r->reason);
	gw_parts_text(&core, gw_admin_who(o->self, r->req));
	gw_parts_u64(&core, (uint64_t)now_ms);
	if (!gw_id_none(account)) {
		gw_id_bytes(account, id);
		gw_parts_add(&core, id, sizeof(id));
	}
	gw_parts_u64(&until, (uint64_t)(now_ms + r->lasts_ms));
	writes[0].value = gw_parts_value(&core);
	writes[1].value = gw_parts_value(&until);
	oper_request_commit(o, r, writes, r->lasts_ms > 0 ? 2 : 1);
}

static void with_banned(struct oper_state *o, struct request *r, int status,
                        const struct gw_owner *owner)
{
	struct gw_id none = {0, 0};

	if (status == 0 || status == -ENOENT || status == -EINVAL)
		add_ban(o, r, BAN_ACCOUNT,
		        status == 0 && owner->class == GW_CLASS_ACCOUNT ? owner->id : none);
	else
		oper_request_end(o, r, status, "the services database cannot be read now");
}

void oper_ban_found(void *state, uint64_t tag, int status, const struct gw_owner *owner)
{
	struct request *r = oper_request_of(state, tag);

	if (r != NULL)
		with_banned(state, r, status, owner);
}

static void find_banned(struct oper_state *o, struct request *r)
{
	char folded[GW_NAME_MAX + 1];
	struct gw_owner owner;
	int n = SERVICES(o, fold, r->name, folded);

	if (n >= 0)
		n = SERVICES(o, find_shown, GW_NAME_NICK, folded, (size_t)n, &owner,
		             gw_call(o->self, CALL_BAN_FOUND, r->tag));
	if (n != -EINPROGRESS)
		with_banned(o, r, n, &owner);
}

void oper_ban_add(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct oper_state *o = state;
	int64_t lasts = duration_ms(argv[1]);
	char done[160];
	enum ban_type type;
	struct request *r;

	if (!known_mask(o, argv[0], &type)) {
		gw_admin_done(o->self, &req, -EINVAL,
		              "ban an account's name, an address, or ADDRESS/BITS");
		return;
	}
	if (lasts < 0) {
		gw_admin_done(o->self, &req, -EINVAL, "how long: 90s, 10m, 2h, 30d, or never");
		return;
	}
	snprintf(done, sizeof(done), "%.64s is banned (%.16s)", argv[0], argv[1]);
	r = oper_request_new(o, req, done);
	snprintf(r->name, sizeof(r->name), "%.*s", MASK_MAX, argv[0]);
	oper_join_words(r->reason, sizeof(r->reason), argc - 2, argv + 2);
	if (r->reason[0] == '\0')
		snprintf(r->reason, sizeof(r->reason), "no reason given");
	r->lasts_ms = lasts;
	if (type == BAN_ACCOUNT)
		find_banned(o, r);
	else
		add_ban(o, r, type, (struct gw_id){0, 0});
}

void oper_ban_remove(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct oper_state *o = state;
	struct gw_write writes[32];
	struct ban *ban;
	size_t n = 0;
	char done[160];

	(void)argc;
	DL_FOREACH (o->bans, ban)
		if (strcasecmp(ban->mask, argv[0]) == 0 && n < sizeof(writes) / sizeof(writes[0]))
			writes[n++] = (struct gw_write){.class = GW_CLASS_BAN,
			                                .id = ban->id,
			                                .field = GW_F_CORE,
			                                .remove = true};
	if (n == 0) {
		gw_admin_done(o->self, &req, -ENOENT, "there is no such ban: see ban list");
		return;
	}
	snprintf(done, sizeof(done), "%.64s is banned no more", argv[0]);
	oper_request_commit(o, oper_request_new(o, req, done), writes, n);
}
