/*
 * What the account module reads: chunks of SASL, PLAIN's message, mail addresses, passwords, stored
 * verifiers.
 */
#include "modules/account/chunks.h"
#include "modules/account/cred.h"
#include "modules/account/mailaddr.h"
#include "modules/account/plain.h"
#include "tests/unit/cmocka.h"
#include <errno.h>
#include <godwit/parts.h>

struct joined {
	struct chunks chunks;
	char text[RESPONSE_MAX + 1];
	char piece[CHUNK_SIZE + 2];
};

static void begin(struct joined *j)
{
	memset(j, 0, sizeof(*j));
	j->chunks.text = j->text;
}

/* A piece of `n` letters: the verdict; it is added unless refused. */
static int piece(struct joined *j, size_t n)
{
	int verdict;

	memset(j->piece, 'A', n);
	j->piece[n] = '\0';
	verdict = chunk_judge(&j->chunks, j->piece);
	if (verdict >= 0)
		chunk_add(&j->chunks, j->piece);
	return verdict;
}

static void a_short_piece_is_the_last_one(void **state)
{
	uint8_t out[RESPONSE_MAX];
	struct joined j;
	size_t n;

	(void)state;
	begin(&j);
	assert_int_equal(piece(&j, 400), CHUNK_MORE);
	assert_int_equal(piece(&j, 4), CHUNK_LAST);
	assert_int_equal(chunks_decode(&j.chunks, out, &n), 0);
	assert_int_equal(n, 303);
}

static void an_exact_multiple_is_ended_by_a_plus(void **state)
{
	uint8_t out[RESPONSE_MAX];
	struct joined j;
	size_t n;

	(void)state;
	begin(&j);
	assert_int_equal(piece(&j, 400), CHUNK_MORE);
	assert_int_equal(piece(&j, 400), CHUNK_MORE);
	assert_int_equal(chunk_judge(&j.chunks, "+"), CHUNK_LAST);
	chunk_add(&j.chunks, "+");
	assert_int_equal(chunks_decode(&j.chunks, out, &n), 0);
	assert_int_equal(n, 600);
}

static void pieces_and_their_sum_are_bounded(void **state)
{
	struct joined j;

	(void)state;
	begin(&j);
	assert_int_equal(piece(&j, 401), -EMSGSIZE);
	for (int i = 0; i < RESPONSE_MAX / CHUNK_SIZE; i++)
		assert_int_equal(piece(&j, 400), CHUNK_MORE);
	assert_int_equal(piece(&j, 400), -EMSGSIZE);
	assert_int_equal(piece(&j, RESPONSE_MAX % CHUNK_SIZE + 1), -EMSGSIZE);
	assert_int_equal(piece(&j, RESPONSE_MAX % CHUNK_SIZE), CHUNK_LAST);
	assert_true(strlen(j.text) == RESPONSE_MAX);
}

static void only_strict_base64_is_decoded(void **state)
{
	static const char *const bad[] = {"A",    "AA",    "AAA",   "A===",     "=AAA",
	                                  "AA=A", "AA AA", "AAAA=", "AAAB-_==", "\xc3\xa9"};
	uint8_t out[RESPONSE_MAX];
	struct joined j;
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		begin(&j);
		chunk_add(&j.chunks, bad[i]);
		if (chunks_decode(&j.chunks, out, &n) != -EBADMSG)
			fail_msg("\"%s\" was taken", bad[i]);
	}
	begin(&j);
	assert_int_equal(chunks_decode(&j.chunks, out, &n), 0);
	assert_int_equal(n, 0);
}

static int plain(const char *bytes, size_t n, struct plain *out)
{
	return plain_parse((const uint8_t *)bytes, n, 8, out);
}

static void plain_has_three_fields(void **state)
{
	struct plain p;

	(void)state;
	assert_int_equal(plain("\0ann\0secret", 11, &p), 0);
	assert_string_equal(p.authzid, "");
	assert_string_equal(p.authcid, "ann");
	assert_string_equal(p.password, "secret");
	assert_int_equal(plain("bob\0ann\0secret", 14, &p), 0);
	assert_string_equal(p.authzid, "bob");
}

static void other_than_three_fields_are_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
	} bad[] = {
		{"", 0},
		{"ann", 3},
		{"\0", 1},
		{"\0\0", 2},
		{"\0ann", 4},
		{"\0ann\0", 5},
		{"\0\0secret", 8},
		{"a\0b\0c\0d", 7},
		{"\0a\0b\0", 5},
		{"\0ninechars\0x", 12},
		{"ninechars\0a\0x", 13},
	};
	struct plain p;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (plain(bad[i].bytes, bad[i].n, &p) != -EBADMSG)
			fail_msg("case %zu was taken", i);
}

