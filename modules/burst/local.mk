module_LTLIBRARIES += modules/burst/burst.la
modules_burst_burst_la_SOURCES = \
	modules/burst/burst.c modules/burst/burst.h \
	modules/burst/join.c \
	modules/burst/joinfile.c \
	modules/burst/live.c \
	modules/burst/open.c \
	modules/burst/peers.c \
	modules/burst/verb.c
modules_burst_burst_la_CPPFLAGS = $(MODULE_CPPFLAGS)
modules_burst_burst_la_CFLAGS = $(MODULE_CFLAGS)
modules_burst_burst_la_LDFLAGS = $(MODULE_LDFLAGS)
modules_burst_burst_la_LIBADD =
