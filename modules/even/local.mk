module_LTLIBRARIES += modules/even/even.la
modules_even_even_la_SOURCES = modules/even/even.c modules/even/share.c
modules_even_even_la_CPPFLAGS = $(MODULE_CPPFLAGS)
modules_even_even_la_CFLAGS = $(MODULE_CFLAGS)
modules_even_even_la_LDFLAGS = $(MODULE_LDFLAGS)
modules_even_even_la_LIBADD =
