module_LTLIBRARIES += modules/client/client.la
modules_client_client_la_SOURCES = modules/client/client.c
modules_client_client_la_CPPFLAGS = $(MODULE_CPPFLAGS)
modules_client_client_la_CFLAGS = $(MODULE_CFLAGS)
modules_client_client_la_LDFLAGS = $(MODULE_LDFLAGS)
modules_client_client_la_LIBADD =
