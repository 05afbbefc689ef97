/*
 * tests/unit/redirect_proof.c - ids, tokens and proofs: the vector of doc/redirect.md, and all that
 * is not one.
 */
#include "modules/redirect/proof.h"
#include "tests/unit/cmocka.h"
#include <sodium.h>
#include <stdlib.h>

struct vector {
	char id[64], token[64], binding[80], proof[64], plain[64];
	uint8_t id_bytes[ID_BYTES], token_bytes[TOKEN_BYTES], binding_bytes[BINDING_BYTES];
	uint8_t proof_bytes[PROOF_BYTES], plain_bytes[PROOF_BYTES];
};

/* The block between "```vector" and "```". */
static void read_values(struct vector *v)
{
	const char *source = getenv("GODWIT_SRC");
	char path[4096], line[256], name[32], value[128];
	bool within = false;
	FILE *file;

	snprintf(path, sizeof(path), "%s/doc/redirect.md", source != NULL ? source : ".");
	file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, "```", 3) == 0)
			within = strcmp(line, "```vector\n") == 0;
		if (!within || sscanf(line, "%31s = %127s", name, value) != 2)
			continue;
		if (strcmp(name, "id") == 0)
			snprintf(v->id, sizeof(v->id), "%.63s", value);
		else if (strcmp(name, "token") == 0)
			snprintf(v->token, sizeof(v->token), "%.63s", value);
		else if (strcmp(name, "binding") == 0)
			snprintf(v->binding, sizeof(v->binding), "%.79s", value);
		else if (strcmp(name, "proof") == 0)
			snprintf(v->proof, sizeof(v->proof), "%.63s", value);
		else if (strcmp(name, "proof-plain") == 0)
			snprintf(v->plain, sizeof(v->plain), "%.63s", value);
	}
	fclose(file);
}

