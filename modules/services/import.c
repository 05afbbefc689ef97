/*
 * services/import.c - `services import FILE`: a database's readable form, read, checked as a whole,
 * and written as new entities.
 *
 * One phase follows the other, each a little a turn; nothing is written before the last one.
 */
#include "import.h"
#include <errno.h>
#include <godwit/mem.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TELL_NS (GW_SECOND / 2)

static void walk_back(struct import *im)
{
	im->section = im->at = im->part = 0;
}

static enum import_step judge(struct services_state *state);

/** In this order; each begins at the first record. */
static const struct {
	const char *doing;
	enum import_step (*turn)(struct services_state *state);
} phases[] = {
	{"reading", import_read},
	{"parsing", import_parse},
	{"checking", import_index},
	{"checking", import_order},
	{NULL, judge},
	{"comparing", import_names},
	{"comparing", import_resolve},
	{NULL, judge},
	{"comparing", import_compare},
	{NULL, judge},
	{"writing", import_write},
};
#define N_PHASES (sizeof(phases) / sizeof(phases[0]))

struct form_record *import_record(struct import *im)
{
	while (im->section < form_n_classes && im->at >= im->records[im->section].n) {
		im->section++;
		im->at = 0;
	}
	return im->section < form_n_classes ? im->records[im->section].p[im->at] : NULL;
}

void import_fault(struct services_state *state, uint32_t line, uint32_t column, const char *text)
{
	struct import *im = state->import;
	char whole[700];

	if (im->faults++ >= IMPORT_TOLD)
		return;
	if (line > 0)
		snprintf(whole, sizeof(whole), "%s:%u:%u: %s", im->name, line, column, text);
	else
		snprintf(whole, sizeof(whole), "%s:%s", im->name, text);
	gw_admin_text(state->self, im->req, whole);
}

/* Gives back some of what an import took; false: there is more. */
static bool give_back(struct gw_self *self, struct import *im, size_t most)
{
	for (size_t s = 0; s < IMPORT_SECTIONS; s++) {
		struct records *records = &im->records[s];

		for (; records->n > 0; records->n--) {
			if (most-- == 0)
				return false;
			form_record_free(self, &records->p[records->n - 1]);
		}
		gw_free(self, records->p);
		records->p = NULL;
	}
	if (!import_plan_free(self, im, most) || !import_check_free(self, im, most))
		return false;
	gw_free(self, im->path);
	gw_free(self, im->name);
	gw_free(self, im);
	return true;
}

void import_clear(void *state_, uint64_t tag)
{
	struct services_state *state = state_;
	struct import *im = state->cleared, *next;

	(void)tag;
	if (im == NULL)
		return;
	next = im->next;
	if (give_back(state->self, im, IMPORT_AT_ONCE))
		state->cleared = next;
	if (state->cleared != NULL)
		gw_defer(state->self, gw_call(state->self, CALL_IMPORT_CLEAR, 0));
}

void import_fail(struct services_state *state, int status, const char *text)
{
	struct import *im = state->import;

	gw_admin_done(state->self, &im->req, status, text);
	import_text_free(state);
	state->import = NULL;
	im->next = state->cleared;
	state->cleared = im;
	if (im->next == NULL)
		gw_defer(state->self, gw_call(state->self, CALL_IMPORT_CLEAR, 0));
}

void import_drop(struct services_state *state)
{
	struct import *im;

	if (state->import != NULL)
		import_fail(state, -ECANCELED, "the module was unloaded");
	while ((im = state->cleared) != NULL) {
		state->cleared = im->next;
		give_back(state->self, im, SIZE_MAX);
	}
}

void import_again(struct services_state *state)
{
	struct import *im = state->import;

	if (im->turning)
		return;
	im->turning = true;
	gw_defer(state->self, gw_call(state->self, CALL_IMPORT_TURN, 0));
}

/* --- what is said --- */

static void tell_progress(struct services_state *state)
{
	struct import *im = state->import;
	int64_t now = gw_mono_ns(state->self);
	uint64_t done = 0, all = 0;
	char text[80];

	if (phases[im->phase].doing == NULL || now - im->told_ns < TELL_NS)
		return;
	im->told_ns = now;
	for (size_t i = 0; i < IMPORT_SECTIONS; i++) {
		all += im->records[i].n;
		done += i < im->section ? im->records[i].n : 0;
	}
	done += im->at;
	if (im->phase == 0)
		done = im->got, all = im->size;
	else if (im->phase == 1) /* the tree is planted in the phase's first turn */
		done = im->tree != NULL ? form_tree_at(im->tree) : 0, all = im->size;
	snprintf(text, sizeof(text), "%s: %" PRIu64 " of %" PRIu64, phases[im->phase].doing, done,
	         all);
	gw_admin_progress(state->self, im->req, text);
}

enum counted { WRITTEN, EXIST, LEFT_OUT, ALL };

static uint64_t count_of(const struct records *r, enum counted what)
{
	return what == WRITTEN ? r->written
	       : what == EXIST ? r->exist
	       : what == ALL   ? r->n - r->exist
	                       : r->left_out;
}

