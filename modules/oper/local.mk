module_LTLIBRARIES += modules/oper/oper.la
modules_oper_oper_la_SOURCES = modules/oper/oper.c
modules_oper_oper_la_CPPFLAGS = $(MODULE_CPPFLAGS)
modules_oper_oper_la_CFLAGS = $(MODULE_CFLAGS)
modules_oper_oper_la_LDFLAGS = $(MODULE_LDFLAGS)
modules_oper_oper_la_LIBADD =
