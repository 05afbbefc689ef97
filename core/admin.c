/*
 * core/admin.c - finds the command for a line, checks arity and privilege, carries the answer's
 * parts to the front end, and has all of it logged.
 */
#include "core/admin_part.h"
#include "core/call.h"
#include "core/mem.h"
#include "core/module.h"
#include "core/server.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static char **copy_list(const char *const *list, size_t n)
{
	char **copy = mem_alloc((n + 1) * sizeof(*copy));

	for (size_t i = 0; i < n; i++)
		copy[i] = mem_strdup(list[i]);
	return copy;
}

static void free_list(char **list)
{
	for (size_t i = 0; list != NULL && list[i] != NULL; i++)
		free(list[i]);
	free(list);
}

static void request_free(struct gw_admin_request *req)
{
	DL_DELETE(req->server->requests, req);
	for (int i = 0; req->argv[i] != NULL; i++) /* a secret may stand in a wrong place */
		explicit_bzero(req->argv[i], strlen(req->argv[i]));
	free_list(req->privileges);
	free_list(req->argv);
	free(req->name);
	free(req->who);
	free(req->detail);
	free(req);
}

static void send_part(struct gw_admin_request *req, const struct gw_admin_answer *part)
{
	struct gw_call call = req->answer;
	struct gw_admin_answer sent = *part;
	struct frame frame;
	char **mended = admin_mend(&sent);
	gw_admin_answer_fn *fn = (gw_admin_answer_fn *)call_enter(&frame, call);

	if (fn != NULL)
		fn(call.module->state, call.tag, &sent);
	call_leave(&frame);
	free_list(mended);
}

void admin_head(struct gw_admin_request *req, const char *const *columns, size_t n)
{
	send_part(req, &(struct gw_admin_answer){
			       .part = GW_ADMIN_HEAD, .cells = columns, .n_cells = n, .text = ""});
}

void admin_row(struct gw_admin_request *req, const char *const *cells, size_t n)
{
	send_part(req, &(struct gw_admin_answer){
			       .part = GW_ADMIN_ROW, .cells = cells, .n_cells = n, .text = ""});
}

static void api_text(struct gw_admin_request *req, const char *line)
{
	send_part(req, &(struct gw_admin_answer){.part = GW_ADMIN_TEXT, .text = line});
}

static void api_progress(struct gw_admin_request *req, const char *line)
{
	send_part(req, &(struct gw_admin_answer){.part = GW_ADMIN_PROGRESS, .text = line});
}

void admin_text(struct gw_admin_request *req, const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	api_text(req, line);
}

void admin_done(struct gw_admin_request **handle, int status, const char *error)
{
	struct gw_admin_request *req = *handle;
	const char *sentence = error != NULL ? error : "";

	*handle = NULL;
	if (status != 0 && sentence[0] == '\0')
		sentence = strerror(-status);
	if (req->begun)
		admin_log_ended(req, status, sentence);
	send_part(req, &(struct gw_admin_answer){.part = GW_ADMIN_END,
	                                         .text = status != 0 ? sentence : "",
	                                         .status = status});
	request_free(req);
}

/** Before it has begun, or in place of the command that cannot answer any more. */
__attribute__((format(printf, 3, 4))) static int refuse(struct gw_admin_request *req, int status,
                                                        const char *format, ...)
{
	char sentence[400];
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	if (!req->begun)
		admin_log_refused(req, status, sentence);
	admin_done(&req, status, sentence);
	return 0;
}

void admin_privilege(const struct gw_admin_command *command, char out[ADMIN_NAME_MAX])
{
	snprintf(out, ADMIN_NAME_MAX, "%s",
	         command->privilege != NULL ? command->privilege : command->name);
	for (char *at = out; command->privilege == NULL && (at = strchr(at, ' ')) != NULL;)
		*at = '.';
}

bool admin_allows(const struct gw_admin_request *req, const struct gw_admin_command *command)
{
	char privilege[ADMIN_NAME_MAX];

	admin_privilege(command, privilege);
	if (req->privileges == NULL || privilege[0] == '\0')
		return true;
	for (size_t i = 0; req->privileges[i] != NULL; i++)
		if (gw_admin_covers(req->privileges[i], privilege))
			return true;
	return false;
}

#define NAME_WORDS 3

/** The command that the line begins with, the longest name first; `*words` is the length of its
 * name. */
static const struct gw_row *find_command(struct gw_server *server, int argc,
                                         const char *const *argv, int *words)
{
	char name[ADMIN_NAME_MAX] = "";
	const struct gw_row *row = NULL;

	for (*words = argc < NAME_WORDS ? argc : NAME_WORDS; *words > 0 && row == NULL; --*words) {
		size_t used = 0;

		for (int i = 0; i < *words && used < sizeof(name); i++)
			used += (size_t)snprintf(name + used, sizeof(name) - used, "%s%s",
			                         i > 0 ? " " : "", argv[i]);
		row = point_find(server, GW_POINT_ADMIN, name);
	}
	++*words;
	return row;
}

/** The second words of a family: "module" is followed by list, load... */
static void list_family(struct gw_server *server, const char *first, char *out, size_t max)
{
	const struct gw_row *rows;
	size_t n = module_api.rows(server_self(server), GW_POINT_ADMIN, &rows), len = strlen(first),
	       used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < n && used < max; i++) {
		const struct gw_admin_command *command = rows[i].row;

		if (strncmp(command->name, first, len) == 0 && command->name[len] == ' ')
			used += (size_t)snprintf(out + used, max - used, "%s%s",
			                         used > 0 ? ", " : "", command->name + len + 1);
	}
}

