/*
 * tests/unit/visit.h - gw_visit() for rigs that stand in for the core: nobody's time is taken.
 */
#ifndef TESTS_UNIT_VISIT_H
#define TESTS_UNIT_VISIT_H

#include <godwit/module.h>

static inline gw_fn *visit_untimed(struct gw_visit *visit, struct gw_call call)
{
	(void)visit;
	return gw_call_fn(call);
}

static inline void visit_untimed_end(struct gw_visit *visit)
{
	(void)visit;
}

#endif
