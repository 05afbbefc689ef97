/*
 * The client's side of a move (modules/agent/mover.c): the examples of doc/redirect.md and the rows
 * of its tables, as scripts in the notation of that page. What the mover does must be what the
 * script says, nothing more, in that order.
 */
#include "modules/agent/mover.h"
#include "tests/unit/cmocka.h"
#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>

enum { LOG_MAX = 64, TEXT_MAX = 4096, SECOND = 1000000000 };

#define ID "AAECAwQFBgcICQoLDA0ODw"
#define OTHER_ID "EBESExQVFhcYGRobHB0eHw"
#define TOKEN "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8"
#define PRINT "a71aece2eb62584d7ea5a1012923adbeb001d7cd8981348ff4fe1b2d95130300"
#define PROOF "2HLdJPA1apdx8z4DvVRu5968ft69gHyvKocx0hX2mzs"
#define REQUEST_OF(id) "O< :one REDIRECT REQUEST " id " two 6697 " PRINT " " TOKEN "\n"
#define CONNECT "* connect to two 6697 with TLS\n"
#define DIALLING REQUEST_OF(ID) CONNECT
#define HANDOVER "* new is up\nN> REDIRECT HANDOVER " ID " " PROOF "\n"
#define OFFERED DIALLING HANDOVER
#define SYNC "O< :one REDIRECT SYNC " ID "\n"
#define HOLDING OFFERED SYNC "O> REDIRECT SYNCED " ID "\n"
#define CANCEL "O< :one REDIRECT CANCEL " ID " :away\n"
#define TALK "O< :a PRIVMSG c :1\nU< :a PRIVMSG c :1\nU> PRIVMSG a :2\nO> PRIVMSG a :2\n"

/* One client that follows a script; O is slot 0 and N slot 1 throughout. */
struct stage {
	struct mover mover;
	char *log[LOG_MAX];
	size_t logged, checked;
	uint8_t fingerprint[MOVER_SECRET]; /* that was asked for */
	bool tls;
	int64_t now_ns;
};

__attribute__((format(printf, 2, 3))) static void note(struct stage *s, const char *format, ...)
{
	va_list args;

	assert_true(s->logged < LOG_MAX);
	va_start(args, format);
	assert_true(vasprintf(&s->log[s->logged++], format, args) >= 0);
	va_end(args);
}

static void on_dial(void *driver, int slot, const char *host, uint16_t port,
                    const uint8_t *fingerprint)
{
	struct stage *s = driver;

	assert_int_equal(slot, !s->mover.home);
	s->tls = fingerprint != NULL;
	if (s->tls)
		memcpy(s->fingerprint, fingerprint, MOVER_SECRET);
	note(s, "* connect to %s %u with%s TLS", host, port, s->tls ? "" : "out");
}

static void on_send(void *driver, int slot, const char *line)
{
	note(driver, "%c> %s", "ON"[slot], line);
}

static void on_close(void *driver, int slot)
{
	note(driver, "* close %s", slot == 0 ? "old" : "new");
}

static void on_resume(void *driver, int slot)
{
	struct stage *s = driver;

	assert_int_equal(slot, s->mover.home);
}

static void on_deliver(void *driver, const char *line)
{
	note(driver, "U< %s", line);
}

static void on_moved(void *driver)
{
	note(driver, "* moved");
}

static void on_lost(void *driver, const char *reason)
{
	assert_true(*reason != '\0');
	note(driver, "* disconnected");
}

static const struct mover_actions actions = {.dial = on_dial,
                                             .send = on_send,
                                             .close = on_close,
                                             .resume = on_resume,
                                             .deliver = on_deliver,
                                             .moved = on_moved,
                                             .lost = on_lost};

static const uint8_t *some_binding(uint8_t out[MOVER_SECRET])
{
	for (int i = 0; i < MOVER_SECRET; i++)
		out[i] = 0x40 + i;
	return out;
}

static void begin(struct stage *s, bool tls, struct mover_settings settings)
{
	uint8_t binding[MOVER_SECRET];

	memset(s, 0, sizeof *s);
	settings.actions = &actions;
	settings.driver = s;
	s->now_ns = 5 * (int64_t)SECOND;
	mover_init(&s->mover, &settings, s->now_ns);
	mover_connected(&s->mover, 0, tls ? some_binding(binding) : NULL, NULL);
}

