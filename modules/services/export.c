/*
 * services/export.c - `services export FILE`: the database in its readable form.
 *
 * All is read from one image of the store, so the file is the database of one moment, whatever is
 * written meanwhile. First who claims which name; then each class, a slice a turn. The text goes to
 * jobs of the pool, which append it to FILE.partial; when all is in and synced it gets its name,
 * which nothing has yet.
 */
#include "export.h"
#include <errno.h>
#include <fcntl.h>
#include <godwit/mem.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WRITE_BYTES ((size_t)256 << 10)
#define HELD_BYTES ((size_t)2 << 20) /* more than this waits: the walk does, too */
#define PATH_MOST 400
#define TELL_NS (GW_SECOND / 2)

/** Of the pool: text for the file's end. */
struct export_job {
	int status;
	bool first, last;
	size_t n;      /* of the text */
	size_t path_n; /* with its NUL; the text stands behind it */
	char bytes[];
};

/* --- in the pool --- */

static void partial_path(const struct export_job *job, char out[4200])
{
	snprintf(out, 4200, "%s.partial", job->bytes);
}

static int write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -EIO;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

/* Makes the name durable. */
static int sync_folder(const char *path)
{
	char folder[4200];
	int fd, status;

	snprintf(folder, sizeof(folder), "%s", path);
	*strrchr(folder, '/') = '\0';
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	status = fsync(fd) == 0 ? 0 : -errno;
	close(fd);
	return status;
}

/* link() takes no name that is taken. */
static int finish_file(const struct export_job *job, const char *partial, int fd)
{
	if (fsync(fd) != 0 || link(partial, job->bytes) != 0)
		return -errno;
	unlink(partial);
	return sync_folder(job->bytes);
}

void export_run(void *job_)
{
	struct export_job *job = job_;
	int flags = O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC, fd;
	char partial[4200];

	partial_path(job, partial);
	if (job->first) {
		unlink(partial); /* of one that was broken off */
		flags |= O_CREAT | O_EXCL;
	}
	fd = open(partial, flags, 0600);
	job->status = fd < 0 ? -errno : write_all(fd, job->bytes + job->path_n, job->n);
	if (job->status == 0 && job->last)
		job->status = finish_file(job, partial, fd);
	if (fd >= 0)
		close(fd);
	if (job->status != 0 && fd >= 0)
		unlink(partial);
}

/* --- the end --- */

void export_drop(struct services_state *state)
{
	struct export *e = state->export;
	char partial[4200];

	if (e == NULL)
		return;
	GW_VIA(state->store, gw_store_ops, close_image);
	snprintf(partial, sizeof(partial), "%s.partial", e->path);
	if (e->made) /* and not whole: else it has its name */
		unlink(partial);
	export_names_free(state);
	form_text_free(&e->text);
	if (e->req != NULL)
		gw_admin_done(state->self, &e->req, -ECANCELED, "the module was unloaded");
	gw_free(state->self, e->path);
	gw_free(state->self, e);
	state->export = NULL;
}

static void say_counts(const struct export *e, char *out, size_t max)
{
	uint64_t others = 0;
	size_t n = 0;

	for (size_t i = 0; i < 256; i++)
		if (form_class_of((uint8_t)i)->class == 0)
			others += e->counts[i];
	out[0] = '\0';
	for (size_t i = 0; i < form_n_classes && n < max; i++) {
		uint64_t count =
			form_classes[i].class == 0 ? others : e->counts[form_classes[i].class];

		if (count > 0)
			n += (size_t)snprintf(out + n, max - n, "%s%" PRIu64 " %s%s",
			                      n > 0 ? ", " : "", count, form_classes[i].noun,
			                      count == 1 ? "" : "s");
	}
}