static int refuse_unknown(struct gw_admin_request *req, int argc)
{
	const char *const *argv = (const char *const *)req->argv;
	char meant[SUGGEST_MAX], known[300];

	if (strchr(argv[0], ' ') != NULL) /* not repeated: one of the words may be a secret */
		return refuse(req, -ENOSYS,
		              "all that in one word is no command: give its words one by one, "
		              "without a colon or quotation marks");
	if (suggest_command(req->server, argc, argv, meant) > 0)
		return refuse(req, -ENOSYS,
		              "there is no such command; did you mean '%s'? 'help' lists all",
		              meant);
	list_family(req->server, argv[0], known, sizeof(known));
	if (known[0] != '\0')
		return refuse(req, -ENOSYS, "'%.60s' is followed by one of: %s", argv[0], known);
	return refuse(req, -ENOSYS, "there is no command '%.60s'; 'help' lists those there are",
	              argv[0]);
}

/** What is known of the command, for as long as the request lasts: its module may be replaced. */
static void note_command(struct gw_admin_request *req, const struct gw_admin_command *command,
                         int words)
{
	req->name = mem_strdup(command->name);
	req->words = words;
	req->reads = command->reads;
	req->secretive = command->secret > 0;
	req->secret = command->secret > 0 ? words + command->secret - 1 : 0;
	for (int i = 0; i <= req->secret; i++)
		if (req->argv[i] == NULL)
			req->secret = 0; /* it does not reach so far */
}

static int start(struct gw_admin_request *req, const struct gw_row *row, int words, int argc)
{
	const struct gw_admin_command *command = row->row;
	const char *const *argv = (const char *const *)req->argv + words;
	struct gw_call call = gw_call(row->module, command->call, 0);
	char privilege[ADMIN_NAME_MAX];
	struct frame frame;
	gw_admin_fn *fn;

	note_command(req, command, words);
	admin_privilege(command, privilege);
	if (!admin_allows(req, command))
		return refuse(req, -EPERM, "'%s' needs the privilege '%s'", command->name,
		              privilege);
	if (argc < command->min_args || argc > command->max_args)
		return refuse(req, -ENOSYS, "usage: %s%s%s", command->name,
		              command->args != NULL && command->args[0] != '\0' ? " " : "",
		              command->args != NULL ? command->args : "");
	admin_log_begun(req);
	req->module = module_of(row->module);
	fn = (gw_admin_fn *)call_enter(&frame, call);
	if (fn != NULL)
		fn(call.module->state, req, argc, argv);
	call_leave(&frame);
	return fn != NULL ? 0 : refuse(req, -ENOSYS, "'%s' has no function", command->name);
}

static struct gw_admin_request *request_new(struct gw_server *server, int argc,
                                            const char *const *argv,
                                            const struct gw_admin_asker *asker,
                                            struct gw_call answer)
{
	struct gw_admin_request *req = mem_alloc(sizeof(*req));
	size_t n = 0;

	req->server = server;
	req->answer = answer;
	req->who = mem_strdup(asker->who != NULL ? asker->who : "");
	req->detail = mem_strdup(asker->detail != NULL ? asker->detail : "");
	req->argv = copy_list(argv, (size_t)argc);
	while (asker->privileges != NULL && asker->privileges[n] != NULL)
		n++;
	if (asker->privileges != NULL)
		req->privileges = copy_list(asker->privileges, n);
	DL_APPEND(server->requests, req);
	return req;
}

/** A word ends up in lines: of the log, of IRC. */
static bool has_line_end(int argc, const char *const *argv)
{
	for (int i = 0; i < argc; i++)
		if (strpbrk(argv[i], "\r\n") != NULL)
			return true;
	return false;
}

static int api_run(struct gw_self *self, int argc, const char *const *argv,
                   const struct gw_admin_asker *asker, struct gw_call answer)
{
	struct gw_server *server = self_server(self);
	struct gw_admin_request *req;
	const struct gw_row *row;
	int words;

	if (argc < 1)
		return -EINVAL;
	req = request_new(server, argc, argv, asker, answer);
	if (has_line_end(argc, argv))
		return refuse(req, -EINVAL, "a word of a command has no line end in it");
	row = find_command(server, argc, argv, &words);
	if (row == NULL)
		return refuse_unknown(req, argc);
	return start(req, row, words, argc - words);
}

static const char *api_who(struct gw_admin_request *req)
{
	return req->who;
}

const struct gw_admin_api admin_api = {
	.run = api_run,
	.head = admin_head,
	.row = admin_row,
	.text = api_text,
	.done = admin_done,
	.who = api_who,
	.progress = api_progress,
};

void admin_forget(struct gw_server *server, struct module *module)
{
	struct gw_admin_request *req, *next;

	DL_FOREACH_SAFE (server->requests, req, next) {
		if (req->answer.module == &module->self)
			req->answer.module = NULL;
		if (req->module == module)
			refuse(req, -ECANCELED, "the module %s was unloaded before it had answered",
			       module->self.name);
	}
}

void admin_free(struct gw_server *server)
{
	while (server->requests != NULL) {
		if (server->requests->begun)
			admin_log_ended(server->requests, -ECANCELED, "the server has ended");
		request_free(server->requests);
	}
}