static void new_is_up(struct stage *s, bool right_certificate)
{
	uint8_t binding[MOVER_SECRET], fingerprint[MOVER_SECRET];

	memcpy(fingerprint, s->fingerprint, MOVER_SECRET);
	if (!right_certificate)
		fingerprint[31] ^= 1;
	mover_connected(&s->mover, 1, s->tls ? some_binding(binding) : NULL,
	                s->tls ? fingerprint : NULL);
}

static void pass(struct stage *s, int64_t ns)
{
	s->now_ns += ns;
	mover_tick(&s->mover, s->now_ns);
}

/** Does what a line of the script says has happened; false if it says what must be done. */
static bool happens(struct stage *s, const char *line)
{
	double seconds;

	if (strncmp(line, "O< ", 3) == 0)
		mover_line(&s->mover, 0, line + 3);
	else if (strncmp(line, "N< ", 3) == 0)
		mover_line(&s->mover, 1, line + 3);
	else if (strncmp(line, "U> ", 3) == 0)
		assert_int_equal(mover_say(&s->mover, line + 3), 0);
	else if (strcmp(line, "* new is up") == 0)
		new_is_up(s, true);
	else if (strcmp(line, "* new is up with another certificate") == 0)
		new_is_up(s, false);
	else if (strcmp(line, "* old has ended") == 0)
		mover_closed(&s->mover, 0);
	else if (strcmp(line, "* new has ended") == 0)
		mover_closed(&s->mover, 1);
	else if (strcmp(line, "* the user says no") == 0)
		mover_give_up(&s->mover, "Not now");
	else if (sscanf(line, "* %lf s pass", &seconds) == 1)
		pass(s, seconds * SECOND);
	else
		return false;
	return true;
}

static void nothing_else_was_done(const struct stage *s, const char *line)
{
	if (s->checked < s->logged)
		fail_msg("before \"%s\" the client did \"%s\"", line, s->log[s->checked]);
}

static void check(struct stage *s, const char *line)
{
	if (s->checked == s->logged)
		fail_msg("the client did not do \"%s\"", line);
	assert_string_equal(s->log[s->checked], line);
	s->checked++;
}

/** What the client does, rather than what happens to it. */
static bool is_done(const char *line)
{
	static const char *const kinds[] = {"O> ",      "N> ",     "U< ",           "* connect ",
	                                    "* close ", "* moved", "* disconnected"};

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (strncmp(line, kinds[i], strlen(kinds[i])) == 0)
			return true;
	return false;
}

static void follow(struct stage *s, const char *script)
{
	char *copy = strdup(script), *rest = copy, *line;

	while ((line = strsep(&rest, "\n")) != NULL) {
		if (*line == '\0')
			continue;
		if (is_done(line)) {
			check(s, line);
			continue;
		}
		nothing_else_was_done(s, line);
		if (!happens(s, line))
			fail_msg("what is \"%s\"?", line);
	}
	nothing_else_was_done(s, "the end");
	free(copy);
}

static void end(struct stage *s)
{
	for (size_t i = 0; i < s->logged; i++)
		free(s->log[i]);
	mover_fini(&s->mover);
}

static void play_as(bool tls, struct mover_settings settings, const char *script)
{
	struct stage s;

	begin(&s, tls, settings);
	follow(&s, script);
	end(&s);
}

static void play(const char *script)
{
	play_as(true, (struct mover_settings){0}, script);
}

/* The page */

static char *the_page(void)
{
	const char *source = getenv("GODWIT_SRC");
	char path[TEXT_MAX], *text = calloc(1, 1 << 16);
	FILE *file;

	snprintf(path, sizeof path, "%s/doc/redirect.md", source != NULL ? source : ".");
	file = fopen(path, "r");
	assert_non_null(file);
	assert_true(fread(text, 1, (1 << 16) - 1, file) > 0);
	fclose(file);
	return text;
}

static void the_examples_of_the_page(void **state)
{
	char *page = the_page(), *at = page, *stop;
	int count = 0;

	(void)state;
	while ((at = strstr(at, "\n```redirect")) != NULL) {
		bool plain = strncmp(at + 12, " plain", 6) == 0;

		at = strchr(at + 1, '\n') + 1;
		stop = strstr(at, "```\n");
		assert_non_null(stop);
		*stop = '\0';
		play_as(!plain, (struct mover_settings){0}, at);
		at = stop + 1;
		count++;
	}
	assert_true(count >= 5);
	free(page);
}

