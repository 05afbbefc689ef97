/*
 * tests/unit/tls_link.c - TLS between servers, met by whoever is no server: the real loop here,
 * GnuTLS or bare bytes in a thread of their own. Whatever is wrong, nobody is told a word.
 */
#include "core/conn.h"
#include "tests/unit/bare.h"
#include "tests/unit/cmocka.h"
#include "tests/unit/owner.h"
#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LOOK_NS (2 * GW_MS)
#define ALPN "godwit-link/1"
#define RAW "NONE:+VERS-TLS1.3:+AES-256-GCM:+AEAD:+GROUP-X25519:+SIGN-EDDSA-ED25519:"
#define CIPHERS_12                                                                                 \
	"+ECDHE-ECDSA:+ECDHE-RSA:+RSA:+AES-256-GCM:+AEAD:+COMP-NULL:+GROUP-ALL:+SIGN-ALL:"
#define RIGHT RAW "+CTYPE-SRV-RAWPK:+CTYPE-CLI-X509"
#define TWELVE "NONE:+VERS-TLS1.2:" CIPHERS_12 "+CTYPE-SRV-RAWPK:+CTYPE-CLI-X509"
#define WIDE "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CTYPE-ALL:+CTYPE-SRV-RAWPK:+CTYPE-CLI-X509"
#define with_world(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* Who is no server, or no sound one. */
struct stranger {
	int fd;
	gnutls_session_t session;
	gnutls_certificate_credentials_t cred;
	const char *priority, *alpn;
	unsigned flags;
	gnutls_datum_t ticket;
	int status;
	uint8_t got[65536]; /* all that came, as it was on the wire */
	size_t n;
};

struct world {
	struct loop *loop;
	struct bare *bare;
	struct owner s, d;
	struct loop_timer look;
	atomic_bool done;
	void (*script)(struct world *);
	struct stranger a;
	gnutls_certificate_credentials_t raw, x509; /* with a key: shown raw, or as a certificate */
	int door;                                   /* of a stranger that is dialled */
	uint16_t port;
	bool early;
};

/* --- a key and what may be made of it --- */

static void make_credentials(struct world *w)
{
	gnutls_datum_t secret, public;
	gnutls_x509_privkey_t key;
	gnutls_privkey_t signer;
	gnutls_pubkey_t pub;
	gnutls_x509_crt_t crt;

	gnutls_privkey_init(&signer);
	gnutls_privkey_generate(signer, GNUTLS_PK_EDDSA_ED25519, 256, 0);
	gnutls_privkey_export_x509(signer, &key);
	gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_DER, NULL, GNUTLS_PKCS_PLAIN,
	                                  &secret);
	gnutls_pubkey_init(&pub);
	gnutls_pubkey_import_privkey(pub, signer, 0, 0);
	gnutls_pubkey_export2(pub, GNUTLS_X509_FMT_DER, &public);
	gnutls_x509_crt_init(&crt);
	gnutls_x509_crt_set_version(crt, 3);
	gnutls_x509_crt_set_serial(crt, "\001", 1);
	gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, "x", 1);
	gnutls_x509_crt_set_activation_time(crt, time(NULL) - 1000);
	gnutls_x509_crt_set_expiration_time(crt, time(NULL) + 100000);
	gnutls_x509_crt_set_pubkey(crt, pub);
	assert_int_equal(gnutls_x509_crt_privkey_sign(crt, crt, signer, GNUTLS_DIG_SHA512, 0), 0);
	gnutls_certificate_allocate_credentials(&w->raw);
	gnutls_certificate_allocate_credentials(&w->x509);
	assert_true(gnutls_certificate_set_rawpk_key_mem(w->raw, &public, &secret,
	                                                 GNUTLS_X509_FMT_DER, NULL, 0, NULL, 0,
	                                                 0) >= 0);
	assert_true(gnutls_certificate_set_x509_key(w->x509, &crt, 1, key) >= 0);
	gnutls_free(secret.data);
	gnutls_free(public.data);
	gnutls_x509_crt_deinit(crt);
	gnutls_pubkey_deinit(pub);
	gnutls_x509_privkey_deinit(key);
	gnutls_privkey_deinit(signer);
}

/* --- the world --- */

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->loop = loop_ev_new();
	w->s.limits =
		(struct gw_conn_owner){.line_max = 510, .recvq_max = 8192, .sendq_max = 100000};
	w->d.limits = w->s.limits;
	w->bare = bare_new(w->loop, owner_calls, &w->s);
	w->s.self = w->d.self = bare_self(w->bare);
	bare_tls(w->bare, GW_TLS_LINK);
	assert_int_equal(bare_listen(w->bare, "127.0.0.1:0", false, NULL), 0);
	make_credentials(w);
	w->a.fd = w->door = -1;
	w->a.priority = RIGHT;
	w->a.alpn = ALPN;
	w->a.cred = w->raw;
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	bare_free(&w->bare);
	gnutls_certificate_free_credentials(w->raw);
	gnutls_certificate_free_credentials(w->x509);
	gnutls_free(w->a.ticket.data);
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

