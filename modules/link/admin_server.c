/*
 * link/admin_server.c - the operators' commands that change or show the network's list of servers.
 *
 * A server is an entity of the services database: its name, keys, addresses, weight. What is
 * written here is in force everywhere as it arrives there. A revocation or removal is final.
 */
#include "key.h"
#include "net.h"
#include <errno.h>
#include <godwit/parts.h>
#include <stdlib.h>

#define WRITES_MAX (2 + 4 * KEYS_PER_SERVER)

/** A transaction being put together, with the memory of subs and values. */
struct draft {
	struct gw_write writes[WRITES_MAX];
	size_t n;
	uint8_t subs[WRITES_MAX][GW_NAME_MAX], values[WRITES_MAX][ADDRESS_MAX + 16];
};

static struct gw_write *draft_add(struct draft *d, struct gw_id id, uint16_t field, const void *sub,
                                  size_t n)
{
	struct gw_write *write = &d->writes[d->n];

	memcpy(d->subs[d->n], sub, n);
	*write = (struct gw_write){
		.class = GW_CLASS_SERVER,
		.make = gw_id_none(id),
		.id = id,
		.field = field,
		.sub = {d->subs[d->n], n},
	};
	d->n++;
	return write;
}

static void draft_value(struct draft *d, struct gw_write *write, const void *value, size_t n)
{
	struct gw_parts parts = {.bytes = d->values[write - d->writes],
	                         .max = sizeof(d->values[0])};

	gw_parts_add(&parts, value, n);
	write->value = gw_parts_value(&parts);
}

static void draft_number(struct draft *d, struct gw_write *write, uint64_t a, const uint64_t *b)
{
	struct gw_parts parts = {.bytes = d->values[write - d->writes],
	                         .max = sizeof(d->values[0])};

	gw_parts_u64(&parts, a);
	if (b != NULL)
		gw_parts_u64(&parts, *b);
	write->value = gw_parts_value(&parts);
}

static void draft_key(struct draft *d, struct gw_id id, uint16_t field, const uint8_t pk[KEY_BYTES])
{
	uint8_t fingerprint[KEY_BYTES];

	key_fingerprint(pk, fingerprint);
	draft_value(d, draft_add(d, id, field, fingerprint, KEY_BYTES), pk, KEY_BYTES);
}

static void draft_address(struct draft *d, struct gw_id id, uint32_t number, const char *address)
{
	char sub[12];
	int n = snprintf(sub, sizeof(sub), "%u", number);
	struct gw_write *write = draft_add(d, id, GW_F_ADDR, sub, (size_t)n);

	if (address != NULL)
		draft_value(d, write, address, strlen(address));
	else
		write->remove = true;
}

/* --- what was typed --- */

static void refuse(struct link_state *st, struct gw_admin_request *req, int status,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));
static void refuse(struct link_state *st, struct gw_admin_request *req, int status,
                   const char *format, ...)
{
	char text[300];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	gw_admin_done(st->self, &req, status, text);
}

static bool ready(struct link_state *st, struct gw_admin_request *req)
{
	if (!st->known_read)
		refuse(st, req, -EAGAIN, "the services database is not read yet; try again");
	return st->known_read;
}

/* NULL: it was answered. */
static struct known *server_named(struct link_state *st, struct gw_admin_request *req,
                                  const char *name)
{
	struct known *known;

	if (!ready(st, req))
		return NULL;
	known = known_by_name(st, name);
	if (known == NULL)
		refuse(st, req, -ENOENT, "there is no server %.64s: see server list", name);
	return known;
}

/* A key that nobody has, and nobody has had. */
static bool new_key(struct link_state *st, struct gw_admin_request *req, const char *text,
                    uint8_t pk[KEY_BYTES])
{
	struct gw_error why = {0};
	struct known *holder;

	if (key_parse(text, pk, &why) != 0) {
		refuse(st, req, -EINVAL, "%s", why.text);
		return false;
	}
	holder = known_of_key(st, pk);
	if (known_revoked(st, pk))
		refuse(st, req, -EKEYREVOKED,
		       "that key was revoked and never comes back: make another one on the "
		       "machine");
	else if (holder != NULL)
		refuse(st, req, -EEXIST, "that key is listed already, for %s", holder->name);
	else
		return true;
	return false;
}

