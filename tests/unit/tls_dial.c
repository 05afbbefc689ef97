/*
 * tests/unit/tls_dial.c - servers with a certificate, dialled: our own listener in the same loop,
 * or GnuTLS and bare bytes in a thread of their own.
 */
#include "core/conn.h"
#include "core/tls.h"
#include "core/tls_cred.h"
#include "tests/unit/bare.h"
#include "tests/unit/cmocka.h"
#include "tests/unit/owner.h"
#include <arpa/inet.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define with_world(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TWELVE "NORMAL:-VERS-ALL:+VERS-TLS1.2"
#define THIRTEEN "NORMAL:-VERS-ALL:+VERS-TLS1.3"

/* A server that is not ours. */
struct stranger {
	int door, fd;
	uint16_t port;
	gnutls_certificate_credentials_t cred;
	uint8_t fingerprint[32];
	gnutls_datum_t ticket_key;
	const char *priority;
	bool secretive; /* gives no ticket */
	gnutls_session_t session;
	pthread_t thread;
	atomic_bool done;
	void (*script)(struct stranger *);
	int status;
	char out[65536]; /* what goes out at once */
	size_t n_out;
	char got[4096];
	size_t n;
	char name[300]; /* that we asked for */
	bool resumed;
	uint8_t binding[32];
};

struct world {
	struct loop *loop;
	struct bare *bare;
	struct owner s, d;
	struct loop_timer pause;
	char folder[64], certificate[96], key[96];
	uint8_t fingerprint[32]; /* of our own listener */
	uint8_t *ticket;
	size_t n_ticket;
	struct stranger a;
};

/* --- the world --- */

static void make_cred(struct stranger *a)
{
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t crt;
	gnutls_datum_t der;

	gnutls_x509_privkey_init(&key);
	gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
	                             GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	gnutls_x509_crt_init(&crt);
	gnutls_x509_crt_set_version(crt, 3);
	gnutls_x509_crt_set_serial(crt, "\001", 1);
	gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, "x", 1);
	gnutls_x509_crt_set_activation_time(crt, time(NULL) - 1000);
	gnutls_x509_crt_set_expiration_time(crt, time(NULL) + 100000);
	gnutls_x509_crt_set_key(crt, key);
	assert_int_equal(gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0), 0);
	gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der);
	gnutls_hash_fast(GNUTLS_DIG_SHA256, der.data, der.size, a->fingerprint);
	gnutls_free(der.data);
	gnutls_certificate_allocate_credentials(&a->cred);
	assert_true(gnutls_certificate_set_x509_key(a->cred, &crt, 1, key) >= 0);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(key);
}

