/*
 * Accounts over a connection: registration with and without a code, SASL, PASS, ACCOUNT, bounds, a
 * store that is full or loses its power. The state table itself has tests of its own
 * (client_states.c).
 */
#include "tests/module/mailbox.h"
#include "tests/module/talk.h"
#include "tests/unit/cmocka.h"
#include <errno.h>
#include <godwit/loop.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

#define NAME ":sim1.example.net "
#define CHEAP "account: {iterations: 4096}\n"
#define OUTSIDE "203.0.113.7"

/* A server on the store that forgets what was not synced; to be freed. */
static char *fake_yaml(const char *more)
{
	char *build = realpath(getenv("GODWIT_BUILD") != NULL ? getenv("GODWIT_BUILD") : ".", NULL),
	     *yaml;

	assert_true(asprintf(&yaml,
	                     "modules: [store_fake, services, network, client, account]\n"
	                     "module-directory: [%s/modules, %s/tests/modules]\n" TALK_FREE CHEAP
	                     "%s",
	                     build, build, more) > 0);
	free(build);
	return yaml;
}

static struct simclient *hello(struct simserver *s, const char *nick, const char *from, bool tls)
{
	struct simclient *c = simnet_client(s, from, tls);

	client_send(c, "NICK %s\r\nUSER %s 0 * :%s", nick, nick, nick);
	client_expect(c, "* NOTICE * :/quote PASS *");
	return c;
}

static struct simclient *registered(struct simserver *s, const char *nick, const char *password)
{
	struct simclient *c = hello(s, nick, "127.0.0.1", false);

	client_send(c, "REGISTER * * %s\r\nPING in", password);
	client_expect(c, "* PONG * :in");
	return c;
}

static void send_base64(struct simclient *c, const char *bytes, size_t n)
{
	char text[4096];

	sodium_bin2base64(text, sizeof(text), (const uint8_t *)bytes, n,
	                  sodium_base64_VARIANT_ORIGINAL);
	for (size_t at = 0, left = strlen(text);; at += 400, left -= 400) {
		client_send(c, "AUTHENTICATE %.400s", left > 0 ? text + at : "+");
		if (left < 400)
			return;
	}
}

static void send_plain(struct simclient *c, const char *name, const char *password)
{
	char bytes[2048];
	int n = snprintf(bytes, sizeof(bytes), "%c%s%c%s", 0, name, 0, password);

	client_send(c, "AUTHENTICATE PLAIN");
	client_expect(c, "* AUTHENTICATE +");
	send_base64(c, bytes, (size_t)n);
}

/* --- REGISTER --- */

static void registering_by_hand_goes_on_to_001(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_CLOSED TALK_FREE CHEAP);
	struct simclient *c = hello(s, "ann", "127.0.0.1", false);

	(void)state;
	client_send(c, "REGISTER * * secret-1");
	client_expect_next(c, NAME "REGISTER SUCCESS ann :The account ann is registered.");
	client_expect_next(c, NAME "NOTICE ann :The account ann is registered.");
	client_expect_next(c, NAME "900 ann ann!ann@? ann :You are now logged in as ann");
	client_expect_next(c, NAME "001 ann :*");
	client_expect(c, "* 005 * draft/ACCOUNTREQUIRED*");
	simnet_end(&net);
}

static void each_fault_of_register_has_its_code(void **state)
{
	static const struct {
		const char *line, *answer;
	} cases[] = {
		{"REGISTER", NAME "461 bob REGISTER :*"},
		{"REGISTER * *", NAME "461 bob REGISTER :*"},
		{"REGISTER * * :", NAME "461 bob REGISTER :*"},
		{"REGISTER * * abc", NAME "FAIL REGISTER WEAK_PASSWORD bob :*"},
		{"REGISTER * * two words", NAME "FAIL REGISTER UNACCEPTABLE_PASSWORD bob :*"},
		{"REGISTER * * :tab\tinside", NAME "FAIL REGISTER UNACCEPTABLE_PASSWORD bob :*"},
		{"REGISTER 1bad * secret-1", NAME "FAIL REGISTER BAD_ACCOUNT_NAME ? :*"},
		{"REGISTER NickServ * secret-1", NAME "FAIL REGISTER BAD_ACCOUNT_NAME ? :*"},
		{"REGISTER * nonsense secret-1", NAME "FAIL REGISTER INVALID_EMAIL bob :*"},
		{"REGISTER ann * secret-1", NAME "FAIL REGISTER ACCOUNT_EXISTS ann :*"},
		{"REGISTER CANCEL", NAME "FAIL REGISTER *"},
		{"VERIFY bob", NAME "461 bob VERIFY :*"},
		{"VERIFY bob abcdefghijkm", NAME "FAIL VERIFY INVALID_CODE bob :*"},
		{"VERIFY bob short", NAME "FAIL VERIFY INVALID_CODE ? :*"},
	};
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_CLOSED TALK_FREE CHEAP);
	struct simclient *c;

	(void)state;
	registered(s, "ann", "secret-1");
	c = hello(s, "bob", "127.0.0.1", false);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		client_send(c, "%s", cases[i].line);
		client_expect_next(c, cases[i].answer);
		free(client_take(c));
	}
	client_send(c, "REGISTER * * secret-2");
	client_expect(c, "* 001 bob *");
	client_send(c, "REGISTER bob2 * secret-2");
	client_expect(c, NAME "FAIL REGISTER ALREADY_AUTHENTICATED bob :*");
	client_send(c, "VERIFY bob2 abcdefghijkm");
	client_expect(c, NAME "FAIL VERIFY ALREADY_AUTHENTICATED bob :*");
	c = simnet_client(s, "127.0.0.1", false);
	client_send(c, "REGISTER * * secret-1");
	client_expect_next(c, NAME "FAIL REGISTER NEED_NICK ? :*");
	simnet_end(&net);
}

