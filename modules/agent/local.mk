module_LTLIBRARIES += modules/agent/agent.la
modules_agent_agent_la_SOURCES = \
	modules/agent/admin.c \
	modules/agent/agent.c modules/agent/agent.h \
	modules/agent/doubt.c \
	modules/agent/gate.c \
	modules/agent/ircline.c modules/agent/ircline.h \
	modules/agent/lines.c modules/agent/lines.h \
	modules/agent/local.c \
	modules/agent/login.c modules/agent/login.h \
	modules/agent/login_file.c \
	modules/agent/lost.c modules/agent/lost.h \
	modules/agent/mover.c modules/agent/mover.h \
	modules/agent/pass.c \
	modules/agent/redirect.c \
	modules/agent/regain.c modules/agent/regain.h \
	modules/agent/request.c modules/agent/request.h \
	modules/agent/restore.c modules/agent/restore.h \
	modules/agent/restore_login.c \
	modules/agent/restore_rooms.c \
	modules/agent/restore_tell.c \
	modules/agent/restore_tell_rooms.c \
	modules/agent/secret.c modules/agent/secret.h \
	modules/agent/session.c \
	modules/agent/tables.h \
	modules/agent/track.c modules/agent/track.h modules/agent/track_part.h \
	modules/agent/track_channel.c \
	modules/agent/track_client.c \
	modules/agent/track_isupport.c \
	modules/agent/track_members.c \
	modules/agent/track_mode.c \
	modules/agent/track_monitor.c \
	modules/agent/track_names.c \
	modules/agent/track_pending.c \
	modules/agent/track_server.c \
	modules/agent/up.c \
	modules/agent/upstreams.c modules/agent/upstreams.h \
	modules/agent/upstreams_file.c \
	modules/agent/upstreams_kept.c modules/agent/upstreams_part.h \
	modules/agent/upstreams_text.c modules/agent/upstreams_text.h \
	modules/agent/upstreams_trust.c \
	modules/agent/verb.c
modules_agent_agent_la_CPPFLAGS = $(MODULE_CPPFLAGS)
modules_agent_agent_la_CFLAGS = $(MODULE_CFLAGS) $(SODIUM_CFLAGS)
modules_agent_agent_la_LDFLAGS = $(MODULE_LDFLAGS)
modules_agent_agent_la_LIBADD = $(SODIUM_LIBS)
