/*
 * tests/unit/sink.c - sinks without a connection: each write is a call, in order, with a buffer
 * that can be kept.
 */
#include "core/conn.h"
#include "tests/sim/sim.h"
#include "tests/unit/bare.h"
#include "tests/unit/cmocka.h"
#include <stdlib.h>

#define with_world(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

enum { ROW_ACCEPT, ROW_WRITTEN, ROW_FREE };

struct world {
	struct simnet *net;
	struct bare *bare;
	struct gw_self *self;
	struct gw_sink *sink;
	char heard[200]; /* "tag:text|" for each write */
	struct gw_buf *kept;
};

static void written(void *state, uint64_t tag, struct gw_buf *buf)
{
	struct world *w = state;
	size_t used = strlen(w->heard);

	snprintf(w->heard + used, sizeof(w->heard) - used, "%u:%.*s|", (unsigned)tag,
	         buf->len < 20 ? (int)buf->len : 20, buf->data);
	if (w->kept == NULL)
		w->kept = gw_buf_ref(w->self, buf);
}

static void frees_itself(void *state, uint64_t tag, struct gw_buf *buf)
{
	struct world *w = state;

	written(state, tag, buf);
	gw_sink_free(w->self, &w->sink);
}

static const struct gw_call_row calls[] = {
	[ROW_ACCEPT] = {"accept", NULL},
	[ROW_WRITTEN] = {"written", (gw_fn *)written},
	[ROW_FREE] = {"free", (gw_fn *)frees_itself},
	{NULL, NULL},
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->net = simnet_new(1);
	w->bare = bare_new(simhost_new(w->net), calls, w);
	w->self = bare_self(w->bare);
	w->sink = gw_sink_new(w->self, gw_call(w->self, ROW_WRITTEN, 1));
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	gw_buf_unref(w->self, &w->kept);
	bare_free(&w->bare);
	simnet_free(&w->net);
	free(w);
	return 0;
}

static void write_buf(struct world *w, struct gw_sink *sink, const char *text)
{
	struct gw_buf *buf = gw_buf_new(w->self, strlen(text));

	memcpy(buf->data, text, strlen(text));
	gw_sink_write_buf(w->self, sink, buf);
	gw_buf_unref(w->self, &buf);
}

static void every_write_is_a_call_in_order(void **state)
{
	struct world *w = *state;
	struct gw_sink *other = gw_sink_new(w->self, gw_call(w->self, ROW_WRITTEN, 2));

	gw_sink_write(w->self, w->sink, "a\r\n", 1);
	write_buf(w, w->sink, "b");
	write_buf(w, other, "c");
	gw_sink_write(w->self, w->sink, "", 0);
	write_buf(w, w->sink, "");
	gw_sink_write(w->self, other, "d", 1);
	assert_string_equal(w->heard, "1:a|1:b|2:c|2:d|");
	assert_int_equal(gw_sink_queued(w->self, w->sink), 0);
	gw_sink_free(w->self, &other);
	assert_null(other);
	gw_sink_free(w->self, &other);
}

static void a_buffer_outlives_the_call_by_a_reference(void **state)
{
	struct world *w = *state;
	char text[5000];

	memset(text, 'x', sizeof(text));
	gw_sink_write(w->self, w->sink, text, sizeof(text));
	gw_sink_write(w->self, w->sink, "more", 4);
	assert_int_equal(w->kept->refs, 1);
	assert_int_equal(w->kept->len, sizeof(text));
	assert_memory_equal(w->kept->data, text, sizeof(text));
}

static void a_buffer_is_handed_on_not_copied(void **state)
{
	struct world *w = *state;
	struct gw_buf *buf = gw_buf_new(w->self, 3);

	memcpy(buf->data, "abc", 3);
	gw_sink_write_buf(w->self, w->sink, buf);
	assert_ptr_equal(w->kept, buf);
	assert_int_equal(buf->refs, 2);
	gw_buf_unref(w->self, &buf);
}

static void the_row_may_free_its_sink(void **state)
{
	struct world *w = *state;

	gw_sink_free(w->self, &w->sink);
	w->sink = gw_sink_new(w->self, gw_call(w->self, ROW_FREE, 3));
	write_buf(w, w->sink, "last");
	assert_string_equal(w->heard, "3:last|");
	assert_null(w->sink);
}

static void writes_to_the_sink_of_a_module_that_ended_are_dropped(void **state)
{
	struct world *w = *state;

	sinks_forget(bare_server(w->bare)->conns, w->self);
	write_buf(w, w->sink, "anybody?");
	gw_sink_write(w->self, w->sink, "no", 2);
	assert_string_equal(w->heard, "");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		with_world(every_write_is_a_call_in_order),
		with_world(a_buffer_outlives_the_call_by_a_reference),
		with_world(a_buffer_is_handed_on_not_copied),
		with_world(the_row_may_free_its_sink),
		with_world(writes_to_the_sink_of_a_module_that_ended_are_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
