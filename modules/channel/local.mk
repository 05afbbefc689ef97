module_LTLIBRARIES += modules/channel/channel.la
modules_channel_channel_la_SOURCES = modules/channel/channel.c
modules_channel_channel_la_CPPFLAGS = $(MODULE_CPPFLAGS)
modules_channel_channel_la_CFLAGS = $(MODULE_CFLAGS)
modules_channel_channel_la_LDFLAGS = $(MODULE_LDFLAGS)
modules_channel_channel_la_LIBADD =
