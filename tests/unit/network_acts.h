/*
 * tests/unit/network_acts.h - what users of a server do at random: come, go, join, kick...
 */
#ifndef TESTS_UNIT_NETWORK_ACTS_H
#define TESTS_UNIT_NETWORK_ACTS_H

#include "tests/unit/network_rig.h"

/** One thing, among what can be seen at this moment. */
void act(struct rig *rig, uint64_t *random);

#endif
