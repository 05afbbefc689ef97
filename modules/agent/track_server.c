/*
 * modules/agent/track_server.c - what the server says: which lines matter, and those about the
 * session itself.
 */
#include "track_part.h"
#include <stdio.h>
#include <strings.h>

bool track_source(const struct ircline *l, char nick_out[TRACK_NICK_MAX])
{
	size_t len = strcspn(l->source, "!@");

	ircline_nick(l->source, nick_out, TRACK_NICK_MAX);
	return len > 0 && len < TRACK_NICK_MAX;
}

const char *track_source_host(const struct ircline *l)
{
	const char *mark = strchr(l->source, '!');

	return mark != NULL && strlen(mark) < TRACK_NAME_MAX ? mark + 1 : NULL;
}

bool track_is_nick(const char *nick)
{
	return track_is_word(nick) && strpbrk(nick, "!@") == NULL && strlen(nick) < TRACK_NICK_MAX;
}

/* Who we are */

static void welcome(struct track *t, const struct ircline *l)
{
	if (t->registered || !track_is_nick(l->params[0]))
		return;
	memcpy(t->nick, l->params[0], strlen(l->params[0]) + 1);
	t->registered = true;
}

static void account_is(struct track *t, const char *name)
{
	if (name == NULL || strlen(name) < TRACK_WORD_MAX)
		track_set(t, &t->account, name, TRACK_WORD_MAX);
}

/** "me me!user@host account :You are now logged in" */
static void logged_in(struct track *t, const struct ircline *l)
{
	account_is(t, l->params[2]);
}

static void logged_out(struct track *t, const struct ircline *l)
{
	(void)l;
	account_is(t, NULL);
}

static bool own(const struct track *t, const struct ircline *l)
{
	char nick[TRACK_NICK_MAX];

	return track_source(l, nick) && track_is_me(t, nick);
}

static void account(struct track *t, const struct ircline *l)
{
	if (own(t, l))
		account_is(t, strcmp(l->params[0], "*") == 0 ? NULL : l->params[0]);
}

/** "me [user@]host :is now your displayed host" */
static void host(struct track *t, const struct ircline *l)
{
	const char *shown = l->params[1], *at = strchr(shown, '@');
	const char *was = t->userhost != NULL ? strchr(t->userhost, '@') : NULL;
	char userhost[TRACK_NAME_MAX];
	int n;

	if (at != NULL)
		n = snprintf(userhost, sizeof(userhost), "%s", shown);
	else if (was != NULL)
		n = snprintf(userhost, sizeof(userhost), "%.*s@%s", (int)(was - t->userhost),
		             t->userhost, shown);
	else
		return;
	if (n >= (int)sizeof(userhost))
		return;
	track_set(t, &t->userhost, userhost, TRACK_NAME_MAX);
	track_rehost(t, t->nick, userhost);
}

/** Our own real name is part of what USER has said. */
static void setname(struct track *t, const struct ircline *l)
{
	struct ircline said;
	char line[TRACK_TEXT_MAX + 8], user[TRACK_TEXT_MAX + IRCLINE_MAX + 8];

	if (!own(t, l) || t->user == NULL)
		return;
	snprintf(line, sizeof(line), "USER %s", t->user);
	if (!ircline_read(&said, line))
		return;
	snprintf(user, sizeof(user), "%s %s %s :%s", said.params[0], said.params[1], said.params[2],
	         l->params[0]);
	track_set(t, &t->user, user, TRACK_TEXT_MAX);
}

/* Away */

/** ":me AWAY :text" where the server shows us that of ourselves. */
static void away(struct track *t, const struct ircline *l)
{
	if (own(t, l))
		track_set(t, &t->away, l->params[0][0] != '\0' ? l->params[0] : NULL,
		          TRACK_TEXT_MAX);
}

static void away_is(struct track *t, bool away)
{
	struct track_pending *said = track_pending_away_is(t, away);

	if (said != NULL || !away || t->away == NULL)
		track_set(t, &t->away,
		          said != NULL ? said->text
		          : away       ? ""
		                       : NULL,
		          TRACK_TEXT_MAX);
	if (said != NULL)
		track_pending_drop(t, said);
}

static void away_no(struct track *t, const struct ircline *l)
{
	(void)l;
	away_is(t, false);
}

static void away_yes(struct track *t, const struct ircline *l)
{
	(void)l;
	away_is(t, true);
}

/* Capabilities */

static void cap_drop(struct track *t, const char *cap)
{
	for (size_t i = 0; i < t->n_caps; i++) {
		if (strcmp(t->caps[i], cap) != 0)
			continue;
		gw_free(t->self, t->caps[i]);
		t->n_caps--;
		memmove(&t->caps[i], &t->caps[i + 1], (t->n_caps - i) * sizeof(t->caps[0]));
		return;
	}
}

static void cap_add(struct track *t, const char *cap)
{
	if (cap[0] != '\0' && t->n_caps < TRACK_CAPS_MAX && !track_has_cap(t, cap))
		t->caps[t->n_caps++] = gw_strdup(t->self, cap);
}

