module_LTLIBRARIES += modules/redirect/redirect.la
modules_redirect_redirect_la_SOURCES = \
	modules/redirect/command.c \
	modules/redirect/door.c \
	modules/redirect/frames.c \
	modules/redirect/freeze.c \
	modules/redirect/heir.c \
	modules/redirect/hold.c modules/redirect/hold.h \
	modules/redirect/kept.c modules/redirect/kept.h \
	modules/redirect/metrics.c \
	modules/redirect/offenders.c \
	modules/redirect/proof.c modules/redirect/proof.h \
	modules/redirect/recipient.c \
	modules/redirect/redirect.c modules/redirect/redirect.h \
	modules/redirect/snapshot.c \
	modules/redirect/source.c
modules_redirect_redirect_la_CPPFLAGS = $(MODULE_CPPFLAGS)
modules_redirect_redirect_la_CFLAGS = $(MODULE_CFLAGS) $(SODIUM_CFLAGS)
modules_redirect_redirect_la_LDFLAGS = $(MODULE_LDFLAGS)
modules_redirect_redirect_la_LIBADD = $(SODIUM_LIBS)
