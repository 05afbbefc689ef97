/*
 * A new key for a link that is up, with somebody at the other end who may not mean well. What two
 * servers do is in link_targets.c.
 */
#include "modules/link/frames.h"
#include "tests/module/link_stage.h"
#include "tests/unit/cmocka.h"
#include <stdlib.h>

#define MODULES "modules: [store, services, network, link]\n"
#define HANDSHAKE (FRAME_CHALLENGE + FRAME_DONE)

struct scene {
	struct simnet *net;
	struct simserver *s;
	struct raw *raw; /* linked as a.example */
	uint8_t key[KEY_BYTES];
	struct end a;
};

static void scene_open(struct scene *scene)
{
	memset(scene, 0, sizeof(*scene));
	scene->net = simnet_new(5);
	scene->s = simnet_server(scene->net, MODULES);
	simnet_quiet(scene->net);
	scene->a = end_new("a.example", 1);
	stage_key(scene->s, scene->key);
	stage_add(scene->s, &scene->a, NULL);
	scene->raw = raw_dial(scene->net, scene->s, "192.0.2.1");
	assert_int_equal(raw_prove(scene->raw, &scene->a, "sim1.example.net", scene->key, 1),
	                 CODE_OK);
	simnet_quiet(scene->net);
}

static void scene_end(struct scene *scene)
{
	raw_free(&scene->raw);
	simnet_end(&scene->net);
}

/* A frame of the handshake inside a control frame. */
static void carry(struct scene *scene, const uint8_t *p, size_t n)
{
	uint8_t body[1024] = {CONTROL_REAUTH}, head[WIRE_HEAD_MAX];
	struct gw_frame frame = {.kind = GW_FRAME_CONTROL, .body = body, .n = n + 1};

	memcpy(body + 1, p, n);
	raw_send(scene->raw, head, wire_head(&frame, head));
	raw_send(scene->raw, body, n + 1);
	simnet_quiet(scene->net);
}

/* The n-th frame of the handshake that came inside control frames; NULL: there are not so many. */
static const uint8_t *carried(struct scene *scene, unsigned n, size_t size)
{
	struct wire_frame wire;
	struct gw_error why;
	size_t at = HANDSHAKE;

	while (at < scene->raw->n &&
	       wire_parse(scene->raw->in + at, scene->raw->n - at, &wire, &why) == 0) {
		const uint8_t *body = wire.frame.body;

		at += wire.whole;
		if (wire.frame.kind != GW_FRAME_CONTROL || body[0] != CONTROL_REAUTH || n-- > 0)
			continue;
		assert_int_equal(wire.frame.n, size + 1);
		return body + 1;
	}
	return NULL;
}

static void hello(struct scene *scene, struct end *who)
{
	exchange_init(&who->x, who->name, scene->raw->binding);
	step_hello(who);
	carry(scene, who->hello, sizeof(who->hello));
}

static bool up(struct scene *scene)
{
	return strstr(simserver_admin(scene->s, NULL, "link list"), "a.example|up|") != NULL;
}

static void key_command(struct scene *scene, const char *command, const struct end *whose)
{
	char text[KEY_TEXT_SIZE];
	int status;

	key_text(whose->keys[0].pk, text);
	simserver_admin(scene->s, &status, "%s %s %s", command, whose->name, text);
	assert_int_equal(status, 0);
	simnet_quiet(scene->net);
}

/* The newest key is asked for; from then on the link rests on it. */
static void a_link_rests_on_the_key_that_was_proved_last(void **state)
{
	struct scene scene;
	struct end next = end_new("a.example", 9);
	const uint8_t *frame;

	(void)state;
	scene_open(&scene);
	key_command(&scene, "server key add", &next);
	hello(&scene, &next);
	frame = carried(&scene, 0, FRAME_CHALLENGE);
	assert_non_null(frame);
	assert_int_equal(step_response(&scene.a, "sim1.example.net", scene.key, frame, 2),
	                 CODE_OPEN);
	assert_int_equal(step_response(&next, "sim1.example.net", scene.key, frame, 2), CODE_OK);
	carry(&scene, next.response, sizeof(next.response));
	frame = carried(&scene, 1, FRAME_DONE);
	assert_non_null(frame);
	assert_int_equal(source_done(&next.x, frame), CODE_OK);
	key_command(&scene, "server key revoke", &scene.a);
	assert_true(up(&scene));
	key_command(&scene, "server key revoke", &next);
	assert_false(up(&scene));
	scene_end(&scene);
}

static void what_is_not_proved_changes_nothing(void **state)
{
	struct scene scene;
	struct end next = end_new("a.example", 9);

	(void)state;
	scene_open(&scene);
	key_command(&scene, "server key add", &next);
	hello(&scene, &next);
	assert_non_null(carried(&scene, 0, FRAME_CHALLENGE));
	carry(&scene, scene.a.response, sizeof(scene.a.response)); /* that of the link itself */
	assert_int_equal(stage_logged(scene.s, "link-reauth role=target name=a.example key=- "
	                                       "result=E_NONCE"),
	                 1);
	assert_null(carried(&scene, 1, FRAME_DONE));
	assert_true(up(&scene));
	carry(&scene, scene.a.response, sizeof(scene.a.response)); /* nobody waits for it now */
	assert_int_equal(stage_logged(scene.s, "link-reauth"), 1);
	key_command(&scene, "server key revoke", &scene.a);
	assert_false(up(&scene));
	scene_end(&scene);
}

