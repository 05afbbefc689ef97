# Tests with real daemons and clients; tests/run-net runs them.
net-check: all
	$(srcdir)/tests/run-all --build . --net
.PHONY: net-check