static void finish(struct services_state *state)
{
	struct export *e = state->export;
	char counts[256], text[900];

	if (e->status == 0) {
		say_counts(e, counts, sizeof(counts));
		snprintf(text, sizeof(text), "exported to %s: %s", e->path, counts);
		gw_admin_text(state->self, e->req, text);
		gw_admin_text(state->self, e->req,
		              e->secrets ? "it holds what passwords are checked by: keep it as "
		                           "secret as the database itself"
		                         : "it holds no passwords, registrations that wait for "
		                           "their code, or keys of channels");
		gw_log(state->self, GW_INFO, "services export path=%s secrets=%s by=\"%s\"",
		       e->path, e->secrets ? "yes" : "no", gw_admin_who(state->self, e->req));
		text[0] = '\0';
	} else {
		snprintf(text, sizeof(text), "%s: %s",
		         e->unread ? "the database cannot be read" : "the file cannot be written",
		         e->status == -EEXIST && !e->unread ? "there is a file of that name"
		                                            : strerror(-e->status));
	}
	gw_admin_done(state->self, &e->req, e->status, text);
	export_drop(state);
}

/* What is under way is waited for. */
static void fail(struct services_state *state, int status, bool unread)
{
	struct export *e = state->export;

	if (e->status == 0) {
		e->status = status;
		e->unread = unread;
	}
	if (!e->writing && !e->walking)
		finish(state);
}

/* --- to the file --- */

static void write_on(struct services_state *state)
{
	struct export *e = state->export;
	size_t path_n = strlen(e->path) + 1;
	struct export_job *job;
	int status;

	if (e->writing || e->status != 0 || (!e->read && e->text.n < WRITE_BYTES))
		return;
	job = gw_job_new(state->self, sizeof(*job) + path_n + e->text.n);
	job->first = !e->made;
	job->last = e->read;
	job->n = e->text.n;
	job->path_n = path_n;
	memcpy(job->bytes, e->path, path_n);
	if (e->text.n > 0)
		memcpy(job->bytes + path_n, e->text.p, e->text.n);
	e->text.n = 0;
	status = gw_job_start(state->self, GW_LANE_READ, CALL_EXPORT_RUN, job,
	                      gw_call(state->self, CALL_EXPORT_WRITTEN, 0));
	e->writing = status == 0;
	e->made = true;
	if (status != 0)
		fail(state, status, false);
}

bool export_holds(struct services_state *state, uint64_t walk)
{
	struct export *e = state->export;

	write_on(state);
	e = state->export;
	if (e == NULL || !e->writing || e->text.n < HELD_BYTES)
		return false;
	e->held = walk;
	return true;
}

void export_written(void *state_, uint64_t tag, void *job_)
{
	struct services_state *state = state_;
	const struct export_job *job = job_;
	struct export *e = state->export;
	uint64_t held;

	(void)tag;
	if (e == NULL)
		return;
	held = e->held;
	e->writing = false;
	e->held = 0;
	if (job->status != 0 && e->status == 0) {
		e->status = job->status;
		e->unread = false;
	}
	if (held != 0)
		walk_resume(state, held);
	else if (job->last || (e->status != 0 && !e->walking))
		finish(state);
	else
		write_on(state);
}

/* --- what is in it --- */

static void tell_progress(struct services_state *state)
{
	struct export *e = state->export;
	int64_t now = gw_mono_ns(state->self);
	uint64_t n = 0;
	char text[80];

	if (now - e->told_ns < TELL_NS)
		return;
	e->told_ns = now;
	for (size_t i = 0; i < 256; i++)
		n += e->counts[i];
	snprintf(text, sizeof(text), "%" PRIu64 " of %" PRIu64 " entities", n,
	         state->figures.entities[GW_CLASS_ACCOUNT] +
	                 state->figures.entities[GW_CLASS_CHANNEL]);
	gw_admin_progress(state->self, e->req, text);
}

/* Whether the class is in the file, and in this section. */
static bool belongs(const struct export *e, unsigned class)
{
	uint8_t of = form_classes[e->section].class;

	if (class == GW_CLASS_ORIGIN || (class == GW_CLASS_PENDING && !e->secrets))
		return false;
	return of != 0 ? class == of : form_class_of((uint8_t) class)->class == 0;
}

/* The next class to walk over, from the one at hand; false: there is none. */
static bool next_class(struct export *e)
{
	unsigned class = e->class + 1u;

	while (e->section < form_n_classes) {
		for (; class < 256; class ++)
			if (belongs(e, class)) {
				e->class = (uint8_t) class;
				return true;
			}
		class = 1;
		e->section++;
		e->headed = false;
	}
	return false;
}

