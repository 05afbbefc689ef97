/*
 * services/wire.c - messages between databases as bytes. Pure.
 */
#include "wire.h"
#include <errno.h>
#include <string.h>

/* --- reading --- */

/** What is left of a message. After a fault nothing is. */
struct wire_in {
	const uint8_t *p;
	size_t n;
	bool fault;
};

static struct wire_in in_open(struct gw_blob message)
{
	struct wire_in in = {message.p, message.n, false};

	if (in.n == 0 || in.n > GW_REPLICA_MESSAGE_MAX)
		return (struct wire_in){NULL, 0, true};
	in.p++; /* the kind */
	in.n--;
	return in;
}

static const uint8_t *take(struct wire_in *in, size_t n)
{
	const uint8_t *p = in->p;

	if (in->fault || in->n < n) {
		*in = (struct wire_in){NULL, 0, true};
		return NULL;
	}
	in->p += n;
	in->n -= n;
	return p;
}

static uint64_t take_number(struct wire_in *in, size_t n)
{
	const uint8_t *p = take(in, n);
	uint64_t value = 0;

	for (size_t i = 0; p != NULL && i < n; i++)
		value = value << 8 | p[i];
	return value;
}

static bool take_bool(struct wire_in *in)
{
	uint64_t value = take_number(in, 1);

	if (value > 1)
		in->fault = true;
	return value == 1;
}

static struct gw_blob take_bytes(struct wire_in *in, size_t n)
{
	const uint8_t *p = take(in, n);

	return p == NULL ? (struct gw_blob){NULL, 0} : (struct gw_blob){p, n};
}

static struct gw_id take_id(struct wire_in *in)
{
	return gw_id_from(take_bytes(in, 16));
}

static struct gw_blob take_key(struct wire_in *in)
{
	struct gw_blob key = take_bytes(in, (size_t)take_number(in, 1));
	struct cell cell;

	if (key.n > 0 && cell_parse_key(key, &cell) != 0)
		in->fault = true;
	return key;
}

struct vector_entry wire_vec_at(struct wire_vec vec, size_t i)
{
	return (struct vector_entry){get_u64(vec.p + 16 * i), get_u64(vec.p + 16 * i + 8)};
}

uint64_t wire_vec_get(struct wire_vec vec, uint64_t origin)
{
	size_t from = 0, to = vec.n, mid;

	while (from < to) {
		mid = (from + to) / 2;
		if (get_u64(vec.p + 16 * mid) < origin)
			from = mid + 1;
		else
			to = mid;
	}
	return from < vec.n && get_u64(vec.p + 16 * from) == origin ? get_u64(vec.p + 16 * from + 8)
	                                                            : 0;
}

int wire_vec_open(struct gw_blob bytes, struct wire_vec *out)
{
	struct vector_entry e, before = {0, 0};

	*out = (struct wire_vec){bytes.p, bytes.n / 16};
	if (bytes.n % 16 != 0 || out->n > VECTOR_MAX)
		return -EBADMSG;
	for (size_t i = 0; i < out->n; i++) {
		e = wire_vec_at(*out, i);
		if (e.clock == 0 || (i > 0 && e.origin <= before.origin))
			return -EBADMSG;
		before = e;
	}
	return 0;
}

static struct wire_vec take_vec(struct wire_in *in)
{
	struct gw_blob bytes = take_bytes(in, 16 * (size_t)take_number(in, 2));
	struct wire_vec vec;

	if (wire_vec_open(bytes, &vec) != 0) {
		in->fault = true;
		vec.n = 0;
	}
	return vec;
}

static int in_end(const struct wire_in *in)
{
	return in->fault ? -EBADMSG : 0;
}

int wire_read_hello(struct gw_blob message, struct wire_hello *out)
{
	struct wire_in in = in_open(message);

	memset(out, 0, sizeof(*out));
	out->major = (uint8_t)take_number(&in, 1);
	out->minor = (uint8_t)take_number(&in, 1);
	if (!in.fault && out->major != SV_MAJOR)
		return 0; /* the rest may look different */
	out->joiner = take_bool(&in);
	out->server = take_id(&in);
	out->life = take_id(&in);
	out->origin = take_number(&in, 8);
	out->wall_ms = take_number(&in, 8);
	out->vector = take_vec(&in);
	out->resumes = take_bool(&in);
	if (out->resumes) {
		out->resume_origin = take_number(&in, 8);
		out->resume = take_vec(&in);
	}
	return in_end(&in);
}

