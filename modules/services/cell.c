/*
 * services/cell.c - keys, headers and form of cells, and what follows from one. Pure.
 */
#include "cell.h"
#include <errno.h>
#include <gnutls/crypto.h>
#include <string.h>

#define DIGEST_AT_ONCE 512 /* bytes */

void put_u64(uint8_t out[8], uint64_t value)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(value >> (56 - 8 * i));
}

uint64_t get_u64(const void *bytes)
{
	const uint8_t *p = bytes;
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = (value << 8) | p[i];
	return value;
}

void entity_key(uint8_t out[ENTITY_BYTES], uint8_t class, struct gw_id id)
{
	out[0] = class;
	gw_id_bytes(id, out + 1);
}

static size_t append(uint8_t *out, size_t at, const void *bytes, size_t n)
{
	if (n > 0)
		memcpy(out + at, bytes, n);
	return at + n;
}

size_t cell_key(uint8_t out[CELL_KEY_MAX], uint8_t class, struct gw_id id, uint16_t field,
                struct gw_blob sub)
{
	entity_key(out, class, id);
	out[ENTITY_BYTES] = (uint8_t)(field >> 8);
	out[ENTITY_BYTES + 1] = (uint8_t)field;
	return append(out, CELL_KEY_LEAST, sub.p, sub.n);
}

void cell_header(uint8_t out[CELL_HEADER], uint8_t flags, struct gw_stamp stamp)
{
	out[0] = flags;
	put_u64(out + 1, stamp.clock);
	put_u64(out + 9, stamp.origin);
}

size_t name_prefix(uint8_t out[NAME_PREFIX_MAX], uint8_t ns, const void *folded, size_t n)
{
	out[0] = ns;
	out[1] = (uint8_t)n;
	return append(out, 2, folded, n);
}

size_t claim_prefix(uint8_t out[NAME_PREFIX_MAX], uint16_t field, struct gw_blob sub)
{
	const uint8_t *p = sub.p;

	if (field == GW_F_CERTFP && sub.n > 0)
		return name_prefix(out, GW_NAME_CERTFP, p, sub.n);
	if (field == GW_F_NAME && sub.n > 1)
		return name_prefix(out, p[0], p + 1, sub.n - 1);
	return 0;
}

size_t claim_value(uint8_t out[CLAIM_VALUE_MAX], struct gw_stamp claim, struct gw_blob display)
{
	struct gw_parts parts = {.bytes = out, .max = CLAIM_VALUE_MAX};

	gw_parts_u64(&parts, claim.clock);
	gw_parts_u64(&parts, claim.origin);
	gw_parts_add(&parts, display.p, display.n);
	return parts.n;
}

struct gw_stamp claim_stamp(struct gw_blob value)
{
	return (struct gw_stamp){gw_part_u64(value, 0, 0), gw_part_u64(value, 1, 0)};
}

/* --- form --- */

int cell_parse_key(struct gw_blob key, struct cell *out)
{
	const uint8_t *p = key.p;

	memset(out, 0, sizeof(*out));
	if (key.n < CELL_KEY_LEAST || key.n > CELL_KEY_MAX)
		return -EILSEQ;
	out->class = p[0];
	out->id = gw_id_from((struct gw_blob){p + 1, 16});
	out->field = (uint16_t)(p[ENTITY_BYTES] << 8 | p[ENTITY_BYTES + 1]);
	out->sub = (struct gw_blob){p + CELL_KEY_LEAST, key.n - CELL_KEY_LEAST};
	out->key = key;
	return out->class == 0 || out->id.clock == 0 || out->field == 0 ? -EILSEQ : 0;
}

static bool flags_right(const struct cell *cell)
{
	bool tombstone = cell->flags & CELL_TOMBSTONE;

	if ((cell->flags & ~(CELL_TOMBSTONE | CELL_FINAL)) != 0 || (tombstone && cell->value.n > 0))
		return false;
	/* The core's only final version is death: nothing can come after it. It has no sub. */
	if (cell->field == GW_F_CORE)
		return cell->sub.n == 0 && (tombstone || !(cell->flags & CELL_FINAL));
	return true;
}

int cell_parse(struct gw_blob key, struct gw_blob row, struct cell *out)
{
	const uint8_t *p = row.p;

	if (cell_parse_key(key, out) != 0 || row.n < CELL_HEADER)
		return -EILSEQ;
	out->flags = p[0];
	out->stamp = (struct gw_stamp){get_u64(p + 1), get_u64(p + 9)};
	out->value = (struct gw_blob){p + CELL_HEADER, row.n - CELL_HEADER};
	out->row = row;
	if (out->stamp.clock == 0 ||
	    out->value.n > (out->field == GW_F_ACK ? ACK_VALUE_MAX : GW_VALUE_MAX))
		return -EILSEQ;
	return flags_right(out) ? 0 : -EILSEQ;
}

size_t cells_put(uint8_t *out, size_t n, struct gw_blob key, struct gw_blob row)
{
	out[n] = (uint8_t)key.n;
	out[n + 1] = (uint8_t)(row.n >> 24);
	out[n + 2] = (uint8_t)(row.n >> 16);
	out[n + 3] = (uint8_t)(row.n >> 8);
	out[n + 4] = (uint8_t)row.n;
	return append(out, append(out, n + CELLS_HEADER, key.p, key.n), row.p, row.n);
}

