/*
 * core/ctl_show.h - how godwitctl shows an answer: aligned columns, text, or JSON.
 */
#ifndef CORE_CTL_SHOW_H
#define CORE_CTL_SHOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { exit_failed = 1, exit_usage = 2, exit_unreached = 3, cells_max = 256 };

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
	size_t progress;  /* characters of it that stand on the terminal's line */
	bool progressed;
	int64_t progress_ms; /* when it was last shown elsewhere */
};

/** Allocation cannot fail: ends the program. */
void *need(void *p);

/** Shows a part of the answer; -1, or at its end the exit code. */
int show_line(struct output *o, struct line *line);
/** On the standard error, with --json as an object. */
void show_error(const struct output *o, const char *sentence);
/** Nothing more will come. */
void show_free(struct output *o);

#endif
