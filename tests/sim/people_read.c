/*
 * tests/sim/people_read.c - what people make of the lines that come in.
 */
#include "tests/sim/people.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** A line that came, taken apart. */
struct heard {
	const char *line; /* as it came */
	const char *tags; /* "" without */
	unsigned who;     /* of whose nick the source is; PEOPLE_MAX: none of ours */
	unsigned nick;
	char verb[24];
	char where[64];   /* first word behind the verb, without a colon */
	const char *rest; /* behind the verb */
};

static bool parse(const char *line, struct heard *h)
{
	const char *at = line;
	int n = 0;

	*h = (struct heard){.line = line, .tags = "", .who = PEOPLE_MAX};
	if (*at == '@') {
		h->tags = line;
		at = strchr(at, ' ');
		if (at == NULL)
			return false;
		at++;
	}
	if (*at != ':')
		return false;
	if (sscanf(at, ":t%ux%u!", &h->who, &h->nick) != 2 || h->who >= PEOPLE_MAX)
		h->who = PEOPLE_MAX;
	at = strchr(at, ' ');
	if (at == NULL || sscanf(at, " %23s%n", h->verb, &n) != 1)
		return false;
	h->rest = at + n + strspn(at + n, " ");
	sscanf(h->rest + (*h->rest == ':'), "%63s", h->where);
	return true;
}

/* 0: #all, 1.. ROOMS; -1: none of ours. */
static int room_of(const char *name)
{
	if (strcmp(name, "#all") == 0)
		return 0;
	if (name[0] == '#' && name[1] == 'r' && name[2] >= '0' && name[2] < '0' + ROOMS &&
	    name[3] == '\0')
		return name[2] - '0' + 1;
	return -1;
}

/* The agent may have brought it back: with something unsaid, while its old session is still seen,
 * by another nick. Its own lines, which say so, may not have been read yet. */
static bool may_be_back(const struct people *p, unsigned who)
{
	return p->all[who].lossy ||
	       ((p->split || p->tiny) && p->all[who].m != NULL && simmover_by_agent(p->all[who].m));
}

