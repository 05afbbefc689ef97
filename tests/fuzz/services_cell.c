/*
 * Fuzz target: a cell as it may come from another server: length of the key, key, row. What has the
 * right form is taken apart within its bytes, makes the same bytes again, and all that follows from
 * it fits its tables.
 */
#include "modules/services/cell.h"
#include "tests/fuzz/fuzz.h"

static void check(const struct cell *cell)
{
	uint8_t key[CELL_KEY_MAX], header[CELL_HEADER], sum[DIGEST_BYTES] = {0},
							zero[DIGEST_BYTES] = {0};
	struct derived d;

	FUZZ_CHECK(cell->key.n == cell_key(key, cell->class, cell->id, cell->field, cell->sub));
	FUZZ_CHECK(memcmp(key, cell->key.p, cell->key.n) == 0);
	cell_header(header, cell->flags, cell->stamp);
	FUZZ_CHECK(memcmp(header, cell->row.p, CELL_HEADER) == 0);
	FUZZ_CHECK(!cell_is_death(cell) || !cell_is_live(cell));
	cell_derive(cell, true, &d);
	FUZZ_CHECK(d.log_n == 16 + cell->key.n && d.log_n <= GW_STORE_KEY_MAX);
	FUZZ_CHECK(d.name_n <= NAME_KEY_MAX && d.ref_n <= REF_KEY_MAX &&
	           d.display_n <= GW_NAME_MAX);
	FUZZ_CHECK(d.live || (d.name_n == 0 && d.ref_n == 0));
	if (!d.live)
		return;
	digest_add(sum, d.digest);
	digest_add(sum, d.digest);
	digest_subtract(sum, d.digest);
	digest_subtract(sum, d.digest);
	FUZZ_CHECK(memcmp(sum, zero, sizeof(sum)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cell cell;
	size_t key_n;

	if (size == 0)
		return 0;
	key_n = data[0] < size ? data[0] : size - 1;
	if (cell_parse((struct gw_blob){data + 1, key_n},
	               (struct gw_blob){data + 1 + key_n, size - 1 - key_n}, &cell) == 0)
		check(&cell);
	return 0;
}
