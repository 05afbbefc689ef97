/*
 * Attempts to link, seen from the server that is dialled: who is let in, and that all others see
 * one and the same thing, which is nothing.
 *
 * run-all: timeout=300
 */
#include "tests/module/link_stage.h"
#include "tests/unit/cmocka.h"
#include <errno.h>
#include <stdlib.h>

#define MODULES "modules: [store, services, network, link]\n"
#define NO_LIMITS                                                                                  \
	"link: {attempts-max: 10000, attempts-per-address: 10000, attempts-bucket: 10000, "        \
	"attempts-per-second: 10000}\n"

struct scene {
	struct simnet *net;
	struct simserver *s;
	uint8_t key[KEY_BYTES]; /* of the server */
	struct end a;           /* a.example, which it lists */
};

static void scene_open(struct scene *scene, const char *yaml)
{
	memset(scene, 0, sizeof(*scene));
	scene->net = simnet_new(5);
	scene->s = simnet_server(scene->net, yaml);
	simnet_quiet(scene->net);
	scene->a = end_new("a.example", 1);
	stage_key(scene->s, scene->key);
	stage_add(scene->s, &scene->a, NULL);
}

static struct raw *dial(struct scene *scene)
{
	return raw_dial(scene->net, scene->s, "192.0.2.1");
}

static enum code prove(struct scene *scene, struct raw *raw, struct end *who, uint8_t run)
{
	return raw_prove(raw, who, "sim1.example.net", scene->key, run);
}

/* A complete fresh run succeeds. */
static void expect_open(struct scene *scene)
{
	struct raw *raw = dial(scene);

	assert_int_equal(prove(scene, raw, &scene->a, 200), CODE_OK);
	raw_free(&raw);
	simnet_quiet(scene->net);
}

/* The other side is closed without a byte more than `n`. */
static void expect_closed(struct raw *raw, size_t n)
{
	raw_lived(raw);
	assert_int_equal(raw->n, n);
	raw_free(&raw);
}

static void a_listed_server_is_let_in(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, MODULES);
	expect_open(&scene);
	assert_int_equal(stage_logged(scene.s, "role=target peer=192.0.2.1 name=a.example key="),
	                 1);
	assert_int_equal(stage_logged(scene.s, "result=ok state=T_DONE"), 1);
	assert_non_null(strstr(simserver_admin(scene.s, NULL, "status"), "link-attempts.ok|1\n"));
	simnet_end(&scene.net);
}

/* How many became links; the log is silent about some. */
static void expect_links(struct scene *scene, int n)
{
	const char *status = simserver_admin(scene->s, NULL, "status");
	char want[40];

	snprintf(want, sizeof(want), "link-attempts.ok|%d\n", n);
	assert_true((strstr(status, n > 0 ? want : "link-attempts.ok") != NULL) == (n > 0));
}

/* --- names --- */

/* Unknown, removed, revoked, the server's own, and known without the key: the same bytes out, the
 * same end after the same answer. */
static void all_names_look_alike(void **state)
{
	static const char *const names[] = {"nobody.example", "removed.example", "revoked.example",
	                                    "sim1.example.net", "a.example"};
	static const char *const codes[] = {"E_UNKNOWN", "E_UNKNOWN", "E_REVOKED", "E_SELF",
	                                    "E_OPEN"};
	struct scene scene;
	struct end removed = end_new("removed.example", 3), revoked = end_new("revoked.example", 4);
	char text[KEY_TEXT_SIZE], want[80];
	int status;

	(void)state;
	scene_open(&scene, MODULES NO_LIMITS);
	stage_add(scene.s, &removed, NULL);
	stage_add(scene.s, &revoked, NULL);
	key_text(revoked.keys[0].pk, text);
	simserver_admin(scene.s, &status, "server key revoke revoked.example %s", text);
	assert_int_equal(status, 0);
	simserver_admin(scene.s, &status, "server remove removed.example");
	assert_int_equal(status, 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct end stranger = end_new(names[i], 99);
		struct raw *raw = dial(&scene);

		assert_true(raw_hello(raw, &stranger));
		assert_int_equal(raw->n, FRAME_CHALLENGE);
		memset(stranger.response, 0x42, sizeof(stranger.response));
		memcpy(stranger.response, raw->in, FRAME_HEAD);
		stranger.response[5] = TYPE_RESPONSE;
		raw_send(raw, stranger.response, sizeof(stranger.response));
		expect_closed(raw, FRAME_CHALLENGE);
		simnet_quiet(scene.net);
		snprintf(want, sizeof(want), "name=%s key=- result=%s state=T_RESPONSE", names[i],
		         codes[i]);
		assert_int_equal(stage_logged(scene.s, want), 1);
	}
	simnet_end(&scene.net);
}