static void a_dropped_name_is_free_again_and_its_sessions_are_logged_out(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_CLOSED TALK_FREE CHEAP);
	struct simclient *ann = registered(s, "ann", "secret-1"), *bob;

	(void)state;
	client_send(ann, "CAP REQ account-notify\r\nACCOUNT DROP ann wrong-1");
	client_expect(ann, NAME "FAIL ACCOUNT INVALID_PASSWORD :*");
	client_send(ann, "ACCOUNT DROP other secret-1");
	client_expect(ann, NAME "FAIL ACCOUNT INVALID_PARAMS :*");
	client_send(ann, "ACCOUNT DROP ann secret-1");
	client_expect(ann, "* ACCOUNT ?");
	client_expect(ann, NAME "901 ann *");
	bob = hello(s, "bob", "127.0.0.1", false);
	client_send(bob, "REGISTER ann * secret-2");
	client_expect(bob,
	              NAME "FAIL REGISTER ACCOUNT_EXISTS ann :*"); /* the nick is still in use */
	client_send(ann, "QUIT");
	client_expect_end(ann);
	client_send(bob, "REGISTER ann * secret-2");
	client_expect(bob, NAME "REGISTER SUCCESS ann *");
	simnet_end(&net);
}

/* --- codes by mail --- */

struct mailing {
	struct simnet *net;
	struct simserver *s;
	char box[32];
};

static void mail_begin(struct mailing *m, const char *more)
{
	char yaml[1024];

	mailbox_new(m->box);
	snprintf(yaml, sizeof(yaml),
	         TALK_CLOSED TALK_FREE "account: {iterations: 4096, verify: email, mail-command: "
	                               "[/bin/sh, -c, \"cat >>%s\"]%s}\n",
	         m->box, more);
	m->net = simnet_new(1);
	m->s = simnet_server(m->net, yaml);
}

static void mail_end(struct mailing *m)
{
	simnet_end(&m->net);
	unlink(m->box);
}

/* The `number`th code that was sent. */
static void mail_code(struct mailing *m, int number, char out[64])
{
	static const char mark[] = "/quote VERIFY ";
	char text[MAILBOX_MAX];
	const char *at = text;

	mailbox_read(m->net, m->box, text);
	for (int i = 0; i < number; i++) {
		at = strstr(at, mark);
		if (at == NULL)
			fail_msg("no code %d in:\n%s", number, text);
		at += strlen(mark);
	}
	assert_int_equal(sscanf(at, "%*s %63s", out), 1);
}

static struct simclient *awaiting(struct mailing *m, const char *nick, const char *line)
{
	struct simclient *c = hello(m->s, nick, "127.0.0.1", false);

	client_send(c, "%s", line);
	client_expect(c, NAME "REGISTER VERIFICATION_REQUIRED *");
	return c;
}

static void a_code_outlives_the_connection_and_a_restart(void **state)
{
	char code[64];
	struct mailing m;
	struct simclient *c;

	(void)state;
	mail_begin(&m, "");
	c = awaiting(&m, "ann", "REGISTER * ann@example.org secret-1");
	mail_code(&m, 1, code);
	client_close(c);
	simserver_restart(m.s, NULL);
	c = hello(m.s, "other", "127.0.0.1", false);
	client_send(c, "VERIFY ann %s", code);
	client_expect(c, NAME "VERIFY SUCCESS ann *");
	client_expect(c, NAME "900 * ann :*");
	client_expect(c, NAME "001 other *");
	client_send(c, "ACCOUNT INFO");
	client_expect(c, "*ann@example.org (confirmed)");
	c = hello(m.s, "ann2", "127.0.0.1", false);
	client_send(c, "VERIFY ann %s", code);
	client_expect(c, NAME "FAIL VERIFY INVALID_CODE ann *");
	client_send(c, "REGISTER * ann@example.org secret-2");
	client_expect(c, NAME "FAIL REGISTER UNACCEPTABLE_EMAIL ann2 *");
	client_send(c, "REGISTER * * secret-2");
	client_expect(c, NAME "FAIL REGISTER INVALID_EMAIL ann2 *");
	mail_end(&m);
}

static void a_code_expires(void **state)
{
	char code[64];
	struct mailing m;
	struct simclient *c;

	(void)state;
	mail_begin(&m, ", code-expiry: 60s");
	c = awaiting(&m, "ann", "REGISTER * ann@example.org secret-1");
	mail_code(&m, 1, code);
	simnet_run(m.net, 61 * GW_SECOND);
	client_send(c, "VERIFY ann %s", code);
	client_expect(c, NAME "FAIL VERIFY INVALID_CODE ann *");
	/* and its name is free for others */
	c = awaiting(&m, "eve", "REGISTER ann eve@example.org secret-9");
	mail_code(&m, 2, code);
	client_send(c, "VERIFY ann %s", code);
	client_expect(c, NAME "VERIFY SUCCESS ann *");
	mail_end(&m);
}

