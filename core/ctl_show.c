/*
 * core/ctl_show.c - see ctl_show.h.
 */
#include "core/ctl_show.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

void *need(void *p)
{
	if (p != NULL)
		return p;
	fprintf(stderr, "godwitctl: out of memory\n");
	exit(exit_failed);
}

/** Characters, of UTF-8. */
static size_t width(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/** Bytes of the control character at `s`; 0: it is none. Some have two: U+009B begins a command as
 * ESC does. */
static size_t control_at(const char *s)
{
	if ((unsigned char)*s < 0x20 || *s == 0x7f)
		return 1;
	return (unsigned char)s[0] == 0xc2 && ((unsigned char)s[1] & 0xe0) == 0x80 ? 2 : 0;
}

/** At most so many characters. A terminal gets no control characters from elsewhere. */
static void put_cut(FILE *out, const char *s, size_t max)
{
	while (*s != '\0') {
		size_t control = control_at(s);

		if (((unsigned char)*s & 0xc0) != 0x80 && max-- == 0)
			return;
		fputc(control > 0 ? '?' : *s, out);
		s += control > 0 ? control : 1;
	}
}

static void put_plain(const char *s)
{
	put_cut(stdout, s, SIZE_MAX);
}

static void put_json(FILE *out, const char *s)
{
	fputc('"', out);
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			fprintf(out, "\\%c", *s);
		else if ((unsigned char)*s < 0x20)
			fprintf(out, "\\u%04x", (unsigned)*s);
		else
			fputc(*s, out);
	}
	fputc('"', out);
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
		put_json(stdout, keys[i]);
		fputs(": ", stdout);
		put_json(stdout, values[i]);
	}
	putchar('}');
}

static size_t terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
		return size.ws_col;
	return 80;
}

/** Not the last column: some terminals would begin the next line. */
static void progress_in_place(struct output *o, const char *text)
{
	size_t n = width(text), most = terminal_width() - 1, before = o->progress;

	o->progress = n < most ? n : most;
	putchar('\r');
	put_cut(stdout, text, o->progress);
	if (before > o->progress)
		printf("%*s\r", (int)(before - o->progress), "");
	fflush(stdout);
}

/** The line is free again. */
static void progress_end(struct output *o)
{
	if (o->progress == 0)
		return;
	printf("\r%*s\r", (int)o->progress, "");
	fflush(stdout);
	o->progress = 0;
}

/** True once a second. */
static bool is_due(struct output *o)
{
	struct timespec now;
	int64_t ms;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	if (o->progressed && ms - o->progress_ms < 1000)
		return false;
	o->progressed = true;
	o->progress_ms = ms;
	return true;
}

/** The array on the standard output holds the answer alone. */
static void json_aside(const char *key, const char *text)
{
	fprintf(stderr, "{\"%s\": ", key);
	put_json(stderr, text);
	fputs("}\n", stderr);
}

static void show_progress(struct output *o, const struct line *line)
{
	const char *text = line->n > 0 ? line->cells[0] : "";

	if (o->json) {
		json_aside("progress", text);
	} else if (isatty(STDOUT_FILENO)) {
		progress_in_place(o, text);
	} else if (is_due(o)) {
		put_plain(text);
		putchar('\n');
		fflush(stdout);
	}
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

/** Of a command that failed at once nothing is on the standard output. */
static void end_output(struct output *o, bool failed)
{
	if (!o->json)
		flush_rows(o);
	else if (o->n_objects > 0)
		fputs("\n]\n", stdout);
	else if (!failed)
		fputs("[]\n", stdout);
	fflush(stdout);
}

void show_error(const struct output *o, const char *sentence)
{
	if (o->json) {
		json_aside("error", sentence);
		return;
	}
	fputs("godwitctl: ", stderr);
	put_cut(stderr, sentence, SIZE_MAX);
	fputc('\n', stderr);
}

static int show_end(struct output *o, struct line *line)
{
	int status = line->n > 0 ? atoi(line->cells[0]) : -EPROTO;

	end_output(o, status != 0);
	if (status == 0)
		return 0;
	show_error(o,
	           line->n > 1 && line->cells[1][0] != '\0' ? line->cells[1] : strerror(-status));
	return status == -ENOSYS ? exit_usage : exit_failed;
}

int show_line(struct output *o, struct line *line)
{
	if (line->kind == 'P') {
		show_progress(o, line);
		return -1;
	}
	progress_end(o);
	if (line->kind == 'H')
		show_head(o, line);
	else if (line->kind == 'R')
		show_row(o, line);
	else if (line->kind == 'T')
		show_text(o, line);
	else
		return show_end(o, line);
	return -1;
}

void show_free(struct output *o)
{
	progress_end(o);
	free_cells(o->columns, o->n_columns);
}
