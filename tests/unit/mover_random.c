/*
 * The client's side of a move against two servers that behave as doc/redirect.md says, both made up
 * here, with all that is on its way delivered in random order (but in order on each connection),
 * and with faults: connections that break, time that passes, a user who changes his mind. Numbered
 * messages go both ways all the while. Each must arrive once and in order, unless the connection
 * that held the client was broken.
 *
 *     mover_random [RUNS [FIRST]]
 */
#include "modules/agent/mover.h"
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PIPE_LINES = 2048, STEPS = 400, SECOND = 1000000000 };

#define TOKEN "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8"

struct pipe {
	char lines[PIPE_LINES][160];
	unsigned head, tail;
	bool ended; /* behind the last line */
};

/* A connection. The client's end may be gone (`client_on` false) before the server's. */
struct wire {
	struct pipe down, up;
	bool client_on, connecting, server_on;
};

/* What somebody does wrong on purpose, to show that it is found. */
enum planted {
	NOTHING,
	LOSES_A_MESSAGE,
	REPEATS_A_MESSAGE,
	TALKS_AFTER_SYNCED,
	EXECUTES_TWICE,
	PLANTED
};

enum phase { HOME, REQUESTED, JOINED, SYNCING, CUTTING, HEIR };

struct world {
	struct mover mover;
	struct wire wires[2];
	enum phase phase;
	int home; /* as the servers see it */
	char id[MOVER_ID_TEXT + 1];
	unsigned sent, released, shown; /* messages to the client; those between are in the hold */
	unsigned said, executed, kept;  /* and from it */
	unsigned moves, cancels, refusals;
	int64_t now_ns;
	uint64_t random;
	bool faults, excused, lost;
	enum planted planted;
};

static unsigned draw(struct world *w, unsigned below)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return (w->random >> 11) % below;
}

#define demand(holds, what)                                                                        \
	do {                                                                                       \
		if (!(holds))                                                                      \
			fail(what, __LINE__);                                                      \
	} while (0)

static uint64_t seed; /* of the present run */

static void fail(const char *what, int at)
{
	fprintf(stderr, "mover_random 1 %llu: %s (line %d)\n", (unsigned long long)seed, what, at);
	abort();
}

/* Pipes */

static void put(struct pipe *pipe, const char *line)
{
	demand(pipe->tail < PIPE_LINES, "a pipe is full");
	demand(strlen(line) < sizeof pipe->lines[0], "a line is too long for the pipe");
	if (!pipe->ended)
		strcpy(pipe->lines[pipe->tail++], line);
}

static void put_number(struct pipe *pipe, const char *word, unsigned number)
{
	char line[32];

	snprintf(line, sizeof line, "%s %u", word, number);
	put(pipe, line);
}

static void put_verb(struct world *w, const char *verb, const char *rest)
{
	char line[200];

	snprintf(line, sizeof line, ":one REDIRECT %s %s%s", verb, w->id, rest);
	put(&w->wires[w->home].down, line);
}

static void wire_break(struct wire *wire)
{
	wire->down.ended = wire->up.ended = true;
	wire->down.head = wire->down.tail;
	wire->up.head = wire->up.tail;
}

/* The client's driver */

static void on_dial(void *driver, int slot, const char *host, uint16_t port,
                    const uint8_t *fingerprint)
{
	struct world *w = driver;

	(void)host;
	(void)port;
	demand(fingerprint == NULL && !w->wires[slot].client_on, "a slot is dialled twice");
	memset(&w->wires[slot], 0, sizeof w->wires[slot]);
	w->wires[slot].client_on = w->wires[slot].connecting = true;
}

static void on_send(void *driver, int slot, const char *line)
{
	struct world *w = driver;

	demand(w->wires[slot].client_on, "a line for a connection that is none");
	put(&w->wires[slot].up, line);
	if (w->planted == TALKS_AFTER_SYNCED && strncmp(line, "REDIRECT SYNCED", 15) == 0)
		put_number(&w->wires[slot].up, "CMD", ++w->said);
}