static void the_tries_of_a_code_are_bounded(void **state)
{
	char code[64];
	struct mailing m;
	struct simclient *c;

	(void)state;
	mail_begin(&m, ", code-tries: 3");
	c = awaiting(&m, "ann", "REGISTER * ann@example.org secret-1");
	mail_code(&m, 1, code);
	for (int i = 0; i < 3; i++) {
		client_send(c, "VERIFY ann abcdefghijkm");
		client_expect(c, NAME "FAIL VERIFY INVALID_CODE ann *");
	}
	client_send(c, "VERIFY ann %s", code);
	client_expect(c, NAME "FAIL VERIFY INVALID_CODE ann *");
	mail_end(&m);
}

static void another_code_is_sent_to_who_knows_the_password_and_not_for_ever(void **state)
{
	char first[64], second[64];
	struct mailing m;
	struct simclient *c, *d;

	(void)state;
	mail_begin(&m, ", code-sends: 3");
	c = awaiting(&m, "ann", "REGISTER * ann@example.org secret-1");
	mail_code(&m, 1, first);
	d = hello(m.s, "eve", "127.0.0.1", false);
	client_send(d, "REGISTER ann eve@example.org guess-11");
	client_expect(d, NAME "FAIL REGISTER ACCOUNT_EXISTS ann *");
	client_send(d, "REGISTER ann ann@example.org secret-1");
	client_expect(d, NAME "REGISTER VERIFICATION_REQUIRED ann *");
	mail_code(&m, 2, second);
	client_send(c, "VERIFY ann %s", first);
	client_expect(c, NAME "FAIL VERIFY INVALID_CODE ann *");
	client_send(c, "REGISTER ann ann@example.org secret-1");
	client_expect(c, NAME "REGISTER VERIFICATION_REQUIRED ann *");
	client_send(c, "REGISTER ann ann@example.org secret-1");
	client_expect(c, NAME "FAIL REGISTER TEMPORARILY_UNAVAILABLE ann *");
	mail_code(&m, 3, second);
	client_send(d, "VERIFY ann %s", second);
	client_expect(d, NAME "VERIFY SUCCESS ann *");
	mail_end(&m);
}

static void the_wait_for_a_code_ends_and_the_code_still_works(void **state)
{
	char code[64];
	struct mailing m;
	struct simclient *c;

	(void)state;
	mail_begin(&m, ", registration-timeout: 30s");
	c = awaiting(&m, "ann", "REGISTER * ann@example.org secret-1");
	mail_code(&m, 1, code);
	simnet_run(m.net, 31 * GW_SECOND);
	client_expect(c, "* NOTICE ann :*still works*");
	client_send(c, "VERIFY ann %s", code);
	client_expect(c, NAME "VERIFY SUCCESS ann *");
	client_expect(c, NAME "001 ann *");
	mail_end(&m);
}

static void a_cancelled_registration_is_withdrawn(void **state)
{
	char code[64];
	struct mailing m;
	struct simclient *c;

	(void)state;
	mail_begin(&m, "");
	c = awaiting(&m, "ann", "REGISTER * ann@example.org secret-1");
	mail_code(&m, 1, code);
	client_send(c, "REGISTER CANCEL");
	client_expect(c, NAME "REGISTER CANCELLED *");
	client_send(c, "VERIFY ann %s", code);
	client_expect(c, NAME "FAIL VERIFY INVALID_CODE ann *");
	mail_end(&m);
}

static void a_mail_command_that_fails_is_told(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_CLOSED TALK_FREE
	                                    "account: {iterations: 4096, verify: email, "
	                                    "mail-command: [/nonexistent/sendmail]}\n");
	struct simclient *c = hello(s, "ann", "127.0.0.1", false);

	(void)state;
	client_send(c, "REGISTER * ann@example.org secret-1");
	client_expect(c, "* NOTICE ann :The code could not be sent to ann@example.org*");
	simnet_end(&net);
}

/* --- logging in --- */

static void pass_logs_in_and_refuses_alike(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_CLOSED TALK_FREE CHEAP);
	struct simclient *c;
	char *wrong, *unknown;

	(void)state;
	client_close(registered(s, "ann", "secret-1"));
	c = hello(s, "ann", "127.0.0.1", false);
	client_send(c, "PASS ann:wrong-11");
	wrong = client_take(c);
	client_send(c, "PASS nobody:wrong-11");
	unknown = client_take(c);
	assert_string_equal(wrong, unknown);
	assert_non_null(strstr(wrong, " 464 ann :"));
	client_send(c, "PASS nonsense");
	client_expect(c, NAME "464 ann *");
	client_send(c, "PASS ann:secret-1");
	client_expect(c, NAME "001 ann *");
	client_send(c, "PASS ann:secret-1");
	client_expect(c, NAME "462 ann *");
	free(wrong);
	free(unknown);
	simnet_end(&net);
}

