/* tests/unit/network_broken.h - put before the module's sources, it makes whatever comes last win:
 * a fault that the tests must find. */
#ifndef TESTS_UNIT_NETWORK_BROKEN_H
#define TESTS_UNIT_NETWORK_BROKEN_H

#include <godwit/services.h>

static inline int broken_stamp_cmp(struct gw_stamp a, struct gw_stamp b)
{
	return gw_stamp_cmp(a, b) == 0 ? 0 : 1;
}
#define gw_stamp_cmp broken_stamp_cmp

#endif
