/*
 * modules/oper/roles.c - what an operator's role may do: the option `roles`, "name privilege
 * privilege...", "*" for all, "session.*" for all that begins so.
 */
#include "private.h"

#include <stdio.h>
#include <string.h>

static const char *role_row(struct oper_state *o, const char *role)
{
	const char *const *rows;
	size_t n = gw_option_list(o->self, gw_options(o->self), "roles", &rows), len = strlen(role);

	for (size_t i = 0; i < n; i++)
		if (strncmp(rows[i], role, len) == 0 &&
		    (rows[i][len] == ' ' || rows[i][len] == '\0'))
			return rows[i];
	return NULL;
}

bool oper_role_exists(struct oper_state *o, const char *role)
{
	return role_row(o, role) != NULL;
}

bool oper_privileges(struct oper_state *o, const char *role, char room[ROLE_TEXT_MAX],
                     const char *out[PRIVILEGES_MAX + 1])
{
	const char *row = role_row(o, role);
	char *rest = room, *word;
	size_t n = 0;

	out[0] = NULL;
	if (row == NULL)
		return false;
	snprintf(room, ROLE_TEXT_MAX, "%s", row);
	strsep(&rest, " ");
	while ((word = strsep(&rest, " ,")) != NULL && n < PRIVILEGES_MAX)
		if (*word != '\0')
			out[n++] = word;
	out[n] = NULL;
	return true;
}

bool oper_may(struct oper_state *o, const struct gw_user *user, const char *privilege)
{
	const char *list[PRIVILEGES_MAX + 1];
	char room[ROLE_TEXT_MAX];

	if (!(user->modes & gw_letter('o')) || user->role == NULL ||
	    !oper_privileges(o, user->role, room, list))
		return false;
	for (size_t i = 0; list[i] != NULL; i++)
		if (gw_admin_covers(list[i], privilege))
			return true;
	return false;
}

static void show_role(struct oper_state *o, struct gw_admin_request *req, const char *row)
{
	size_t n = strcspn(row, " ");
	char name[ROLE_MAX + 1];

	snprintf(name, sizeof(name), "%.*s", (int)n, row);
	gw_admin_row(o->self, req, (const char *const[]){name, row + n + strspn(row + n, " ")}, 2);
}

void oper_roles(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	static const char *const head[] = {"role", "privileges"};
	struct oper_state *o = state;
	const char *const *rows;
	size_t n = gw_option_list(o->self, gw_options(o->self), "roles", &rows);

	(void)argc;
	(void)argv;
	gw_admin_head(o->self, req, head, 2);
	for (size_t i = 0; i < n; i++)
		show_role(o, req, rows[i]);
	gw_admin_done(o->self, &req, 0, "");
}
