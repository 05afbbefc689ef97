/*
 * The load generator's judge (tests/bench/moves_ledger.c): each kind of fault is told, and told as
 * what it is.
 */
#include "tests/bench/moves_ledger.h"
#include "tests/unit/cmocka.h"

enum { NUMBERS_MAX = 200 };

/* What arrives of a stream of `sent`, and what must be said of it. */
struct trial {
	const char *name;
	uint32_t numbers[NUMBERS_MAX], sent;
	bool end_excused;
	struct ledger_counts expected;
};

static const struct trial trials[] = {
	{"all is well", {1, 2, 3, 4}, 4, false, {.delivered = 4}},
	{"nothing was said", {0}, 0, false, {0}},
	{"the first is lost", {2, 3}, 3, false, {.delivered = 2, .lost = 1}},
	{"one in the middle is lost", {1, 3}, 3, false, {.delivered = 2, .lost = 1}},
	{"many are lost", {1, 100}, 100, false, {.delivered = 2, .lost = 98}},
	{"the last is lost", {1, 2}, 3, false, {.delivered = 2, .lost = 1}},
	{"all are lost", {0}, 3, false, {.lost = 3}},
	{"the last is excused", {1, 2}, 3, true, {.delivered = 2}},
	{"one in the middle is not", {1, 3}, 4, true, {.delivered = 2, .lost = 1}},
	{"one is doubled", {1, 2, 2, 3}, 3, false, {.delivered = 4, .doubled = 1}},
	{"one is doubled late", {1, 2, 3, 1}, 3, false, {.delivered = 4, .doubled = 1}},
	{"two are swapped", {1, 3, 2, 4}, 4, false, {.delivered = 4, .disordered = 1}},
	{"swapped, and doubled",
         {1, 3, 2, 2},
         3,
         false,
         {.delivered = 4, .disordered = 1, .doubled = 1}},
	{"too old to know", {1, 100, 2}, 100, false, {.delivered = 3, .lost = 98, .doubled = 1}},
	{"nobody has said that", {1, 2}, 1, false, {.delivered = 1, .foreign = 1}},
};

static void each_fault_is_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof trials / sizeof trials[0]; i++) {
		const struct trial *trial = &trials[i];
		struct ledger_counts counts = {0};
		struct ledger_stream stream = {0};

		for (size_t n = 0; trial->numbers[n] != 0; n++)
			ledger_got(&counts, &stream, trial->numbers[n], trial->sent);
		ledger_end(&counts, &stream, trial->sent, trial->end_excused);
		if (memcmp(&counts, &trial->expected, sizeof counts) != 0)
			fail_msg("%s: %d delivered, %d lost, %d doubled, %d disordered, %d foreign",
			         trial->name, (int)counts.delivered, (int)counts.lost,
			         (int)counts.doubled, (int)counts.disordered, (int)counts.foreign);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_fault_is_told)};

	return cmocka_run_group_tests_name("moves_ledger", tests, NULL, NULL);
}