static int setup(void **state)
{
	struct vector *v = calloc(1, sizeof(*v));
	size_t n;

	assert_true(sodium_init() >= 0);
	read_values(v);
	assert_true(id_parse(v->id, v->id_bytes));
	assert_true(proof_parse(v->token, v->token_bytes));
	assert_int_equal(sodium_hex2bin(v->binding_bytes, BINDING_BYTES, v->binding,
	                                strlen(v->binding), NULL, &n, NULL),
	                 0);
	assert_int_equal(n, BINDING_BYTES);
	assert_true(proof_parse(v->proof, v->proof_bytes));
	assert_true(proof_parse(v->plain, v->plain_bytes));
	*state = v;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static void the_documented_vector_is_right(void **state)
{
	const struct vector *v = *state;

	assert_true(proof_right(v->proof_bytes, v->token_bytes, v->id_bytes, v->binding_bytes));
	assert_true(proof_right(v->plain_bytes, v->token_bytes, v->id_bytes, NULL));
}

static void texts_are_those_of_the_document(void **state)
{
	const struct vector *v = *state;
	char id[ID_TEXT], token[TOKEN_TEXT];

	id_text(v->id_bytes, id);
	token_text(v->token_bytes, token);
	assert_string_equal(id, v->id);
	assert_string_equal(token, v->token);
	for (int i = 0; i < ID_BYTES; i++)
		assert_int_equal(v->id_bytes[i], i);
	for (int i = 0; i < TOKEN_BYTES; i++)
		assert_int_equal(v->token_bytes[i], 0x20 + i);
}

/* Every bit of each of the four counts. */
static void with_one_bit_changed_it_is_wrong(void **state)
{
	struct vector *v = *state;
	uint8_t *const parts[] = {v->proof_bytes, v->token_bytes, v->id_bytes, v->binding_bytes};
	const size_t lengths[] = {PROOF_BYTES, TOKEN_BYTES, ID_BYTES, BINDING_BYTES};

	for (size_t i = 0; i < 4; i++)
		for (size_t bit = 0; bit < 8 * lengths[i]; bit++) {
			parts[i][bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_false(proof_right(v->proof_bytes, v->token_bytes, v->id_bytes,
			                         v->binding_bytes));
			parts[i][bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
}

static void a_proof_is_for_its_kind_of_connection(void **state)
{
	const struct vector *v = *state;
	const uint8_t zeros[BINDING_BYTES] = {0};

	assert_false(proof_right(v->proof_bytes, v->token_bytes, v->id_bytes, NULL));
	assert_false(proof_right(v->plain_bytes, v->token_bytes, v->id_bytes, v->binding_bytes));
	assert_false(proof_right(v->plain_bytes, v->token_bytes, v->id_bytes, zeros));
}

/* The texts in place of their bytes, which page warns of; a hash of another kind; no key. */
static void common_mistakes_are_wrong(void **state)
{
	const struct vector *v = *state;
	uint8_t message[15 + 64 + BINDING_BYTES], proof[PROOF_BYTES], key[TOKEN_BYTES] = {0};
	size_t n = 15 + strlen(v->id);

	memcpy(message, "godwit redirect", 15);
	memcpy(message + 15, v->id, strlen(v->id));
	memcpy(message + n, v->binding_bytes, BINDING_BYTES);
	crypto_auth_hmacsha256(proof, message, n + BINDING_BYTES, v->token_bytes);
	assert_false(proof_right(proof, v->token_bytes, v->id_bytes, v->binding_bytes));
	memcpy(message + 15, v->id_bytes, ID_BYTES);
	memcpy(message + 15 + ID_BYTES, v->binding_bytes, BINDING_BYTES);
	crypto_auth_hmacsha256(proof, message, 15 + ID_BYTES + BINDING_BYTES, key);
	assert_false(proof_right(proof, v->token_bytes, v->id_bytes, v->binding_bytes));
	crypto_auth_hmacsha256(proof, message, 15 + ID_BYTES + BINDING_BYTES, v->token_bytes);
	assert_true(proof_right(proof, v->token_bytes, v->id_bytes, v->binding_bytes));
}

static void other_lengths_are_no_ids_and_no_proofs(void **state)
{
	const struct vector *v = *state;
	char text[128];
	uint8_t id[ID_BYTES], proof[PROOF_BYTES];

	for (size_t n = 0; n < 100; n++) {
		memset(text, 'A', n);
		text[n] = '\0';
		assert_int_equal(id_parse(text, id), n == 22);
		assert_int_equal(proof_parse(text, proof), n == 43);
	}
	assert_false(id_parse(v->token, id));
	assert_false(proof_parse(v->id, proof));
}

/* Every character at the first, a middle and the last place. */
static void other_characters_are_none(void **state)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				       "0123456789-_";
	const struct vector *v = *state;
	uint8_t id[ID_BYTES];
	char text[64];

	for (int c = 1; c < 256; c++)
		for (size_t at = 0; at < 21; at += 10) {
			snprintf(text, sizeof(text), "%s", v->id);
			text[at] = (char)c;
			assert_int_equal(id_parse(text, id), strchr(alphabet, c) != NULL);
		}
}

/* 22 characters are 132 bits: of the last one only two are part of an id. Else two texts would be
 * one id. */
static void an_id_has_one_text(void **state)
{
	const struct vector *v = *state;
	uint8_t id[ID_BYTES], proof[PROOF_BYTES];
	char text[64];
	int good = 0;

	for (int c = 1; c < 256; c++) {
		snprintf(text, sizeof(text), "%s", v->id);
		text[21] = (char)c;
		good += id_parse(text, id);
	}
	assert_int_equal(good, 4);
	good = 0;
	for (int c = 1; c < 256; c++) {
		snprintf(text, sizeof(text), "%s", v->proof);
		text[42] = (char)c;
		good += proof_parse(text, proof);
	}
	assert_int_equal(good, 16);
}

static void padding_and_spaces_are_refused(void **state)
{
	static const char *const bad[] = {
		"AAECAwQFBgcICQoLDA0ODw==", "AAECAwQFBgcICQoLDA0OD=",  " AAECAwQFBgcICQoLDA0OD",
		"AAECAwQFBgcICQoLDA0OD ",   "AAECAwQFBgc\nCQoLDA0ODw", ""};
	uint8_t id[ID_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(id_parse(bad[i], id));
}

/* The link order has the test's wrapper in front of the library's: the one comparison of a proof is
 * the library's own, which takes constant time. */
static int compared;
int __real_crypto_auth_hmacsha256_verify(const unsigned char *h, const unsigned char *in,
                                         unsigned long long n, const unsigned char *k);
int __wrap_crypto_auth_hmacsha256_verify(const unsigned char *h, const unsigned char *in,
                                         unsigned long long n, const unsigned char *k);
int __wrap_crypto_auth_hmacsha256_verify(const unsigned char *h, const unsigned char *in,
                                         unsigned long long n, const unsigned char *k)
{
	compared++;
	return __real_crypto_auth_hmacsha256_verify(h, in, n, k);
}

static void proofs_are_compared_in_constant_time(void **state)
{
	const struct vector *v = *state;
	uint8_t wrong[PROOF_BYTES] = {0};

	compared = 0;
	proof_right(v->proof_bytes, v->token_bytes, v->id_bytes, v->binding_bytes);
	proof_right(wrong, v->token_bytes, v->id_bytes, NULL);
	assert_int_equal(compared, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_documented_vector_is_right),
		cmocka_unit_test(texts_are_those_of_the_document),
		cmocka_unit_test(with_one_bit_changed_it_is_wrong),
		cmocka_unit_test(a_proof_is_for_its_kind_of_connection),
		cmocka_unit_test(common_mistakes_are_wrong),
		cmocka_unit_test(other_lengths_are_no_ids_and_no_proofs),
		cmocka_unit_test(other_characters_are_none),
		cmocka_unit_test(an_id_has_one_text),
		cmocka_unit_test(padding_and_spaces_are_refused),
		cmocka_unit_test(proofs_are_compared_in_constant_time),
	};

	return cmocka_run_group_tests_name("redirect_proof", tests, setup, teardown);
}
