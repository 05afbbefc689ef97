/*
 * The people of the crowd: how they come in, what they say, what they hear. A message is "mv PLACE
 * NUMBER TIME PAD", with the time in microseconds of this machine's clock. Whoever is in has a full
 * channel around and a partner who hears him; from then on nobody may come, go, or be called
 * otherwise.
 */
#include "moves.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)

static const char places[PLACES] = {[IN_CHANNEL] = 'c', [DIRECT] = 'd'};

static struct person *at(struct crowd *crowd, int64_t index)
{
	int64_t count = crowd->options.clients;

	return &crowd->people[(index % count + count) % count];
}

/** To whom this one talks; always on another server than the one next to it. */
static struct person *partner(struct person *person)
{
	return at(person->crowd, (int64_t)person->index + person->crowd->options.group + 1);
}

/** Who talks to this one. */
static struct person *admirer(struct person *person)
{
	return at(person->crowd, (int64_t)person->index - person->crowd->options.group - 1);
}

/** A nick's person, NULL if it is none of ours. */
static struct person *named(struct crowd *crowd, const char *nick)
{
	char *end;
	unsigned long index;

	if (*nick != 'u')
		return NULL;
	index = strtoul(nick + 1, &end, 10);
	if (end != nick + 7 || index >= crowd->options.clients)
		return NULL;
	return *end == '\0' || *end == '!' || *end == ' ' ? &crowd->people[index] : NULL;
}

/* Coming in */

static void greet(struct person *person)
{
	client_say(&person->client, "PRIVMSG %s :hello", partner(person)->nick);
}

static void is_in(struct person *person)
{
	if (person->stage != ENTERING || person->members < person->crowd->options.group)
		return;
	person->stage = PRESENT;
	person->crowd->entering--;
	person->crowd->present++;
}

static void client_up(struct client *client)
{
	struct person *person = client->owner;

	client_say(client, "CAP LS 302");
	client_say(client, "NICK %s", person->nick);
	client_say(client, "USER %s 0 * :moves", person->nick);
	client_say(client, "CAP REQ :%s", person->crowd->options.caps);
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

static void on_cap(struct person *person, const struct words *words)
{
	struct crowd *crowd = person->crowd;

	if (person->stage != ENTERING) {
		crowd->told++;
		return;
	}
	if (strstr(words->rest, " NAK ") != NULL)
		report_unexpected(crowd, "%s: %s", person->nick, words->rest);
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
		report_unexpected(person->crowd, "%s: %s", person->nick, line);
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
		return admirer(person) == sender ? &person->heard[person->crowd->options.group]
		                                 : NULL;
	if (place != 'c' || sender->group != person->group || sender == person)
		return NULL;
	return &person->heard[sender->index % person->crowd->options.group];
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
		report_unexpected(crowd, "%s: %s", person->nick, line);
		return;
	}
	ledger_got(&crowd->counts, stream, number,
	           sender->said[place == 'c' ? IN_CHANNEL : DIRECT]);
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
	else if (is(words, "QUIT") && who != NULL)
		who->missed = true; /* judged when it is known who was really gone */
	else if (is(words, "401") && (who = nobody(person->crowd, words)) != NULL)
		who->missed = true;
	else
		report_unexpected(person->crowd, "%s: %s", person->nick, line);
}

static void client_line(struct client *client, const char *line)
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

/* Being moved */

static enum client_fault client_asked(struct client *client)
{
	struct person *person = client->owner;
	const struct options *o = &person->crowd->options;
	const struct {
		unsigned percent;
		enum client_fault fault;
	} rows[] = {{o->refuse, CLIENT_REFUSE},
	            {o->never, CLIENT_NEVER},
	            {o->vanish, CLIENT_VANISH},
	            {o->late, CLIENT_LATE},
	            {o->twice, CLIENT_TWICE}};
	unsigned drawn = random() % 100;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (drawn < rows[i].percent)
			return rows[i].fault;
		drawn -= rows[i].percent;
	}
	return CLIENT_HONEST;
}

static void client_frozen(struct client *client)
{
	struct person *person = client->owner;

	person->sync_ns = person->crowd->hub.now_ns;
	person->worst_ns = 0;
	person->probing = false;
}

