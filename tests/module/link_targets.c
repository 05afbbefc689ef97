/*
 * Attempts to link, seen from the server that dials: whoever answers must be the one that was
 * dialled, over this connection; and a new key for a link that is up.
 */
#include "tests/module/link_stage.h"
#include "tests/unit/cmocka.h"
#include <stdlib.h>

#define MODULES "modules: [store, services, network, link]\n"

struct scene {
	struct simnet *net;
	struct simserver *s;
	struct stage *stage;
	uint8_t key[KEY_BYTES]; /* of the server */
	struct end b;           /* b.example, which it dials at the stage */
};

static void scene_open(struct scene *scene)
{
	memset(scene, 0, sizeof(*scene));
	scene->net = simnet_new(5);
	scene->s = simnet_server(scene->net, MODULES);
	simnet_quiet(scene->net);
	stage_key(scene->s, scene->key);
	scene->stage = stage_new(scene->net, 99);
	scene->b = end_new("b.example", 2);
	stage_add(scene->s, &scene->b, scene->stage->address);
}

static void scene_end(struct scene *scene)
{
	stage_free(&scene->stage);
	simnet_end(&scene->net);
}

/* The server dials; its HELLO has come. */
static struct raw *dialled(struct scene *scene, unsigned n)
{
	struct raw *raw = stage_wait(scene->stage, n);

	assert_true(raw_wait(raw, FRAME_HELLO));
	assert_int_equal(frame_look(TYPE_HELLO, raw->in, raw->n), FRAME_HELLO);
	return raw;
}

/* `who` answers the HELLO; true when a RESPONSE comes. */
static bool challenge(struct scene *scene, struct raw *raw, struct end *who, uint8_t run)
{
	exchange_init(&who->x, who->name, raw->binding);
	assert_int_equal(step_challenge(who, raw->in, scene->key, run), CODE_OK);
	raw_send(raw, who->challenge, sizeof(who->challenge));
	return raw_wait(raw, FRAME_HELLO + FRAME_RESPONSE);
}

static enum code answer(struct raw *raw, struct end *who)
{
	enum code code = step_done(who, raw->in + FRAME_HELLO);

	if (code == CODE_OK)
		raw_send(raw, who->done, sizeof(who->done));
	return code;
}

/* It ends, and had nothing more to say. */
static void expect_ended(struct scene *scene, struct raw *raw, const char *result)
{
	char want[60];

	raw_lived(raw);
	simnet_quiet(scene->net);
	snprintf(want, sizeof(want), "result=%s", result);
	if (stage_logged(scene->s, want) == 0)
		fprintf(stderr, "%s\n", simserver_log(scene->s));
	assert_true(stage_logged(scene->s, want) > 0);
	assert_int_equal(stage_logged(scene->s, "result=ok"), 0);
}

static void the_right_target_is_linked(void **state)
{
	struct scene scene;
	struct raw *raw;

	(void)state;
	scene_open(&scene);
	raw = dialled(&scene, 1);
	assert_true(challenge(&scene, raw, &scene.b, 1));
	assert_int_equal(answer(raw, &scene.b), CODE_OK);
	assert_string_equal(scene.b.x.peer_name, "sim1.example.net");
	assert_true(raw_wait(raw, FRAME_HELLO + FRAME_RESPONSE));
	simnet_quiet(scene.net);
	assert_int_equal(stage_logged(scene.s, "role=source peer=10.0.0.99:7000 name=b.example"),
	                 1);
	assert_int_equal(stage_logged(scene.s, "result=ok state=S_DONE"), 1);
	scene_end(&scene);
}

/* --- false targets --- */

static void another_key_than_the_listed_one_is_refused(void **state)
{
	struct scene scene;
	struct end false_b = end_new("b.example", 66);
	struct raw *raw;

	(void)state;
	scene_open(&scene);
	raw = dialled(&scene, 1);
	assert_false(challenge(&scene, raw, &false_b, 1));
	assert_int_equal(raw->n, FRAME_HELLO);
	expect_ended(&scene, raw, "E_PIN state=S_CHALLENGE");
	scene_end(&scene);
}

