module_LTLIBRARIES += modules/network/network.la
NETWORK_SOURCES = \
	modules/network/apply.c modules/network/burst.c modules/network/channels.c \
	modules/network/digest.c modules/network/interest.c modules/network/lives.c \
	modules/network/look.c modules/network/members.c modules/network/messages.c \
	modules/network/metrics.c \
	modules/network/modes.c modules/network/moves.c modules/network/names.c \
	modules/network/network.c \
	modules/network/network.h modules/network/nicks.c modules/network/record.c \
	modules/network/record.h modules/network/relink.c modules/network/rows.c \
	modules/network/servers.c \
	modules/network/slots.c modules/network/submit.c modules/network/users.c \
	modules/network/ways.c
modules_network_network_la_SOURCES = $(NETWORK_SOURCES)
modules_network_network_la_CPPFLAGS = $(MODULE_CPPFLAGS)
modules_network_network_la_CFLAGS = $(MODULE_CFLAGS) $(SODIUM_CFLAGS)
modules_network_network_la_LDFLAGS = $(MODULE_LDFLAGS)
modules_network_network_la_LIBADD = $(SODIUM_LIBS)
