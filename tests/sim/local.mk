# Test programs of tests/sim; tests/local.mk says what a test adds here.

check_LIBRARIES += tests/sim/libsim.a
tests_sim_libsim_a_SOURCES = tests/sim/loop_sim.c tests/sim/sim_net.c tests/sim/sim_pipe.c \
	tests/sim/sim_random.c tests/sim/harness.c tests/sim/harness_client.c

check_PROGRAMS += tests/sim/simulation
tests_sim_simulation_SOURCES = tests/sim/simulation.c
tests_sim_simulation_LDADD = tests/sim/libsim.a $(TEST_LIBS)
