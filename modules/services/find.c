/*
 * services/find.c - who owns a name: from the cache, denied by the filter, else from the store.
 *
 * The cache keeps what the store answered until a commit touches the name. An answer that was asked
 * for before such a commit and comes after it is passed on but not kept.
 */
#include "services.h"
#include <errno.h>
#include <godwit/mem.h>
#include <string.h>

#define NAMES_CACHED 16384
#define CLAIMANTS_BYTES ((size_t)16 << 10) /* of one name: more need not be told apart */
#define ROOM_LEAST ((uint64_t)10000)

/** A name in the cache, with its owner or -ENOENT. */
struct named {
	UT_hash_handle hh;
	int status;
	struct gw_owner owner;
	uint8_t digits; /* that tell its claimants apart */
	uint8_t name_n, name[NAME_PREFIX_MAX];
};

int fold(void *services, const char *name, char folded_out[GW_NAME_MAX + 1])
{
	size_t n = strlen(name);

	(void)services;
	if (n >= GW_NAME_MAX)
		return -EINVAL;
	for (size_t i = 0; i <= n; i++)
		folded_out[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + 32) : name[i];
	return (int)n;
}

/* --- the cache --- */

static void named_free(struct services_state *state, struct named *named)
{
	struct gw_self *self = state->self;

	HASH_DELETE(hh, state->names, named);
	gw_free(self, named);
}

static struct named *named_find(struct services_state *state, const uint8_t *name, size_t n)
{
	struct gw_self *self = state->self;
	struct named *named;

	HASH_FIND(hh, state->names, name, n, named);
	return named;
}

/* Moves it to the young end. */
static void named_used(struct services_state *state, struct named *named)
{
	struct gw_self *self = state->self;

	if (named->hh.next == NULL)
		return;
	HASH_DELETE(hh, state->names, named);
	HASH_ADD(hh, state->names, name, named->name_n, named);
}

static void named_add(struct services_state *state, const struct request *request, int status,
                      const struct gw_owner *owner, unsigned digits)
{
	struct gw_self *self = state->self;
	struct named *named = named_find(state, request->name, request->name_n);

	if (named != NULL)
		named_free(state, named);
	if (HASH_COUNT(state->names) >= NAMES_CACHED)
		named_free(state, state->names);
	named = gw_alloc(self, sizeof(*named));
	named->status = status;
	if (status == 0)
		named->owner = *owner;
	named->digits = (uint8_t)digits;
	named->name_n = request->name_n;
	memcpy(named->name, request->name, request->name_n);
	HASH_ADD(hh, state->names, name, named->name_n, named);
}

void find_forget(struct services_state *state, struct gw_blob name)
{
	struct named *named = named_find(state, name.p, name.n);

	state->claims_changed++;
	if (named != NULL)
		named_free(state, named);
}

void find_forget_all(struct services_state *state)
{
	struct named *named, *next;

	state->claims_changed++;
	HASH_ITER (hh, state->names, named, next) {
		named_free(state, named);
	}
	state->filter_ready = false;
	if (state->filter_walking)
		state->filter_again = true;
	else
		find_build_filter(state);
}

void find_forget_entity(struct services_state *state, uint8_t class, struct gw_id id)
{
	struct named *named, *next;

	state->claims_changed++;
	HASH_ITER (hh, state->names, named, next) {
		if (named->status == 0 && named->owner.class == class &&
		    gw_id_is(named->owner.id, id))
			named_free(state, named);
	}
}

/* --- asking --- */

struct gw_blob find_behind(const uint8_t *prefix, size_t n, uint8_t out[NAME_PREFIX_MAX])
{
	memcpy(out, prefix, n);
	while (n > 1 && out[n - 1] == 0xff)
		n--;
	out[n - 1]++;
	return (struct gw_blob){out, n};
}

static int ask_store(struct services_state *state, const uint8_t *name, size_t n,
                     struct gw_call done)
{
	struct request *request = request_new(state, done);
	struct gw_store_range range = {.table = TABLE_NAME};
	uint8_t end[NAME_PREFIX_MAX];
	int status;

	if (!state->filter_ready && !state->filter_walking)
		find_build_filter(state); /* its walk was broken off */
	request->claims_changed = state->claims_changed;
	request->name_n = (uint8_t)n;
	memcpy(request->name, name, n);
	range.from = (struct gw_blob){request->name, n};
	range.to = find_behind(name, n, end);
	status = store_read(state, &range, 1, CLAIMANTS_BYTES, CALL_FOUND, request->id);
	if (status != 0)
		request_free(state, request);
	return status == 0 ? -EINPROGRESS : status;
}

int find(void *services, enum gw_namespace ns, const void *folded, size_t n,
         struct gw_owner *owner_out, struct gw_call done)
{
	struct services_state *state = services;
	uint8_t name[NAME_PREFIX_MAX];
	struct named *named;
	size_t name_n;