static void plain_logs_in_before_and_after_001_and_changes_accounts(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_CLOSED TALK_FREE CHEAP);
	struct simclient *c;

	(void)state;
	client_close(registered(s, "ann", "secret-1"));
	client_close(registered(s, "bob", "secret-2"));
	c = simnet_client(s, "127.0.0.1", false);
	client_send(c, "CAP LS 302");
	client_expect(c, "* CAP ? LS :*sasl=SCRAM-SHA-256,PLAIN *");
	client_send(c, "CAP REQ :sasl\r\nNICK ann\r\nUSER ann 0 * :Ann");
	send_plain(c, "ann", "wrong-11");
	client_expect(c, NAME "904 ann :*");
	send_plain(c, "ann", "secret-1");
	client_expect(c, NAME "900 ann ann!ann@? ann :*");
	client_expect_next(c, NAME "903 ann :*");
	client_send(c, "CAP END");
	client_expect(c, NAME "001 ann *");
	send_plain(c, "bob", "secret-2");
	client_expect(c, NAME "900 ann *!*@* bob :*");
	client_expect(c, NAME "903 ann :*");
	client_send(c, "WHOIS ann");
	client_expect(c, NAME "330 ann ann bob :*");
	simnet_end(&net);
}

static void a_password_of_580_bytes_comes_in_chunks(void **state)
{
	char password[581], exact[296];
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_CLOSED TALK_FREE CHEAP);
	struct simclient *c = hello(s, "ann", "127.0.0.1", false);
	int status;

	(void)state;
	memset(password, 'p', 580);
	password[580] = '\0';
	memset(exact, 'e', 295); /* "\0bob\0" and this are 300 bytes, 400 of base64 */
	exact[295] = '\0';
	simserver_admin(s, &status, "account add ann %s", password);
	assert_int_equal(status, 0);
	simserver_admin(s, &status, "account add bob %s", exact);
	assert_int_equal(status, 0);
	send_plain(c, "ann", password);
	client_expect(c, NAME "903 ann :*");
	send_plain(c, "bob", exact);
	client_expect(c, NAME "903 ann :*");
	simnet_end(&net);
}

static void faults_of_the_exchange_have_their_numerics(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_CLOSED TALK_FREE CHEAP);
	struct simclient *c = hello(s, "ann", "127.0.0.1", false);
	char line[500];

	(void)state;
	client_send(c, "AUTHENTICATE");
	client_expect_next(c, NAME "461 *");
	client_send(c, "AUTHENTICATE *");
	client_expect_next(c, NAME "906 *");
	client_send(c, "AUTHENTICATE FROB");
	client_expect_next(c, NAME "908 ann SCRAM-SHA-256,PLAIN :*");
	client_expect_next(c, NAME "904 *");
	client_send(c, "AUTHENTICATE EXTERNAL");
	client_expect_next(c, NAME "908 *");
	client_expect_next(c, NAME "904 *");
	client_send(c, "AUTHENTICATE plain\r\nAUTHENTICATE *");
	client_expect_next(c, NAME "AUTHENTICATE +");
	client_expect_next(c, NAME "906 *");
	client_send(c, "AUTHENTICATE PLAIN\r\nAUTHENTICATE !!!!");
	client_expect_next(c, NAME "AUTHENTICATE +");
	client_expect_next(c, NAME "904 *");
	client_send(c, "AUTHENTICATE PLAIN\r\nAUTHENTICATE +");
	client_expect_next(c, NAME "AUTHENTICATE +");
	client_expect_next(c, NAME "904 *");
	memset(line, 'A', 401);
	line[401] = '\0';
	client_send(c, "AUTHENTICATE PLAIN\r\nAUTHENTICATE %s", line);
	client_expect_next(c, NAME "AUTHENTICATE +");
	client_expect_next(c, NAME "905 *");
	line[400] = '\0';
	client_send(c, "AUTHENTICATE PLAIN");
	client_expect_next(c, NAME "AUTHENTICATE +");
	for (int i = 0; i < 21; i++)
		client_send(c, "AUTHENTICATE %s", line);
	client_expect_next(c, NAME "905 *");
	client_send(c, "AUTHENTICATE SCRAM-SHA-256\r\nAUTHENTICATE biws");
	client_expect_next(c, NAME "AUTHENTICATE +");
	client_expect_next(c, NAME "904 ann :*e=invalid-encoding");
	simnet_end(&net);
}

static void scram_challenges_unknown_names_like_known_ones(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_CLOSED TALK_FREE CHEAP);
	struct simclient *c;
	char first[256], second[256];

	(void)state;
	c = hello(s, "ann", "127.0.0.1", false);
	client_send(c, "AUTHENTICATE SCRAM-SHA-256");
	send_base64(c, "n,,n=nobody,r=abc", 17);
	snprintf(first, sizeof(first), "%s", client_expect(c, NAME "AUTHENTICATE ?????*"));
	client_send(c, "AUTHENTICATE *");
	simserver_restart(s, NULL);
	c = hello(s, "ann", "127.0.0.1", false);
	client_send(c, "AUTHENTICATE SCRAM-SHA-256");
	send_base64(c, "n,,n=nobody,r=abc", 17);
	snprintf(second, sizeof(second), "%s", client_expect(c, NAME "AUTHENTICATE ?????*"));
	assert_int_equal(strlen(first), strlen(second));
	/* "r=" and 27 characters differ, "s=" and the salt do not: the last 32 characters of base64
	 */
	assert_string_equal(first + strlen(first) - 32, second + strlen(second) - 32);
	simnet_end(&net);
}