static void value(char out[128], const char *page, const char *name)
{
	char label[32];
	const char *at = strstr(page, "\n```vector");

	assert_non_null(at);
	snprintf(label, sizeof label, "\n%s ", name);
	at = strstr(at, label);
	assert_non_null(at);
	assert_int_equal(sscanf(at, "%*s = %127s", out), 1);
}

static void the_vector_of_the_page(void **state)
{
	char *page = the_page(), id[128], text[128], proof[MOVER_SECRET_TEXT + 1];
	uint8_t token[MOVER_SECRET], binding[MOVER_SECRET];

	(void)state;
	value(id, page, "id");
	value(text, page, "token");
	assert_int_equal(sodium_base642bin(token, sizeof token, text, strlen(text), NULL, NULL,
	                                   NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING),
	                 0);
	value(text, page, "binding");
	assert_int_equal(
		sodium_hex2bin(binding, sizeof binding, text, strlen(text), NULL, NULL, NULL), 0);
	mover_proof(proof, id, token, binding);
	value(text, page, "proof");
	assert_string_equal(proof, text);
	mover_proof(proof, id, token, NULL);
	value(text, page, "proof-plain");
	assert_string_equal(proof, text);
	free(page);
}

/* The rows of the tables */

static void lines_that_are_nobodys_business(void **state)
{
	(void)state;
	play(TALK "O< PING :x\nU< PING :x\n"
	          "O< :one FAIL REDIRECT DENIED :no\nU< :one FAIL REDIRECT DENIED :no\n"
	          "O< :a!a@a PRIVMSG c :REDIRECT SYNC " ID "\n"
	          "U< :a!a@a PRIVMSG c :REDIRECT SYNC " ID "\n"
	          "U> REDIRECT MOVE two\nO> REDIRECT MOVE two\n"
	          "* 1000 s pass\n");
}

static void not_willing(void **state)
{
	(void)state;
	play_as(true, (struct mover_settings){.policy = MOVER_REFUSE},
	        REQUEST_OF(ID) "O> REDIRECT REFUSE " ID " :No, thank you\n" TALK SYNC CANCEL TALK);
	play_as(true, (struct mover_settings){.policy = MOVER_IGNORE},
	        REQUEST_OF(ID) TALK SYNC CANCEL "* 100 s pass\n" TALK);
}

static void the_new_connection_fails(void **state)
{
	(void)state;
	play(DIALLING TALK "* new has ended\n"
	                   "O> REDIRECT REFUSE " ID
	                   " :The new connection did not come about\n" TALK CANCEL TALK);
	play(OFFERED TALK "* new has ended\n"
	                  "O> REDIRECT REFUSE " ID
	                  " :The new connection was closed\n" TALK SYNC TALK);
}

static void another_certificate(void **state)
{
	(void)state;
	play(DIALLING "* new is up with another certificate\n"
	              "* close new\n"
	              "O> REDIRECT REFUSE " ID " :The certificate is another one\n" TALK);
}

static void no_way_from_tls_to_plain(void **state)
{
	(void)state;
	play("O< :one REDIRECT REQUEST " ID " two 6667 - " TOKEN "\n"
	     "O> REDIRECT REFUSE " ID " :Not without TLS\n" TALK);
	play_as(false, (struct mover_settings){0}, DIALLING HANDOVER TALK);
}

static void the_timer(void **state)
{
	(void)state;
	play(DIALLING "* 9.9 s pass\n* 0.1 s pass\n* close new\nO> REDIRECT REFUSE " ID
	              " :Too late\n" TALK SYNC);
	play(OFFERED "* 10 s pass\n* close new\nO> REDIRECT REFUSE " ID " :Too late\n" SYNC TALK);
	play(HOLDING "* 1000 s pass\n* old has ended\nN> REDIRECT SWAP " ID "\n* moved\n"
	             "* 1000 s pass\n");
	play_as(true, (struct mover_settings){.timeout_ns = SECOND},
	        OFFERED "* 1 s pass\n* close new\nO> REDIRECT REFUSE " ID " :Too late\n");
}

static void the_user_says_no(void **state)
{
	(void)state;
	play("* the user says no\n" TALK DIALLING "* the user says no\n* close new\n"
	     "O> REDIRECT REFUSE " ID " :Not now\n" SYNC TALK);
	play(HOLDING "* the user says no\n");
}

