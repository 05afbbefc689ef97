module_LTLIBRARIES += modules/client/client.la
modules_client_client_la_SOURCES = \
	modules/client/address.c modules/client/adopt.c modules/client/agenda.c modules/client/announce.c modules/client/basic.c \
	modules/client/cap_command.c modules/client/caps.c modules/client/claims.c modules/client/client.c modules/client/clients.c \
	modules/client/connection.c modules/client/dispatch.c modules/client/divert.c modules/client/enter.c modules/client/events.c \
	modules/client/flood.c modules/client/greeting.c modules/client/holds.c modules/client/host.c modules/client/isupport.c \
	modules/client/label.c modules/client/message.c modules/client/metrics.c modules/client/nick.c modules/client/ops.c \
	modules/client/render.c modules/client/renderers.c \
	modules/client/reply.c modules/client/settings.c modules/client/settled.c modules/client/shadow.c modules/client/show.c \
	modules/client/states.c modules/client/tap.c modules/client/timeouts.c modules/client/together.c modules/client/welcome.c \
	modules/client/client.h modules/client/message.h
modules_client_client_la_CPPFLAGS = $(MODULE_CPPFLAGS)
modules_client_client_la_CFLAGS = $(MODULE_CFLAGS)
modules_client_client_la_LDFLAGS = $(MODULE_LDFLAGS)
modules_client_client_la_LIBADD =
