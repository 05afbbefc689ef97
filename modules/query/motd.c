/*
 * modules/query/motd.c - MOTD (375, 372, 376; 422), read from a file at start and at each rehash.
 */
#include "private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LINES_MAX 500
#define LINE_MAX_BYTES 400
#define LINE_ROOM 1024

void query_motd_free(struct query_state *q)
{
	for (size_t i = 0; i < q->motd_lines; i++)
		gw_free(q->self, q->motd[i]);
	gw_free(q->self, q->motd);
	q->motd = NULL;
	q->motd_lines = 0;
}

/* The bytes of the UTF-8 character at `p`; 0: it is none. */
static size_t character(const unsigned char *p)
{
	size_t n = *p < 0x80   ? 1
	           : *p < 0xc2 ? 0
	           : *p < 0xe0 ? 2
	           : *p < 0xf0 ? 3
	           : *p < 0xf5 ? 4
	                       : 0;

	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if (n >= 3 && ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) ||
	               (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f)))
		return 0;
	return n;
}

/* Clients are promised UTF-8: what is none becomes question marks. */
static char *line_copy(struct query_state *q, char *line)
{
	for (unsigned char *p = (unsigned char *)line; *p != '\0';) {
		size_t n = character(p);

		if (n == 0 || *p == '\r')
			*p = '?';
		p += n > 0 ? n : 1;
	}
	return gw_strdup(q->self, gw_cut(line, LINE_MAX_BYTES));
}

/* The next line without its end; what is behind LINE_ROOM bytes is passed over. */
static bool next_line(FILE *file, char line[LINE_ROOM])
{
	char rest[LINE_ROOM];
	bool whole;

	if (fgets(line, LINE_ROOM, file) == NULL)
		return false;
	whole = strchr(line, '\n') != NULL;
	while (!whole && fgets(rest, sizeof(rest), file) != NULL)
		whole = strchr(rest, '\n') != NULL;
	line[strcspn(line, "\n")] = '\0';
	if (line[0] != '\0' && line[strlen(line) - 1] == '\r')
		line[strlen(line) - 1] = '\0';
	return true;
}

/* A file that cannot be read leaves the text as it was. */
int query_motd_load(struct query_state *q, const char *path, struct gw_error *err)
{
	FILE *file = *path != '\0' ? fopen(path, "r") : NULL;
	char line[LINE_ROOM];

	if (*path != '\0' && file == NULL)
		return gw_fail(err, -errno, "motd %s: %s", path, strerror(errno));
	query_motd_free(q);
	if (file == NULL)
		return 0;
	q->motd = gw_alloc(q->self, LINES_MAX * sizeof(*q->motd));
	while (q->motd_lines < LINES_MAX && next_line(file, line))
		q->motd[q->motd_lines++] = line_copy(q, line);
	fclose(file);
	return 0;
}

void query_send_motd(struct query_state *q, struct gw_client *client)
{
	if (q->motd_lines == 0) {
		CLIENT(q, numeric, client, 422, ":No message of the day");
		return;
	}
	CLIENT(q, numeric, client, 375, ":- %s Message of the day -", NETWORK(q, here)->name);
	for (size_t i = 0; i < q->motd_lines; i++)
		CLIENT(q, numeric, client, 372, ":- %s", q->motd[i]);
	CLIENT(q, numeric, client, 376, ":End of /MOTD command");
}

void query_motd(void *state, struct gw_client *client, const struct gw_message *m)
{
	struct query_state *q = state;
	const struct gw_node *node = query_asked(q, client, m, 0);

	if (node != NULL && node->here)
		query_send_motd(q, client);
	else if (node != NULL)
		CLIENT(q, numeric, client, 422, ":The message of the day of %s is shown there only",
		       node->name);
}
