exampledir = $(docdir)/examples
example_DATA = conf/godwit.yaml conf/minimal.yaml conf/network.yaml

# The verb `agent` finds it there; in a build tree configure has put a link to it.
pkgdata_DATA = conf/agent.yaml

userunitdir = $(prefix)/lib/systemd/user
userunit_DATA = conf/godwit-agent.service
CLEANFILES += conf/godwit-agent.service
conf/godwit-agent.service: $(srcdir)/conf/godwit-agent.service.in Makefile
	$(AM_V_GEN)sed 's|@sbindir[@]|$(sbindir)|' $(srcdir)/conf/godwit-agent.service.in >$@
