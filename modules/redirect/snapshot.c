/*
 * redirect/snapshot.c - what decides what a client is shown, and what modules keep for it.
 *
 *     0  capabilities in force, with spaces between
 *     1  those that were offered
 *     2  digest of the ISUPPORT that it was told
 *     3  flags: 1 CAP LS 302, 2 over TLS
 *     4  and on, three each: name, version and bytes of what a module keeps
 *
 * The recipient takes it before the client hears of anything, so whatever it cannot keep up there
 * is a reason to refuse.
 */
#include "redirect.h"
#include <errno.h>

#define FIRST_DATA 4
#define DATA_MAX 64 /* modules */

struct making {
	struct gw_parts parts;
	uint8_t bytes[SNAPSHOT_MAX];
};

static void put_data(void *ctx, const char *name, uint32_t version, const void *data, size_t n)
{
	struct making *making = ctx;

	gw_parts_text(&making->parts, name);
	gw_parts_u64(&making->parts, version);
	gw_parts_add(&making->parts, data, n);
}

int snapshot_make(struct redirect_state *st, const struct gw_client *client, struct snapshot *out,
                  struct gw_error *why)
{
	struct making *making = gw_alloc(st->self, sizeof(*making));
	struct gw_client_carry carry = {.tokens = 0};
	uint8_t flags;
	int status;

	making->parts = (struct gw_parts){.bytes = making->bytes, .max = sizeof(making->bytes)};
	CLIENT(st, carry, client, &carry);
	flags = (uint8_t)(carry.cap_302 | carry.secure << 1);
	gw_parts_text(&making->parts, carry.caps);
	gw_parts_text(&making->parts, carry.offered);
	gw_parts_u64(&making->parts, carry.tokens);
	gw_parts_add(&making->parts, &flags, 1);
	status = NETWORK(st, data_export, client->session, put_data, making, why);
	if (status == 0 && making->parts.overflow)
		status = gw_fail(why, -E2BIG, "modules keep too much for this session");
	if (status == 0) {
		out->n = making->parts.n;
		out->bytes = gw_alloc(st->self, out->n);
		memcpy(out->bytes, making->bytes, out->n);
	}
	gw_free(st->self, making);
	return status;
}

bool snapshot_same(const struct snapshot *a, const struct snapshot *b)
{
	return a->n == b->n && memcmp(a->bytes, b->bytes, a->n) == 0;
}

static int take_data(struct redirect_state *st, struct gw_session *session, struct gw_blob value,
                     struct gw_error *why)
{
	char name[GW_NAME_MAX + 1];
	struct gw_blob data;
	int status;

	for (unsigned i = FIRST_DATA; gw_part(value, i, &data); i += 3) {
		uint32_t version = (uint32_t)gw_part_u64(value, i + 1, 0);

		gw_part_text(value, i, name, sizeof(name));
		gw_part(value, i + 2, &data);
		status = NETWORK(st, data_import, session, name, version, data.p, data.n, why);
		if (status == -ENOENT)
			return gw_fail(why, status, "no module here keeps %s", name);
		if (status != 0)
			return status;
	}
	return 0;
}

static bool has_data(struct gw_blob value, struct gw_blob name)
{
	struct gw_blob other;

	for (unsigned i = FIRST_DATA; gw_part(value, i, &other); i += 3)
		if (other.n == name.n && memcmp(other.p, name.p, name.n) == 0)
			return true;
	return false;
}

/* What was there and is no more has become empty. */
static int clear_data(struct redirect_state *st, struct gw_session *session, struct gw_blob before,
                      struct gw_blob now, struct gw_error *why)
{
	char name[GW_NAME_MAX + 1];
	struct gw_blob part;
	int status = 0;

	for (unsigned i = FIRST_DATA; status == 0 && gw_part(before, i, &part); i += 3)
		if (!has_data(now, part) && gw_part_text(before, i, name, sizeof(name)))
			status = NETWORK(st, data_import, session, name,
			                 (uint32_t)gw_part_u64(before, i + 1, 0), "", 0, why);
	return status;
}

