/*
 * modules/query/motd.c - MOTD (375, 372, 376; 422), read from a file at start and at each rehash.
 */
#include "private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LINES_MAX 500
#define LINE_MAX_BYTES 400

void query_motd_free(struct query_state *q)
{
	for (size_t i = 0; i < q->motd_lines; i++)
		gw_free(q->self, q->motd[i]);
	gw_free(q->self, q->motd);
	q->motd = NULL;
	q->motd_lines = 0;
}

int query_motd_load(struct query_state *q, const char *path, struct gw_error *err)
{
	char line[LINE_MAX_BYTES];
	FILE *file;

	query_motd_free(q);
	if (*path == '\0')
		return 0;
	file = fopen(path, "r");
	if (file == NULL)
		return gw_fail(err, -errno, "motd %s: %s", path, strerror(errno));
	q->motd = gw_alloc(q->self, LINES_MAX * sizeof(*q->motd));
	while (q->motd_lines < LINES_MAX && fgets(line, sizeof(line), file) != NULL) {
		line[strcspn(line, "\r\n")] = '\0';
		q->motd[q->motd_lines++] = gw_strdup(q->self, line);
	}
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
	(void)m;
	query_send_motd(state, client);
}
