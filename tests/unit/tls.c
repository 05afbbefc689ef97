/*
 * tests/unit/tls.c - TLS as clients see it: the real loop and a listener here, GnuTLS clients in a
 * thread of their own.
 */
#include "core/conn.h"
#include "core/tls_cred.h"
#include "tests/unit/bare.h"
#include "tests/unit/cmocka.h"
#include "tests/unit/owner.h"
#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOK_NS (2 * GW_MS)
#define with_world(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

struct world {
	struct loop *loop;
	struct bare *bare;
	struct owner s;
	char folder[64];
	char certificate[96], key[96];
	struct loop_timer look;
	atomic_bool done;
	void (*script)(struct world *);
	/* of the client */
	int fd;
	gnutls_session_t session;
	gnutls_certificate_credentials_t cred;
	const char *priority, *alpn;
	gnutls_datum_t ticket;
	char got[2000000];
	size_t n;
	ssize_t last;
};

/* --- the server's side --- */

static struct tls_cred_spec spec_of(struct world *w)
{
	return (struct tls_cred_spec){.certificate = w->certificate,
	                              .key = w->key,
	                              .name = "irc.example",
	                              .make = true,
	                              .loop = w->loop};
}

static void reload(struct world *w)
{
	struct tls_cred_spec spec = spec_of(w);
	struct tls_cred *cred;
	struct gw_error err = {0};

	assert_int_equal(tls_cred_prepare(&spec, &err, &cred), 0);
	tls_cred_commit(bare_server(w->bare), &cred);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->loop = loop_ev_new();
	w->s.limits =
		(struct gw_conn_owner){.line_max = 510, .recvq_max = 8192, .sendq_max = 4000000};
	w->bare = bare_new(w->loop, owner_calls, &w->s);
	w->s.self = bare_self(w->bare);
	strcpy(w->folder, "/tmp/godwit-tls-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	snprintf(w->certificate, sizeof(w->certificate), "%s/tls.crt", w->folder);
	snprintf(w->key, sizeof(w->key), "%s/tls.key", w->folder);
	reload(w);
	assert_int_equal(bare_listen(w->bare, "127.0.0.1:0", true, NULL), 0);
	gnutls_certificate_allocate_credentials(&w->cred);
	w->fd = -1;
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	bare_free(&w->bare);
	unlink(w->certificate);
	unlink(w->key);
	assert_int_equal(rmdir(w->folder), 0);
	gnutls_certificate_free_credentials(w->cred);
	gnutls_free(w->ticket.data);
	free(w);
	return 0;
}

static void look(struct loop_timer *timer)
{
	struct world *w = container_of(timer, struct world, look);

	if (atomic_load(&w->done))
		w->loop->ops->stop(w->loop);
	else
		w->loop->ops->timer_set(timer, LOOK_NS);
}

static void *client_thread(void *arg)
{
	struct world *w = arg;

	w->script(w);
	atomic_store(&w->done, true);
	return NULL;
}

/* Runs `script` in the client's thread and the server until both are through with it. */
static void play(struct world *w, void (*script)(struct world *))
{
	pthread_t thread;

	w->script = script;
	atomic_store(&w->done, false);
	w->look = (struct loop_timer){.loop = w->loop, .fired = look};
	assert_int_equal(pthread_create(&thread, NULL, client_thread, w), 0);
	w->loop->ops->timer_set(&w->look, LOOK_NS);
	w->loop->ops->run(w->loop);
	pthread_join(thread, NULL);
}

/* --- the client's side --- */

static void dial(struct world *w)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(bare_port(w->bare))};
	struct timeval patience = {.tv_sec = 20};

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	w->fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(w->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(w->fd, (struct sockaddr *)&in, sizeof(in)) != 0)
		abort();
}

