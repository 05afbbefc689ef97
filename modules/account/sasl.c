/*
 * sasl.c - AUTHENTICATE: one exchange at a time per client, its chunks, its numerics; the
 * mechanisms are rows.
 *
 * Works before and after 001, with and without CAP REQ, and again when already logged in.
 */
#include "account.h"
#include <sodium.h>
#include <stdio.h>
#include <strings.h>

static bool offered(const struct gw_mechanism *row, struct account *st, const struct gw_client *c)
{
	if (row->private_line && !c->info->tls && !c->info->loopback)
		return false;
	if (row->certificate && !c->info->has_certificate)
		return false;
	return strcmp(row->name, "SCRAM-SHA-256") != 0 || option(st, "scram");
}

static const struct gw_row *mechanism(struct account *st, const char *name)
{
	const struct gw_row *rows;
	size_t n = gw_rows(st->self, GW_POINT_MECHANISM, &rows);

	for (size_t i = 0; i < n; i++)
		if (strcasecmp(((const struct gw_mechanism *)rows[i].row)->name, name) == 0)
			return &rows[i];
	return NULL;
}

void sasl_mechanisms(struct account *st, struct gw_client *c, char *out, size_t max)
{
	const struct gw_row *rows;
	size_t n = gw_rows(st->self, GW_POINT_MECHANISM, &rows), used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		const struct gw_mechanism *row = rows[i].row;

		if (!offered(row, st, c) || used + strlen(row->name) + 2 > max)
			continue;
		used += (size_t)snprintf(out + used, max - used, "%s%s", used > 0 ? "," : "",
		                         row->name);
	}
}

bool sasl_nameless(struct account *st)
{
	const struct gw_row *rows;
	size_t n = gw_rows(st->self, GW_POINT_MECHANISM, &rows);

	for (size_t i = 0; i < n; i++)
		if (((const struct gw_mechanism *)rows[i].row)->nameless)
			return true;
	return false;
}

void sasl_drop(struct account *st, struct party *party)
{
	struct gw_self *self = st->self;

	party->mechanism[0] = '\0';
	party->scram_signed = false;
	if (party->response.text != NULL) {
		sodium_memzero(party->response.text, party->response.n);
		gw_free(self, party->response.text);
		party->response = (struct chunks){NULL, 0};
	}
	if (party->scram != NULL) {
		sodium_memzero(party->scram, sizeof(*party->scram));
		gw_free(self, party->scram);
		party->scram = NULL;
	}
}

/* --- answers --- */

void sasl_challenge(void *state, struct gw_client *c, const void *bytes, size_t n)
{
	struct account *st = state;
	char text[RESPONSE_MAX];
	size_t left, at = 0;

	if (sodium_base64_ENCODED_LEN(n, sodium_base64_VARIANT_ORIGINAL) > sizeof(text)) {
		sasl_finish(st, c, -EMSGSIZE, NULL, NULL);
		return;
	}
	sodium_bin2base64(text, sizeof(text), bytes, n, sodium_base64_VARIANT_ORIGINAL);
	for (left = strlen(text); left >= CHUNK_SIZE; left -= CHUNK_SIZE, at += CHUNK_SIZE)
		CLIENT(st, line, c, NULL, "AUTHENTICATE %.*s", CHUNK_SIZE, text + at);
	CLIENT(st, line, c, NULL, "AUTHENTICATE %s", left > 0 ? text + at : "+");
}

static void end(struct account *st, struct gw_client *c)
{
	struct party *party = party_find(st, c->id);

	if (party == NULL)
		return;
	sasl_drop(st, party);
	party_tidy(st, party);
}

void sasl_finish(void *state, struct gw_client *c, int status, const struct gw_login *login,
                 const char *why)
{
	struct account *st = state;

	end(st, c);
	if (status == 0) {
		login_succeeds(st, c, login, true);
		return;
	}
	CLIENT(st, numeric, c, 904, ":SASL authentication failed%s%s", why != NULL ? ": " : "",
	       why != NULL ? why : "");
	login_failed(st, c);
}

const struct gw_account_ops account_ops = {.challenge = sasl_challenge, .finish = sasl_finish};

/* --- the exchange --- */

static void begin(struct account *st, struct gw_client *c, const char *name)
{
	const struct gw_row *found = mechanism(st, name);
	const struct gw_mechanism *row = found != NULL ? found->row : NULL;
	char names[256];
	struct party *party;

	if (row == NULL || !offered(row, st, c) || strlen(row->name) >= sizeof(party->mechanism)) {
		sasl_mechanisms(st, c, names, sizeof(names));
		if (names[0] != '\0')
			CLIENT(st, numeric, c, 908, "%s :are available SASL mechanisms", names);
		CLIENT(st, numeric, c, 904,
		       ":SASL authentication failed: there is no such mechanism here");
		return;
	}
	party = party_of(st, c->id);
	snprintf(party->mechanism, sizeof(party->mechanism), "%s", row->name);
	CLIENT(st, line, c, NULL, "AUTHENTICATE +");
}

static void respond(struct account *st, struct gw_client *c, struct party *party)
{
	const struct gw_row *found = mechanism(st, party->mechanism);
	uint8_t response[RESPONSE_MAX];
	size_t n;
	int status =
		party->response.text != NULL ? chunks_decode(&party->response, response, &n) : 0;

	if (party->response.text == NULL) {
		response[0] = '\0';
		n = 0;
	} else {
		sodium_memzero(party->response.text, party->response.n);
		party->response.n = 0;
	}
	if (status != 0 || found == NULL) {
		sasl_finish(st, c, -EBADMSG, NULL,
		            status != 0 ? "that is no base64" : "the mechanism is gone");
	} else {
		const struct gw_mechanism *row = found->row;
		struct gw_visit visit;
		gw_mechanism_fn *fn = (gw_mechanism_fn *)gw_visit(
			st->self, &visit, gw_call(found->module, row->respond, 0));

		fn(found->module->state, c, response, n);
		gw_visit_end(st->self, &visit);
	}
	sodium_memzero(response, n);
}

static void piece(struct account *st, struct gw_client *c, struct party *party, const char *text)
{
	int verdict = chunk_judge(&party->response, text);

	if (verdict < 0) {
		end(st, c);
		CLIENT(st, numeric, c, 905, ":SASL message too long");
		return;
	}
	if (strcmp(text, "+") != 0) {
		if (party->response.text == NULL)
			party->response.text = gw_alloc(st->self, RESPONSE_MAX + 1);
		chunk_add(&party->response, text);
	}
	if (verdict == CHUNK_LAST)
		respond(st, c, party);
}

void cmd_authenticate(void *state, struct gw_client *c, const struct gw_message *m)
{
	struct account *st = state;
	struct party *party;

	if (c->state == GW_REGISTRATION)
		registration_leave(st, c);
	party = party_find(st, c->id);
	if (strcmp(m->argv[0], "*") == 0) {
		end(st, c);
		CLIENT(st, numeric, c, 906, ":SASL authentication aborted");
	} else if (strlen(m->argv[0]) > CHUNK_SIZE) {
		end(st, c);
		CLIENT(st, numeric, c, 905, ":SASL message too long");
	} else if (party == NULL || party->mechanism[0] == '\0') {
		begin(st, c, m->argv[0]);
	} else {
		piece(st, c, party, m->argv[0]);
	}
}