/** "me ACK [*] :this -that"; each line of several stands for itself. */
static void cap(struct track *t, const struct ircline *l)
{
	bool ack = strcasecmp(l->params[1], "ACK") == 0;
	const char *words = l->params[l->n - 1];
	char word[TRACK_WORD_MAX];

	if (!ack && strcasecmp(l->params[1], "DEL") != 0)
		return;
	while (track_word(&words, ' ', word, sizeof(word))) {
		char *name = word + strspn(word, "-~=");

		name[strcspn(name, "=")] = '\0';
		if (ack && word[0] != '-')
			cap_add(t, name);
		else
			cap_drop(t, name);
	}
}

/* Batches */

static bool in_past(const struct track *t, const struct ircline *l)
{
	size_t len;
	const char *of = ircline_tag(l, "batch", &len);

	for (size_t i = 0; of != NULL && i < t->n_batches; i++)
		if (t->batch_past[i] && strlen(t->batches[i]) == len &&
		    memcmp(t->batches[i], of, len) == 0)
			return true;
	return false;
}

static void batch_drop(struct track *t, const char *reference)
{
	for (size_t i = 0; i < t->n_batches; i++) {
		if (strcmp(t->batches[i], reference) != 0)
			continue;
		gw_free(t->self, t->batches[i]);
		t->n_batches--;
		memmove(&t->batches[i], &t->batches[i + 1],
		        (t->n_batches - i) * sizeof(t->batches[0]));
		memmove(&t->batch_past[i], &t->batch_past[i + 1],
		        (t->n_batches - i) * sizeof(t->batch_past[0]));
		return;
	}
}

/** "+reference type ..." or "-reference". What is in one of history has been, and is no more. */
static void batch(struct track *t, const struct ircline *l)
{
	const char *reference = l->params[0] + 1, *type = l->params[1];

	if (l->params[0][0] == '\0' || reference[0] == '\0' || strlen(reference) >= TRACK_WORD_MAX)
		return;
	batch_drop(t, reference);
	if (l->params[0][0] != '+' || t->n_batches == TRACK_BATCHES_MAX)
		return;
	t->batch_past[t->n_batches] = strstr(type, "history") != NULL ||
	                              strstr(type, "playback") != NULL || in_past(t, l);
	t->batches[t->n_batches++] = gw_strdup(t->self, reference);
}

/* No */

/** "me #channel :Cannot join channel" */
static void no_join(struct track *t, const struct ircline *l)
{
	track_pending_join_refused(t, l->params[1]);
}

static void no(struct track *t, const char *command)
{
	if (strcasecmp(command, "AWAY") == 0)
		track_pending_away_refused(t);
}

static void fail(struct track *t, const struct ircline *l)
{
	no(t, l->params[0]);
	if (strcasecmp(l->params[0], "JOIN") == 0)
		track_pending_join_refused(t, l->params[2]);
}

static void try_again(struct track *t, const struct ircline *l)
{
	no(t, l->params[1]);
}

static void unknown(struct track *t, const struct ircline *l)
{
	no(t, l->params[1]);
	if (strcasecmp(l->params[1], "MONITOR") == 0)
		track_monitor_clear(t);
}

static const struct track_row rows[] = {
	{"001", welcome, 1},
	{"005", track_isupport, 2},
	{"221", track_on_own_modes, 2},
	{"263", try_again, 2},
	{"305", away_no, 0},
	{"306", away_yes, 0},
	{"324", track_on_channel_modes, 3},
	{"331", track_on_topic_none, 2},
	{"332", track_on_topic_is, 3},
	{"352", track_on_who, 6},
	{"353", track_on_names, 3},
	{"366", track_on_names_end, 2},
	{"396", host, 2},
	{"403", no_join, 2},
	{"405", no_join, 2},
	{"421", unknown, 2},
	{"437", no_join, 2},
	{"461", try_again, 2},
	{"470", no_join, 2},
	{"471", no_join, 2},
	{"473", no_join, 2},
	{"474", no_join, 2},
	{"475", no_join, 2},
	{"476", no_join, 2},
	{"477", no_join, 2},
	{"479", no_join, 2},
	{"480", no_join, 2},
	{"489", no_join, 2},
	{"500", no_join, 2},
	{"520", no_join, 2},
	{"730", track_on_online, 2},
	{"731", track_on_offline, 2},
	{"734", track_on_list_full, 3},
	{"900", logged_in, 3},
	{"901", logged_out, 0},
	{"ACCOUNT", account, 1},
	{"AWAY", away, 0},
	{"BATCH", batch, 1},
	{"CAP", cap, 3},
	{"CHGHOST", track_on_chghost, 2},
	{"FAIL", fail, 2},
	{"JOIN", track_on_join, 1},
	{"KICK", track_on_kick, 2},
	{"MODE", track_on_mode, 2},
	{"NICK", track_on_nick, 1},
	{"PART", track_on_part, 1},
	{"QUIT", track_on_quit, 0},
	{"RENAME", track_on_rename, 2},
	{"SETNAME", setname, 1},
	{"TOPIC", track_on_topic, 1},
};

void track_server_line(struct track *t, const char *line)
{
	struct ircline l;
	const struct track_row *row = track_find(rows, sizeof(rows) / sizeof(rows[0]), &l, line);

	if (row != NULL && (row->run == batch || t->n_batches == 0 || !in_past(t, &l)))
		row->run(t, &l);
}