static void provide_certificate(struct world *w)
{
	struct tls_cred_spec spec = {.certificate = w->certificate,
	                             .key = w->key,
	                             .name = "irc.example",
	                             .make = true,
	                             .loop = w->loop};
	struct tls_cred *cred;

	unlink(w->certificate);
	assert_int_equal(tls_cred_prepare(&spec, NULL, &cred), 0);
	tls_cred_commit(bare_server(w->bare), &cred);
	assert_true(tls_fingerprint(bare_server(w->bare), w->fingerprint));
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->loop = loop_ev_new();
	w->s.limits =
		(struct gw_conn_owner){.line_max = 510, .recvq_max = 8192, .sendq_max = 4000000};
	w->d.limits = w->s.limits;
	w->bare = bare_new(w->loop, owner_calls, &w->s);
	w->s.self = w->d.self = bare_self(w->bare);
	strcpy(w->folder, "/tmp/godwit-tls-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	snprintf(w->certificate, sizeof(w->certificate), "%s/tls.crt", w->folder);
	snprintf(w->key, sizeof(w->key), "%s/tls.key", w->folder);
	provide_certificate(w);
	assert_int_equal(bare_listen(w->bare, "127.0.0.1:0", true, NULL), 0);
	make_cred(&w->a);
	gnutls_session_ticket_key_generate(&w->a.ticket_key);
	w->a.priority = "NORMAL";
	w->a.door = w->a.fd = -1;
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
	gnutls_certificate_free_credentials(w->a.cred);
	gnutls_free(w->a.ticket_key.data);
	if (w->a.door >= 0)
		close(w->a.door);
	free(w->ticket);
	free(w);
	return 0;
}

static void paused(struct loop_timer *timer)
{
	timer->loop->ops->stop(timer->loop);
}

static void go(struct world *w, int64_t ns)
{
	w->pause.loop = w->loop;
	w->pause.fired = paused;
	w->loop->ops->timer_set(&w->pause, ns);
	w->loop->ops->run(w->loop);
}

static void until(struct world *w, const int *count, int least)
{
	int i;

	for (i = 0; i < 10000 && *count < least; i++)
		go(w, GW_MS);
	assert_true(*count >= least);
}

/* --- dialling --- */

static void dial(struct world *w, const char *host, uint16_t port, const uint8_t *pin)
{
	char address[300];
	struct gw_dial wanted = {.address = address,
	                         .tls = GW_TLS_SERVER,
	                         .owner = w->d.limits,
	                         .pin = pin,
	                         .ticket = w->ticket,
	                         .ticket_len = w->n_ticket};
	uint8_t gone[32];

	if (pin != NULL) /* what is given is copied */
		wanted.pin = memcpy(gone, pin, sizeof(gone));
	snprintf(address, sizeof(address), "%s:%u", host, port);
	owner_take(&w->d, &wanted.owner);
	w->d.conn = gw_conn_dial(w->d.self, &wanted);
	memset(address, 'x', sizeof(address) - 1);
	memset(gone, 'x', sizeof(gone));
}

static void dial_own(struct world *w, const uint8_t *pin)
{
	w->d.n = w->s.n = 0;
	w->d.heard[0] = w->s.heard[0] = '\0';
	w->d.ready = w->d.closed = w->d.lines = w->s.ready = w->s.closed = w->s.lines = 0;
	dial(w, "127.0.0.1", bare_port(w->bare), pin);
}

static const struct gw_conn_info *here(struct world *w)
{
	assert_non_null(w->d.conn);
	return gw_conn_info(w->d.self, w->d.conn);
}

static bool resumed(struct world *w)
{
	return gnutls_session_is_resumed(w->d.conn->tls->session);
}

static void say(struct owner *s, const char *text)
{
	gw_sink_write(s->self, gw_conn_sink(s->self, s->conn), text, strlen(text));
}

/* Tickets come before the first line. */
static void keep_ticket(struct world *w)
{
	uint8_t little[10] = "untouched";

	w->n_ticket = gw_conn_ticket(w->d.self, w->d.conn, little, sizeof(little));
	assert_true(w->n_ticket > 100);
	assert_string_equal(little, "untouched");
	w->ticket = realloc(w->ticket, w->n_ticket);
	assert_int_equal(gw_conn_ticket(w->d.self, w->d.conn, w->ticket, w->n_ticket), w->n_ticket);
}

static void hang_up(struct world *w)
{
	gw_conn_close(w->d.self, w->d.conn, GW_CLOSE_FLUSH, "enough");
	until(w, &w->d.closed, 1);
}

static void expect_talk(struct world *w)
{
	until(w, &w->d.ready, 1);
	until(w, &w->s.ready, 1);
	say(&w->s, "from s\n");
	say(&w->d, "from d\n");
	until(w, &w->d.lines, 1);
	until(w, &w->s.lines, 1);
	assert_string_equal(w->d.heard, "from s|");
	assert_string_equal(w->s.heard, "from d|");
	assert_true(here(w)->has_certificate);
	assert_memory_equal(here(w)->certificate, w->fingerprint, 32);
	assert_true(here(w)->has_binding && gw_conn_info(w->s.self, w->s.conn)->has_binding);
	assert_memory_equal(here(w)->binding, gw_conn_info(w->s.self, w->s.conn)->binding, 32);
}

static void expect_end(struct world *w)
{
	hang_up(w);
	until(w, &w->s.closed, 1);
	assert_string_equal(w->d.heard, "from s|<enough>");
	assert_string_equal(w->s.heard, "from d|<Connection closed>");
}

static void expect_failure(struct world *w, const char *why)
{
	char text[320];

	until(w, &w->d.closed, 1);
	snprintf(text, sizeof(text), "<TLS handshake failed: %s>", why);
	assert_string_equal(w->d.heard, text);
	assert_int_equal(w->d.ready, 0);
}

/* Those who linger have ended, too. */
static void expect_nobody(struct world *w)
{
	int i;

	for (i = 0; i < 1000 && conns_count(bare_server(w->bare)->conns) > 0; i++)
		go(w, GW_MS);
	assert_int_equal(conns_count(bare_server(w->bare)->conns), 0);
}

/* --- our own server --- */

static void a_server_is_known_by_its_certificate(void **state)
{
	struct world *w = *state;

	dial_own(w, NULL);
	assert_true(here(w)->tls);
	expect_talk(w);
	assert_memory_equal(here(w)->tls_version, "TLS1.3-", 7);
	assert_string_equal(here(w)->address, "127.0.0.1");
	assert_false(resumed(w));
	assert_false(gw_conn_info(w->s.self, w->s.conn)->has_certificate);
	expect_end(w);
	expect_nobody(w);
}

static void what_is_written_before_it_is_up_waits(void **state)
{
	struct world *w = *state;

	dial_own(w, NULL);
	say(&w->d, "early\n");
	until(w, &w->s.lines, 1);
	assert_int_equal(w->d.ready, 1);
	assert_string_equal(w->s.heard, "early|");
}

static void it_is_reached_by_ipv6(void **state)
{
	struct world *w = *state;

	if (bare_listen(w->bare, "[::1]:0", true, NULL) != 0)
		skip(); /* the machine has none */
	dial(w, "[::1]", bare_port(w->bare), w->fingerprint);
	expect_talk(w);
	assert_string_equal(here(w)->address, "::1");
	expect_end(w);
}

static void the_certificate_that_is_expected_is_taken(void **state)
{
	struct world *w = *state;

	dial_own(w, w->fingerprint);
	expect_talk(w);
	expect_end(w);
}

static void expect_other_certificate(struct world *w)
{
	char why[200] = "certificate is ";
	int i;

	for (i = 0; i < 32; i++)
		snprintf(why + 15 + 2 * i, 3, "%02x", w->fingerprint[i]);
	strcat(why, ", not the one expected");
	expect_failure(w, why);
	until(w, &w->s.closed, 1);
}

static void another_certificate_ends_it_before_a_word(void **state)
{
	struct world *w = *state;
	uint8_t pin[32];

	memcpy(pin, w->fingerprint, 32);
	pin[31] ^= 1;
	dial_own(w, pin);
	say(&w->d, "PASS secret\n");
	expect_other_certificate(w);
	assert_memory_equal(w->s.heard, "<TLS handshake failed: ", 23);
	assert_int_equal(w->s.ready, 0);
}

static void a_ticket_resumes_the_session(void **state)
{
	struct world *w = *state;
	uint8_t binding[32];
	int i;

	dial_own(w, NULL);
	assert_int_equal(gw_conn_ticket(w->d.self, w->d.conn, NULL, 0), 0);
	expect_talk(w);
	memcpy(binding, here(w)->binding, sizeof(binding));
	keep_ticket(w);
	expect_end(w);
	for (i = 0; i < 3; i++) {
		dial_own(w, i == 1 ? w->fingerprint : NULL);
		expect_talk(w);
		assert_true(resumed(w));
		assert_memory_not_equal(here(w)->binding, binding, 32);
		keep_ticket(w);
		expect_end(w);
	}
}

static void a_ticket_of_another_certificate_is_not_shown(void **state)
{
	struct world *w = *state;
	uint8_t pin[32] = {0};

	dial_own(w, NULL);
	expect_talk(w);
	keep_ticket(w);
	expect_end(w);
	dial_own(w, pin);
	expect_other_certificate(w);
	/* The ticket would still do, but it speaks of the old one. */
	provide_certificate(w);
	dial_own(w, w->fingerprint);
	expect_talk(w);
	assert_false(resumed(w));
	expect_end(w);
}

/* Whatever a file has become. */
static void broken_tickets_do_no_harm(void **state)
{
	struct world *w = *state;
	uint8_t *whole;
	size_t n, i, step;

	dial_own(w, NULL);
	expect_talk(w);
	keep_ticket(w);
	expect_end(w);
	n = w->n_ticket;
	whole = w->ticket;
	w->ticket = malloc(n);
	step = n / 60 + 1;
	for (i = 0; i < 2 * n; i += step) {
		memcpy(w->ticket, whole, n);
		w->n_ticket = i < n ? n : i - n;
		if (i < n)
			w->ticket[i] ^= (uint8_t)(1 + i % 255);
		dial_own(w, NULL);
		until(w, &w->d.ready, 1);
		assert_false(resumed(w));
		hang_up(w);
	}
	free(whole);
}

/* As a reload of the owner's module: other functions in the same rows. */
static int other_ready;

static void ready_of_another(void *state, void *data)
{
	(void)state;
	((struct owner *)data)->ready++;
	other_ready++;
}

static void the_owner_is_reloaded_in_mid_handshake(void **state)
{
	struct world *w = *state;
	struct gw_call_row *rows = calloc(7, sizeof(rows[0]));
	struct gw_call_row old[7];

	memcpy(old, owner_calls, sizeof(old));
	w->d.self->calls = old;
	dial_own(w, w->fingerprint);
	while (w->d.conn->state != CONN_HANDSHAKE)
		go(w, 1);
	assert_int_equal(w->d.ready, 0);
	memcpy(rows, owner_calls, sizeof(old));
	rows[1].fn = (gw_fn *)ready_of_another;
	w->d.self->calls = rows;
	w->d.self->generation++;
	memset(old, 0x55, sizeof(old));
	expect_talk(w);
	assert_int_equal(other_ready, 2); /* of both ends */
	expect_end(w);
	w->d.self->calls = owner_calls;
	free(rows);
}

static void who_gives_up_in_mid_handshake_hears_of_it_once(void **state)
{
	struct world *w = *state;

	dial_own(w, w->fingerprint);
	while (w->d.conn->state != CONN_HANDSHAKE)
		go(w, 1);
	say(&w->d, "never sent\n");
	gw_conn_close(w->d.self, w->d.conn, GW_CLOSE_FLUSH, "enough");
	until(w, &w->s.closed, 1);
	assert_string_equal(w->d.heard, "<enough>");
	assert_int_equal(w->s.lines, 0);
}

/* --- strangers --- */

static ssize_t pull(gnutls_transport_ptr_t p, void *data, size_t n)
{
	struct stranger *a = p;

	if (a->n_out > 0 && send(a->fd, a->out, a->n_out, MSG_NOSIGNAL) < 0)
		return -1;
	a->n_out = 0;
	return recv(a->fd, data, n, 0);
}

static ssize_t push(gnutls_transport_ptr_t p, const void *data, size_t n)
{
	struct stranger *a = p;

	memcpy(a->out + a->n_out, data, n);
	a->n_out += n;
	return (ssize_t)n;
}

static void take(struct stranger *a)
{
	struct timeval patience = {.tv_sec = 20};

	a->fd = accept(a->door, NULL, NULL);
	setsockopt(a->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

static void listen_for(struct stranger *a)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	socklen_t n = sizeof(in);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a->door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(a->door, (struct sockaddr *)&in, sizeof(in)) != 0 || listen(a->door, 5) != 0 ||
	    getsockname(a->door, (struct sockaddr *)&in, &n) != 0)
		abort();
	a->port = ntohs(in.sin_port);
}

static void greet(struct stranger *a)
{
	size_t n = sizeof(a->name) - 1;
	gnutls_datum_t binding;
	unsigned type;

	take(a);
	gnutls_init(&a->session, GNUTLS_SERVER | GNUTLS_NO_SIGNAL);
	gnutls_priority_set_direct(a->session, a->priority, NULL);
	gnutls_credentials_set(a->session, GNUTLS_CRD_CERTIFICATE, a->cred);
	if (!a->secretive)
		gnutls_session_ticket_enable_server(a->session, &a->ticket_key);
	gnutls_transport_set_ptr(a->session, a);
	gnutls_transport_set_pull_function(a->session, pull);
	gnutls_transport_set_push_function(a->session, push);
	a->status = gnutls_handshake(a->session);
	if (a->status != 0)
		return;
	if (gnutls_server_name_get(a->session, a->name, &n, &type, 0) != 0)
		n = 0;
	a->name[n] = '\0';
	a->resumed = gnutls_session_is_resumed(a->session);
	if (gnutls_session_channel_binding(a->session, GNUTLS_CB_TLS_EXPORTER, &binding) != 0)
		return;
	memcpy(a->binding, binding.data, sizeof(a->binding));
	gnutls_free(binding.data);
}

static void tell(struct stranger *a, const char *text)
{
	gnutls_record_send(a->session, text, strlen(text));
}

static void hear_out(struct stranger *a)
{
	ssize_t got;

	do {
		got = gnutls_record_recv(a->session, a->got + a->n, sizeof(a->got) - 1 - a->n);
		if (got > 0)
			a->n += (size_t)got;
	} while (got > 0 || got == GNUTLS_E_AGAIN || got == GNUTLS_E_INTERRUPTED);
	a->got[a->n] = '\0';
	a->status = (int)got;
}

static void go_away(struct stranger *a)
{
	char waste[4096];

	pull(a, waste, 0);
	gnutls_deinit(a->session);
	close(a->fd);
}

/* All that the handshake and the owner's first line are answered with leaves at once. */
static void serve(struct stranger *a)
{
	greet(a);
	if (a->status == 0) {
		tell(a, "welcome\n");
		hear_out(a);
		gnutls_bye(a->session, GNUTLS_SHUT_WR);
	}
	go_away(a);
}

static void *stranger_thread(void *arg)
{
	struct stranger *a = arg;

	a->script(a);
	atomic_store(&a->done, true);
	return NULL;
}

static void start(struct world *w, void (*script)(struct stranger *))
{
	struct stranger *a = &w->a;

	if (a->door < 0)
		listen_for(a);
	a->script = script;
	a->n = a->n_out = 0;
	atomic_store(&a->done, false);
	assert_int_equal(pthread_create(&a->thread, NULL, stranger_thread, a), 0);
}

static void finish(struct world *w)
{
	while (!atomic_load(&w->a.done))
		go(w, GW_MS);
	pthread_join(w->a.thread, NULL);
}

static void dial_stranger(struct world *w, const char *host, void (*script)(struct stranger *))
{
	start(w, script);
	w->d.n = 0;
	w->d.heard[0] = '\0';
	w->d.ready = w->d.closed = w->d.lines = 0;
	dial(w, host, w->a.port, NULL);
}

/* One conversation; the facts of it are in `a` then, a ticket is kept. */
static void expect_stranger(struct world *w, bool bound)
{
	uint8_t binding[32];

	dial_stranger(w, "127.0.0.1", serve);
	until(w, &w->d.lines, 1);
	assert_string_equal(w->d.heard, "welcome|");
	assert_true(here(w)->has_certificate);
	assert_memory_equal(here(w)->certificate, w->a.fingerprint, 32);
	assert_int_equal(here(w)->has_binding, bound);
	memcpy(binding, here(w)->binding, sizeof(binding));
	if (w->a.secretive || strncmp(w->a.priority, TWELVE, strlen(TWELVE)) == 0)
		assert_int_equal(gw_conn_ticket(w->d.self, w->d.conn, NULL, 0), 0);
	else
		keep_ticket(w);
	say(&w->d, "bye\n");
	hang_up(w);
	finish(w);
	assert_string_equal(w->a.got, "bye\n");
	assert_int_equal(w->a.status, 0); /* close_notify */
	if (bound)
		assert_memory_equal(binding, w->a.binding, 32);
}

static void servers_of_one_version_are_reached(void **state)
{
	struct world *w = *state;

	w->a.priority = THIRTEEN;
	expect_stranger(w, true);
	assert_false(w->a.resumed);
	expect_stranger(w, true);
	assert_true(w->a.resumed);
	w->a.priority = TWELVE;
	expect_stranger(w, true); /* the ticket is of the other */
	assert_false(w->a.resumed);
}

static void without_a_sound_secret_there_is_no_binding(void **state)
{
	struct world *w = *state;

	w->a.priority = TWELVE ":%NO_SESSION_HASH";
	expect_stranger(w, false);
}

static void a_server_may_give_no_tickets(void **state)
{
	struct world *w = *state;

	w->a.secretive = true;
	expect_stranger(w, true);
}

/* One that has the address but not what the ticket was made with. */
static void another_server_cannot_use_the_ticket(void **state)
{
	struct world *w = *state;

	expect_stranger(w, true);
	gnutls_free(w->a.ticket_key.data);
	gnutls_session_ticket_key_generate(&w->a.ticket_key);
	gnutls_certificate_free_credentials(w->a.cred);
	make_cred(&w->a);
	expect_stranger(w, true); /* its own certificate is what is told */
	assert_false(w->a.resumed);
}

static void the_name_is_told_an_address_is_not(void **state)
{
	static const char *const cases[][2] = {
		{"localhost", "localhost"}, {"127.0.0.1", ""}, {"127.1", ""}};
	struct world *w = *state;
	size_t i;

	for (i = 0; i < 3; i++) {
		dial_stranger(w, cases[i][0], serve);
		until(w, &w->d.ready, 1);
		hang_up(w);
		finish(w);
		assert_string_equal(w->a.name, cases[i][1]);
	}
}

static void change_keys(struct stranger *a)
{
	greet(a);
	tell(a, "one\n");
	gnutls_session_key_update(a->session, 0);
	tell(a, "two\n");
	gnutls_session_ticket_send(a->session, 2, 0);
	tell(a, "three\n");
	hear_out(a);
	go_away(a);
}

/* What comes in one piece with a message of TLS's own. */
static void lines_behind_keys_and_tickets_do_not_wait(void **state)
{
	struct world *w = *state;

	dial_stranger(w, "127.0.0.1", change_keys);
	until(w, &w->d.lines, 3);
	assert_string_equal(w->d.heard, "one|two|three|");
	hang_up(w);
	finish(w);
}

static void leave(struct stranger *a)
{
	greet(a);
	tell(a, "last words\n");
	gnutls_bye(a->session, GNUTLS_SHUT_WR);
	hear_out(a);
	go_away(a);
}

static void last_words_are_heard(void **state)
{
	struct world *w = *state;

	dial_stranger(w, "127.0.0.1", leave);
	until(w, &w->d.closed, 1);
	assert_string_equal(w->d.heard, "last words|<Connection closed>");
	finish(w);
	assert_int_equal(w->a.status, 0); /* we say goodbye, too */
}

static void an_old_version_is_refused(void **state)
{
	struct world *w = *state;

	w->a.priority = "NORMAL:-VERS-ALL:+VERS-TLS1.1:%COMPAT";
	dial_stranger(w, "127.0.0.1", serve);
	until(w, &w->d.closed, 1);
	assert_memory_equal(w->d.heard, "<TLS handshake failed: ", 23);
	finish(w);
}

/* --- no servers at all --- */

static void answer(struct stranger *a, const char *text, size_t n)
{
	char hello[2048];

	take(a);
	if (recv(a->fd, hello, sizeof(hello), 0) > 0 && n > 0)
		send(a->fd, text, n, MSG_NOSIGNAL);
}

static void speak_plainly(struct stranger *a)
{
	answer(a, ":irc NOTICE * :hello\r\n", 22);
	while (recv(a->fd, a->got, sizeof(a->got), 0) > 0)
		;
	close(a->fd);
}

static void speak_nonsense(struct stranger *a)
{
	char noise[4000];
	size_t i;

	memcpy(noise, "\x16\x03\x03\x0f\x00\x02\x00\x0e", 8); /* begins as a server's hello */
	for (i = 8; i < sizeof(noise); i++)
		noise[i] = (char)(i * 7919 % 251);
	answer(a, noise, sizeof(noise));
	while (recv(a->fd, a->got, sizeof(a->got), 0) > 0)
		;
	close(a->fd);
}

static void hang_up_on_hello(struct stranger *a)
{
	answer(a, NULL, 0);
	close(a->fd);
}

/* The first bytes of a server's hello, and no more. */
static void hang_up_in_hello(struct stranger *a)
{
	answer(a, "\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03", 11);
	close(a->fd);
}

static void who_speaks_no_tls_is_told(void **state)
{
	static void (*const scripts[])(struct stranger *) = {speak_plainly, speak_nonsense,
	                                                     hang_up_on_hello, hang_up_in_hello};
	struct world *w = *state;
	size_t i;

	for (i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		dial_stranger(w, "127.0.0.1", scripts[i]);
		say(&w->d, "secret\n");
		until(w, &w->d.closed, 1);
		assert_memory_equal(w->d.heard, "<TLS handshake failed: ", 23);
		assert_int_equal(w->d.ready, 0);
		finish(w);
	}
	expect_nobody(w);
}

static void say_nothing(struct stranger *a)
{
	take(a);
	while (recv(a->fd, a->got, sizeof(a->got), 0) > 0)
		;
	close(a->fd);
}

static void of_silence_the_owner_has_enough(void **state)
{
	struct world *w = *state;

	bare_server(w->bare)->conns->handshakes.after_ns = 10 * GW_MS;
	dial_stranger(w, "127.0.0.1", say_nothing);
	go(w, 200 * GW_MS);
	assert_int_equal(w->d.ready + w->d.closed, 0);
	hang_up(w);
	assert_string_equal(w->d.heard, "<enough>");
	finish(w);
	expect_nobody(w);
}

static void an_end_in_mid_handshake_is_clean(void **state)
{
	struct world *w = *state;

	w->ticket = calloc(1, w->n_ticket = 100);
	dial(w, "localhost", bare_port(w->bare), w->fingerprint);
	go(w, 1);
	dial(w, "127.0.0.1", bare_port(w->bare), NULL);
	while (w->d.conn->state != CONN_HANDSHAKE)
		go(w, 1);
	dial(w, "127.0.0.1", bare_port(w->bare), NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_world(a_server_is_known_by_its_certificate),
		with_world(what_is_written_before_it_is_up_waits),
		with_world(it_is_reached_by_ipv6),
		with_world(the_certificate_that_is_expected_is_taken),
		with_world(another_certificate_ends_it_before_a_word),
		with_world(a_ticket_resumes_the_session),
		with_world(a_ticket_of_another_certificate_is_not_shown),
		with_world(broken_tickets_do_no_harm),
		with_world(the_owner_is_reloaded_in_mid_handshake),
		with_world(who_gives_up_in_mid_handshake_hears_of_it_once),
		with_world(servers_of_one_version_are_reached),
		with_world(without_a_sound_secret_there_is_no_binding),
		with_world(a_server_may_give_no_tickets),
		with_world(another_server_cannot_use_the_ticket),
		with_world(the_name_is_told_an_address_is_not),
		with_world(lines_behind_keys_and_tickets_do_not_wait),
		with_world(last_words_are_heard),
		with_world(an_old_version_is_refused),
		with_world(who_speaks_no_tls_is_told),
		with_world(of_silence_the_owner_has_enough),
		with_world(an_end_in_mid_handshake_is_clean),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