static int greet(struct world *w)
{
	gnutls_datum_t alpn;

	dial(w);
	gnutls_init(&w->session, GNUTLS_CLIENT);
	gnutls_priority_set_direct(w->session, w->priority != NULL ? w->priority : "NORMAL", NULL);
	gnutls_credentials_set(w->session, GNUTLS_CRD_CERTIFICATE, w->cred);
	if (w->alpn != NULL) {
		alpn.data = (unsigned char *)(uintptr_t)w->alpn;
		alpn.size = (unsigned)strlen(w->alpn);
		gnutls_alpn_set_protocols(w->session, &alpn, 1, 0);
	}
	if (w->ticket.data != NULL)
		gnutls_session_set_data(w->session, w->ticket.data, w->ticket.size);
	gnutls_transport_set_int(w->session, w->fd);
	return gnutls_handshake(w->session);
}

static void send_text(struct world *w, const char *text)
{
	gnutls_record_send(w->session, text, strlen(text));
}

/* Reads until `n` bytes are there, or the end. */
static void receive(struct world *w, size_t n)
{
	do {
		w->last = gnutls_record_recv(w->session, w->got + w->n, sizeof(w->got) - 1 - w->n);
		if (w->last > 0)
			w->n += (size_t)w->last;
	} while (w->n < n &&
	         (w->last > 0 || w->last == GNUTLS_E_AGAIN || w->last == GNUTLS_E_INTERRUPTED));
	w->got[w->n] = '\0';
}

static void hang_up(struct world *w)
{
	gnutls_bye(w->session, GNUTLS_SHUT_WR);
	gnutls_deinit(w->session);
	close(w->fd);
}

static void talk(struct world *w)
{
	w->last = greet(w);
	if (w->last != 0)
		return;
	send_text(w, "hello\r\nwor");
	send_text(w, "ld\r\n");
	receive(w, 12);
}

/* The server's side of the connection that is open now. */
static const struct gw_conn_info *info_of(struct world *w)
{
	assert_non_null(w->s.conn);
	return gw_conn_info(w->s.self, w->s.conn);
}

/* --- tests --- */

static void lines_go_both_ways_over_tls_13(void **state)
{
	struct world *w = *state;
	gnutls_datum_t binding;

	w->s.echo = true;
	w->alpn = "irc";
	play(w, talk);
	assert_string_equal(w->got, "hello\nworld\n");
	assert_string_equal(w->s.heard, "hello|world|");
	assert_int_equal(w->s.ready, 1);
	assert_true(info_of(w)->tls);
	assert_string_equal(info_of(w)->tls_version, "TLS1.3-AES-256-GCM");
	assert_true(info_of(w)->loopback);
	assert_false(info_of(w)->has_certificate);
	assert_true(info_of(w)->has_binding);
	assert_int_equal(
		gnutls_session_channel_binding(w->session, GNUTLS_CB_TLS_EXPORTER, &binding), 0);
	assert_memory_equal(binding.data, info_of(w)->binding, 32);
	gnutls_free(binding.data);
	assert_int_equal(gnutls_alpn_get_selected_protocol(w->session, &binding), 0);
	assert_memory_equal(binding.data, "irc", 3);
	play(w, hang_up);
}

static void tls_12_is_taken_and_11_is_not(void **state)
{
	struct world *w = *state;
	gnutls_datum_t binding;

	w->s.echo = true;
	w->priority = "NORMAL:-VERS-ALL:+VERS-TLS1.2";
	w->alpn = "something-else";
	play(w, talk);
	assert_string_equal(w->got, "hello\nworld\n");
	assert_memory_equal(info_of(w)->tls_version, "TLS1.2-", 7);
	assert_true(info_of(w)->has_binding);
	assert_int_equal(
		gnutls_session_channel_binding(w->session, GNUTLS_CB_TLS_EXPORTER, &binding), 0);
	assert_memory_equal(binding.data, info_of(w)->binding, 32);
	gnutls_free(binding.data);
	play(w, hang_up);
	w->priority = "NORMAL:-VERS-ALL:+VERS-TLS1.2:%NO_SESSION_HASH";
	w->n = 0;
	play(w, talk);
	assert_false(info_of(w)->has_binding);
	play(w, hang_up);
	w->priority = "NORMAL:-VERS-ALL:+VERS-TLS1.1:%COMPAT";
	play(w, talk);
	assert_true(w->last < 0);
	gnutls_deinit(w->session);
	close(w->fd);
}