	if (n == 0 || n > GW_NAME_MAX)
		return -EINVAL;
	name_n = name_prefix(name, (uint8_t)ns, folded, n);
	if (state->filter_ready &&
	    !filter_may_hold(state->self, &state->filter, (struct gw_blob){name, name_n}))
		return -ENOENT;
	named = named_find(state, name, name_n);
	if (named == NULL)
		return ask_store(state, name, name_n, done);
	named_used(state, named);
	if (named->status == 0)
		*owner_out = named->owner;
	return named->status;
}

int find_cached(struct services_state *state, const uint8_t *name, size_t n,
                struct gw_owner *owner_out, unsigned *digits_out)
{
	struct named *named = named_find(state, name, n);

	if (named == NULL)
		return -EAGAIN;
	named_used(state, named);
	*owner_out = named->owner;
	*digits_out = named->digits;
	return named->status;
}

int find_owner(size_t name_n, const struct gw_store_row *row, struct gw_owner *out)
{
	const uint8_t *tail = (const uint8_t *)row->key.p + name_n;

	memset(out, 0, sizeof(*out));
	if (row->key.n != name_n + 16 + ENTITY_BYTES || row->val.n > GW_NAME_MAX)
		return -EILSEQ;
	out->claim = (struct gw_stamp){get_u64(tail), get_u64(tail + 8)};
	out->class = tail[16];
	out->id = gw_id_from((struct gw_blob){tail + 17, 16});
	if (row->val.n > 0)
		memcpy(out->display, row->val.p, row->val.n);
	return 0;
}

void find_rows(void *state_, uint64_t tag, int status, const struct gw_store_row *rows, size_t n)
{
	struct services_state *state = state_;
	struct request *request = request_find(state, tag);
	gw_owner_fn *fn = (gw_owner_fn *)gw_call_fn(request->done);
	struct gw_owner owner;

	if (status >= 0)
		status = n == 0 ? -ENOENT : find_owner(request->name_n, &rows[0], &owner);
	if (request->claims_changed == state->claims_changed && (status == 0 || status == -ENOENT))
		named_add(state, request, status, &owner, shown_digits(rows, n));
	if (fn != NULL)
		fn(request->done.module->state, request->done.tag, status,
		   status == 0 ? &owner : NULL);
	request_free(state, request);
}

/* --- the filter --- */

void find_claimed(struct services_state *state, struct gw_blob name)
{
	filter_add(state->self, &state->filter, name);
	filter_add(state->self, &state->growing, name);
	if (state->filter_ready && !state->filter_walking &&
	    state->filter.held > state->filter.room)
		find_build_filter(state);
}

static void walk_on(struct services_state *state, struct request *request)
{
	struct gw_store_range range = {.table = TABLE_NAME,
	                               .from = {request->from, request->from_n}};

	if (store_read(state, &range, 1, SLICE_BYTES, CALL_FILTER_ROWS, request->id) == 0)
		return;
	/* Tried again when next a name is looked up or claimed; until then the store answers. */
	filter_fini(state->self, &state->growing);
	state->filter_walking = false;
	request_free(state, request);
}

void find_build_filter(struct services_state *state)
{
	uint64_t room = 2 * state->filter.held;

	if (state->growing.words == NULL)
		filter_init(state->self, &state->growing, room > ROOM_LEAST ? room : ROOM_LEAST);
	state->filter_walking = true;
	walk_on(state, request_new(state, (struct gw_call){0}));
}

void find_filter_rows(void *state_, uint64_t tag, int status, const struct gw_store_row *rows,
                      size_t n)
{
	struct services_state *state = state_;
	struct request *request = request_find(state, tag);
	const uint8_t *key;

	for (size_t i = 0; i < n; i++) {
		key = rows[i].key.p;
		if (rows[i].key.n >= 2u && rows[i].key.n >= 2u + key[1])
			filter_add(state->self, &state->growing,
			           (struct gw_blob){key, 2u + key[1]});
	}
	if (status == GW_STORE_MORE && n > 0 && rows[n - 1].key.n < sizeof(request->from)) {
		request->from_n = (uint8_t)(rows[n - 1].key.n + 1);
		memset(request->from, 0, sizeof(request->from));
		memcpy(request->from, rows[n - 1].key.p, rows[n - 1].key.n);
		walk_on(state, request);
		return;
	}
	request_free(state, request);
	state->filter_walking = false;
	if (state->filter_again) {
		state->filter_again = false;
		filter_fini(state->self, &state->growing);
		find_build_filter(state);
	} else if (status == 0) {
		filter_fini(state->self, &state->filter);
		state->filter = state->growing;
		state->growing = (struct filter){0};
		state->filter_ready = true;
	} else {
		filter_fini(state->self, &state->growing);
	}
}

void find_drop_all(struct services_state *state)
{
	struct named *named, *next;

	HASH_ITER (hh, state->names, named, next) {
		named_free(state, named);
	}
	filter_fini(state->self, &state->filter);
	filter_fini(state->self, &state->growing);
}
