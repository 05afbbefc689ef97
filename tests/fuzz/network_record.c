/*
 * Fuzz target: records as a link may bring them, each behind its length (two bytes, big endian),
 * from a server that this one knows, and to which a session from here may move. Whatever they say,
 * the state stays one that can be walked, summed up, burst and taken down again; and another server
 * that gets the burst has the same digest.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/network_rig.h"
#include <string.h>

#define VIA 7

static void take_in(void *ctx, const void *record, size_t len)
{
	FUZZ_CHECK(RIG((struct rig *)ctx, apply, record, len, VIA) <= 0);
}

static void walk(struct rig *rig)
{
	for (const struct gw_user *u = NULL; (u = RIG(rig, next_user, u)) != NULL;) {
		FUZZ_CHECK(RIG(rig, user, u->nick) == u);
		FUZZ_CHECK(RIG(rig, session, u->session->id) == u->session);
	}
	for (const struct gw_channel *c = NULL; (c = RIG(rig, next_channel, c)) != NULL;) {
		FUZZ_CHECK(RIG(rig, channel, c->name) == c);
		for (uint32_t i = 0; i < c->n_members; i++)
			FUZZ_CHECK(RIG(rig, member, c, c->members[i]->user) == c->members[i] &&
			           c->members[i]->session->shown == (i < c->n_local));
	}
}

static void burst_agrees(struct rig *rig)
{
	struct rig *third = rig_new("third.example", 3, rig->wall_ms);
	struct gw_burst_cursor cursor = {0};
	uint8_t a[32], b[32];

	rig_via(third, rig, VIA, (struct gw_stamp){1, 1});
	while (RIG(rig, burst_export, &cursor, take_in, third))
		;
	RIG(rig, digest, a);
	RIG(third, digest, b);
	FUZZ_CHECK(memcmp(a, b, sizeof(a)) == 0);
	rig_free(&third);
}

/* A session of this server that is about to move to the other. */
static void own_session(struct rig *rig, struct rig *far)
{
	static const uint8_t attempt[16] = "the only attempt";
	struct gw_user_spec spec = {.nick = "own", .ident = "u", .host = "h", .realname = "r"};
	uint64_t run = RIG(far, here)->run;
	struct gw_session *session;

	FUZZ_CHECK(RIG(rig, introduce, &spec, &session) == 0);
	FUZZ_CHECK(RIG(rig, join, session, "#own", GW_OP, 0) == 0);
	FUZZ_CHECK(RIG(rig, shadow, session, run, attempt) == 0);
	RIG(rig, moving, session, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rig *rig = rig_new("here.example", 1, 1700000000000),
		   *far = rig_new("far.example", 2, 1700000000000);

	rig_knows(rig, far, VIA);
	own_session(rig, far);
	while (size >= 2) {
		size_t n = (size_t)data[0] << 8 | data[1];

		data += 2;
		size -= 2;
		if (n > size)
			n = size;
		take_in(rig, data, n);
		data += n;
		size -= n;
	}
	walk(rig);
	burst_agrees(rig);
	rig_call(rig, "tidy");
	rig_free(&rig);
	rig_free(&far);
	return 0;
}
