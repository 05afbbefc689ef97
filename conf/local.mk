exampledir = $(docdir)/examples
example_DATA = conf/godwit.yaml conf/minimal.yaml conf/network.yaml conf/godwit.socket

completiondir = $(datadir)/bash-completion/completions
dist_completion_DATA = conf/completion/godwit conf/completion/godwitctl

# The verb `agent` finds it there; in a build tree configure has put a link to it.
pkgdata_DATA = conf/agent.yaml

# Of `godwit new-module`; the same.
newmoduledir = $(pkgdatadir)/new-module
newmodule_DATA = conf/new-module/module.c.in conf/new-module/test.c.in conf/new-module/makefile.in \
	conf/new-module/README.md.in conf/new-module/gitignore.in

userunitdir = $(prefix)/lib/systemd/user
userunit_DATA = conf/godwit-agent.service
systemunitdir = $(prefix)/lib/systemd/system
systemunit_DATA = conf/godwit.service
CLEANFILES += conf/godwit-agent.service conf/godwit.service
conf/godwit-agent.service: $(srcdir)/conf/godwit-agent.service.in Makefile
	$(AM_V_GEN)sed 's|@sbindir[@]|$(sbindir)|' $(srcdir)/conf/godwit-agent.service.in >$@
conf/godwit.service: $(srcdir)/conf/godwit.service.in Makefile
	$(AM_V_GEN)sed 's|@bindir[@]|$(bindir)|; s|@sbindir[@]|$(sbindir)|' $(srcdir)/conf/godwit.service.in >$@