/* Even who has the secret of a key that was revoked, or of a server that was removed. */
static void a_revoked_key_opens_nothing(void **state)
{
	struct scene scene;
	struct end revoked = end_new("revoked.example", 4);
	char text[KEY_TEXT_SIZE];
	struct raw *raw;

	(void)state;
	scene_open(&scene, MODULES);
	stage_add(scene.s, &revoked, NULL);
	key_text(revoked.keys[0].pk, text);
	simserver_admin(scene.s, NULL, "server key revoke revoked.example %s", text);
	raw = dial(&scene);
	assert_int_equal(prove(&scene, raw, &revoked, 1), CODE_OPEN);
	raw_free(&raw);
	simnet_end(&scene.net);
}

static int key_command(struct scene *scene, const char *command, const struct end *whom)
{
	char text[KEY_TEXT_SIZE];
	int status;

	key_text(whom->keys[0].pk, text);
	simserver_admin(scene->s, &status, "%s %s", command, text);
	simnet_quiet(scene->net);
	return status;
}

/* However often it has been changed: the newest key opens, the others never do. */
static void a_key_can_be_changed_for_ever(void **state)
{
	enum { CHANGES = 20 };
	struct end keys[CHANGES];
	struct scene scene;
	struct raw *raw;

	(void)state;
	scene_open(&scene, MODULES NO_LIMITS);
	keys[0] = end_new("often.example", 30);
	stage_add(scene.s, &keys[0], NULL);
	for (unsigned i = 1; i < CHANGES; i++) {
		keys[i] = end_new("often.example", (uint8_t)(30 + i));
		assert_int_equal(key_command(&scene, "server key add often.example", &keys[i]), 0);
		assert_int_equal(
			key_command(&scene, "server key revoke often.example", &keys[i - 1]), 0);
		raw = dial(&scene);
		assert_int_equal(prove(&scene, raw, &keys[i], 1), CODE_OK);
		raw_free(&raw);
	}
	simserver_restart(scene.s, NULL);
	simnet_run(scene.net, GW_SECOND);
	raw = dial(&scene);
	assert_int_equal(prove(&scene, raw, &keys[CHANGES - 1], 1), CODE_OK);
	raw_free(&raw);
	simserver_admin(scene.s, NULL, "server remove often.example");
	simserver_restart(scene.s, NULL);
	simnet_run(scene.net, GW_SECOND);
	for (unsigned i = 0; i < CHANGES; i++)
		assert_int_equal(key_command(&scene, "server add again.example", &keys[i]),
		                 -EKEYREVOKED);
	simnet_end(&scene.net);
}

/* It is refused when it answers, and no sooner: a stranger could not be told apart else. */
static void refused_while_it_answers(const char *command, bool with_key, const char *logged)
{
	struct scene scene;
	char text[KEY_TEXT_SIZE] = "";
	struct raw *raw;
	int status;

	scene_open(&scene, MODULES);
	raw = dial(&scene);
	assert_true(raw_hello(raw, &scene.a));
	assert_int_equal(step_response(&scene.a, "sim1.example.net", scene.key, raw->in, 1),
	                 CODE_OK);
	if (with_key)
		key_text(scene.a.keys[0].pk, text);
	simserver_admin(scene.s, &status, "%s a.example %s", command, text);
	assert_int_equal(status, 0);
	simnet_quiet(scene.net);
	assert_false(raw->ended);
	raw_send(raw, scene.a.response, sizeof(scene.a.response));
	expect_closed(raw, FRAME_CHALLENGE);
	simnet_quiet(scene.net);
	assert_int_equal(stage_logged(scene.s, logged), 1);
	simnet_end(&scene.net);
}