static void *stranger_thread(void *arg)
{
	struct world *w = arg;

	w->script(w);
	atomic_store(&w->done, true);
	return NULL;
}

static void play(struct world *w, void (*script)(struct world *))
{
	pthread_t thread;

	w->script = script;
	atomic_store(&w->done, false);
	w->look = (struct loop_timer){.loop = w->loop, .fired = look};
	assert_int_equal(pthread_create(&thread, NULL, stranger_thread, w), 0);
	w->loop->ops->timer_set(&w->look, LOOK_NS);
	w->loop->ops->run(w->loop);
	pthread_join(thread, NULL);
}

/* --- the stranger --- */

static ssize_t pull(gnutls_transport_ptr_t p, void *data, size_t n)
{
	struct stranger *a = p;
	ssize_t got = recv(a->fd, data, n, 0);

	if (got > 0 && a->n + (size_t)got <= sizeof(a->got)) {
		memcpy(a->got + a->n, data, (size_t)got);
		a->n += (size_t)got;
	}
	return got;
}

static ssize_t push(gnutls_transport_ptr_t p, const void *data, size_t n)
{
	return send(((struct stranger *)p)->fd, data, n, MSG_NOSIGNAL);
}

static void be_patient(int fd)
{
	struct timeval patience = {.tv_sec = 20};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

static void to_the_end(struct stranger *a)
{
	char waste[4096];

	while (pull(a, waste, sizeof(waste)) > 0)
		;
}

static void open_session(struct stranger *a, unsigned role)
{
	gnutls_datum_t alpn = {0};

	gnutls_init(&a->session, role | GNUTLS_ENABLE_RAWPK | a->flags);
	if (gnutls_priority_set_direct(a->session, a->priority, NULL) != 0)
		abort();
	gnutls_credentials_set(a->session, GNUTLS_CRD_CERTIFICATE, a->cred);
	if (a->alpn != NULL) {
		alpn.data = (unsigned char *)(uintptr_t)a->alpn;
		alpn.size = (unsigned)strlen(a->alpn);
		gnutls_alpn_set_protocols(a->session, &alpn, 1, 0);
	}
	gnutls_transport_set_ptr(a->session, a);
	gnutls_transport_set_pull_function(a->session, pull);
	gnutls_transport_set_push_function(a->session, push);
}

static int handshake(struct stranger *a)
{
	do
		a->status = gnutls_handshake(a->session);
	while (a->status < 0 && !gnutls_error_is_fatal(a->status));
	return a->status;
}

static void go_away(struct world *w)
{
	if (w->a.session != NULL)
		gnutls_deinit(w->a.session);
	w->a.session = NULL;
	close(w->a.fd);
}

static void knock(struct world *w)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(bare_port(w->bare))};

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	w->a.n = 0;
	w->a.fd = socket(AF_INET, SOCK_STREAM, 0);
	be_patient(w->a.fd);
	if (connect(w->a.fd, (struct sockaddr *)&in, sizeof(in)) != 0)
		abort();
}

static void try_tls(struct world *w)
{
	knock(w);
	open_session(&w->a, GNUTLS_CLIENT);
	if (w->a.ticket.data != NULL)
		gnutls_session_set_data(w->a.session, w->a.ticket.data, w->a.ticket.size);
	if (w->early)
		gnutls_record_send_early_data(w->a.session, "early\n", 6);
	if (handshake(&w->a) != 0)
		to_the_end(&w->a);
	else
		gnutls_record_send(w->a.session, "hello\n", 6);
}

/* --- those who come --- */

static void expect_silence(struct world *w)
{
	assert_int_equal(w->a.n, 0);
	assert_int_equal(w->s.ready, 0);
	assert_int_equal(w->s.closed, 1);
	assert_non_null(strstr(w->s.heard, "<TLS handshake failed: "));
	go_away(w);
}

static void do_nothing(struct world *w)
{
	(void)w;
}

static void expect_hello(struct world *w)
{
	int i;

	play(w, go_away);
	for (i = 0; i < 1000 && w->s.closed == 0; i++)
		play(w, do_nothing);
	assert_memory_equal(w->s.heard, "hello|<", 7);
}

static void refuse(struct world *w, const char *priority, const char *alpn)
{
	w->a.priority = priority;
	w->a.alpn = alpn;
	play(w, try_tls);
	assert_true(w->a.status < 0);
	expect_silence(w);
}

