module_LTLIBRARIES += modules/network/network.la
modules_network_network_la_SOURCES = modules/network/network.c
modules_network_network_la_CPPFLAGS = $(MODULE_CPPFLAGS)
modules_network_network_la_CFLAGS = $(MODULE_CFLAGS)
modules_network_network_la_LDFLAGS = $(MODULE_LDFLAGS)
modules_network_network_la_LIBADD =
