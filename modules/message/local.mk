module_LTLIBRARIES += modules/message/message.la
modules_message_message_la_SOURCES = modules/message/message.c modules/message/send.c modules/message/render.c modules/message/send.h
modules_message_message_la_CPPFLAGS = $(MODULE_CPPFLAGS)
modules_message_message_la_CFLAGS = $(MODULE_CFLAGS)
modules_message_message_la_LDFLAGS = $(MODULE_LDFLAGS)
modules_message_message_la_LIBADD =