static void take_megabyte(struct world *w)
{
	greet(w);
	send_text(w, "go\n");
	usleep(100000); /* the socket's buffer is to fill up meanwhile */
	receive(w, 1000000);
}

static enum gw_line_verdict pour(void *state, void *data, struct gw_line *line)
{
	struct owner *s = state;
	char text[101];
	int i;

	(void)data, (void)line;
	for (i = 0; i < 10000; i++) {
		snprintf(text, sizeof(text), "%099d\n", i);
		gw_sink_write(s->self, gw_conn_sink(s->self, s->conn), text, 100);
	}
	return GW_LINE_NEXT;
}

static void a_megabyte_passes_through_a_full_socket(void **state)
{
	struct world *w = *state;
	struct gw_call_row rows[8];
	char text[101];
	int i;

	memcpy(rows, owner_calls, 6 * sizeof(rows[0]));
	rows[2].fn = (gw_fn *)pour;
	w->s.self->calls = rows;
	play(w, take_megabyte);
	assert_int_equal(w->n, 1000000);
	for (i = 0; i < 10000; i++) {
		snprintf(text, sizeof(text), "%099d\n", i);
		assert_memory_equal(w->got + 100 * i, text, 100);
	}
	play(w, hang_up);
}

static void send_megabyte(struct world *w)
{
	char line[101];
	int i;

	greet(w);
	for (i = 0; i < 10000; i++) {
		snprintf(line, sizeof(line), "%099d\n", i);
		send_text(w, line);
	}
	receive(w, 1000000);
}

static void a_flood_is_echoed_to_the_byte(void **state)
{
	struct world *w = *state;

	w->s.echo = true;
	w->s.quiet = true;
	play(w, send_megabyte);
	assert_int_equal(w->n, 1000000);
	assert_int_equal(w->s.lines, 10000);
	assert_memory_equal(w->got + 999900, "000000000000000000000", 20);
	play(w, hang_up);
}

static void keep_ticket(struct world *w)
{
	talk(w);
	gnutls_session_get_data2(w->session, &w->ticket);
	hang_up(w);
}

static void sessions_are_resumed(void **state)
{
	struct world *w = *state;

	w->s.echo = true;
	play(w, keep_ticket);
	assert_true(w->ticket.size > 0);
	w->n = 0;
	play(w, talk);
	assert_string_equal(w->got, "hello\nworld\n");
	assert_true(gnutls_session_is_resumed(w->session));
	play(w, hang_up);
}

/* Any key pair will do: the server's own. */
static void clients_certificate(struct world *w)
{
	assert_int_equal(gnutls_certificate_set_x509_key_file(w->cred, w->certificate, w->key,
	                                                      GNUTLS_X509_FMT_PEM),
	                 0);
}

static void a_clients_certificate_is_known_by_its_fingerprint(void **state)
{
	struct world *w = *state;
	uint8_t want[32];

	w->s.echo = true;
	clients_certificate(w);
	assert_true(tls_fingerprint(bare_server(w->bare), want));
	play(w, talk);
	assert_true(info_of(w)->has_certificate);
	assert_memory_equal(info_of(w)->certificate, want, 32);
	play(w, hang_up);
	w->n = 0;
	play(w, keep_ticket);
	w->n = 0;
	play(w, talk);
	assert_true(gnutls_session_is_resumed(w->session));
	assert_true(info_of(w)->has_certificate);
	assert_memory_equal(info_of(w)->certificate, want, 32);
	play(w, hang_up);
}

