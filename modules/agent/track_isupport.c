/*
 * modules/agent/track_isupport.c - the tokens of 005 that say how the server's other lines are to
 * be read. A token that cannot be read changes nothing; "-NAME" is the default again.
 */
#include "track_part.h"

/** Copies what is shorter than `max`. */
static bool take(char *out, size_t max, const char *value, size_t len)
{
	if (len >= max)
		return false;
	memset(out, 0, max);
	memcpy(out, value, len);
	return true;
}

static void casemapping(struct track *t, const char *value)
{
	if (strcmp(value, "rfc1459") == 0)
		track_refold(t, TRACK_RFC1459);
	else if (strcmp(value, "strict-rfc1459") == 0 || strcmp(value, "rfc1459-strict") == 0)
		track_refold(t, TRACK_STRICT);
	else
		track_refold(t, TRACK_ASCII);
}

static void chanmodes(struct track *t, const char *value)
{
	char types[3][sizeof(t->modes_list)] = {{0}};

	for (size_t i = 0; i < 3; i++) {
		size_t len = strcspn(value, ",");

		if (!take(types[i], sizeof(types[i]), value, len))
			return;
		value += len + (value[len] == ',');
	}
	memcpy(t->modes_list, types[0], sizeof(types[0]));
	memcpy(t->modes_always, types[1], sizeof(types[1]));
	memcpy(t->modes_set, types[2], sizeof(types[2]));
}

static void chantypes(struct track *t, const char *value)
{
	take(t->chantypes, sizeof(t->chantypes), value, strlen(value));
}

static void prefix(struct track *t, const char *value)
{
	size_t n = strcspn(value, ")");

	if (value[0] == '(' && value[n] == ')' && strlen(value + n + 1) == n - 1 &&
	    n <= sizeof(t->prefix_modes)) {
		take(t->prefix_modes, sizeof(t->prefix_modes), value + 1, n - 1);
		take(t->prefix_signs, sizeof(t->prefix_signs), value + n + 1, n - 1);
	} else if (value[0] == '\0') {
		t->prefix_modes[0] = t->prefix_signs[0] = '\0';
	}
}

static const struct token {
	const char *name, *usual;
	void (*run)(struct track *t, const char *value);
} tokens[] = {
	{"CASEMAPPING", "rfc1459", casemapping},
	{"CHANMODES", "beI,k,l", chanmodes},
	{"CHANTYPES", "#&", chantypes},
	{"PREFIX", "(ov)@+", prefix},
};

enum { N_TOKENS = sizeof(tokens) / sizeof(tokens[0]) };

void track_isupport_defaults(struct track *t)
{
	for (size_t i = 0; i < N_TOKENS; i++)
		tokens[i].run(t, tokens[i].usual);
}

void track_isupport(struct track *t, const struct ircline *l)
{
	for (size_t i = 1; i < l->n; i++) {
		const char *name = l->params[i];
		bool taken_back = name[0] == '-';
		size_t len;

		name += taken_back;
		len = strcspn(name, "=");
		for (size_t j = 0; j < N_TOKENS; j++)
			if (strlen(tokens[j].name) == len && memcmp(tokens[j].name, name, len) == 0)
				tokens[j].run(t, taken_back ? tokens[j].usual
				                            : name + len + (name[len] == '='));
	}
}
