module_LTLIBRARIES += modules/query/query.la
modules_query_query_la_SOURCES = modules/query/help.c \
	modules/query/motd.c \
	modules/query/people.c \
	modules/query/private.h \
	modules/query/query.c \
	modules/query/server.c \
	modules/query/servers.c \
	modules/query/who.c \
	modules/query/whois.c \
	modules/query/whowas.c
modules_query_query_la_CPPFLAGS = $(MODULE_CPPFLAGS)
modules_query_query_la_CFLAGS = $(MODULE_CFLAGS)
modules_query_query_la_LDFLAGS = $(MODULE_LDFLAGS)
modules_query_query_la_LIBADD =