int wire_read_cells(struct gw_blob message, struct gw_blob *cells_out)
{
	struct wire_in in = in_open(message);

	*cells_out = take_bytes(&in, in.n);
	return in.fault || cells_out->n == 0 ? -EBADMSG : 0;
}

int wire_read_mark(struct gw_blob message, struct wire_mark *out)
{
	struct wire_in in = in_open(message);

	memset(out, 0, sizeof(*out));
	out->final = take_bool(&in);
	out->changed = take_vec(&in);
	if (out->final) {
		out->cells = take_number(&in, 8);
		out->digest = take_bytes(&in, DIGEST_BYTES);
	}
	return in_end(&in);
}

int wire_read_ack(struct gw_blob message, struct wire_ack *out)
{
	struct wire_in in = in_open(message);

	out->consumed = take_number(&in, 8);
	out->durable = take_vec(&in);
	return in_end(&in);
}

int wire_read_join(struct gw_blob message, struct wire_join *out)
{
	struct wire_in in = in_open(message);

	memset(out, 0, sizeof(*out));
	out->resumes = take_bool(&in);
	if (out->resumes) {
		out->target = take_number(&in, 8);
		out->origin = take_number(&in, 8);
		out->t1 = take_vec(&in);
		out->last = take_key(&in);
	}
	return in_end(&in);
}

int wire_read_jbegin(struct gw_blob message, struct wire_jbegin *out)
{
	struct wire_in in = in_open(message);

	out->resumed = take_bool(&in);
	out->server = take_id(&in);
	out->life = take_id(&in);
	out->origin = take_number(&in, 8);
	out->cells = take_number(&in, 8);
	out->bytes = take_number(&in, 8);
	out->t1 = take_vec(&in);
	if (out->origin == 0 || gw_id_none(out->server) || gw_id_none(out->life))
		in.fault = true;
	return in_end(&in);
}

int wire_read_jslice(struct gw_blob message, struct wire_jslice *out)
{
	struct wire_in in = in_open(message);

	out->end = take_bool(&in);
	out->number = take_number(&in, 8);
	out->count = take_number(&in, 8);
	out->last = take_key(&in);
	out->chain = take_bytes(&in, 32);
	out->floor = take_vec(&in);
	out->cells = take_bytes(&in, in.n);
	return in_end(&in);
}

int wire_read_jack(struct gw_blob message, struct wire_jack *out)
{
	struct wire_in in = in_open(message);

	out->number = take_number(&in, 8);
	out->last = take_key(&in);
	return in_end(&in);
}

int wire_read_refuse(struct gw_blob message, struct wire_refuse *out)
{
	struct wire_in in = in_open(message);
	struct gw_blob text;

	memset(out, 0, sizeof(*out));
	out->code = (uint8_t)take_number(&in, 1);
	text = take_bytes(&in, (size_t)take_number(&in, 2));
	if (in.fault)
		return -EBADMSG;
	if (text.n > SV_TEXT_MAX)
		text.n = SV_TEXT_MAX;
	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = ((const uint8_t *)text.p)[i];

		out->text[i] = c >= 0x20 && c < 0x7f ? (char)c : '?';
	}
	return 0;
}

/* --- writing --- */

void wire_start(struct wire_out *out, uint8_t *p, size_t max, enum sv_kind kind)
{
	*out = (struct wire_out){.p = p, .max = max};
	wire_u8(out, (uint8_t)kind);
}

void wire_bytes(struct wire_out *out, const void *p, size_t n)
{
	if (out->overflow || out->max - out->n < n) {
		out->overflow = true;
		return;
	}
	if (n > 0)
		memcpy(out->p + out->n, p, n);
	out->n += n;
}

static void put_number(struct wire_out *out, uint64_t value, size_t n)
{
	uint8_t bytes[8];

	put_u64(bytes, value);
	wire_bytes(out, bytes + 8 - n, n);
}

