/*
 * tests/sim/people_acts.c - what people in random stories do by themselves, and what is done to
 * them and to their network.
 */
#include "core/mem.h"
#include "tests/sim/people.h"
#include <stdlib.h>
#include <string.h>

uint64_t people_draw(struct people *p, uint64_t n)
{
	p->random = p->random * 6364136223846793005 + 1442695040888963407;
	return (p->random >> 33) % n;
}

unsigned people_node(struct people *p)
{
	return (unsigned)people_draw(p, p->tree->n);
}

struct person *people_any(struct people *p, bool able)
{
	for (unsigned i = 0; i < 20; i++) {
		struct person *one = &p->all[people_draw(p, p->n)];

		if (person_here(one) && (one->able || !able))
			return one;
	}
	return NULL;
}

void people_chat(struct people *p)
{
	struct person *one = people_any(p, false), *other = people_any(p, false);

	if (one == NULL)
		return;
	for (unsigned n = 1 + (unsigned)people_draw(p, 4); n > 0; n--) {
		if (people_draw(p, 3) == 0)
			person_tells(p, one, other);
		else
			person_says(p, one, (unsigned)people_draw(p, ROOMS + 1));
	}
	if (people_draw(p, 3) == 0)
		person_asks(one);
}

static void toggle_cap(struct people *p, struct person *one)
{
	static const char *const caps[] = {"server-time", "away-notify", "multi-prefix",
	                                   "extended-join", "message-tags"};

	simmover_say(one->m, "CAP REQ :%s%s", people_draw(p, 2) == 0 ? "-" : "",
	             caps[people_draw(p, sizeof(caps) / sizeof(caps[0]))]);
	one->caps_asked++;
}

void person_fidgets(struct people *p, struct person *one)
{
	struct person *other = people_any(p, false);

	switch (people_draw(p, 12)) {
	case 0:
	case 1:
	case 2:
		person_joins(one, (unsigned)people_draw(p, ROOMS));
		break;
	case 3:
	case 4:
		person_parts(one, (unsigned)people_draw(p, ROOMS));
		break;
	case 5:
		person_renames(one);
		break;
	case 6:
		simmover_say(one->m, people_draw(p, 2) == 0 ? "AWAY" : "AWAY :not here");
		one->away_said++;
		break;
	case 7:
		if (other != NULL)
			simmover_say(one->m, "MONITOR %c t%ux0", people_draw(p, 2) == 0 ? '+' : '-',
			             other->number);
		break;
	case 8:
		simmover_say(one->m, "TOPIC #all :topic %u", one->number);
		break;
	case 9:
		person_lists(one);
		break;
	case 10:
		toggle_cap(p, one);
		break;
	default:
		simmover_say(one->m, "AUTHENTICATE %s", people_draw(p, 2) == 0 ? "PLAIN" : "*");
	}
}

void people_fidget(struct people *p)
{
	struct person *one = people_any(p, false);

	if (one != NULL)
		person_fidgets(p, one);
}

void people_come(struct people *p)
{
	static const char *const caps[] = {
		"",
		"echo-message",
		"batch labeled-response echo-message message-tags",
		"server-time away-notify batch extended-join cap-notify",
	};
	const char *wanted = caps[people_draw(p, sizeof(caps) / sizeof(caps[0]))];
	unsigned node = people_node(p);

	if (p->agent != NULL && people_draw(p, 2) == 0)
		people_enter_by(p, p->agent, wanted);
	else if (!p->tree->nodes[node].down && simtree_is_open(p->tree, node))
		people_enter(p, node, people_draw(p, 4) != 0, people_draw(p, 3) == 0, wanted);
}

void people_move(struct people *p, struct person *one, unsigned to)
{
	unsigned from = simmover_node(one->m);
	char nick[32];
	int status;

	if (p->tree->nodes[from].down || from == to)
		return;
	snprintf(nick, sizeof(nick), "t%ux%u", one->number, one->seen_nick);
	simserver_admin(p->tree->nodes[from].server, &status, "moves begin %s %s", nick,
	                p->tree->nodes[to].name);
	people_tell(p, "%s is to move from s%u to s%u%s", nick, from, to,
	            status == 0 ? "" : ": no");
	p->moves += status == 0;
}

void people_move_any(struct people *p)
{
	struct person *one = people_any(p, true);

	if (one != NULL)
		people_move(p, one, people_node(p));
}

void people_move_many(struct people *p)
{
	unsigned to = people_node(p);

	for (unsigned i = 0; i < p->n; i++)
		if (p->all[i].able && person_here(&p->all[i]))
			people_move(p, &p->all[i], to);
}

void people_slow(struct people *p)
{
	*simnet_faults(p->tree->net) = (struct simfaults){
		.latency_min_ns = 50000,
		.latency_max_ns = (int64_t)(1 + people_draw(p, 60)) * GW_MS,
		.short_writes = (unsigned)people_draw(p, 50),
		.short_reads = (unsigned)people_draw(p, 50),
		.window = 8192 + people_draw(p, 200000),
		.work_max_ns = (int64_t)people_draw(p, 30) * GW_MS,
	};
}

void people_begin_agent(struct people *p, const char *build)
{
	char *yaml;

	if (people_draw(p, 2) == 0)
		return;
	yaml = mem_printf("server: agent.localhost\nmodules: [agent]\n"
	                  "module-directory: [%s/modules]\nlisten:\n"
	                  "  - {address: \"" SIMMOVER_AGENT "\", protocol: agent, tls: no}\n"
	                  "agent: {upstream: [\"10.0.0.1:6697\", \"10.0.0.2:6697\"]}\n",
	                  build);
	p->agent = simnet_server(p->tree->net, yaml);
	free(yaml);
}

void people_check_left(struct people *p)
{
	for (unsigned i = 0; i < p->tree->n; i++) {
		const char *left = simserver_admin(p->tree->nodes[i].server, NULL, "moves left");

		if (strncmp(left, "from=0 to=0 shadows=0 moving=0 lost=0 unended=0", 47) != 0)
			people_fault(p, "%s has something left: %s", p->tree->nodes[i].name, left);
	}
}
