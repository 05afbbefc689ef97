module_LTLIBRARIES += modules/query/query.la
modules_query_query_la_SOURCES = modules/query/query.c
modules_query_query_la_CPPFLAGS = $(MODULE_CPPFLAGS)
modules_query_query_la_CFLAGS = $(MODULE_CFLAGS)
modules_query_query_la_LDFLAGS = $(MODULE_LDFLAGS)
modules_query_query_la_LIBADD =
