/*
 * tests/unit/services_replica.c - the database between servers: rounds, refusals, acknowledgements.
 */
#include "tests/unit/services_net.h"

static void a_write_reaches_the_other_server(void **state)
{
	struct net net;
	struct gw_id made;

	(void)state;
	net_open(&net, 2, false, 0);
	net_link(&net, 0, 1);
	net_settle(&net);
	assert_int_equal(rig_register(&net.nodes[0].rig, "Ann", &made), 0);
	net_settle(&net);
	assert_int_equal(rig_find(&net.nodes[1].rig, GW_NAME_NICK, "ann"), 0);
	net_same(&net, 0, 1, true);
	net_close(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_write_reaches_the_other_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
