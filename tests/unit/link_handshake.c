/*
 * The handshake: a run between two servers, and everybody who could stand between them, in front of
 * them, or behind.
 */
#include "tests/unit/cmocka.h"
#include "tests/unit/link_rig.h"

#define CONNECTION 7

/* Offsets in the sealed text, as doc/link-handshake.md has them. */
enum {
	CONTEXT = 0,
	NONCE_T = 32,
	NONCE_S = 64,
	PK_FROM = 96,
	PK_TO = 128,
	NAME_FROM = 160,
	NAME_TO = 224,
	BINDING = 288
};

struct pair {
	struct end s, t;
};

static struct pair two(void)
{
	struct pair p = {.s = end_new("a.example", 1), .t = end_new("b.example", 2)};

	return p;
}

/* A run up to the frame that is being tried. */
static void challenged(struct pair *p, uint8_t connection, uint8_t run)
{
	end_begin(&p->s, connection);
	end_begin(&p->t, connection);
	step_hello(&p->s);
	assert_int_equal(step_challenge(&p->t, p->s.hello, p->s.keys[0].pk, run), CODE_OK);
}

static void responded(struct pair *p, uint8_t connection, uint8_t run)
{
	challenged(p, connection, run);
	assert_int_equal(step_response(&p->s, p->t.name, p->t.keys[0].pk, p->t.challenge, run),
	                 CODE_OK);
}

/* --- what shall work --- */

static void both_know_each_other_afterwards(void **state)
{
	struct pair p = two();

	(void)state;
	assert_int_equal(run_until_done(&p.s, &p.t, CONNECTION, 1), CODE_OK);
	assert_int_equal(source_done(&p.s.x, p.t.done), CODE_OK);
	assert_string_equal(p.s.x.peer_name, "b.example");
	assert_string_equal(p.t.x.peer_name, "a.example");
	assert_memory_equal(p.s.x.peer_key, p.t.keys[0].pk, KEY_BYTES);
	assert_memory_equal(p.t.x.peer_key, p.s.keys[0].pk, KEY_BYTES);
	assert_memory_equal(p.s.x.own_key, p.s.keys[0].pk, KEY_BYTES);
	assert_memory_equal(p.t.x.own_key, p.t.keys[0].pk, KEY_BYTES);
}

static void a_joining_server_learns_the_name(void **state)
{
	struct pair p = two();

	(void)state;
	challenged(&p, CONNECTION, 1);
	assert_int_equal(step_response(&p.s, NULL, p.t.keys[0].pk, p.t.challenge, 2), CODE_OK);
	assert_string_equal(p.s.x.peer_name, "b.example");
	assert_int_equal(step_done(&p.t, p.s.response), CODE_OK);
	assert_int_equal(source_done(&p.s.x, p.t.done), CODE_OK);
}

static void every_own_secret_is_tried(void **state)
{
	struct pair p = two();
	struct end next = end_new("a.example", 9);

	(void)state;
	p.s.keys[1] = next.keys[0];
	p.s.n_keys = 2;
	end_begin(&p.s, CONNECTION);
	end_begin(&p.t, CONNECTION);
	step_hello(&p.s);
	assert_int_equal(step_challenge(&p.t, p.s.hello, p.s.keys[1].pk, 1), CODE_OK);
	assert_int_equal(step_response(&p.s, "b.example", p.t.keys[0].pk, p.t.challenge, 2),
	                 CODE_OK);
	assert_memory_equal(p.s.x.own_key, p.s.keys[1].pk, KEY_BYTES);
	assert_int_equal(step_done(&p.t, p.s.response), CODE_OK);
}

static void any_live_key_of_the_target_will_do(void **state)
{
	struct pair p = two();
	struct end other = end_new("b.example", 8);
	const struct fresh fresh = fresh_of(2);
	uint8_t keys[2][KEY_BYTES];
	struct expectation expect = {
		.name = "b.example",
		.keys = (const uint8_t(*)[KEY_BYTES])keys,
		.n_keys = 2,
		.own = p.s.keys,
		.n_own = 1,
	};

	(void)state;
	memcpy(keys[0], other.keys[0].pk, KEY_BYTES);
	memcpy(keys[1], p.t.keys[0].pk, KEY_BYTES);
	challenged(&p, CONNECTION, 1);
	assert_int_equal(source_challenge(&p.s.x, &expect, &fresh, p.t.challenge, p.s.response),
	                 CODE_OK);
	assert_int_equal(step_done(&p.t, p.s.response), CODE_OK);
	memcpy(keys[0], p.t.keys[0].pk, KEY_BYTES);
	expect.n_keys = 0;
	assert_int_equal(source_challenge(&p.s.x, &expect, &fresh, p.t.challenge, p.s.response),
	                 CODE_PIN);
}

