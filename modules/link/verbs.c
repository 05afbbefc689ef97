/*
 * link/verbs.c - the command line: godwit init, keygen, fingerprint.
 *
 * `init` is a start of the server with its doors shut: the services database becomes that of a
 * network of one and lists this server's key, then the server says what comes next and ends.
 */
#include "keyfile.h"
#include "link.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <unistd.h>

/* Every verb may be the first thing that a server does. */
static int begin(struct gw_error *err)
{
	return sodium_init() < 0 ? gw_fail(err, -EIO, "The library libsodium cannot be used.") : 0;
}

/* --- init --- */

static int refuse_members(struct gw_self *self, struct gw_error *err)
{
	const char *folder = gw_server_string(self, "state-directory");
	char path[4096];

	snprintf(path, sizeof(path), "%s/services/data.mdb", folder);
	if (access(path, F_OK) != 0)
		return 0;
	return gw_fail(err, -EEXIST,
	               "%s/services holds the database of the network that this server is in "
	               "already. To begin another network, move that folder away.",
	               folder);
}

/* A name that the next start would not agree with is no name to begin with. */
static int check_name(struct gw_self *self, const char *name, struct gw_error *err)
{
	const char *now = gw_server_string(self, "server");
	char folded[LINK_NAME];

	link_name_fold(name, folded);
	if (strlen(name) >= LINK_NAME || !link_name_valid(folded))
		return gw_fail(err, -EINVAL, "%.80s cannot be a server's name.", name);
	if (now != NULL && *now != '\0' && strcmp(now, name) != 0)
		return gw_fail(err, -EINVAL,
		               "This server is called %s already, by its configuration or by "
		               "%s/server.name: leave that out, or give that name.",
		               now, gw_server_string(self, "state-directory"));
	return gw_server_rename(self, name, err);
}

int verb_init(struct gw_self *self, int argc, const char *const *argv, struct gw_error *err)
{
	struct key_pair pair;

	(void)argc;
	if (begin(err) != 0 || refuse_members(self, err) != 0 ||
	    check_name(self, argv[0], err) != 0 ||
	    key_ensure(self, KEYFILE_CURRENT, &pair, err) != 0)
		return 1;
	sodium_memzero(&pair, sizeof(pair));
	return GW_VERB_START;
}

static bool initing(struct link_state *st)
{
	return strcmp(gw_started_as(st->self), "init") == 0;
}

void verbs_load(struct link_state *st)
{
	if (initing(st))
		gw_listen_hold(st->self, true);
}

void verbs_init_look(struct link_state *st)
{
	const struct known *own = known_ready(st) && initing(st) ? known_own(st) : NULL;
	char text[KEY_TEXT_SIZE], words[KEY_WORDS_SIZE];

	if (own == NULL || st->hs.told || !known_has_key(own, own_key(st)))
		return;
	st->hs.told = true;
	key_text(own_key(st), text);
	key_words(own_key(st), words);
	gw_say(st->self, "%s is the first server of a network. Its key is", own->name);
	gw_say(st->self, "  %s", text);
	gw_say(st->self, "  %s", words);
	gw_say(st->self, "Next: start it (godwit). For each further server, here:");
	gw_say(st->self, "  godwitctl server add NAME KEY    (KEY: godwit keygen says it there)");
	gw_say(st->self, "and there, with the address of this server's listener for links:");
	gw_say(st->self, "  godwit join --name NAME HOST:PORT %s", text);
	gw_stop(st->self, "the network is made");
}

/* --- keygen, fingerprint --- */

static void print_key(const char *file, const struct key_pair *pair)
{
	char text[KEY_TEXT_SIZE], words[KEY_WORDS_SIZE];

	key_text(pair->pk, text);
	key_words(pair->pk, words);
	if (file == NULL)
		printf("%s\n%s\n", text, words);
	else
		printf("%-14s %s %s\n", file, text, words);
}

int verb_keygen(struct gw_self *self, int argc, const char *const *argv, struct gw_error *err)
{
	bool next = argc > 0 && strcmp(argv[0], "--next") == 0;
	const char *file = next ? KEYFILE_NEXT : KEYFILE_CURRENT;
	struct key_pair pair;

	if (argc > 0 && !next) {
		gw_fail(err, -EINVAL, "Usage: godwit keygen [--next]");
		return 2;
	}
	if (begin(err) != 0 || key_ensure(self, file, &pair, err) != 0)
		return 1;
	print_key(NULL, &pair);
	sodium_memzero(&pair, sizeof(pair));
	return 0;
}

int verb_fingerprint(struct gw_self *self, int argc, const char *const *argv, struct gw_error *err)
{
	static const char *const files[] = {KEYFILE_CURRENT, KEYFILE_NEXT};
	const char *folder = gw_server_string(self, "state-directory");
	struct key_pair pair;
	int status = begin(err);

	(void)argc;
	(void)argv;
	for (size_t i = 0; status == 0 && i < sizeof(files) / sizeof(files[0]); i++) {
		status = keyfile_read(folder, files[i], &pair, err);
		if (status == 0)
			print_key(files[i], &pair);
		else if (status == -ENOENT && i > 0)
			status = 0;
	}
	sodium_memzero(&pair, sizeof(pair));
	if (status == -ENOENT)
		gw_fail(err, status, "There is no key yet; godwit keygen makes it.");
	return status == 0 ? 0 : 1;
}
