/*
 * modules/agent/login.c - what is needed to log in again: PASS and SASL PLAIN, noted as they pass.
 *
 * Nothing is believed before the server has accepted it. The latest login counts: after one that
 * cannot be repeated (SCRAM, a certificate) an earlier password is forgotten, since it may be
 * another account's.
 */
#include "login.h"
#include "agent.h"

#include <godwit/mem.h>
#include <sodium.h>
#include <stdio.h>
#include <strings.h>

enum mechanism { SASL_NONE, SASL_PLAIN, SASL_OTHER };

static void wipe(struct session *s, char **text)
{
	if (*text != NULL)
		sodium_memzero(*text, strlen(*text));
	gw_free(s->agent->self, *text);
	*text = NULL;
}

static void replace(struct session *s, char **place, char *text)
{
	wipe(s, place);
	*place = text;
}

static struct login *login_of(struct session *s)
{
	if (s->login == NULL)
		s->login = gw_alloc(s->agent->self, sizeof(*s->login));
	return s->login;
}

static void drop_response(struct session *s, struct login *login)
{
	wipe(s, &login->said.plain);
	login->said.plain_len = 0;
	login->said.whole = false;
}

static void drop_exchange(struct session *s, struct login *login)
{
	drop_response(s, login);
	login->said.mechanism = SASL_NONE;
}

void login_forget(struct session *s)
{
	struct login *login = s->login;

	if (login == NULL)
		return;
	wipe(s, &login->pass);
	wipe(s, &login->plain);
	wipe(s, &login->said.pass);
	drop_exchange(s, login);
	login->way = LOGIN_OTHER;
}

void login_free(struct session *s)
{
	login_forget(s);
	gw_free(s->agent->self, s->login);
	s->login = NULL;
}

void login_interrupted(struct session *s)
{
	if (s->login != NULL)
		drop_exchange(s, s->login);
}

bool login_seen(const struct session *s)
{
	return s->track.account != NULL || (s->login != NULL && s->login->way != LOGIN_UNKNOWN);
}

/* --- what the client says --- */

static void said_pass(struct session *s, const char *parameters)
{
	if (s->track.registered || strlen(parameters) > LOGIN_TEXT_MAX)
		return;
	replace(s, &login_of(s)->said.pass, gw_strdup(s->agent->self, parameters));
}

static void begin(struct session *s, const char *mechanism)
{
	struct login *login = login_of(s);

	drop_exchange(s, login);
	login->said.mechanism = strcasecmp(mechanism, "PLAIN") == 0 ? SASL_PLAIN : SASL_OTHER;
}

/** A part of the response: 400 bytes say that there are more. */
static void add_chunk(struct session *s, struct login *login, const char *chunk)
{
	size_t len = strcmp(chunk, "+") == 0 ? 0 : strlen(chunk);
	char *whole;

	if (login->said.whole || login->said.plain_len + len > LOGIN_TEXT_MAX) {
		drop_response(s, login);
		login->said.mechanism = SASL_OTHER;
		return;
	}
	whole = gw_alloc(s->agent->self, login->said.plain_len + len + 1);
	if (login->said.plain != NULL)
		memcpy(whole, login->said.plain, login->said.plain_len);
	memcpy(whole + login->said.plain_len, chunk, len);
	replace(s, &login->said.plain, whole);
	login->said.plain_len += len;
	login->said.whole = len < LOGIN_CHUNK;
}

static void said_authenticate(struct session *s, const char *word)
{
	struct login *login = login_of(s);

	if (strcmp(word, "*") == 0)
		drop_exchange(s, login);
	else if (login->said.mechanism == SASL_NONE)
		begin(s, word);
	else if (login->said.mechanism == SASL_PLAIN)
		add_chunk(s, login, word);
}

/** What is behind the verb, without the colon of a last parameter. */
static const char *behind_verb(const char *line)
{
	if (*line == '@')
		line += strcspn(line, " ");
	line += strspn(line, " ");
	line += strcspn(line, " ");
	line += strspn(line, " ");
	return line;
}

