/*
 * view.c - between accounts and their cells: an account read, and the writes that make one.
 *
 * A value that this version cannot read is treated as absent: form is checked by views, never by
 * replication.
 */
#include "account.h"
#include <gnutls/crypto.h>
#include <stdio.h>

/* A claim's value: when it was made, by whom, and the name as it is shown. */
static struct gw_stamp claim_stamp(struct gw_blob value)
{
	return (struct gw_stamp){gw_part_u64(value, 0, UINT64_MAX),
	                         gw_part_u64(value, 1, UINT64_MAX)};
}

bool is_nick(const struct gw_cell *cell)
{
	return cell->field == GW_F_NAME && cell->sub.n > 1 &&
	       *(const char *)cell->sub.p == GW_NAME_NICK;
}

static void add_waiting(struct view *out, const char *name)
{
	size_t n = strlen(out->waits);

	snprintf(out->waits + n, sizeof(out->waits) - n, "%s%s", n > 0 ? ", " : "", name);
}

static void read_names(const struct gw_entity *entity, struct view *out)
{
	struct gw_stamp first = {UINT64_MAX, UINT64_MAX};

	if (entity->shown != NULL)
		snprintf(out->name, sizeof(out->name), "%s", entity->shown);
	for (size_t i = 0; i < entity->n; i++) {
		const struct gw_cell *cell = &entity->cells[i];
		struct gw_stamp stamp = claim_stamp(cell->value);
		char name[GW_NAME_MAX + 1];

		if (!is_nick(cell) || !gw_part_text(cell->value, 2, name, sizeof(name)))
			continue;
		out->nicks++;
		if (cell->beaten)
			add_waiting(out, name);
		if (entity->shown == NULL && gw_stamp_cmp(stamp, first) < 0) {
			first = stamp;
			snprintf(out->name, sizeof(out->name), "%s", name);
		}
	}
}

/* An address that an earlier account has confirmed too is that one's. */
static bool mail_beaten(const struct gw_entity *entity)
{
	for (size_t i = 0; i < entity->n; i++) {
		const struct gw_cell *cell = &entity->cells[i];

		if (cell->field == GW_F_NAME && cell->sub.n > 1 && cell->beaten &&
		    *(const char *)cell->sub.p == GW_NAME_MAIL)
			return true;
	}
	return false;
}

void view_of(const struct gw_entity *entity, struct view *out)
{
	const struct gw_cell *cell;

	memset(out, 0, sizeof(*out));
	read_names(entity, out);
	cell = gw_entity_cell(entity, GW_F_CORE, NULL, 0);
	if (cell != NULL)
		out->registered_ms = gw_part_u64(cell->value, 1, 0);
	cell = gw_entity_cell(entity, GW_F_CRED, NULL, 0);
	if (cell == NULL || !cred_decode(cell->value, &out->cred))
		out->cred.kind = CRED_NONE;
	cell = gw_entity_cell(entity, GW_F_MAIL, NULL, 0);
	if (cell != NULL) {
		gw_part_text(cell->value, 0, out->mail, sizeof(out->mail));
		out->mail_claimed = gw_part_u64(cell->value, 1, 0) != 0;
		out->confirmed = out->mail_claimed && !mail_beaten(entity);
	}
	cell = gw_entity_cell(entity, GW_F_VHOST, NULL, 0);
	if (cell != NULL)
		gw_part_text(cell->value, 0, out->host, sizeof(out->host));
	for (size_t i = 0; i < entity->n; i++)
		out->certificates += entity->cells[i].field == GW_F_CERTFP;
}

struct gw_blob name_sub(uint8_t room[GW_NAME_MAX], char namespace, const char *folded)
{
	size_t n = strlen(folded);

	if (n > GW_NAME_MAX - 1)
		n = GW_NAME_MAX - 1;
	room[0] = (uint8_t) namespace;
	memcpy(room + 1, folded, n);
	return blob_of(room, n + 1);
}

/* Addresses are claimed by a digest: they may be longer than a key, and a name table needs no list
 * of addresses. */
void mail_digest(const char *mail, uint8_t out[DIGEST])
{
	char lower[MAILADDR_MAX + 1];
	size_t n = strlen(mail);

	for (size_t i = 0; i < n; i++)
		lower[i] = mail[i] >= 'A' && mail[i] <= 'Z' ? (char)(mail[i] + 32) : mail[i];
	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, lower, n, out) != 0)
		memset(out, 0, DIGEST);
}

static struct gw_blob core_value(struct account *st, struct birth *b)
{
	struct gw_parts parts = {.bytes = b->core, .max = sizeof(b->core)};

	gw_parts_u64(&parts, 0);
	gw_parts_u64(&parts, (uint64_t)(gw_wall_ns(st->self) / GW_MS));
	return gw_parts_value(&parts);
}

struct gw_blob mail_value(const char *mail, bool confirmed, uint8_t room[MAIL_BYTES])
{
	struct gw_parts parts = {.bytes = room, .max = MAIL_BYTES};

	gw_parts_text(&parts, mail);
	gw_parts_u64(&parts, confirmed);
	return gw_parts_value(&parts);
}

size_t birth_of(struct account *st, const struct task *task, bool confirmed, struct birth *b)
{
	const struct gw_write make = {.class = GW_CLASS_ACCOUNT, .make = true};
	size_t n = 0;

	for (size_t i = 0; i < sizeof(b->writes) / sizeof(b->writes[0]); i++)
		b->writes[i] = make;
	b->writes[n].field = GW_F_CORE;
	b->writes[n++].value = core_value(st, b);
	b->writes[n].field = GW_F_CRED;
	b->writes[n++].value = cred_encode(&task->cred, b->cred);
	b->writes[n].field = GW_F_NAME;
	b->writes[n].exclusive = true;
	b->writes[n].sub = name_sub(b->name_sub, GW_NAME_NICK, task->folded);
	b->writes[n++].value = blob_of(task->name, strlen(task->name));
	if (task->mail[0] == '\0')
		return n;
	b->writes[n].field = GW_F_MAIL;
	b->writes[n++].value = mail_value(task->mail, confirmed, b->mail);
	if (!confirmed)
		return n;
	b->mail_sub[0] = GW_NAME_MAIL;
	mail_digest(task->mail, b->mail_sub + 1);
	b->writes[n].field = GW_F_NAME;
	b->writes[n].exclusive = true;
	b->writes[n].sub = blob_of(b->mail_sub, sizeof(b->mail_sub));
	b->writes[n++].value = blob_of("", 0);
	return n;
}
