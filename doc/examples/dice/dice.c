/*
 * dice.c - a module outside of Godwit's tree: the command ROLL throws dice for all of a channel to
 * see.
 *
 *     /quote ROLL #flyway 2d6     ->     NOTICE #flyway :anna rolls 2d6: 3 + 5 = 8
 *
 * The server says it, so nobody can make it up.
 */
#include <errno.h>
#include <godwit/admin.h>
#include <godwit/client.h>
#include <godwit/loop.h>
#include <godwit/module.h>
#include <godwit/network.h>
#include <stdio.h>

enum { DICE_MAX = 20, SIDES_MAX = 1000 };

/* To change it: raise .state_version and write a migrate(). */
struct dice_state {
	struct gw_self *self;
	struct gw_iface *client, *network;
	uint64_t thrown;
};

enum { CALL_NONE, CALL_ROLL, CALL_STATUS };

/** Writes "3 + 5 = 8". */
static void throw_dice(struct dice_state *dice, int count, int sides, char *text, size_t max)
{
	size_t used = 0;
	int sum = 0;

	for (int i = 0; i < count; i++) {
		int one = (int)(gw_random_u64(dice->self) % (uint64_t)sides) + 1;

		sum += one;
		used += (size_t)snprintf(text + used, max - used, "%s%d", i > 0 ? " + " : "", one);
	}
	snprintf(text + used, max - used, " = %d", sum);
	dice->thrown += (uint64_t)count;
}

/** "2d6"; without any: one die with the sides that are configured. */
static int read_dice(struct dice_state *dice, const char *word, int *count, int *sides)
{
	char end;

	*count = 1;
	*sides = (int)gw_option_int(dice->self, gw_options(dice->self), "sides");
	if (word != NULL && sscanf(word, "%2dd%4d%c", count, sides, &end) != 2)
		return -EINVAL;
	return *count >= 1 && *count <= DICE_MAX && *sides >= 2 && *sides <= SIDES_MAX ? 0
	                                                                               : -EINVAL;
}

/** A command's handler checks, and then answers its client or hands the network an event. */
static void roll(void *state, struct gw_client *c, const struct gw_message *m)
{
	struct dice_state *dice = state;
	struct gw_channel *channel = GW_VIA(dice->network, gw_network_ops, channel, m->argv[0]);
	struct gw_user *user = c->session->user;
	char throws[200], text[300];
	struct gw_message_spec said = {.verb = GW_NOTICE, .channel = channel, .text = text};
	int count, sides;

	if (channel == NULL ||
	    GW_VIA(dice->network, gw_network_ops, member, channel, user) == NULL) {
		GW_VIA(dice->client, gw_client_ops, numeric, c, 442,
		       "%s :You are not on that channel", m->argv[0]);
		return;
	}
	if (read_dice(dice, m->argv[1], &count, &sides) != 0) {
		GW_VIA(dice->client, gw_client_ops, standard, c, "FAIL", "ROLL", "INVALID_PARAMS",
		       "", "Dice are written like 2d6: up to %d of 2 to %d sides", DICE_MAX,
		       SIDES_MAX);
		return;
	}
	throw_dice(dice, count, sides, throws, sizeof(throws));
	snprintf(text, sizeof(text), "%s rolls %dd%d: %s", user->nick, count, sides, throws);
	GW_VIA(dice->network, gw_network_ops, message, NULL, &said, c->command);
}

/** A line of `godwitctl status`: the number is kept when the code is replaced. */
static void status(void *state, uint64_t tag, const void *payload)
{
	const struct dice_state *dice = state;
	struct gw_status *report = (struct gw_status *)(uintptr_t)payload;
	char text[24];

	(void)tag;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)dice->thrown);
	report->add(report, "dice-thrown", text);
}

static int load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	struct dice_state *dice = state;

	(void)why, (void)err;
	dice->self = self;
	dice->client = gw_interface(self, "client");
	dice->network = gw_interface(self, "network");
	return 0;
}

static const struct gw_option options[] = {
	{"sides", GW_OPT_INT, "6", 2, SIDES_MAX, false, "Sides of a die when none are asked for."},
	{NULL, GW_OPT_BOOL, NULL, 0, 0, false, NULL},
};

static const struct gw_command commands[] = {
	{.name = "ROLL",
         .states = GW_IN_CONNECTED,
         .min_args = 1,
         .cost = 1,
         .call = CALL_ROLL,
         .syntax = "<channel> [<count>d<sides>]",
         .help = "Throws dice for all of a channel to see."},
};

static const struct gw_rows rows[] = {
	GW_ROWS(GW_POINT_COMMAND, commands),
	{.point = NULL},
};

static const struct gw_subscription subscriptions[] = {
	{.topic = GW_TOPIC_STATUS, .call = CALL_STATUS},
	{.topic = NULL},
};

static const struct gw_call_row calls[] = {
	[CALL_NONE] = {"none", NULL},
	[CALL_ROLL] = {"roll", (gw_fn *)roll},
	[CALL_STATUS] = {"status", (gw_fn *)status},
	{NULL, NULL},
};

GW_MODULE(dice) = {
	.abi = GW_ABI,
	.name = "dice",
	.version = "1.0",
	.summary = "dice in channels",
	.requires = "client 1.0, network 1.0",
	.options = options,
	.calls = calls,
	.subscriptions = subscriptions,
	.rows = rows,
	.state_size = sizeof(struct dice_state),
	.state_version = 1,
	.load = load,
};
