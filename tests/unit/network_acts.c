/*
 * tests/unit/network_acts.c - see network_acts.h
 */
#include "tests/unit/network_acts.h"
#include <stdio.h>

static uint64_t pick(uint64_t *random, uint64_t n)
{
	return rig_random(random) % n;
}

static const char *const nicks[] = {"ann", "Bob", "cid", "dan", "eve", "fay"};
static const char *const names[] = {"#a", "#B", "#c"};

static struct gw_session *some_local(uint64_t *random, struct rig *rig)
{
	struct gw_session *found = NULL;
	uint64_t n = 0;

	for (const struct gw_user *u = NULL; (u = RIG(rig, next_user, u)) != NULL;) {
		if (u->session->local && pick(random, ++n) == 0)
			found = u->session;
	}
	return found;
}

static struct gw_channel *some_channel(uint64_t *random, struct rig *rig)
{
	return RIG(rig, channel, names[pick(random, 3)]);
}

static struct gw_stamp some_claim(uint64_t *random)
{
	return pick(random, 3) == 0 ? (struct gw_stamp){1 + pick(random, 3), 7}
	                            : (struct gw_stamp){0, 0};
}

static void act_come(uint64_t *random, struct rig *rig)
{
	char host[32];
	struct gw_user_spec spec = {.nick = nicks[pick(random, 6)],
	                            .ident = "u",
	                            .host = host,
	                            .realname = "r",
	                            .claim = some_claim(random),
	                            .modes = gw_letter('w'),
	                            .secure = pick(random, 2)};
	struct gw_session *session;

	snprintf(host, sizeof(host), "h%llu", (unsigned long long)pick(random, 1000));
	RIG(rig, introduce, &spec, &session);
}

static void act_set(uint64_t *random, struct rig *rig)
{
	struct gw_session *s = some_local(random, rig);
	struct gw_user_set set = {.fields = (uint32_t)(1 + pick(random, 127)),
	                          .away = pick(random, 2) ? "away" : NULL,
	                          .host = pick(random, 2) ? "x.example" : "y.example",
	                          .realname = "real",
	                          .account = pick(random, 2) ? "acc" : NULL,
	                          .role = pick(random, 2) ? "admin" : NULL,
	                          .modes_add = gw_letter("iwB"[pick(random, 3)]),
	                          .modes_remove = gw_letter("oR"[pick(random, 2)]),
	                          .claim = some_claim(random)};

	if (s != NULL)
		RIG(rig, set, s, &set, 0);
}

static void act_join(uint64_t *random, struct rig *rig)
{
	struct gw_session *s = some_local(random, rig);
	struct gw_mode_change modes[] = {{.letter = 'n', .add = true},
	                                 {.letter = 't', .add = true}};
	struct gw_channel_spec spec = {
		.name = names[pick(random, 3)], .modes = modes, .n_modes = 2};
	struct gw_channel *c = RIG(rig, channel, spec.name);

	if (s == NULL)
		return;
	if (c == NULL && pick(random, 2))
		RIG(rig, make_channel, &spec, NULL);
	RIG(rig, join, s, spec.name, c == NULL ? GW_OP : (uint8_t)(pick(random, 4) == 0), 0);
}

static void act_leave(uint64_t *random, struct rig *rig)
{
	struct gw_session *s = some_local(random, rig);

	if (s != NULL && s->user->channels != NULL)
		RIG(rig, part, s, s->user->channels->channel, "bye", 0);
}

static void act_kick(uint64_t *random, struct rig *rig)
{
	struct gw_channel *c = some_channel(random, rig);

	if (c != NULL && c->n_members > 0)
		RIG(rig, kick, some_local(random, rig), c->members[pick(random, c->n_members)],
		    "out", 0);
}

static void act_mode(uint64_t *random, struct rig *rig)
{
	struct gw_channel *c = some_channel(random, rig);
	static const char *const masks[] = {"*!*@evil", "Bad!*@*", "bad!*@*", "*!x@*"};
	struct gw_mode_change changes[6];
	size_t n = 1 + pick(random, 5);

	if (c == NULL)
		return;
	for (size_t i = 0; i < n; i++) {
		changes[i] = (struct gw_mode_change){.letter = "bklimntovbov"[pick(random, 12)],
		                                     .add = pick(random, 3) != 0};
		if (changes[i].letter == 'b')
			changes[i].param = masks[pick(random, 4)];
		else if (changes[i].letter == 'k')
			changes[i].param = pick(random, 2) ? "key" : "other";
		else if (changes[i].letter == 'l' && changes[i].add)
			changes[i].param = pick(random, 2) ? "5" : "50";
		else if (changes[i].letter == 'o' || changes[i].letter == 'v')
			changes[i].member =
				c->n_members == 0 ? NULL : c->members[pick(random, c->n_members)];
	}
	RIG(rig, mode, some_local(random, rig), c, changes, n, 0);
}

static void act_topic(uint64_t *random, struct rig *rig)
{
	struct gw_channel *c = some_channel(random, rig);
	static const char *const texts[] = {"", "one", "two", "three"};

	if (c != NULL)
		RIG(rig, topic, some_local(random, rig), c, texts[pick(random, 4)], 0);
}

static void act_register(uint64_t *random, struct rig *rig)
{
	uint64_t i = pick(random, 3);
	struct gw_mode_change modes[] = {{.letter = 'm', .add = true},
	                                 {.letter = 'b', .add = true, .param = "*!*@evil"}};
	struct gw_stamp stamps[] = {{5 + i, 7}, {6 + i, 7}};
	struct gw_channel_spec spec = {.name = names[i],
	                               .registered = {1 + pick(random, 2), 7},
	                               .modes = modes,
	                               .n_modes = 2,
	                               .mode_stamps = stamps,
	                               .topic = "kept",
	                               .topic_setter = "founder",
	                               .topic_ms = 12345,
	                               .topic_stamp = {4, 7}};

	RIG(rig, make_channel, &spec, NULL);
}

static void act_unregister(uint64_t *random, struct rig *rig)
{
	struct gw_channel *c = some_channel(random, rig);

	if (c != NULL)
		RIG(rig, unregister, c);
}

static void act_nick(uint64_t *random, struct rig *rig)
{
	struct gw_session *s = some_local(random, rig);

	if (s != NULL)
		RIG(rig, nick, s, nicks[pick(random, 6)], 0);
}

static void act_quit(uint64_t *random, struct rig *rig)
{
	struct gw_session *s = some_local(random, rig);

	if (s != NULL)
		RIG(rig, quit, s, "gone");
}

typedef void act_fn(uint64_t *random, struct rig *rig);
static act_fn *const acts[] = {act_come,  act_come,     act_join, act_join,       act_join,
                               act_leave, act_kick,     act_mode, act_mode,       act_mode,
                               act_topic, act_register, act_nick, act_quit,       act_set,
                               act_leave, act_topic,    act_come, act_unregister, act_nick};

void act(struct rig *rig, uint64_t *random)
{
	acts[pick(random, sizeof(acts) / sizeof(acts[0]))](random, rig);
}
