module_LTLIBRARIES += modules/balance/balance.la
modules_balance_balance_la_SOURCES = \
	modules/balance/admin.c modules/balance/ask.c modules/balance/balance.c \
	modules/balance/drain.c modules/balance/drain_admin.c modules/balance/drain_end.c \
	modules/balance/drain_links.c \
	modules/balance/heard.c modules/balance/load.c modules/balance/moves.c \
	modules/balance/pick.c modules/balance/plan.c modules/balance/view.c
modules_balance_balance_la_CPPFLAGS = $(MODULE_CPPFLAGS)
modules_balance_balance_la_CFLAGS = $(MODULE_CFLAGS)
modules_balance_balance_la_LDFLAGS = $(MODULE_LDFLAGS)
modules_balance_balance_la_LIBADD =