static void the_listed_key_without_its_secret_is_not_enough(void **state)
{
	struct scene scene;
	struct end false_b = end_new("b.example", 66);
	uint8_t guess[FRAME_DONE] = {'G', 'W', 'L', 'H', 1, TYPE_DONE, 0, 32};
	struct raw *raw;

	(void)state;
	scene_open(&scene);
	memcpy(false_b.keys[0].pk, scene.b.keys[0].pk, KEY_BYTES);
	raw = dialled(&scene, 1);
	assert_true(challenge(&scene, raw, &false_b, 1));
	assert_int_equal(answer(raw, &false_b), CODE_OPEN);
	raw_send(raw, guess, sizeof(guess));
	expect_ended(&scene, raw, "E_DONE state=S_DONE");
	assert_int_equal(raw->n, FRAME_HELLO + FRAME_RESPONSE);
	scene_end(&scene);
}

static void another_name_is_refused(void **state)
{
	struct scene scene;
	struct end other = end_new("c.example", 2);
	struct raw *raw;

	(void)state;
	scene_open(&scene);
	raw = dialled(&scene, 1);
	assert_false(challenge(&scene, raw, &other, 1));
	expect_ended(&scene, raw, "E_NAMES state=S_CHALLENGE");
	scene_end(&scene);
}

static void a_challenge_for_another_is_not_opened(void **state)
{
	struct scene scene;
	struct raw *raw;

	(void)state;
	scene_open(&scene);
	memset(scene.key, 9, sizeof(scene.key));
	raw = dialled(&scene, 1);
	assert_false(challenge(&scene, raw, &scene.b, 1));
	expect_ended(&scene, raw, "E_OPEN state=S_CHALLENGE");
	scene_end(&scene);
}

static void a_recorded_challenge_and_done_are_worth_nothing(void **state)
{
	struct scene scene;
	struct raw *raw;
	uint8_t done[FRAME_DONE];

	(void)state;
	scene_open(&scene);
	raw = dialled(&scene, 1);
	assert_true(challenge(&scene, raw, &scene.b, 1));
	assert_int_equal(step_done(&scene.b, raw->in + FRAME_HELLO), CODE_OK);
	memcpy(done, scene.b.done, sizeof(done)); /* kept back */
	raw_shut(raw);
	raw_lived(raw);
	raw = dialled(&scene, 2);
	raw_send(raw, scene.b.challenge, sizeof(scene.b.challenge));
	expect_ended(&scene, raw, "E_BINDING state=S_CHALLENGE");
	raw = dialled(&scene, 3);
	assert_true(challenge(&scene, raw, &scene.b, 1));
	raw_send(raw, done, sizeof(done));
	expect_ended(&scene, raw, "E_DONE state=S_DONE");
	scene_end(&scene);
}

static void no_byte_of_done_may_differ(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	for (unsigned i = 0; i < FRAME_DONE; i++) {
		struct raw *raw = dialled(&scene, i + 1);

		assert_true(challenge(&scene, raw, &scene.b, 1));
		assert_int_equal(step_done(&scene.b, raw->in + FRAME_HELLO), CODE_OK);
		scene.b.done[i] ^= 1;
		raw_send(raw, scene.b.done, sizeof(scene.b.done));
		expect_ended(&scene, raw, i < FRAME_HEAD ? "E_FRAME" : "E_DONE");
		assert_int_equal(raw->n, FRAME_HELLO + FRAME_RESPONSE);
	}
	scene_end(&scene);
}

static void what_is_no_challenge_is_refused(void **state)
{
	static const char *const greetings[] = {":irc NOTICE * :hi\r\n", "HTTP/1.1 400\r\n",
	                                        "GWLH\x01\x01"};
	struct scene scene;
	struct raw *raw;

	(void)state;
	scene_open(&scene);
	for (unsigned i = 0; i < 3; i++) {
		raw = dialled(&scene, i + 1);
		raw_send(raw, greetings[i], strlen(greetings[i]));
		expect_ended(&scene, raw, "E_FRAME state=S_CHALLENGE");
		assert_int_equal(raw->n, FRAME_HELLO);
	}
	raw = dialled(&scene, 4);
	exchange_init(&scene.b.x, scene.b.name, raw->binding);
	assert_int_equal(step_challenge(&scene.b, raw->in, scene.key, 1), CODE_OK);
	for (unsigned i = 0; i < 2; i++) /* two at once */
		raw_send(raw, scene.b.challenge, sizeof(scene.b.challenge));
	raw_lived(raw);
	simnet_quiet(scene.net);
	assert_int_equal(stage_logged(scene.s, "result=ok"), 0);
	scene_end(&scene);
}

/* --- between two --- */

