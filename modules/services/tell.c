/*
 * services/tell.c - what a merged round means for those who look: caches forget, subscribers hear
 * of each entity.
 *
 * The round's cells are gone through again. A small round is told at once; of a large one the
 * caches forget all, and entities are told a share per turn, from memory or, piece by piece, from
 * the file.
 */
#include "members.h"
#include "round.h"
#include <errno.h>
#include <fcntl.h>
#include <godwit/mem.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#define AT_ONCE 5000 /* cells */
#define A_TURN 1000
#define DEATHS_AT_ONCE 16 /* each walks the cache of names */
#define PIECE ((size_t)256 << 10)
#define REFS_AFTER (20 * GW_SECOND) /* whoever dropped the account tidies up at once */
#define REFS_MAX 10000

/** A round that is being told. */
struct telling {
	struct telling *prev, *next;
	struct round *round;
	uint64_t at;
	struct gw_services_change last; /* told when another entity follows */
};

struct dead_account {
	struct dead_account *prev, *next;
	struct gw_id id;
	int64_t due_ns;
};

struct read_job {
	int file; /* its own */
	size_t n;
	uint64_t at;
	ssize_t got;
	uint8_t bytes[];
};

/* --- accounts that died elsewhere --- */

/* The server on which it was dropped deletes what names it; the others see to what came from
 * another side meanwhile. */
static void dead_later(struct services_state *state, struct gw_id id)
{
	struct dead_account *dead;

	if (state->n_dead >= REFS_MAX)
		return;
	dead = gw_alloc(state->self, sizeof(*dead));
	dead->id = id;
	dead->due_ns = gw_mono_ns(state->self) + REFS_AFTER;
	DL_APPEND(state->dead, dead);
	if (state->n_dead++ == 0)
		gw_timer_set(state->dead_timer, state->self, REFS_AFTER);
}

void tell_refs(void *state_, uint64_t tag)
{
	struct services_state *state = state_;
	struct dead_account *dead;

	(void)tag;
	while ((dead = state->dead) != NULL && dead->due_ns <= gw_mono_ns(state->self)) {
		DL_DELETE(state->dead, dead);
		state->n_dead--;
		expire_refs(state, dead->id);
		gw_free(state->self, dead);
	}
	if (dead != NULL)
		gw_timer_set(state->dead_timer, state->self,
		             dead->due_ns - gw_mono_ns(state->self));
}

/* --- entities --- */

static void tell_last(struct services_state *state, struct telling *t)
{
	struct gw_services_change change = t->last;

	if (change.class == 0)
		return;
	t->last = (struct gw_services_change){.names_kept = true};
	members_touch(state, change.class, change.id);
	if (change.dead && change.class == GW_CLASS_ACCOUNT)
		dead_later(state, change.id);
	gw_notify(state->self, state->changed, &change);
}

static void tell_cell(struct services_state *state, struct telling *t, const struct cell *cell)
{
	uint8_t name[NAME_PREFIX_MAX];
	bool claim = claim_prefix(name, cell->field, cell->sub) > 0;

	if (t->last.class != cell->class || !gw_id_is(t->last.id, cell->id))
		tell_last(state, t);
	t->last.class = cell->class;
	t->last.id = cell->id;
	t->last.dead |= cell_is_death(cell);
	t->last.names_dropped |= claim && (cell->flags & CELL_TOMBSTONE);
	if (cell->field == GW_F_CORE || claim)
		t->last.names_kept = false;
}

/* At most `max` cells off `run`, whole ones only. Returns how many. */
static size_t tell_run(struct services_state *state, struct telling *t, struct gw_blob run,
                       size_t max)
{
	size_t n = 0, bytes = run.n;
	struct cell cell;

	for (; n < max && run.n > 0 && cells_whole(run); n++) {
		if (cells_next(&run, &cell) != 0)
			break;
		tell_cell(state, t, &cell);
	}
	t->at += bytes - run.n;
	return n;
}

/* --- turn by turn --- */

static void telling_free(struct services_state *state, struct telling *t)
{
	DL_DELETE(state->telling, t);
	round_free(state, &t->round);
	gw_free(state->self, t);
}

