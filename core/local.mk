# The core is a library, so that tests and the simulator link the same objects as the daemon.
noinst_LIBRARIES += core/libcore.a
core_libcore_a_SOURCES =

CORE_LIBS = $(GNUTLS_LIBS) $(SODIUM_LIBS) $(YAML_LIBS) $(EV_LIBS) $(LTDL_LIBS)

sbin_PROGRAMS += godwit
godwit_SOURCES = core/main.c
godwit_LDADD = core/libcore.a $(CORE_LIBS)

bin_PROGRAMS += godwitctl
godwitctl_SOURCES = core/godwitctl.c
