/*
 * modules/client/dispatch.c - from a parsed line to the function of its command, by table.
 *
 * Rows of "client.command" are copied when they change. What a command may be used for (state,
 * number of parameters, operators) is decided here, once for all.
 */
#include "client.h"
#include <utlist.h>

enum verdict { EXECUTE, REFUSED };

static struct command *command_find(struct client_state *st, const char *name)
{
	struct gw_self *self = st->self;
	struct command *found;

	HASH_FIND_STR(st->commands, name, found);
	return found;
}

static uint8_t state_bit(const struct client *c)
{
	return (uint8_t)(1u << c->pub.state);
}

static bool lacks_parameters(const struct command *command, const struct gw_message *m)
{
	if (m->argc < command->min_args)
		return true;
	return command->min_args > 0 && m->argv[command->min_args - 1][0] == '\0';
}

static bool is_oper(const struct client *c)
{
	return c->pub.session != NULL && c->pub.session->user->role != NULL;
}

static enum verdict judge(struct client_state *st, struct client *c, const struct command *command,
                          const struct gw_message *m)
{
	if (command == NULL)
		reply_numeric(st, c, 421, "%.*s :Unknown command",
		              (int)utf8_trim(m->command, strnlen(m->command, 64)), m->command);
	else if (!(command->states & state_bit(c)) && c->pub.state == GW_CONNECTED)
		reply_numeric(st, c, 462, ":You may not reregister");
	else if (!(command->states & state_bit(c)))
		reply_numeric(st, c, 451, ":You have not registered");
	else if (command->oper && !is_oper(c))
		reply_numeric(st, c, 481, ":Permission Denied- You're not an IRC operator");
	else if (lacks_parameters(command, m))
		reply_numeric(st, c, 461, "%s :Not enough parameters", command->name);
	else
		return EXECUTE;
	return REFUSED;
}

static void bad_line(struct client_state *st, struct client *c, enum message_status status,
                     const struct gw_message *m)
{
	if (status == MESSAGE_LONG)
		reply_numeric(st, c, 417, ":Input line was too long");
	else if (status == MESSAGE_NUL)
		reply_standard(st, c, "FAIL", m->command, "INVALID_UTF8", "",
		               "Message rejected, it contains a NUL byte");
	else
		reply_standard(st, c, "FAIL", m->command, "INVALID_UTF8", "",
		               "Message rejected, your IRC software MUST use UTF-8 encoding on "
		               "this network");
}

void dispatch_strip(const struct client_state *st, const struct client *c, struct gw_message *m)
{
	uint64_t label = st->bit.label | st->bit.batch;

	if ((c->pub.caps & label) != label)
		m->label = NULL;
	if (!(c->pub.caps & st->bit.tags))
		m->client_tags = NULL;
}

static unsigned execute(struct client_state *st, struct client *c, struct gw_line *line)
{
	struct parsed parsed;
	struct gw_message *m = &parsed.message;
	enum message_status status = message_parse(line, &parsed);
	struct command *command = NULL;
	struct gw_visit visit;
	gw_command_fn *fn;
	unsigned cost = 1;

	if (status == MESSAGE_EMPTY)
		return cost;
	dispatch_strip(st, c, m);
	c->pub.command++;
	label_begin(st, c, m->label);
	if (status == MESSAGE_OK)
		command = command_find(st, m->command);
	if (status != MESSAGE_OK) {
		st->counts.bad_lines++;
		bad_line(st, c, status, m);
	} else if (judge(st, c, command, m) != EXECUTE) {
		st->counts.bad_lines++;
	} else {
		command->executed++;
		cost = command->cost;
		fn = (gw_command_fn *)gw_visit(st->self, &visit, command->call);
		if (fn != NULL)
			fn(command->call.module->state, &c->pub, m);
		gw_visit_end(st->self, &visit);
	}
	if (c->holds == NULL)
		label_end(st, c);
	return cost;
}

/* What ends a hold meanwhile does not begin with the next line. */
static void run(struct client_state *st, struct client *c, struct gw_line *line)
{
	c->executing = true;
	flood_charge(st, c, execute(st, c, line));
	c->executing = false;
	connection_check_room(st, c);
}

/* The input was running when something that is no command of this client's held it (a time-out,
 * another client's doing, the module that moves it). */
void dispatch_keep(struct client_state *st, struct client *c, const struct gw_line *line)
{
	struct stash *stash = gw_alloc(st->self, sizeof(*stash) + line->len + 1);

	stash->line = *line;
	stash->line.text = stash->text;
	memcpy(stash->text, line->text, line->len);
	DL_APPEND(c->stash, stash);
}

void stash_free(struct client_state *st, struct client *c)
{
	struct stash *stash, *next;

	DL_FOREACH_SAFE (c->stash, stash, next)
		gw_free(st->self, stash);
	c->stash = NULL;
}

enum gw_line_verdict client_line(void *state, void *data, struct gw_line *line)
{
	struct client_state *st = state;
	struct client *c = data;

	c->heard_ns = gw_mono_ns(st->self);
	st->counts.lines++;
	if (c->tapped && !c->closing)
		return tap_line(st, c, line);
	if (!dispatch_may(c) || c->stash != NULL) {
		if (!c->closing)
			dispatch_keep(st, c, line);
		return GW_LINE_STOP;
	}
	run(st, c, line);
	return dispatch_may(c) || c->tapped ? GW_LINE_NEXT : GW_LINE_STOP;
}

/* The first line that was kept. */
void dispatch_stashed(struct client_state *st, struct client *c)
{
	struct stash *stash = c->stash;

	DL_DELETE(c->stash, stash);
	run(st, c, &stash->line);
	gw_free(st->self, stash);
}

static void table_free(struct gw_self *self, struct command *table)
{
	struct command *command, *next;

	HASH_ITER (hh, table, command, next) {
		HASH_DEL(table, command);
		gw_free(self, command->name);
		gw_free(self, command);
	}
}

void commands_free(struct client_state *st)
{
	table_free(st->self, st->commands);
	st->commands = NULL;
}

void commands_changed(void *state, uint64_t tag)
{
	struct client_state *st = state;
	struct gw_self *self = st->self;
	const struct gw_row *rows;
	size_t n = gw_rows(self, GW_POINT_COMMAND, &rows);
	struct command *before = st->commands, *same;

	(void)tag;
	st->commands = NULL;
	for (size_t i = 0; i < n; i++) {
		const struct gw_command *row = rows[i].row;
		struct command *command = gw_alloc(self, sizeof(*command));

		command->name = gw_strdup(self, row->name);
		command->call = gw_call(rows[i].module, row->call, 0);
		command->states = row->states;
		command->min_args = row->min_args;
		command->cost = row->cost;
		command->oper = row->oper;
		HASH_FIND_STR(before, row->name, same);
		command->executed = same != NULL ? same->executed : 0;
		HASH_ADD_KEYPTR(hh, st->commands, command->name, strlen(command->name), command);
	}
	table_free(self, before);
}
