/*
 * modules/agent/lost.c - what a client is told that speaks while there is no server.
 *
 * Whoever has labeled-response gets the refusal with its label. A NOTICE it is for all, whether
 * they know standard replies or not: people read it.
 */
#include "lost.h"
#include "agent.h"

#include <stdio.h>
#include <strings.h>

#define SHOWN_BYTES 200
#define LABEL_MAX 200

/* What may hold a password in any of its words. */
static const char *const secret_verbs[] = {
	"PASS",     "AUTHENTICATE", "OPER",      "REGISTER", "VERIFY", "ACCOUNT", "IDENTIFY",
	"NICKSERV", "CHANSERV",     "CHALLENGE", "NS",       "CS",     "ID",      "LOGIN",
};

static const char *const talking_verbs[] = {"PRIVMSG", "NOTICE", "SQUERY"};

static bool among(const char *word, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(word, words[i]) == 0)
			return true;
	return false;
}

/** Services are called NickServ, ChanServ, Q@..., X. */
static bool is_service(const char *target)
{
	size_t len = strcspn(target, "@");

	return (len >= 4 && strncasecmp(target + len - 4, "serv", 4) == 0) || len == 1;
}

/** So many bytes, without a part of a character at the end. */
static int whole_characters(const char *text, size_t max)
{
	size_t n = strlen(text);

	if (n <= max)
		return (int)n;
	for (n = max; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80;)
		n--;
	return (int)n;
}

void lost_shown(const char *line, char out[LOST_SHOWN_MAX])
{
	struct ircline l;
	const char *text = line;
	int len;

	if (!ircline_read(&l, line)) {
		snprintf(out, LOST_SHOWN_MAX, "a line that is too long");
		return;
	}
	if (among(l.verb, secret_verbs, sizeof(secret_verbs) / sizeof(secret_verbs[0]))) {
		snprintf(out, LOST_SHOWN_MAX, "%.20s ...", l.verb);
		return;
	}
	if (among(l.verb, talking_verbs, sizeof(talking_verbs) / sizeof(talking_verbs[0])) &&
	    is_service(l.params[0])) {
		snprintf(out, LOST_SHOWN_MAX, "%.20s %.100s ...", l.verb, l.params[0]);
		return;
	}
	text += strspn(text, " ");
	if (*text == '@')
		text += strcspn(text, " ");
	text += strspn(text, " ");
	len = whole_characters(text, SHOWN_BYTES);
	snprintf(out, LOST_SHOWN_MAX, "%.*s%s", len, text, text[len] != '\0' ? " ..." : "");
}

void lost_tell(struct session *s, const char *label, size_t len, const char *what,
               const char *shown)
{
	char out[AGENT_TELL_MAX];

	if (label == NULL || len > LABEL_MAX) {
		session_notice(s, "%s: %s", what, shown);
		return;
	}
	snprintf(out, sizeof(out), "@label=%.*s :%s NOTICE %s :%s: %s", (int)len, label,
	         session_source(s), s->track.nick, what, shown);
	session_tell(s, out);
}

void lost_refuse(struct session *s, const char *line)
{
	char shown[LOST_SHOWN_MAX];
	const char *label = NULL;
	struct ircline l;
	size_t len = 0;

	if (track_has_cap(&s->track, "labeled-response") && ircline_read(&l, line))
		label = ircline_tag(&l, "label", &len);
	lost_shown(line, shown);
	lost_tell(s, label, len, "Not sent", shown);
}

/* --- while there is no server --- */

static void answer_ping(struct session *s, const char *line)
{
	char out[AGENT_TELL_MAX];
	struct ircline l;

	if (!ircline_read(&l, line))
		return;
	snprintf(out, sizeof(out), ":%s PONG %s :%.500s", session_source(s), session_source(s),
	         l.params[0]);
	session_tell(s, out);
}

static void ignore(struct session *s, const char *line)
{
	(void)s, (void)line;
}

static void quit(struct session *s, const char *line)
{
	(void)line;
	s->quit = true;
	session_end(s, "Quit");
}

static const struct {
	const char *verb;
	void (*fn)(struct session *s, const char *line);
} verbs[] = {{"PING", answer_ping}, {"PONG", ignore}, {"QUIT", quit}};

bool lost_answer(struct session *s, const char *line)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (!ircline_is(line, verbs[i].verb))
			continue;
		verbs[i].fn(s, line);
		return true;
	}
	return false;
}

void lost_client_line(struct session *s, const char *line)
{
	if (line[strspn(line, " ")] != '\0' && !lost_answer(s, line))
		lost_refuse(s, line);
}
