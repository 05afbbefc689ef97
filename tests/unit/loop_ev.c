/*
 * tests/unit/loop_ev.c - the real loop at its doors: Unix sockets, addresses, descriptors that run
 * out, signals.
 */
#include "core/conn.h"
#include "core/listener.h"
#include "tests/unit/bare.h"
#include "tests/unit/cmocka.h"
#include "tests/unit/owner.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct world {
	struct loop *loop;
	struct bare *bare;
	struct owner s;
	struct owner d; /* dials */
	struct loop_timer end;
	char folder[64], path[96], address[112];
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->loop = loop_ev_new();
	w->s.limits =
		(struct gw_conn_owner){.line_max = 510, .recvq_max = 8192, .sendq_max = 100000};
	w->bare = bare_new(w->loop, owner_calls, &w->s);
	w->s.self = bare_self(w->bare);
	strcpy(w->folder, "/tmp/godwit-loop-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	snprintf(w->path, sizeof(w->path), "%s/sock", w->folder);
	snprintf(w->address, sizeof(w->address), "unix:%s", w->path);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	bare_free(&w->bare);
	assert_int_equal(rmdir(w->folder), 0);
	free(w);
	return 0;
}

static void time_is_up(struct loop_timer *timer)
{
	timer->loop->ops->stop(timer->loop);
}

static void go(struct world *w, int64_t ns)
{
	w->end.loop = w->loop;
	w->end.fired = time_is_up;
	w->loop->ops->timer_set(&w->end, ns);
	w->loop->ops->run(w->loop);
}

static int dial_unix(const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(un.sun_path, path);
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0)
		return fd;
	close(fd);
	return -1;
}

static int dial(uint16_t port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	return fd;
}