static void the_server_cancels(void **state)
{
	(void)state;
	play(DIALLING CANCEL "* close new\n" TALK "* 20 s pass\n");
	play(OFFERED CANCEL "* close new\n" TALK SYNC);
	play(HOLDING "U> A\nU> B\n" CANCEL "* close new\nO> A\nO> B\n" TALK CANCEL TALK);
	play(HOLDING "O< :one REDIRECT CANCEL " OTHER_ID " :x\nU> A\n" CANCEL
	             "* close new\nO> A\n");
}

static void what_came_on_the_new_one_goes_with_it(void **state)
{
	(void)state;
	play(HOLDING "N< :a PRIVMSG c :early\n" CANCEL "* close new\n" TALK
	             "O< :one REDIRECT REQUEST " OTHER_ID " two 6697 " PRINT " " TOKEN "\n" CONNECT
	             "* new has ended\nO> REDIRECT REFUSE " OTHER_ID
	             " :The new connection did not come about\n");
}

static void after_synced(void **state)
{
	(void)state;
	play(HOLDING "U> A\nN< :a PRIVMSG c :early\nO< :a PRIVMSG c :late\nU< :a PRIVMSG c :late\n"
	             "* old has ended\nN> REDIRECT SWAP " ID "\nN> A\n* moved\n"
	             "U< :a PRIVMSG c :early\nU> B\nN> B\nN< C\nU< C\n* new has ended\n"
	             "* disconnected\n");
	play(HOLDING "* new has ended\nU> A\n" CANCEL "O> A\n" TALK);
	play(HOLDING "* new has ended\nU> A\n* old has ended\n* disconnected\n");
	play(HOLDING "N< C\n* new has ended\n* old has ended\nU< C\n* disconnected\n");
	play(HOLDING "U> A\nN< C\nN< REDIRECT CANCEL " ID " :x\n* new has ended\n"
	             "* old has ended\nU< C\n* disconnected\n");
	play(HOLDING SYNC REQUEST_OF(OTHER_ID) CANCEL "* close new\n");
}

static void ordinary_disconnects(void **state)
{
	(void)state;
	play("* old has ended\n* disconnected\nO< x\n* 20 s pass\n");
	play(DIALLING
	     "* old has ended\n* close new\n* disconnected\n* new is up\n* new has ended\n");
	play(OFFERED "* old has ended\n* close new\n* disconnected\n");
}

static void the_last_request_counts(void **state)
{
	(void)state;
	play(OFFERED REQUEST_OF(OTHER_ID) "* close new\n" CONNECT SYNC CANCEL
	                                  "O< :one REDIRECT CANCEL " OTHER_ID " :x\n"
	                                  "* close new\n" TALK);
}

static void move_after_move(void **state)
{
	struct stage s;

	(void)state;
	begin(&s, true, (struct mover_settings){0});
	for (int i = 0; i < 4; i++) {
		follow(&s, i % 2 == 0 ? HOLDING "* old has ended\nN> REDIRECT SWAP " ID
		                                "\n* moved\n"
		                      : "");
		if (i % 2 == 0)
			continue;
		/* back again: the other way round */
		mover_line(&s.mover, 1,
		           ":two REDIRECT REQUEST " OTHER_ID " one 1 " PRINT " " TOKEN);
		mover_connected(&s.mover, 0, s.fingerprint, s.fingerprint);
		mover_line(&s.mover, 1, ":two REDIRECT SYNC " OTHER_ID);
		mover_closed(&s.mover, 1);
		assert_int_equal(s.mover.home, 0);
		assert_string_equal(s.log[s.logged - 2], "O> REDIRECT SWAP " OTHER_ID);
		s.checked = s.logged;
	}
	assert_int_equal(s.mover.counts.moved, 4);
	end(&s);
}

static void a_request_waits_on_the_new_connection(void **state)
{
	(void)state;
	play(HOLDING "N< A\nN< @time=1 :two REDIRECT REQUEST " OTHER_ID " 0::1 6697 " PRINT
	             " " TOKEN "\nN< B\n* old has ended\nN> REDIRECT SWAP " ID "\n* moved\nU< A\n"
	             "* connect to 0::1 6697 with TLS\nU< B\n");
}

