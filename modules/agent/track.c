/*
 * modules/agent/track.c - what is known of a session: its beginning and end, how names are compared
 * and found, and how a line finds the function for it. Most lines are of no interest here, which
 * their verb says before they are taken apart.
 */
#include "track_part.h"

void track_init(struct track *t, struct gw_self *self)
{
	*t = (struct track){.self = self};
	track_isupport_defaults(t);
}

void track_fini(struct track *t)
{
	struct gw_self *self = t->self;
	struct track_channel *c, *next;

	HASH_ITER (hh, t->channels, c, next)
		track_leave(t, c);
	track_monitor_clear(t);
	while (t->pending != NULL)
		track_pending_drop(t, t->pending);
	for (size_t i = 0; i < t->n_caps; i++)
		gw_free(self, t->caps[i]);
	for (size_t i = 0; i < t->n_batches; i++)
		gw_free(self, t->batches[i]);
	gw_free(self, t->user);
	gw_free(self, t->userhost);
	gw_free(self, t->account);
	gw_free(self, t->away);
	*t = (struct track){0};
}

/* Texts */

void track_set(struct track *t, char **at, const char *value, size_t max)
{
	size_t len = value != NULL ? strlen(value) : 0;

	if (*at != NULL && value != NULL && strcmp(*at, value) == 0)
		return;
	if (len > max)
		for (len = max; len > 0 && ((unsigned char)value[len] & 0xc0) == 0x80;)
			len--;
	gw_free(t->self, *at);
	*at = value != NULL ? gw_strndup(t->self, value, len) : NULL;
}

bool track_word(const char **at, char by, char *out, size_t max)
{
	const char divider[2] = {by, '\0'};
	size_t len;

	*at += strspn(*at, divider);
	len = strcspn(*at, divider);
	if (len == 0)
		return false;
	out[0] = '\0';
	if (len < max) {
		memcpy(out, *at, len);
		out[len] = '\0';
	}
	*at += len;
	return true;
}

bool track_is_word(const char *text)
{
	return text[0] != '\0' && text[0] != ':' && strpbrk(text, " ,\r\n") == NULL;
}

/* Names */

static char fold_byte(const struct track *t, char c)
{
	static const char last[] = {
		[TRACK_RFC1459] = '^', [TRACK_STRICT] = ']', [TRACK_ASCII] = 'Z'};

	return c >= 'A' && c <= last[t->fold] ? (char)(c + ('a' - 'A')) : c;
}

bool track_fold_into(const struct track *t, const char *name, char *out, size_t max)
{
	size_t i;

	for (i = 0; name[i] != '\0'; i++) {
		if (i + 1 == max)
			return false;
		out[i] = fold_byte(t, name[i]);
	}
	out[i] = '\0';
	return i > 0;
}

char *track_folded(const struct track *t, const char *name)
{
	size_t len = strlen(name);
	char *folded = gw_alloc(t->self, len + 1);

	track_fold_into(t, name, folded, len + 1);
	return folded;
}

bool track_same(const struct track *t, const char *a, const char *b)
{
	while (*a != '\0' && fold_byte(t, *a) == fold_byte(t, *b)) {
		a++;
		b++;
	}
	return *a == '\0' && *b == '\0';
}

bool track_is_me(const struct track *t, const char *nick)
{
	return t->nick[0] != '\0' && track_same(t, t->nick, nick);
}

bool track_is_channel(const struct track *t, const char *name)
{
	return name[0] != '\0' && strchr(t->chantypes, name[0]) != NULL;
}

bool track_has_cap(const struct track *t, const char *cap)
{
	for (size_t i = 0; i < t->n_caps; i++)
		if (strcmp(t->caps[i], cap) == 0)
			return true;
	return false;
}

struct track_channel *track_channel(const struct track *t, const char *name)
{
	struct gw_self *self = t->self;
	struct track_channel *c = NULL;
	char folded[TRACK_NAME_MAX];

	if (track_fold_into(t, name, folded, sizeof(folded)))
		HASH_FIND_STR(t->channels, folded, c);
	return c;
}

struct track_member *track_member(const struct track *t, const struct track_channel *c,
                                  const char *nick)
{
	struct gw_self *self = t->self;
	struct track_member *m = NULL;
	char folded[TRACK_NICK_MAX];

	if (track_fold_into(t, nick, folded, sizeof(folded)))
		HASH_FIND_STR(c->members, folded, m);
	return m;
}

struct track_watched *track_watched(const struct track *t, const char *nick)
{
	struct gw_self *self = t->self;
	struct track_watched *w = NULL;
	char folded[TRACK_NICK_MAX];

	if (track_fold_into(t, nick, folded, sizeof(folded)))
		HASH_FIND_STR(t->monitored, folded, w);
	return w;
}

/* Lines */

/** As strcmp() has it; `verb` may be in lower case. */
static int compare(const char *verb, size_t len, const char *row)
{
	for (size_t i = 0; i < len; i++) {
		char c = verb[i] >= 'a' && verb[i] <= 'z' ? (char)(verb[i] - ('a' - 'A')) : verb[i];

		if (c != row[i])
			return (unsigned char)c - (unsigned char)row[i];
	}
	return row[len] == '\0' ? 0 : -1;
}

const struct track_row *track_find(const struct track_row *rows, size_t n, struct ircline *l,
                                   const char *line)
{
	size_t len, low = 0, high = n;
	const char *verb = ircline_verb(line, &len);

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = compare(verb, len, rows[middle].verb);

		if (order == 0)
			return ircline_read(l, line) && l->n >= rows[middle].n ? &rows[middle]
			                                                       : NULL;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}