static void a_seal_is_that_of_the_library(void **state)
{
	struct end e = end_new("a.example", 1);
	const struct fresh fresh = fresh_of(3);
	uint8_t text[TEXT_BYTES], sealed[TEXT_BYTES + SEAL_EXTRA], out[TEXT_BYTES];

	(void)state;
	memset(text, 0x5a, sizeof(text));
	assert_int_equal(seal_close(e.keys[0].pk, fresh.seed, text, sizeof(text), sealed), 0);
	assert_int_equal(
		crypto_box_seal_open(out, sealed, sizeof(sealed), e.keys[0].pk, e.keys[0].sk), 0);
	assert_memory_equal(out, text, sizeof(text));
	crypto_box_seal(sealed, text, sizeof(text), e.keys[0].pk);
	memset(out, 0, sizeof(out));
	assert_int_equal(seal_open(e.keys[0].pk, e.keys[0].sk, sealed, sizeof(sealed), out), 0);
	assert_memory_equal(out, text, sizeof(text));
}

static void a_wiped_exchange_holds_nothing(void **state)
{
	static const struct exchange nothing;
	struct pair p = two();

	(void)state;
	assert_int_equal(run_until_done(&p.s, &p.t, CONNECTION, 1), CODE_OK);
	exchange_wipe(&p.s.x);
	exchange_wipe(&p.t.x);
	assert_memory_equal(&p.s.x, &nothing, sizeof(nothing));
	assert_memory_equal(&p.t.x, &nothing, sizeof(nothing));
}

/* --- somebody in front, behind or between --- */

/* The source dials a rogue member, which hands the frames on to another target. */
static void a_relay_links_nobody(void **state)
{
	struct pair p = two();
	struct end rogue = end_new("m.example", 3);

	(void)state;
	challenged(&p, CONNECTION, 1);
	assert_int_equal(step_response(&p.s, rogue.name, rogue.keys[0].pk, p.t.challenge, 2),
	                 CODE_PIN);
}

/* The rogue opens what it can, and claims the target's key as its own. */
static void a_relay_that_shows_its_own_key_cannot_answer(void **state)
{
	struct pair p = two();
	struct end rogue = end_new("m.example", 3);

	(void)state;
	challenged(&p, CONNECTION, 1);
	end_begin(&rogue, CONNECTION);
	assert_int_equal(step_challenge(&rogue, p.s.hello, p.s.keys[0].pk, 2), CODE_OK);
	assert_int_equal(step_response(&p.s, rogue.name, rogue.keys[0].pk, rogue.challenge, 3),
	                 CODE_OK);
	assert_int_equal(step_done(&p.t, p.s.response), CODE_OPEN);
}

/* Two TLS connections with somebody between them: each end has another binding. */
static void a_man_in_the_middle_is_no_link(void **state)
{
	struct pair p = two();

	(void)state;
	end_begin(&p.s, 1);
	end_begin(&p.t, 2);
	step_hello(&p.s);
	assert_int_equal(step_challenge(&p.t, p.s.hello, p.s.keys[0].pk, 1), CODE_OK);
	assert_int_equal(step_response(&p.s, "b.example", p.t.keys[0].pk, p.t.challenge, 2),
	                 CODE_BINDING);
}

/* Were the source to overlook it, the target would not. */
static void the_target_looks_at_the_binding_too(void **state)
{
	struct pair p = two();

	(void)state;
	challenged(&p, 1, 1);
	memset(p.t.x.expected + BINDING, 2, BINDING_BYTES);
	assert_int_equal(step_response(&p.s, "b.example", p.t.keys[0].pk, p.t.challenge, 2),
	                 CODE_OK);
	assert_int_equal(step_done(&p.t, p.s.response), CODE_BINDING);
}

