/*
 * The people of the crowd: how they come in, are moved, and talk. Whoever is in has a full channel
 * around and a partner who hears him; from then on nobody may come, go, or be called otherwise.
 */
#include "moves.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)

static const char places[PLACES] = {[IN_CHANNEL] = 'c', [DIRECT] = 'd'};

struct person *person_at(struct crowd *crowd, int64_t index)
{
	int64_t count = crowd->options.clients;

	return &crowd->people[(index % count + count) % count];
}

struct person *person_partner(struct person *person)
{
	return person_at(person->crowd, (int64_t)person->index + person->crowd->options.group + 1);
}

struct person *person_admirer(struct person *person)
{
	return person_at(person->crowd, (int64_t)person->index - person->crowd->options.group - 1);
}

/* Coming in */

static void greet(struct person *person)
{
	client_say(&person->client, "PRIVMSG %s :hello", person_partner(person)->nick);
}

static void client_up(struct client *client)
{
	struct person *person = client->owner;

	client_say(client, "CAP LS 302");
	client_say(client, "NICK %s", person->nick);
	client_say(client, "USER %s 0 * :moves", person->nick);
	client_say(client, "CAP REQ :%s", person->crowd->options.caps);
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
	if (crowd->disconnected <= EXAMPLES_MAX / 4)
		report_example(crowd, person->nick, reason);
}

static const struct client_events client_events = {.up = client_up,
                                                   .line = person_hears,
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
	const char *target = place == DIRECT ? person_partner(person)->nick : person->channel;
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
		struct person *person = person_at(crowd, (int64_t)crowd->next_person++ * 7919);

		if (person->stage == PRESENT && person_partner(person)->stage == PRESENT) {
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
	return person_admirer(person)->stage != PRESENT ||
	       person->heard[crowd->options.group].last >= person_admirer(person)->said[DIRECT];
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
	struct person *admired_by = person_admirer(person);

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
			person_unexpected(person, "others were told that it is gone");
	}
}

void people_ask(struct crowd *crowd, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		client_say(&person_at(crowd, random())->client, "REDIRECT MOVE");
}

void people_leave(struct crowd *crowd)
{
	for (uint32_t i = 0; i < crowd->options.clients; i++) {
		client_close(&crowd->people[i].client);
		free(crowd->people[i].heard);
	}
	free(crowd->people);
}
