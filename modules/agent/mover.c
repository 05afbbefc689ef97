/*
 * The states of a client that is being moved, as the table in doc/redirect.md has them. A line of
 * the connection in use is looked at for the verb REDIRECT, and else is the user's; what comes over
 * the new connection is kept until that one is in use. Whatever ends an attempt goes through
 * forget().
 */
#include "mover.h"
#include "ircline.h"
#include "request.h"
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES = 1024 };

/* Lines that wait */

static void *resize(struct mover *m, void *p, size_t n)
{
	if (m->settings.actions->resize != NULL)
		return m->settings.actions->resize(m->settings.driver, p, n);
	if (n == 0) {
		free(p);
		return NULL;
	}
	p = realloc(p, n);
	if (p == NULL)
		abort();
	return p;
}

static bool lines_add(struct mover *m, struct mover_lines *lines, const char *line)
{
	size_t len = strlen(line) + 1;

	if (lines->len + len > m->settings.held_max)
		return false;
	if (lines->len + len > lines->size) {
		lines->size = 2 * (lines->len + len);
		lines->bytes = resize(m, lines->bytes, lines->size);
	}
	memcpy(lines->bytes + lines->len, line, len);
	lines->len += len;
	return true;
}

static void lines_clear(struct mover *m, struct mover_lines *lines)
{
	if (lines->bytes != NULL)
		resize(m, lines->bytes, 0);
	*lines = (struct mover_lines){0};
}

/** They leave the queue first, since who is handed one may say another. */
static struct mover_lines lines_take(struct mover_lines *lines)
{
	struct mover_lines taken = *lines;

	*lines = (struct mover_lines){0};
	return taken;
}

/* Actions */

static void send_line(struct mover *m, int slot, const char *line)
{
	m->settings.actions->send(m->settings.driver, slot, line);
}

/** "REDIRECT VERB ID REST" */
static void send_verb(struct mover *m, int slot, const char *verb, const char *id, const char *rest)
{
	char line[LINE_BYTES];

	snprintf(line, sizeof line, "REDIRECT %s %s%s%s", verb, id, *rest ? " " : "", rest);
	send_line(m, slot, line);
	sodium_memzero(line, sizeof line);
}

static void refuse(struct mover *m, const char *id, const char *reason)
{
	char rest[LINE_BYTES / 2];

	snprintf(rest, sizeof rest, ":%s", reason);
	send_verb(m, m->home, "REFUSE", id, rest);
}

static void close_new(struct mover *m)
{
	if (m->new_open)
		m->settings.actions->close(m->settings.driver, !m->home);
	m->new_open = false;
}

/** No attempt is under way any more; what the user said meanwhile stays. */
static void forget(struct mover *m)
{
	close_new(m);
	lines_clear(m, &m->come);
	sodium_memzero(m->token, sizeof m->token);
	m->id[0] = '\0';
	m->deadline_ns = INT64_MAX;
	m->state = MOVER_HOME;
}

static void give_up(struct mover *m, const char *reason)
{
	char id[sizeof m->id];

	memcpy(id, m->id, sizeof id);
	forget(m);
	refuse(m, id, reason);
}

static void send_held(struct mover *m)
{
	struct mover_lines held = lines_take(&m->said);

	for (size_t at = 0; at < held.len; at += strlen(held.bytes + at) + 1)
		send_line(m, m->home, held.bytes + at);
	lines_clear(m, &held);
}

static void lose(struct mover *m, const char *reason)
{
	forget(m);
	lines_clear(m, &m->said);
	m->state = MOVER_LOST;
	m->settings.actions->lost(m->settings.driver, reason);
}

/* What the server says */

static enum mover_policy decide(struct mover *m, const struct request *request)
{
	if (m->tls && !request->tls)
		return MOVER_REFUSE;
	if (m->settings.actions->decide == NULL)
		return m->settings.policy;
	return m->settings.actions->decide(m->settings.driver, request->host, request->port);
}

