# make bench: Godwit beside a floor and other servers (tests/bench/README.md). tests/net/test_bench.py
# needs its programs, too.
bench_tools = tests/bench/floor$(EXEEXT) tests/bench/load$(EXEEXT) tests/bench/relay$(EXEEXT) \
	tests/bench/pauses$(EXEEXT)
check_PROGRAMS += tests/bench/floor tests/bench/load tests/bench/relay tests/bench/pauses

tests_bench_floor_SOURCES = tests/bench/floor.c
tests_bench_relay_SOURCES = tests/bench/relay.c
tests_bench_pauses_SOURCES = \
	tests/bench/pauses.c tests/bench/measure.c tests/bench/measure.h
tests_bench_pauses_LDADD = -lm
tests_bench_load_SOURCES = \
	tests/bench/load.c tests/bench/load.h \
	tests/bench/peer.c tests/bench/traffic.c \
	tests/bench/closed.c tests/bench/open.c tests/bench/register.c tests/bench/idle.c \
	tests/bench/measure.c tests/bench/measure.h \
	tests/bench/sampler.c tests/bench/sampler.h
tests_bench_load_LDADD = $(GNUTLS_LIBS) -lm

# does a server answer to one name sooner than to another?
EXTRA_PROGRAMS += tests/bench/handshake_timing
CLEANFILES += tests/bench/handshake_timing$(EXEEXT)
tests_bench_handshake_timing_SOURCES = tests/bench/handshake_timing.c
tests_bench_handshake_timing_LDADD = $(GNUTLS_LIBS)

.PHONY: bench bench-agent bench-handshake bench-reload bench-restart bench-selftest \
	bench-replica bench-survives

bench: all $(bench_tools)
	"$(srcdir)/tests/bench/run" --build .

# the agent beside a bare relay; AGENT="--only ROW,... --repeats N --scale X --json FILE"
bench-agent: all $(bench_tools)
	"$(srcdir)/tests/bench/agent" --build . $(AGENT)

# JOIN="--accounts N --clients N --runs N --keep DIR"
bench-join: all tests/tools/seed_accounts$(EXEEXT)
	"$(srcdir)/tests/bench/join" --build . $(JOIN)

# what a client sees and loses when its server is restarted; RESTART="--people N --only ROW,... --json FILE"
bench-restart: all
	"$(srcdir)/tests/bench/restart" --build . $(RESTART)

# how long the server stands still while a module is replaced; RELOAD="--clients N --rounds N --only ROW,... --first --json FILE"
bench-reload: all $(bench_tools)
	"$(srcdir)/tests/bench/reload" --build . $(RELOAD)

# what is left when modules are reloaded, of Godwit and of InspIRCd
bench-survives: all
	"$(srcdir)/tests/bench/survives" --build .

bench-selftest: $(bench_tools)
	"$(srcdir)/tests/bench/selftest" --build .

bench-handshake: all tests/bench/handshake_timing$(EXEEXT)
	"$(srcdir)/tests/bench/handshake" .

# the services database between two servers; it needs the unit tests' library
if HAVE_CMOCKA
EXTRA_PROGRAMS += tests/bench/replica
CLEANFILES += tests/bench/replica$(EXEEXT)
tests_bench_replica_SOURCES = tests/bench/replica.c
tests_bench_replica_LDADD = $(SERVICES_TEST_LIBS)

bench-replica: tests/bench/replica$(EXEEXT)
	tests/bench/replica$(EXEEXT)
endif

# clients that talk while they are moved from server to server; tests/net needs them, too
check_PROGRAMS += tests/bench/moves
tests_bench_moves_SOURCES = \
	tests/bench/moves.c tests/bench/moves.h \
	tests/bench/moves_ledger.c tests/bench/moves_ledger.h \
	tests/bench/moves_people.c tests/bench/moves_hear.c tests/bench/moves_report.c \
	tests/bench/measure.c tests/bench/measure.h \
	$(CLIENT_SOURCES)
tests_bench_moves_LDADD = $(GNUTLS_LIBS) $(SODIUM_LIBS) -lm
