/*
 * services/verify.c - a new server reads its whole database and counts anew: what it compares is
 * what is stored, not what it has computed on the way. In slices, so the loop goes on turning.
 */
#include "join.h"
#include "peer.h"
#include <errno.h>
#include <string.h>

#define VERIFY_BYTES ((size_t)1 << 20)

static int read_on(struct services_state *state, const struct verify *verify, uint64_t link)
{
	struct gw_store_range range = {.table = TABLE_CELL, .from = {verify->from, verify->from_n}};

	return store_read(state, &range, 1, VERIFY_BYTES, CALL_VERIFY_ROWS, link);
}

void verify_begin(struct services_state *state, struct peer *peer, struct verify *verify)
{
	memset(verify, 0, sizeof(*verify));
	if (read_on(state, verify, peer->link) != 0)
		join_take_verified(state, peer, -EAGAIN, verify);
}

static int take_row(struct verify *verify, const struct gw_store_row *row)
{
	uint8_t digest[DIGEST_BYTES];
	struct cell cell;

	if (cell_parse(row->key, row->val, &cell) != 0)
		return -EILSEQ;
	if (!cell_is_live(&cell))
		return 0;
	cell_digest(&cell, digest);
	digest_add(verify->digest, digest);
	verify->cells++;
	return 0;
}

void verify_rows(void *state_, uint64_t link, int status, const struct gw_store_row *rows, size_t n)
{
	struct services_state *state = state_;
	struct peer *peer = peer_find(state, link);
	struct verify *verify = peer == NULL ? NULL : join_take_verifying(peer);
	bool more = status == GW_STORE_MORE;
	int right = status < 0 ? status : 0;

	if (verify == NULL)
		return;
	for (size_t i = 0; i < n && right == 0; i++)
		right = take_row(verify, &rows[i]);
	if (right == 0 && more) {
		verify->from_n = rows[n - 1].key.n + 1;
		memset(verify->from, 0, sizeof(verify->from));
		memcpy(verify->from, rows[n - 1].key.p, rows[n - 1].key.n);
		right = read_on(state, verify, link);
		if (right == 0)
			return;
	}
	join_take_verified(state, peer, right, verify);
}