static void a_server_is_let_in(void **state)
{
	struct world *w = *state;

	play(w, try_tls);
	assert_int_equal(w->a.status, 0);
	expect_hello(w);
}

static void tls_12_is_refused(void **state)
{
	refuse(*state, TWELVE, ALPN);
}

static void another_protocol_is_refused(void **state)
{
	refuse(*state, RIGHT, "irc");
}

static void no_protocol_is_refused(void **state)
{
	refuse(*state, RIGHT, NULL);
}

static void who_wants_a_certificate_is_refused(void **state)
{
	refuse(*state, "NORMAL:-VERS-ALL:+VERS-TLS1.3", ALPN);
}

static void say_bytes(struct world *w, const void *data, size_t n)
{
	knock(w);
	send(w->a.fd, data, n, MSG_NOSIGNAL);
	to_the_end(&w->a);
}

static void talk_plainly(struct world *w)
{
	say_bytes(w, "NICK me\r\nUSER me 0 * :me\r\n", 26);
}

static void plain_text_is_refused(void **state)
{
	play(*state, talk_plainly);
	expect_silence(*state);
}

/* A record with the beginning of a hello that says it is 5000 bytes long. */
static void say_a_long_hello(struct world *w)
{
	uint8_t record[5 + 16384] = {0x16, 3, 1, 0x13, 0x8c, 1, 0, 0x13, 0x88, 3, 3};

	say_bytes(w, record, 5 + 0x138c);
}

static void a_long_handshake_message_is_refused(void **state)
{
	play(*state, say_a_long_hello);
	expect_silence(*state);
}

static void a_certificate_is_not_asked_for(void **state)
{
	struct world *w = *state;

	w->a.cred = w->x509;
	w->a.flags = GNUTLS_POST_HANDSHAKE_AUTH;
	play(w, try_tls);
	assert_int_equal(w->a.status, 0);
	assert_int_equal(gnutls_certificate_client_get_request_status(w->a.session), 0);
	expect_hello(w);
}

/* --- resumption: a ticket of somebody else's, who uses our protocol --- */

struct other {
	struct stranger side;
	gnutls_datum_t key;
};

static void *other_thread(void *arg)
{
	struct other *o = arg;

	open_session(&o->side, GNUTLS_SERVER);
	gnutls_session_ticket_enable_server(o->side.session, &o->key);
	gnutls_record_set_max_early_data_size(o->side.session, 16384);
	if (handshake(&o->side) == 0)
		gnutls_record_send(o->side.session, "x", 1);
	to_the_end(&o->side);
	gnutls_deinit(o->side.session);
	return NULL;
}

static void get_ticket(struct world *w)
{
	struct other o = {.side = {.priority = WIDE, .alpn = ALPN, .cred = w->raw}};
	pthread_t thread;
	int fds[2];
	ssize_t got;
	char byte;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
		abort();
	w->a.fd = fds[0];
	o.side.fd = fds[1];
	gnutls_session_ticket_key_generate(&o.key);
	o.side.flags = GNUTLS_ENABLE_EARLY_DATA;
	pthread_create(&thread, NULL, other_thread, &o);
	open_session(&w->a, GNUTLS_CLIENT);
	if (handshake(&w->a) == 0) {
		do
			got = gnutls_record_recv(w->a.session, &byte, 1);
		while (got < 0 && !gnutls_error_is_fatal((int)got));
		gnutls_session_get_data2(w->a.session, &w->a.ticket);
	}
	go_away(w);
	pthread_join(thread, NULL);
	close(fds[1]);
	gnutls_free(o.key.data);
}

static void a_ticket_is_of_no_use_and_none_is_given(void **state)
{
	struct world *w = *state;

	w->a.priority = WIDE;
	play(w, get_ticket);
	assert_true(w->a.ticket.size > 0);
	play(w, try_tls);
	assert_int_equal(w->a.status, 0);
	assert_false(gnutls_session_is_resumed(w->a.session));
	assert_int_equal(gnutls_session_get_flags(w->a.session) & GNUTLS_SFLAGS_SESSION_TICKET, 0);
	expect_hello(w);
}

static void early_data_is_no_data(void **state)
{
	struct world *w = *state;

	w->a.flags = GNUTLS_ENABLE_EARLY_DATA;
	w->a.priority = WIDE;
	play(w, get_ticket);
	assert_true(w->a.ticket.size > 0);
	w->early = true;
	play(w, try_tls);
	if (w->a.session != NULL)
		assert_int_equal(gnutls_session_get_flags(w->a.session) & GNUTLS_SFLAGS_EARLY_DATA,
		                 0);
	play(w, go_away);
	assert_null(strstr(w->s.heard, "early"));
}

/* --- ends --- */

static void end_of_session(struct world *w)
{
	char byte;

	w->a.status = (int)gnutls_record_recv(w->a.session, &byte, 1);
	go_away(w);
}