static void a_certificate_logs_in_the_account_that_lists_it(void **state)
{
	uint8_t certificate[32] = {1, 2, 3}, other[32] = {9};
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_CLOSED TALK_FREE CHEAP);
	struct simclient *c = registered(s, "ann", "secret-1"), *d;

	(void)state;
	client_send(c, "ACCOUNT CERTFP ADD");
	client_expect(c, NAME "FAIL ACCOUNT INVALID_FINGERPRINT :*");
	client_send(c, "ACCOUNT CERTFP ADD 12:34");
	client_expect(c, NAME "FAIL ACCOUNT INVALID_FINGERPRINT :*");
	client_send(c, "ACCOUNT CERTFP ADD "
	               "0102030000000000000000000000000000000000000000000000000000000000");
	client_expect(c, "*logs you in from now on.");
	d = simnet_client_with(s, "127.0.0.1", certificate);
	client_send(d, "CAP LS 302\r\nNICK d\r\nUSER d 0 * :D\r\nAUTHENTICATE EXTERNAL");
	client_expect(d, "* CAP ? LS :*sasl=SCRAM-SHA-256,PLAIN,EXTERNAL *");
	client_expect(d, "* AUTHENTICATE +");
	send_base64(d, "bob", 3);
	client_expect(d, NAME "904 *");
	client_send(d, "AUTHENTICATE EXTERNAL\r\nAUTHENTICATE +");
	client_expect(d, NAME "900 d d!d@? ann :*");
	client_send(d, "AUTHENTICATE EXTERNAL");
	client_expect(d, "* AUTHENTICATE +");
	send_base64(d, "Ann", 3);
	client_expect(d, NAME "900 d d!d@? ann :*");
	client_close(d);
	d = simnet_client_with(s, "127.0.0.1", other);
	client_send(d, "NICK d\r\nAUTHENTICATE EXTERNAL\r\nAUTHENTICATE +");
	client_expect(d, NAME "904 *");
	client_send(c, "ACCOUNT CERTFP DEL "
	               "0102030000000000000000000000000000000000000000000000000000000000\r\nACCOUNT"
	               " CERTFP LIST");
	client_expect(c, "*0 certificates*");
	d = simnet_client_with(s, "127.0.0.1", certificate);
	client_send(d, "NICK d\r\nAUTHENTICATE EXTERNAL\r\nAUTHENTICATE +");
	client_expect(d, NAME "904 *");
	simnet_end(&net);
}

static void a_changed_password_replaces_the_old_one(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_CLOSED TALK_FREE CHEAP);
	struct simclient *c = registered(s, "ann", "secret-1");
	int status;

	(void)state;
	client_send(c, "ACCOUNT PASSWORD wrong-11 secret-2");
	client_expect(c, NAME "FAIL ACCOUNT INVALID_PASSWORD :*");
	client_send(c, "ACCOUNT PASSWORD secret-1 abc");
	client_expect(c, NAME "FAIL ACCOUNT WEAK_PASSWORD :*");
	client_send(c, "ACCOUNT PASSWORD secret-1 secret-2");
	client_expect(c, "*Your password is changed.");
	client_send(c, "ACCOUNT EMAIL secret-2 a@b.example\r\nACCOUNT INFO");
	client_expect(c, "*a@b.example (not confirmed)");
	client_close(c);
	c = hello(s, "ann", "127.0.0.1", false);
	client_send(c, "PASS ann:secret-1");
	client_expect(c, NAME "464 *");
	client_send(c, "PASS ann:secret-2");
	client_expect(c, NAME "001 *");
	simserver_admin(s, &status, "account password ann secret-3");
	assert_int_equal(status, 0);
	send_plain(c, "ann", "secret-3");
	client_expect(c, NAME "903 *");
	simnet_end(&net);
}

static void argon2id_is_stored_where_scram_is_off(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s =
		simnet_server(net, TALK_CLOSED TALK_FREE
	                      "account: {scram: no, argon2-operations: 1, argon2-memory: 8k}\n");
	struct simclient *c;

	(void)state;
	client_close(registered(s, "ann", "secret-1"));
	c = hello(s, "ann", "127.0.0.1", false);
	client_send(c, "AUTHENTICATE SCRAM-SHA-256");
	client_expect(c, NAME "908 ann PLAIN :*");
	send_plain(c, "ann", "wrong-11");
	client_expect(c, NAME "904 *");
	send_plain(c, "nobody", "wrong-11");
	client_expect(c, NAME "904 *");
	send_plain(c, "ann", "secret-1");
	client_expect(c, NAME "903 *");
	simnet_end(&net);
}

static void a_login_takes_the_nick_back_from_the_ghost(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_OPEN TALK_FREE CHEAP);
	struct simclient *ghost = talk_enter(s, "ann", ""), *c;

	(void)state;
	client_send(ghost, "REGISTER * * secret-1");
	client_expect(ghost, NAME "900 *");
	c = talk_enter(s, "other", "");
	send_plain(c, "ann", "secret-1");
	client_expect(c, "* NICK *ann");
	client_expect_end(ghost);
	simnet_end(&net);
}

/* --- bounds --- */