void login_client_line(struct session *s, const char *line)
{
	const char *rest;

	if (ircline_is(line, "PASS")) {
		said_pass(s, behind_verb(line));
	} else if (ircline_is(line, "AUTHENTICATE")) {
		rest = behind_verb(line);
		said_authenticate(s, rest + (*rest == ':'));
	}
}

/* --- what the server answers --- */

static void accept_pass(struct session *s, struct login *login)
{
	if (login->said.pass == NULL)
		return;
	replace(s, &login->pass, login->said.pass);
	login->said.pass = NULL;
	login->over_tls = s->mover.tls;
	if (login->way == LOGIN_UNKNOWN)
		login->way = LOGIN_KEPT;
}

/** 900 and 903, whichever comes first: the exchange under way has succeeded. */
static void accepted(struct session *s, struct login *login)
{
	if (login->said.mechanism == SASL_PLAIN && login->said.whole) {
		replace(s, &login->plain, login->said.plain);
		login->said.plain = NULL;
		login->way = LOGIN_KEPT;
		login->over_tls = s->mover.tls;
	} else if (login->said.mechanism == SASL_OTHER) {
		wipe(s, &login->plain);
		login->way = LOGIN_OTHER;
	}
	drop_exchange(s, login);
}

static void refused(struct session *s, struct login *login)
{
	drop_exchange(s, login);
}

static void wrong_password(struct session *s, struct login *login)
{
	wipe(s, &login->said.pass);
}

/** 901: whatever it was, it is over. */
static void logged_out(struct session *s, struct login *login)
{
	wipe(s, &login->plain);
	login->way = login->pass != NULL ? LOGIN_KEPT : LOGIN_UNKNOWN;
}

static const struct answer {
	const char *verb;
	void (*fn)(struct session *s, struct login *login);
} answers[] = {
	{"001", accept_pass}, {"464", wrong_password}, {"900", accepted},
	{"901", logged_out},  {"902", refused},        {"903", accepted},
	{"904", refused},     {"905", refused},        {"906", refused},
};

void login_server_line(struct session *s, const char *line)
{
	if (s->login == NULL)
		return;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		if (ircline_is(line, answers[i].verb))
			answers[i].fn(s, s->login);
}

/* --- to log in again --- */

static char *copy(struct session *s, const char *text)
{
	return text == NULL ? NULL : gw_strdup(s->agent->self, text);
}

/** "\0account\0password" as base64, and the form of PASS. */
static void words_of_file(struct session *s, const struct login_file *file, struct login_words *out)
{
	struct gw_self *self = s->agent->self;
	unsigned char bytes[2 * LOGIN_WORD_MAX + 2] = "";
	size_t account = strlen(file->account), password = strlen(file->password);
	size_t n = account + password + 2;
	size_t room = sodium_base64_ENCODED_LEN(n, sodium_base64_VARIANT_ORIGINAL);

	memcpy(bytes + 1, file->account, account);
	memcpy(bytes + account + 2, file->password, password);
	out->plain = gw_alloc(self, room);
	sodium_bin2base64(out->plain, room, bytes, n, sodium_base64_VARIANT_ORIGINAL);
	sodium_memzero(bytes, sizeof(bytes));
	out->pass = gw_alloc(self, n + 2);
	snprintf(out->pass, n + 2, ":%s:%s", file->account, file->password);
	out->from_file = true;
}

bool login_words(struct session *s, struct login_words *out, struct gw_error *err)
{
	const char *path = gw_option_string(s->agent->self, gw_options(s->agent->self), "login");
	const struct login *login = s->login;
	struct login_file file;

	*out = (struct login_words){0};
	if (login != NULL && login->way == LOGIN_KEPT) {
		out->pass = copy(s, login->pass);
		out->plain = copy(s, login->plain);
		out->over_tls = login->over_tls;
		return true;
	}
	if (path[0] == '\0' || login_file_read(path, &file, err) != 0)
		return false;
	words_of_file(s, &file, out);
	sodium_memzero(&file, sizeof(file));
	return true;
}

void login_words_free(struct session *s, struct login_words *words)
{
	wipe(s, &words->pass);
	wipe(s, &words->plain);
}
