/*
 * doc/link-vectors.txt, computed by the server's own code. tests/rules/link-vectors computes it by
 * other code.
 */
#include "tests/unit/cmocka.h"
#include "tests/unit/link_rig.h"
#include <stdlib.h>

#define VALUES_MAX 32
#define VALUE_MAX 1024

/* The lines "name = value" of a section, of which `label` is the heading. */
struct section {
	char label[64];
	struct {
		char name[32], value[VALUE_MAX];
	} values[VALUES_MAX];
	size_t n;
};

static FILE *vectors(void)
{
	const char *source = getenv("GODWIT_SRC");
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/doc/link-vectors.txt", source != NULL ? source : ".");
	file = fopen(path, "r");
	assert_non_null(file);
	return file;
}

/* The next section of the file whose heading begins with `label`; false at its end. */
static bool next_section(FILE *file, const char *label, struct section *s)
{
	char line[VALUE_MAX + 64];
	bool wanted = false;
	long at = ftell(file);

	memset(s, 0, sizeof(*s));
	while (fgets(line, sizeof(line), file) != NULL) {
		if (line[0] == '[' && wanted) {
			fseek(file, at, SEEK_SET);
			return true;
		}
		at = ftell(file);
		if (line[0] == '[')
			wanted = strncmp(line + 1, label, strlen(label)) == 0;
		if (!wanted || line[0] == '\n')
			continue;
		if (line[0] == '[')
			sscanf(line, "[%63[^]]", s->label);
		else if (sscanf(line, "%31s = %1023s", s->values[s->n].name,
		                s->values[s->n].value) == 2)
			s->n++;
	}
	return wanted;
}

static const char *value(const struct section *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->values[i].name, name) == 0)
			return s->values[i].value;
	fail_msg("[%s] has no %s", s->label, name);
	return "";
}

static void bytes(const struct section *s, const char *name, uint8_t *out, size_t n)
{
	const char *text = value(s, name);
	size_t got;

	assert_int_equal(sodium_hex2bin(out, n, text, strlen(text), NULL, &got, NULL), 0);
	assert_int_equal(got, n);
}

static void expect(const struct section *s, const char *name, const uint8_t *p, size_t n)
{
	char hex[VALUE_MAX];

	assert_string_equal(sodium_bin2hex(hex, sizeof(hex), p, n), value(s, name));
}

static const char *joined(const char *role, const char *what)
{
	static char name[32];

	snprintf(name, sizeof(name), "%s-%s", role, what);
	return name;
}

/* All forms of one server's key. */
static void check_key(const struct section *s, const char *role, struct key_pair *pair)
{
	uint8_t secret[KEY_BYTES], fingerprint[KEY_BYTES];
	char text[KEY_TEXT_SIZE], words[KEY_WORDS_SIZE], file[KEYFILE_TEXT_MAX], lines[128];
	struct key_pair read;
	size_t n;

	bytes(s, joined(role, "secret"), secret, sizeof(secret));
	key_pair_of(secret, pair);
	expect(s, joined(role, "public"), pair->pk, KEY_BYTES);
	key_text(pair->pk, text);
	assert_string_equal(text, value(s, joined(role, "text")));
	key_fingerprint(pair->pk, fingerprint);
	expect(s, joined(role, "fingerprint"), fingerprint, KEY_BYTES);
	key_words(pair->pk, words);
	assert_string_equal(words, value(s, joined(role, "words")));
	n = keyfile_format(pair, file);
	snprintf(lines, sizeof(lines), "%.64s%.32s", strchr(file, '\n') + 1,
	         strchr(file, '\n') + 66);
	assert_string_equal(lines, value(s, joined(role, "file")));
	assert_int_equal(keyfile_parse(file, n, &read, NULL), 0);
	assert_memory_equal(&read, pair, sizeof(read));
}

static void opened(const struct section *s, const char *name, const struct key_pair *pair,
                   const uint8_t *frame)
{
	uint8_t text[TEXT_BYTES];

	assert_int_equal(
		seal_open(pair->pk, pair->sk, frame + FRAME_HEAD, TEXT_BYTES + SEAL_EXTRA, text),
		0);
	expect(s, name, text, sizeof(text));
}

static void check_run(const struct section *s)
{
	struct end source = {.name = value(s, "source"), .n_keys = 1};
	struct end target = {.name = value(s, "target"), .n_keys = 1};
	struct fresh t, r;
	uint8_t binding[BINDING_BYTES], keys[1][KEY_BYTES];
	struct expectation whom = {
		.name = target.name,
		.keys = (const uint8_t(*)[KEY_BYTES])keys,
		.n_keys = 1,
		.own = source.keys,
		.n_own = 1,
	};

	check_key(s, "source", &source.keys[0]);
	check_key(s, "target", &target.keys[0]);
	bytes(s, "binding", binding, sizeof(binding));
	bytes(s, "nonce-t", t.nonce, sizeof(t.nonce));
	bytes(s, "seed-t", t.seed, sizeof(t.seed));
	bytes(s, "nonce-s", r.nonce, sizeof(r.nonce));
	bytes(s, "seed-s", r.seed, sizeof(r.seed));
	exchange_init(&source.x, source.name, binding);
	exchange_init(&target.x, target.name, binding);
	step_hello(&source);
	expect(s, "hello", source.hello, sizeof(source.hello));
	assert_int_equal(target_challenge(&target.x, source.name, source.keys[0].pk,
	                                  target.keys[0].pk, &t, target.challenge),
	                 CODE_OK);
	expect(s, "challenge", target.challenge, sizeof(target.challenge));
	opened(s, "challenge-text", &source.keys[0], target.challenge);
	memcpy(keys[0], target.keys[0].pk, KEY_BYTES);
	assert_int_equal(source_challenge(&source.x, &whom, &r, target.challenge, source.response),
	                 CODE_OK);
	expect(s, "response", source.response, sizeof(source.response));
	opened(s, "response-text", &target.keys[0], source.response);
	assert_int_equal(step_done(&target, source.response), CODE_OK);
	expect(s, "done", target.done, sizeof(target.done));
	assert_int_equal(source_done(&source.x, target.done), CODE_OK);
}

static void runs_are_as_in_the_file(void **state)
{
	struct section s;
	FILE *file = vectors();
	int n = 0;

	(void)state;
	for (; next_section(file, "pair", &s); n++)
		check_run(&s);
	fclose(file);
	assert_int_equal(n, 3);
}

static void bad_keys_are_refused(void **state)
{
	struct section s;
	FILE *file = vectors();
	uint8_t pk[KEY_BYTES];

	(void)state;
	assert_true(next_section(file, "bad keys", &s));
	fclose(file);
	assert_int_equal(s.n, 11);
	for (size_t i = 0; i < s.n; i++)
		if (key_parse(s.values[i].value, pk, NULL) == 0)
			fail_msg("%s was taken for a key", s.values[i].name);
}

static void words_are_as_in_the_file(void **state)
{
	static const uint8_t localhost[] = {127, 0, 0, 1};
	struct section s;
	FILE *file = vectors();
	char words[KEY_WORDS_SIZE];

	(void)state;
	assert_true(next_section(file, "words", &s));
	fclose(file);
	words_of(localhost, sizeof(localhost), words);
	assert_string_equal(words, value(&s, "7f000001"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_are_as_in_the_file),
		cmocka_unit_test(bad_keys_are_refused),
		cmocka_unit_test(words_are_as_in_the_file),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
