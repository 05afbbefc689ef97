# Tests are cmocka programs. Each fragment adds lines like these:
#
#	check_PROGRAMS += tests/unit/outq
#	tests_unit_outq_SOURCES = tests/unit/outq.c
#	tests_unit_outq_LDADD = $(TEST_LIBS)
#
# They are compiled with the flags of the core (Makefile.am), so they include "core/outq.h".
# tests/run-all says how they are run.
TEST_LIBS = core/libcore.a $(CORE_LIBS) $(CMOCKA_LIBS)

include tests/client/local.mk

if HAVE_CMOCKA
include tests/unit/local.mk
include tests/sim/local.mk
include tests/module/local.mk
include tests/fuzz/local.mk
include tests/tools/local.mk

check-programs: all-am $(check_LIBRARIES) $(check_LTLIBRARIES) $(check_PROGRAMS)
	@printf '%s\n' $(check_PROGRAMS) >tests/programs

# The tests that need no further tools; ./bootstrap check runs all.
check-local: check-programs
	$(srcdir)/tests/run-all --build . unit module sim fuzz rules
else
check-programs check-local:
	@echo "The tests cannot be built without cmocka. Install it, then run configure again:"
	@echo "    apt-get install libcmocka-dev"
	@exit 1
endif

include tests/net/local.mk
include tests/bench/local.mk
include tests/models/local.mk

CLEANFILES += tests/programs
.PHONY: check-programs
