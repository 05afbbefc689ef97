# Test programs of tests/sim; tests/local.mk says what a test adds here.

check_LIBRARIES += tests/sim/libsim.a
tests_sim_libsim_a_SOURCES = $(SIMULATION_SOURCES) tests/sim/fail_cmocka.c \
	tests/sim/people.c tests/sim/people_acts.c tests/sim/people_read.c

check_PROGRAMS += tests/sim/simulation
tests_sim_simulation_SOURCES = tests/sim/simulation.c
tests_sim_simulation_LDADD = tests/sim/libsim.a $(TEST_LIBS)

check_PROGRAMS += tests/sim/durable
tests_sim_durable_SOURCES = tests/sim/durable.c
tests_sim_durable_LDADD = tests/sim/libsim.a $(SERVICES_TEST_LIBS) $(TEST_LIBS)

# a hundred seeds of it are part of the check
sim-durable: check-programs
	GODWIT_BUILD=$(abs_builddir) tests/sim/durable 1000

check_PROGRAMS += tests/sim/chaos
tests_sim_chaos_SOURCES = tests/sim/chaos.c
tests_sim_chaos_LDADD = tests/sim/libsim.a $(TEST_LIBS)

# sixty seeds of it are part of the check
sim-chaos: check-programs
	GODWIT_BUILD=$(abs_builddir) tests/sim/chaos 2000

check_PROGRAMS += tests/sim/network
tests_sim_network_SOURCES = tests/sim/network.c
tests_sim_network_LDADD = tests/sim/libsim.a $(TEST_LIBS)

# a hundred seeds of it are part of the check
sim-network: check-programs
	GODWIT_BUILD=$(abs_builddir) tests/sim/network 3000

check_PROGRAMS += tests/sim/hostile
tests_sim_hostile_SOURCES = tests/sim/hostile.c
tests_sim_hostile_LDADD = tests/sim/libsim.a $(TEST_LIBS)

check_PROGRAMS += tests/sim/redirect
tests_sim_redirect_SOURCES = tests/sim/redirect.c
tests_sim_redirect_LDADD = tests/sim/libsim.a $(TEST_LIBS)

# a hundred seeds of it are part of the check
sim-redirect: check-programs
	GODWIT_BUILD=$(abs_builddir) tests/sim/redirect 3000

check_PROGRAMS += tests/sim/hot
tests_sim_hot_SOURCES = tests/sim/hot.c
tests_sim_hot_LDADD = tests/sim/libsim.a $(TEST_LIBS)
tests_sim_hot_LDFLAGS = -Wl,--wrap=module_load

# some seeds of it are part of the check; the address sanitizer keeps something of each image that
# was ever open, so no process has more than fifty
sim-reload: check-programs
	for first in $$(seq 1 50 951); do \
		GODWIT_BUILD=$(abs_builddir) tests/sim/hot 50 $$first || exit 1; \
	done

check_PROGRAMS += tests/sim/redirect_cases
tests_sim_redirect_cases_SOURCES = tests/sim/redirect_cases.c
tests_sim_redirect_cases_LDADD = tests/sim/libsim.a $(TEST_LIBS)

check_PROGRAMS += tests/sim/reparent
tests_sim_reparent_SOURCES = tests/sim/reparent.c
tests_sim_reparent_LDADD = tests/sim/libsim.a $(TEST_LIBS)

# some seeds of it are part of the check
sim-reparent: check-programs
	GODWIT_BUILD=$(abs_builddir) tests/sim/reparent 3000

check_PROGRAMS += tests/sim/kit
tests_sim_kit_SOURCES = tests/sim/kit.c
tests_sim_kit_LDADD = testkit/libgodwit-testkit.a $(CORE_LIBS) $(CMOCKA_LIBS)