/* Two servers that list each other; the first dials the second where the stage is. */
static struct simserver *second(struct scene *scene, const char *name)
{
	struct simserver *t = simnet_server(scene->net, MODULES);
	struct end s = end_new("sim1.example.net", 0), m = {.name = name};

	simnet_quiet(scene->net);
	memcpy(s.keys[0].pk, scene->key, KEY_BYTES);
	stage_add(t, &s, NULL);
	stage_key(t, m.keys[0].pk);
	if (strcmp(name, "sim2.example.net") == 0)
		stage_add(scene->s, &m, "10.0.0.98:7000");
	return t;
}

static void nobody_stands_between_two(void **state)
{
	struct scene scene;
	struct stage *between;
	struct simserver *t;

	(void)state;
	scene_open(&scene);
	between = stage_new(scene.net, 98);
	t = second(&scene, "sim2.example.net");
	between->relay = t;
	raw_lived(stage_wait(between, 1));
	simnet_quiet(scene.net);
	assert_int_equal(stage_logged(scene.s, "name=sim2.example.net key=- result=E_BINDING"), 1);
	assert_int_equal(
		stage_logged(t, "name=sim1.example.net key=- result=E_EOF state=T_RESPONSE"), 1);
	assert_int_equal(stage_logged(scene.s, "result=ok") + stage_logged(t, "result=ok"), 0);
	stage_free(&between);
	scene_end(&scene);
}

/* b.example is dialled, and hands everything on to sim2.example.net. */
static void a_member_cannot_pass_as_the_one_who_dials_it(void **state)
{
	struct scene scene;
	struct simserver *t;

	(void)state;
	scene_open(&scene);
	t = second(&scene, "elsewhere");
	scene.stage->relay = t;
	raw_lived(stage_wait(scene.stage, scene.stage->n_raws + 1));
	simnet_quiet(scene.net);
	assert_true(stage_logged(scene.s, "name=b.example key=- result=E_PIN") > 0);
	assert_true(stage_logged(t, "name=sim1.example.net key=- result=E_EOF") > 0);
	assert_int_equal(stage_logged(scene.s, "result=ok") + stage_logged(t, "result=ok"), 0);
	scene_end(&scene);
}

/* --- time --- */

static void silence_ends_at_the_deadline_and_all_begins_anew(void **state)
{
	struct scene scene;
	struct raw *raw;
	uint8_t first[FRAME_RESPONSE], binding[BINDING_BYTES], text[2][TEXT_BYTES];

	(void)state;
	scene_open(&scene);
	raw = dialled(&scene, 1);
	assert_in_range(raw_lived(raw), 14900 * GW_MS, 15 * GW_SECOND);
	assert_int_equal(raw->n, FRAME_HELLO);
	raw = dialled(&scene, 2);
	assert_true(challenge(&scene, raw, &scene.b, 1));
	memcpy(first, raw->in + FRAME_HELLO, sizeof(first));
	memcpy(binding, raw->binding, sizeof(binding));
	assert_in_range(raw_lived(raw), 14900 * GW_MS, 15 * GW_SECOND);
	simnet_quiet(scene.net);
	assert_int_equal(stage_logged(scene.s, "result=E_TIMEOUT state=S_CHALLENGE ms=15"), 1);
	assert_int_equal(stage_logged(scene.s, "result=E_TIMEOUT state=S_DONE ms=15"), 1);
	raw = dialled(&scene, 3);
	assert_memory_not_equal(raw->binding, binding, sizeof(binding));
	assert_true(challenge(&scene, raw, &scene.b, 1)); /* even if the target repeats itself */
	seal_open(scene.b.keys[0].pk, scene.b.keys[0].sk, first + FRAME_HEAD,
	          TEXT_BYTES + SEAL_EXTRA, text[0]);
	seal_open(scene.b.keys[0].pk, scene.b.keys[0].sk, raw->in + FRAME_HELLO + FRAME_HEAD,
	          TEXT_BYTES + SEAL_EXTRA, text[1]);
	assert_memory_not_equal(text[0] + 64, text[1] + 64, NONCE_BYTES);
	assert_memory_not_equal(first + FRAME_HEAD, raw->in + FRAME_HELLO + FRAME_HEAD, KEY_BYTES);
	assert_int_equal(answer(raw, &scene.b), CODE_OK);
	simnet_quiet(scene.net);
	assert_int_equal(stage_logged(scene.s, "result=ok state=S_DONE"), 1);
	scene_end(&scene);
}