static void client_moved(struct client *client)
{
	struct person *person = client->owner;
	struct crowd *crowd = person->crowd;

	person->swapped_ns = crowd->hub.now_ns;
	if (crowd->first_move_ns == 0)
		crowd->first_move_ns = person->swapped_ns;
	crowd->last_move_ns = person->swapped_ns;
	if (client->fault == CLIENT_LATE)
		return;
	report_figure(crowd, GAP_CLOSED, person->swapped_ns - person->sync_ns);
	person->before_ns = person->heard_ns;
	person->probing = true;
	client_say(client, "PING moved");
}

static void client_lost(struct client *client, const char *reason, bool vanished)
{
	struct person *person = client->owner;
	struct crowd *crowd = person->crowd;

	if (person->stage == ENTERING)
		crowd->entering--;
	else
		crowd->present--;
	person->stage = GONE;
	person->vanished = vanished;
	crowd->gone++;
	if (vanished) {
		crowd->vanished++;
		return;
	}
	crowd->disconnected++;
	report_unexpected(crowd, "%s: disconnected: %s", person->nick, reason);
}

static const struct client_events client_events = {.up = client_up,
                                                   .line = client_line,
                                                   .asked = client_asked,
                                                   .frozen = client_frozen,
                                                   .moved = client_moved,
                                                   .lost = client_lost};

/* All of them */

static void make_person(struct crowd *crowd, uint32_t index)
{
	struct person *person = &crowd->people[index];
	struct sockaddr_in *from = (struct sockaddr_in *)&person->from;

	person->crowd = crowd;
	person->index = index;
	person->group = index / crowd->options.group;
	person->client.owner = person;
	person->client.events = &client_events;
	snprintf(person->nick, sizeof person->nick, "u%06u", index % 1000000);
	snprintf(person->channel, sizeof person->channel, "#g%06u", person->group % 1000000);
	person->heard = calloc(crowd->options.group + 1, sizeof *person->heard);
	/* several addresses, lest the ports of closed connections run out */
	from->sin_family = AF_INET;
	from->sin_addr.s_addr = htonl(INADDR_LOOPBACK + index % 64);
}

void people_make(struct crowd *crowd)
{
	crowd->people = calloc(crowd->options.clients, sizeof *crowd->people);
	if (crowd->people == NULL)
		abort();
	for (uint32_t i = 0; i < crowd->options.clients; i++)
		make_person(crowd, i);
}

static bool is_loopback(const struct sockaddr_storage *address)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)address;

	return in->sin_family == AF_INET && ntohl(in->sin_addr.s_addr) >> 24 == 127;
}

static void enter(struct person *person)
{
	struct crowd *crowd = person->crowd;
	const struct sockaddr_storage *to = &crowd->servers[person->index % crowd->server_count];

	person->stage = ENTERING;
	crowd->entering++;
	if (is_loopback(to))
		person->client.from = &person->from;
	client_open(&person->client, &crowd->hub, to, crowd->options.tls);
}

bool people_enter(struct crowd *crowd)
{
	uint32_t *next = &crowd->next_person, count = crowd->options.clients;
	bool all_greeted = crowd->present == count;

	/* a channel is full only if its last ones come in, so whole groups enter */
	while (*next < count &&
	       (crowd->entering < crowd->options.concurrency || *next % crowd->options.group != 0))
		enter(&crowd->people[(*next)++]);
	if (crowd->gone > 0)
		return true;
	for (uint32_t i = 0; all_greeted && i < count; i++)
		all_greeted = crowd->people[i].greeted;
	return all_greeted;
}

void people_tick(struct crowd *crowd)
{
	bool greeting = !crowd->talking && crowd->present == crowd->options.clients &&
	                crowd->hub.now_ns - crowd->greeted_ns > SECOND / 2;

	if (greeting)
		crowd->greeted_ns = crowd->hub.now_ns;
	for (uint32_t i = 0; i < crowd->options.clients; i++) {
		struct person *person = &crowd->people[i];

		if (person->stage == ENTERING || person->stage == PRESENT)
			client_tick(&person->client);
		if (person->stage == PRESENT && client_is_moving(&person->client))
			person->moving_ns = crowd->hub.now_ns;
		if (greeting && person->stage == PRESENT && !person->greeted)
			greet(person);
	}
}

