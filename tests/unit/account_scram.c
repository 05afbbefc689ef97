/*
 * SCRAM-SHA-256: the example of RFC 7677, and every message that is not one.
 */
#include "modules/account/scram.h"
#include "tests/unit/cmocka.h"
#include <errno.h>
#include <sodium.h>

#define FIRST "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
#define NONCE "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define FINAL "c=biws,r=" NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="

static int first(struct scram *s, const char *text, const char **why)
{
	return scram_first(s, (const uint8_t *)text, strlen(text), why);
}

static int final(struct scram *s, const char *text, char *signature, const char **why)
{
	return scram_final(s, (const uint8_t *)text, strlen(text), signature, why);
}

/* The verifier of "pencil" with the salt of the RFC. */
static void pencil(struct cred *cred)
{
	size_t n;

	memset(cred, 0, sizeof(*cred));
	cred->kind = CRED_SCRAM;
	cred->iterations = 4096;
	sodium_base642bin(cred->salt, sizeof(cred->salt), "W22ZaJ0SNY7soEsUEjb6gQ==", 24, NULL, &n,
	                  NULL, sodium_base64_VARIANT_ORIGINAL);
	assert_int_equal(n, CRED_SALT);
	assert_true(cred_scram_keys("pencil", 6, cred));
}

