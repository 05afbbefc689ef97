/*
 * modules/agent/doubt.c - which of the client's last lines may not have arrived.
 *
 * A line that has an effect, or a label, is in doubt until the server has answered something that
 * was said after it: a PING of the agent's own three seconds later, or one of the client's, or the
 * label of a later line, or has shown us what we did (of AWAY: has said so). If the server is lost
 * before that, the client is told which lines they are. They are kept as they would be shown,
 * without what may be a password.
 */
#include "agent.h"
#include "lost.h"

#include <godwit/mem.h>
#include <stdio.h>
#include <strings.h>

#define LINES_MAX 32
#define BYTES_MAX 8192
#define ASK_AFTER (3 * GW_SECOND)
#define TOKEN "godwit-agent-doubt-"
#define WORD_MAX 64

/** Something that the client has said. */
struct doubted {
	char *shown;  /* NULL: a PING of the client's, which only answers for what was before */
	char *answer; /* the label, or the token of the PING, that the server will repeat; or NULL
	               */
};

struct doubt {
	struct doubted lines[LINES_MAX];
	uint32_t n;
	uint32_t asked; /* so many of them were said before our PING, if one is under way */
	size_t bytes;
	int64_t since_ns; /* when the first was said that was not asked for */
	uint64_t token;   /* of our PING; 0: none is under way */
	uint32_t more;    /* lines beyond the bounds, which were dropped from the front */
	uint32_t reserved;
};

/* Lines without an effect. Everything else has one, for all that is known here. */
static const char *const questions[] = {
	"PING",     "PONG",         "WHO",   "WHOIS",    "WHOWAS",  "NAMES",
	"LIST",     "LUSERS",       "MOTD",  "TIME",     "VERSION", "ADMIN",
	"INFO",     "STATS",        "LINKS", "HELP",     "ISON",    "MAP",
	"USERHOST", "CAP",          "USER",  "ISUPPORT", "TRACE",   "CHATHISTORY",
	"REDIRECT", "AUTHENTICATE", "QUIT",  "USERS",    "HELPOP",  "USERIP",
};

static bool has_effect(const char *verb)
{
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		if (strcasecmp(verb, questions[i]) == 0)
			return false;
	return true;
}

/** The client waits for an answer with this label. */
static bool has_label(const struct session *s, const struct ircline *l)
{
	size_t len;

	return strcasecmp(l->verb, "PING") != 0 && strcasecmp(l->verb, "QUIT") != 0 &&
	       track_has_cap(&s->track, "labeled-response") &&
	       ircline_tag(l, "label", &len) != NULL;
}

static size_t length(const char *text)
{
	return text == NULL ? 0 : strlen(text);
}

/** The first `n` are no longer in doubt. */
static void clear(struct session *s, uint32_t n)
{
	struct gw_self *self = s->agent->self;
	struct doubt *d = s->doubt;

	for (uint32_t i = 0; i < n; i++) {
		d->bytes -= length(d->lines[i].shown) + length(d->lines[i].answer);
		gw_free(self, d->lines[i].shown);
		gw_free(self, d->lines[i].answer);
	}
	d->n -= n;
	memmove(d->lines, d->lines + n, d->n * sizeof(d->lines[0]));
	memset(d->lines + d->n, 0, n * sizeof(d->lines[0]));
	d->asked -= d->asked < n ? d->asked : n;
}

void doubt_free(struct session *s)
{
	if (s->doubt == NULL)
		return;
	clear(s, s->doubt->n);
	gw_free(s->agent->self, s->doubt);
	s->doubt = NULL;
}

static void make_room(struct session *s, size_t bytes)
{
	struct doubt *d = s->doubt;

	while (d->n > 0 && (d->n == LINES_MAX || d->bytes + bytes > BYTES_MAX)) {
		d->more += d->lines[0].shown != NULL;
		clear(s, 1);
	}
}

/** What the server will repeat of this line: a label, a PING's token. */
static char *answer_of(struct session *s, const struct ircline *l)
{
	size_t len = 0;
	const char *word = NULL;

	if (strcasecmp(l->verb, "PING") == 0) {
		word = l->params[0];
		len = strlen(word);
	} else if (track_has_cap(&s->track, "labeled-response")) {
		word = ircline_tag(l, "label", &len);
	}
	if (word == NULL || len == 0 || len > WORD_MAX)
		return NULL;
	return gw_strndup(s->agent->self, word, len);
}

static void add(struct session *s, const char *line, const struct ircline *l, bool effect)
{
	struct gw_self *self = s->agent->self;
	char shown[LOST_SHOWN_MAX] = "";
	struct doubt *d = s->doubt;
	struct doubted new = {NULL, answer_of(s, l)};

	if (effect) {
		lost_shown(line, shown);
		new.shown = gw_strdup(self, shown);
	}
	make_room(s, length(new.shown) + length(new.answer));
	d->bytes += length(new.shown) + length(new.answer);
	d->lines[d->n++] = new;
}

void doubt_said(struct session *s, const char *line)
{
	struct ircline l;
	bool effect, first = s->doubt == NULL;

	if (!s->track.registered || !ircline_read(&l, line))
		return;
	effect = has_effect(l.verb) || has_label(s, &l);
	if (!effect && (first || strcasecmp(l.verb, "PING") != 0))
		return;
	if (first)
		s->doubt = gw_alloc(s->agent->self, sizeof(*s->doubt));
	if (s->doubt->n == s->doubt->asked)
		s->doubt->since_ns = gw_mono_ns(s->agent->self);
	add(s, line, &l, effect);
	if (first)
		session_arm(s);
}

/* --- what answers --- */

