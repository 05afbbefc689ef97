/*
 * tests/tools/seed_accounts.c - writes accounts by the million straight into a database, by the
 * merge function that a new server's data goes through: hashing a million passwords would take
 * hours.
 *
 *     seed_accounts [--name NAME] STATE-DIRECTORY N [FIRST]
 *
 * The server that the state directory belongs to must not run; an empty one becomes a network of
 * one of the given name. Account number i, from FIRST on, has five cells: core, password ("seeded",
 * one verifier for all), mail address, and the claims of that address and of a nick that
 * seed_name() gives, scattered over the alphabet as real ones are.
 */
#include "modules/services/services.h"
#include "tests/unit/mini.h"
#include <errno.h>
#include <gnutls/crypto.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ACCOUNTS_MOST ((uint64_t)1 << 28)
#define OP_BYTES ((size_t)960 << 10)
#define OPS 16 /* of one transaction */
#define ITERATIONS 4096

extern const struct gw_module store_LTX_gw_module, services_LTX_gw_module;

struct seeder {
	struct mini *mini;
	struct gw_self *self;
	struct gw_iface *store, *services;
	uint64_t origin, clock; /* of the last account */
	uint8_t cred[256];
	struct gw_parts cred_parts;
	struct gw_store_op ops[OPS + 1];
	uint8_t *bytes[OPS], stamp[16];
	size_t n_ops;
	uint64_t asked, done;
	int status;
};

static void die(const char *what, int status)
{
	fprintf(stderr, "seed_accounts: %s: %s\n", what, strerror(status < 0 ? -status : status));
	exit(1);
}

static void committed(void *state, uint64_t tag, int status, uint64_t number)
{
	struct seeder *s = state;

	(void)tag;
	(void)number;
	s->done++;
	if (status != 0)
		s->status = status;
}

static const struct gw_call_row calls[] = {{"committed", (gw_fn *)committed}};

/* Multiplication by an odd number scatters and never gives one twice. */
static void seed_name(uint64_t i, char out[16])
{
	uint64_t n = i * 0x9e3779b1 % ACCOUNTS_MOST;

	for (int at = 0; at < 7; at++, n >>= 4)
		out[at] = "bcdfghklmnprstvz"[n & 15];
	out[7] = '\0';
}

/* --- the verifier of the one password --- */

static void hmac(const uint8_t *key, const char *text, uint8_t out[32])
{
	gnutls_hmac_fast(GNUTLS_MAC_SHA256, key, 32, text, strlen(text), out);
}

static void cred_make(struct seeder *s)
{
	uint8_t salt[16] = "a grain of salt", salted[32], client[32], stored[32], server[32];
	gnutls_datum_t password = {(unsigned char *)"seeded", 6}, salt_datum = {salt, sizeof(salt)};

	gnutls_pbkdf2(GNUTLS_MAC_SHA256, &password, &salt_datum, ITERATIONS, salted, 32);
	hmac(salted, "Client Key", client);
	hmac(salted, "Server Key", server);
	gnutls_hash_fast(GNUTLS_DIG_SHA256, client, 32, stored);
	s->cred_parts = (struct gw_parts){.bytes = s->cred, .max = sizeof(s->cred)};
	gw_parts_text(&s->cred_parts, "SCRAM-SHA-256");
	gw_parts_add(&s->cred_parts, salt, sizeof(salt));
	gw_parts_u64(&s->cred_parts, ITERATIONS);
	gw_parts_add(&s->cred_parts, stored, 32);
	gw_parts_add(&s->cred_parts, server, 32);
}

/* --- cells --- */

static void ops_commit(struct seeder *s)
{
	uint8_t *origin = s->stamp, *clock = s->stamp + 8;
	int status;

	if (s->n_ops == 0)
		return;
	put_u64(origin, s->origin);
	put_u64(clock, s->clock);
	s->ops[s->n_ops] = (struct gw_store_op){.kind = GW_STORE_MERGE,
	                                        .key = {origin, 8},
	                                        .val = {clock, 8},
	                                        .version = VERB_ISSUE};
	status = GW_VIA(s->store, gw_store_ops, commit, s->ops, s->n_ops + 1, GW_STORE_DISK,
	                gw_call(s->self, 0, 0));
	if (status != 0)
		die("the store refuses", status);
	s->asked++;
	while (s->done < s->asked)
		mini_step(s->mini);
	if (s->status != 0)
		die("the store refuses", s->status);
	s->n_ops = 0;
}

static void cell_add(struct seeder *s, struct gw_id id, uint16_t field, struct gw_blob sub,
                     struct gw_blob value)
{
	struct gw_store_op *op = &s->ops[s->n_ops];
	uint8_t key[CELL_KEY_MAX], row[512];
	size_t key_n = cell_key(key, GW_CLASS_ACCOUNT, id, field, sub);

