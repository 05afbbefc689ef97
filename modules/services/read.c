/*
 * services/read.c - entities as their cells: one, or all of a class a slice per turn.
 *
 * Only living entities and live cells are shown. An entity is always read from one image of the
 * store: one that does not fit a slice is read again with a greater bound, not pieced together.
 */
#include "services.h"
#include <errno.h>
#include <godwit/mem.h>
#include <string.h>

#define FIRST_BYTES ((size_t)128 << 10)

/* --- requests --- */

struct request *request_new(struct services_state *state, struct gw_call done)
{
	struct gw_self *self = state->self;
	struct request *request = gw_alloc(self, sizeof(*request));

	request->id = ++state->last_request;
	request->done = done;
	HASH_ADD(hh, state->requests, id, sizeof(request->id), request);
	return request;
}

struct request *request_find(struct services_state *state, uint64_t id)
{
	struct gw_self *self = state->self;
	struct request *request;

	HASH_FIND(hh, state->requests, &id, sizeof(id), request);
	return request;
}

void request_free(struct services_state *state, struct request *request)
{
	struct gw_self *self = state->self;

	HASH_DELETE(hh, state->requests, request);
	gw_free(self, request->claims);
	gw_free(self, request);
}

void request_drop_all(struct services_state *state)
{
	struct request *request, *next;

	HASH_ITER (hh, state->requests, request, next) {
		request_free(state, request);
	}
}

/* --- rows to entities --- */

/* Calls `done` with an entity (NULL: none); the cells are borrowed. */
static void tell(struct gw_self *self, struct gw_call done, int status,
                 const struct gw_entity *entity)
{
	struct gw_visit visit;
	/* a gw_walk_fn has the same shape */
	gw_entity_fn *fn = (gw_entity_fn *)gw_visit(self, &visit, done);

	if (fn != NULL)
		fn(done.module->state, done.tag, status, entity);
	gw_visit_end(self, &visit);
}

static bool same_entity(const struct gw_store_row *a, const struct gw_store_row *b)
{
	return a->key.n >= ENTITY_BYTES && b->key.n >= ENTITY_BYTES &&
	       memcmp(a->key.p, b->key.p, ENTITY_BYTES) == 0;
}

static size_t entity_rows(const struct gw_store_row *rows, size_t n)
{
	size_t end = 1;

	while (end < n && same_entity(&rows[0], &rows[end]))
		end++;
	return end;
}

/* The live cells of `n` rows of one entity into `cells` (room for n). -ENOENT: it does not live. */
static int entity_open(const struct gw_store_row *rows, size_t n, struct gw_cell *cells,
                       struct gw_entity *out)
{
	bool lives = false;
	struct cell cell;

	*out = (struct gw_entity){.cells = cells};
	for (size_t i = 0; i < n; i++) {
		if (cell_parse(rows[i].key, rows[i].val, &cell) != 0)
			return -EILSEQ;
		out->class = cell.class;
		out->id = cell.id;
		if (!cell_is_live(&cell))
			continue;
		lives |= cell.field == GW_F_CORE;
		cells[out->n++] = (struct gw_cell){.field = cell.field,
		                                   .sub = cell.sub,
		                                   .value = cell.value,
		                                   .stamp = cell.stamp};
	}
	return lives ? 0 : -ENOENT;
}

/* --- one entity --- */

/* The entity, and the names that it was seen to claim, from one image. */
static int ask(struct services_state *state, struct request *request)
{
	struct gw_self *self = state->self;
	uint8_t key[ENTITY_BYTES], end[ENTITY_BYTES + 2];
	struct gw_store_range *ranges =
		gw_alloc(self, (1 + request->n_claims / 3) * sizeof(*ranges));
	uint8_t(*ends)[NAME_PREFIX_MAX] =
		gw_alloc(self, (1 + request->n_claims / 3) * sizeof(*ends));
	size_t n = 1;
	int status;

	entity_key(key, request->class, request->entity);
	memcpy(end, key, sizeof(key));
	end[ENTITY_BYTES] = end[ENTITY_BYTES + 1] = 0xff; /* the field 0xffff is not used */
	ranges[0] = (struct gw_store_range){
		.table = TABLE_CELL, .from = {key, sizeof(key)}, .to = {end, sizeof(end)}};
	for (size_t at = 0; at < request->n_claims; at += request->claims[at] + 1u, n++) {
		ranges[n].table = TABLE_NAME;
		ranges[n].from = (struct gw_blob){request->claims + at + 1, request->claims[at]};
		ranges[n].to = find_behind(ranges[n].from.p, ranges[n].from.n, ends[n]);
	}
	status = store_read(state, ranges, n, request->max_bytes, CALL_ENTITY_ROWS, request->id);
	gw_free(self, ends);
	gw_free(self, ranges);
	return status;
}

int read_entity(void *services, uint8_t class, struct gw_id id, struct gw_call done)
{
	struct services_state *state = services;
	struct request *request = request_new(state, done);
	int status;

	request->class = class;
	request->entity = id;
	request->max_bytes = FIRST_BYTES;
	status = ask(state, request);
	if (status != 0)
		request_free(state, request);
	return status;
}

