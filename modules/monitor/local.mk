module_LTLIBRARIES += modules/monitor/monitor.la
modules_monitor_monitor_la_SOURCES = modules/monitor/monitor.c
modules_monitor_monitor_la_CPPFLAGS = $(MODULE_CPPFLAGS)
modules_monitor_monitor_la_CFLAGS = $(MODULE_CFLAGS)
modules_monitor_monitor_la_LDFLAGS = $(MODULE_LDFLAGS)
modules_monitor_monitor_la_LIBADD =