static void a_false_target_with_any_key_is_refused(void **state)
{
	struct pair p = two();
	struct end rogue = end_new("b.example", 66);

	(void)state;
	end_begin(&p.s, CONNECTION);
	end_begin(&rogue, CONNECTION);
	step_hello(&p.s);
	assert_int_equal(step_challenge(&rogue, p.s.hello, p.s.keys[0].pk, 1), CODE_OK);
	assert_int_equal(step_response(&p.s, "b.example", p.t.keys[0].pk, rogue.challenge, 2),
	                 CODE_PIN);
	/* a joining server has nothing but the pin */
	assert_int_equal(step_response(&p.s, NULL, p.t.keys[0].pk, rogue.challenge, 2), CODE_PIN);
}

/* It shows the right key, as anybody can, and has not its secret. */
static void a_false_target_with_the_right_key_is_not_believed(void **state)
{
	struct pair p = two();
	struct end rogue = end_new("b.example", 66);
	uint8_t guess[FRAME_DONE];

	(void)state;
	memcpy(rogue.keys[0].pk, p.t.keys[0].pk, KEY_BYTES);
	end_begin(&p.s, CONNECTION);
	end_begin(&rogue, CONNECTION);
	step_hello(&p.s);
	assert_int_equal(step_challenge(&rogue, p.s.hello, p.s.keys[0].pk, 1), CODE_OK);
	assert_int_equal(step_response(&p.s, "b.example", p.t.keys[0].pk, rogue.challenge, 2),
	                 CODE_OK);
	assert_int_equal(step_done(&rogue, p.s.response), CODE_OPEN);
	assert_int_equal(run_until_done(&p.s, &p.t, CONNECTION, 9), CODE_OK);
	memcpy(guess, p.t.done, sizeof(guess));
	assert_int_equal(run_until_done(&p.s, &p.t, CONNECTION, 1), CODE_OK);
	assert_int_equal(source_done(&p.s.x, guess), CODE_DONE);
	memset(guess + FRAME_HEAD, 0, FRAME_DONE - FRAME_HEAD);
	assert_int_equal(source_done(&p.s.x, guess), CODE_DONE);
}

static void an_impostor_without_the_secret_has_no_answer(void **state)
{
	struct pair p = two();
	struct end impostor = end_new("a.example", 77);

	(void)state;
	end_begin(&impostor, CONNECTION);
	end_begin(&p.t, CONNECTION);
	step_hello(&impostor);
	assert_int_equal(step_challenge(&p.t, impostor.hello, p.s.keys[0].pk, 1), CODE_OK);
	assert_int_equal(step_response(&impostor, "b.example", p.t.keys[0].pk, p.t.challenge, 2),
	                 CODE_OPEN);
	/* it does know all that is public, and says it */
	memcpy(impostor.keys[0].pk, p.s.keys[0].pk, KEY_BYTES);
	impostor.x = p.t.x;
	memset(impostor.x.expected + NONCE_S, 5, NONCE_BYTES);
	memset(impostor.x.expected + NONCE_T, 5, NONCE_BYTES);
	assert_int_equal(seal_close(p.t.keys[0].pk, fresh_of(4).seed, impostor.x.expected,
	                            TEXT_BYTES, impostor.response + FRAME_HEAD),
	                 0);
	assert_int_equal(step_done(&p.t, impostor.response), CODE_NONCE);
}

/* --- replay and reflection --- */

static void what_was_recorded_is_worth_nothing_on_a_new_connection(void **state)
{
	struct pair p = two(), old;

	(void)state;
	assert_int_equal(run_until_done(&p.s, &p.t, 1, 1), CODE_OK);
	old = p;
	responded(&p, 2, 3);
	assert_int_equal(step_response(&p.s, "b.example", p.t.keys[0].pk, old.t.challenge, 4),
	                 CODE_BINDING);
	responded(&p, 2, 3);
	assert_int_equal(step_done(&p.t, old.s.response), CODE_NONCE);
	assert_int_equal(source_done(&p.s.x, old.t.done), CODE_DONE);
}

/* Even if the binding were the same. */
static void nonces_alone_stop_a_replay(void **state)
{
	struct pair p = two(), old;

	(void)state;
	assert_int_equal(run_until_done(&p.s, &p.t, 1, 1), CODE_OK);
	old = p;
	responded(&p, 1, 3);
	assert_int_equal(step_done(&p.t, old.s.response), CODE_NONCE);
	responded(&p, 1, 3);
	assert_int_equal(source_done(&p.s.x, old.t.done), CODE_DONE);
}

