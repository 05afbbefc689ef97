/*
 * tests/sim/people.h - people of a simulated network who talk in numbers, and what they may be
 * shown.
 *
 * Each of them counts what they say, per channel and per person; each looks at every line that
 * comes in: numbers rise by one, unless the sender was seen to go (a split) or to come; nobody
 * comes who is here already, nobody goes who is still there; answers come once and in the order of
 * the questions. What a person believes about the network follows from what they are shown, and at
 * the end it must be the truth.
 */
#ifndef TESTS_PEOPLE_H
#define TESTS_PEOPLE_H

#include "tests/sim/sim_mover.h"

#define PEOPLE_MAX 40 /* in the whole story */
#define ROOMS 3
#define STREAMS (ROOMS + 2) /* #all, the rooms, directly */

/** What one knows of another. */
struct acquaintance {
	bool known, absent;        /* seen; seen to go */
	bool in[ROOMS];            /* the rooms that we share */
	bool heard[STREAMS];       /* in this stream, since one of us came */
	unsigned next[STREAMS];    /* the number that is due */
	unsigned nick;             /* of how many */
	unsigned joins[ROOMS + 1]; /* of it, that were seen */
	unsigned sure[ROOMS + 1];  /* it was there for all that we said from this number on */
	bool quit;                 /* not in a split: must really have left */
};

struct person {
	struct simmover *m;
	unsigned number; /* its nicks are t<number>x<n> */
	bool able, tls, echo, labels;
	bool renames;       /* such a one gets no direct messages */
	bool kicked;        /* so not all that it said can have been carried out */
	bool lossy;         /* its server died; the agent has brought it back, behind a gap */
	const char *excuse; /* why it may lose its connection; NULL: it may not */
	unsigned nicks;     /* how often it was renamed */
	unsigned said[ROOMS + 1], said_to[PEOPLE_MAX];
	unsigned asked, lists, caps_asked;
	bool wants[ROOMS]; /* by its commands, which are carried out in their order */
	/* What it was shown. */
	size_t read;
	unsigned answered, echoed[ROOMS + 1], listed, caps_answered, batches;
	bool in[ROOMS + 1];
	unsigned joins[ROOMS + 1];
	unsigned seen_nick;
	unsigned away_said, away_seen;
	bool monitors[PEOPLE_MAX];
	struct acquaintance others[PEOPLE_MAX];
};

struct people {
	struct simtree *tree;
	struct simserver *agent; /* some come by it; NULL: there is none */
	uint64_t random;
	struct person all[PEOPLE_MAX];
	unsigned n;
	unsigned messages, moves; /* said; begun */
	bool split;               /* some link has broken in this story */
	bool tiny;                /* little is held for who moves */
	const char *expected;     /* errors with these words may be logged; NULL: none may */
	char fault[600];
	char story[20000]; /* what was done, with times */
	size_t n_story;
};

void people_free(struct people *p);
__attribute__((format(printf, 2, 3))) void people_fault(struct people *p, const char *format, ...);
__attribute__((format(printf, 2, 3))) void people_tell(struct people *p, const char *format, ...);

/** Comes in, and joins #all; NULL: not let in. */
struct person *people_enter(struct people *p, unsigned node, bool able, bool tls, const char *caps);
/** The same by an agent, which is able in its place. */
struct person *people_enter_by(struct people *p, struct simserver *agent, const char *caps);
bool person_here(const struct person *one);

void person_says(struct people *p, struct person *one, unsigned room);
void person_tells(struct people *p, struct person *one, struct person *other);
void person_asks(struct person *one);
void person_joins(struct person *one, unsigned room);
void person_parts(struct person *one, unsigned room);
void person_renames(struct person *one);
void person_lists(struct person *one);

/** --- what they do in random stories (people_acts.c) --- */

/** 0 to n - 1. */
uint64_t people_draw(struct people *p, uint64_t n);
unsigned people_node(struct people *p);
/** Somebody who is there (and can move); NULL: nobody was found. */
struct person *people_any(struct people *p, bool able);
void people_chat(struct people *p);
void person_fidgets(struct people *p, struct person *one);
void people_fidget(struct people *p);
void people_come(struct people *p);
/** The operator's part of a move; what comes of it is seen later. */
void people_move(struct people *p, struct person *one, unsigned to);
void people_move_any(struct people *p);
void people_move_many(struct people *p);
/** Another latency, and how short writes and reads are. */
void people_slow(struct people *p);
/** Before the network, for some of those who come, or none. Whom it brings back from a server that
 * has died has missed something, and must still agree with all others about who is where. */
void people_begin_agent(struct people *p, const char *build);

/** Looks at all lines that have come since the last time. */
void person_reads(struct people *p, struct person *one);
/** Everybody says something everywhere and to everybody. */
void people_talk(struct people *p);
/** When all is quiet: everybody has heard everything, and knows what is. */
void people_settled(struct people *p);
/** The servers' own view: nothing of any move is left. */
void people_check_left(struct people *p);
/** No server says that it has seen what must not be. */
void people_check_logs(struct people *p);
/** The end of a story, and of its network; whether nothing was wrong. Else the seed and the fault
 * are told, and with GODWIT_SHOW=1 what was done, the conversations of all who are named in the
 * fault, and the servers' logs. */
bool people_end(struct people *p, uint64_t seed);

#endif
