/*
 * tests/sim/fail_cmocka.c - a failure in the simulation is one of the cmocka test that runs.
 */
#include "tests/sim/harness_part.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

void sim_fail(struct simnet *net, const char *report, const char *file, int line)
{
	(void)net;
	fputs(report, stderr);
	_fail(file, line);
	abort();
}

void sim_broken(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: %s\n", file, line, what);
	abort();
}
