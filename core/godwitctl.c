/*
 * core/godwitctl.c - the thin client of the control socket (doc/control-protocol.md).
 *
 * A program of its own: it knows no command, only how to find a server, send one line and show what
 * comes back. Commands, their help and their checks are the server's.
 */
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

enum { exit_failed = 1, exit_usage = 2, words_max = 64, cells_max = 256 };

struct command_line {
	const char *socket; /* NULL: to be found */
	const char *server; /* its folder below build/run */
	bool json;
	char **words;
	int n_words;
};

/** A line of the answer, cut into cells. */
struct line {
	char kind;
	char *cells[cells_max];
	size_t n;
};

/** What is shown, and how far that has come. */
struct output {
	bool json, headed;
	char **columns;
	size_t n_columns;
	char ***rows; /* waiting to be aligned */
	size_t n_rows;
	size_t n_objects; /* of the JSON array */
};

static void *need(void *p)
{
	if (p != NULL)
		return p;
	fprintf(stderr, "godwitctl: out of memory\n");
	exit(exit_failed);
}

static void usage(FILE *out)
{
	fprintf(out,
	        "Usage: godwitctl [--socket PATH | -s NAME] [--json] COMMAND...\n"
	        "Sends a command to a running Godwit server; 'godwitctl help' lists the "
	        "commands.\n\n"
	        "  --socket PATH  the server's control socket\n"
	        "  -s NAME        the server NAME of a build tree: build/run/NAME/control.sock\n"
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
	return out->kind != '\0' && strchr("HRTE", out->kind) != NULL;
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

static char *find_socket(const struct command_line *line)
{
	const char *env = getenv("GODWIT_SOCKET"), *run = getenv("GODWIT_RUN_DIR");
	const char *name = line->server != NULL ? line->server : "one";
	char *build, *path;
	int n;

	if (line->socket != NULL)
		return need(strdup(line->socket));
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
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && fill_address(&address, path) &&
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	fprintf(stderr, "godwitctl: no server answers at %s: %s\n", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Showing the answer. */

/** Characters, of UTF-8. */
static size_t width(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/** A terminal gets no control characters from elsewhere. */
static void put_plain(const char *s)
{
	for (; *s != '\0'; s++)
		putchar((unsigned char)*s < 0x20 || *s == 0x7f ? '?' : *s);
}

static void put_json(const char *s)
{
	putchar('"');
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			printf("\\%c", *s);
		else if ((unsigned char)*s < 0x20)
			printf("\\u%04x", (unsigned)*s);
		else
			putchar(*s);
	}
	putchar('"');
}

static const char *shown(const char *cell)
{
	return cell[0] != '\0' ? cell : "-";
}

static void put_row(char **cells, size_t n, const size_t *widths)
{
	for (size_t i = 0; i < n; i++) {
		put_plain(shown(cells[i]));
		if (i + 1 < n)
			printf("%*s", (int)(widths[i] - width(shown(cells[i])) + 2), "");
	}
	putchar('\n');
}

static void free_cells(char **cells, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(cells[i]);
	free(cells);
}

/** The head is for people: on a terminal only, so that elsewhere each line is a row. */
static void flush_rows(struct output *o)
{
	bool head = !o->headed && o->n_columns > 0 && isatty(STDOUT_FILENO);
	size_t *widths = need(calloc(o->n_columns + 1, sizeof(*widths)));

	for (size_t c = 0; c < o->n_columns; c++) {
		widths[c] = head ? width(o->columns[c]) : 0;
		for (size_t r = 0; r < o->n_rows; r++)
			if (width(shown(o->rows[r][c])) > widths[c])
				widths[c] = width(shown(o->rows[r][c]));
	}
	if (head && o->n_rows > 0)
		put_row(o->columns, o->n_columns, widths);
	o->headed = o->headed || o->n_rows > 0;
	for (size_t r = 0; r < o->n_rows; r++) {
		put_row(o->rows[r], o->n_columns, widths);
		free_cells(o->rows[r], o->n_columns);
	}
	free(o->rows);
	o->rows = NULL;
	o->n_rows = 0;
	free(widths);
}

/** As many cells as there are columns, copied. */
static char **copy_cells(const struct line *line, size_t n)
{
	char **cells = need(calloc(n + 1, sizeof(*cells)));

	for (size_t i = 0; i < n; i++)
		cells[i] = need(strdup(i < line->n ? line->cells[i] : ""));
	return cells;
}

static void json_object(struct output *o, char **keys, char **values, size_t n)
{
	fputs(o->n_objects++ > 0 ? ",\n {" : "[\n {", stdout);
	for (size_t i = 0; i < n; i++) {
		fputs(i > 0 ? ", " : "", stdout);
		put_json(keys[i]);
		fputs(": ", stdout);
		put_json(values[i]);
	}
	putchar('}');
}

static void show_head(struct output *o, struct line *line)
{
	if (o->columns != NULL)
		return;
	o->n_columns = line->n;
	o->columns = copy_cells(line, line->n);
}

static void show_row(struct output *o, struct line *line)
{
	char **cells;

	if (o->columns == NULL)
		return;
	cells = copy_cells(line, o->n_columns);
	if (o->json) {
		json_object(o, o->columns, cells, o->n_columns);
		free_cells(cells, o->n_columns);
		return;
	}
	o->rows = need(realloc(o->rows, (o->n_rows + 1) * sizeof(*o->rows)));
	o->rows[o->n_rows++] = cells;
}

static void show_text(struct output *o, struct line *line)
{
	char key[] = "text", *keys[] = {key}, empty[] = "",
	     *values[] = {line->n > 0 ? line->cells[0] : empty};

	if (o->json) {
		json_object(o, keys, values, 1);
		return;
	}
	flush_rows(o);
	put_plain(values[0]);
	putchar('\n');
	fflush(stdout);
}

static int show_end(struct output *o, struct line *line)
{
	int status = line->n > 0 ? atoi(line->cells[0]) : -EPROTO;

	if (o->json)
		fputs(o->n_objects > 0 ? "\n]\n" : "[]\n", stdout);
	else
		flush_rows(o);
	fflush(stdout);
	if (status == 0)
		return 0;
	fprintf(stderr, "godwitctl: %s\n",
	        line->n > 1 && line->cells[1][0] != '\0' ? line->cells[1] : strerror(-status));
	return status == -ENOSYS ? exit_usage : exit_failed;
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
		if (line.kind == 'H')
			show_head(o, &line);
		else if (line.kind == 'R')
			show_row(o, &line);
		else if (line.kind == 'T')
			show_text(o, &line);
		else
			code = show_end(o, &line);
	}
	free(text);
	if (code >= 0)
		return code;
	fprintf(stderr, "godwitctl: the server closed the connection before it had answered\n");
	return exit_failed;
}

static int talk(const struct command_line *line, int fd)
{
	struct output output = {.json = line->json};
	FILE *out = need(fdopen(fd, "w")), *in = need(fdopen(dup(fd), "r"));
	int code;

	fputs("godwitctl 1\nC", out);
	for (int i = 0; i < line->n_words; i++) {
		fputc('\t', out);
		put_escaped(out, line->words[i]);
	}
	fputc('\n', out);
	fflush(out);
	shutdown(fd, SHUT_WR);
	code = read_answer(in, &output);
	free_cells(output.columns, output.n_columns);
	fclose(in);
	fclose(out);
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
		{"socket", required_argument, NULL, 'S'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'v'},
		{NULL, 0, NULL, 0},
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

int main(int argc, char **argv)
{
	struct command_line line = {0};
	int code = parse(argc, argv, &line), fd;
	char *path;

	if (code >= 0)
		return code;
	path = find_socket(&line);
	fd = dial(path);
	free(path);
	return fd < 0 ? exit_usage : talk(&line, fd);
}
