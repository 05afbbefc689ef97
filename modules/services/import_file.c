/*
 * services/import_file.c - the file of an import: read by jobs of the pool, a chunk each, then
 * taken apart a slice a turn.
 */
#include "import.h"
#include <errno.h>
#include <fcntl.h>
#include <godwit/mem.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK ((size_t)256 << 10)
#define FILE_MOST ((uint64_t)1 << 30)
#define SLICE ((size_t)16 << 10)
#define RECORDS_MOST ((size_t)1 << 24)

/** Of the pool: a piece of the file. */
struct import_job {
	int status;
	uint64_t offset, size; /* of the file */
	size_t n;              /* that were read */
	char bytes[CHUNK];
	char path[];
};

/* --- in the pool --- */

static int read_chunk(struct import_job *job, int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	job->size = (uint64_t)st.st_size;
	while (job->n < CHUNK) {
		ssize_t n = pread(fd, job->bytes + job->n, CHUNK - job->n,
		                  (off_t)(job->offset + job->n));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		job->n += (size_t)n;
	}
	return 0;
}

void import_run(void *job_)
{
	struct import_job *job = job_;
	int fd = open(job->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0) {
		job->status = -errno;
		return;
	}
	job->status = read_chunk(job, fd);
	close(fd);
}

/* --- on the loop --- */

void import_text_free(struct services_state *state)
{
	struct import *im = state->import;

	form_tree_free(&im->tree);
	if (im->text != NULL)
		sodium_memzero(im->text, im->size);
	gw_free(state->self, im->text);
	im->text = NULL;
}

enum import_step import_read(struct services_state *state)
{
	struct import *im = state->import;
	size_t path_n = strlen(im->path) + 1;
	struct import_job *job;

	if (im->sized && im->got == im->size)
		return STEP_DONE;
	job = gw_job_new(state->self, sizeof(*job) + path_n);
	job->offset = im->got;
	memcpy(job->path, im->path, path_n);
	if (gw_job_start(state->self, GW_LANE_READ, CALL_IMPORT_RUN, job,
	                 gw_call(state->self, CALL_IMPORT_READ, 0)) == 0)
		return STEP_WAIT;
	import_fail(state, -EAGAIN, "too much waits for the disk; try again");
	return STEP_FAILED;
}

static const char *chunk_trouble(const struct import *im, const struct import_job *job)
{
	if (job->status != 0)
		return strerror(-job->status);
	if (job->size > FILE_MOST)
		return "it is larger than 1 GiB";
	if (job->size == 0)
		return "it is empty";
	if ((im->sized && job->size != im->size) || (job->n == 0 && im->got < job->size))
		return "it has changed meanwhile";
	return NULL;
}

void import_chunk(void *state_, uint64_t tag, void *job_)
{
	struct services_state *state = state_;
	const struct import_job *job = job_;
	struct import *im = state->import;
	const char *trouble;
	char text[200];

	(void)tag;
	if (im == NULL)
		return;
	trouble = chunk_trouble(im, job);
	if (trouble != NULL) {
		snprintf(text, sizeof(text), "the file cannot be read: %s", trouble);
		import_fail(state, job->status != 0 ? job->status : -EINVAL, text);
		return;
	}
	if (!im->sized) {
		im->sized = true;
		im->size = job->size;
		im->text = gw_alloc(state->self, im->size + 1);
	}
	if (job->n > im->size - im->got) {
		import_fail(state, -EINVAL, "the file cannot be read: it has changed meanwhile");
		return;
	}
	memcpy(im->text + im->got, job->bytes, job->n);
	im->got += job->n;
	import_again(state);
}

/* --- to records --- */

static const struct form_class *section_of(const struct form_node *section, size_t *at_out)
{
	for (size_t i = 0; i < form_n_classes; i++)
		if (section->key.n == strlen(form_classes[i].section) &&
		    memcmp(section->key.p, form_classes[i].section, section->key.n) == 0) {
			*at_out = i;
			return &form_classes[i];
		}
	return NULL;
}

static bool is_key(const struct form_node *node, const char *key)
{
	return node->key.n == strlen(key) && memcmp(node->key.p, key, node->key.n) == 0;
}

/* What of the file is not asked for: servers, and what a network says of itself. */
static bool left_out(const struct import *im, const struct form_class *class)
{
	return !im->servers &&
	       (class->class == GW_CLASS_SERVER || class->class == GW_CLASS_NETWORK);
}

static void add_record(struct services_state *state, struct records *records,
                       struct form_record *record)
{
	struct gw_self *self = state->self;

	if (records->n == records->room) {
		size_t room = records->room == 0 ? 64 : records->room * 2;

		records->p = gw_resize(self, records->p, room * sizeof(*records->p));
		records->room = room;
	}
	records->p[records->n++] = record;
}

/* "form: 1" */
static void take_version(struct services_state *state, const struct form_node *section,
                         const struct form_node *item)
{
	uint64_t version;

	if (!is_key(section, "form"))
		import_fault(state, section->line, section->column, "there is no such section");
	else if (item->kind != FORM_SCALAR || !form_get_number(item->text, 1000000, &version))
		import_fault(state, item->line, item->column, "the form's version is a number");
	else if (version != FORM_VERSION)
		import_fault(state, item->line, item->column,
		             "this version of the form is not known here");
}

static bool is_empty(const struct form_node *item)
{
	return item->kind == FORM_SCALAR && !item->quoted && item->text.n == 0;
}

static void take_item(struct services_state *state)
{
	struct import *im = state->import;
	const struct form_node *section = form_tree_section(im->tree), *item;
	const struct form_class *class;
	struct gw_error why = {0};
	struct form_record *record;
	size_t at = 0;

	item = form_tree_item(im->tree);
	class = section_of(section, &at);
	if (class == NULL) {
		take_version(state, section, item);
	} else if (section->kind != FORM_LIST) {
		if (!is_empty(item))
			import_fault(state, item->line, item->column, "a section is a list");
	} else if (left_out(im, class)) {
		im->records[at].left_out++;
	} else if (im->records[at].n >= RECORDS_MOST) {
		import_fault(state, item->line, item->column, "the section has too many items");
	} else {
		record = form_read(state->self, class, item,
		                   (uint64_t)(gw_wall_ns(state->self) / GW_MS), &why);
		if (record != NULL)
			add_record(state, &im->records[at], record);
		else
			import_fault(state, 0, 0, why.text);
	}
}

enum import_step import_parse(struct services_state *state)
{
	struct import *im = state->import;
	struct gw_error why = {0};
	enum form_step step;
	size_t until;

	if (im->tree == NULL)
		im->tree = form_tree_new(state->self, im->text, im->size);
	if (im->tree == NULL) {
		import_fail(state, -ENOMEM, "the file cannot be read");
		return STEP_FAILED;
	}
	until = form_tree_at(im->tree) + SLICE;
	do {
		step = form_tree_next(im->tree, SLICE, &why);
		if (step == FORM_ITEM)
			take_item(state);
	} while (step == FORM_ITEM && form_tree_at(im->tree) < until);
	if (step == FORM_WRONG)
		import_fault(state, 0, 0, why.text);
	if (step != FORM_END && step != FORM_WRONG)
		return STEP_TURN;
	import_text_free(state);
	return STEP_DONE;
}
