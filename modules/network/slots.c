/*
 * slots.c - what modules keep per session (the point "network.session-data").
 *
 * A row has a slot, by its name; a session has a block for each slot that was ever asked for.
 * Blocks stay while their module is reloaded, grow when the row has grown, and go with the session
 * or with the row.
 */
#include "network.h"
#include <errno.h>

/* The sessions that have blocks get room for one slot more. */
static void slots_extend(struct network *net)
{
	for (struct person *p = net->people; p != NULL; p = (struct person *)p->by_id.next) {
		struct gw_session *session = &p->session;

		if (session->data == NULL)
			continue;
		session->data = (void **)gw_resize(net->self, session->data,
		                                   net->n_slots * sizeof(*session->data));
		session->data[net->n_slots - 1] = NULL;
	}
}

static struct slot *slot_get(struct network *net, const char *name)
{
	struct slot *unused = NULL;

	for (size_t i = 0; i < net->n_slots; i++) {
		if (net->slots[i].name == NULL)
			unused = &net->slots[i];
		else if (strcmp(net->slots[i].name, name) == 0)
			return &net->slots[i];
	}
	if (unused == NULL) {
		net->slots = (struct slot *)gw_resize(net->self, net->slots,
		                                      (net->n_slots + 1) * sizeof(*net->slots));
		unused = &net->slots[net->n_slots++];
		slots_extend(net);
	}
	*unused = (struct slot){.name = gw_strdup(net->self, name)};
	return unused;
}

/* Blocks of `slot` become `size` bytes; 0 frees them. */
static void blocks_resize(struct network *net, const struct slot *slot, uint32_t size)
{
	size_t i = (size_t)(slot - net->slots);

	for (struct person *p = net->people; p != NULL; p = (struct person *)p->by_id.next) {
		void **block = p->session.data == NULL ? NULL : &p->session.data[i];

		if (block == NULL || *block == NULL)
			continue;
		if (size == 0) {
			gw_free(net->self, *block);
			*block = NULL;
			continue;
		}
		*block = gw_resize(net->self, *block, size);
		memset((char *)*block + slot->size, 0, size - slot->size);
	}
}

static void slot_read(struct network *net, const struct gw_row *row)
{
	const struct gw_session_data *data = (const struct gw_session_data *)row->row;
	struct slot *slot = slot_get(net, data->name);

	if (data->size > slot->size) {
		blocks_resize(net, slot, data->size);
		slot->size = data->size;
	}
	slot->version = data->version;
	slot->stays = data->stays;
	slot->everywhere = data->everywhere && !data->stays;
	slot->module = row->module;
	slot->export_row = data->export_row;
	slot->import_row = data->import_row;
	slot->seen = true;
}

void rows_session_data(void *state, uint64_t tag)
{
	struct network *net = (struct network *)state;
	const struct gw_row *rows;
	size_t n = gw_rows(net->self, GW_POINT_SESSION_DATA, &rows);

	(void)tag;
	for (size_t i = 0; i < net->n_slots; i++)
		net->slots[i].seen = false;
	for (size_t i = 0; i < n; i++)
		slot_read(net, &rows[i]);
	for (size_t i = 0; i < net->n_slots; i++) {
		struct slot *slot = &net->slots[i];

		if (slot->seen || slot->name == NULL)
			continue;
		blocks_resize(net, slot, 0);
		gw_free(net->self, slot->name);
		*slot = (struct slot){0};
	}
}

void *session_data(struct network *net, struct gw_session *session, const char *name)
{
	for (size_t i = 0; i < net->n_slots; i++) {
		if (net->slots[i].name == NULL || strcmp(net->slots[i].name, name) != 0)
			continue;
		if (session->data == NULL)
			session->data =
				(void **)gw_alloc(net->self, net->n_slots * sizeof(*session->data));
		if (session->data[i] == NULL)
			session->data[i] = gw_alloc(net->self, net->slots[i].size);
		return session->data[i];
	}
	return NULL;
}

void session_data_free(struct network *net, struct gw_session *session)
{
	if (session->data == NULL)
		return;
	for (size_t i = 0; i < net->n_slots; i++) {
		if (session->data[i] != NULL)
			gw_free(net->self, session->data[i]);
	}
	gw_free(net->self, session->data);
	session->data = NULL;
}

void session_data_leave(struct network *net, struct gw_session *session)
{
	for (size_t i = 0; session->data != NULL && i < net->n_slots; i++) {
		if (session->data[i] == NULL || net->slots[i].everywhere)
			continue;
		gw_free(net->self, session->data[i]);
		session->data[i] = NULL;
	}
}