void wire_u8(struct wire_out *out, uint8_t value)
{
	put_number(out, value, 1);
}

void wire_u16(struct wire_out *out, uint16_t value)
{
	put_number(out, value, 2);
}

void wire_u32(struct wire_out *out, uint32_t value)
{
	put_number(out, value, 4);
}

void wire_u64(struct wire_out *out, uint64_t value)
{
	put_number(out, value, 8);
}

void wire_id(struct wire_out *out, struct gw_id id)
{
	wire_u64(out, id.clock);
	wire_u64(out, id.origin);
}

void wire_entries(struct wire_out *out, const struct vector *vec)
{
	for (size_t i = 0; i < vec->n; i++) {
		wire_u64(out, vec->e[i].origin);
		wire_u64(out, vec->e[i].clock);
	}
}

void wire_vector(struct wire_out *out, const struct vector *vec)
{
	if (vec->n > VECTOR_MAX) {
		out->overflow = true;
		return;
	}
	wire_u16(out, (uint16_t)vec->n);
	wire_entries(out, vec);
}

void wire_key(struct wire_out *out, struct gw_blob key)
{
	wire_u8(out, (uint8_t)key.n);
	wire_bytes(out, key.p, key.n);
}

void wire_cell(struct wire_out *out, struct gw_blob key, struct gw_blob row)
{
	if (out->overflow || out->max - out->n < cells_bytes(key, row))
		out->overflow = true;
	else
		out->n = cells_put(out->p, out->n, key, row);
}

void wire_write_hello(struct wire_out *out, const struct wire_hello *hello,
                      const struct vector *vec, const struct vector *resume)
{
	wire_u8(out, hello->major);
	wire_u8(out, hello->minor);
	wire_u8(out, hello->joiner);
	wire_id(out, hello->server);
	wire_id(out, hello->life);
	wire_u64(out, hello->origin);
	wire_u64(out, hello->wall_ms);
	wire_vector(out, vec);
	wire_u8(out, resume != NULL);
	if (resume != NULL) {
		wire_u64(out, hello->resume_origin);
		wire_vector(out, resume);
	}
}

void wire_write_mark(struct wire_out *out, const struct wire_mark *mark,
                     const struct vector *changed)
{
	wire_u8(out, mark->final);
	wire_vector(out, changed);
	if (mark->final) {
		wire_u64(out, mark->cells);
		wire_bytes(out, mark->digest.p, DIGEST_BYTES);
	}
}

void wire_write_ack(struct wire_out *out, uint64_t consumed, const struct vector *durable)
{
	wire_u64(out, consumed);
	wire_vector(out, durable);
}

void wire_write_join(struct wire_out *out, const struct wire_join *join, const struct vector *t1)
{
	wire_u8(out, join->resumes);
	if (!join->resumes)
		return;
	wire_u64(out, join->target);
	wire_u64(out, join->origin);
	wire_vector(out, t1);
	wire_key(out, join->last);
}

void wire_write_jbegin(struct wire_out *out, const struct wire_jbegin *begin,
                       const struct vector *t1)
{
	wire_u8(out, begin->resumed);
	wire_id(out, begin->server);
	wire_id(out, begin->life);
	wire_u64(out, begin->origin);
	wire_u64(out, begin->cells);
	wire_u64(out, begin->bytes);
	wire_vector(out, t1);
}

void wire_write_jslice(struct wire_out *out, const struct wire_jslice *slice,
                       const struct vector *floor)
{
	wire_u8(out, slice->end);
	wire_u64(out, slice->number);
	wire_u64(out, slice->count);
	wire_key(out, slice->last);
	wire_bytes(out, slice->chain.p, 32);
	wire_vector(out, floor);
}

void wire_write_jack(struct wire_out *out, uint64_t number, struct gw_blob last)
{
	wire_u64(out, number);
	wire_key(out, last);
}

void wire_write_refuse(struct wire_out *out, enum sv_code code, const char *text)
{
	size_t n = strlen(text);

	wire_u8(out, (uint8_t)code);
	wire_u16(out, (uint16_t)(n > SV_TEXT_MAX ? SV_TEXT_MAX : n));
	wire_bytes(out, text, n > SV_TEXT_MAX ? SV_TEXT_MAX : n);
}