/* Both connections have ended when this one has. */
static void nothing_more(struct world *w)
{
	w->n = 0;
	talk(w);
	hang_up(w);
}

static void a_new_certificate_leaves_sessions_alone(void **state)
{
	struct world *w = *state;
	uint8_t before[32], after[32];
	gnutls_session_t first;
	int first_fd;

	w->s.echo = true;
	play(w, talk);
	first = w->session;
	first_fd = w->fd;
	tls_fingerprint(bare_server(w->bare), before);
	unlink(w->certificate);
	unlink(w->key);
	reload(w);
	tls_fingerprint(bare_server(w->bare), after);
	assert_memory_not_equal(before, after, 32);

	w->n = 0;
	play(w, talk);
	gnutls_hash_fast(GNUTLS_DIG_SHA256, gnutls_certificate_get_peers(w->session, NULL)[0].data,
	                 gnutls_certificate_get_peers(w->session, NULL)[0].size, before);
	assert_memory_equal(before, after, 32);
	assert_int_equal(w->s.closed, 0);
	play(w, hang_up);

	w->session = first;
	w->fd = first_fd;
	assert_int_equal(gnutls_record_send(first, "still\n", 6), 6);
	play(w, hang_up);
	play(w, nothing_more);
	assert_non_null(strstr(w->s.heard, "still|"));
}

static void say_plainly(struct world *w)
{
	char answer[512];

	dial(w);
	if (write(w->fd, "NICK a\r\nUSER a 0 * :a\r\n", 23) != 23)
		abort();
	while ((w->last = read(w->fd, answer, sizeof(answer))) > 0)
		;
	close(w->fd);
}

static void plain_text_is_shown_the_door(void **state)
{
	struct world *w = *state;

	play(w, say_plainly);
	assert_memory_equal(w->s.heard, "<TLS handshake failed: ", 23);
	assert_int_equal(w->s.closed, 1);
	assert_int_equal(w->s.ready, 0);
	assert_int_equal(conns_count(bare_server(w->bare)->conns), 0);
}

static void hang(struct world *w)
{
	char answer[512];

	dial(w);
	if (w->priority != NULL && write(w->fd, "\x16\x03\x01\x02\x00\x01\x00\x01", 8) != 8)
		abort();
	while ((w->last = read(w->fd, answer, sizeof(answer))) > 0)
		;
	close(w->fd);
}

static void half_a_handshake_ends_at_its_deadline(void **state)
{
	struct world *w = *state;

	bare_server(w->bare)->conns->handshakes.after_ns = 100 * GW_MS;
	play(w, hang);
	w->priority = "half";
	play(w, hang);
	assert_string_equal(w->s.heard, "<TLS handshake timed out><TLS handshake timed out>");
	assert_int_equal(conns_count(bare_server(w->bare)->conns), 0);
}

static void wait_for_end(struct world *w)
{
	greet(w);
	send_text(w, "QUIT\n");
	receive(w, sizeof(w->got));
	hang_up(w);
}

static void a_close_says_goodbye(void **state)
{
	struct world *w = *state;

	w->s.echo = true;
	w->s.close_on_line = "Quit";
	play(w, wait_for_end);
	assert_string_equal(w->got, "QUIT\n");
	assert_int_equal(w->last, 0); /* close_notify, not a mere end of the connection */
	assert_string_equal(w->s.heard, "QUIT|<Quit>");
}

static void nag(struct world *w)
{
	signal(SIGPIPE, SIG_IGN);
	greet(w);
	for (int i = 0; i < 1000; i++)
		gnutls_alert_send(w->session, GNUTLS_AL_WARNING, GNUTLS_A_USER_CANCELED);
	w->last = gnutls_record_recv(w->session, w->got, sizeof(w->got));
	hang_up(w);
}

static void a_flood_of_alerts_ends_the_connection(void **state)
{
	struct world *w = *state;

	w->priority = "NORMAL:-VERS-ALL:+VERS-TLS1.2";
	play(w, nag);
	assert_int_not_equal(w->last, GNUTLS_E_AGAIN);
	assert_string_equal(w->s.heard, "<Read error: Protocol error>");
}