static bool good_address(struct link_state *st, struct gw_admin_request *req, const char *text)
{
	if (address_valid(text) && !address_wildcard(text))
		return true;
	refuse(st, req, -EINVAL,
	       "\"%.80s\" is no address at which a server can be reached: HOST:PORT", text);
	return false;
}

/* --- server add, server remove --- */

void admin_server_add(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct link_state *st = state;
	static const struct gw_id new_one;
	uint64_t now_ms = (uint64_t)(gw_wall_ns(st->self) / GW_MS);
	char words[KEY_WORDS_SIZE], folded[LINK_NAME], sub[GW_NAME_MAX + 1] = {GW_NAME_SERVER};
	uint8_t pk[KEY_BYTES];
	struct draft d = {.n = 0};
	struct gw_write *write;
	struct request *request;

	if (!ready(st, req))
		return;
	link_name_fold(argv[0], folded);
	if (strlen(argv[0]) > GW_SERVER_MAX || !link_name_valid(folded)) {
		refuse(st, req, -EINVAL,
		       "a server's name has 1 to 63 letters, digits, dots and dashes, and a "
		       "letter or digit at both ends");
		return;
	}
	if (known_by_name(st, argv[0]) != NULL) {
		refuse(st, req, -EEXIST, "there is a server %s already: see server list", argv[0]);
		return;
	}
	if (!new_key(st, req, argv[1], pk) || (argc > 2 && !good_address(st, req, argv[2])))
		return;
	draft_number(&d, draft_add(&d, new_one, GW_F_CORE, "", 0), 0, &now_ms);
	snprintf(sub + 1, sizeof(sub) - 1, "%s", folded);
	write = draft_add(&d, new_one, GW_F_NAME, sub, strlen(sub));
	write->exclusive = true;
	write->value = (struct gw_blob){argv[0], strlen(argv[0])};
	draft_key(&d, new_one, GW_F_KEY, pk);
	if (argc > 2)
		draft_address(&d, new_one, 0, argv[2]);
	key_words(pk, words);
	request = request_new(st, req, "Server %s was added, its key is %s", argv[0], words);
	request_line(request, "Compare these words with what `godwit fingerprint` says there.");
	request_commit(st, request, new_one, d.writes, d.n);
}

/* The cells of a server go with it, and of its many old keys not all are kept in mind: what the
 * network itself lists as revoked stays so. False: it was answered. */
static bool revoke_in_network(struct link_state *st, struct gw_admin_request *req, struct draft *d,
                              const uint8_t pk[KEY_BYTES])
{
	if (gw_id_none(st->network_id)) {
		refuse(st, req, -EAGAIN, "the services database is being read: try again");
		return false;
	}
	draft_key(d, st->network_id, GW_F_KEYREV, pk);
	d->writes[d->n - 1].class = GW_CLASS_NETWORK;
	return true;
}

void admin_server_remove(void *state, struct gw_admin_request *req, int argc,
                         const char *const *argv)
{
	struct link_state *st = state;
	struct known *known = server_named(st, req, argv[0]), *own = known_own(st);
	struct draft d = {.n = 0};

	(void)argc;
	if (known == NULL)
		return;
	if (own == NULL || known == own) {
		refuse(st, req, -EPERM,
		       "%s is this server: it can only be removed from another one", known->name);
		return;
	}
	draft_add(&d, known->id, GW_F_CORE, "", 0)->remove = true;
	for (size_t i = 0; i < known->n_keys; i++)
		if (!revoke_in_network(st, req, &d, known->keys[i].pk))
			return;
	request_commit(st, request_new(st, req, "Server %s was removed, for good", known->name),
	               own->id, d.writes, d.n);
}

/* --- keys --- */

static size_t live_keys(const struct known *known)
{
	size_t n = 0;

	for (size_t i = 0; i < known->n_keys; i++)
		n += !known->keys[i].revoked;
	return n;
}