void slots_free(struct network *net)
{
	for (size_t i = 0; i < net->n_slots; i++) {
		if (net->slots[i].name != NULL)
			gw_free(net->self, net->slots[i].name);
	}
	if (net->slots != NULL)
		gw_free(net->self, net->slots);
	net->slots = NULL;
	net->n_slots = 0;
}

typedef int export_fn(void *state, const struct gw_session *session, const void *data, void *out,
                      size_t max, size_t *len_out);
typedef int import_fn(void *state, struct gw_session *session, void *data, const void *in,
                      size_t len, struct gw_error *err);

size_t session_data_export(struct network *net, const struct slot *slot,
                           const struct gw_session *session, void *out, size_t max)
{
	const void *data = session->data == NULL ? NULL : session->data[slot - net->slots];
	gw_fn *fn;
	size_t n = 0;

	if (data == NULL || slot->name == NULL || !slot->everywhere)
		return 0;
	fn = gw_call_fn(gw_call(slot->module, slot->export_row, 0));
	if (fn == NULL || ((export_fn *)fn)(slot->module->state, session, data, out, max, &n) < 0 ||
	    n > max)
		return 0;
	return n;
}

/* What moves with a session, and with it alone. */
static bool slot_moves(const struct slot *slot)
{
	return slot->name != NULL && !slot->stays && !slot->everywhere;
}

static int slot_export(struct network *net, const struct slot *slot,
                       const struct gw_session *session, gw_data_emit_fn *emit, void *ctx,
                       struct gw_error *why)
{
	const void *data = session->data[slot - net->slots];
	gw_fn *fn = gw_call_fn(gw_call(slot->module, slot->export_row, 0));
	uint8_t out[GW_SESSION_DATA_MAX];
	size_t n = 0;
	int status;

	if (data == NULL)
		return 0;
	if (fn == NULL)
		return gw_fail(why, -ENOSYS, "%s cannot be told to another server.", slot->name);
	status = ((export_fn *)fn)(slot->module->state, session, data, out, sizeof(out), &n);
	if (status == 0 && n > sizeof(out))
		status = -E2BIG;
	if (status < 0)
		return gw_fail(why, status, "%s of the session %s.", slot->name,
		               status == -E2BIG ? "is too much to move" : "cannot move");
	if (n > 0)
		emit(ctx, slot->name, slot->version, out, n);
	return 0;
}

int data_export(void *network, const struct gw_session *session, gw_data_emit_fn *emit, void *ctx,
                struct gw_error *why)
{
	struct network *net = (struct network *)network;
	int status = 0;

	for (size_t i = 0; session->data != NULL && i < net->n_slots && status == 0; i++) {
		if (slot_moves(&net->slots[i]))
			status = slot_export(net, &net->slots[i], session, emit, ctx, why);
	}
	return status;
}

int data_import(void *network, struct gw_session *session, const char *name, uint32_t version,
                const void *data, size_t len, struct gw_error *why)
{
	struct network *net = (struct network *)network;
	const struct slot *slot = net->slots, *end = net->slots + net->n_slots;
	gw_fn *fn;

	while (slot < end && (!slot_moves(slot) || strcmp(slot->name, name) != 0))
		slot++;
	fn = slot == end ? NULL : gw_call_fn(gw_call(slot->module, slot->import_row, 0));
	if (fn == NULL || slot->version < version)
		return gw_fail(why, -ENOENT, "No module here keeps %s of version %u.", name,
		               (unsigned)version);
	if (!session->shown)
		return gw_fail(why, -EPERM, "The session is not shown here.");
	if (len > GW_SESSION_DATA_MAX)
		return gw_fail(why, -E2BIG, "%s is too much.", name);
	return ((import_fn *)fn)(slot->module->state, session, session_data(net, session, name),
	                         data, len, why);
}

/* What a module here cannot use is told on all the same. */
int apply_burst_session(struct applying *a)
{
	const char *name = get_string(&a->body, GW_NAME_MAX);
	struct network *net = a->net;
	struct gw_session *session = &a->source->session;
	struct gw_error err = {0};

	get_varint(&a->body);
	if (a->body.bad)
		return -EBADMSG;
	for (size_t i = 0; i < net->n_slots; i++) {
		const struct slot *slot = &net->slots[i];
		gw_fn *fn;

		if (slot->name == NULL || !slot->everywhere || strcmp(slot->name, name) != 0)
			continue;
		fn = gw_call_fn(gw_call(slot->module, slot->import_row, 0));
		if (fn != NULL)
			((import_fn *)fn)(slot->module->state, session,
			                  session_data(net, session, name), a->body.p,
			                  (size_t)(a->body.end - a->body.p), &err);
	}
	return 0;
}