/* Whether all parts are there, each as it should be; what they say is looked at later. */
static bool well_formed(struct gw_blob value, struct gw_client_carry *carry)
{
	char name[GW_NAME_MAX + 1];
	struct gw_blob part;
	unsigned n = FIRST_DATA;

	if (!gw_part_text(value, 0, carry->caps, sizeof(carry->caps)) ||
	    !gw_part_text(value, 1, carry->offered, sizeof(carry->offered)) ||
	    !gw_part(value, 2, &part) || part.n != 8 || !gw_part(value, 3, &part) || part.n != 1)
		return false;
	for (; n < FIRST_DATA + 3 * DATA_MAX && gw_part(value, n, &part); n += 3)
		if (!gw_part_text(value, n, name, sizeof(name)) ||
		    gw_part_u64(value, n + 1, UINT64_MAX) > UINT32_MAX ||
		    !gw_part(value, n + 2, &part))
			return false;
	return !gw_part(value, n, &part);
}

int snapshot_take(struct redirect_state *st, struct recipient *r, const void *bytes, size_t n,
                  struct gw_error *why)
{
	struct gw_session *session = NETWORK(st, session, r->session);
	struct gw_blob value = {bytes, n};
	struct gw_client_carry *carry = gw_alloc(st->self, sizeof(*carry));
	int status = 0;

	if (session == NULL)
		status = gw_fail(why, -ENOENT, "the session is not known here");
	else if (!well_formed(value, carry))
		status = gw_fail(why, -EBADMSG, "the snapshot is malformed");
	else
		status = clear_data(st, session, (struct gw_blob){r->snapshot.bytes, r->snapshot.n},
		                    value, why);
	gw_free(st->self, r->snapshot.bytes);
	r->snapshot = (struct snapshot){.bytes = gw_alloc(st->self, n + 1), .n = n};
	memcpy(r->snapshot.bytes, bytes, n);
	snapshot_carry(&r->snapshot, carry);
	if (status == 0 && r->shadow != NULL)
		status = CLIENT(st, shadow_caps, r->shadow, carry->caps, why);
	else if (status == 0)
		r->shadow = CLIENT(st, shadow, session, r->sink, carry->caps, why);
	if (status == 0 && r->shadow == NULL)
		status = -ENOTSUP;
	gw_free(st->self, carry);
	return status == 0 ? take_data(st, session, value, why) : status;
}

void snapshot_carry(const struct snapshot *snapshot, struct gw_client_carry *out)
{
	struct gw_blob value = {snapshot->bytes, snapshot->n}, flags;

	*out = (struct gw_client_carry){.tokens = gw_part_u64(value, 2, 0)};
	gw_part_text(value, 0, out->caps, sizeof(out->caps));
	gw_part_text(value, 1, out->offered, sizeof(out->offered));
	if (gw_part(value, 3, &flags) && flags.n == 1) {
		out->cap_302 = *(const uint8_t *)flags.p & 1;
		out->secure = *(const uint8_t *)flags.p & 2;
	}
}

static bool known_letter(const struct gw_row *rows, size_t n, char letter)
{
	for (size_t i = 0; i < n; i++)
		if (*(const char *const *)rows[i].row != NULL &&
		    (*(const char *const *)rows[i].row)[0] == letter)
			return true;
	return false;
}

static int known_modes(struct redirect_state *st, const char *point, uint64_t modes,
                       const char *what, struct gw_error *why)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	const struct gw_row *rows;
	size_t n = gw_rows(st->self, point, &rows);

	for (const char *letter = letters; *letter != '\0'; letter++)
		if ((modes & gw_letter(*letter)) && !known_letter(rows, n, *letter))
			return gw_fail(why, -ENOTSUP, "%s mode %c is not known here", what,
			               *letter);
	return 0;
}

int snapshot_modes(struct redirect_state *st, const struct gw_session *session,
                   struct gw_error *why)
{
	int status = known_modes(st, GW_POINT_USERMODE, session->user->modes, "user", why);

	for (const struct gw_member *in = session->user->channels; in != NULL && status == 0;
	     in = in->next)
		status = known_modes(st, GW_POINT_CHANMODE, in->channel->modes, "channel", why);
	return status;
}
