# make bench: Godwit beside a floor and other servers (tests/bench/README.md). Its programs are
# built for nothing else.
bench_tools = tests/bench/floor$(EXEEXT) tests/bench/load$(EXEEXT)
EXTRA_PROGRAMS += tests/bench/floor tests/bench/load
CLEANFILES += $(bench_tools)

tests_bench_floor_SOURCES = tests/bench/floor.c
tests_bench_load_SOURCES = \
	tests/bench/load.c tests/bench/load.h \
	tests/bench/peer.c tests/bench/traffic.c \
	tests/bench/closed.c tests/bench/open.c tests/bench/register.c tests/bench/idle.c \
	tests/bench/measure.c tests/bench/measure.h \
	tests/bench/sampler.c tests/bench/sampler.h
tests_bench_load_LDADD = $(GNUTLS_LIBS) -lm

.PHONY: bench bench-selftest

bench: all $(bench_tools)
	"$(srcdir)/tests/bench/run" --build .

bench-selftest: $(bench_tools)
	"$(srcdir)/tests/bench/selftest" --build .