static void a_key_revoked_while_it_answers_is_refused(void **state)
{
	(void)state;
	refused_while_it_answers("server key revoke", true, "result=E_REVOKED state=T_RESPONSE");
}

static void a_server_removed_while_it_answers_is_refused(void **state)
{
	(void)state;
	refused_while_it_answers("server remove", false, "result=E_UNKNOWN state=T_RESPONSE");
}

/* DONE does not get out; meanwhile the server is removed. */
static void a_server_removed_at_the_last_moment_is_no_link(void **state)
{
	struct scene scene;
	struct raw *raw;

	(void)state;
	scene_open(&scene, MODULES);
	raw = dial(&scene);
	assert_true(raw_hello(raw, &scene.a));
	assert_int_equal(step_response(&scene.a, "sim1.example.net", scene.key, raw->in, 1),
	                 CODE_OK);
	simpipe_block(raw->pipe, true);
	simnet_faults(scene.net)->window = 1;
	raw_send(raw, scene.a.response, sizeof(scene.a.response));
	simnet_quiet(scene.net);
	simserver_admin(scene.s, NULL, "server remove a.example");
	simnet_quiet(scene.net);
	assert_int_equal(stage_logged(scene.s, "result=E_UNKNOWN state=T_DONE"), 1);
	expect_links(&scene, 0);
	raw_free(&raw);
	simnet_end(&scene.net);
}

/* --- bytes --- */

static void hello_with_any_byte_changed_leads_nowhere(void **state)
{
	struct scene scene;
	struct end known;

	(void)state;
	scene_open(&scene, MODULES NO_LIMITS);
	known = scene.a;
	for (size_t i = 0; i < FRAME_HELLO; i++) {
		struct raw *raw = dial(&scene);

		exchange_init(&known.x, known.name, raw->binding);
		step_hello(&known);
		known.hello[i] ^= 0x04;
		raw_send(raw, known.hello, sizeof(known.hello));
		if (raw_wait(raw, 1))
			assert_int_equal(
				step_response(&known, "sim1.example.net", scene.key, raw->in, 1),
				CODE_OPEN);
		else
			assert_int_equal(raw->n, 0);
		raw_free(&raw);
	}
	expect_open(&scene);
	expect_links(&scene, 1);
	simnet_end(&scene.net);
}

static void a_hello_cut_off_anywhere_is_nothing(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, MODULES NO_LIMITS);
	for (size_t n = 0; n < FRAME_HELLO; n++) {
		struct raw *raw = dial(&scene);

		exchange_init(&scene.a.x, scene.a.name, raw->binding);
		step_hello(&scene.a);
		raw_send(raw, scene.a.hello, n);
		raw_shut(raw);
		expect_closed(raw, 0);
	}
	expect_open(&scene);
	simnet_end(&scene.net);
}

static void a_response_with_any_byte_changed_is_refused(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, MODULES NO_LIMITS);
	for (size_t i = 0; i < FRAME_RESPONSE; i++) {
		struct raw *raw = dial(&scene);

		assert_true(raw_hello(raw, &scene.a));
		assert_int_equal(step_response(&scene.a, "sim1.example.net", scene.key, raw->in, 1),
		                 CODE_OK);
		scene.a.response[i] ^= 0x01;
		raw_send(raw, scene.a.response, sizeof(scene.a.response));
		expect_closed(raw, FRAME_CHALLENGE);
	}
	expect_open(&scene);
	expect_links(&scene, 1);
	simnet_end(&scene.net);
}

static void a_response_cut_off_anywhere_is_refused(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, MODULES NO_LIMITS);
	for (size_t n = 0; n < FRAME_RESPONSE; n++) {
		struct raw *raw = dial(&scene);

		assert_true(raw_hello(raw, &scene.a));
		assert_int_equal(step_response(&scene.a, "sim1.example.net", scene.key, raw->in, 1),
		                 CODE_OK);
		raw_send(raw, scene.a.response, n);
		raw_shut(raw);
		expect_closed(raw, FRAME_CHALLENGE);
	}
	expect_links(&scene, 0);
	simnet_end(&scene.net);
}

