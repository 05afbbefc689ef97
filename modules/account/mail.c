/*
 * mail.c - codes, and bad news of names, by mail: a configurable command (sendmail and its kind)
 * gets the message on its standard input.
 *
 * One at a time, the others wait in a bounded queue. A job starts the command without a shell and
 * without our environment, the message fits into the pipe, so neither the loop nor a lane waits for
 * it; a timer looks whether it has ended, and ends it when it takes too long. The address was
 * checked so strictly that it needs no quoting (mailaddr.c).
 */
#include "account.h"
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utlist.h>

#define LETTERS_MAX 100
#define ARGS_MAX 16
#define POLL (50 * GW_MS)

struct letter {
	uint64_t id, client;
	char to[MAILADDR_MAX + 1], name[GW_NAME_MAX + 1];
	char code[CODE_LENGTH + 1];  /* "": about a name that was lost */
	char shown[GW_NAME_MAX + 1]; /* what it is instead */
	pid_t pid;                   /* 0: not yet started */
	int64_t deadline_ns;
	struct letter *prev, *next;
};

/* All that the job needs: arguments one behind the other, and the message. */
struct mail_job {
	char args[2048];
	size_t n_args;
	char text[4096];
	size_t n;
	pid_t pid;
	int status;
};

static int spawn(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes,
                 struct mail_job *job, int pipe_fds[2])
{
	char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	char *environment[] = {path, NULL};
	char *argv[ARGS_MAX + 1], *at = job->args;
	sigset_t pipe_signal;

	for (size_t i = 0; i < job->n_args; i++, at += strlen(at) + 1)
		argv[i] = at;
	argv[job->n_args] = NULL;
	sigemptyset(&pipe_signal);
	sigaddset(&pipe_signal, SIGPIPE);
	posix_spawnattr_setsigdefault(attributes, &pipe_signal);
	posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF);
	posix_spawn_file_actions_adddup2(actions, pipe_fds[0], 0);
	posix_spawn_file_actions_addopen(actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(actions, 2, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addclosefrom_np(actions, 3);
	return -posix_spawnp(&job->pid, argv[0], actions, attributes, argv, environment);
}

/* Off the loop. The message is in the pipe before the command starts: it is smaller than any pipe.
 */
static int start(struct mail_job *job)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int fds[2], status;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return -errno;
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	status = write(fds[1], job->text, job->n) == (ssize_t)job->n ? 0 : -EIO;
	close(fds[1]);
	if (status == 0)
		status = spawn(&actions, &attributes, job, fds);
	close(fds[0]);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return status;
}

void call_mail_run(void *data)
{
	struct mail_job *job = data;

	if (job->status == 0)
		job->status = start(job);
}

static bool add_args(struct account *st, struct mail_job *job)
{
	const char *const *items;
	size_t n = gw_option_list(st->self, gw_options(st->self), "mail-command", &items), used = 0;

	for (size_t i = 0; i < n && i < ARGS_MAX; i++) {
		size_t size = strlen(items[i]) + 1;

		if (used + size > sizeof(job->args))
			return false;
		memcpy(job->args + used, items[i], size);
		used += size;
		job->n_args++;
	}
	return job->n_args > 0;
}

static int write_code(struct account *st, const struct letter *letter, char *out, size_t max)
{
	const char *network = gw_server_string(st->self, "network");

	return snprintf(out, max,
	                "Somebody, probably you, registers the account %s on the chat network %s.\n"
	                "To complete it, type there:\n\n    /quote VERIFY %s %s\n\n"
	                "If it was not you, ignore this message: without the code there will be no "
	                "account.\n",
	                letter->name, network, letter->name, letter->code);
}

static int write_lost(struct account *st, const struct letter *letter, char *out, size_t max)
{
	return snprintf(
		out, max,
		"Your account %s on the chat network %s has to share its name: somebody else\n"
		"registered it earlier, on a server that had lost touch with yours. The earlier\n"
		"registration keeps the name.\n\n"
		"Your account keeps all else. It is shown as %s from now on, and\n"
		"that is the name to log in with. There you can claim another name:\n\n"
		"    /quote ACCOUNT NICK ADD <nick>\n\n"
		"Your claim on %s waits in line until you drop it.\n",
		letter->name, gw_server_string(st->self, "network"), letter->shown, letter->name);
}

static void write_text(struct account *st, const struct letter *letter, struct mail_job *job)
{
	const char *from = gw_option_string(st->self, gw_options(st->self), "mail-from");
	bool code = letter->code[0] != '\0';
	size_t max = sizeof(job->text);
	int head, n;

	head = snprintf(job->text, max,
	                "From: %s%s\nTo: %s\nSubject: %s %s\nAuto-Submitted: auto-generated\n"
	                "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n",
	                from[0] != '\0' ? from : "godwit@",
	                from[0] != '\0' ? "" : gw_server_string(st->self, "server"), letter->to,
	                code ? "Your code for" : "The name of your account on",
	                gw_server_string(st->self, "network"));
	if (head < 0 || (size_t)head >= max)
		return;
	n = (code ? write_code : write_lost)(st, letter, job->text + head, max - (size_t)head);
	job->n = n > 0 && (size_t)n < max - (size_t)head ? (size_t)(head + n) : 0;
}