static void plain_is_for_tls_and_the_loopback(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_CLOSED CHEAP);
	struct simclient *c = hello(s, "ann", OUTSIDE, false);

	(void)state;
	client_send(c, "AUTHENTICATE PLAIN");
	client_expect(c, NAME "908 ann SCRAM-SHA-256 :*");
	c = hello(s, "ann", OUTSIDE, true);
	client_send(c, "AUTHENTICATE PLAIN");
	client_expect(c, NAME "AUTHENTICATE +");
	simnet_end(&net);
}

static void attempts_of_an_address_are_bounded_and_come_back(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(
		net, TALK_CLOSED
		"account: {iterations: 4096, attempts: 3, attempts-window: 30s, failures: 100}\n");
	struct simclient *c = hello(s, "ann", OUTSIDE, true), *d;

	(void)state;
	for (int i = 0; i < 3; i++) {
		client_send(c, "PASS ann:wrong-11");
		client_expect(c, NAME "464 ann :*do not match*");
	}
	d = hello(s, "bob", OUTSIDE, true);
	client_send(d, "PASS ann:wrong-11");
	client_expect(d, NAME "464 bob :Too many attempts*");
	client_send(d, "REGISTER * * secret-1");
	client_expect(d, NAME "FAIL REGISTER TEMPORARILY_UNAVAILABLE bob :*");
	d = hello(s, "eve", "203.0.113.8", true);
	client_send(d, "PASS ann:wrong-11");
	client_expect(d, NAME "464 eve :*do not match*");
	simnet_run(net, 11 * GW_SECOND);
	client_send(c, "PASS ann:wrong-11");
	client_expect(c, NAME "464 ann :*do not match*");
	simnet_end(&net);
}

static void too_many_failures_end_a_connection(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s =
		simnet_server(net, TALK_CLOSED "account: {iterations: 4096, failures: 2}\n");
	struct simclient *c = hello(s, "ann", OUTSIDE, true);

	(void)state;
	client_send(c, "PASS ann:wrong-11");
	client_expect(c, NAME "464 *");
	client_send(c, "PASS ann:wrong-11");
	client_expect(c, "ERROR *Too many failed attempts*");
	client_expect_end(c);
	simnet_end(&net);
}

static void what_waits_for_hashing_is_bounded(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s;
	struct simclient *c[4];
	unsigned refused = 0;

	(void)state;
	simnet_faults(net)->work_min_ns = simnet_faults(net)->work_max_ns = GW_SECOND;
	s = simnet_server(net,
	                  TALK_CLOSED "account: {iterations: 4096, hashing: 1, hash-queue: 1}\n");
	for (int i = 0; i < 4; i++)
		c[i] = hello(s, (const char *const[]){"a1", "a2", "a3", "a4"}[i], OUTSIDE, true);
	simnet_run(net, 8 * GW_SECOND); /* what the server reads at its start */
	for (int i = 0; i < 4; i++)
		client_send(c[i], "PASS ann:wrong-11");
	simnet_run(net, 8 * GW_SECOND);
	for (int i = 0; i < 4; i++) {
		char *text = client_take(c[i]);

		assert_non_null(strstr(text, " 464 "));
		refused += strstr(text, "Too many people") != NULL;
		free(text);
	}
	assert_int_equal(refused, 2);
	simnet_end(&net);
}

/* --- the store --- */

static void a_full_store_is_told_and_leaves_nothing_half_written(void **state)
{
	struct simnet *net = simnet_new(1);
	char *yaml = fake_yaml("store_fake: {room: 24k}\n"), nick[16], *got;
	struct simserver *s = simnet_server(net, yaml);
	struct simclient *c = NULL;
	bool full = false;
	int n, status;

	(void)state;
	for (n = 0; n < 200 && !full; n++) {
		snprintf(nick, sizeof(nick), "user%d", n);
		c = hello(s, nick, "127.0.0.1", false);
		client_send(c, "REGISTER * * secret-1");
		got = client_take(c);
		full = strstr(got, "FAIL REGISTER TEMPORARILY_UNAVAILABLE") != NULL &&
		       strstr(got, "disk is full") != NULL;
		assert_true(full || strstr(got, "REGISTER SUCCESS") != NULL);
		free(got);
		if (!full)
			client_close(c);
	}
	assert_true(full && n > 1);
	client_send(c, "PASS user0:secret-1");
	client_expect(c, NAME "001 *");
	simserver_restart(s, NULL);
	simserver_admin(s, &status, "account info user%d", n - 1);
	assert_int_equal(status, -ENOENT);
	simserver_admin(s, &status, "account info user0");
	assert_int_equal(status, 0);
	free(yaml);
	simnet_end(&net);
}

#define CROWD 6

static bool was_told(struct simclient *c)
{
	const char *const *lines;
	size_t n = client_lines(c, &lines);

	for (size_t i = 0; i < n; i++)
		if (strstr(lines[i], "REGISTER SUCCESS") != NULL)
			return true;
	return false;
}

/* What is on the disk at this moment is all that a power cut leaves. */
static void cut_power(struct simserver *s)
{
	char *from = simserver_path(s, "state"), *to = simserver_path(s, "cut"), *command, *more,
	     *yaml;

	assert_true(asprintf(&command, "cp -r '%s' '%s'", from, to) > 0);
	assert_int_equal(system(command), 0);
	assert_true(asprintf(&more, "state-directory: %s\n", to) > 0);
	yaml = fake_yaml(more);
	simserver_restart(s, yaml);
	free(from);
	free(to);
	free(command);
	free(more);
	free(yaml);
}