static void what_is_more_than_a_frame_is_refused(void **state)
{
	struct scene scene;
	uint8_t two[2 * FRAME_RESPONSE];
	struct raw *raw;

	(void)state;
	scene_open(&scene, MODULES NO_LIMITS);
	for (size_t more = 1; more <= FRAME_HELLO; more++) {
		raw = dial(&scene);
		exchange_init(&scene.a.x, scene.a.name, raw->binding);
		step_hello(&scene.a);
		memcpy(two, scene.a.hello, FRAME_HELLO);
		memcpy(two + FRAME_HELLO, scene.a.hello, FRAME_HELLO);
		raw_send(raw, two, FRAME_HELLO + more);
		expect_closed(raw, 0);
	}
	raw = dial(&scene);
	assert_true(raw_hello(raw, &scene.a));
	raw_send(raw, scene.a.hello, FRAME_HELLO); /* once more */
	expect_closed(raw, FRAME_CHALLENGE);
	for (size_t more = 1; more <= FRAME_HEAD; more++) {
		raw = dial(&scene);
		assert_true(raw_hello(raw, &scene.a));
		assert_int_equal(step_response(&scene.a, "sim1.example.net", scene.key, raw->in, 1),
		                 CODE_OK);
		memcpy(two, scene.a.response, FRAME_RESPONSE);
		memcpy(two + FRAME_RESPONSE, scene.a.response, FRAME_RESPONSE);
		raw_send(raw, two, FRAME_RESPONSE + more);
		expect_closed(raw, FRAME_CHALLENGE);
	}
	expect_links(&scene, 0);
	simnet_end(&scene.net);
}

static void what_is_no_handshake_is_closed_at_its_first_wrong_byte(void **state)
{
	static const char *const greetings[] = {"GET / HTTP/1.1\r\n", "NICK a\r\n", "SSH-2.0-x\r\n",
	                                        "\x16\x03\x01\x02",   "GWLH\x02",   "\n"};
	struct scene scene;

	(void)state;
	scene_open(&scene, MODULES NO_LIMITS);
	for (size_t i = 0; i < sizeof(greetings) / sizeof(greetings[0]); i++) {
		struct raw *raw = dial(&scene);

		raw_send(raw, greetings[i], strlen(greetings[i]));
		expect_closed(raw, 0);
	}
	simnet_quiet(scene.net);
	assert_int_equal(stage_logged(scene.s, "result=E_FRAME state=T_HELLO"), 6);
	simnet_end(&scene.net);
}

/* --- replay and reflection --- */

static void what_was_recorded_opens_nothing(void **state)
{
	struct scene scene;
	uint8_t response[FRAME_RESPONSE], challenge[FRAME_CHALLENGE];
	struct raw *raw;

	(void)state;
	scene_open(&scene, MODULES NO_LIMITS);
	raw = dial(&scene);
	assert_int_equal(prove(&scene, raw, &scene.a, 1), CODE_OK);
	memcpy(response, scene.a.response, sizeof(response));
	memcpy(challenge, raw->in, sizeof(challenge));
	raw_free(&raw);
	raw = dial(&scene);
	assert_true(raw_hello(raw, &scene.a));
	assert_memory_not_equal(raw->in + FRAME_HEAD, challenge + FRAME_HEAD, 32);
	raw_send(raw, response, sizeof(response));
	expect_closed(raw, FRAME_CHALLENGE);
	simnet_quiet(scene.net);
	assert_int_equal(stage_logged(scene.s, "result=E_NONCE state=T_RESPONSE"), 1);
	simnet_end(&scene.net);
}

static void its_own_challenge_is_no_answer(void **state)
{
	struct scene scene;
	struct raw *raw;

	(void)state;
	scene_open(&scene, MODULES);
	raw = dial(&scene);
	assert_true(raw_hello(raw, &scene.a));
	raw->in[5] = TYPE_RESPONSE;
	raw_send(raw, raw->in, FRAME_RESPONSE);
	expect_closed(raw, FRAME_CHALLENGE);
	simnet_quiet(scene.net);
	assert_int_equal(stage_logged(scene.s, "result=E_OPEN state=T_RESPONSE"), 1);
	simnet_end(&scene.net);
}

/* --- time --- */