/* The cells come first, then the names. */
static int read_open(struct services_state *state, struct request *request,
                     const struct gw_store_row *rows, size_t n, struct gw_cell *cells,
                     struct gw_entity *entity, char room[GW_NAME_MAX + 1])
{
	struct shown_rows in = {request, rows, n};
	size_t n_cells = 0;
	int status;

	while (n_cells < n && rows[n_cells].table == TABLE_CELL)
		n_cells++;
	status = entity_open(rows, n_cells, cells, entity);
	if (status != 0)
		return status;
	status = shown_resolve(state, &in, cells, entity, room);
	if (status == -EAGAIN)
		shown_ask(state, request, entity);
	return status;
}

void read_rows(void *state_, uint64_t tag, int status, const struct gw_store_row *rows, size_t n)
{
	struct services_state *state = state_;
	struct gw_self *self = state->self;
	struct request *request = request_find(state, tag);
	char room[GW_NAME_MAX + 1];
	struct gw_entity entity;
	struct gw_cell *cells = gw_alloc(self, (n + 1) * sizeof(*cells));
	bool again = status == GW_STORE_MORE;

	if (again) {
		request->max_bytes *= 4;
		status = request->max_bytes > ENTITY_BYTES_MAX ? -E2BIG : 0;
	} else if (status == 0) {
		status = read_open(state, request, rows, n, cells, &entity, room);
		again = status == -EAGAIN;
	}
	if (again && (status == 0 || status == -EAGAIN))
		status = ask(state, request);
	else
		again = false;
	if (!again || status != 0) {
		tell(state->self, request->done, status, status == 0 ? &entity : NULL);
		request_free(state, request);
	}
	gw_free(self, cells);
}

/* --- all of a class --- */

static int walk_on(struct services_state *state, struct request *request)
{
	uint8_t end[1] = {(uint8_t)(request->class + 1)};
	struct gw_store_range range = {.table = TABLE_CELL,
	                               .from = {request->from, request->from_n}};

	if (request->class < 0xff)
		range.to = (struct gw_blob){end, 1};
	if (request->image)
		return GW_VIA(state->store, gw_store_ops, read_image, &range, 1, request->max_bytes,
		              gw_call(state->self, CALL_WALK_ROWS, request->id));
	return store_read(state, &range, 1, request->max_bytes, CALL_WALK_ROWS, request->id);
}

static int walk_begin(struct services_state *state, uint8_t class, bool image, struct gw_call each)
{
	struct request *request = request_new(state, each);
	int status;

	request->class = class;
	request->image = image;
	request->from[0] = class;
	request->from_n = 1;
	request->max_bytes = SLICE_BYTES;
	status = walk_on(state, request);
	if (status != 0)
		request_free(state, request);
	return status;
}

int walk(void *services, uint8_t class, struct gw_call each)
{
	return walk_begin(services, class, false, each);
}

int walk_image(struct services_state *state, uint8_t class, struct gw_call each)
{
	return walk_begin(state, class, true, each);
}

static void walk_end(struct services_state *state, struct request *request, int status)
{
	tell(state->self, request->done, status, NULL);
	request_free(state, request);
}

void walk_resume(struct services_state *state, uint64_t id)
{
	struct request *request = request_find(state, id);
	int status = walk_on(state, request);

	if (status != 0)
		walk_end(state, request, status);
}

/* Tells the entities of a slice. The last one may go on in the next slice when there is `more`, so
 * it is left: returns the index of its first row, or n. */
static size_t walk_tell(struct services_state *state, const struct request *request, bool more,
                        const struct gw_store_row *rows, size_t n)
{
	struct gw_self *self = state->self;
	struct gw_cell *cells = gw_alloc(self, (n + 1) * sizeof(*cells));
	struct gw_entity entity;
	size_t i = 0, end;
	int status;

	for (; i < n; i = end) {
		end = i + entity_rows(rows + i, n - i);
		if (more && end == n)
			break;
		status = entity_open(rows + i, end - i, cells, &entity);
		if (status == 0)
			tell(state->self, request->done, 0, &entity);
		else if (status == -EILSEQ)
			gw_log(self, GW_ERROR, "a damaged entity is left out class=%c",
			       request->class);
	}
	gw_free(self, cells);
	return i;
}

void walk_rows(void *state_, uint64_t tag, int status, const struct gw_store_row *rows, size_t n)
{
	struct services_state *state = state_;
	struct request *request = request_find(state, tag);
	bool more = status == GW_STORE_MORE;
	size_t left = walk_tell(state, request, more, rows, n);

	if (more) {
		if (left == 0)
			request->max_bytes *= 4; /* one entity fills the slice */
		else
			request->max_bytes = SLICE_BYTES;
		memcpy(request->from, rows[left].key.p, ENTITY_BYTES);
		request->from_n = ENTITY_BYTES;
		if (request->image && export_holds(state, request->id))
			return;
		status = request->max_bytes > ENTITY_BYTES_MAX ? -E2BIG : walk_on(state, request);
		if (status == 0)
			return;
	}
	walk_end(state, request, status);
}