static void post_next(struct account *st);

static void finish(struct account *st, const char *trouble)
{
	struct letter *letter = st->letters;
	struct gw_client *c = CLIENT(st, by_id, letter->client);

	const char *what = letter->code[0] != '\0' ? "a code" : "the loss of a name";

	if (trouble == NULL) {
		gw_log(st->self, GW_INFO, "%s was mailed account=%s", what, letter->name);
	} else {
		gw_log(st->self, GW_ERROR, "%s could not be mailed account=%s why=%s", what,
		       letter->name, trouble);
		if (c != NULL)
			CLIENT(st, notice, c,
			       "The code could not be sent to %s. Tell an operator, or REGISTER "
			       "again.",
			       letter->to);
	}
	DL_DELETE(st->letters, letter);
	st->n_letters--;
	gw_free(st->self, letter);
	post_next(st);
}

static void post_next(struct account *st)
{
	struct letter *letter = st->letters;
	struct mail_job *job;

	if (letter == NULL)
		return;
	job = gw_job_new(st->self, sizeof(*job));
	write_text(st, letter, job);
	if (!add_args(st, job) || job->n == 0)
		job->status = -EINVAL;
	if (gw_job_start(st->self, GW_LANE_READ, CALL_MAIL_RUN, job,
	                 gw_call(st->self, CALL_MAIL_STARTED, letter->id)) != 0)
		finish(st, "too much work waits");
}

static struct letter *letter_new(struct account *st, const char *to, const char *name)
{
	struct letter *letter = gw_alloc(st->self, sizeof(*letter));

	letter->id = ++st->next_letter;
	snprintf(letter->to, sizeof(letter->to), "%s", to);
	snprintf(letter->name, sizeof(letter->name), "%s", name);
	return letter;
}

static void post(struct account *st, struct letter *letter)
{
	DL_APPEND(st->letters, letter);
	st->n_letters++;
	if (st->letters == letter)
		post_next(st);
}

int letter_post(struct account *st, uint64_t client, const char *to, const char *name,
                const char *code)
{
	struct letter *letter;

	if (!letter_room(st))
		return -EAGAIN;
	letter = letter_new(st, to, name);
	letter->client = client;
	snprintf(letter->code, sizeof(letter->code), "%s", code);
	post(st, letter);
	return 0;
}

void letter_lost(struct account *st, const char *to, const char *name, const char *shown)
{
	struct letter *letter;

	if (!letter_room(st)) {
		gw_log(st->self, GW_WARN, "too much mail waits to tell of a lost name account=%s",
		       shown);
		return;
	}
	letter = letter_new(st, to, name);
	snprintf(letter->shown, sizeof(letter->shown), "%s", shown);
	post(st, letter);
}

bool mail_on(struct account *st)
{
	return strcmp(gw_option_string(st->self, gw_options(st->self), "verify"), "email") == 0;
}

bool letter_room(struct account *st)
{
	return st->n_letters < LETTERS_MAX;
}

void call_mail_started(void *state, uint64_t tag, void *data)
{
	struct account *st = state;
	struct letter *letter = st->letters;
	struct mail_job *job = data;

	if (letter == NULL || letter->id != tag)
		return;
	if (job->status != 0) {
		finish(st, strerror(-job->status));
		return;
	}
	letter->pid = job->pid;
	letter->deadline_ns = gw_mono_ns(st->self) + option(st, "mail-timeout");
	if (st->mail_poll == NULL)
		st->mail_poll = gw_timer_new(st->self, gw_call(st->self, CALL_MAIL_POLL, 0));
	gw_timer_set(st->mail_poll, st->self, POLL);
}

void call_mail_poll(void *state, uint64_t tag)
{
	struct account *st = state;
	struct letter *letter = st->letters;
	int status = 0;
	pid_t ended;

	(void)tag;
	if (letter == NULL || letter->pid == 0)
		return;
	ended = waitpid(letter->pid, &status, WNOHANG);
	if (ended == 0 && gw_mono_ns(st->self) < letter->deadline_ns) {
		gw_timer_set(st->mail_poll, st->self, POLL);
	} else if (ended == 0) {
		kill(letter->pid, SIGKILL);
		waitpid(letter->pid, &status, 0);
		finish(st, "the command took too long");
	} else {
		finish(st, ended > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0
		                   ? NULL
		                   : "the command failed");
	}
}

void letters_free(struct account *st)
{
	struct letter *letter, *next;

	for (letter = st->letters; letter != NULL; letter = next) {
		next = letter->next;
		gw_free(st->self, letter);
	}
	st->letters = NULL;
}
