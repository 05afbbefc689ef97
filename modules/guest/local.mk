module_LTLIBRARIES += modules/guest/guest.la
modules_guest_guest_la_SOURCES = modules/guest/guest.c
modules_guest_guest_la_CPPFLAGS = $(MODULE_CPPFLAGS)
modules_guest_guest_la_CFLAGS = $(MODULE_CFLAGS)
modules_guest_guest_la_LDFLAGS = $(MODULE_LDFLAGS)
modules_guest_guest_la_LIBADD =
