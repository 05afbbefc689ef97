# Test programs of tests/sim; tests/local.mk says what a test adds here.

check_LIBRARIES += tests/sim/libsim.a
tests_sim_libsim_a_SOURCES = tests/sim/loop_sim.c tests/sim/sim_net.c tests/sim/sim_pipe.c