void admin_key_add(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct link_state *st = state;
	struct known *known = server_named(st, req, argv[0]);
	char words[KEY_WORDS_SIZE];
	uint8_t pk[KEY_BYTES];
	struct draft d = {.n = 0};
	struct request *request;

	(void)argc;
	if (known == NULL || !new_key(st, req, argv[1], pk))
		return;
	if (known->n_keys == KEYS_PER_SERVER && live_keys(known) == KEYS_PER_SERVER) {
		refuse(st, req, -E2BIG, "%s has %d keys already: revoke one first", known->name,
		       KEYS_PER_SERVER);
		return;
	}
	if (known->n_keys == KEYS_PER_SERVER &&
	    !revoke_in_network(st, req, &d, known_oldest_revoked(known)->pk))
		return;
	draft_key(&d, known->id, GW_F_KEY, pk);
	key_words(pk, words);
	request = request_new(st, req, "Server %s has a further key, %s", known->name, words);
	request_everywhere(request);
	request_commit(st, request, known->id, d.writes, d.n);
}

void admin_key_revoke(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct link_state *st = state;
	struct known *known = server_named(st, req, argv[0]);
	char words[KEY_WORDS_SIZE];
	struct gw_error why = {0};
	uint8_t pk[KEY_BYTES];
	struct draft d = {.n = 0};
	struct request *request;

	(void)argc;
	if (known == NULL)
		return;
	if (key_parse(argv[1], pk, &why) != 0) {
		refuse(st, req, -EINVAL, "%s", why.text);
		return;
	}
	if (known_of_key(st, pk) != known || !known_has_key(known, pk)) {
		refuse(st, req, -ENOENT, "that is no key of %s: see server list", known->name);
		return;
	}
	draft_key(&d, known->id, GW_F_KEYREV, pk);
	key_words(pk, words);
	request = request_new(st, req, "The key %s of server %s was revoked, for good", words,
	                      known->name);
	if (live_keys(known) == 1)
		request_line(request, "%s has no key any more: nobody links to it.", known->name);
	request_everywhere(request);
	request_commit(st, request, known->id, d.writes, d.n);
}

/* --- addresses, weight --- */

static size_t address_at(const struct known *known, const char *address)
{
	size_t i = 0;

	while (i < known->n_addresses && strcmp(known->addresses[i], address) != 0)
		i++;
	return i;
}

static uint32_t free_number(const struct known *known)
{
	for (uint32_t number = 0;; number++) {
		bool used = false;

		for (size_t i = 0; i < known->n_addresses; i++)
			used = used || known->numbers[i] == number;
		if (!used)
			return number;
	}
}

void admin_address_add(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct link_state *st = state;
	struct known *known = server_named(st, req, argv[0]);
	struct draft d = {.n = 0};

	(void)argc;
	if (known == NULL || !good_address(st, req, argv[1]))
		return;
	if (address_at(known, argv[1]) < known->n_addresses) {
		refuse(st, req, -EEXIST, "%s lists that address already", known->name);
		return;
	}
	if (known->n_addresses == ADDRESSES_PER_SERVER) {
		refuse(st, req, -E2BIG, "%s has %d addresses already: remove one first",
		       known->name, ADDRESSES_PER_SERVER);
		return;
	}
	draft_address(&d, known->id, free_number(known), argv[1]);
	request_commit(st, request_new(st, req, "Server %s is at %s, too", known->name, argv[1]),
	               known->id, d.writes, d.n);
}

void admin_address_remove(void *state, struct gw_admin_request *req, int argc,
                          const char *const *argv)
{
	struct link_state *st = state;
	struct known *known = server_named(st, req, argv[0]);
	struct draft d = {.n = 0};
	size_t at;

	(void)argc;
	if (known == NULL)
		return;
	at = address_at(known, argv[1]);
	if (at == known->n_addresses) {
		refuse(st, req, -ENOENT, "%s does not list that address: see server list",
		       known->name);
		return;
	}
	draft_address(&d, known->id, known->numbers[at], NULL);
	request_commit(st, request_new(st, req, "Server %s is at %s no more", known->name, argv[1]),
	               known->id, d.writes, d.n);
}