static void mail_addresses_are_told_from_what_is_none(void **state)
{
	static const char *const good[] = {"a@b.c", "ann.lee+irc@mail.example.org",
	                                   "o'hara_1@x-y.example", "a@1.2"};
	static const char *const bad[] = {
		"",
		"a",
		"@b.c",
		"a@",
		"a@b",
		"a@.c",
		"a@b.",
		"a@b..c",
		".a@b.c",
		"a.@b.c",
		"a..b@c.d",
		"-a@b.c",
		"a@-b.c",
		"a@b-.c",
		"a b@c.d",
		"a@b c.d",
		"a@b.c\n",
		"a@b.c\rBcc:",
		"a@@b.c",
		"a@b@c.d",
		"a,b@c.d",
		"<a@b.c>",
		"\"a\"@b.c",
		"a@[1.2.3.4]",
		"a@b.c,d@e.f",
		"a@b_c.d",
		"\xc3\xa9@b.c",
		"a@b.c;d",
		"a:b@c.d",
		"a(b)@c.d",
		"a\\b@c.d",
		"a@b.c ",
		" a@b.c",
		"a@b.c\t",
	};
	char longest[400];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!mailaddr_valid(good[i]))
			fail_msg("%s was refused", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (mailaddr_valid(bad[i]))
			fail_msg("\"%s\" was taken", bad[i]);
	memset(longest, 'a', sizeof(longest));
	longest[64] = '@';
	memcpy(longest + 66, ".c", 3);
	assert_true(mailaddr_valid(longest));
	memset(longest, 'a', sizeof(longest));
	longest[65] = '@';
	memcpy(longest + 67, ".c", 3);
	assert_false(mailaddr_valid(longest));
	longest[0] = 'a';
	longest[1] = '@';
	for (size_t i = 2; i < 256; i++)
		longest[i] = i % 2 == 0 ? 'b' : '.';
	longest[255] = '\0';
	longest[254] = 'b';
	assert_false(mailaddr_valid(longest));
	longest[253] = '\0';
	assert_true(mailaddr_valid(longest));
}

static void made(enum cred_kind kind, struct cred_job *job)
{
	memset(job, 0, sizeof(*job));
	job->cred.kind = kind;
	job->cred.iterations = 4096;
	job->cred.operations = 1;
	job->cred.memory = 8192;
	memset(job->cred.salt, 7, CRED_SALT);
	job->n = 6;
	memcpy(job->password, "secret", 6);
	cred_run(job);
	assert_true(job->done);
}

static bool opens(const struct cred *cred, const char *password)
{
	struct cred_job job = {.check = true, .cred = *cred, .n = strlen(password)};

	memcpy(job.password, password, job.n);
	cred_run(&job);
	assert_int_equal(job.password[0], 0); /* wiped */
	return job.done;
}

static void a_verifier_survives_storing_and_opens_for_its_password_only(void **state)
{
	uint8_t room[CRED_BYTES];
	struct cred_job job;
	struct cred read;

	(void)state;
	for (enum cred_kind kind = CRED_SCRAM; kind <= CRED_ARGON2ID; kind++) {
		made(kind, &job);
		assert_true(cred_decode(cred_encode(&job.cred, room), &read));
		assert_int_equal(read.kind, kind);
		assert_true(opens(&read, "secret"));
		assert_false(opens(&read, "Secret"));
		assert_false(opens(&read, "secre"));
		assert_false(opens(&read, "secret "));
	}
}

static void what_is_no_verifier_is_not_read(void **state)
{
	uint8_t room[CRED_BYTES], other[CRED_BYTES];
	struct gw_blob whole;
	struct cred_job job;
	struct cred read;

	(void)state;
	made(CRED_SCRAM, &job);
	whole = cred_encode(&job.cred, room);
	for (size_t n = 0; n < whole.n; n++)
		assert_false(cred_decode((struct gw_blob){room, n}, &read));
	memcpy(other, room, whole.n);
	other[2] = 'X';
	assert_false(cred_decode((struct gw_blob){other, whole.n}, &read));
	job.cred.iterations = 0;
	assert_false(cred_decode(cred_encode(&job.cred, room), &read));
	made(CRED_ARGON2ID, &job);
	job.cred.memory = (uint64_t)1 << 40;
	assert_false(cred_decode(cred_encode(&job.cred, room), &read));
	job.cred.memory = 8192;
	job.cred.operations = 1000000;
	assert_false(cred_decode(cred_encode(&job.cred, room), &read));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_short_piece_is_the_last_one),
		cmocka_unit_test(an_exact_multiple_is_ended_by_a_plus),
		cmocka_unit_test(pieces_and_their_sum_are_bounded),
		cmocka_unit_test(only_strict_base64_is_decoded),
		cmocka_unit_test(plain_has_three_fields),
		cmocka_unit_test(other_than_three_fields_are_refused),
		cmocka_unit_test(mail_addresses_are_told_from_what_is_none),
		cmocka_unit_test(a_verifier_survives_storing_and_opens_for_its_password_only),
		cmocka_unit_test(what_is_no_verifier_is_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
