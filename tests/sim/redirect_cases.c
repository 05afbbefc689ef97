/*
 * tests/sim/redirect_cases.c - what becomes of a move when this or that goes wrong, case by case.
 */
#include "tests/sim/sim_mover.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct stage {
	struct simtree *t;
	struct simmover *ann; /* on node 0, to be moved */
	struct simclient *bob;
};

static void good(void **state)
{
	struct simtree *t = simtree_new(1, "", SIMTREE_REDIRECT_MODULES);
	struct simmover *ann;
	(void)state;
	simtree_join(t, 0);
	assert_true(simtree_level(t, 60 * GW_SECOND));
	ann = simmover_new(t, 0, "ann", "godwit/redirect", false);
	assert_non_null(ann);
	int status;
	const char *said = simserver_admin(t->nodes[0].server, &status, "moves begin ann s1.example.net");
	fprintf(stderr, "%d %s\n", status, said);
	simnet_run(t->net, 3*GW_SECOND);
	fprintf(stderr, "%s\n%s\n%s\n", simmover_talk(ann), simserver_log(t->nodes[0].server), simserver_log(t->nodes[1].server));
	simmover_free(&ann);
	simtree_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(good)};
	return cmocka_run_group_tests_name("sim/redirect_cases", tests, NULL, NULL);
}
