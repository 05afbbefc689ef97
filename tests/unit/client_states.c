/*
 * The states of a connection: what is permitted, and that nothing else is. Over a connection:
 * tests/module/client_states.c.
 */
#include "modules/client/client.h"
#include "tests/unit/cmocka.h"
#include <errno.h>

#define STATES 3
#define CHANGES 4
#define NO (-1)

static void the_whole_table(void **state)
{
	static const int expected[STATES][CHANGES] = {
		/* started, completed, cancelled, authenticated */
		[GW_CONNECTING] = {GW_REGISTRATION, NO, NO, GW_CONNECTED},
		[GW_REGISTRATION] = {NO, GW_CONNECTING, GW_CONNECTING, NO},
		[GW_CONNECTED] = {NO, NO, NO, NO},
	};

	(void)state;
	for (int from = 0; from < STATES; from++)
		for (int change = 0; change < CHANGES; change++) {
			struct client c = {.pub = {.state = (enum gw_client_state)from}};
			int status = states_change(&c, (enum gw_client_change)change);

			assert_int_equal(status, expected[from][change] == NO ? -EPERM : 0);
			assert_int_equal((int)c.pub.state, expected[from][change] == NO
			                                           ? from
			                                           : expected[from][change]);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_whole_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