static void a_challenge_is_no_response(void **state)
{
	struct pair p = two();
	uint8_t turned[FRAME_RESPONSE];

	(void)state;
	challenged(&p, CONNECTION, 1);
	memcpy(turned, p.t.challenge, sizeof(turned));
	turned[5] = TYPE_RESPONSE;
	assert_int_equal(step_done(&p.t, turned), CODE_OPEN);
}

/* Two servers with one key, the worst case: the context still tells the steps apart. */
static void with_one_key_for_both_the_steps_still_differ(void **state)
{
	struct pair p = two();
	uint8_t turned[FRAME_RESPONSE];

	(void)state;
	p.s.keys[0] = p.t.keys[0];
	challenged(&p, CONNECTION, 1);
	memcpy(turned, p.t.challenge, sizeof(turned));
	turned[5] = TYPE_RESPONSE;
	assert_int_equal(step_done(&p.t, turned), CODE_CONTEXT);
	responded(&p, CONNECTION, 1);
	memcpy(turned, p.s.response, sizeof(turned));
	turned[5] = TYPE_CHALLENGE;
	assert_int_equal(step_response(&p.s, "b.example", p.t.keys[0].pk, turned, 2), CODE_CONTEXT);
}

/* A server's own challenge, handed to it as source. */
static void the_own_challenge_is_not_answered(void **state)
{
	struct end both = end_new("b.example", 2), peer = end_new("a.example", 1), as_source = both;

	(void)state;
	end_begin(&peer, CONNECTION);
	end_begin(&both, CONNECTION);
	end_begin(&as_source, CONNECTION);
	step_hello(&peer);
	assert_int_equal(step_challenge(&both, peer.hello, peer.keys[0].pk, 1), CODE_OK);
	assert_int_equal(step_response(&as_source, "a.example", peer.keys[0].pk, both.challenge, 2),
	                 CODE_OPEN);
	/* sealed to itself, as a target that forgot to look at the name would */
	step_hello(&as_source);
	assert_int_equal(step_challenge(&both, as_source.hello, both.keys[0].pk, 1), CODE_OK);
	assert_int_equal(step_response(&as_source, NULL, both.keys[0].pk, both.challenge, 2),
	                 CODE_SELF);
}

/* --- bytes --- */

static void a_frame_is_whole_at_one_length_only(void **state)
{
	struct pair p = two();
	const struct {
		enum frame_type type;
		const uint8_t *bytes;
		size_t n;
	} frames[] = {{TYPE_HELLO, p.s.hello, FRAME_HELLO},
	              {TYPE_CHALLENGE, p.t.challenge, FRAME_CHALLENGE},
	              {TYPE_RESPONSE, p.s.response, FRAME_RESPONSE},
	              {TYPE_DONE, p.t.done, FRAME_DONE}};
	uint8_t two_of_them[2 * FRAME_LONGEST];

	(void)state;
	assert_int_equal(run_until_done(&p.s, &p.t, CONNECTION, 1), CODE_OK);
	for (size_t i = 0; i < 4; i++) {
		for (size_t n = 0; n < frames[i].n; n++)
			assert_int_equal(frame_look(frames[i].type, frames[i].bytes, n), 0);
		assert_int_equal(frame_look(frames[i].type, frames[i].bytes, frames[i].n),
		                 frames[i].n);
		memcpy(two_of_them, frames[i].bytes, frames[i].n);
		memcpy(two_of_them + frames[i].n, frames[i].bytes, frames[i].n);
		for (size_t n = frames[i].n + 1; n <= 2 * frames[i].n; n++)
			assert_int_equal(frame_look(frames[i].type, two_of_them, n), -1);
		for (size_t j = 0; j < 4; j++)
			if (j != i)
				assert_int_equal(
					frame_look(frames[j].type, frames[i].bytes, FRAME_HEAD),
					-1);
	}
}

static void a_wrong_head_is_seen_before_the_body(void **state)
{
	struct pair p = two();
	uint8_t head[FRAME_HEAD];

	(void)state;
	assert_int_equal(run_until_done(&p.s, &p.t, CONNECTION, 1), CODE_OK);
	for (size_t i = 0; i < FRAME_HEAD; i++)
		for (unsigned change = 1; change < 256; change++) {
			memcpy(head, p.s.hello, FRAME_HEAD);
			head[i] ^= (uint8_t)change;
			assert_int_equal(frame_look(TYPE_HELLO, head, i + 1), -1);
			assert_int_equal(frame_look(TYPE_HELLO, head, FRAME_HEAD), -1);
		}
}