void admin_server_weight(void *state, struct gw_admin_request *req, int argc,
                         const char *const *argv)
{
	struct link_state *st = state;
	struct known *known = server_named(st, req, argv[0]);
	struct draft d = {.n = 0};
	unsigned long weight;
	char *end;

	(void)argc;
	if (known == NULL)
		return;
	weight = strtoul(argv[1], &end, 10);
	if (argv[1][0] < '0' || argv[1][0] > '9' || *end != '\0' || weight > WEIGHT_MAX) {
		refuse(st, req, -EINVAL, "a weight is a number from 0 to %d", WEIGHT_MAX);
		return;
	}
	draft_number(&d, draft_add(&d, known->id, GW_F_WEIGHT, "", 0), weight, NULL);
	request_commit(st,
	               request_new(st, req, "Server %s has the weight %lu", known->name, weight),
	               known->id, d.writes, d.n);
}

/* --- what there is --- */

static const char *sight(struct link_state *st, const struct known *known)
{
	const struct link *link = link_with(st, known->id);

	if (known == known_own(st))
		return "here";
	if (link != NULL && link_up(link))
		return "linked";
	if (in_sight(st, known->id) != NULL)
		return "in-sight";
	return uplinks_off(st, known->name) ? "disconnected" : "out-of-sight";
}

static void join_addresses(const struct known *known, char *out, size_t max)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < known->n_addresses && used < max; i++)
		used += (size_t)snprintf(out + used, max - used, "%s%s", i > 0 ? "," : "",
		                         known->addresses[i]);
	if (known->n_addresses == 0)
		snprintf(out, max, "-");
}

static void list_server(struct link_state *st, struct gw_admin_request *req,
                        const struct known *known)
{
	char addresses[1024], weight[12], text[KEY_TEXT_SIZE], words[KEY_WORDS_SIZE];
	const char *cells[] = {known->name, sight(st, known), addresses, weight, text, words};
	size_t live = live_keys(known);

	join_addresses(known, addresses, sizeof(addresses));
	snprintf(weight, sizeof(weight), "%u", known->weight);
	for (size_t i = 0; i < known->n_keys; i++) {
		if (known->keys[i].revoked)
			continue;
		key_text(known->keys[i].pk, text);
		key_words(known->keys[i].pk, words);
		gw_admin_row(st->self, req, cells, 6);
	}
	snprintf(text, sizeof(text), "none");
	snprintf(words, sizeof(words), "-");
	if (live == 0)
		gw_admin_row(st->self, req, cells, 6);
}

/* A server with several keys has several rows. */
void admin_server_list(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	static const char *const head[] = {"name", "state", "addresses", "weight", "key", "words"};
	struct link_state *st = state;
	const struct known *known;

	(void)argc;
	(void)argv;
	if (!ready(st, req))
		return;
	gw_admin_head(st->self, req, head, 6);
	for (known = st->known_names; known != NULL; known = known->by_name.next)
		list_server(st, req, known);
	gw_admin_done(st->self, &req, 0, "");
}

void admin_server_joinline(void *state, struct gw_admin_request *req, int argc,
                           const char *const *argv)
{
	struct link_state *st = state;
	const struct known *own = known_own(st);
	char addresses[ADDRESSES_PER_SERVER][ADDRESS_MAX + 1], key[KEY_TEXT_SIZE],
		line[ADDRESS_MAX + KEY_TEXT_SIZE + 20];
	size_t n = 0;

	(void)argc;
	(void)argv;
	for (; own != NULL && n < own->n_addresses; n++)
		snprintf(addresses[n], sizeof(addresses[n]), "%s", own->addresses[n]);
	if (n == 0)
		n = own_addresses(st, addresses);
	key_text(own_key(st), key);
	for (size_t i = 0; i < n; i++) {
		snprintf(line, sizeof(line), "godwit join %.*s %s", ADDRESS_MAX, addresses[i], key);
		gw_admin_text(st->self, req, line);
	}
	if (n == 0) {
		snprintf(line, sizeof(line), "godwit join HOST:PORT %s", key);
		gw_admin_text(st->self, req, line);
		gw_admin_text(
			st->self, req,
			"HOST:PORT is where the listener of protocol link can be reached; the "
			"option advertise of the module link names it.");
	}
	gw_admin_done(st->self, &req, 0, "");
}