static const char *pad(unsigned len)
{
	static const char letters[] = "and so on and so forth for as long as it takes to make a "
				      "line as long as people's lines are, "
				      "which is rarely longer than this and mostly a good deal "
				      "shorter than one might think of them";

	return len < sizeof letters ? letters + sizeof letters - 1 - len : letters;
}

static void say(struct person *person, enum place place)
{
	struct crowd *crowd = person->crowd;
	const char *target = place == DIRECT ? partner(person)->nick : person->channel;
	uint64_t us = hub_clock(&crowd->hub) / 1000;

	if (client_say(&person->client, "PRIVMSG %s :mv %c %u %llu %s", target, places[place],
	               person->said[place] + 1, (unsigned long long)us,
	               pad(crowd->options.text)) < 0) {
		crowd->unsaid++;
		return;
	}
	person->said[place]++;
	crowd->said++;
}

/** So many of a hundred are direct, of everybody. */
static enum place next_place(const struct person *person)
{
	uint32_t turn = person->said[IN_CHANNEL] + person->said[DIRECT] + person->index;

	return turn % 100 * 37 % 100 < person->crowd->options.direct ? DIRECT : IN_CHANNEL;
}

void people_talk(struct crowd *crowd)
{
	uint32_t count = crowd->options.clients;

	/* neighbours in a channel do not talk one after another */
	for (uint32_t tried = 0; tried < count; tried++) {
		struct person *person = at(crowd, (int64_t)crowd->next_person++ * 7919);

		if (person->stage == PRESENT && partner(person)->stage == PRESENT) {
			say(person, next_place(person));
			return;
		}
	}
}

/* The end */

static bool has_heard(struct person *person)
{
	const struct crowd *crowd = person->crowd;
	struct person *group = &crowd->people[person->group * crowd->options.group];

	for (unsigned i = 0; i < crowd->options.group; i++)
		if (&group[i] != person && group[i].stage == PRESENT &&
		    person->heard[i].last < group[i].said[IN_CHANNEL])
			return false;
	return admirer(person)->stage != PRESENT ||
	       person->heard[crowd->options.group].last >= admirer(person)->said[DIRECT];
}

bool people_have_heard(const struct crowd *crowd)
{
	for (uint32_t i = 0; i < crowd->options.clients; i++)
		if (crowd->people[i].stage == PRESENT && !has_heard(&crowd->people[i]))
			return false;
	return true;
}

bool people_are_moving(const struct crowd *crowd)
{
	for (uint32_t i = 0; i < crowd->options.clients; i++)
		if (crowd->people[i].stage == PRESENT &&
		    (client_is_moving(&crowd->people[i].client) || crowd->people[i].probing))
			return true;
	return false;
}

static void settle(struct person *person)
{
	struct crowd *crowd = person->crowd;
	struct person *group = &crowd->people[person->group * crowd->options.group];
	struct person *admired_by = admirer(person);

	for (unsigned i = 0; i < crowd->options.group; i++)
		if (&group[i] != person)
			ledger_end(&crowd->counts, &person->heard[i], group[i].said[IN_CHANNEL],
			           group[i].stage == GONE);
	ledger_end(&crowd->counts, &person->heard[crowd->options.group], admired_by->said[DIRECT],
	           admired_by->stage == GONE);
}

void people_settle(struct crowd *crowd)
{
	for (uint32_t i = 0; i < crowd->options.clients; i++) {
		struct person *person = &crowd->people[i];

		if (person->stage == PRESENT)
			settle(person);
		if (person->stage == PRESENT && person->missed)
			report_unexpected(crowd, "%s: others were told that it is gone",
			                  person->nick);
	}
}

void people_ask(struct crowd *crowd, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		client_say(&at(crowd, random())->client, "REDIRECT MOVE");
}

void people_leave(struct crowd *crowd)
{
	for (uint32_t i = 0; i < crowd->options.clients; i++) {
		client_close(&crowd->people[i].client);
		free(crowd->people[i].heard);
	}
	free(crowd->people);
}
