/*
 * core/godwitctl.c - the thin client of the control socket (doc/control-protocol.md).
 *
 * A program of its own: it knows no command, only how to find a server, send one line and show what
 * comes back. Commands, their help and their checks are the server's.
 */
#include "core/ctl_show.h"
#include "core/home.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { words_max = 64 };

struct command_line {
	const char *socket; /* NULL: to be found */
	const char *server; /* its folder below build/run */
	bool agent;         /* the user's own */
	bool json;
	char **words;
	int n_words;
};

static void usage(FILE *out)
{
	fprintf(out,
	        "Usage: godwitctl [--socket PATH | -s NAME | --agent] [--json] COMMAND...\n"
	        "Sends a command to a running Godwit server; 'godwitctl help' lists the "
	        "commands.\n\n"
	        "  --socket PATH  the server's control socket\n"
	        "  -s NAME        the server NAME of a build tree: build/run/NAME/control.sock\n"
	        "  --agent        your own agent: ~/.local/state/godwit-agent/control.sock\n"
	        "  --json         the answer as JSON\n"
	        "  -h, --help     this text\n"
	        "  --version      the version\n");
}

/* Words and cells: four characters are escaped. */

static const char escaped[][2] = {{'\\', '\\'}, {'\t', 't'}, {'\n', 'n'}, {'\r', 'r'}};

static void put_escaped(FILE *out, const char *s)
{
	for (; *s != '\0'; s++) {
		size_t i = 0;

		while (i < sizeof(escaped) / sizeof(escaped[0]) && escaped[i][0] != *s)
			i++;
		if (i < sizeof(escaped) / sizeof(escaped[0]))
			fprintf(out, "\\%c", escaped[i][1]);
		else
			fputc(*s, out);
	}
}

static void unescape(char *s)
{
	char *to = s;

	for (; *s != '\0'; s++) {
		size_t i = 0;

		if (*s != '\\' || s[1] == '\0') {
			*to++ = *s;
			continue;
		}
		s++;
		while (i + 1 < sizeof(escaped) / sizeof(escaped[0]) && escaped[i][1] != *s)
			i++;
		*to++ = escaped[i][0];
	}
	*to = '\0';
}

/** Cuts `text` in place. */
static bool cut(char *text, struct line *out)
{
	char *at = text + 1;

	out->kind = text[0];
	out->n = 0;
	while (*at == '\t' && out->n < sizeof(out->cells) / sizeof(out->cells[0])) {
		char *cell = at + 1;

		at = cell + strcspn(cell, "\t");
		out->cells[out->n++] = cell;
	}
	for (size_t i = 0; i < out->n; i++) {
		out->cells[i][strcspn(out->cells[i], "\t")] = '\0';
		unescape(out->cells[i]);
	}
	return out->kind != '\0' && strchr("HRTPE", out->kind) != NULL;
}

/* Finding the server. */

/** The folder of a build tree that this program lies in, or NULL. */
static char *build_folder(void)
{
	char exe[PATH_MAX], *folder, *mark;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (n <= 0)
		return NULL;
	exe[n] = '\0';
	folder = need(strdup(dirname(exe)));
	if (asprintf(&mark, "%s/config.status", folder) < 0)
		need(NULL);
	if (access(mark, F_OK) != 0) {
		free(folder);
		folder = NULL;
	}
	free(mark);
	return folder;
}

/** As conf/agent.yaml has it. */
static char *agent_socket(void)
{
	const char *home = home_folder();
	char *path;

	if (asprintf(&path, "%s/.local/state/godwit-agent/control.sock", home != NULL ? home : "") <
	    0)
		need(NULL);
	return path;
}

static char *find_socket(const struct command_line *line)
{
	const char *env = getenv("GODWIT_SOCKET"), *run = getenv("GODWIT_RUN_DIR");
	const char *name = line->server != NULL ? line->server : "one";
	char *build, *path;
	int n;

	if (line->socket != NULL)
		return need(strdup(line->socket));
	if (line->agent)
		return agent_socket();
	if (env != NULL && env[0] != '\0' && line->server == NULL)
		return need(strdup(env));
	build = build_folder();
	if (run != NULL && run[0] != '\0')
		n = asprintf(&path, "%s/%s/control.sock", run, name);
	else if (build != NULL)
		n = asprintf(&path, "%s/run/%s/control.sock", build, name);
	else
		n = asprintf(&path, "%s/lib/godwit/control.sock", LOCALSTATEDIR);
	if (n < 0)
		need(NULL);
	free(build);
	return path;
}