static void a_unix_socket_tells_who_comes(void **state)
{
	struct world *w = *state;
	struct stat st;
	int fd;

	assert_int_equal(gw_listen_unix(w->s.self, w->path, 0600, 0), 0);
	assert_int_equal(stat(w->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	fd = dial_unix(w->path);
	assert_int_equal(write(fd, "hello\n", 6), 6);
	go(w, 20 * GW_MS);
	assert_string_equal(w->s.heard, "hello|");
	assert_string_equal(gw_conn_info(w->s.self, w->s.conn)->address, "unix");
	assert_true(gw_conn_info(w->s.self, w->s.conn)->has_uid);
	assert_int_equal(gw_conn_info(w->s.self, w->s.conn)->uid, getuid());
	assert_true(gw_conn_info(w->s.self, w->s.conn)->loopback);
	/* Somebody answers here, so nobody takes it over; when it ends the file goes. */
	assert_int_equal(gw_listen_unix(w->s.self, w->path, 0600, 0), -EADDRINUSE);
	listeners_forget(bare_server(w->bare), w->s.self);
	assert_int_equal(access(w->path, F_OK), -1);
	close(fd);
	go(w, 20 * GW_MS);
	assert_string_equal(w->s.heard, "hello|<Connection closed>");
}

static void a_stale_unix_socket_is_replaced_a_file_is_not(void **state)
{
	struct world *w = *state;
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(un.sun_path, w->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	close(fd);
	assert_int_equal(access(w->path, F_OK), 0);
	assert_int_equal(bare_listen(w->bare, w->address, false, NULL), 0);
	fd = dial_unix(w->path);
	assert_true(fd >= 0);
	close(fd);
	listeners_close(bare_server(w->bare));
	fd = open(w->path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	assert_int_equal(bare_listen(w->bare, w->address, false, NULL), -EADDRINUSE);
	assert_int_equal(unlink(w->path), 0);
}

static void addresses_are_read_strictly(void **state)
{
	static const char *const bad[] = {"",
	                                  "6667",
	                                  ":6667",
	                                  "127.0.0.1",
	                                  "127.0.0.1:",
	                                  "127.0.0.1:70000",
	                                  "127.0.0.1:1x",
	                                  "localhost:6667",
	                                  "[::1:6667",
	                                  "::1:6667",
	                                  "unix:",
	                                  "127.0.0.1:-1"};
	struct world *w = *state;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(bare_listen(w->bare, bad[i], false, NULL), -EINVAL);
	assert_int_equal(bare_listen(w->bare, "[::1]:0", false, NULL), 0);
	assert_true(bare_port(w->bare) > 0);
}

static void a_port_in_use_is_told(void **state)
{
	struct world *w = *state;
	struct sockaddr_in in = {.sin_family = AF_INET};
	socklen_t n = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char address[32], want[80];
	struct gw_error err;

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)) | listen(fd, 1), 0);
	getsockname(fd, (struct sockaddr *)&in, &n);
	snprintf(address, sizeof(address), "127.0.0.1:%u", ntohs(in.sin_port));
	assert_int_equal(bare_listen(w->bare, address, false, &err), -EADDRINUSE);
	snprintf(want, sizeof(want), "cannot listen on %s: Address already in use", address);
	assert_string_equal(err.text, want);
	close(fd);
}

static void without_descriptors_it_waits_and_goes_on(void **state)
{
	struct world *w = *state;
	struct rlimit old, few;
	struct rusage before, after;
	int fd, spare;

	assert_int_equal(bare_listen(w->bare, "127.0.0.1:0", false, NULL), 0);
	go(w, GW_MS);
	fd = dial(bare_port(w->bare));
	getrlimit(RLIMIT_NOFILE, &old);
	spare = dup(0);
	close(spare);
	few = old;
	few.rlim_cur = (rlim_t)spare;
	setrlimit(RLIMIT_NOFILE, &few);
	getrusage(RUSAGE_SELF, &before);
	go(w, 300 * GW_MS);
	getrusage(RUSAGE_SELF, &after);
	setrlimit(RLIMIT_NOFILE, &old);
	assert_null(w->s.conn);
	assert_true((after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000000 +
	                    after.ru_utime.tv_usec - before.ru_utime.tv_usec +
	                    after.ru_stime.tv_usec - before.ru_stime.tv_usec <
	            100000);
	go(w, 200 * GW_MS);
	assert_non_null(w->s.conn);
	close(fd);
}

static void one_write_a_turn_reaches_the_socket(void **state)
{
	struct world *w = *state;
	char got[8192];
	int fd, i;

	assert_int_equal(bare_listen(w->bare, "127.0.0.1:0", false, NULL), 0);
	fd = dial(bare_port(w->bare));
	go(w, 20 * GW_MS);
	for (i = 0; i < 60; i++)
		gw_sink_write(w->s.self, gw_conn_sink(w->s.self, w->s.conn),
		              "0123456789012345678901234567890123456789012345678\n", 50);
	go(w, 20 * GW_MS);
	assert_int_equal(recv(fd, got, sizeof(got), MSG_DONTWAIT), 3000);
	close(fd);
	go(w, 20 * GW_MS);
	assert_int_equal(w->s.closed, 1);
}

static void caught(struct loop_signal *s)
{
	s->loop->ops->stop(s->loop);
}

static void a_signal_is_an_event(void **state)
{
	struct world *w = *state;
	struct loop_signal s = {.loop = w->loop, .caught = caught};

	assert_int_equal(w->loop->ops->signal_start(&s, SIGHUP), 0);
	raise(SIGHUP);
	w->loop->ops->run(w->loop);
	w->loop->ops->signal_stop(&s);
}

static void random_bytes_are_not_the_same_twice(void **state)
{
	struct world *w = *state;
	char a[1000], b[1000];

	w->loop->ops->random(w->loop, a, sizeof(a));
	w->loop->ops->random(w->loop, b, sizeof(b));
	assert_memory_not_equal(a, b, 16);
	assert_memory_not_equal(a + 984, b + 984, 16);
}

/* --- dialling --- */

static void dial_out(struct world *w, const char *host, uint16_t port, enum gw_tls tls)
{
	char address[160];

	if (port > 0)
		snprintf(address, sizeof(address), "%s:%u", host, port);
	else
		snprintf(address, sizeof(address), "%s", host);
	w->d.self = w->s.self;
	w->d.limits = w->s.limits;
	owner_dial(&w->d, address, tls);
}

static void until(struct world *w, const int *count, int least)
{
	int i;

	for (i = 0; i < 5000 && *count < least; i++)
		go(w, GW_MS);
	assert_true(*count >= least);
}

static void talk(struct world *w)
{
	gw_sink_write(w->s.self, gw_conn_sink(w->s.self, w->s.conn), "from s\n", 7);
	gw_sink_write(w->s.self, gw_conn_sink(w->s.self, w->d.conn), "from d\n", 7);
	until(w, &w->s.lines, 1);
	until(w, &w->d.lines, 1);
	assert_string_equal(w->s.heard, "from d|");
	assert_string_equal(w->d.heard, "from s|");
	gw_conn_close(w->s.self, w->d.conn, GW_CLOSE_FLUSH, "enough");
	until(w, &w->s.closed, 1);
	assert_string_equal(w->s.heard, "from d|<Connection closed>");
	assert_string_equal(w->d.heard, "from s|<enough>");
}

static void a_dialled_connection_is_like_an_accepted_one(void **state)
{
	struct world *w = *state;

	assert_int_equal(bare_listen(w->bare, "127.0.0.1:0", false, NULL), 0);
	dial_out(w, "127.0.0.1", bare_port(w->bare), GW_TLS_CLIENTS);
	until(w, &w->d.ready, 1);
	until(w, &w->s.ready, 1);
	assert_string_equal(gw_conn_info(w->s.self, w->d.conn)->address, "127.0.0.1");
	assert_int_equal(gw_conn_info(w->s.self, w->d.conn)->port, bare_port(w->bare));
	assert_true(gw_conn_info(w->s.self, w->d.conn)->loopback);
	assert_false(gw_conn_info(w->s.self, w->d.conn)->tls);
	talk(w);
}

static void expect_link(struct world *w)
{
	const struct gw_conn_info *here, *there;

	until(w, &w->d.ready, 1);
	until(w, &w->s.ready, 1);
	here = gw_conn_info(w->s.self, w->d.conn);
	there = gw_conn_info(w->s.self, w->s.conn);
	assert_true(here->tls && there->tls && here->has_binding && there->has_binding);
	assert_memory_equal(here->binding, there->binding, 32);
	assert_memory_equal(here->tls_version, "TLS1.3-", 7);
	assert_false(here->has_certificate || there->has_certificate);
	talk(w);
}

static void servers_are_bound_to_their_channel(void **state)
{
	struct world *w = *state;
	uint8_t binding[32];

	bare_tls(w->bare, GW_TLS_LINK);
	assert_int_equal(bare_listen(w->bare, "127.0.0.1:0", false, NULL), 0);
	dial_out(w, "127.0.0.1", bare_port(w->bare), GW_TLS_LINK);
	until(w, &w->d.ready, 1);
	memcpy(binding, gw_conn_info(w->s.self, w->d.conn)->binding, sizeof(binding));
	expect_link(w);
	memset(&w->d, 0, sizeof(w->d));
	w->s.n = (size_t)(w->s.closed = w->s.ready = w->s.lines = 0);
	dial_out(w, "127.0.0.1", bare_port(w->bare), GW_TLS_LINK);
	until(w, &w->d.ready, 1);
	assert_memory_not_equal(gw_conn_info(w->s.self, w->d.conn)->binding, binding, 32);
	expect_link(w);
}

#define FRAME ((size_t)131072)

/* Many long frames, which fit no read and fill the socket. */
static void long_frames_pass_between_servers(void **state)
{
	struct world *w = *state;
	char *frame = malloc(FRAME);
	int i;

	memset(frame, 'f', FRAME);
	bare_tls(w->bare, GW_TLS_LINK);
	w->s.limits.bytes = true;
	w->s.limits.recvq_max = 2 * FRAME;
	w->s.limits.sendq_max = 100 * FRAME;
	w->s.limits.lines_per_turn = 1;
	w->s.bite = FRAME;
	assert_int_equal(bare_listen(w->bare, "127.0.0.1:0", false, NULL), 0);
	dial_out(w, "127.0.0.1", bare_port(w->bare), GW_TLS_LINK);
	for (i = 0; i < 50; i++)
		gw_sink_write(w->s.self, gw_conn_sink(w->s.self, w->d.conn), frame, FRAME);
	for (i = 0; i < 5000 && w->s.n < 50 * (size_t)41; i++)
		go(w, GW_MS);
	assert_int_equal(w->s.n, 50 * 41);
	assert_int_equal(gw_conn_unread(w->s.self, w->s.conn), 0);
	assert_int_equal(gw_conn_bytes(w->s.self, w->s.conn, false), 50 * FRAME);
	gw_conn_close(w->s.self, w->d.conn, GW_CLOSE_FLUSH, "enough");
	until(w, &w->s.closed, 1);
	free(frame);
}

static void a_unix_socket_between_servers_has_tls_too(void **state)
{
	struct world *w = *state;

	bare_tls(w->bare, GW_TLS_LINK);
	assert_int_equal(bare_listen(w->bare, w->address, false, NULL), 0);
	dial_out(w, w->address, 0, GW_TLS_LINK);
	expect_link(w);
}

static void a_name_is_looked_up_and_its_addresses_tried(void **state)
{
	struct world *w = *state;

	assert_int_equal(bare_listen(w->bare, "127.0.0.1:0", false, NULL), 0);
	dial_out(w, "localhost", bare_port(w->bare), GW_TLS_CLIENTS);
	until(w, &w->d.ready, 1);
	until(w, &w->s.ready, 1);
	assert_string_equal(gw_conn_info(w->s.self, w->d.conn)->address, "127.0.0.1");
	talk(w);
}

static void a_dial_that_fails_is_told_later(void **state)
{
	struct world *w = *state;
	uint16_t port;

	assert_int_equal(bare_listen(w->bare, "127.0.0.1:0", false, NULL), 0);
	port = bare_port(w->bare);
	listeners_close(bare_server(w->bare));
	dial_out(w, "127.0.0.1", port, GW_TLS_LINK);
	assert_int_equal(w->d.closed, 0);
	until(w, &w->d.closed, 1);
	dial_out(w, w->address, 0, GW_TLS_LINK);
	assert_int_equal(w->d.closed, 1);
	until(w, &w->d.closed, 2);
	dial_out(w, "nonsense", 0, GW_TLS_LINK);
	until(w, &w->d.closed, 3);
	assert_string_equal(w->d.heard, "<Connection refused><No such file or directory><cannot "
	                                "look up nonsense: Name or service not known>");
	dial_out(w, "localhost", port, GW_TLS_LINK);
	until(w, &w->d.closed, 4);
	assert_string_equal(w->d.heard + strlen(w->d.heard) - 20, "<Connection refused>");
}

static void an_end_while_a_name_is_looked_up_is_clean(void **state)
{
	struct world *w = *state;

	dial_out(w, "localhost", 1, GW_TLS_LINK);
	gw_conn_close(w->s.self, w->d.conn, GW_CLOSE_NOW, "at once");
	until(w, &w->d.closed, 1);
	dial_out(w, "localhost", 1, GW_TLS_LINK);
	go(w, 0);
}

#define with_world(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_world(one_write_a_turn_reaches_the_socket),
		with_world(a_unix_socket_tells_who_comes),
		with_world(a_stale_unix_socket_is_replaced_a_file_is_not),
		with_world(addresses_are_read_strictly),
		with_world(a_port_in_use_is_told),
		with_world(without_descriptors_it_waits_and_goes_on),
		with_world(a_dialled_connection_is_like_an_accepted_one),
		with_world(servers_are_bound_to_their_channel),
		with_world(long_frames_pass_between_servers),
		with_world(a_unix_socket_between_servers_has_tls_too),
		with_world(a_name_is_looked_up_and_its_addresses_tried),
		with_world(a_dial_that_fails_is_told_later),
		with_world(an_end_while_a_name_is_looked_up_is_clean),
		with_world(a_signal_is_an_event),
		with_world(random_bytes_are_not_the_same_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