static void silence_ends_at_the_deadline_in_each_state(void **state)
{
	struct scene scene;
	struct raw *raw;

	(void)state;
	scene_open(&scene, MODULES);
	raw = dial(&scene);
	assert_in_range(raw_lived(raw), 10 * GW_SECOND, 10 * GW_SECOND + 200 * GW_MS);
	assert_int_equal(raw->n, 0);
	raw_free(&raw);
	raw = dial(&scene);
	assert_true(raw_hello(raw, &scene.a));
	assert_in_range(raw_lived(raw), 10 * GW_SECOND, 10 * GW_SECOND + 200 * GW_MS);
	assert_int_equal(raw->n, FRAME_CHALLENGE);
	raw_free(&raw);
	simnet_quiet(scene.net);
	assert_int_equal(stage_logged(scene.s, "result=E_TIMEOUT state=T_HELLO ms=10"), 1);
	assert_int_equal(stage_logged(scene.s, "result=E_TIMEOUT state=T_RESPONSE ms=10"), 1);
	expect_open(&scene);
	simnet_end(&scene.net);
}

/* Progress does not move the deadline. */
static void one_byte_a_second_is_too_slow(void **state)
{
	struct scene scene;
	struct raw *raw;

	(void)state;
	scene_open(&scene, MODULES);
	raw = dial(&scene);
	exchange_init(&scene.a.x, scene.a.name, raw->binding);
	step_hello(&scene.a);
	for (size_t i = 0; i < FRAME_HELLO && !raw->ended; i++) {
		raw_send(raw, scene.a.hello + i, 1);
		simnet_run(scene.net, GW_SECOND);
	}
	assert_in_range(raw_lived(raw), 10 * GW_SECOND, 10 * GW_SECOND + 200 * GW_MS);
	raw_free(&raw);
	simnet_end(&scene.net);
}

static void the_deadline_is_an_option(void **state)
{
	struct scene scene;
	struct raw *raw;

	(void)state;
	scene_open(&scene, MODULES "link: {deadline-accept: 3s}\n");
	raw = dial(&scene);
	assert_in_range(raw_lived(raw), 3 * GW_SECOND, 3 * GW_SECOND + 200 * GW_MS);
	raw_free(&raw);
	simserver_config(scene.s, MODULES "link: {deadline-accept: 5s}\n");
	simserver_admin(scene.s, NULL, "rehash");
	raw = dial(&scene);
	assert_in_range(raw_lived(raw), 5 * GW_SECOND, 5 * GW_SECOND + 200 * GW_MS);
	raw_free(&raw);
	simnet_end(&scene.net);
}

/* --- crowds --- */

#define CROWD 1000

static void crowd(bool one_address)
{
	static struct raw *raws[CROWD];
	struct scene scene;
	struct end listed = end_new("listed.example", 6);
	char from[32];
	unsigned still = 0;
	struct raw *raw;

	scene_open(&scene, MODULES);
	stage_add(scene.s, &listed, "198.51.100.7:7000");
	for (unsigned i = 0; i < CROWD; i++) {
		snprintf(from, sizeof(from), "192.0.%u.%u", one_address ? 2 : i / 250,
		         one_address ? 1 : i % 250 + 1);
		raws[i] = raw_dial(scene.net, scene.s, from);
		simnet_run(scene.net, GW_MS);
	}
	simnet_run(scene.net, 100 * GW_MS);
	for (unsigned i = 0; i < CROWD; i++)
		still += !raws[i]->ended;
	assert_in_range(still, 4, one_address ? 4 : 48);
	raw = raw_dial(scene.net, scene.s, "198.51.100.7");
	assert_int_equal(prove(&scene, raw, &listed, 1), CODE_OK);
	raw_free(&raw);
	simnet_run(scene.net, 70 * GW_SECOND);
	for (unsigned i = 0; i < CROWD; i++) {
		assert_true(raws[i]->ended);
		assert_int_equal(raws[i]->n, 0);
		raw_free(&raws[i]);
	}
	if (one_address)
		assert_in_range(stage_logged(scene.s, "link-handshake role=target peer=192.0.2.1 "),
		                1, 10);
	else
		assert_int_equal(stage_logged(scene.s, "result=E_LIMIT refused="), 1);
	simnet_end(&scene.net);
}