/** A path too long for a socket's address is reached through its folder. */
static bool fill_address(struct sockaddr_un *address, const char *path)
{
	char *copy;
	int folder;

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) < sizeof(address->sun_path)) {
		memcpy(address->sun_path, path, strlen(path) + 1);
		return true;
	}
	copy = need(strdup(path));
	folder = open(dirname(copy), O_PATH | O_DIRECTORY | O_CLOEXEC);
	free(copy);
	if (folder < 0)
		return false;
	snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/%.60s", folder,
	         strrchr(path, '/') + 1);
	return true;
}

static int dial(const char *path)
{
	struct sockaddr_un address;
	int error, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && fill_address(&address, path) &&
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	error = errno;
	if (fd >= 0)
		close(fd);
	errno = error;
	return -1;
}

static int read_answer(FILE *in, struct output *o)
{
	char *text = NULL;
	size_t size = 0;
	ssize_t n;
	struct line line;
	int code = -1;

	while (code < 0 && (n = getline(&text, &size, in)) > 0) {
		if (text[n - 1] != '\n')
			break;
		text[n - 1] = '\0';
		if (!cut(text, &line))
			continue;
		code = show_line(o, &line);
	}
	free(text);
	show_free(o);
	if (code >= 0)
		return code;
	show_error(o, "the server closed the connection before it had answered; what it was told "
	              "may have been done");
	return exit_unreached;
}

/** One that has gone is noticed by its missing answer. */
static void send_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return;
		p += sent;
		n -= (size_t)sent;
	}
}

static void send_request(const struct command_line *line, int fd)
{
	char *text = NULL;
	size_t n;
	FILE *out = need(open_memstream(&text, &n));

	fputs("godwitctl 1\nC", out);
	for (int i = 0; i < line->n_words; i++) {
		fputc('\t', out);
		put_escaped(out, line->words[i]);
	}
	fputc('\n', out);
	fclose(out);
	send_all(fd, need(text), n);
	free(text);
	shutdown(fd, SHUT_WR);
}

static int talk(const struct command_line *line, int fd)
{
	struct output output = {.json = line->json};
	FILE *in = need(fdopen(fd, "r"));
	int code;

	send_request(line, fd);
	code = read_answer(in, &output);
	fclose(in);
	return code;
}

/** --json may also stand behind the command. */
static void take_json(struct command_line *line)
{
	int kept = 0;

	for (int i = 0; i < line->n_words; i++) {
		if (strcmp(line->words[i], "--json") == 0)
			line->json = true;
		else
			line->words[kept++] = line->words[i];
	}
	line->n_words = kept;
}

/** Fills `*out`; -1, or the exit code of a program that is done. */
static int parse(int argc, char **argv, struct command_line *out)
{
	static const struct option longs[] = {
		{"socket", required_argument, NULL, 'S'}, {"agent", no_argument, NULL, 'a'},
		{"json", no_argument, NULL, 'j'},         {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'v'},      {NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "+s:h", longs, NULL)) != -1) {
		switch (c) {
		case 'S':
			out->socket = optarg;
			break;
		case 's':
			out->server = optarg;
			break;
		case 'a':
			out->agent = true;
			break;
		case 'j':
			out->json = true;
			break;
		case 'h':
			usage(stdout);
			return 0;
		case 'v':
			printf("godwitctl %s\n", PACKAGE_VERSION);
			return 0;
		default:
			usage(stderr);
			return exit_usage;
		}
	}
	out->words = argv + optind;
	out->n_words = argc - optind;
	take_json(out);
	if (out->n_words > 0 && out->n_words <= words_max)
		return -1;
	usage(stderr);
	return exit_usage;
}

static int unreached(const struct command_line *line, const char *path, int error)
{
	const struct output output = {.json = line->json};
	char *sentence;

	if (asprintf(&sentence, "no server answers at %s: %s", path, strerror(error)) < 0)
		need(NULL);
	show_error(&output, sentence);
	free(sentence);
	return exit_unreached;
}

int main(int argc, char **argv)
{
	struct command_line line = {0};
	int code = parse(argc, argv, &line), fd;
	char *path;

	if (code >= 0)
		return code;
	path = find_socket(&line);
	fd = dial(path);
	code = fd < 0 ? unreached(&line, path, errno) : talk(&line, fd);
	free(path);
	return code;
}