static void malformed(void **state)
{
	static const char *const lines[] = {
		"REDIRECT ",
		"REDIRECT SYNC",
		"REDIRECT SYNC :",
		"REDIRECT REQUEST",
		"REDIRECT DANCE " ID,
		"REDIRECT REQUEST AAECAwQFBgcICQoLDA0OD two 6697 " PRINT " " TOKEN,
		"REDIRECT REQUEST AAECAwQFBgcICQoLDA0OD+ two 6697 " PRINT " " TOKEN,
		"REDIRECT REQUEST AAECAwQFBgcICQoLDA0ODx two 6697 " PRINT " " TOKEN,
		"REDIRECT REQUEST " ID "A two 6697 " PRINT " " TOKEN,
	};
	static const char *const requests[] = {
		"two 6697 " PRINT,         "two 6697 " PRINT " " TOKEN " more",
		"two 0 " PRINT " " TOKEN,  "two 65536 " PRINT " " TOKEN,
		"two -1 " PRINT " " TOKEN, "two 1x " PRINT " " TOKEN,
		"two 1 " PRINT "0 " TOKEN, "two 1 A" PRINT " " TOKEN,
		"two 1 + " TOKEN,          "two 1 " PRINT " " TOKEN "A",
		"two 1 " PRINT " " ID,
	};
	char line[512];
	struct stage s;

	(void)state;
	begin(&s, true, (struct mover_settings){0});
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		mover_line(&s.mover, 0, lines[i]);
	assert_int_equal(s.mover.counts.malformed, sizeof lines / sizeof lines[0]);
	assert_int_equal(s.logged, 0);
	for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
		snprintf(line, sizeof line, ":one REDIRECT REQUEST " ID " %s", requests[i]);
		mover_line(&s.mover, 0, line);
		check(&s, "O> REDIRECT REFUSE " ID " :The request cannot be read");
	}
	assert_int_equal(s.mover.counts.requests, 0);
	assert_int_equal(s.mover.state, MOVER_HOME);
	end(&s);
}

static void lines_of_any_length(void **state)
{
	char *line = malloc(20000);
	struct stage s;

	(void)state;
	begin(&s, true, (struct mover_settings){0});
	memset(line, 'x', 19999);
	line[19999] = '\0';
	memcpy(line, "REDIRECT SYNC ", 14);
	mover_line(&s.mover, 0, line);
	assert_int_equal(s.mover.counts.malformed, 1);
	memcpy(line, "@REDIRECT SYNC", 14);
	mover_line(&s.mover, 0, line);
	assert_int_equal(s.logged, 1);
	end(&s);
	free(line);
}

static void held_lines_are_bounded(void **state)
{
	struct stage s;

	(void)state;
	begin(&s, true, (struct mover_settings){.held_max = 8});
	follow(&s, HOLDING);
	assert_int_equal(mover_say(&s.mover, "123"), 0);
	assert_int_equal(mover_say(&s.mover, "45678"), -ENOBUFS);
	assert_int_equal(mover_say(&s.mover, "456"), 0);
	follow(&s, CANCEL "* close new\nO> 123\nO> 456\n");
	end(&s);

	begin(&s, true, (struct mover_settings){.held_max = 8});
	follow(&s, OFFERED "N< 12345678\n* close new\n"
	                   "O> REDIRECT REFUSE " ID " :The new connection was closed\n");
	end(&s);
}

static void nothing_after_the_end(void **state)
{
	struct stage s;

	(void)state;
	begin(&s, true, (struct mover_settings){0});
	follow(&s, "* old has ended\n* disconnected\n");
	assert_int_equal(mover_say(&s.mover, "x"), -ENOTCONN);
	mover_closed(&s.mover, 0);
	mover_line(&s.mover, 0, "x");
	assert_int_equal(s.logged, 1);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vector_of_the_page),
		cmocka_unit_test(the_examples_of_the_page),
		cmocka_unit_test(lines_that_are_nobodys_business),
		cmocka_unit_test(not_willing),
		cmocka_unit_test(the_new_connection_fails),
		cmocka_unit_test(another_certificate),
		cmocka_unit_test(no_way_from_tls_to_plain),
		cmocka_unit_test(the_timer),
		cmocka_unit_test(the_user_says_no),
		cmocka_unit_test(the_server_cancels),
		cmocka_unit_test(what_came_on_the_new_one_goes_with_it),
		cmocka_unit_test(after_synced),
		cmocka_unit_test(ordinary_disconnects),
		cmocka_unit_test(the_last_request_counts),
		cmocka_unit_test(move_after_move),
		cmocka_unit_test(a_request_waits_on_the_new_connection),
		cmocka_unit_test(malformed),
		cmocka_unit_test(lines_of_any_length),
		cmocka_unit_test(held_lines_are_bounded),
		cmocka_unit_test(nothing_after_the_end),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests_name("mover", tests, NULL, NULL);
}
