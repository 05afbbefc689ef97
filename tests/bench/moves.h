/*
 * The load generator "moves": a crowd that talks while its servers hand it back and forth. People
 * (moves_people.c) are clients of tests/client with a nick, a channel and a partner; what each has
 * got of whom is judged by moves_ledger.c; moves_report.c tells; moves.c has options, pace and
 * orders.
 */
#ifndef BENCH_MOVES_H
#define BENCH_MOVES_H

#include "measure.h"
#include "moves_ledger.h"
#include "tests/client/client.h"

enum { SERVERS_MAX = 32, GROUP_MAX = 64, EXAMPLES_MAX = 20, EXAMPLE_LEN = 200 };

enum place { IN_CHANNEL, DIRECT, PLACES };

struct options {
	const char *servers; /* host:port,host:port... */
	bool tls;
	unsigned clients, group, rate, seconds; /* seconds 0: until told */
	unsigned direct;                        /* of a hundred messages */
	unsigned text, concurrency, drain, seed;
	const char *caps;
	unsigned refuse, never, vanish, late, twice; /* of a hundred requests */
};

enum stage { ABSENT, ENTERING, PRESENT, GONE };

struct person {
	struct client client;
	struct crowd *crowd;
	uint32_t index, group;
	enum stage stage;
	char nick[12], channel[16];
	struct sockaddr_storage from;
	unsigned members; /* of the channel, that it knows of */
	bool greeted;     /* its direct messages arrive */
	bool missed;      /* somebody was told that it is gone */
	bool vanished;    /* of its own will */
	uint32_t said[PLACES];
	struct ledger_stream *heard;  /* by place in the group; behind them the partner's, direct */
	uint64_t sync_ns, swapped_ns; /* of the last attempt, of the last move; 0: none */
	uint64_t moving_ns;           /* when an attempt was last seen under way */
	uint64_t heard_ns;            /* when the last message came */
	uint64_t before_ns;           /* the last one before the swap; 0: one came behind it */
	uint64_t worst_ns;            /* the latest message since SYNC */
	bool probing;                 /* the PING behind SWAP is not answered yet */
};

/* What is told as a distribution. */
enum figure {
	LATENCY_QUIET,  /* messages that no move touched */
	LATENCY_MOVING, /* sent or read by somebody while moving */
	GAP_CLOSED,     /* SYNC to the end of the old connection */
	GAP_SERVED,     /* SYNC to the answer to a PING behind SWAP */
	GAP_LATEST,     /* per move, the greatest latency of a message */
	GAP_HOLE, /* per move, from the last message on the old connection to the first on the new
	           */
	FIGURES
};

struct crowd {
	struct options options;
	struct hub hub;
	struct sockaddr_storage servers[SERVERS_MAX];
	char server_names[SERVERS_MAX][64];
	unsigned server_count;
	struct person *people;
	uint32_t entering, present, gone;
	bool talking; /* everybody is there: nobody may come or go */
	bool paused, ended;
	uint64_t began_ns, in_ns;      /* the first connection; all were in */
	uint64_t since_ns, since_said; /* when the rate was set, what was said by then */
	uint64_t greeted_ns;
	uint32_t next_person;
	uint64_t said, unsaid; /* messages; held ones that did not fit */
	struct ledger_counts counts;
	struct histogram figures[FIGURES];
	uint64_t worst[FIGURES];
	uint64_t disconnected, vanished, unexpected, told; /* told: NOTICE, CAP, 005, FAIL */
	uint64_t first_move_ns, last_move_ns;
	char examples[EXAMPLES_MAX][EXAMPLE_LEN]; /* of what should not be */
	unsigned example_count;
};

/* moves_people.c */

void people_make(struct crowd *crowd);
/** Opens more, as far as concurrency allows; true when all are there and hear each other. */
bool people_enter(struct crowd *crowd);
void people_tick(struct crowd *crowd);
/** The next message of somebody. */
void people_talk(struct crowd *crowd);
/** Everything that was said has been heard by all that are still there. */
bool people_have_heard(const struct crowd *crowd);
bool people_are_moving(const struct crowd *crowd);
/** Counts what is missing. */
void people_settle(struct crowd *crowd);
/** Asks for a move in the name of so many, who are drawn. */
void people_ask(struct crowd *crowd, unsigned count);
void people_leave(struct crowd *crowd);

struct person *person_at(struct crowd *crowd, int64_t index);
/** To whom this one talks; mostly on another server. */
struct person *person_partner(struct person *person);
/** Who talks to this one. */
struct person *person_admirer(struct person *person);

/* moves_hear.c */

/** A line for its user. */
void person_hears(struct client *client, const char *line);
/** Something that should not be. */
void person_unexpected(struct person *person, const char *what);

/* moves_report.c */

void report_figure(struct crowd *crowd, enum figure figure, uint64_t ns);
/** Forgets the distributions so far. */
void report_reset(struct crowd *crowd);
/** One line of JSON on stdout. */
void report_json(struct crowd *crowd, const char *event);
/** For people, on stderr. */
void report_table(struct crowd *crowd);
bool report_is_clean(const struct crowd *crowd);
/** Of what should not be; only the first ones are kept. */
void report_example(struct crowd *crowd, const char *nick, const char *text);

#endif