static void failures_are_told_once_and_forgotten_by_a_link(void **state)
{
	struct scene scene;
	struct raw *raw;

	(void)state;
	scene_open(&scene);
	for (unsigned i = 1; i <= 5; i++) {
		raw = dialled(&scene, i);
		raw_shut(raw);
		raw_lived(raw);
		simnet_quiet(scene.net);
		assert_int_equal(stage_logged(scene.s, "3 attempts in a row to link to "
		                                       "10.0.0.99:7000 as b.example have failed"),
		                 i >= 3);
	}
	raw = dialled(&scene, 6);
	assert_true(challenge(&scene, raw, &scene.b, 1));
	assert_int_equal(answer(raw, &scene.b), CODE_OK);
	simnet_quiet(scene.net);
	raw_shut(raw);
	for (unsigned i = 7; i <= 9; i++) {
		raw = dialled(&scene, i);
		raw_shut(raw);
		raw_lived(raw);
	}
	simnet_quiet(scene.net);
	assert_int_equal(stage_logged(scene.s, "3 attempts in a row to link to"), 2);
	scene_end(&scene);
}

/* --- a new key --- */

struct rotation {
	struct simnet *net;
	struct simserver *s, *t; /* the first gets a new key */
	struct key_pair next;
	char old_text[KEY_TEXT_SIZE], new_text[KEY_TEXT_SIZE], state[256];
};

static void admin(struct simserver *s, const char *command, const char *key)
{
	int status;
	const char *said = simserver_admin(s, &status, "%s %s", command, key);

	if (status != 0)
		fprintf(stderr, "%s: %s\n", command, said);
	assert_int_equal(status, 0);
}

static void rotation_open(struct rotation *r, bool first_dials)
{
	struct end s = {.name = "sim1.example.net"}, t = {.name = "sim2.example.net"}, next;
	char *path;

	memset(r, 0, sizeof(*r));
	r->net = simnet_new(5);
	r->s = simnet_server(r->net, MODULES);
	r->t = simnet_server(r->net, MODULES);
	simnet_quiet(r->net);
	stage_key(r->s, s.keys[0].pk);
	stage_key(r->t, t.keys[0].pk);
	stage_add(r->s, &t, first_dials ? simserver_address(r->t) : NULL);
	stage_add(r->t, &s, first_dials ? NULL : simserver_address(r->s));
	simnet_run(r->net, 10 * GW_SECOND);
	assert_int_equal(stage_logged(r->s, "result=ok"), 1);
	next = end_new("sim1.example.net", 55);
	r->next = next.keys[0];
	key_text(s.keys[0].pk, r->old_text);
	key_text(r->next.pk, r->new_text);
	path = simserver_path(r->s, "state");
	snprintf(r->state, sizeof(r->state), "%s", path);
	free(path);
	assert_int_equal(keyfile_write(r->state, KEYFILE_NEXT, &r->next, NULL), 0);
}

/* One link, the first one. */
static void expect_same_link(struct rotation *r)
{
	assert_int_equal(stage_logged(r->s, "result=ok state="), 1);
	assert_int_equal(stage_logged(r->t, "result=ok state="), 1);
	assert_non_null(strstr(simserver_admin(r->s, NULL, "link list"), "sim2.example.net|up|"));
	assert_non_null(strstr(simserver_admin(r->t, NULL, "link list"), "sim1.example.net|up|"));
}

static void rotate(bool first_dials)
{
	struct rotation r;
	struct key_pair read;

	rotation_open(&r, first_dials);
	admin(r.t, "server key add sim1.example.net", r.new_text);
	admin(r.s, "server key add sim1.example.net", r.new_text);
	simnet_run(r.net, 4 * GW_SECOND);
	assert_int_equal(stage_logged(r.s, "link-reauth role=source name=sim2.example.net key="),
	                 1);
	assert_int_equal(stage_logged(r.t, "link-reauth role=target name=sim1.example.net key="),
	                 1);
	admin(r.t, "server key revoke sim1.example.net", r.old_text);
	admin(r.s, "server key revoke sim1.example.net", r.old_text);
	simnet_run(r.net, 130 * GW_SECOND);
	expect_same_link(&r);
	assert_int_equal(stage_logged(r.s, "link-reauth"), 1); /* and never again */
	assert_int_equal(stage_logged(r.s, "the next key is in force"), 1);
	assert_int_equal(keyfile_read(r.state, KEYFILE_CURRENT, &read, NULL), 0);
	assert_memory_equal(&read, &r.next, sizeof(read));
	simserver_restart(r.s, NULL);
	simnet_run(r.net, 90 * GW_SECOND);
	assert_int_equal(stage_logged(r.s, "result=ok state="), 2);
	simnet_end(&r.net);
}

