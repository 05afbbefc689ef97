# The kit with which module authors test (include/godwit/testkit.h): core, simulation and the public face as
# one object in which only the gwt_ names are left, so that nothing of the core is in an author's way.
SIMULATION_SOURCES = tests/sim/loop_sim.c tests/sim/sim_net.c tests/sim/sim_link.c tests/sim/sim_pipe.c \
	tests/sim/sim_random.c tests/sim/harness.c tests/sim/harness_client.c \
	tests/sim/tree.c tests/sim/sim_mover.c $(MOVER_SOURCES)

noinst_LIBRARIES += testkit/libparts.a
testkit_libparts_a_SOURCES = testkit/net.c testkit/server.c testkit/client.c testkit/account.c testkit/fail.c \
	testkit/kit.h \
	$(SIMULATION_SOURCES)

testkitlibdir = $(libdir)
testkitlib_DATA = testkit/libgodwit-testkit.a
testkit/libgodwit-testkit.a: testkit/libparts.a core/libcore.a
	$(AM_V_GEN)rm -f $@ && $(CC) -r -nostdlib -o testkit/whole.o -Wl,--whole-archive testkit/libparts.a \
		-Wl,--no-whole-archive core/libcore.a && \
		$(OBJCOPY) --localize-hidden testkit/whole.o && $(AR) $(ARFLAGS) $@ testkit/whole.o && $(RANLIB) $@
CLEANFILES += testkit/libgodwit-testkit.a testkit/whole.o

pkgconfig_DATA += godwit-testkit.pc