static void a_crowd_from_one_address_keeps_no_listed_server_out(void **state)
{
	(void)state;
	crowd(true);
}

static void a_crowd_from_many_addresses_keeps_no_listed_server_out(void **state)
{
	(void)state;
	crowd(false);
}

/* --- operators, reloads --- */

static void a_row_of_failures_of_a_listed_server_is_told_once(void **state)
{
	struct scene scene;
	struct end wrong = end_new("listed.example", 7), right = end_new("listed.example", 6);

	(void)state;
	scene_open(&scene, MODULES NO_LIMITS);
	stage_add(scene.s, &right, "198.51.100.7:7000");
	for (int i = 0; i < 6; i++) {
		struct raw *raw = raw_dial(scene.net, scene.s, "198.51.100.7");

		assert_int_equal(prove(&scene, raw, &wrong, 1), CODE_OPEN);
		raw_free(&raw);
		simnet_quiet(scene.net);
		assert_int_equal(stage_logged(scene.s, "3 attempts in a row to link from"), i >= 2);
	}
	for (int i = 0; i < 6; i++) {
		struct raw *raw = dial(&scene); /* not where a server is listed */

		assert_int_equal(prove(&scene, raw, &wrong, 1), CODE_OPEN);
		raw_free(&raw);
	}
	simnet_quiet(scene.net);
	assert_int_equal(stage_logged(scene.s, "attempts in a row"), 1);
	simnet_end(&scene.net);
}

static void an_attempt_survives_a_reload(void **state)
{
	struct scene scene;
	struct raw *raw;
	int status;

	(void)state;
	scene_open(&scene, MODULES);
	raw = dial(&scene);
	simnet_quiet(scene.net);
	simserver_admin(scene.s, &status, "module reload link");
	assert_int_equal(status, 0);
	assert_true(raw_hello(raw, &scene.a));
	simserver_admin(scene.s, &status, "module reload link");
	assert_int_equal(status, 0);
	assert_int_equal(step_response(&scene.a, "sim1.example.net", scene.key, raw->in, 1),
	                 CODE_OK);
	raw_send(raw, scene.a.response, sizeof(scene.a.response));
	assert_true(raw_wait(raw, FRAME_CHALLENGE + FRAME_DONE));
	assert_int_equal(source_done(&scene.a.x, raw->in + FRAME_CHALLENGE), CODE_OK);
	raw_free(&raw);
	raw = dial(&scene);
	simserver_admin(scene.s, &status, "module reload link");
	assert_in_range(raw_lived(raw), 10 * GW_SECOND, 10 * GW_SECOND + 200 * GW_MS);
	raw_free(&raw);
	simnet_end(&scene.net);
}

static void an_unload_ends_the_attempts(void **state)
{
	struct scene scene;
	struct raw *raw, *other;
	int status;

	(void)state;
	scene_open(&scene, MODULES);
	raw = dial(&scene);
	other = dial(&scene);
	assert_true(raw_hello(raw, &scene.a));
	simserver_admin(scene.s, &status, "module unload link");
	assert_int_equal(status, 0);
	expect_closed(raw, FRAME_CHALLENGE);
	expect_closed(other, 0);
	simnet_end(&scene.net);
}

static bool listed(struct scene *scene, const char *what)
{
	return strstr(simserver_admin(scene->s, NULL, "link list"), what) != NULL;
}

/* The first of two links says nothing any more; the second waits for it to show that. */
static void open_one_behind_another(struct scene *scene, struct raw *raws[2])
{
	scene_open(scene, MODULES);
	for (uint8_t i = 0; i < 2; i++) {
		raws[i] = dial(scene);
		assert_int_equal(prove(scene, raws[i], &scene->a, (uint8_t)(i + 1)), CODE_OK);
		simnet_run(scene->net, GW_SECOND);
	}
	assert_true(listed(scene, "a.example|waits|"));
	assert_int_equal(stage_logged(scene->s, "link up"), 1);
}