	cell_header(row, 0, (struct gw_stamp){id.clock, id.origin});
	memcpy(row + CELL_HEADER, value.p, value.n);
	op->val.n = cells_put(s->bytes[s->n_ops], op->val.n, (struct gw_blob){key, key_n},
	                      (struct gw_blob){row, CELL_HEADER + value.n});
}

static void claim_add(struct seeder *s, struct gw_id id, char ns, const char *name)
{
	uint8_t value[CLAIM_VALUE_MAX], sub[GW_NAME_MAX];
	size_t n = strlen(name);

	sub[0] = (uint8_t)ns;
	memcpy(sub + 1, name, n);
	cell_add(s, id, GW_F_NAME, (struct gw_blob){sub, n + 1},
	         (struct gw_blob){value, claim_value(value, (struct gw_stamp){id.clock, id.origin},
	                                             (struct gw_blob){name, n})});
}

static void account_add(struct seeder *s, uint64_t i)
{
	uint8_t core_bytes[64], mail_bytes[64];
	struct gw_parts core = {.bytes = core_bytes, .max = sizeof(core_bytes)};
	struct gw_parts mail = {.bytes = mail_bytes, .max = sizeof(mail_bytes)};
	struct gw_id id = {++s->clock, s->origin};
	const struct gw_blob none = {NULL, 0};
	char name[16], address[40];

	seed_name(i, name);
	snprintf(address, sizeof(address), "%s@mail.example", name);
	gw_parts_u64(&core, 0);
	gw_parts_u64(&core, id.clock >> 16);
	gw_parts_text(&mail, address);
	gw_parts_u64(&mail, 1);
	cell_add(s, id, GW_F_CORE, none, gw_parts_value(&core));
	cell_add(s, id, GW_F_CRED, none, gw_parts_value(&s->cred_parts));
	cell_add(s, id, GW_F_MAIL, none, gw_parts_value(&mail));
	claim_add(s, id, GW_NAME_MAIL, address);
	claim_add(s, id, GW_NAME_NICK, name);
}

static void seed(struct seeder *s, uint64_t first, uint64_t n)
{
	for (uint64_t i = first; i < first + n; i++) {
		if (s->n_ops == 0 || s->ops[s->n_ops - 1].val.n > OP_BYTES) {
			if (s->n_ops == OPS)
				ops_commit(s);
			s->ops[s->n_ops] = (struct gw_store_op){.kind = GW_STORE_MERGE,
			                                        .key = {"+", 1},
			                                        .val = {s->bytes[s->n_ops], 0},
			                                        .version = VERB_CELLS};
			s->n_ops++;
		}
		s->n_ops--;
		account_add(s, i);
		s->n_ops++;
	}
	ops_commit(s);
}

/* --- beginning and end --- */

static void open_database(struct seeder *s, const char *name, const char *folder)
{
	struct timespec now;
	uint64_t clock;

	s->mini = mini_new(folder, 0);
	if (name != NULL)
		mini_name(s->mini, name);
	clock_gettime(CLOCK_REALTIME, &now);
	mini_set_wall(s->mini, (int64_t)now.tv_sec * GW_SECOND + now.tv_nsec);
	s->self = mini_test_self(s->mini, calls, 1, s);
	if (mini_load(s->mini, &store_LTX_gw_module) != 0 ||
	    mini_load(s->mini, &services_LTX_gw_module) != 0)
		die(folder, EIO);
	s->store = mini_iface(s->mini, "store");
	s->services = mini_iface(s->mini, "services");
	mini_run(s->mini, GW_SECOND);
	if (*mini_stopped(s->mini) != '\0') {
		fprintf(stderr, "seed_accounts: %s\n", mini_stopped(s->mini));
		exit(1);
	}
	GW_VIA(s->services, gw_services_ops, origin, &s->origin);
	/* What the database has seen, and what this moment is: the accounts are registered now. */
	clock = ((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000) << 16;
	s->clock = mini_clock(s->mini) > clock ? mini_clock(s->mini) : clock;
}

int main(int argc, char **argv)
{
	struct seeder s = {0};
	const char *name = NULL;
	uint64_t n, first;

	if (argc > 2 && strcmp(argv[1], "--name") == 0) {
		name = argv[2];
		argc -= 2;
		argv += 2;
	}
	n = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
	first = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
	if (argc < 3 || argc > 4 || n + first > ACCOUNTS_MOST) {
		fprintf(stderr, "usage: seed_accounts [--name NAME] STATE-DIRECTORY N [FIRST]\n");
		return 2;
	}
	for (size_t i = 0; i < OPS; i++)
		s.bytes[i] = malloc(OP_BYTES + 4096);
	cred_make(&s);
	open_database(&s, name, argv[1]);
	seed(&s, first, n);
	mini_free(&s.mini);
	for (size_t i = 0; i < OPS; i++)
		free(s.bytes[i]);
	printf("%" PRIu64 " accounts\n", n);
	return 0;
}