static void accept_request(struct mover *m, const struct request *request)
{
	memcpy(m->id, request->id, sizeof m->id);
	memcpy(m->token, request->token, sizeof m->token);
	memcpy(m->fingerprint, request->fingerprint, sizeof m->fingerprint);
	m->state = MOVER_DIALLING;
	m->new_open = true;
	m->new_tls = request->tls;
	m->deadline_ns = m->now_ns + m->settings.timeout_ns;
	m->settings.actions->dial(m->settings.driver, !m->home, request->host, request->port,
	                          request->tls ? m->fingerprint : NULL);
}

static void on_request(struct mover *m, char **words, int count)
{
	struct request request = {0};

	if (m->state == MOVER_HOLDING) {
		m->counts.stale++;
		return;
	}
	forget(m);
	if (!request_read(&request, words, count)) {
		m->counts.malformed++;
		refuse(m, words[2], "The request cannot be read");
		return;
	}
	m->counts.requests++;
	switch (decide(m, &request)) {
	case MOVER_ACCEPT:
		accept_request(m, &request);
		break;
	case MOVER_REFUSE:
		m->counts.refused++;
		refuse(m, request.id, m->tls && !request.tls ? "Not without TLS" : "No, thank you");
		break;
	case MOVER_IGNORE:
		m->counts.ignored++;
		break;
	}
	sodium_memzero(&request, sizeof request);
}

static void on_sync(struct mover *m, char **words, int count)
{
	(void)count;
	if (m->state != MOVER_OFFERED || strcmp(m->id, words[2]) != 0) {
		m->counts.stale++;
		return;
	}
	m->state = MOVER_HOLDING;
	m->deadline_ns = INT64_MAX;
	send_verb(m, m->home, "SYNCED", m->id, "");
}

static void on_cancel(struct mover *m, char **words, int count)
{
	(void)count;
	if (m->state == MOVER_HOME || strcmp(m->id, words[2]) != 0) {
		m->counts.stale++;
		return;
	}
	m->counts.cancelled++;
	forget(m);
	send_held(m);
}

static const struct verb_row {
	const char *name;
	void (*run)(struct mover *m, char **words, int count);
} verb_rows[] = {{"REQUEST", on_request}, {"SYNC", on_sync}, {"CANCEL", on_cancel}};

static void on_redirect(struct mover *m, const char *line)
{
	char copy[LINE_BYTES], *words[REQUEST_WORDS_MAX];
	int count;

	if (strlen(line) < sizeof copy) {
		strcpy(copy, line);
		count = request_split(copy, words);
		for (size_t i = 0; i < sizeof verb_rows / sizeof verb_rows[0]; i++) {
			if (count < 3 || strcmp(words[1], verb_rows[i].name) != 0 ||
			    !request_is_id(words[2]))
				continue;
			verb_rows[i].run(m, words, count);
			sodium_memzero(copy, sizeof copy);
			return;
		}
	}
	m->counts.malformed++;
}

/** Of the connection in use. */
static void home_line(struct mover *m, const char *line)
{
	size_t len;
	const char *verb = ircline_verb(line, &len);

	if (strncmp(verb, "REDIRECT ", 9) == 0)
		on_redirect(m, verb);
	else
		m->settings.actions->deliver(m->settings.driver, line);
}

/* What happens */

static void read_kept(struct mover *m, struct mover_lines *kept)
{
	for (size_t at = 0; at < kept->len; at += strlen(kept->bytes + at) + 1)
		home_line(m, kept->bytes + at);
	lines_clear(m, kept);
}