static void who_is_back_gets_the_place_of_a_dead_link(void **state)
{
	struct scene scene;
	struct raw *raws[2];

	(void)state;
	open_one_behind_another(&scene, raws);
	simserver_admin(scene.s, NULL, "module reload link");
	simserver_admin(scene.s, NULL, "rehash");
	assert_true(listed(&scene, "a.example|waits|"));
	simnet_run(scene.net, 6 * GW_SECOND);
	assert_int_equal(stage_logged(scene.s, "no sign of life came, and a.example is back"), 1);
	assert_true(raws[0]->ended && !raws[1]->ended);
	assert_true(listed(&scene, "a.example|up|") && !listed(&scene, "|waits|"));
	raw_free(&raws[0]);
	raw_free(&raws[1]);
	simnet_end(&scene.net);
}

static void who_waits_ends_with_the_rest(void **state)
{
	static const char *const commands[] = {"module unload link", "link disconnect a.example",
	                                       "server remove a.example"};

	(void)state;
	for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct scene scene;
		struct raw *raws[2];
		int status;

		open_one_behind_another(&scene, raws);
		simserver_admin(scene.s, &status, "%s", commands[i]);
		assert_int_equal(status, 0);
		simnet_run(scene.net, 3 * GW_SECOND);
		assert_true(raws[0]->ended && raws[1]->ended);
		assert_int_equal(stage_logged(scene.s, "link up"), 1);
		raw_free(&raws[0]);
		raw_free(&raws[1]);
		simnet_end(&scene.net);
	}
}

/* What is secret stands neither in the log nor in what operators are told. */
static void nothing_secret_is_said(void **state)
{
	struct scene scene;
	char hex[2 * KEY_BYTES + 1];
	struct raw *raw;

	(void)state;
	scene_open(&scene, MODULES NO_LIMITS);
	expect_open(&scene);
	raw = dial(&scene);
	assert_true(raw_hello(raw, &scene.a));
	raw_send(raw, raw->in, FRAME_CHALLENGE);
	expect_closed(raw, FRAME_CHALLENGE);
	sodium_bin2hex(hex, sizeof(hex), fresh_of(200).nonce, NONCE_BYTES);
	assert_int_equal(stage_logged(scene.s, hex), 0);
	assert_int_equal(stage_logged(scene.s, "godwit-link/1 "), 0);
	assert_int_equal(stage_logged(scene.s, "SECRET"), 0);
	simnet_end(&scene.net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_listed_server_is_let_in),
		cmocka_unit_test(all_names_look_alike),
		cmocka_unit_test(a_revoked_key_opens_nothing),
		cmocka_unit_test(a_key_can_be_changed_for_ever),
		cmocka_unit_test(a_key_revoked_while_it_answers_is_refused),
		cmocka_unit_test(a_server_removed_while_it_answers_is_refused),
		cmocka_unit_test(a_server_removed_at_the_last_moment_is_no_link),
		cmocka_unit_test(hello_with_any_byte_changed_leads_nowhere),
		cmocka_unit_test(a_hello_cut_off_anywhere_is_nothing),
		cmocka_unit_test(a_response_with_any_byte_changed_is_refused),
		cmocka_unit_test(a_response_cut_off_anywhere_is_refused),
		cmocka_unit_test(what_is_more_than_a_frame_is_refused),
		cmocka_unit_test(what_is_no_handshake_is_closed_at_its_first_wrong_byte),
		cmocka_unit_test(what_was_recorded_opens_nothing),
		cmocka_unit_test(its_own_challenge_is_no_answer),
		cmocka_unit_test(silence_ends_at_the_deadline_in_each_state),
		cmocka_unit_test(one_byte_a_second_is_too_slow),
		cmocka_unit_test(the_deadline_is_an_option),
		cmocka_unit_test(a_crowd_from_one_address_keeps_no_listed_server_out),
		cmocka_unit_test(a_crowd_from_many_addresses_keeps_no_listed_server_out),
		cmocka_unit_test(a_row_of_failures_of_a_listed_server_is_told_once),
		cmocka_unit_test(an_attempt_survives_a_reload),
		cmocka_unit_test(an_unload_ends_the_attempts),
		cmocka_unit_test(who_is_back_gets_the_place_of_a_dead_link),
		cmocka_unit_test(who_waits_ends_with_the_rest),
		cmocka_unit_test(nothing_secret_is_said),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
