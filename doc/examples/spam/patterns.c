/*
 * patterns.c - patterns that operators have added.
 *
 * They are the whole network's, and last: each is a cell of the one entity of the services database
 * that stands for the network. So one `spam add` does for all servers, also for those that are not
 * in sight, and for those that join later. In memory are copies.
 */
#include "spam.h"
#include <errno.h>

#define RULES_MAX 100
#define ANSWER 1        /* tag of a walk behind which an operator is answered */
#define LETTERS_LEAST 3 /* of a pattern, besides * and ? */
#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyz0123456789-"

/* --- as the database has them --- */

static bool is_name(struct gw_blob name)
{
	const char *p = name.p;

	for (size_t i = 0; i < name.n; i++)
		if (p[i] == '\0' || strchr(NAME_LETTERS, p[i]) == NULL)
			return false;
	return name.n > 0 && name.n <= RULE_MAX;
}

/* NULL: it can be one. "*" would silence the network. */
static const char *pattern_fault(const char *pattern)
{
	size_t letters = 0;

	for (const char *at = pattern; *at != '\0'; at++)
		letters += *at != '*' && *at != '?' && *at != ' ';
	if (letters < LETTERS_LEAST)
		return "A pattern has at least three characters besides * and ?.";
	return strlen(pattern) > PATTERN_MAX ? "That pattern is too long." : NULL;
}

static struct rule *rule_find(struct rule *rules, const char *name)
{
	struct rule *rule;

	DL_FOREACH (rules, rule)
		if (strcmp(rule->name, name) == 0)
			return rule;
	return NULL;
}

void spam_rules_free(struct spam_state *st, struct rule **rules)
{
	struct rule *rule, *next;

	DL_FOREACH_SAFE (*rules, rule, next) {
		DL_DELETE(*rules, rule);
		gw_free(st->self, rule);
	}
}

/* What other servers have written is checked like all that comes from outside. */
static void rule_add(struct spam_state *st, const struct gw_cell *cell, struct rule *old)
{
	struct rule *rule = gw_alloc(st->self, sizeof(*rule)), *was;

	if (!is_name(cell->sub) ||
	    !gw_part_text(cell->value, 0, rule->pattern, sizeof(rule->pattern)) ||
	    pattern_fault(rule->pattern) != NULL) {
		gw_free(st->self, rule);
		return;
	}
	memcpy(rule->name, cell->sub.p, cell->sub.n);
	was = rule_find(old, rule->name);
	rule->refused = was != NULL ? was->refused : 0;
	DL_APPEND(st->rules, rule);
}

/* There is one entity of this class; behind it NULL says that this was all. */
void spam_walked(void *state, uint64_t tag, int status, const struct gw_entity *network)
{
	struct spam_state *st = state;
	struct rule *old = st->rules;

	if (network == NULL && tag == ANSWER && st->req != NULL)
		gw_admin_done(st->self, &st->req, 0, "");
	if (status != 0 || network == NULL)
		return;
	st->entity = network->id;
	st->rules = NULL;
	for (size_t i = 0; i < network->n; i++)
		if (network->cells[i].field == st->field)
			rule_add(st, &network->cells[i], old);
	spam_rules_free(st, &old);
}

void spam_read(void *state, uint64_t tag, const void *payload)
{
	struct spam_state *st = state;

	(void)tag, (void)payload;
	SERVICES(st, walk, GW_CLASS_NETWORK, gw_call(st->self, CALL_WALKED, 0));
}

/* Here or on another server. */
void spam_changed(void *state, uint64_t tag, const void *payload)
{
	if (((const struct gw_services_change *)payload)->class == GW_CLASS_NETWORK)
		spam_read(state, tag, NULL);
}

/* --- operators' commands --- */

void spam_list(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	static const char *const columns[] = {"rule", "refuses", "refused-here"};
	struct spam_state *st = state;
	char count[24];
	struct rule *rule;

	(void)argc, (void)argv;
	gw_admin_head(st->self, req, columns, 3);
	for (size_t i = 0; i < CHECKS; i++) {
		snprintf(count, sizeof(count), "%llu", (unsigned long long)st->refused[i]);
		gw_admin_row(st->self, req,
		             (const char *[]){spam_check_name(i), spam_check_about(i), count}, 3);
	}
	DL_FOREACH (st->rules, rule) {
		snprintf(count, sizeof(count), "%llu", (unsigned long long)rule->refused);
		gw_admin_row(st->self, req, (const char *[]){rule->name, rule->pattern, count}, 3);
	}
	gw_admin_done(st->self, &req, 0, "");
}

/* The operator is answered when it is in force on this server. */
void spam_stored(void *state, uint64_t tag, int status, struct gw_id made)
{
	struct spam_state *st = state;

	(void)tag, (void)made;
	if (status != 0)
		gw_admin_done(st->self, &st->req, status, "The database could not store it.");
	else if (SERVICES(st, walk, GW_CLASS_NETWORK, gw_call(st->self, CALL_WALKED, ANSWER)) != 0)
		gw_admin_done(st->self, &st->req, 0, "");
}

/* `pattern` NULL: the rule is removed. One change at a time. */
static void change(struct spam_state *st, struct gw_admin_request *req, const char *name,
                   const char *pattern)
{
	uint8_t bytes[2 + PATTERN_MAX];
	struct gw_parts parts = {.bytes = bytes, .max = sizeof(bytes)};
	struct gw_write write = {.class = GW_CLASS_NETWORK,
	                         .id = st->entity,
	                         .field = st->field,
	                         .remove = pattern == NULL,
	                         .sub = {name, strlen(name)}};

	if (pattern != NULL)
		gw_parts_text(&parts, pattern);
	write.value = gw_parts_value(&parts);
	if (st->req != NULL ||
	    SERVICES(st, commit, &write, 1, gw_call(st->self, CALL_STORED, 0)) != 0) {
		gw_admin_done(st->self, &req, -EAGAIN, "No change is taken now, try again.");
		return;
	}
	st->req = req;
	gw_log(st->self, GW_INFO, "rule %s name=%s by=%s", pattern != NULL ? "set" : "removed",
	       name, gw_admin_who(st->self, req));
}

void spam_add(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct spam_state *st = state;
	char pattern[PATTERN_MAX + 2] = "";
	const char *fault = NULL;
	struct rule *rule;
	int n;

	for (int i = 1, used = 0; i < argc && used <= PATTERN_MAX; i++)
		used += snprintf(pattern + used, sizeof(pattern) - (size_t)used, "%s%s",
		                 i > 1 ? " " : "", argv[i]);
	DL_COUNT(st->rules, rule, n);
	if (!is_name((struct gw_blob){argv[0], strlen(argv[0])}))
		fault = "A rule's name has at most 32 small letters, digits and dashes.";
	else if (n == RULES_MAX && rule_find(st->rules, argv[0]) == NULL)
		fault = "There are 100 patterns already.";
	else
		fault = pattern_fault(pattern);
	if (fault != NULL)
		gw_admin_done(st->self, &req, -EINVAL, fault);
	else
		change(st, req, argv[0], pattern);
}

void spam_remove(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct spam_state *st = state;

	(void)argc;
	if (rule_find(st->rules, argv[0]) == NULL)
		gw_admin_done(st->self, &req, -ENOENT, "There is no such pattern.");
	else
		change(st, req, argv[0], NULL);
}

void spam_started(void *state, uint64_t tag)
{
	spam_read(state, tag, NULL);
}