/** Whether `list` ("#a,#b") has the word. */
static bool lists(const struct session *s, const char *list, const char *word)
{
	char name[TRACK_NAME_MAX];

	while (*list != '\0') {
		size_t len = strcspn(list, ",");

		if (len < sizeof(name)) {
			memcpy(name, list, len);
			name[len] = '\0';
			if (track_same(&s->track, name, word))
				return true;
		}
		list += len + (list[len] == ',');
	}
	return false;
}

/** The server shows us what we have done, or said. One line may be shown several times, so the
 * words must be those of it, too. */
static bool is_echo(const struct session *s, const struct ircline *said, const struct ircline *l)
{
	if (strcasecmp(said->verb, l->verb) != 0 || !lists(s, said->params[0], l->params[0]))
		return false;
	if (strcasecmp(l->verb, "PRIVMSG") == 0 || strcasecmp(l->verb, "NOTICE") == 0)
		return strcmp(said->params[1], l->params[1]) == 0;
	return true;
}

static bool is_own(const struct session *s, const char *line)
{
	char nick[TRACK_NICK_MAX];

	if (*line == '@')
		line += strcspn(line, " ");
	line += strspn(line, " ");
	if (*line != ':')
		return false;
	ircline_nick(line + 1, nick, sizeof(nick));
	nick[strcspn(nick, " ")] = '\0';
	return track_is_me(&s->track, nick);
}

static void echoed(struct session *s, const char *line)
{
	struct doubt *d = s->doubt;
	struct ircline said, l;

	if (!ircline_read(&l, line))
		return;
	for (uint32_t i = 0; i < d->n; i++) {
		if (d->lines[i].shown == NULL || !ircline_read(&said, d->lines[i].shown) ||
		    !is_echo(s, &said, &l))
			continue;
		clear(s, i + 1);
		return;
	}
}

/** Up to the last one, of which `word` is the answer. */
static void answered(struct session *s, const char *word, size_t len)
{
	struct doubt *d = s->doubt;

	for (uint32_t i = d->n; i > 0; i--) {
		const char *answer = d->lines[i - 1].answer;

		if (answer == NULL || strlen(answer) != len || memcmp(answer, word, len) != 0)
			continue;
		clear(s, i);
		return;
	}
}

/* 305 and 306 tell which AWAY they answer by their order only. */
static void away_answered(struct session *s)
{
	struct doubt *d = s->doubt;

	for (uint32_t i = 0; i < d->n; i++) {
		if (d->lines[i].shown == NULL || !ircline_is(d->lines[i].shown, "AWAY"))
			continue;
		clear(s, i + 1);
		return;
	}
}

/* The first ones were said before the PING; what came after waits for the next one. */
static void own_pong(struct session *s)
{
	struct doubt *d = s->doubt;

	clear(s, d->asked);
	d->token = 0;
	d->more = 0;
	if (d->n == 0)
		doubt_free(s);
	session_arm(s);
}

static bool pong(struct session *s, const char *line)
{
	struct ircline l;
	char own[WORD_MAX];
	const char *word;

	if (!ircline_read(&l, line) || l.n == 0)
		return false;
	word = l.params[l.n - 1];
	if (strncmp(word, TOKEN, strlen(TOKEN)) != 0) {
		if (s->doubt != NULL)
			answered(s, word, strlen(word));
		return false;
	}
	if (s->doubt != NULL && s->doubt->token != 0) {
		snprintf(own, sizeof(own), TOKEN "%016llx", (unsigned long long)s->doubt->token);
		if (strcmp(word, own) == 0)
			own_pong(s);
	}
	return true;
}

static void labeled(struct session *s, const char *line)
{
	struct ircline l;
	const char *label;
	size_t len;

	if (!ircline_read(&l, line))
		return;
	label = ircline_tag(&l, "label", &len);
	if (label != NULL)
		answered(s, label, len);
}

bool doubt_server_line(struct session *s, const char *line)
{
	if (ircline_is(line, "PONG") && pong(s, line))
		return true;
	if (s->doubt != NULL && *line == '@' && strstr(line, "label=") != NULL)
		labeled(s, line);
	if (s->doubt != NULL && is_own(s, line))
		echoed(s, line);
	if (s->doubt != NULL && (ircline_is(line, "305") || ircline_is(line, "306")))
		away_answered(s);
	return false;
}

/* --- time --- */

static bool waits(const struct doubt *d)
{
	for (uint32_t i = d->asked; i < d->n; i++)
		if (d->lines[i].shown != NULL)
			return true;
	return false;
}

int64_t doubt_tick(struct session *s)
{
	struct gw_self *self = s->agent->self;
	struct doubt *d = s->doubt;
	char line[WORD_MAX + 8];

	if (d == NULL || d->token != 0 || s->state != SESSION_PASSING)
		return INT64_MAX;
	if (!waits(d)) {
		doubt_free(s);
		return INT64_MAX;
	}
	if (gw_mono_ns(self) < d->since_ns + ASK_AFTER)
		return d->since_ns + ASK_AFTER;
	d->token = gw_random_u64(self) | 1;
	d->asked = d->n;
	snprintf(line, sizeof(line), "PING :" TOKEN "%016llx", (unsigned long long)d->token);
	session_send(s, line);
	return INT64_MAX;
}

void doubt_tell(struct session *s)
{
	struct doubt *d = s->doubt;

	if (d == NULL)
		return;
	if (d->more > 0)
		session_notice(s, "%u earlier lines may not have arrived", d->more);
	for (uint32_t i = 0; i < d->n; i++)
		if (d->lines[i].shown != NULL)
			lost_tell(s, d->lines[i].answer, length(d->lines[i].answer),
			          "May not have arrived", d->lines[i].shown);
	doubt_free(s);
}