static unsigned registered_until_the_power_is_cut(uint64_t seed)
{
	struct simnet *net = simnet_new(seed);
	char *yaml = fake_yaml(""), nick[16];
	struct simserver *s = simnet_server(net, yaml);
	struct simclient *c[CROWD];
	bool told[CROWD];
	unsigned n = 0;
	int status;

	for (int i = 0; i < CROWD; i++) {
		snprintf(nick, sizeof(nick), "user%d", i);
		c[i] = hello(s, nick, "127.0.0.1", false);
	}
	for (int i = 0; i < CROWD; i++)
		client_send(c[i], "REGISTER * * secret-1");
	simnet_run(net, (int64_t)(simnet_random(net) % 60) * GW_MS);
	for (int i = 0; i < CROWD; i++)
		told[i] = was_told(c[i]);
	cut_power(s);
	for (int i = 0; i < CROWD; i++) {
		n += told[i];
		simserver_admin(s, &status, "account info user%d", i);
		if (told[i] && status != 0)
			fail_msg("seed %llu: user%d was told and is gone", (unsigned long long)seed,
			         i);
	}
	free(yaml);
	simnet_end(&net);
	return n;
}

static void no_acknowledged_account_is_lost_in_a_power_cut(void **state)
{
	unsigned n = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 25; seed++)
		n += registered_until_the_power_is_cut(seed);
	assert_true(n > 0 && n < 25 * CROWD);
}

/* --- guests, services that are none, administrators --- */

static void guests_come_in_by_sasl_too_and_may_register_later(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_OPEN TALK_FREE CHEAP);
	struct simclient *c = simnet_client(s, "127.0.0.1", false);

	(void)state;
	client_send(c, "CAP LS 302\r\nNICK g\r\nUSER g 0 * :G\r\nAUTHENTICATE "
	               "ANONYMOUS\r\nAUTHENTICATE +");
	client_expect(c, "* CAP ? LS :*sasl=*ANONYMOUS*");
	client_expect(c, NAME "903 *");
	client_send(c, "CAP END");
	client_expect(c, NAME "001 g *");
	client_expect_none(c, "*ACCOUNTREQUIRED*");
	client_send(c, "REGISTER * * secret-1");
	client_expect(c, NAME "REGISTER SUCCESS g *");
	client_expect(c, NAME "900 g *");
	client_close(c);
	c = simnet_client(s, "127.0.0.1", false);
	client_send(c, "NICK G\r\nUSER g 0 * :G");
	client_expect(c, NAME "433 *");
	simnet_end(&net);
}

static void nickserv_says_what_to_type(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_OPEN TALK_FREE CHEAP);
	struct simclient *c = talk_enter(s, "ann", "");

	(void)state;
	client_send(c, "PRIVMSG nickserv :help");
	client_expect(c, "* NOTICE ann :/quote REGISTER * * <password>");
	client_send(c, "REGISTER * * secret-1\r\nPRIVMSG NickServ :identify x");
	client_expect(c, "* NOTICE ann :/quote ACCOUNT *");
	client_expect_none(c, "* 401 *");
	simnet_end(&net);
}

static void administrators_manage_accounts(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_CLOSED TALK_FREE CHEAP);
	int status;

	(void)state;
	simserver_admin(s, &status, "account add Ann secret-1");
	assert_int_equal(status, 0);
	simserver_admin(s, &status, "account add ann secret-2");
	assert_true(status != 0);
	simserver_admin(s, &status, "account add bob x");
	assert_true(status != 0);
	simserver_admin(s, &status, "account add 1bob secret-1");
	assert_true(status != 0);
	assert_non_null(strstr(simserver_admin(s, &status, "account list a*"), "Ann|"));
	assert_non_null(strstr(simserver_admin(s, &status, "account info ann"), "account|Ann\n"));
	simserver_admin(s, &status, "account drop ann");
	assert_int_equal(status, 0);
	assert_null(strstr(simserver_admin(s, &status, "account list"), "Ann|"));
	simserver_admin(s, &status, "account drop ann");
	assert_true(status != 0);
	assert_null(strstr(simserver_log(s), "secret-1"));
	simnet_end(&net);
}

static void reloads_in_the_middle_change_nothing(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s;
	struct simclient *c, *d;
	int status;

	(void)state;
	simnet_faults(net)->work_min_ns = simnet_faults(net)->work_max_ns = 100 * GW_MS;
	s = simnet_server(net, TALK_CLOSED TALK_FREE CHEAP);
	c = hello(s, "ann", "127.0.0.1", false);
	d = hello(s, "bob", "127.0.0.1", false);
	client_send(d, "AUTHENTICATE PLAIN");
	client_expect(d, "* AUTHENTICATE +");
	client_send(c, "REGISTER * * secret-1");
	simnet_run(net, 20 * GW_MS);
	simserver_admin(s, &status, "module reload account");
	assert_int_equal(status, 0);
	client_expect(c, NAME "001 ann *");
	send_base64(d, "\0ann\0secret-1", 13);
	simnet_run(net, 20 * GW_MS);
	simserver_admin(s, &status, "module reload account");
	assert_int_equal(status, 0);
	client_expect(d, NAME "903 *");
	simnet_end(&net);
}

