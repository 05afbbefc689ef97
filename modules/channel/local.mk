module_LTLIBRARIES += modules/channel/channel.la
modules_channel_channel_la_SOURCES = modules/channel/admin.c modules/channel/admin_record.c \
	modules/channel/changed.c modules/channel/channel.c \
	modules/channel/chanserv.c \
	modules/channel/invite.c \
	modules/channel/invited.c \
	modules/channel/join.c \
	modules/channel/kick.c \
	modules/channel/list.c \
	modules/channel/manage.c \
	modules/channel/mode.c \
	modules/channel/modes.c \
	modules/channel/names.c \
	modules/channel/part.c \
	modules/channel/private.h \
	modules/channel/registered.c \
	modules/channel/render.c \
	modules/channel/rules.c \
	modules/channel/save.c \
	modules/channel/topic.c \
	modules/channel/usermode.c
modules_channel_channel_la_CPPFLAGS = $(MODULE_CPPFLAGS)
modules_channel_channel_la_CFLAGS = $(MODULE_CFLAGS) $(GNUTLS_CFLAGS)
modules_channel_channel_la_LDFLAGS = $(MODULE_LDFLAGS)
modules_channel_channel_la_LIBADD = $(GNUTLS_LIBS)