#define FAULT(what, ...)                                                                           \
	people_fault(p, "t%u: " what ": %.200s", one->number, ##__VA_ARGS__, h->line)

static void forget_room(struct person *one, int room)
{
	for (unsigned i = 0; i < PEOPLE_MAX; i++) {
		one->others[i].heard[room] = false;
		if (room > 0)
			one->others[i].in[room - 1] = false;
	}
}

/* --- messages --- */

/* Who leaves a channel and comes again misses what others said before they were shown the second.
 */
static bool was_away(const struct people *p, const struct person *one, const struct heard *h,
                     unsigned stream, unsigned number)
{
	const struct acquaintance *of_us = &p->all[h->who].others[one->number];

	return stream <= ROOMS &&
	       (of_us->joins[stream] < one->joins[stream] || number <= of_us->sure[stream]);
}

static void number_came(struct people *p, struct person *one, const struct heard *h,
                        unsigned stream, unsigned number)
{
	struct acquaintance *a = &one->others[h->who];

	if (number < a->next[stream])
		FAULT("came twice or too late, %u was due", a->next[stream]);
	else if (number > a->next[stream] && a->heard[stream] && !may_be_back(p, h->who) &&
	         !was_away(p, one, h, stream, number))
		FAULT("something is missing, %u was due", a->next[stream]);
	a->known = true;
	a->absent = false;
	a->heard[stream] = true;
	a->next[stream] = number + 1;
}

static void echo_came(struct people *p, struct person *one, const struct heard *h, int room,
                      unsigned number)
{
	if (number < one->echoed[room] ||
	    (number > one->echoed[room] && !one->kicked && !one->lossy))
		FAULT("its own was carried out out of order, %u was due", one->echoed[room]);
	one->echoed[room] = number + 1;
}

/* The agent says that it was without a server: what was said meanwhile is not heard. */
static bool is_gap(const struct heard *h)
{
	return strcmp(h->verb, "NOTICE") == 0 && h->where[0] == 't' &&
	       strstr(h->line, ":agent.localhost ") != NULL &&
	       strstr(h->rest, " without the network;") != NULL;
}

static void gap(struct person *one)
{
	one->lossy = true;
	for (unsigned i = 0; i < PEOPLE_MAX; i++)
		memset(one->others[i].heard, 0, sizeof(one->others[i].heard));
}

static void message(struct people *p, struct person *one, const struct heard *h)
{
	int room = room_of(h->where);
	const char *text = strstr(h->rest, " :");
	unsigned who, number;
	char kind;

	if (is_gap(h))
		gap(one);
	if (h->who == PEOPLE_MAX || text == NULL ||
	    sscanf(text, " :%c%u.%u.", &kind, &who, &number) != 3)
		return;
	if (who != h->who) {
		FAULT("in another one's name");
	} else if (kind == 'd') {
		if (who != one->number)
			number_came(p, one, h, STREAMS - 1, number);
	} else if (room >= 0 && kind == 'm') {
		if (room > 0 && !one->in[room])
			FAULT("is not in that channel");
		if (who == one->number)
			echo_came(p, one, h, room, number);
		else
			number_came(p, one, h, (unsigned)room, number);
	}
}

/* --- who is where --- */

static void join(struct people *p, struct person *one, const struct heard *h)
{
	struct acquaintance *a = &one->others[h->who % PEOPLE_MAX];
	int room = room_of(h->where);

	if (h->who == PEOPLE_MAX || room < 0)
		return;
	if (h->who == one->number && one->in[room] && one->lossy)
		return; /* its old session, which others still have by its old nick */
	if (h->who == one->number) {
		if (one->in[room])
			FAULT("has joined twice");
		one->in[room] = true;
		one->joins[room]++;
		for (unsigned i = 0; i < p->n; i++)
			one->others[i].joins[room] = p->all[i].joins[room];
		forget_room(one, room);
		return;
	}
	if (!one->in[room])
		FAULT("is not in that channel");
	a->joins[room]++;
	a->sure[room] = one->said[room];
	if (room == 0) {
		if (a->known && !a->absent && !may_be_back(p, h->who))
			FAULT("was here already");
		a->known = true;
		a->nick = h->nick;
		a->quit = false;
	} else if (a->in[room - 1] && !may_be_back(p, h->who)) {
		FAULT("was in the channel already");
	} else {
		a->in[room - 1] = true;
	}
	a->absent = false;
	a->heard[room] = false;
}

static void leaves(struct people *p, struct person *one, const struct heard *h, unsigned who)
{
	int room = room_of(h->where);

	if (who >= PEOPLE_MAX || room < 0)
		return;
	if (who == one->number) {
		if (!one->in[room])
			FAULT("was not in that channel");
		one->in[room] = false;
		one->kicked |= strcmp(h->verb, "KICK") == 0;
		forget_room(one, room);
		return;
	}
	if (room > 0 && !one->others[who].in[room - 1] && !may_be_back(p, who))
		FAULT("the other was not in that channel");
	if (room > 0)
		one->others[who].in[room - 1] = false;
	one->others[who].heard[room] = false;
}

static void part(struct people *p, struct person *one, const struct heard *h)
{
	leaves(p, one, h, h->who);
}

static void kick(struct people *p, struct person *one, const struct heard *h)
{
	unsigned who = PEOPLE_MAX;

	sscanf(h->rest, "%*s t%ux", &who);
	leaves(p, one, h, who);
}

/* The two servers between which the link broke. */
static bool of_split(const char *reason)
{
	unsigned a, b;
	int n = 0;

	return sscanf(reason, ":s%u.example.net s%u.example.net%n", &a, &b, &n) == 2 && n > 0 &&
	       reason[n] == '\0';
}

static void quit(struct people *p, struct person *one, const struct heard *h)
{
	struct acquaintance *a = &one->others[h->who % PEOPLE_MAX];

	if (h->who == PEOPLE_MAX)
		return;
	if (h->who == one->number) {
		if (!one->lossy)
			FAULT("is told of its own end");
		return;
	}
	if ((!a->known || a->absent) && !may_be_back(p, h->who))
		FAULT("was not here");
	if (of_split(h->rest) && !p->split)
		FAULT("no link has broken");
	*a = (struct acquaintance){
		.known = true, .absent = true, .nick = h->nick, .quit = !of_split(h->rest)};
	memcpy(a->next, one->others[h->who].next, sizeof(a->next));
}

static void nick(struct people *p, struct person *one, const struct heard *h)
{
	unsigned who, number;

	if (h->who == PEOPLE_MAX || sscanf(h->where, "t%ux%u", &who, &number) != 2)
		return;
	if (who != h->who || (number != h->nick + 1 && !may_be_back(p, who)))
		FAULT("an unexpected nick");
	if (who == one->number) {
		if (number != one->seen_nick + 1 && !one->lossy)
			FAULT("its own nick %u was due", one->seen_nick + 1);
		one->seen_nick = number;
	} else {
		if (one->others[who].known && !one->others[who].absent &&
		    one->others[who].nick != h->nick && !may_be_back(p, who))
			FAULT("nick %u was the last", one->others[who].nick);
		one->others[who].nick = number;
	}
}

static void names(struct people *p, struct person *one, const struct heard *h)
{
	char room_name[64] = "";
	const char *at = strstr(h->rest, " :");
	int room;

	(void)p;
	sscanf(h->rest, "%*s %*s %63s", room_name);
	room = room_of(room_name);
	for (at = at != NULL ? at + 2 : ""; room >= 0 && *at != '\0';) {
		const char *name = at + strspn(at, "~&@%+");
		unsigned who, number;

		if (sscanf(name, "t%ux%u", &who, &number) == 2 && who < PEOPLE_MAX &&
		    who != one->number) {
			struct acquaintance *a = &one->others[who];

			if (!a->known || a->absent || room == 0)
				a->nick = number;
			a->known = true;
			a->absent = a->quit = false;
			if (room > 0)
				a->in[room - 1] = true;
		}
		at += strcspn(at, " ");
		at += strspn(at, " ");
	}
}

/* --- answers --- */

static void pong(struct people *p, struct person *one, const struct heard *h)
{
	const char *at = strstr(h->rest, " :q");
	unsigned number;

	if (at == NULL || sscanf(at, " :q%u.", &number) != 1)
		return;
	if (number < one->answered || (number > one->answered && !one->lossy))
		FAULT("answer %u was due", one->answered);
	one->answered = number + 1;
}

static void list_end(struct people *p, struct person *one, const struct heard *h)
{
	if (one->listed++ >= one->lists)
		FAULT("a list that was not asked for");
}

static void batch(struct people *p, struct person *one, const struct heard *h)
{
	if (h->rest[0] == '+' || (h->rest[0] == ':' && h->rest[1] == '+'))
		one->batches++;
	else if (one->batches == 0)
		FAULT("the end of no batch");
	else
		one->batches--;
}

static void cap(struct people *p, struct person *one, const struct heard *h)
{
	if (strstr(h->rest, " ACK ") == NULL && strstr(h->rest, " NAK ") == NULL)
		return;
	if (one->caps_answered++ > one->caps_asked)
		FAULT("an answer to no CAP");
}

static void away(struct people *p, struct person *one, const struct heard *h)
{
	if (one->away_seen++ >= one->away_said)
		FAULT("an answer to no AWAY");
}

static void welcome(struct people *p, struct person *one, const struct heard *h)
{
	if (one->answered > 0)
		FAULT("welcomed again");
}

static const struct {
	const char *verb;
	void (*fn)(struct people *, struct person *, const struct heard *);
} verbs[] = {
	{"PRIVMSG", message}, {"NOTICE", message}, {"JOIN", join},   {"PART", part},
	{"KICK", kick},       {"QUIT", quit},      {"NICK", nick},   {"353", names},
	{"PONG", pong},       {"323", list_end},   {"BATCH", batch}, {"CAP", cap},
	{"305", away},        {"306", away},       {"001", welcome},
};

void person_reads(struct people *p, struct person *one)
{
	const char *const *lines;
	size_t n;

	if (one->m == NULL)
		return;
	for (n = simmover_lines(one->m, &lines); one->read < n; one->read++) {
		struct heard h;

		/* What is kept for the way back has its bound, too. */
		if (p->tiny && strstr(lines[one->read], "(SendQ exceeded)") != NULL)
			one->excuse = "more came than may be held";
		if (!parse(lines[one->read], &h))
			continue;
		for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
			if (strcmp(h.verb, verbs[i].verb) == 0)
				verbs[i].fn(p, one, &h);
	}
}

/* --- the end --- */

static void heard_all(struct people *p, struct person *one, struct person *other)
{
	const struct acquaintance *a = &one->others[other->number];

	if (!a->known || a->absent)
		people_fault(p, "t%u does not see t%u", one->number, other->number);
	for (unsigned room = 0; room <= ROOMS; room++) {
		bool both = room == 0 || (one->in[room] && other->in[room]);

		if (both && a->heard[room] && !other->lossy && a->next[room] != other->said[room])
			people_fault(p, "t%u heard %u of %u by t%u in room %u", one->number,
			             a->next[room], other->said[room], other->number, room);
		if (room > 0 && one->in[room] && a->in[room - 1] != other->in[room])
			people_fault(p, "t%u believes that t%u is %sin room %u", one->number,
			             other->number, a->in[room - 1] ? "" : "not ", room);
	}
	if (!one->renames && !other->lossy && a->heard[STREAMS - 1] &&
	    a->next[STREAMS - 1] != other->said_to[one->number])
		people_fault(p, "t%u heard %u of %u that t%u told it", one->number,
		             a->next[STREAMS - 1], other->said_to[one->number], other->number);
	if (a->nick != other->seen_nick)
		people_fault(p, "t%u knows t%u by nick %u, it is %u", one->number, other->number,
		             a->nick, other->seen_nick);
}

static void is_answered(struct people *p, const struct person *one)
{
	if (one->batches != 0)
		people_fault(p, "t%u: %u batches are open", one->number, one->batches);
	if (one->lossy)
		return;
	if (one->answered != one->asked)
		people_fault(p, "t%u got %u of %u answers", one->number, one->answered, one->asked);
	if (one->listed != one->lists)
		people_fault(p, "t%u got %u of %u lists", one->number, one->listed, one->lists);
	if (one->away_seen != one->away_said)
		people_fault(p, "t%u got %u of %u answers to AWAY", one->number, one->away_seen,
		             one->away_said);
	if (one->seen_nick != one->nicks)
		people_fault(p, "t%u has nick %u of %u", one->number, one->seen_nick, one->nicks);
	for (unsigned room = 0; room <= ROOMS && !one->kicked; room++) {
		if (one->echo && one->echoed[room] != one->said[room])
			people_fault(p, "t%u was shown %u of its own %u in room %u", one->number,
			             one->echoed[room], one->said[room], room);
		if (room > 0 && one->in[room] != one->wants[room - 1])
			people_fault(p, "t%u is %sin room %u", one->number,
			             one->in[room] ? "" : "not ", room);
	}
}

void people_settled(struct people *p)
{
	for (unsigned i = 0; i < p->n; i++) {
		struct person *one = &p->all[i];

		person_reads(p, one);
		if (!person_here(one)) {
			if (one->excuse == NULL)
				people_fault(p, "t%u has lost its connection: %s", i,
				             one->m != NULL ? simmover_why_lost(one->m) : "");
			continue;
		}
		is_answered(p, one);
		for (unsigned k = 0; k < p->n; k++)
			if (k != i && person_here(&p->all[k]))
				heard_all(p, one, &p->all[k]);
		for (unsigned k = 0; k < p->n; k++)
			if (one->others[k].known && !one->others[k].absent &&
			    !person_here(&p->all[k]))
				people_fault(p, "t%u still sees t%u", i, k);
	}
}