static void walk_next(struct services_state *state)
{
	struct export *e = state->export;
	int status;

	if (!next_class(e)) {
		e->read = true;
		write_on(state);
		return;
	}
	status = walk_image(state, e->class, gw_call(state->self, CALL_EXPORT_EACH, 0));
	e->walking = status == 0;
	if (status != 0)
		fail(state, status, true);
}

void export_each(void *state_, uint64_t tag, int status, const struct gw_entity *entity)
{
	struct services_state *state = state_;
	struct export *e = state->export;
	struct form_names names = export_names_of(state);

	(void)tag;
	if (e == NULL)
		return;
	if (entity == NULL) {
		e->walking = false;
		if (status == 0)
			status = e->status;
		if (status != 0)
			fail(state, status, true);
		else
			walk_next(state);
		return;
	}
	if (e->status != 0)
		return;
	if (!e->headed) {
		form_puts(&e->text, form_classes[e->section].section);
		form_puts(&e->text, ":\n");
		e->headed = true;
	}
	export_names_meet(state, entity);
	form_write(&e->text, &names, e->secrets, entity);
	e->counts[entity->class]++;
	tell_progress(state);
}

void export_names(void *state_, uint64_t tag, int status, const struct gw_store_row *rows, size_t n)
{
	struct services_state *state = state_;

	(void)tag;
	if (state->export == NULL)
		return;
	if (status >= 0)
		export_names_take(state, rows, n);
	if (status == GW_STORE_MORE)
		status = export_names_read(state);
	else if (status == 0)
		walk_next(state);
	if (status < 0)
		fail(state, status, true);
}

/* --- the command --- */

char *export_path(struct services_state *state, const char *name, const char **why_out)
{
	const char *folder = gw_server_string(state->self, "state-directory");
	size_t n = strlen(name);
	char path[4096];

	*why_out = "give the name of a file in the state directory, such as services.yaml";
	if (name[0] == '\0' || name[0] == '/' || name[0] == '.' || n > PATH_MOST ||
	    strstr(name, "/.") != NULL || name[n - 1] == '/')
		return NULL;
	for (const char *p = name; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return NULL;
	if (n > 8 && strcmp(name + n - 8, ".partial") == 0) /* those of others are deleted */
		return NULL;
	*why_out = "the state directory's name is too long";
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, name) >= sizeof(path))
		return NULL;
	return gw_strdup(state->self, path);
}

static const char *refusal(struct services_state *state)
{
	const struct gw_store_ops *ops = state->store->ops;

	if (state->export != NULL || state->import != NULL)
		return "another export or import is under way";
	if (state->origin == 0)
		return "the database is not read yet; try again";
	return ops->open_image == NULL ? "this store cannot hold an image" : NULL;
}

static bool read_options(int argc, const char *const *argv, bool *secrets_out)
{
	*secrets_out = true;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--without-secrets") != 0)
			return false;
		*secrets_out = false;
	}
	return true;
}

void export_command(void *state_, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct services_state *state = state_;
	const char *why = refusal(state);
	char *path = NULL;
	struct export *e;
	bool secrets;
	int status;

	if (why == NULL && !read_options(argc, argv, &secrets))
		why = "the only option is --without-secrets";
	if (why == NULL)
		path = export_path(state, argv[0], &why);
	if (path == NULL) {
		gw_admin_done(state->self, &req, -EINVAL, why);
		return;
	}
	status = GW_VIA(state->store, gw_store_ops, open_image);
	if (status != 0) {
		gw_free(state->self, path);
		gw_admin_done(state->self, &req, status, "the database cannot be read");
		return;
	}
	e = state->export = gw_alloc(state->self, sizeof(*e));
	e->req = req;
	e->path = path;
	e->secrets = secrets;
	e->told_ns = gw_mono_ns(state->self);
	e->text.self = state->self;
	form_puts(&e->text,
	          "# The services database of Godwit, as `godwitctl services import` reads "
	          "it\nform: 1\n");
	status = export_names_read(state);
	if (status != 0)
		fail(state, status, true);
}
