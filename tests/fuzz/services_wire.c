/*
 * tests/fuzz/services_wire.c - messages between databases: whatever comes is read within its
 * bounds, and what is read and written again is the same.
 */
#include "modules/services/wire.h"
#include "tests/fuzz/fuzz.h"
#include <string.h>

static void check_vec(struct wire_vec vec)
{
	struct vector_entry e, before = {0, 0};

	FUZZ_CHECK(vec.n <= VECTOR_MAX);
	for (size_t i = 0; i < vec.n; i++) {
		e = wire_vec_at(vec, i);
		FUZZ_CHECK(e.clock != 0 && (i == 0 || e.origin > before.origin));
		FUZZ_CHECK(wire_vec_get(vec, e.origin) == e.clock);
		before = e;
	}
}

static void check_cells(struct gw_blob cells)
{
	uint8_t bytes[CELLS_HEADER + CELL_KEY_MAX + CELL_HEADER + ACK_VALUE_MAX];
	struct gw_blob from = cells;
	struct wire_out out;
	struct cell cell;

	while (cells.n > 0 && cells_next(&cells, &cell) == 0) {
		out = (struct wire_out){.p = bytes, .max = sizeof(bytes)};
		wire_cell(&out, cell.key, cell.row);
		FUZZ_CHECK(!out.overflow && out.n == from.n - cells.n &&
		           memcmp(bytes, from.p, out.n) == 0);
		from = cells;
	}
}

/* Each kind's reader, over the same bytes. */
static void read_all(struct gw_blob message)
{
	struct wire_hello hello;
	struct wire_mark mark;
	struct wire_ack ack;
	struct wire_join join;
	struct wire_jbegin begin;
	struct wire_jslice slice;
	struct wire_jack jack;
	struct wire_refuse refuse;
	struct gw_blob cells;

	if (wire_read_hello(message, &hello) == 0 && hello.major == SV_MAJOR) {
		check_vec(hello.vector);
		check_vec(hello.resume);
	}
	if (wire_read_cells(message, &cells) == 0)
		check_cells(cells);
	if (wire_read_mark(message, &mark) == 0) {
		check_vec(mark.changed);
		FUZZ_CHECK(!mark.final || mark.digest.n == DIGEST_BYTES);
	}
	if (wire_read_ack(message, &ack) == 0)
		check_vec(ack.durable);
	if (wire_read_join(message, &join) == 0)
		check_vec(join.t1);
	if (wire_read_jbegin(message, &begin) == 0)
		check_vec(begin.t1);
	if (wire_read_jslice(message, &slice) == 0) {
		check_vec(slice.floor);
		check_cells(slice.cells);
	}
	if (wire_read_jack(message, &jack) == 0)
		FUZZ_CHECK(jack.last.n <= CELL_KEY_MAX);
	if (wire_read_refuse(message, &refuse) == 0)
		FUZZ_CHECK(strlen(refuse.text) <= SV_TEXT_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_all((struct gw_blob){data, size});
	return 0;
}
