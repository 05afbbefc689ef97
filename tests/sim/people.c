/*
 * tests/sim/people.c - people who talk in numbers: what they say. What they make of it is in
 * people_read.c.
 */
#include "tests/sim/people.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void people_fault(struct people *p, const char *format, ...)
{
	va_list args;

	if (p->fault[0] != '\0')
		return;
	va_start(args, format);
	vsnprintf(p->fault, sizeof(p->fault), format, args);
	va_end(args);
}

void people_tell(struct people *p, const char *format, ...)
{
	char line[300];
	va_list args;
	int n, m;

	n = snprintf(line, sizeof(line), "%10.6f ", (double)simnet_now(p->tree->net) / 1e9);
	va_start(args, format);
	m = vsnprintf(line + n, sizeof(line) - (size_t)n - 2, format, args);
	va_end(args);
	n += m < (int)sizeof(line) - n - 2 ? m : (int)sizeof(line) - n - 3;
	line[n++] = '\n';
	if (p->n_story + (size_t)n >= sizeof(p->story))
		return;
	memcpy(p->story + p->n_story, line, (size_t)n);
	p->n_story += (size_t)n;
	p->story[p->n_story] = '\0';
}

void people_free(struct people *p)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->all[i].m != NULL)
			simmover_free(&p->all[i].m);
}

bool person_here(const struct person *one)
{
	return one->m != NULL && !simmover_lost(one->m);
}

static struct person *new_person(struct people *p, bool able, bool tls, const char *caps)
{
	struct person *one = &p->all[p->n];

	*one = (struct person){.number = p->n,
	                       .able = able,
	                       .tls = tls,
	                       .renames = p->n % 3 == 2,
	                       .echo = strstr(caps, "echo-message") != NULL,
	                       .labels = strstr(caps, "labeled-response") != NULL};
	return one;
}

static struct person *comes(struct people *p, struct person *one)
{
	if (one->m == NULL)
		return NULL;
	p->n++;
	simmover_say(one->m, "JOIN #all");
	simmover_wait(one->m, "* 366 *");
	return one;
}

struct person *people_enter(struct people *p, unsigned node, bool able, bool tls, const char *caps)
{
	char all[300], nick[32];
	struct person *one;

	if (p->n == PEOPLE_MAX)
		return NULL;
	one = new_person(p, able, tls, caps);
	snprintf(all, sizeof(all), "%s%s%s", able ? "godwit/redirect" : "",
	         able && caps[0] != '\0' ? " " : "", caps);
	snprintf(nick, sizeof(nick), "t%ux0", p->n);
	one->m = simmover_new(p->tree, node, nick, all, tls);
	people_tell(p, "%s comes to s%u%s, with %s", nick, node, tls ? " over TLS" : "", all);
	return comes(p, one);
}

struct person *people_enter_by(struct people *p, struct simserver *agent, const char *caps)
{
	struct person *one;
	char nick[32];

	if (p->n == PEOPLE_MAX)
		return NULL;
	one = new_person(p, true, true, caps);
	snprintf(nick, sizeof(nick), "t%ux0", p->n);
	one->m = simmover_new_by(p->tree, agent, nick, caps);
	people_tell(p, "%s comes by the agent, with %s", nick, caps);
	return comes(p, one);
}

/* --- what they say --- */

void person_says(struct people *p, struct person *one, unsigned room)
{
	if (room > 0 && !one->wants[room - 1])
		return;
	if (room == 0)
		simmover_say(one->m, "PRIVMSG #all :m%u.%u.", one->number, one->said[0]++);
	else
		simmover_say(one->m, "PRIVMSG #r%u :m%u.%u.", room - 1, one->number,
		             one->said[room]++);
	p->messages++;
}

void person_tells(struct people *p, struct person *one, struct person *other)
{
	if (other == NULL || other->renames || !person_here(other) || one == other)
		return;
	simmover_say(one->m, "NOTICE t%ux0 :d%u.%u.", other->number, one->number,
	             one->said_to[other->number]++);
	p->messages++;
}

void person_asks(struct person *one)
{
	if (one->labels)
		simmover_say(one->m, "@label=q%u PING :q%u.", one->asked, one->asked);
	else
		simmover_say(one->m, "PING :q%u.", one->asked);
	one->asked++;
}

void person_joins(struct person *one, unsigned room)
{
	simmover_say(one->m, "JOIN #r%u", room);
	one->wants[room] = true;
}

void person_parts(struct person *one, unsigned room)
{
	if (one->wants[room])
		simmover_say(one->m, "PART #r%u :enough", room);
	one->wants[room] = false;
}

void person_renames(struct person *one)
{
	if (one->renames)
		simmover_say(one->m, "NICK t%ux%u", one->number, ++one->nicks);
}

void person_lists(struct person *one)
{
	if (one->labels)
		simmover_say(one->m, "@label=list%u LIST", one->lists);
	else
		simmover_say(one->m, "LIST");
	one->lists++;
}

void people_talk(struct people *p)
{
	for (unsigned i = 0; i < p->n; i++) {
		struct person *one = &p->all[i];

		if (!person_here(one))
			continue;
		for (unsigned room = 0; room <= ROOMS; room++)
			if (room == 0 || one->in[room])
				person_says(p, one, room);
		for (unsigned k = 0; k < p->n; k++)
			person_tells(p, one, &p->all[k]);
		person_asks(one);
	}
}

static void check_line(struct people *p, unsigned node, const char *line, size_t n)
{
	static const char *const faults[] = {": stale",       ": memory left", "DIVERGED",
	                                     "forged",        "malformed",     " error ",
	                                     "record refused"};

	for (unsigned i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		if (memmem(line, n, faults[i], strlen(faults[i])) != NULL &&
		    (p->expected == NULL ||
		     memmem(line, n, p->expected, strlen(p->expected)) == NULL))
			people_fault(p, "s%u logs: %.*s", node, (int)n, line);
}

void people_check_logs(struct people *p)
{
	for (unsigned k = 0; k < p->tree->n; k++) {
		const char *at = simserver_log(p->tree->nodes[k].server);

		while (*at != '\0') {
			size_t n = strcspn(at, "\n");

			check_line(p, k, at, n);
			at += n + (at[n] == '\n');
		}
	}
}

static void show(const struct people *p, uint64_t seed)
{
	bool shown[PEOPLE_MAX] = {false};
	unsigned who;

	fprintf(stderr, "--- the story of seed %llu\n%s", (unsigned long long)seed, p->story);
	for (const char *at = p->fault; *at != '\0'; at++) {
		if (sscanf(at, "t%u", &who) != 1 || who >= p->n || shown[who])
			continue;
		shown[who] = true;
		fprintf(stderr, "--- t%u\n%s", who, simmover_talk(p->all[who].m));
	}
	for (unsigned i = 0; i < p->tree->n; i++)
		fprintf(stderr, "--- %s\n%s\n", p->tree->nodes[i].name,
		        simserver_log(p->tree->nodes[i].server));
	if (p->agent != NULL)
		fprintf(stderr, "--- the agent\n%s\n", simserver_log(p->agent));
}

bool people_end(struct people *p, uint64_t seed)
{
	bool good = p->fault[0] == '\0';

	if (!good && getenv("GODWIT_SHOW") != NULL)
		show(p, seed);
	if (!good)
		fprintf(stderr, "# seed %llu: %s\n", (unsigned long long)seed, p->fault);
	people_free(p);
	simtree_end(&p->tree);
	return good;
}