void tell_read_run(void *job_)
{
	struct read_job *job = job_;

	job->got = pread(job->file, job->bytes, job->n, (off_t)job->at);
	close(job->file);
}

static void read_piece(struct services_state *state, const struct telling *t)
{
	uint64_t left = t->round->written - t->at;
	size_t n = left < PIECE ? (size_t)left : PIECE;
	struct read_job *job = gw_job_new(state->self, sizeof(*job) + n);
	int file = fcntl(t->round->file, F_DUPFD_CLOEXEC, 3);

	job->file = file;
	job->n = n;
	job->at = t->at;
	if (gw_job_start(state->self, GW_LANE_READ, CALL_TELL_READ, job,
	                 gw_call(state->self, CALL_TELL_PIECE, 0)) == 0)
		return;
	if (file >= 0)
		close(file);
	gw_timer_set(state->tell_timer, state->self, 10 * GW_MS);
}

/* Goes on with the first that is being told. */
void tell_on(void *state_, uint64_t tag)
{
	struct services_state *state = state_;
	struct telling *t = state->telling;
	struct gw_blob run;

	(void)tag;
	if (t == NULL)
		return;
	if (t->at < t->round->written) {
		read_piece(state, t);
		return;
	}
	run = round_at(t->round, t->at);
	if (run.n == 0 || tell_run(state, t, run, A_TURN) == 0) {
		tell_last(state, t);
		telling_free(state, t);
	}
	if (state->telling != NULL)
		gw_timer_set(state->tell_timer, state->self, 0);
}

void tell_read_done(void *state_, uint64_t tag, void *job_)
{
	struct services_state *state = state_;
	struct telling *t = state->telling;
	struct read_job *job = job_;

	(void)tag;
	if (t == NULL)
		return;
	if (job->got <= 0 ||
	    tell_run(state, t, (struct gw_blob){job->bytes, (size_t)job->got}, A_TURN) == 0) {
		gw_log(state->self, GW_ERROR, "what a round has changed cannot be read again");
		telling_free(state, t);
	}
	if (state->telling != NULL)
		gw_timer_set(state->tell_timer, state->self, 0);
}

/* --- caches --- */

/* What the round's cells have changed about names. False: too much to do it one by one. */
static bool forget_names(struct services_state *state, const struct round *round)
{
	uint8_t name[NAME_PREFIX_MAX];
	struct gw_blob run;
	struct cell cell;
	size_t n, deaths = 0;

	if (round->cells > AT_ONCE || round->written > 0)
		return false;
	for (uint64_t at = 0; (run = round_at(round, at)).n > 0;) {
		n = run.n;
		if (cells_next(&run, &cell) != 0)
			return false;
		at += n - run.n;
		if (cell_is_death(&cell) && ++deaths > DEATHS_AT_ONCE)
			return false;
		if (cell_is_death(&cell))
			find_forget_entity(state, cell.class, cell.id);
		n = claim_prefix(name, cell.field, cell.sub);
		if (n == 0)
			continue;
		find_claimed(state, (struct gw_blob){name, n});
		find_forget(state, (struct gw_blob){name, n});
	}
	return true;
}

void tell_round(struct services_state *state, struct round *round)
{
	struct telling *t = gw_alloc(state->self, sizeof(*t));
	struct gw_blob run;

	if (!forget_names(state, round))
		find_forget_all(state);
	t->round = round;
	t->last.names_kept = true;
	DL_APPEND(state->telling, t);
	if (state->telling != t)
		return; /* behind another, in order */
	if (round->cells > AT_ONCE || round->written > 0) {
		gw_timer_set(state->tell_timer, state->self, 0);
		return;
	}
	while ((run = round_at(round, t->at)).n > 0 && tell_run(state, t, run, AT_ONCE) > 0)
		continue;
	tell_last(state, t);
	telling_free(state, t);
}

void tell_drop_all(struct services_state *state)
{
	struct dead_account *dead;

	while (state->telling != NULL)
		telling_free(state, state->telling);
	while ((dead = state->dead) != NULL) {
		DL_DELETE(state->dead, dead);
		gw_free(state->self, dead);
	}
}
