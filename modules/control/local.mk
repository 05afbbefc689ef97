module_LTLIBRARIES += modules/control/control.la
modules_control_control_la_SOURCES = modules/control/control.c modules/control/wire.c modules/control/control.h
modules_control_control_la_CPPFLAGS = $(MODULE_CPPFLAGS)
modules_control_control_la_CFLAGS = $(MODULE_CFLAGS)
modules_control_control_la_LDFLAGS = $(MODULE_LDFLAGS)
modules_control_control_la_LIBADD =
