/*
 * scram_sasl.c - SASL SCRAM-SHA-256: the exchange around scram.c.
 *
 * A reason of the RFC's server-error goes into the text of 904: clients take 904 alone as the
 * answer to a wrong proof. An unknown name gets a challenge like any other and fails at its proof.
 */
#include "account.h"
#include <sodium.h>

#define NONCE_BYTES 18 /* 24 characters */

static void refuse(struct account *st, struct gw_client *c, const char *why)
{
	char text[64];

	snprintf(text, sizeof(text), "e=%s", why);
	sasl_finish(st, c, -EACCES, NULL, text);
}

static void first(struct account *st, struct gw_client *c, struct party *party,
                  const uint8_t *response, size_t n)
{
	struct task *task;
	const char *why;
	int folded;

	party->scram = gw_alloc(st->self, sizeof(*party->scram));
	if (scram_first(party->scram, response, n, &why) != 0) {
		refuse(st, c, why);
		return;
	}
	if (!attempt_take(st, c)) {
		sasl_finish(st, c, -EAGAIN, NULL, "e=no-resources");
		return;
	}
	task = task_new(st, TASK_SCRAM, c);
	memcpy(task->name, party->scram->name, sizeof(party->scram->name));
	folded = SERVICES(st, fold, task->name, task->folded);
	if (folded > 0) {
		task_find(st, task, GW_NAME_NICK, task->folded, (size_t)folded);
		return;
	}
	task_end(st, task);
	refuse(st, c, "invalid-username-encoding");
}

static void second(struct account *st, struct gw_client *c, struct party *party,
                   const uint8_t *response, size_t n)
{
	char signature[SCRAM_SIGNATURE_MAX];
	const char *why;

	if (scram_final(party->scram, response, n, signature, &why) != 0) {
		refuse(st, c, why);
		return;
	}
	if (gw_id_none(party->login)) { /* nobody: no verifier of ours is all zero, yet nothing may
		                           rest on it */
		refuse(st, c, "invalid-proof");
		return;
	}
	party->scram_signed = true;
	sasl_challenge(st, c, signature, strlen(signature));
}

static void third(struct account *st, struct gw_client *c, struct party *party, size_t n)
{
	char name[GW_NAME_MAX + 1], host[GW_HOST_MAX + 1], waits[WAITS_MAX];
	struct gw_login login = {.account = party->login, .name = name};

	memcpy(name, party->login_name, sizeof(name));
	memcpy(host, party->login_host, sizeof(host));
	memcpy(waits, party->login_waits, sizeof(waits));
	if (host[0] != '\0')
		login.host = host;
	if (waits[0] != '\0')
		login.waits = waits;
	sasl_finish(st, c, n == 0 ? 0 : -EBADMSG, &login, NULL);
}

void sasl_scram(void *state, struct gw_client *c, const uint8_t *response, size_t n)
{
	struct account *st = state;
	struct party *party = party_find(st, c->id);

	if (party->scram == NULL)
		first(st, c, party, response, n);
	else if (!party->scram_signed)
		second(st, c, party, response, n);
	else
		third(st, c, party, n);
}

static void found(struct account *st, struct task *task, int status, const struct gw_owner *owner)
{
	const struct gw_id nobody = {1, 1};
	bool known = status == 0 && owner->class == GW_CLASS_ACCOUNT;

	task_read(st, task, GW_CLASS_ACCOUNT, known ? owner->id : nobody);
}

static void read(struct account *st, struct task *task, int status, const struct gw_entity *entity)
{
	struct gw_client *c = task_client(st, task);
	struct party *party = c != NULL ? party_find(st, c->id) : NULL;
	char nonce[sodium_base64_ENCODED_LEN(NONCE_BYTES,
	                                     sodium_base64_VARIANT_URLSAFE_NO_PADDING)];
	uint8_t random[NONCE_BYTES];
	struct view view = {.cred = {.kind = CRED_NONE}};

	if (party != NULL && party->scram != NULL) {
		if (status == 0)
			view_of(entity, &view);
		party->login = (struct gw_id){0, 0};
		if (view.cred.kind == CRED_SCRAM) {
			party->login = entity->id;
			memcpy(party->login_name, view.name, sizeof(party->login_name));
			memcpy(party->login_host, view.host, sizeof(party->login_host));
			memcpy(party->login_waits, view.waits, sizeof(party->login_waits));
		} else {
			decoy_cred(st, task->folded, &view.cred);
		}
		gw_random(st->self, random, sizeof(random));
		sodium_bin2base64(nonce, sizeof(nonce), random, sizeof(random),
		                  sodium_base64_VARIANT_URLSAFE_NO_PADDING);
		scram_challenge(party->scram, &view.cred, nonce);
		sasl_challenge(st, c, party->scram->challenge, strlen(party->scram->challenge));
	}
	task_end(st, task);
}

const struct task_ops scram_task = {.found = found, .read = read};