static void a_carried_frame_says_what_it_is(void **state)
{
	struct pair p = two();

	(void)state;
	assert_int_equal(run_until_done(&p.s, &p.t, CONNECTION, 1), CODE_OK);
	assert_int_equal(frame_type_of(p.s.hello, FRAME_HELLO), TYPE_HELLO);
	assert_int_equal(frame_type_of(p.t.challenge, FRAME_CHALLENGE), TYPE_CHALLENGE);
	assert_int_equal(frame_type_of(p.s.response, FRAME_RESPONSE), TYPE_RESPONSE);
	assert_int_equal(frame_type_of(p.t.done, FRAME_DONE), TYPE_DONE);
	assert_int_equal(frame_type_of(p.t.done, FRAME_DONE - 1), TYPE_NONE);
	assert_int_equal(frame_type_of(p.s.hello, 0), TYPE_NONE);
	assert_int_equal(frame_type_of(p.s.hello, FRAME_HEAD), TYPE_NONE);
}

/* Either it is no name, or another's, who cannot answer for the first. */
static void no_byte_of_hello_may_change(void **state)
{
	struct pair p = two();
	char name[LINK_NAME];

	(void)state;
	for (size_t i = FRAME_HEAD; i < FRAME_HELLO; i++)
		for (unsigned change = 1; change < 256; change++) {
			end_begin(&p.s, CONNECTION);
			step_hello(&p.s);
			p.s.hello[i] ^= (uint8_t)change;
			if (target_hello(p.s.hello, name) == CODE_OK)
				assert_string_not_equal(name, "a.example");
		}
	challenged(&p, CONNECTION, 1);
	p.s.hello[FRAME_HEAD] = 'c';
	end_begin(&p.t, CONNECTION);
	assert_int_equal(step_challenge(&p.t, p.s.hello, p.s.keys[0].pk, 1), CODE_OK);
	assert_int_equal(step_response(&p.s, "b.example", p.t.keys[0].pk, p.t.challenge, 2),
	                 CODE_NAMES);
}

static void no_byte_of_challenge_may_change(void **state)
{
	static const uint8_t changes[] = {1, 0x80};
	struct pair p = two();

	(void)state;
	challenged(&p, CONNECTION, 1);
	for (size_t i = FRAME_HEAD; i < FRAME_CHALLENGE; i++)
		for (size_t j = 0; j < sizeof(changes); j++) {
			uint8_t frame[FRAME_CHALLENGE];

			memcpy(frame, p.t.challenge, sizeof(frame));
			frame[i] ^= changes[j];
			assert_int_equal(step_response(&p.s, "b.example", p.t.keys[0].pk, frame, 2),
			                 CODE_OPEN);
		}
}

static void no_byte_of_response_may_change(void **state)
{
	static const uint8_t changes[] = {1, 0x80};
	struct pair p = two();

	(void)state;
	responded(&p, CONNECTION, 1);
	for (size_t i = FRAME_HEAD; i < FRAME_RESPONSE; i++)
		for (size_t j = 0; j < sizeof(changes); j++) {
			uint8_t frame[FRAME_RESPONSE];

			memcpy(frame, p.s.response, sizeof(frame));
			frame[i] ^= changes[j];
			assert_int_equal(step_done(&p.t, frame), CODE_OPEN);
		}
	assert_int_equal(step_done(&p.t, p.s.response), CODE_OK);
}

static void no_byte_of_done_may_change(void **state)
{
	struct pair p = two();

	(void)state;
	assert_int_equal(run_until_done(&p.s, &p.t, CONNECTION, 1), CODE_OK);
	for (size_t i = FRAME_HEAD; i < FRAME_DONE; i++)
		for (unsigned change = 1; change < 256; change++) {
			p.t.done[i] ^= (uint8_t)change;
			assert_int_equal(source_done(&p.s.x, p.t.done), CODE_DONE);
			p.t.done[i] ^= (uint8_t)change;
		}
	assert_int_equal(source_done(&p.s.x, p.t.done), CODE_OK);
}

/* --- texts under a right seal --- */

