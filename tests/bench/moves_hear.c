/*
 * What the people of the crowd are told, line by line. Until everybody is in, others come; then
 * only messages may, "mv PLACE NUMBER TIME PAD", each of which is judged and timed.
 */
#include "moves.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** A nick's person, NULL if it is none of ours (or none at all). */
static struct person *named(struct crowd *crowd, const char *nick)
{
	char *end;
	unsigned long index;

	if (nick == NULL || *nick != 'u')
		return NULL;
	index = strtoul(nick + 1, &end, 10);
	if (end != nick + 7 || index >= crowd->options.clients)
		return NULL;
	return *end == '\0' || *end == '!' || *end == ' ' ? &crowd->people[index] : NULL;
}

void person_unexpected(struct person *person, const char *line)
{
	person->crowd->unexpected++;
	report_example(person->crowd, person->nick, line);
}

/** The words behind the verb; what begins with a colon is the last. */
struct words {
	const char *source; /* behind the colon; NULL: none */
	const char *verb, *rest;
};

static struct words read_words(const char *line)
{
	struct words words = {0};

	if (*line == '@') {
		line += strcspn(line, " ");
		line += strspn(line, " ");
	}
	if (*line == ':') {
		words.source = line + 1;
		line += strcspn(line, " ");
		line += strspn(line, " ");
	}
	words.verb = line;
	line += strcspn(line, " ");
	words.rest = line + strspn(line, " ");
	return words;
}

static bool is(const struct words *words, const char *verb)
{
	size_t len = strlen(verb);

	return strncmp(words->verb, verb, len) == 0 &&
	       (words->verb[len] == ' ' || words->verb[len] == '\0');
}

/* Coming in */

static void is_in(struct person *person)
{
	if (person->stage != ENTERING || person->members < person->crowd->options.group)
		return;
	person->stage = PRESENT;
	person->crowd->entering--;
	person->crowd->present++;
}

static void on_cap(struct person *person, const struct words *words)
{
	struct crowd *crowd = person->crowd;

	if (person->stage != ENTERING) {
		crowd->told++;
		return;
	}
	if (strstr(words->rest, " NAK ") != NULL)
		person_unexpected(person, words->rest);
	if (strstr(words->rest, " NAK ") != NULL || strstr(words->rest, " ACK ") != NULL)
		client_say(&person->client, "CAP END");
}

static void on_names(struct person *person, const struct words *words)
{
	const char *names = strchr(words->rest, ':');

	for (; names != NULL && *names != '\0'; names = strchr(names + 1, ' '))
		person->members++;
	is_in(person);
}

static void on_join(struct person *person, const struct words *words)
{
	if (named(person->crowd, words->source) != person)
		person->members++; /* its own JOIN is in the names */
	is_in(person);
}

static void on_entry(struct person *person, const struct words *words, const char *line)
{
	if (is(words, "001"))
		client_say(&person->client, "JOIN %s", person->channel);
	else if (is(words, "353"))
		on_names(person, words);
	else if (is(words, "JOIN"))
		on_join(person, words);
	else if (is(words, "ERROR") || is(words, "432") || is(words, "433") || is(words, "437"))
		person_unexpected(person, line);
}

/* Hearing */

/** Whether a move touched a message that was sent at that time. */
static bool was_moving(const struct person *person, uint64_t sent_ns)
{
	return client_is_moving(&person->client) || person->swapped_ns >= sent_ns ||
	       person->moving_ns >= sent_ns;
}

static void heard_after_move(struct person *person, uint64_t now_ns)
{
	if (person->before_ns == 0)
		return;
	report_figure(person->crowd, GAP_HOLE, now_ns - person->before_ns);
	person->before_ns = 0;
}

static void take_time(struct person *person, struct person *sender, uint64_t sent_ns)
{
	struct crowd *crowd = person->crowd;
	uint64_t now_ns = crowd->hub.now_ns, took_ns = now_ns > sent_ns ? now_ns - sent_ns : 0;
	bool moving = was_moving(person, sent_ns) || was_moving(sender, sent_ns);

	report_figure(crowd, moving ? LATENCY_MOVING : LATENCY_QUIET, took_ns);
	heard_after_move(person, now_ns);
	person->heard_ns = now_ns;
	if (took_ns > person->worst_ns)
		person->worst_ns = took_ns;
}

