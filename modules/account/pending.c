/*
 * pending.c - registrations that await their code: how they are stored, and tried.
 *
 * An entity of class R holds the verifier of the password, the address, a digest of the code and
 * the time it ends. It claims its name in a namespace of its own, so nobody's nick is blocked by
 * it, and VERIFY finds it from any connection and after any restart. The module services deletes
 * what has expired.
 */
#include "account.h"
#include <gnutls/crypto.h>

/* Wrong codes, counted in memory. */
struct tries {
	struct gw_id pending;
	unsigned n;
	UT_hash_handle hh;
};

void code_digest(const char *code, uint8_t out[DIGEST])
{
	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, code, strlen(code), out) != 0)
		memset(out, 0, DIGEST);
}

bool pending_of(const struct gw_entity *entity, struct pending *out)
{
	const struct gw_cell *core = gw_entity_cell(entity, GW_F_CORE, NULL, 0);
	const struct gw_cell *cred = gw_entity_cell(entity, GW_F_CRED, NULL, 0);
	const struct gw_cell *mail = gw_entity_cell(entity, GW_F_MAIL, NULL, 0);
	const struct gw_cell *expiry = gw_entity_cell(entity, GW_F_EXPIRY, NULL, 0);
	struct gw_blob code;

	memset(out, 0, sizeof(*out));
	if (core == NULL || cred == NULL || mail == NULL || expiry == NULL)
		return false;
	if (!gw_part(core->value, 3, &code) || code.n != DIGEST)
		return false;
	memcpy(out->code, code.p, DIGEST);
	out->sends = gw_part_u64(core->value, 2, 0);
	out->expires_ms = (int64_t)gw_part_u64(expiry->value, 0, 0);
	return gw_part_text(core->value, 4, out->name, sizeof(out->name)) &&
	       cred_decode(cred->value, &out->cred) &&
	       gw_part_text(mail->value, 0, out->mail, sizeof(out->mail));
}

/* Flags, time, how many codes were sent, the digest of the last one, the name as it was typed. */
static struct gw_blob core_value(struct account *st, const struct task *task,
                                 struct gw_parts *parts)
{
	uint8_t digest[DIGEST];

	code_digest(task->code, digest);
	gw_parts_u64(parts, 0);
	gw_parts_u64(parts, (uint64_t)(gw_wall_ns(st->self) / GW_MS));
	gw_parts_u64(parts, task->sends + 1);
	gw_parts_add(parts, digest, sizeof(digest));
	gw_parts_text(parts, task->name);
	return gw_parts_value(parts);
}

/* 32 letters and digits that nobody mistakes for one another; 5 bits each. */
static void draw_code(struct account *st, char code[CODE_LENGTH + 1])
{
	static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";
	uint8_t random[CODE_LENGTH];

	gw_random(st->self, random, sizeof(random));
	for (size_t i = 0; i < CODE_LENGTH; i++)
		code[i] = letters[random[i] % 32];
	code[CODE_LENGTH] = '\0';
}

struct gw_write death(uint8_t class, struct gw_id id)
{
	return (struct gw_write){.class = class, .id = id, .field = GW_F_CORE, .remove = true};
}

static void tries_drop(struct account *st, struct tries *tries)
{
	struct gw_self *self = st->self;

	HASH_DELETE(hh, st->tries, tries);
	gw_free(self, tries);
}

static struct tries *tries_find(struct account *st, struct gw_id pending)
{
	struct gw_self *self = st->self;
	struct tries *tries;

	HASH_FIND(hh, st->tries, &pending, sizeof(pending), tries);
	return tries;
}

static void tries_reset(struct account *st, struct gw_id pending)
{
	struct tries *tries = tries_find(st, pending);

	if (tries != NULL)
		tries_drop(st, tries);
}

/* One that is started anew keeps its entity, and with it its name. */
void pending_commit(struct account *st, struct task *task)
{
	const struct gw_write write = {
		.class = GW_CLASS_PENDING, .make = gw_id_none(task->pending), .id = task->pending};
	uint8_t core[160], cred[CRED_BYTES], mail[MAIL_BYTES], sub[GW_NAME_MAX], expiry[16];
	struct gw_parts core_parts = {.bytes = core, .max = sizeof(core)};
	struct gw_parts expiry_parts = {.bytes = expiry, .max = sizeof(expiry)};
	struct gw_write writes[5] = {write, write, write, write, write};

	draw_code(st, task->code);
	gw_parts_u64(&expiry_parts,
	             (uint64_t)((gw_wall_ns(st->self) + option(st, "code-expiry")) / GW_MS));
	writes[0].field = GW_F_CORE;
	writes[0].value = core_value(st, task, &core_parts);
	writes[1].field = GW_F_CRED;
	writes[1].value = cred_encode(&task->cred, cred);
	writes[2].field = GW_F_MAIL;
	writes[2].value = mail_value(task->mail, false, mail);
	writes[3].field = GW_F_EXPIRY;
	writes[3].value = gw_parts_value(&expiry_parts);
	writes[4].field = GW_F_NAME;
	writes[4].exclusive = true;
	writes[4].sub = name_sub(sub, NAME_PENDING, task->folded);
	writes[4].value = blob_of(task->name, strlen(task->name));
	task_commit(st, task, writes, write.make ? 5 : 4);
	tries_reset(st, task->pending);
}

bool try_count(struct account *st, struct gw_id pending)
{
	struct gw_self *self = st->self;
	struct tries *tries = tries_find(st, pending);

	if (tries == NULL) {
		tries = gw_alloc(self, sizeof(*tries));
		tries->pending = pending;
		HASH_ADD(hh, st->tries, pending, sizeof(tries->pending), tries);
	}
	if (++tries->n < (unsigned)option(st, "code-tries"))
		return false;
	tries_drop(st, tries);
	return true;
}

void tries_free(struct account *st)
{
	while (st->tries != NULL)
		tries_drop(st, st->tries);
}

static void withdrawn(struct account *st, struct task *task, int status, struct gw_id made)
{
	(void)made;
	if (status != 0 && status != -ENOENT)
		gw_log(st->self, GW_WARN, "a registration could not be withdrawn status=%d",
		       status);
	task_end(st, task);
}
const struct task_ops withdraw_task = {.committed = withdrawn};

void pending_kill(struct account *st, struct gw_id id)
{
	struct gw_write write = death(GW_CLASS_PENDING, id);

	tries_reset(st, id);
	task_commit(st, task_new(st, TASK_WITHDRAW, NULL), &write, 1);
}