static enum code judged_by_source(struct pair *p, const uint8_t text[TEXT_BYTES], const char *name)
{
	uint8_t frame[FRAME_CHALLENGE];

	seal_close(p->s.keys[0].pk, fresh_of(3).seed, text, TEXT_BYTES, frame + FRAME_HEAD);
	return step_response(&p->s, name, p->t.keys[0].pk, frame, 2);
}

static enum code judged_by_target(struct pair *p, const uint8_t text[TEXT_BYTES])
{
	uint8_t frame[FRAME_RESPONSE];

	seal_close(p->t.keys[0].pk, fresh_of(3).seed, text, TEXT_BYTES, frame + FRAME_HEAD);
	return step_done(&p->t, frame);
}

/* What each byte of the text is for: a change of it alone is refused with that field's code. */
static enum code code_of(size_t at)
{
	if (at < NONCE_T)
		return CODE_CONTEXT;
	if (at < PK_FROM)
		return CODE_NONCE;
	if (at < NAME_FROM)
		return CODE_PIN;
	return at < BINDING ? CODE_NAMES : CODE_BINDING;
}

static void every_byte_of_a_sealed_text_counts(void **state)
{
	struct pair p = two();
	uint8_t challenge[TEXT_BYTES], response[TEXT_BYTES];

	(void)state;
	responded(&p, CONNECTION, 1);
	seal_open(p.s.keys[0].pk, p.s.keys[0].sk, p.t.challenge + FRAME_HEAD,
	          TEXT_BYTES + SEAL_EXTRA, challenge);
	seal_open(p.t.keys[0].pk, p.t.keys[0].sk, p.s.response + FRAME_HEAD,
	          TEXT_BYTES + SEAL_EXTRA, response);
	for (size_t i = 0; i < TEXT_BYTES; i++) {
		challenge[i] ^= 1;
		response[i] ^= 1;
		if (i < NONCE_T || i >= NONCE_S) /* nonce_t is what the source cannot know */
			assert_int_equal(judged_by_source(&p, challenge, "b.example"), code_of(i));
		if (i < NONCE_S || i >= PK_FROM)
			assert_int_equal(judged_by_target(&p, response), code_of(i));
		challenge[i] ^= 1;
		response[i] ^= 1;
	}
	assert_int_equal(judged_by_source(&p, challenge, "b.example"), CODE_OK);
	assert_int_equal(judged_by_target(&p, response), CODE_OK);
}

static void a_nonce_of_zero_is_none(void **state)
{
	struct pair p = two();
	uint8_t text[TEXT_BYTES];

	(void)state;
	responded(&p, CONNECTION, 1);
	seal_open(p.s.keys[0].pk, p.s.keys[0].sk, p.t.challenge + FRAME_HEAD,
	          TEXT_BYTES + SEAL_EXTRA, text);
	memset(text + NONCE_T, 0, NONCE_BYTES);
	assert_int_equal(judged_by_source(&p, text, "b.example"), CODE_NONCE);
	seal_open(p.t.keys[0].pk, p.t.keys[0].sk, p.s.response + FRAME_HEAD,
	          TEXT_BYTES + SEAL_EXTRA, text);
	memset(text + NONCE_S, 0, NONCE_BYTES);
	assert_int_equal(judged_by_target(&p, text), CODE_NONCE);
}

static void a_joining_server_takes_no_name_that_is_none(void **state)
{
	static const char *const names[] = {"", "B.example", "-b", "b-", "b example", "b\nx"};
	struct pair p = two();
	uint8_t text[TEXT_BYTES];

	(void)state;
	challenged(&p, CONNECTION, 1);
	seal_open(p.s.keys[0].pk, p.s.keys[0].sk, p.t.challenge + FRAME_HEAD,
	          TEXT_BYTES + SEAL_EXTRA, text);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		memset(text + NAME_FROM, 0, LINK_NAME);
		memcpy(text + NAME_FROM, names[i], strlen(names[i]));
		assert_int_equal(judged_by_source(&p, text, NULL), CODE_NAMES);
	}
	memset(text + NAME_FROM, 'b', LINK_NAME);
	assert_int_equal(judged_by_source(&p, text, NULL), CODE_NAMES);
	memset(text + NAME_FROM, 0, LINK_NAME);
	memcpy(text + NAME_FROM, "a.example", 9);
	assert_int_equal(judged_by_source(&p, text, NULL), CODE_SELF);
}

