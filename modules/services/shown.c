/*
 * services/shown.c - names that two claim: who is shown how, and who is meant by it.
 *
 * The earliest claim owns a name. Who claims it later is shown, and addressed, as NAME~DIGITS; that
 * is computed from the rows of the name alone, so every server shows the same and nothing is
 * written. An entity's names are read from the same image of the store as its cells, unless the
 * cache has them.
 */
#include "services.h"
#include <errno.h>
#include <godwit/mem.h>
#include <godwit/network.h>
#include <sodium.h>
#include <string.h>

#define DIGITS_LEAST 5
#define DIGITS_MOST 12
#define CLAIMANTS_TOLD_APART 64

/* --- digits --- */

static uint64_t id_bits(const void *id, size_t n)
{
	uint8_t sum[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(sum, id, n);
	return get_u64(sum);
}

static uint64_t row_bits(const struct gw_store_row *row)
{
	return row->key.n < 16 ? 0 : id_bits((const uint8_t *)row->key.p + row->key.n - 16, 16);
}

unsigned shown_digits(const struct gw_store_row *rows, size_t n)
{
	uint64_t bits[CLAIMANTS_TOLD_APART];
	unsigned digits = DIGITS_LEAST;

	if (n < 2)
		return 0;
	if (n > CLAIMANTS_TOLD_APART)
		return DIGITS_MOST;
	for (size_t i = 0; i < n; i++) {
		bits[i] = row_bits(&rows[i]);
		for (size_t j = 0; j < i; j++)
			while (digits < DIGITS_MOST &&
			       (bits[i] ^ bits[j]) >> (64 - 5 * digits) == 0)
				digits++;
	}
	return digits;
}

/* NAME~DIGITS; no character is cut in the middle. */
static void form(const char *name, size_t n, uint64_t bits, unsigned digits, size_t max,
                 char out[GW_NAME_MAX + 1])
{
	size_t stem = n;

	if (stem > max - 1 - digits)
		stem = max - 1 - digits;
	while (stem < n && stem > 0 && ((uint8_t)name[stem] & 0xc0) == 0x80)
		stem--;
	memmove(out, name, stem);
	out[stem] = '~';
	gw_lesser_digits(bits, digits, out + stem + 1);
}

void lesser(void *services, const char *name, const void *id, size_t id_len, size_t max,
            char out[GW_NAME_MAX + 1])
{
	(void)services;
	form(name, strlen(name), id_bits(id, id_len), DIGITS_LEAST, max, out);
}

static size_t shown_max(uint8_t ns)
{
	return ns == GW_NAME_CHANNEL ? GW_CHANNEL_MAX : GW_NICK_MAX;
}

/* --- an entity's names --- */

static bool is_of(const struct gw_store_row *row, const uint8_t *name, size_t n)
{
	return row->table == TABLE_NAME && row->key.n > n && memcmp(row->key.p, name, n) == 0;
}

static bool was_asked(const struct request *request, const uint8_t *name, size_t n)
{
	for (size_t at = 0; at < request->n_claims; at += request->claims[at] + 1u)
		if (request->claims[at] == n && memcmp(request->claims + at + 1, name, n) == 0)
			return true;
	return false;
}

/* Whose a name is: from the rows, if it was asked for with them, else from the cache. */
static int owner_known(struct services_state *state, const struct shown_rows *in,
                       const uint8_t *name, size_t name_n, struct gw_owner *owner, unsigned *digits)
{
	size_t first = 0, end;

	if (!was_asked(in->request, name, name_n))
		return find_cached(state, name, name_n, owner, digits);
	while (first < in->n && !is_of(&in->rows[first], name, name_n))
		first++;
	if (first == in->n)
		return -ENOENT;
	for (end = first; end < in->n && is_of(&in->rows[end], name, name_n);)
		end++;
	*digits = shown_digits(in->rows + first, end - first);
	return find_owner(name_n, &in->rows[first], owner);
}

/* The claim that an entity is shown by, so far. */
struct first {
	const struct gw_cell *cell;
	struct gw_stamp stamp;
	unsigned digits;
};

static void first_take(struct first *first, const struct gw_cell *cell, unsigned digits)
{
	struct gw_stamp stamp = claim_stamp(cell->value);

	if (first->cell != NULL && first->cell->beaten == cell->beaten &&
	    gw_stamp_cmp(first->stamp, stamp) < 0)
		return;
	if (first->cell != NULL && !first->cell->beaten && cell->beaten)
		return;
	*first = (struct first){cell, stamp, digits};
}

static bool names_class(uint8_t class, const uint8_t *name)
{
	return (class == GW_CLASS_ACCOUNT && name[0] == GW_NAME_NICK) ||
	       (class == GW_CLASS_CHANNEL && name[0] == GW_NAME_CHANNEL);
}

static void show(const struct first *first, struct gw_entity *entity, char room[GW_NAME_MAX + 1])
{
	size_t max = shown_max(entity->class == GW_CLASS_CHANNEL ? GW_NAME_CHANNEL : GW_NAME_NICK);
	uint8_t id[16];

	if (first->cell == NULL || !gw_part_text(first->cell->value, 2, room, GW_NAME_MAX + 1))
		return;
	gw_id_bytes(entity->id, id);
	if (first->cell->beaten)
		form(room, strlen(room), id_bits(id, sizeof(id)), first->digits, max, room);
	entity->shown = room;
}

int shown_resolve(struct services_state *state, const struct shown_rows *in, struct gw_cell *cells,
                  struct gw_entity *entity, char room[GW_NAME_MAX + 1])
{
	struct first first = {NULL, {0, 0}, 0};
	uint8_t name[NAME_PREFIX_MAX];
	struct gw_owner owner = {0};
	unsigned digits;
	size_t name_n;
	int status;

	for (size_t i = 0; i < entity->n; i++) {
		digits = 0;
		name_n = claim_prefix(name, cells[i].field, cells[i].sub);
		if (name_n == 0 || claim_stamp(cells[i].value).clock == 0)
			continue;
		status = owner_known(state, in, name, name_n, &owner, &digits);
		if (status == -EAGAIN)
			return status;
		cells[i].contested = digits > 0;
		cells[i].beaten = status == 0 &&
		                  !(owner.class == entity->class && gw_id_is(owner.id, entity->id));
		if (names_class(entity->class, name))
			first_take(&first, &cells[i],
			           digits < DIGITS_LEAST ? DIGITS_LEAST : digits);
	}
	show(&first, entity, room);
	return 0;
}

void shown_ask(struct services_state *state, struct request *request,
               const struct gw_entity *entity)
{
	struct gw_self *self = state->self;
	size_t n;

	gw_free(self, request->claims);
	request->claims = gw_alloc(self, entity->n * (NAME_PREFIX_MAX + 1) + 1);
	request->n_claims = 0;
	for (size_t i = 0; i < entity->n; i++) {
		n = claim_prefix(request->claims + request->n_claims + 1, entity->cells[i].field,
		                 entity->cells[i].sub);
		if (n == 0)
			continue;
		request->claims[request->n_claims] = (uint8_t)n;
		request->n_claims += n + 1;
	}
}

/* --- who is meant --- */

/* How many digits `folded` ends with, behind a `~`; 0: it is a name like any other. */
static size_t digits_behind(const char *folded, size_t n)
{
	size_t digits = 0;

	while (digits < n && strchr("abcdefghijklmnopqrstuvwxyz234567", folded[n - 1 - digits]) &&
	       folded[n - 1 - digits] != '\0')
		digits++;
	if (digits < DIGITS_LEAST || digits > DIGITS_MOST || digits + 1 >= n ||
	    folded[n - 1 - digits] != '~')
		return 0;
	return digits;
}

/* All names that could stand before the `~`: the one that is there, or longer ones that were cut.
 */
static int ask_stem(struct services_state *state, struct request *request, const char *stem,
                    size_t stem_n, size_t digits)
{
	size_t max = shown_max(request->class), last = stem_n;
	uint8_t from[GW_NAME_MAX][NAME_PREFIX_MAX], to[GW_NAME_MAX][NAME_PREFIX_MAX];
	struct gw_store_range ranges[GW_NAME_MAX];
	size_t n = 0;

	if (stem_n + 1 + digits + 3 >= max && stem_n < max)
		last = max;
	for (size_t length = stem_n; length <= last && n < GW_NAME_MAX; length++, n++) {
		name_prefix(from[n], request->class, stem, stem_n);
		from[n][1] = (uint8_t)length;
		ranges[n] = (struct gw_store_range){.table = TABLE_NAME,
		                                    .from = {from[n], stem_n + 2},
		                                    .to = find_behind(from[n], stem_n + 2, to[n])};
	}
	return store_read(state, ranges, n, SLICE_BYTES, CALL_SHOWN, request->id);
}

int find_shown(void *services, enum gw_namespace ns, const void *folded, size_t n,
               struct gw_owner *owner_out, struct gw_call done)
{
	struct services_state *state = services;
	struct request *request;
	size_t digits;
	int status;

	if (n == 0 || n > GW_NAME_MAX)
		return -EINVAL;
	digits = digits_behind(folded, n);
	if (digits == 0)
		return find(services, ns, folded, n, owner_out, done);
	request = request_new(state, done);
	request->class = (uint8_t)ns;
	request->name_n = (uint8_t)n;
	memcpy(request->name, folded, n);
	status = ask_stem(state, request, folded, n - 1 - digits, digits);
	if (status != 0)
		request_free(state, request);
	return status == 0 ? -EINPROGRESS : status;
}

/* Whether the name of `row`, with the digits that were typed, is what was typed. */
static bool is_meant(const struct request *request, size_t typed, const struct gw_store_row *row)
{
	size_t name_n = ((const uint8_t *)row->key.p)[1];
	char text[GW_NAME_MAX + 1];

	form((const char *)row->key.p + 2, name_n, row_bits(row), (unsigned)typed,
	     shown_max(request->class), text);
	return strlen(text) == request->name_n && memcmp(text, request->name, request->name_n) == 0;
}

/* Rows of one name: those behind the first one do not own it. */
static const struct gw_store_row *meant_among(const struct request *request,
                                              const struct gw_store_row *rows, size_t n,
                                              unsigned *digits_out)
{
	size_t typed = digits_behind((const char *)request->name, request->name_n);

	*digits_out = shown_digits(rows, n);
	for (size_t i = 1; i < n && typed >= *digits_out; i++)
		if (is_meant(request, typed, &rows[i]))
			return &rows[i];
	return NULL;
}

static int meant(const struct request *request, const struct gw_store_row *rows, size_t n,
                 struct gw_owner *out)
{
	const struct gw_store_row *row = NULL;
	unsigned digits = 0;
	size_t name_n, end;
	int status;

	for (size_t i = 0; i < n && row == NULL; i = end) {
		end = i + 1;
		if (rows[i].key.n < 2u + 16 + ENTITY_BYTES)
			return -EILSEQ;
		name_n = rows[i].key.n - 16 - ENTITY_BYTES;
		while (end < n && is_of(&rows[end], rows[i].key.p, name_n))
			end++;
		row = meant_among(request, rows + i, end - i, &digits);
	}
	if (row == NULL)
		return -ENOENT;
	status = find_owner(row->key.n - 16 - ENTITY_BYTES, row, out);
	if (status == 0)
		form(out->display, strlen(out->display), row_bits(row), digits,
		     shown_max(request->class), out->display);
	return status;
}

void shown_rows(void *state_, uint64_t tag, int status, const struct gw_store_row *rows, size_t n)
{
	struct services_state *state = state_;
	struct request *request = request_find(state, tag);
	gw_owner_fn *fn = (gw_owner_fn *)gw_call_fn(request->done);
	struct gw_owner owner;

	if (status >= 0)
		status = meant(request, rows, n, &owner);
	if (fn != NULL)
		fn(request->done.module->state, request->done.tag, status,
		   status == 0 ? &owner : NULL);
	request_free(state, request);
}

/* --- who claims it --- */

int claimants(void *services, enum gw_namespace ns, const void *folded, size_t n,
              struct gw_call each)
{
	struct services_state *state = services;
	struct gw_store_range range = {.table = TABLE_NAME};
	uint8_t name[NAME_PREFIX_MAX], end[NAME_PREFIX_MAX];
	struct request *request;
	int status;

	if (n == 0 || n > GW_NAME_MAX)
		return -EINVAL;
	request = request_new(state, each);
	request->class = (uint8_t)ns;
	range.from = (struct gw_blob){name, name_prefix(name, (uint8_t)ns, folded, n)};
	range.to = find_behind(name, range.from.n, end);
	status = store_read(state, &range, 1, SLICE_BYTES, CALL_CLAIMANTS, request->id);
	if (status != 0)
		request_free(state, request);
	return status;
}

static void claimant_tell(const struct request *request, const struct gw_store_row *row, bool owns,
                          unsigned digits)
{
	gw_owner_fn *fn = (gw_owner_fn *)gw_call_fn(request->done);
	struct gw_owner owner;

	if (fn == NULL || row->key.n < 16 + ENTITY_BYTES ||
	    find_owner(row->key.n - 16 - ENTITY_BYTES, row, &owner) != 0)
		return;
	if (!owns)
		form(owner.display, strlen(owner.display), row_bits(row), digits,
		     shown_max(request->class), owner.display);
	fn(request->done.module->state, request->done.tag, 0, &owner);
}

void claimants_rows(void *state_, uint64_t tag, int status, const struct gw_store_row *rows,
                    size_t n)
{
	struct services_state *state = state_;
	struct request *request = request_find(state, tag);
	gw_owner_fn *fn = (gw_owner_fn *)gw_call_fn(request->done);
	unsigned digits = shown_digits(rows, n);

	for (size_t i = 0; i < n; i++)
		claimant_tell(request, &rows[i], i == 0, digits);
	if (fn != NULL)
		fn(request->done.module->state, request->done.tag, status > 0 ? -E2BIG : status,
		   NULL);
	request_free(state, request);
}