static void on_close(void *driver, int slot)
{
	struct world *w = driver;

	demand(w->wires[slot].client_on, "closed twice");
	w->wires[slot].client_on = w->wires[slot].connecting = false;
	w->wires[slot].up.ended = true;
}

static void on_deliver(void *driver, const char *line)
{
	struct world *w = driver;
	unsigned number;

	demand(sscanf(line, "EVT %u", &number) == 1, "the user is shown nonsense");
	demand(number == w->shown + 1, "a message is lost, doubled or out of order");
	w->shown = number;
	if (draw(w, 4) == 0) {
		char say[32];

		snprintf(say, sizeof say, "CMD %u", w->said + 1);
		if (mover_say(&w->mover, say) == 0)
			w->said++;
	}
}

static void on_lost(void *driver, const char *reason)
{
	struct world *w = driver;

	(void)reason;
	demand(w->excused, "the client is lost");
	w->lost = true;
}

static const struct mover_actions actions = {.dial = on_dial,
                                             .send = on_send,
                                             .close = on_close,
                                             .deliver = on_deliver,
                                             .lost = on_lost};

/* The servers */

static void show_held(struct world *w, int slot)
{
	while (w->released < w->sent)
		put_number(&w->wires[slot].down, "EVT", ++w->released);
}

static void execute_kept(struct world *w)
{
	w->executed += w->kept;
	if (w->planted != EXECUTES_TWICE)
		w->kept = 0;
}

static void server_close(struct wire *wire)
{
	wire->server_on = false;
	wire->down.ended = true;
	wire->up.head = wire->up.tail;
}

static void resume(struct world *w)
{
	w->excused |= w->wires[w->home].down.ended;
	put_verb(w, "CANCEL", " :so");
	server_close(&w->wires[!w->home]);
	show_held(w, w->home);
	execute_kept(w);
	w->phase = HOME;
	w->id[0] = '\0';
	w->cancels++;
}

static void event(struct world *w)
{
	w->sent++;
	if (w->phase < SYNCING)
		show_held(w, w->home);
	else if (w->phase == HEIR)
		show_held(w, !w->home);
}