static void names_have_one_form(void **state)
{
	static const char *const good[] = {"a", "0", "a.b", "a-b", "1.2.3", "xn--a"};
	static const char *const bad[] = {"",   ".", "-",   "a.",  ".a",       "-a",
	                                  "a-", "A", "a_b", "a b", "\xc3\xa4", "a\x7f"};
	char long_name[LINK_NAME + 1], name[LINK_NAME];
	uint8_t frame[FRAME_HELLO] = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(link_name_valid(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(link_name_valid(bad[i]));
	memset(long_name, 'a', sizeof(long_name));
	long_name[LINK_NAME] = '\0';
	assert_false(link_name_valid(long_name));
	long_name[LINK_NAME - 1] = '\0';
	assert_true(link_name_valid(long_name));
	memset(frame + FRAME_HEAD, 'a', LINK_NAME);
	assert_int_equal(target_hello(frame, name), CODE_NAME);
	frame[FRAME_HELLO - 1] = 0;
	assert_int_equal(target_hello(frame, name), CODE_OK);
	assert_string_equal(name, long_name);
	memset(frame + FRAME_HEAD + 1, 0, LINK_NAME - 1);
	frame[FRAME_HELLO - 1] = 'x'; /* something behind the name */
	assert_int_equal(target_hello(frame, name), CODE_NAME);
	link_name_fold("Irc.Example.NET", name);
	assert_string_equal(name, "irc.example.net");
}

/* --- sizes --- */

static void frames_are_as_long_as_they_are_said_to_be(void **state)
{
	(void)state;
	assert_int_equal(FRAME_HELLO, 72);
	assert_int_equal(FRAME_CHALLENGE, 376);
	assert_int_equal(FRAME_RESPONSE, 376);
	assert_int_equal(FRAME_DONE, 40);
}

static void every_code_has_a_name_and_a_sentence(void **state)
{
	(void)state;
	for (int code = 0; code < CODE_COUNT; code++) {
		assert_non_null(code_name(code));
		assert_non_null(code_sentence(code));
		for (int other = 0; other < code; other++)
			assert_string_not_equal(code_name(code), code_name(other));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_know_each_other_afterwards),
		cmocka_unit_test(a_joining_server_learns_the_name),
		cmocka_unit_test(every_own_secret_is_tried),
		cmocka_unit_test(any_live_key_of_the_target_will_do),
		cmocka_unit_test(a_seal_is_that_of_the_library),
		cmocka_unit_test(a_wiped_exchange_holds_nothing),
		cmocka_unit_test(a_relay_links_nobody),
		cmocka_unit_test(a_relay_that_shows_its_own_key_cannot_answer),
		cmocka_unit_test(a_man_in_the_middle_is_no_link),
		cmocka_unit_test(the_target_looks_at_the_binding_too),
		cmocka_unit_test(a_false_target_with_any_key_is_refused),
		cmocka_unit_test(a_false_target_with_the_right_key_is_not_believed),
		cmocka_unit_test(an_impostor_without_the_secret_has_no_answer),
		cmocka_unit_test(what_was_recorded_is_worth_nothing_on_a_new_connection),
		cmocka_unit_test(nonces_alone_stop_a_replay),
		cmocka_unit_test(a_challenge_is_no_response),
		cmocka_unit_test(with_one_key_for_both_the_steps_still_differ),
		cmocka_unit_test(the_own_challenge_is_not_answered),
		cmocka_unit_test(a_frame_is_whole_at_one_length_only),
		cmocka_unit_test(a_wrong_head_is_seen_before_the_body),
		cmocka_unit_test(a_carried_frame_says_what_it_is),
		cmocka_unit_test(no_byte_of_hello_may_change),
		cmocka_unit_test(no_byte_of_challenge_may_change),
		cmocka_unit_test(no_byte_of_response_may_change),
		cmocka_unit_test(no_byte_of_done_may_change),
		cmocka_unit_test(every_byte_of_a_sealed_text_counts),
		cmocka_unit_test(a_nonce_of_zero_is_none),
		cmocka_unit_test(a_joining_server_takes_no_name_that_is_none),
		cmocka_unit_test(names_have_one_form),
		cmocka_unit_test(frames_are_as_long_as_they_are_said_to_be),
		cmocka_unit_test(every_code_has_a_name_and_a_sentence),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
