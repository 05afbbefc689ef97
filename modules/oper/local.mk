module_LTLIBRARIES += modules/oper/oper.la
modules_oper_oper_la_SOURCES = modules/oper/acts.c \
	modules/oper/address.c \
	modules/oper/bans.c \
	modules/oper/ctl.c \
	modules/oper/grants.c \
	modules/oper/oper.c \
	modules/oper/private.h \
	modules/oper/request.c \
	modules/oper/roles.c \
	modules/oper/session_show.c \
	modules/oper/sessions.c
modules_oper_oper_la_CPPFLAGS = $(MODULE_CPPFLAGS)
modules_oper_oper_la_CFLAGS = $(MODULE_CFLAGS) $(SODIUM_CFLAGS)
modules_oper_oper_la_LDFLAGS = $(MODULE_LDFLAGS)
modules_oper_oper_la_LIBADD = $(SODIUM_LIBS)
