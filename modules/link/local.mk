module_LTLIBRARIES += modules/link/link.la
LINK_SOURCES = \
	modules/link/address.c modules/link/admin_link.c modules/link/admin_server.c \
	modules/link/attempt.c modules/link/control.c modules/link/flow.c modules/link/frames.c \
	modules/link/handshake.c modules/link/handshakes.c modules/link/interface.c \
	modules/link/key.c modules/link/leave.c \
	modules/link/keyfile.c modules/link/limits.c modules/link/link.c modules/link/links.c \
	modules/link/map.c modules/link/metrics.c modules/link/own.c modules/link/reauth.c \
	modules/link/requests.c modules/link/route.c modules/link/seal.c modules/link/servers.c \
	modules/link/turn.c modules/link/uplinks.c modules/link/verbs.c
modules_link_link_la_SOURCES = $(LINK_SOURCES)
modules_link_link_la_CPPFLAGS = $(MODULE_CPPFLAGS)
modules_link_link_la_CFLAGS = $(MODULE_CFLAGS) $(SODIUM_CFLAGS)
modules_link_link_la_LDFLAGS = $(MODULE_LDFLAGS)
modules_link_link_la_LIBADD = $(SODIUM_LIBS)
