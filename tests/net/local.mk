# Tests with real daemons and clients are Python; tests/run-net runs them.
net-check: check-programs
	$(srcdir)/tests/run-all --build . net

# How a module is compiled and linked, for tests that build another version of one (tests/net/variants.py).
module-flags:
	@echo '$(CC)'
	@echo '$(MODULE_CPPFLAGS) $(CPPFLAGS) $(MODULE_CFLAGS) $(GNUTLS_CFLAGS) $(LMDB_CFLAGS) $(SODIUM_CFLAGS) $(CFLAGS)'
	@echo '$(SANITIZER_FLAGS) $(LDFLAGS) -Wl,-z,now $(GNUTLS_LIBS) $(LMDB_LIBS) $(SODIUM_LIBS)'

# The server with another version, which takes the place of the one that runs (tests/net/clients).
check_PROGRAMS += tests/net/godwit-next
tests_net_godwit_next_SOURCES = core/main.c core/server.c
tests_net_godwit_next_CPPFLAGS = $(AM_CPPFLAGS) -include $(srcdir)/tests/net/next.h
tests_net_godwit_next_LDADD = core/libcore.a $(CORE_LIBS)

# Long hunts, for a bounded time; not part of the tests.
soak: all
	GODWIT_BUILD=$(abs_builddir) /usr/bin/python3 $(srcdir)/tests/net/soak_reload.py $(SOAK)

soak-kill: all
	GODWIT_BUILD=$(abs_builddir) /usr/bin/python3 $(srcdir)/tests/net/soak_kill.py $(SOAK)

# SOAK="SECONDS SEED CLIENTS"
soak-chaos: all
	GODWIT_BUILD=$(abs_builddir) /usr/bin/python3 $(srcdir)/tests/net/soak_chaos.py $(SOAK)

# SOAK="ROUNDS ACCOUNTS SEED"
soak-join: all check-programs
	GODWIT_BUILD=$(abs_builddir) /usr/bin/python3 $(srcdir)/tests/net/soak_join.py $(SOAK)

# three servers restarted one after the other under 3,000 clients; ROLLING="--clients N --rate N --rounds N --drain-rate N --json FILE"
rolling: all tests/bench/moves$(EXEEXT)
	GODWIT_BUILD=$(abs_builddir) /usr/bin/python3 $(srcdir)/tests/net/rolling.py $(ROLLING)

# SOAK="SECONDS SEED"
soak-redirect: all
	GODWIT_BUILD=$(abs_builddir) /usr/bin/python3 $(srcdir)/tests/net/soak_redirect.py $(SOAK)

# SOAK="SECONDS SEED"
soak-net: all
	GODWIT_BUILD=$(abs_builddir) /usr/bin/python3 $(srcdir)/tests/net/soak_net.py $(SOAK)

.PHONY: rolling soak-redirect soak-join net-check module-flags soak soak-kill soak-chaos soak-net
