/*
 * tests/unit/outq.c - the output queue: what goes in comes out, chunks go back, buffers are shared.
 */
#include "core/outq.h"
#include "tests/unit/cmocka.h"
#include <stdlib.h>

/* Takes up to `n` bytes off the front. */
static size_t take(struct outq *q, struct outq_store *store, char *out, size_t n)
{
	struct iovec iov[3];
	int i, segments = outq_peek(q, iov, 3);
	size_t done = 0, part;

	for (i = 0; i < segments && done < n; i++) {
		part = iov[i].iov_len < n - done ? iov[i].iov_len : n - done;
		memcpy(out + done, iov[i].iov_base, part);
		done += part;
	}
	outq_drop(q, store, done);
	return done;
}

static void bytes_come_out_in_order_whatever_the_pieces(void **state)
{
	struct outq_store store = {0};
	struct outq q = {0};
	char *in = malloc(300000), *out = malloc(300000);
	size_t i, at = 0, n, piece;

	(void)state;
	for (i = 0; i < 300000; i++)
		in[i] = (char)(i * 7 + i / 251);
	for (i = 0; i < 300000; i += piece) {
		piece = (i * 31) % 4000 + 1;
		if (piece > 300000 - i)
			piece = 300000 - i;
		outq_append(&q, &store, in + i, piece);
		if (i % 3 == 0)
			at += take(&q, &store, out + at, (i * 17) % 3000);
	}
	assert_int_equal(q.bytes, 300000 - at);
	while ((n = take(&q, &store, out + at, 1000)) > 0)
		at += n;
	assert_int_equal(at, 300000);
	assert_memory_equal(in, out, 300000);
	assert_null(q.first);
	assert_null(q.last);
	outq_store_fini(&store);
	free(in);
	free(out);
}

static void an_empty_queue_has_given_its_chunks_back(void **state)
{
	struct outq_store store = {0};
	struct outq q = {0};
	char line[1000] = "";
	int i;

	(void)state;
	for (i = 0; i < 40; i++)
		outq_append(&q, &store, line, sizeof(line));
	outq_clear(&q, &store);
	assert_int_equal(store.n_free[0], 1);
	assert_int_equal(store.n_free[1], 1);
	assert_int_equal(store.n_free[2], 1);
	assert_int_equal(store.n_free[3], 2);
	assert_int_equal(q.bytes, 0);
	/* The first trim only looks; what lay idle until the next goes. */
	outq_store_trim(&store);
	outq_append(&q, &store, line, sizeof(line));
	outq_clear(&q, &store);
	outq_store_trim(&store);
	assert_int_equal(store.n_free[0], 1);
	assert_int_equal(store.n_free[3], 0);
	outq_store_trim(&store);
	assert_int_equal(store.n_free[0], 0);
	outq_store_fini(&store);
}

static void short_buffers_are_copied_and_long_ones_shared(void **state)
{
	struct outq_store store = {0};
	struct outq q = {0}, r = {0};
	struct gw_buf *small = buf_new(100), *large = buf_new(5000);
	char out[6000];

	(void)state;
	memset(small->data, 's', 100);
	memset(large->data, 'l', 5000);
	outq_append_buf(&q, &store, small, false);
	outq_append_buf(&q, &store, large, false);
	outq_append_buf(&r, &store, large, false);
	outq_append(&q, &store, "end", 3);
	assert_int_equal(small->refs, 1);
	assert_int_equal(large->refs, 3);
	assert_int_equal(take(&q, &store, out, 2000), 2000);
	assert_int_equal(take(&q, &store, out, 4000), 3103);
	assert_memory_equal(out + 3099, "lend", 4);
	outq_clear(&r, &store);
	assert_int_equal(large->refs, 1);
	buf_unref(&small);
	buf_unref(&large);
	assert_null(large);
	outq_store_fini(&store);
}

static void a_text_for_many_is_written_once(void **state)
{
	struct outq_store store = {0};
	struct outq q[100] = {{0}};
	struct gw_buf *buf = buf_new(50);
	char out[200];
	int i, turn;

	(void)state;
	for (turn = 0; turn < 3; turn++) {
		/* The second text lies in the same buffer, as a renderer would have it. */
		memset(buf->data, 'a', 50);
		for (i = 0; i < 100; i++)
			outq_append_buf(&q[i], &store, buf, true);
		memset(buf->data, 'b', 50);
		for (i = 0; i < 100; i++)
			if (i != 7)
				outq_append_buf(&q[i], &store, buf, true);
		outq_lend(&q[7], &store, "private", 7);
		for (i = 0; i < 100; i++) {
			assert_int_equal(q[i].bytes, i == 7 ? 57 : 100);
			assert_int_equal(take(&q[i], &store, out, i == 7 ? 57 : 100),
			                 i == 7 ? 57 : 100);
			assert_int_equal(out[49], 'a');
			assert_int_equal(out[50], i == 7 ? 'p' : 'b');
		}
		outq_store_turn(&store);
		/* One block, or one per log that was used; no chunk at all. */
		assert_int_equal(store.n_free[0], 0);
		assert_in_range(store.n_free[OUTQ_GRADES - 1], 1, 2);
	}
	buf_unref(&buf);
	outq_store_fini(&store);
}

static void what_was_lent_can_be_kept(void **state)
{
	struct outq_store store = {0};
	struct outq q = {0};
	struct gw_buf *large = buf_new(2000);
	char text[3000], out[20000], want[20000];
	size_t n = 0;
	int i;

	(void)state;
	memset(large->data, 'L', 2000);
	for (i = 0; i < 8; i++) {
		memset(text, '0' + i, sizeof(text));
		outq_lend(&q, &store, text, 100);
		memset(want + n, '0' + i, 100);
		n += 100;
		if (i == 3) {
			outq_append_buf(&q, &store, large, true);
			memset(want + n, 'L', 2000);
			n += 2000;
		}
		if (i == 5) {
			outq_lend(&q, &store, text, 3000);
			memset(want + n, '5', 3000);
			n += 3000;
		}
	}
	assert_int_equal(take(&q, &store, out, 50), 50);
	outq_own(&q, &store);
	outq_store_turn(&store);
	assert_int_equal(q.bytes, n - 50);
	memset(text, 'x', sizeof(text));
	outq_lend(&q, &store, text, 10); /* over where the first lay */
	memset(want + n, 'x', 10);
	n += 10;
	for (i = 50; q.bytes > 0;)
		i += (int)take(&q, &store, out + i, 700);
	assert_int_equal(i, n);
	assert_memory_equal(out, want, n);
	assert_int_equal(large->refs, 1);
	buf_unref(&large);
	outq_store_fini(&store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_come_out_in_order_whatever_the_pieces),
		cmocka_unit_test(an_empty_queue_has_given_its_chunks_back),
		cmocka_unit_test(a_text_for_many_is_written_once),
		cmocka_unit_test(what_was_lent_can_be_kept),
		cmocka_unit_test(short_buffers_are_copied_and_long_ones_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