static struct ledger_stream *stream_of(struct person *person, struct person *sender, char place)
{
	if (place == 'd')
		return person_admirer(person) == sender
		               ? &person->heard[person->crowd->options.group]
		               : NULL;
	if (place != 'c' || sender->group != person->group || sender == person)
		return NULL;
	return &person->heard[sender->index % person->crowd->options.group];
}

static void judge(struct person *person, struct ledger_stream *stream, unsigned number,
                  uint32_t sent, const char *line)
{
	struct ledger_counts *c = &person->crowd->counts;
	uint64_t before = c->doubled + c->disordered + c->foreign;
	char what[EXAMPLE_LEN];

	if (number > stream->last + 1) {
		snprintf(what, sizeof what, "after %u came %s", stream->last, line);
		report_example(person->crowd, person->nick, what);
	}
	ledger_got(c, stream, number, sent);
	if (c->doubled + c->disordered + c->foreign != before)
		report_example(person->crowd, person->nick, line);
}

static void on_message(struct person *person, const struct words *words, const char *line)
{
	struct crowd *crowd = person->crowd;
	struct person *sender = named(crowd, words->source);
	const char *text = strstr(words->rest, ":mv ");
	struct ledger_stream *stream;
	unsigned long long sent_us;
	unsigned number;
	char place;

	if (sender == NULL || strstr(words->rest, " :hello") != NULL) {
		if (sender != NULL)
			sender->greeted = true;
		return;
	}
	if (text == NULL || sscanf(text, ":mv %c %u %llu", &place, &number, &sent_us) != 3 ||
	    (stream = stream_of(person, sender, place)) == NULL) {
		person_unexpected(person, line);
		return;
	}
	judge(person, stream, number, sender->said[place == 'c' ? IN_CHANNEL : DIRECT], line);
	take_time(person, sender, sent_us * 1000);
}

static void on_pong(struct person *person)
{
	struct crowd *crowd = person->crowd;

	if (!person->probing)
		return;
	person->probing = false;
	report_figure(crowd, GAP_SERVED, crowd->hub.now_ns - person->sync_ns);
	if (person->worst_ns > 0)
		report_figure(crowd, GAP_LATEST, person->worst_ns);
}

/** Who the server says is not there. */
static struct person *nobody(struct crowd *crowd, const struct words *words)
{
	const char *nick = words->rest + strcspn(words->rest, " ");

	return named(crowd, nick + strspn(nick, " "));
}

/** What nobody should see of others, or of the server. */
static void on_anything_else(struct person *person, const struct words *words, const char *line)
{
	struct person *who = words->source != NULL ? named(person->crowd, words->source) : NULL;

	if (is(words, "NOTICE") || is(words, "005") || is(words, "FAIL"))
		person->crowd->told++;
	else if (is(words, "MODE") && person->crowd->gone > 0)
		person->crowd->told++; /* a channel whose operator is gone gets another */
	else if (is(words, "QUIT") && who != NULL)
		who->missed = true; /* judged when it is known who was really gone */
	else if (is(words, "401") && (who = nobody(person->crowd, words)) != NULL)
		who->missed = true;
	else
		person_unexpected(person, line);
}

void person_hears(struct client *client, const char *line)
{
	struct person *person = client->owner;
	struct words words = read_words(line);

	if (is(&words, "PRIVMSG") && words.source != NULL)
		on_message(person, &words, line);
	else if (is(&words, "PING"))
		client_say(client, "PONG %s", words.rest);
	else if (is(&words, "PONG"))
		on_pong(person);
	else if (is(&words, "CAP"))
		on_cap(person, &words);
	else if (person->stage == ENTERING || !person->crowd->talking)
		on_entry(person, &words, line);
	else
		on_anything_else(person, &words, line);
}
