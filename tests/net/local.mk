# Tests with real daemons and clients are Python; tests/run-net runs them.
net-check: check-programs
	$(srcdir)/tests/run-all --build . net
.PHONY: net-check