/* Whoever waits for an answer goes on without one, and gets 421 for what nobody knows any more. */
static void unloading_in_the_middle_holds_nobody(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s;
	struct simclient *c, *d;
	int status;

	(void)state;
	simnet_faults(net)->work_min_ns = simnet_faults(net)->work_max_ns = 100 * GW_MS;
	s = simnet_server(net, TALK_CLOSED TALK_FREE CHEAP);
	c = hello(s, "ann", "127.0.0.1", false);
	d = hello(s, "bob", "127.0.0.1", false);
	client_send(c, "REGISTER * * secret-1\r\nPING on");
	client_send(d, "AUTHENTICATE SCRAM-SHA-256");
	simnet_run(net, 20 * GW_MS);
	simserver_admin(s, &status, "module unload account");
	assert_int_equal(status, 0);
	client_expect(c, NAME "PONG * :on");
	client_send(c, "REGISTER * * secret-1");
	client_expect(c, NAME "421 ann REGISTER *");
	simserver_admin(s, &status, "module load account");
	assert_int_equal(status, 0);
	client_send(c, "REGISTER * * secret-1");
	client_expect(c, NAME "001 ann *");
	simnet_end(&net);
}

static void options_that_make_no_sense_are_refused(void **state)
{
	static const char *const bad[] = {"verify: maybe", "mail-from: nonsense",
	                                  "password-min: 20, password-max: 10", "iterations: 1",
	                                  "mail-command: []"};
	struct simnet *net = simnet_new(1);
	struct gw_error err;
	char yaml[512];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(yaml, sizeof(yaml), TALK_CLOSED "account: {%s}\n", bad[i]);
		memset(&err, 0, sizeof(err));
		if (simnet_try_server(net, yaml, &err) != NULL || err.text[0] == '\0')
			fail_msg("{%s} was taken", bad[i]);
	}
	simnet_end(&net);
}

static void registration_can_be_closed_and_opened_by_a_rehash(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_CLOSED TALK_FREE
	                                    "account: {iterations: 4096, registration: no}\n");
	struct simclient *c = hello(s, "ann", "127.0.0.1", false);
	int status;

	(void)state;
	client_send(c, "REGISTER * * secret-1");
	client_expect(c, NAME "FAIL REGISTER TEMPORARILY_UNAVAILABLE ann *");
	simserver_config(s, TALK_CLOSED TALK_FREE CHEAP);
	simserver_admin(s, &status, "rehash");
	assert_int_equal(status, 0);
	client_send(c, "REGISTER * * secret-1");
	client_expect(c, NAME "001 ann *");
	simnet_end(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registering_by_hand_goes_on_to_001),
		cmocka_unit_test(each_fault_of_register_has_its_code),
		cmocka_unit_test(a_dropped_name_is_free_again_and_its_sessions_are_logged_out),
		cmocka_unit_test(a_code_outlives_the_connection_and_a_restart),
		cmocka_unit_test(a_code_expires),
		cmocka_unit_test(the_tries_of_a_code_are_bounded),
		cmocka_unit_test(another_code_is_sent_to_who_knows_the_password_and_not_for_ever),
		cmocka_unit_test(the_wait_for_a_code_ends_and_the_code_still_works),
		cmocka_unit_test(a_cancelled_registration_is_withdrawn),
		cmocka_unit_test(a_mail_command_that_fails_is_told),
		cmocka_unit_test(pass_logs_in_and_refuses_alike),
		cmocka_unit_test(plain_logs_in_before_and_after_001_and_changes_accounts),
		cmocka_unit_test(a_password_of_580_bytes_comes_in_chunks),
		cmocka_unit_test(faults_of_the_exchange_have_their_numerics),
		cmocka_unit_test(scram_challenges_unknown_names_like_known_ones),
		cmocka_unit_test(a_certificate_logs_in_the_account_that_lists_it),
		cmocka_unit_test(a_changed_password_replaces_the_old_one),
		cmocka_unit_test(argon2id_is_stored_where_scram_is_off),
		cmocka_unit_test(a_login_takes_the_nick_back_from_the_ghost),
		cmocka_unit_test(plain_is_for_tls_and_the_loopback),
		cmocka_unit_test(attempts_of_an_address_are_bounded_and_come_back),
		cmocka_unit_test(too_many_failures_end_a_connection),
		cmocka_unit_test(what_waits_for_hashing_is_bounded),
		cmocka_unit_test(a_full_store_is_told_and_leaves_nothing_half_written),
		cmocka_unit_test(no_acknowledged_account_is_lost_in_a_power_cut),
		cmocka_unit_test(guests_come_in_by_sasl_too_and_may_register_later),
		cmocka_unit_test(nickserv_says_what_to_type),
		cmocka_unit_test(administrators_manage_accounts),
		cmocka_unit_test(reloads_in_the_middle_change_nothing),
		cmocka_unit_test(unloading_in_the_middle_holds_nobody),
		cmocka_unit_test(options_that_make_no_sense_are_refused),
		cmocka_unit_test(registration_can_be_closed_and_opened_by_a_rehash),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