static void nobody_becomes_another_server(void **state)
{
	struct scene scene;
	struct end other = end_new("b.example", 2);

	(void)state;
	scene_open(&scene);
	stage_add(scene.s, &other, NULL);
	hello(&scene, &other);
	assert_null(carried(&scene, 0, FRAME_CHALLENGE));
	assert_false(up(&scene));
	assert_true(stage_logged(scene.s, "wants to be another server") > 0);
	scene_end(&scene);
}

static void what_is_no_frame_ends_the_link(void **state)
{
	uint8_t frames[4][FRAME_LONGEST + 1] = {"x", "GWLH", {'G', 'W', 'L', 'H', 1, 4, 0, 0}};
	static const size_t sizes[] = {1, 4, 8, FRAME_CHALLENGE + 1};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct scene scene;

		scene_open(&scene);
		if (i == 3) {
			memcpy(frames[i], scene.raw->in, FRAME_CHALLENGE);
			frames[i][FRAME_CHALLENGE] = 0;
		}
		carry(&scene, frames[i], sizes[i]);
		assert_false(up(&scene));
		scene_end(&scene);
	}
}

/* Late answers to what was given up come from an honest server, too. */
static void what_nobody_asked_for_is_left_alone(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	carry(&scene, scene.raw->in, FRAME_CHALLENGE);
	carry(&scene, scene.raw->in + FRAME_CHALLENGE, FRAME_DONE);
	carry(&scene, scene.a.response, sizeof(scene.a.response));
	assert_true(up(&scene));
	assert_null(carried(&scene, 0, 0));
	assert_int_equal(stage_logged(scene.s, "link-reauth"), 0);
	scene_end(&scene);
}

static void once_in_half_a_minute_is_enough(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	for (int i = 0; i < 5; i++)
		hello(&scene, &scene.a);
	assert_non_null(carried(&scene, 0, FRAME_CHALLENGE));
	assert_null(carried(&scene, 1, FRAME_CHALLENGE));
	assert_true(up(&scene));
	scene_end(&scene);
}

static void a_target_with_another_key_is_not_believed(void **state)
{
	struct scene scene;
	struct end next = end_new("sim1.example.net", 55), false_a = end_new("a.example", 66);
	char *path;

	(void)state;
	scene_open(&scene);
	path = simserver_path(scene.s, "state");
	assert_int_equal(keyfile_write(path, KEYFILE_NEXT, &next.keys[0], NULL), 0);
	free(path);
	key_command(&scene, "server key add", &next);
	simnet_run(scene.net, 2 * GW_SECOND);
	assert_non_null(carried(&scene, 0, FRAME_HELLO));
	exchange_init(&false_a.x, false_a.name, scene.raw->binding);
	assert_int_equal(
		step_challenge(&false_a, carried(&scene, 0, FRAME_HELLO), next.keys[0].pk, 1),
		CODE_OK);
	carry(&scene, false_a.challenge, sizeof(false_a.challenge));
	assert_null(carried(&scene, 1, 0));
	assert_int_equal(stage_logged(scene.s, "link-reauth role=source name=a.example key=- "
	                                       "result=E_PIN"),
	                 1);
	assert_true(up(&scene));
	scene_end(&scene);
}

/* What neighbours say to each other would be said in this server's name if it were passed on. */
static void frames_for_a_neighbour_go_no_further(void **state)
{
	(void)state;
	for (uint8_t kind = GW_FRAME_CONTROL; kind <= GW_FRAME_SERVICES; kind++) {
		uint8_t head[WIRE_HEAD_MAX];
		struct gw_frame frame = {.kind = kind, .reach = GW_REACH_ALL, .body = "x", .n = 1};
		struct scene scene;

		scene_open(&scene);
		raw_send(scene.raw, head, wire_head(&frame, head));
		raw_send(scene.raw, "x", 1);
		simnet_quiet(scene.net);
		assert_false(up(&scene));
		assert_int_equal(
			stage_logged(scene.s, "link breach of the protocol peer=a.example"), 1);
		scene_end(&scene);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_link_rests_on_the_key_that_was_proved_last),
		cmocka_unit_test(what_is_not_proved_changes_nothing),
		cmocka_unit_test(nobody_becomes_another_server),
		cmocka_unit_test(what_is_no_frame_ends_the_link),
		cmocka_unit_test(what_nobody_asked_for_is_left_alone),
		cmocka_unit_test(once_in_half_a_minute_is_enough),
		cmocka_unit_test(a_target_with_another_key_is_not_believed),
		cmocka_unit_test(frames_for_a_neighbour_go_no_further),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