static void a_new_key_is_proved_on_a_link_that_was_dialled(void **state)
{
	(void)state;
	rotate(true);
}

static void a_new_key_is_proved_on_a_link_that_was_accepted(void **state)
{
	(void)state;
	rotate(false);
}

static void the_other_side_may_hear_of_the_new_key_later(void **state)
{
	struct rotation r;

	(void)state;
	rotation_open(&r, true);
	admin(r.s, "server key add sim1.example.net", r.new_text);
	simnet_run(r.net, 150 * GW_SECOND);
	assert_int_equal(stage_logged(r.s, "link-reauth"), 0);
	admin(r.t, "server key add sim1.example.net", r.new_text);
	simnet_run(r.net, 61 * GW_SECOND);
	assert_int_equal(stage_logged(r.s, "link-reauth role=source name=sim2.example.net key="),
	                 1);
	admin(r.t, "server key revoke sim1.example.net", r.old_text);
	simnet_run(r.net, 5 * GW_SECOND);
	expect_same_link(&r);
	simnet_end(&r.net);
}

static void without_the_new_secret_the_old_link_ends_at_the_revoke(void **state)
{
	struct rotation r;
	char path[300];

	(void)state;
	rotation_open(&r, true);
	snprintf(path, sizeof(path), "%s/keys/%s", r.state, KEYFILE_NEXT);
	assert_int_equal(remove(path), 0);
	admin(r.s, "server key add sim1.example.net", r.new_text);
	admin(r.t, "server key add sim1.example.net", r.new_text);
	simnet_run(r.net, 90 * GW_SECOND);
	expect_same_link(&r);
	admin(r.t, "server key revoke sim1.example.net", r.old_text);
	simnet_run(r.net, 90 * GW_SECOND);
	assert_null(strstr(simserver_admin(r.t, NULL, "link list"), "sim1.example.net|up|"));
	simnet_end(&r.net);
}

/* The attempt survives reloads on both sides between any two of its frames. */
static void a_new_key_is_proved_while_modules_are_reloaded(void **state)
{
	struct rotation r;

	(void)state;
	rotation_open(&r, true);
	simnet_faults(r.net)->latency_min_ns = simnet_faults(r.net)->latency_max_ns = 200 * GW_MS;
	admin(r.t, "server key add sim1.example.net", r.new_text);
	admin(r.s, "server key add sim1.example.net", r.new_text);
	for (int i = 0; i < 40; i++) {
		admin(r.s, "module reload", "link");
		admin(r.t, "module reload", "link");
		simnet_run(r.net, 100 * GW_MS);
	}
	assert_int_equal(stage_logged(r.s, "link-reauth role=source"), 1);
	expect_same_link(&r);
	simnet_end(&r.net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_right_target_is_linked),
		cmocka_unit_test(another_key_than_the_listed_one_is_refused),
		cmocka_unit_test(the_listed_key_without_its_secret_is_not_enough),
		cmocka_unit_test(another_name_is_refused),
		cmocka_unit_test(a_challenge_for_another_is_not_opened),
		cmocka_unit_test(a_recorded_challenge_and_done_are_worth_nothing),
		cmocka_unit_test(no_byte_of_done_may_differ),
		cmocka_unit_test(what_is_no_challenge_is_refused),
		cmocka_unit_test(nobody_stands_between_two),
		cmocka_unit_test(a_member_cannot_pass_as_the_one_who_dials_it),
		cmocka_unit_test(silence_ends_at_the_deadline_and_all_begins_anew),
		cmocka_unit_test(failures_are_told_once_and_forgotten_by_a_link),
		cmocka_unit_test(a_new_key_is_proved_on_a_link_that_was_dialled),
		cmocka_unit_test(a_new_key_is_proved_on_a_link_that_was_accepted),
		cmocka_unit_test(the_other_side_may_hear_of_the_new_key_later),
		cmocka_unit_test(without_the_new_secret_the_old_link_ends_at_the_revoke),
		cmocka_unit_test(a_new_key_is_proved_while_modules_are_reloaded),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