static void a_close_is_without_a_word(void **state)
{
	struct world *w = *state;

	w->s.close_on_line = "enough";
	w->s.how = GW_CLOSE_FLUSH;
	play(w, try_tls);
	assert_int_equal(w->a.status, 0);
	play(w, end_of_session);
	assert_int_equal(w->a.status, GNUTLS_E_PREMATURE_TERMINATION);
	assert_string_equal(w->s.heard, "hello|<enough>");
}

static void who_is_not_wanted_is_closed_before_tls(void **state)
{
	struct world *w = *state;

	w->s.refuse = -EPERM;
	w->s.mute = true;
	play(w, try_tls);
	assert_true(w->a.status < 0);
	assert_int_equal(w->a.n, 0);
	go_away(w);
}

/* --- those who are dialled --- */

static void open_door(struct world *w)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	socklen_t n = sizeof(in);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	w->door = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(w->door, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(w->door, 1), 0);
	getsockname(w->door, (struct sockaddr *)&in, &n);
	w->port = ntohs(in.sin_port);
}

static void take(struct world *w)
{
	w->a.n = 0;
	w->a.fd = accept(w->door, NULL, NULL);
	be_patient(w->a.fd);
}

static void serve_tls(struct world *w)
{
	take(w);
	open_session(&w->a, GNUTLS_SERVER);
	if (handshake(&w->a) != 0)
		shutdown(w->a.fd, SHUT_WR);
	to_the_end(&w->a);
}

static void serve_plainly(struct world *w)
{
	char hello[2048];

	take(w);
	pull(&w->a, hello, sizeof(hello));
	send(w->a.fd, "ERROR :what\r\n", 13, MSG_NOSIGNAL);
	to_the_end(&w->a);
}

/* Our hello came, perhaps the change of ciphers that goes with a second flight, and no more. */
static void expect_hello_only(struct world *w)
{
	static const uint8_t change[] = {0x14, 3, 3, 0, 1, 1};
	size_t hello = 5 + (size_t)(w->a.got[3] << 8 | w->a.got[4]);

	assert_int_equal(w->a.got[0], 0x16);
	assert_true(w->a.n == hello || w->a.n == hello + sizeof(change));
	if (w->a.n > hello)
		assert_memory_equal(w->a.got + hello, change, sizeof(change));
	assert_int_equal(w->d.ready, 0);
	assert_int_equal(w->d.closed, 1);
	assert_memory_equal(w->d.heard, "<TLS handshake failed: ", 23);
	go_away(w);
	close(w->door);
}

static void dial_stranger(struct world *w, const char *priority, const char *alpn,
                          gnutls_certificate_credentials_t cred, void (*script)(struct world *))
{
	char address[40];

	w->a.priority = priority;
	w->a.alpn = alpn;
	w->a.cred = cred;
	open_door(w);
	snprintf(address, sizeof(address), "127.0.0.1:%u", w->port);
	owner_dial(&w->d, address, GW_TLS_LINK);
	play(w, script);
}

static void a_dialled_tls_12_is_refused(void **state)
{
	struct world *w = *state;

	dial_stranger(w, TWELVE, ALPN, w->raw, serve_tls);
	expect_hello_only(w);
}

static void a_dialled_other_protocol_is_refused(void **state)
{
	struct world *w = *state;

	dial_stranger(w, RIGHT, "irc", w->raw, serve_tls);
	expect_hello_only(w);
}

static void a_dialled_certificate_is_refused(void **state)
{
	struct world *w = *state;

	dial_stranger(w, RAW "+CTYPE-SRV-X509:+CTYPE-CLI-X509", ALPN, w->x509, serve_tls);
	expect_hello_only(w);
}

static void dialled_plain_text_is_refused(void **state)
{
	struct world *w = *state;

	dial_stranger(w, RIGHT, ALPN, w->raw, serve_plainly);
	expect_hello_only(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_world(a_server_is_let_in),
		with_world(tls_12_is_refused),
		with_world(another_protocol_is_refused),
		with_world(no_protocol_is_refused),
		with_world(who_wants_a_certificate_is_refused),
		with_world(plain_text_is_refused),
		with_world(a_long_handshake_message_is_refused),
		with_world(a_certificate_is_not_asked_for),
		with_world(a_ticket_is_of_no_use_and_none_is_given),
		with_world(early_data_is_no_data),
		with_world(a_close_is_without_a_word),
		with_world(who_is_not_wanted_is_closed_before_tls),
		with_world(a_dialled_tls_12_is_refused),
		with_world(a_dialled_other_protocol_is_refused),
		with_world(a_dialled_certificate_is_refused),
		with_world(dialled_plain_text_is_refused),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