/* "3 accounts, 1 ban"; "" if there are none. */
static const char *counts(const struct import *im, enum counted what, char *out, size_t max)
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < form_n_classes && n < max; i++) {
		uint64_t count = count_of(&im->records[i], what);

		if (count > 0)
			n += (size_t)snprintf(out + n, max - n, "%s%" PRIu64 " %s%s",
			                      n > 0 ? ", " : "", count, form_classes[i].noun,
			                      count == 1 ? "" : "s");
	}
	return out;
}

static void say(struct services_state *state, const char *what, enum counted which)
{
	char text[400], list[256];

	counts(state->import, which, list, sizeof(list));
	if (list[0] == '\0' && which != WRITTEN && which != ALL)
		return;
	snprintf(text, sizeof(text), "%s%s", what, list[0] != '\0' ? list : "nothing");
	gw_admin_text(state->self, state->import->req, text);
}

static void say_skipped(struct services_state *state)
{
	say(state, "left as they are, being here already: ", EXIST);
	say(state, "left out (see --servers): ", LEFT_OUT);
}

/* --- between reading and writing --- */

/* All or nothing: what is wrong, or here already, stops the whole import. */
static enum import_step judge(struct services_state *state)
{
	struct import *im = state->import;
	char text[200];

	if (im->faults > 0) {
		snprintf(text, sizeof(text),
		         "the file has %" PRIu64 " fault%s: nothing is imported", im->faults,
		         im->faults == 1 ? "" : "s");
		import_fail(state, -EINVAL, text);
		return STEP_FAILED;
	}
	if (im->phase + 2u < N_PHASES)
		return STEP_DONE;
	if (im->conflicts > 0) {
		snprintf(text, sizeof(text),
		         "%" PRIu64 " of it %s here already: nothing is imported (--skip-existing "
		         "leaves what is here as it is)",
		         im->conflicts, im->conflicts == 1 ? "is" : "are");
		import_fail(state, -EEXIST, text);
		return STEP_FAILED;
	}
	if (!im->dry)
		return STEP_DONE;
	say(state, "would import ", ALL);
	say_skipped(state);
	import_fail(state, 0, "");
	return STEP_FAILED;
}

static void finish(struct services_state *state)
{
	struct import *im = state->import;
	char text[500], list[256];

	counts(im, WRITTEN, list, sizeof(list));
	gw_log(state->self, im->status == 0 ? GW_INFO : GW_ERROR,
	       "services import path=%s imported=\"%s\" status=%d by=\"%s\"", im->path, list,
	       (int)im->status, gw_admin_who(state->self, im->req));
	text[0] = '\0';
	if (im->status == 0) {
		say(state, "imported ", WRITTEN);
		say_skipped(state);
	} else {
		snprintf(text, sizeof(text),
		         "broken off after %" PRIu64 " of it: %s; the rest can be imported by the "
		         "same command with --skip-existing",
		         im->durable,
		         im->status == -EEXIST ? "a name was taken meanwhile"
		                               : strerror((int)-im->status));
	}
	import_fail(state, (int)im->status, text);
}

void import_turn(void *state_, uint64_t tag)
{
	struct services_state *state = state_;
	struct import *im = state->import;
	enum import_step step;

	(void)tag;
	if (im == NULL)
		return;
	im->turning = false;
	tell_progress(state);
	step = phases[im->phase].turn(state);
	if (step == STEP_FAILED || step == STEP_WAIT)
		return;
	if (step == STEP_DONE) {
		walk_back(im);
		im->phase++;
	}
	if (im->phase < N_PHASES)
		import_again(state);
	else
		finish(state);
}

/* --- the command --- */

static bool read_options(struct import *im, int argc, const char *const *argv)
{
	const struct {
		const char *name;
		bool *set;
	} options[] = {{"--dry-run", &im->dry},
	               {"--skip-existing", &im->skip},
	               {"--servers", &im->servers}};

	for (int i = 1; i < argc; i++) {
		size_t o = 0;

		while (o < 3 && strcmp(options[o].name, argv[i]) != 0)
			o++;
		if (o == 3)
			return false;
		*options[o].set = true;
	}
	return true;
}

static const char *refusal(struct services_state *state)
{
	if (state->export != NULL || state->import != NULL)
		return "another export or import is under way";
	if (state->origin == 0)
		return "the database is not read yet; try again";
	if (state->membership == GW_MEMBER_LOST)
		return "this server takes no writes now: see services status";
	return NULL;
}

void import_command(void *state_, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct services_state *state = state_;
	const char *why = refusal(state);
	struct import *im;

	if (why != NULL) {
		gw_admin_done(state->self, &req, -EINVAL, why);
		return;
	}
	im = state->import = gw_alloc(state->self, sizeof(*im));
	im->req = req;
	im->class = 1;
	im->told_ns = gw_mono_ns(state->self);
	im->path = export_path(state, argv[0], &why);
	im->name = gw_strdup(state->self, argv[0]);
	if (im->path != NULL && !read_options(im, argc, argv))
		why = "the options are --dry-run, --skip-existing and --servers";
	else if (im->path != NULL)
		why = NULL;
	if (why != NULL)
		import_fail(state, -EINVAL, why);
	else
		import_again(state);
}