/* What is pushed is kept in `got` until all of it leaves at once. */
static ssize_t push_later(gnutls_transport_ptr_t p, const void *data, size_t n)
{
	struct world *w = p;

	memcpy(w->got + w->n, data, n);
	w->n += n;
	return (ssize_t)n;
}

static void speak_with_new_keys(struct world *w)
{
	greet(w);
	gnutls_transport_set_ptr2(w->session, (gnutls_transport_ptr_t)(intptr_t)w->fd, w);
	gnutls_transport_set_push_function(w->session, push_later);
	gnutls_session_key_update(w->session, 0);
	send_text(w, "one\n");
	gnutls_session_key_update(w->session, 0);
	send_text(w, "two\n");
	if (write(w->fd, w->got, w->n) != (ssize_t)w->n)
		abort();
	w->last = recv(w->fd, w->got, sizeof(w->got), 0);
	gnutls_deinit(w->session);
	close(w->fd);
}

static void lines_behind_new_keys_do_not_wait(void **state)
{
	struct world *w = *state;

	w->s.close_on_line = "Quit";
	play(w, speak_with_new_keys);
	assert_string_equal(w->s.heard, "one|<Quit>");
}

static void a_refused_one_hears_why(void **state)
{
	struct world *w = *state;

	w->s.refuse = -EACCES;
	play(w, wait_for_end);
	assert_string_equal(w->got, "ERROR :go away\r\n");
	assert_string_equal(w->s.heard, "");
}

static void key_and_certificate_are_made_once(void **state)
{
	struct world *w = *state;
	uint8_t first[32], second[32];
	struct stat st;

	assert_int_equal(stat(w->key, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	tls_fingerprint(bare_server(w->bare), first);
	reload(w);
	tls_fingerprint(bare_server(w->bare), second);
	assert_memory_equal(first, second, 32);
	/* A start that was cut off in between. */
	unlink(w->certificate);
	reload(w);
	tls_fingerprint(bare_server(w->bare), second);
	assert_memory_not_equal(first, second, 32);
}

static void unsound_files_are_refused(void **state)
{
	struct world *w = *state;
	struct tls_cred_spec spec = spec_of(w);
	struct tls_cred *cred = NULL;
	struct gw_error err = {0};

	chmod(w->key, 0640);
	assert_int_equal(tls_cred_prepare(&spec, &err, &cred), -EPERM);
	assert_non_null(strstr(err.text, "can be read by others than its owner"));
	chmod(w->key, 0600);
	spec.certificate = w->key;
	assert_int_equal(tls_cred_prepare(&spec, &err, &cred), -EINVAL);
	assert_non_null(strstr(err.text, "cannot use the certificate"));
	spec.make = false;
	spec.certificate = "/nonexistent";
	assert_int_equal(tls_cred_prepare(&spec, &err, &cred), -ENOENT);
	assert_string_equal(err.text, "cannot read /nonexistent: No such file or directory");
	assert_null(cred);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_world(key_and_certificate_are_made_once),
		with_world(unsound_files_are_refused),
		with_world(lines_go_both_ways_over_tls_13),
		with_world(tls_12_is_taken_and_11_is_not),
		with_world(a_megabyte_passes_through_a_full_socket),
		with_world(a_flood_is_echoed_to_the_byte),
		with_world(sessions_are_resumed),
		with_world(a_clients_certificate_is_known_by_its_fingerprint),
		with_world(a_new_certificate_leaves_sessions_alone),
		with_world(plain_text_is_shown_the_door),
		with_world(half_a_handshake_ends_at_its_deadline),
		with_world(a_close_says_goodbye),
		with_world(lines_behind_new_keys_do_not_wait),
		with_world(a_refused_one_hears_why),
		with_world(a_flood_of_alerts_ends_the_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
