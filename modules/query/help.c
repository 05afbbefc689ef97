/*
 * modules/query/help.c - HELP (704, 705, 706; 524): made from the commands that there are now.
 */
#include "private.h"

#include <stdio.h>
#include <strings.h>

static void send_index(struct query_state *q, struct gw_client *client, const struct gw_row *rows,
                       size_t n)
{
	CLIENT(q, numeric, client, 704, "* :Commands; HELP and a command tells more:");
	for (size_t i = 0; i < n; i++)
		CLIENT(q, words, client, 705, "* :", ((const struct gw_command *)rows[i].row)->name,
		       ' ');
	CLIENT(q, words, client, 705, "* :", NULL, ' ');
	CLIENT(q, numeric, client, 706, "* :End of /HELP");
}

void query_help(void *state, struct gw_client *client, const struct gw_message *m)
{
	struct query_state *q = state;
	const struct gw_row *rows;
	size_t n = gw_rows(q->self, GW_POINT_COMMAND, &rows);

	if (m->argc == 0) {
		send_index(q, client, rows, n);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const struct gw_command *command = rows[i].row;

		if (strcasecmp(command->name, m->argv[0]) != 0)
			continue;
		CLIENT(q, numeric, client, 704, "%s :%s%s%s", command->name, command->name,
		       command->syntax != NULL ? " " : "",
		       command->syntax != NULL ? command->syntax : "");
		CLIENT(q, numeric, client, 705, "%s :%s", command->name,
		       command->help != NULL ? command->help : "");
		CLIENT(q, numeric, client, 706, "%s :End of /HELP", command->name);
		return;
	}
	CLIENT(q, numeric, client, 524, "%s :There is no help on that", m->argv[0]);
}