static void challenged(struct scram *s)
{
	const char *why;
	struct cred cred;

	pencil(&cred);
	assert_int_equal(first(s, FIRST, &why), 0);
	scram_challenge(s, &cred, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
}

static void the_example_of_rfc_7677_succeeds(void **state)
{
	char signature[SCRAM_SIGNATURE_MAX];
	const char *why;
	struct scram s;

	(void)state;
	challenged(&s);
	assert_string_equal(s.name, "user");
	assert_string_equal(s.challenge, "r=" NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
	assert_int_equal(final(&s, FINAL, signature, &why), 0);
	assert_string_equal(signature, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

static void names_are_unescaped(void **state)
{
	const char *why;
	struct scram s;

	(void)state;
	assert_int_equal(first(&s, "n,,n=a=2Cb=3Dc,r=x", &why), 0);
	assert_string_equal(s.name, "a,b=c");
	assert_int_equal(first(&s, "y,a=User,n=user,r=x", &why), 0);
	assert_int_equal(first(&s, "n,,n=user,r=x,t=unknown", &why), 0);
}

static void malformed_first_messages_are_refused_with_their_reason(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{"", "invalid-encoding"},
		{"n", "invalid-encoding"},
		{"n,", "invalid-encoding"},
		{"n,,", "invalid-encoding"},
		{"x,,n=user,r=x", "invalid-encoding"},
		{"nn,,n=user,r=x", "invalid-encoding"},
		{"n,,r=x", "invalid-encoding"},
		{"n,,n=user", "invalid-encoding"},
		{"n,,n=user,", "invalid-encoding"},
		{"n,,n=user,r=", "invalid-encoding"},
		{"n,,n=user,r=a b", "invalid-encoding"},
		{"n,,n=user,r=\xc3\xa9", "invalid-encoding"},
		{"n,,n=user,r=x,", "invalid-encoding"},
		{"n,,n=user,r=x,nonsense", "invalid-encoding"},
		{"n,,n=,r=x", "invalid-username-encoding"},
		{"n,,n=a=2,r=x", "invalid-username-encoding"},
		{"n,,n=a=2c,r=x", "invalid-username-encoding"},
		{"n,,n=a=,r=x", "invalid-username-encoding"},
		{"n,b=user,n=user,r=x", "invalid-username-encoding"},
		{"n,a=,n=user,r=x", "invalid-username-encoding"},
		{"n,a=other,n=user,r=x", "other-error"},
		{"p=tls-unique,,n=user,r=x", "channel-binding-not-supported"},
		{"p,,n=user,r=x", "channel-binding-not-supported"},
		{"n,,m=must,n=user,r=x", "extensions-not-supported"},
	};
	const char *why;
	struct scram s;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		why = "";
		if (first(&s, cases[i].text, &why) != -EINVAL || strcmp(why, cases[i].why) != 0)
			fail_msg("\"%s\" gave \"%s\", not \"%s\"", cases[i].text, why,
			         cases[i].why);
	}
}

static void bounds_of_the_first_message_hold(void **state)
{
	char text[SCRAM_FIRST_MAX + 64] = "n,,n=user,r=";
	const char *why;
	struct scram s;
	size_t n = strlen(text);

	(void)state;
	memset(text + n, 'x', SCRAM_NONCE_MAX);
	assert_int_equal(scram_first(&s, (const uint8_t *)text, n + SCRAM_NONCE_MAX, &why), 0);
	memset(text + n, 'x', SCRAM_NONCE_MAX + 1);
	assert_int_equal(scram_first(&s, (const uint8_t *)text, n + SCRAM_NONCE_MAX + 1, &why),
	                 -EINVAL);
	memset(text + n, 'x', SCRAM_FIRST_MAX + 1 - n);
	assert_int_equal(scram_first(&s, (const uint8_t *)text, SCRAM_FIRST_MAX + 1, &why),
	                 -EINVAL);
	assert_int_equal(scram_first(&s, (const uint8_t *)"n,,n=us\0er,r=x", 14, &why), -EINVAL);
	memset(text, 'y', sizeof(text));
	memcpy(text, "n,,n=", 5);
	memcpy(text + 5 + SCRAM_NAME_MAX + 1, ",r=x", 4);
	assert_int_equal(scram_first(&s, (const uint8_t *)text, 5 + SCRAM_NAME_MAX + 1 + 4, &why),
	                 -EINVAL);
	assert_string_equal(why, "invalid-username-encoding");
}

static void malformed_final_messages_are_refused_with_their_reason(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{"", "invalid-encoding"},
		{"c=biws", "invalid-encoding"},
		{"c=biws,r=" NONCE, "invalid-encoding"},
		{"r=" NONCE ",c=biws,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
	         "invalid-encoding"},
		{"c=!!!!,r=" NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
	         "invalid-encoding"},
		{"c=eSws,r=" NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
	         "channel-bindings-dont-match"},
		{"c=,r=" NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
	         "channel-bindings-dont-match"},
		{"c=biws,r=rOprNGfwEbeRWgbNEkqO,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
	         "other-error"},
		{"c=biws,r=,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", "other-error"},
		{"c=biws,r=" NONCE ",p=", "invalid-encoding"},
		{"c=biws,r=" NONCE ",p=AAAA", "invalid-encoding"},
		{"c=biws,r=" NONCE ",p=not base64", "invalid-encoding"},
		{"c=biws,r=" NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ",
	         "invalid-encoding"},
		{FINAL ",x=behind", "invalid-encoding"},
		{FINAL ",", "invalid-encoding"},
		{"c=biws,r=" NONCE ",p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
	         "invalid-proof"},
		/* an extension is part of what is signed */
		{"c=biws,r=" NONCE ",x=y,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
	         "invalid-proof"},
	};
	char signature[SCRAM_SIGNATURE_MAX];
	const char *why;
	struct scram s;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		challenged(&s);
		why = "";
		if (final(&s, cases[i].text, signature, &why) == 0 ||
		    strcmp(why, cases[i].why) != 0)
			fail_msg("\"%s\" gave \"%s\", not \"%s\"", cases[i].text, why,
			         cases[i].why);
	}
}

static void a_wrong_password_is_told_from_a_malformed_message(void **state)
{
	char signature[SCRAM_SIGNATURE_MAX];
	const char *why;
	struct scram s;

	(void)state;
	challenged(&s);
	s.cred.stored[0] ^= 1;
	assert_int_equal(final(&s, FINAL, signature, &why), -EACCES);
	assert_string_equal(why, "invalid-proof");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_rfc_7677_succeeds),
		cmocka_unit_test(names_are_unescaped),
		cmocka_unit_test(malformed_first_messages_are_refused_with_their_reason),
		cmocka_unit_test(bounds_of_the_first_message_hold),
		cmocka_unit_test(malformed_final_messages_are_refused_with_their_reason),
		cmocka_unit_test(a_wrong_password_is_told_from_a_malformed_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
