module_LTLIBRARIES += modules/fill/fill.la
modules_fill_fill_la_SOURCES = modules/fill/fill.c
modules_fill_fill_la_CPPFLAGS = $(MODULE_CPPFLAGS)
modules_fill_fill_la_CFLAGS = $(MODULE_CFLAGS)
modules_fill_fill_la_LDFLAGS = $(MODULE_LDFLAGS)
modules_fill_fill_la_LIBADD =