static size_t row_bytes(const uint8_t *p)
{
	return (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
}

bool cells_whole(struct gw_blob cells)
{
	const uint8_t *p = cells.p;

	return cells.n >= CELLS_HEADER && cells.n - CELLS_HEADER >= p[0] + row_bytes(p);
}

int cells_next(struct gw_blob *cells, struct cell *out)
{
	const uint8_t *p = cells->p;
	struct gw_blob key, row;

	if (!cells_whole(*cells))
		return -EILSEQ;
	key = (struct gw_blob){p + CELLS_HEADER, p[0]};
	row = (struct gw_blob){p + CELLS_HEADER + key.n, row_bytes(p)};
	*cells = (struct gw_blob){p + cells_bytes(key, row), cells->n - cells_bytes(key, row)};
	return cell_parse(key, row, out);
}

bool cell_is_death(const struct cell *cell)
{
	return cell->field == GW_F_CORE && cell->flags == (CELL_TOMBSTONE | CELL_FINAL);
}

int cell_compare(const struct cell *a, const struct cell *b)
{
	int rank = (a->flags & CELL_FINAL) - (b->flags & CELL_FINAL);

	return rank != 0 ? rank : gw_stamp_cmp(a->stamp, b->stamp);
}

/* --- what follows from a cell --- */

/* Millions of them are hashed when a server joins, most of them short: in one call, from one row of
 * bytes. */
void cell_digest(const struct cell *cell, uint8_t out[DIGEST_BYTES])
{
	uint8_t bytes[DIGEST_AT_ONCE] = {(uint8_t)cell->key.n};
	size_t n = append(bytes, 1, cell->key.p, cell->key.n);
	gnutls_hash_hd_t hash;

	if (n + cell->row.n <= sizeof(bytes)) {
		n = append(bytes, n, cell->row.p, cell->row.n);
		gnutls_hash_fast(GNUTLS_DIG_SHA256, bytes, n, out);
		return;
	}
	gnutls_hash_init(&hash, GNUTLS_DIG_SHA256);
	gnutls_hash(hash, bytes, n);
	gnutls_hash(hash, cell->row.p, cell->row.n);
	gnutls_hash_deinit(hash, out);
}

/* A claim without a stamp in its value is kept, but claims nothing. */
static void derive_name(const struct cell *cell, struct derived *out)
{
	struct gw_stamp claim = claim_stamp(cell->value);
	struct gw_blob display = {NULL, 0};
	size_t n = claim_prefix(out->name, cell->field, cell->sub);

	if (n == 0 || claim.clock == 0)
		return;
	put_u64(out->name + n, claim.clock);
	put_u64(out->name + n + 8, claim.origin);
	entity_key(out->name + n + 16, cell->class, cell->id);
	out->name_n = n + 16 + ENTITY_BYTES;
	if (gw_part(cell->value, 2, &display) && display.n > GW_NAME_MAX)
		display.n = GW_NAME_MAX;
	out->display_n = append(out->display, 0, display.p, display.n);
}

/* The account that a cell names, if it names one. */
static struct gw_blob account_of(const struct cell *cell)
{
	struct gw_blob part = {NULL, 0};

	if (cell->class == GW_CLASS_CHANNEL && cell->field == GW_F_ACCESS)
		return cell->sub;
	if (cell->class == GW_CLASS_CHANNEL && cell->field == GW_F_FOUNDER)
		gw_part(cell->value, 0, &part);
	else if (cell->class == GW_CLASS_GRANT && cell->field == GW_F_CORE)
		gw_part(cell->value, 1, &part);
	return part;
}

static void derive_ref(const struct cell *cell, struct derived *out)
{
	struct gw_blob account = account_of(cell);

	if (account.n != 16)
		return;
	out->ref_n = append(out->ref, append(out->ref, 0, account.p, 16), cell->key.p, cell->key.n);
}

void cell_derive(const struct cell *cell, bool living, struct derived *out)
{
	out->name_n = out->ref_n = out->display_n = 0;
	put_u64(out->log, cell->stamp.origin);
	put_u64(out->log + 8, cell->stamp.clock);
	out->log_n = append(out->log, 16, cell->key.p, cell->key.n);
	out->live = cell_is_live(cell);
	out->collectable =
		!out->live && cell->class != GW_CLASS_SERVER && cell->class != GW_CLASS_ORIGIN;
	if (!out->live)
		return;
	cell_digest(cell, out->digest);
	if (living)
		derive_name(cell, out);
	derive_ref(cell, out);
}

void digest_add(uint8_t sum[DIGEST_BYTES], const uint8_t digest[DIGEST_BYTES])
{
	unsigned carry = 0;

	for (int i = DIGEST_BYTES - 1; i >= 0; i--) {
		carry += (unsigned)sum[i] + digest[i];
		sum[i] = (uint8_t)carry;
		carry >>= 8;
	}
}

void digest_subtract(uint8_t sum[DIGEST_BYTES], const uint8_t digest[DIGEST_BYTES])
{
	int borrow = 0;

	for (int i = DIGEST_BYTES - 1; i >= 0; i--) {
		int value = (int)sum[i] - digest[i] - borrow;

		borrow = value < 0;
		sum[i] = (uint8_t)(value + (borrow ? 256 : 0));
	}
}