static void request(struct world *w)
{
	struct wire *other = &w->wires[!w->home];
	uint8_t id[MOVER_ID];

	if (other->client_on)
		return;
	for (size_t i = 0; i < sizeof id; i++)
		id[i] = draw(w, 256);
	sodium_bin2base64(w->id, sizeof w->id, id, sizeof id,
	                  sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	put_verb(w, "REQUEST", " two 1 - " TOKEN);
	w->phase = REQUESTED;
}

/** Whoever breaks the new connection now ends the session. */
static void move(struct world *w)
{
	w->phase = HEIR;
	w->moves++;
	if (w->planted == LOSES_A_MESSAGE && w->released < w->sent)
		w->released++;
	if (w->planted == REPEATS_A_MESSAGE && w->released > 0)
		w->released--;
	server_close(&w->wires[w->home]);
	if (w->wires[!w->home].up.ended)
		w->excused = true;
	show_held(w, !w->home);
}

static void advance(struct world *w)
{
	switch (w->phase) {
	case HOME:
		request(w);
		break;
	case JOINED:
		put_verb(w, "SYNC", "");
		w->phase = SYNCING;
		break;
	case CUTTING:
		move(w);
		break;
	default:
		break;
	}
}

static void on_command(struct world *w, int slot, unsigned number)
{
	demand(slot == w->home, "a command on the new connection before SWAP");
	demand(w->phase != CUTTING, "a command behind SYNCED");
	demand(number == w->executed + w->kept + 1, "a command is lost, doubled or out of order");
	if (w->phase == SYNCING)
		w->kept++;
	else
		w->executed++;
}

static void on_home_verb(struct world *w, const char *verb)
{
	if (strcmp(verb, "REFUSE") == 0 && w->phase > HOME && w->phase < CUTTING) {
		w->refusals++;
		resume(w);
	} else if (strcmp(verb, "SYNCED") == 0) {
		demand(w->phase == SYNCING, "SYNCED without SYNC");
		w->phase = CUTTING;
	}
}

static void on_new_verb(struct world *w, int slot, const char *verb, const char *line)
{
	char expected[128], proof[MOVER_SECRET_TEXT + 1];
	uint8_t token[MOVER_SECRET];

	for (int i = 0; i < MOVER_SECRET; i++)
		token[i] = 0x20 + i;
	if (strcmp(verb, "HANDOVER") == 0 && w->phase == REQUESTED) {
		mover_proof(proof, w->id, token, NULL);
		snprintf(expected, sizeof expected, "REDIRECT HANDOVER %s %s", w->id, proof);
		demand(strcmp(line, expected) == 0, "the proof is wrong");
		w->phase = JOINED;
	} else if (strcmp(verb, "SWAP") == 0) {
		demand(w->phase == HEIR, "SWAP too early");
		w->home = slot;
		w->phase = HOME;
		execute_kept(w);
	} else {
		server_close(&w->wires[slot]);
	}
}

static void server_line(struct world *w, int slot, const char *line)
{
	char verb[16], id[64];
	unsigned number;

	if (sscanf(line, "CMD %u", &number) == 1) {
		on_command(w, slot, number);
		return;
	}
	demand(sscanf(line, "REDIRECT %15s %63s", verb, id) == 2, "the server is told nonsense");
	if (strcmp(id, w->id) != 0) {
		if (slot != w->home)
			server_close(&w->wires[slot]);
	} else if (slot == w->home) {
		on_home_verb(w, verb);
	} else {
		on_new_verb(w, slot, verb, line);
	}
}

static void server_sees_the_end(struct world *w, int slot)
{
	server_close(&w->wires[slot]);
	if (slot != w->home && w->phase >= JOINED && w->phase < HEIR)
		resume(w);
}

/* What may happen next */

static void read_down(struct world *w, int slot)
{
	struct wire *wire = &w->wires[slot];
	struct pipe *pipe = &wire->down;

	if (!wire->client_on || wire->connecting)
		return;
	if (pipe->head < pipe->tail) {
		mover_line(&w->mover, slot, pipe->lines[pipe->head++]);
	} else if (pipe->ended) {
		wire->client_on = false;
		wire->up.ended = true;
		mover_closed(&w->mover, slot);
	}
}

/** The recipient reads nothing between HANDOVER and the cut. */
static void read_up(struct world *w, int slot)
{
	struct wire *wire = &w->wires[slot];
	struct pipe *pipe = &wire->up;

	if (!wire->server_on)
		return;
	if (slot != w->home && w->phase >= JOINED && w->phase < HEIR) {
		if (pipe->ended)
			server_sees_the_end(w, slot);
	} else if (pipe->head < pipe->tail)
		server_line(w, slot, pipe->lines[pipe->head++]);
	else if (pipe->ended)
		server_sees_the_end(w, slot);
}

static void connect_new(struct world *w)
{
	int slot = !w->mover.home;
	struct wire *wire = &w->wires[slot];

	if (!wire->connecting)
		return;
	wire->connecting = false;
	if (w->faults && draw(w, 8) == 0) {
		wire->client_on = false;
		mover_closed(&w->mover, slot);
		return;
	}
	wire->server_on = true;
	mover_connected(&w->mover, slot, NULL, NULL);
}

static void say(struct world *w)
{
	char line[32];

	snprintf(line, sizeof line, "CMD %u", w->said + 1);
	if (mover_say(&w->mover, line) == 0)
		w->said++;
}

/** What holds the client may be broken only once: that is the end. The old connection may break in
 * CUTTING: then the move must come about. */
static void fault(struct world *w)
{
	struct wire *home = &w->wires[w->home], *other = &w->wires[!w->home];

	switch (draw(w, 12)) {
	case 0:
		if (w->phase == HEIR || home->down.ended)
			w->excused = true;
		if (other->client_on && !other->connecting)
			wire_break(other);
		break;
	case 1:
		if (w->phase == CUTTING && !other->up.ended && other->server_on)
			wire_break(home);
		break;
	case 2:
		w->excused = draw(w, 20) == 0;
		if (w->excused)
			wire_break(home);
		break;
	case 3:
		if (w->phase > HOME && w->phase < HEIR && !home->down.ended)
			resume(w);
		break;
	case 4:
		mover_give_up(&w->mover, "I have changed my mind");
		break;
	default:
		break;
	}
}

static void step(struct world *w)
{
	switch (draw(w, 14)) {
	case 0:
		event(w);
		break;
	case 1:
		say(w);
		break;
	case 2:
		advance(w);
		break;
	case 3:
		connect_new(w);
		break;
	case 4:
		if (w->faults)
			mover_tick(&w->mover, w->now_ns += draw(w, 2) * (int64_t)SECOND);
		break;
	case 5:
		if (w->faults)
			fault(w);
		break;
	case 6:
	case 7:
	case 8:
	case 9:
		read_up(w, draw(w, 2));
		break;
	default:
		read_down(w, draw(w, 2));
		break;
	}
}

/** Without further faults all must come to rest. */
static void settle(struct world *w)
{
	w->faults = false;
	for (int i = 0; i < 20000 && !w->lost; i++) {
		if (w->phase != HOME && i % 50 == 0)
			advance(w);
		connect_new(w);
		read_up(w, draw(w, 2));
		read_down(w, draw(w, 2));
		if (w->phase == REQUESTED && i == 10000)
			resume(w);
	}
}

static void run(struct world *w, enum planted planted)
{
	struct mover_settings settings = {.actions = &actions, .driver = w};

	memset(w, 0, sizeof *w);
	w->random = seed * 0x9e3779b97f4a7c15 + 1;
	w->faults = seed % 2;
	w->planted = planted;
	w->wires[0].client_on = w->wires[0].server_on = true;
	mover_init(&w->mover, &settings, 0);
	mover_connected(&w->mover, 0, NULL, NULL);
	for (int i = 0; i < STEPS && !w->excused; i++)
		step(w);
	settle(w);
	if (!w->excused) {
		demand(w->phase == HOME && w->mover.state == MOVER_HOME, "something is left over");
		demand(w->shown == w->sent, "messages are missing");
		demand(w->executed == w->said, "commands are missing");
	}
	mover_fini(&w->mover);
}

/** In a process of its own, as it ends there. */
static bool is_found(struct world *w, enum planted planted)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		if (freopen("/dev/null", "w", stderr) == NULL)
			_exit(2);
		for (seed = 1; seed <= 100; seed++)
			run(w, planted);
		_exit(0);
	}
	return child > 0 && waitpid(child, &status, 0) == child && WIFSIGNALED(status) &&
	       WTERMSIG(status) == SIGABRT;
}

int main(int argc, char **argv)
{
	uint64_t runs = argc > 1 ? strtoull(argv[1], NULL, 10) : 5000;
	uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	struct world *w = malloc(sizeof *w);
	uint64_t moves = 0, cancels = 0, refusals = 0, excused = 0;

	if (sodium_init() < 0 || w == NULL)
		return 1;
	for (enum planted planted = 1; planted < PLANTED; planted++)
		demand(is_found(w, planted), "what was planted is not found");
	for (seed = first; seed < first + runs; seed++) {
		run(w, NOTHING);
		moves += w->moves;
		cancels += w->cancels;
		refusals += w->refusals;
		excused += w->excused;
	}
	fprintf(stderr,
	        "\r%llu runs: %llu moves, %llu cancelled, %llu refused, %llu clients lost\n",
	        (unsigned long long)runs, (unsigned long long)moves, (unsigned long long)cancels,
	        (unsigned long long)refusals, (unsigned long long)excused);
	demand(moves > runs && cancels > 0 && refusals > 0 && excused > 0, "too little happened");
	free(w);
	return 0;
}