/** The old connection has ended after SYNCED: the other one takes its place. */
static void swap(struct mover *m)
{
	struct mover_lines kept = lines_take(&m->come);
	char id[sizeof m->id];

	memcpy(id, m->id, sizeof id);
	m->home = !m->home;
	m->tls = m->new_tls;
	m->new_open = false;
	forget(m);
	send_verb(m, m->home, "SWAP", id, "");
	send_held(m);
	m->counts.moved++;
	if (m->settings.actions->moved != NULL)
		m->settings.actions->moved(m->settings.driver);
	read_kept(m, &kept);
	if (m->settings.actions->resume != NULL)
		m->settings.actions->resume(m->settings.driver, m->home);
}

static void home_closed(struct mover *m)
{
	struct mover_lines kept;

	if (m->state == MOVER_HOLDING && m->new_open) {
		swap(m);
		return;
	}
	kept = lines_take(&m->come);
	m->id[0] = '\0'; /* whoever might cancel it has ended */
	if (m->state == MOVER_HOLDING)
		read_kept(m, &kept);
	lines_clear(m, &kept);
	lose(m, "The connection was closed");
}

static void new_closed(struct mover *m)
{
	m->new_open = false;
	m->counts.failed++;
	if (m->state == MOVER_DIALLING)
		give_up(m, "The new connection did not come about");
	else if (m->state == MOVER_OFFERED)
		give_up(m, "The new connection was closed");
}

void mover_closed(struct mover *m, int slot)
{
	if (m->state == MOVER_LOST)
		return;
	if (slot == m->home)
		home_closed(m);
	else if (m->new_open)
		new_closed(m);
}

void mover_line(struct mover *m, int slot, const char *line)
{
	if (m->state == MOVER_LOST)
		return;
	if (slot == m->home) {
		home_line(m, line);
	} else if (m->new_open && !lines_add(m, &m->come, line)) {
		close_new(m);
		new_closed(m);
	}
}

void mover_connected(struct mover *m, int slot, const uint8_t *binding, const uint8_t *fingerprint)
{
	char proof[MOVER_SECRET_TEXT + 1];

	if (slot == m->home) {
		m->tls = binding != NULL;
		return;
	}
	if (m->state != MOVER_DIALLING || !m->new_open)
		return;
	if (m->new_tls && (binding == NULL || fingerprint == NULL ||
	                   sodium_memcmp(fingerprint, m->fingerprint, MOVER_SECRET) != 0)) {
		m->counts.failed++;
		give_up(m, "The certificate is another one");
		return;
	}
	m->state = MOVER_OFFERED;
	mover_proof(proof, m->id, m->token, m->new_tls ? binding : NULL);
	sodium_memzero(m->token, sizeof m->token);
	send_verb(m, slot, "HANDOVER", m->id, proof);
}

void mover_tick(struct mover *m, int64_t now_ns)
{
	m->now_ns = now_ns;
	if (now_ns < m->deadline_ns)
		return;
	m->counts.timed_out++;
	give_up(m, "Too late");
}

int64_t mover_deadline(const struct mover *m)
{
	return m->deadline_ns;
}

int mover_say(struct mover *m, const char *line)
{
	if (m->state == MOVER_LOST)
		return -ENOTCONN;
	if (m->state == MOVER_HOLDING)
		return lines_add(m, &m->said, line) ? 0 : -ENOBUFS;
	send_line(m, m->home, line);
	return 0;
}

bool mover_give_up(struct mover *m, const char *reason)
{
	if (m->state != MOVER_DIALLING && m->state != MOVER_OFFERED)
		return false;
	give_up(m, reason);
	return true;
}

void mover_init(struct mover *m, const struct mover_settings *settings, int64_t now_ns)
{
	*m = (struct mover){.settings = *settings, .now_ns = now_ns, .deadline_ns = INT64_MAX};
	if (m->settings.timeout_ns == 0)
		m->settings.timeout_ns = MOVER_TIMEOUT_NS;
	if (m->settings.held_max == 0)
		m->settings.held_max = MOVER_HELD_MAX;
}

void mover_fini(struct mover *m)
{
	lines_clear(m, &m->said);
	lines_clear(m, &m->come);
	sodium_memzero(m, sizeof *m);
}
