# The core is a library, so that tests and the simulator link the same objects as the daemon.
noinst_LIBRARIES += core/libcore.a
core_libcore_a_SOURCES = \
	core/admin.c core/admin_log.c core/admin_mend.c core/bus.c core/change.c core/config.c core/core_admin.c core/file.c core/given.c core/home.c \
	core/image.c core/lineup.c core/log.c core/mem.c core/metrics.c core/module.c core/new_module.c core/option.c core/option_show.c core/path.c core/plan.c \
	core/plan_apply.c core/registry.c core/rehash.c core/reload.c core/rights.c core/rights_hint.c core/server.c core/server_name.c \
	core/settings.c core/shipped.c core/signals.c core/state_dir.c core/text.c core/text_address.c core/verb.c \
	core/verb_config.c core/times.c core/times_show.c core/module_info.c core/suggest.c
core_libcore_a_SOURCES += \
	core/conn.c core/conn_accept.c core/conn_api.c core/conn_close.c core/conn_dial.c \
	core/conn_input.c core/conn_output.c core/conns.c core/framing.c core/listen_change.c \
	core/listen_hold.c core/listener.c core/loop.c core/loop_address.c core/loop_api.c \
	core/loop_ev.c core/loop_passed.c core/notify.c core/outq.c core/pool.c core/sink.c core/tls_cred.c core/tls_dial.c core/tls_facts.c \
	core/tls_link.c core/tls_pair.c core/transport_plain.c core/transport_tls.c

CORE_LIBS = $(GNUTLS_LIBS) $(SODIUM_LIBS) $(YAML_LIBS) $(EV_LIBS) $(LTDL_LIBS)

sbin_PROGRAMS += godwit
godwit_SOURCES = core/main.c
godwit_LDADD = core/libcore.a $(CORE_LIBS)

bin_PROGRAMS += godwitctl
godwitctl_SOURCES = core/godwitctl.c core/ctl_show.c core/home.c
