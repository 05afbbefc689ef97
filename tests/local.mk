# Tests are cmocka programs. Each fragment adds lines like these:
#
#	check_PROGRAMS += tests/unit/outq
#	tests_unit_outq_SOURCES = tests/unit/outq.c
#	tests_unit_outq_LDADD = $(TEST_LIBS)
#
# They are compiled with the flags of the core (Makefile.am). tests/run-all runs them with the
# build folder as working directory, GODWIT_BUILD and GODWIT_SRC telling where both trees are.
TEST_LIBS = core/libcore.a $(CORE_LIBS) $(CMOCKA_LIBS)

if HAVE_CMOCKA
include tests/unit/local.mk
include tests/sim/local.mk
include tests/module/local.mk
include tests/fuzz/local.mk

check-local: all
	$(srcdir)/tests/run-all --build . --rules --programs "$(check_PROGRAMS)"
else
check-local:
	@echo "The tests cannot be built without cmocka. Install it, then run configure again:"
	@echo "    apt-get install libcmocka-dev"
	@exit 1
endif

include tests/net/local.mk
include tests/bench/local.mk
