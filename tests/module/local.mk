# Test programs of tests/module; tests/local.mk says what a test adds here.
check_LTLIBRARIES =

# Modules for tests, each in a folder of its own: tests/modules/VARIANT/.libs/NAME.so. With -rpath
# libtool makes them shared; nothing is installed.
TEST_MODULE_CPPFLAGS = $(MODULE_CPPFLAGS) -I$(top_srcdir)/tests/modules
TEST_MODULE_LDFLAGS = -module -avoid-version -shared -rpath /nowhere \
	-export-symbols-regex '_LTX_gw_module$$' $(SANITIZER_FLAGS)

check_LTLIBRARIES += tests/modules/v1/toy.la
tests_modules_v1_toy_la_SOURCES = tests/modules/toy.c tests/modules/toy.h
tests_modules_v1_toy_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS)
tests_modules_v1_toy_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_v1_toy_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

# the same with other code
check_LTLIBRARIES += tests/modules/v2/toy.la
tests_modules_v2_toy_la_SOURCES = tests/modules/toy.c tests/modules/toy.h
tests_modules_v2_toy_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DBUILD=2
tests_modules_v2_toy_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_v2_toy_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

# another layout of the state, migrated from the first
check_LTLIBRARIES += tests/modules/grown/toy.la
tests_modules_grown_toy_la_SOURCES = tests/modules/toy.c tests/modules/toy.h
tests_modules_grown_toy_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DBUILD=3 -DSTATE_VERSION=2 -DLARGER
tests_modules_grown_toy_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_grown_toy_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/modules/refusing/toy.la
tests_modules_refusing_toy_la_SOURCES = tests/modules/toy.c tests/modules/toy.h
tests_modules_refusing_toy_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DBUILD=4 -DSTATE_VERSION=3 -DLARGER -DREFUSING
tests_modules_refusing_toy_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_refusing_toy_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

# the state changed without a new version
check_LTLIBRARIES += tests/modules/resized/toy.la
tests_modules_resized_toy_la_SOURCES = tests/modules/toy.c tests/modules/toy.h
tests_modules_resized_toy_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DBUILD=5 -DLARGER
tests_modules_resized_toy_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_resized_toy_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/modules/newer/toy.la
tests_modules_newer_toy_la_SOURCES = tests/modules/toy.c tests/modules/toy.h
tests_modules_newer_toy_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DTOY_ABI=GW_ABI+1
tests_modules_newer_toy_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_newer_toy_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/modules/alien/toy.la
tests_modules_alien_toy_la_SOURCES = tests/modules/toy.c tests/modules/toy.h
tests_modules_alien_toy_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DTOY_ABI=GW_ABI+0x10000
tests_modules_alien_toy_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_alien_toy_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/modules/ancient/toy.la
tests_modules_ancient_toy_la_SOURCES = tests/modules/toy.c tests/modules/toy.h
tests_modules_ancient_toy_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DTOY_ABI=GW_ABI-0x10000
tests_modules_ancient_toy_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_ancient_toy_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/modules/undefined/toy.la
tests_modules_undefined_toy_la_SOURCES = tests/modules/toy.c tests/modules/toy.h
tests_modules_undefined_toy_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DUNDEFINED
tests_modules_undefined_toy_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_undefined_toy_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/modules/half/toy.la
tests_modules_half_toy_la_SOURCES = tests/modules/toy.c tests/modules/toy.h
tests_modules_half_toy_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DHALF
tests_modules_half_toy_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_half_toy_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/modules/renamed/toy.la
tests_modules_renamed_toy_la_SOURCES = tests/modules/toy.c tests/modules/toy.h
tests_modules_renamed_toy_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DTICK_ROW='"tock"'
tests_modules_renamed_toy_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_renamed_toy_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/modules/doubled/toy.la
tests_modules_doubled_toy_la_SOURCES = tests/modules/toy.c tests/modules/toy.h
tests_modules_doubled_toy_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DDOUBLED
tests_modules_doubled_toy_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_doubled_toy_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/modules/clash/toy.la
tests_modules_clash_toy_la_SOURCES = tests/modules/toy.c tests/modules/toy.h
tests_modules_clash_toy_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DADMIN_NAME='"module list"'
tests_modules_clash_toy_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_clash_toy_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/modules/greedy/toy.la
tests_modules_greedy_toy_la_SOURCES = tests/modules/toy.c tests/modules/toy.h
tests_modules_greedy_toy_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DGREEDY
tests_modules_greedy_toy_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_greedy_toy_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/modules/stale/toy.la
tests_modules_stale_toy_la_SOURCES = tests/modules/toy.c tests/modules/toy.h
tests_modules_stale_toy_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DBUILD=6 -DSTALE
tests_modules_stale_toy_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_stale_toy_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/modules/leaking/toy.la
tests_modules_leaking_toy_la_SOURCES = tests/modules/toy.c tests/modules/toy.h
tests_modules_leaking_toy_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DLEAK
tests_modules_leaking_toy_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_leaking_toy_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/modules/major/toy.la
tests_modules_major_toy_la_SOURCES = tests/modules/toy.c tests/modules/toy.h
tests_modules_major_toy_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DMAJOR=2
tests_modules_major_toy_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_major_toy_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/modules/wanting/toy.la
tests_modules_wanting_toy_la_SOURCES = tests/modules/toy.c tests/modules/toy.h
tests_modules_wanting_toy_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DREQUIRES='"elsewhere 1.0"'
tests_modules_wanting_toy_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_wanting_toy_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/modules/hostile/hostile.la
tests_modules_hostile_hostile_la_SOURCES = tests/modules/hostile/hostile.c
tests_modules_hostile_hostile_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS)
tests_modules_hostile_hostile_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_hostile_hostile_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/modules/porter/porter.la
tests_modules_porter_porter_la_SOURCES = tests/modules/porter.c
tests_modules_porter_porter_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS)
tests_modules_porter_porter_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_porter_porter_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/modules/keeper/keeper.la
tests_modules_keeper_keeper_la_SOURCES = tests/modules/keeper.c
tests_modules_keeper_keeper_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS)
tests_modules_keeper_keeper_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_keeper_keeper_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/modules/friends/ann.la
tests_modules_friends_ann_la_SOURCES = tests/modules/friend.c tests/modules/toy.h
tests_modules_friends_ann_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DNAME=ann -DLETTER='"a"'
tests_modules_friends_ann_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_friends_ann_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/modules/friends/bob.la
tests_modules_friends_bob_la_SOURCES = tests/modules/friend.c tests/modules/toy.h
tests_modules_friends_bob_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DNAME=bob -DLETTER='"b"' -DPRIORITY=-5
tests_modules_friends_bob_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_friends_bob_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/modules/friends/cat.la
tests_modules_friends_cat_la_SOURCES = tests/modules/friend.c tests/modules/toy.h
tests_modules_friends_cat_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DNAME=cat -DLETTER='"c"' -DREFUSES -DPRIORITY=5
tests_modules_friends_cat_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_friends_cat_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

# brings a row that ann brings too
check_LTLIBRARIES += tests/modules/friends/twin.la
tests_modules_friends_twin_la_SOURCES = tests/modules/friend.c tests/modules/toy.h
tests_modules_friends_twin_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DNAME=twin -DLETTER='"t"' -DROW='"a"'
tests_modules_friends_twin_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_friends_twin_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/modules/friends/rival.la
tests_modules_friends_rival_la_SOURCES = tests/modules/friend.c tests/modules/toy.h
tests_modules_friends_rival_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DNAME=rival -DLETTER='"r"' -DPROVIDES='"toy"' -DREQUIRES=NULL
tests_modules_friends_rival_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_friends_rival_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/modules/friends/failing.la
tests_modules_friends_failing_la_SOURCES = tests/modules/friend.c tests/modules/toy.h
tests_modules_friends_failing_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DNAME=failing -DLETTER='"f"' -DFAILS
tests_modules_friends_failing_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_friends_failing_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/modules/friends/hen.la
tests_modules_friends_hen_la_SOURCES = tests/modules/friend.c tests/modules/toy.h
tests_modules_friends_hen_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DNAME=hen -DLETTER='"h"' -DPROVIDES='"hen"' -DREQUIRES='"egg 1.0"'
tests_modules_friends_hen_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_friends_hen_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/modules/friends/egg.la
tests_modules_friends_egg_la_SOURCES = tests/modules/friend.c tests/modules/toy.h
tests_modules_friends_egg_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DNAME=egg -DLETTER='"e"' -DPROVIDES='"egg"' -DREQUIRES='"hen 1.0"'
tests_modules_friends_egg_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_friends_egg_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/modules/friends/loose.la
tests_modules_friends_loose_la_SOURCES = tests/modules/friend.c tests/modules/toy.h
tests_modules_friends_loose_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DNAME=loose -DLETTER='"l"' -DREQUIRES='"toy 1.0?"'
tests_modules_friends_loose_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_friends_loose_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

# A server under the simulated loop.
HOST_SOURCES = tests/module/host.c tests/module/host.h

check_PROGRAMS += tests/module/reload
tests_module_reload_SOURCES = tests/module/reload.c $(HOST_SOURCES)
tests_module_reload_LDADD = tests/sim/libsim.a $(TEST_LIBS)

check_PROGRAMS += tests/module/load
tests_module_load_SOURCES = tests/module/load.c $(HOST_SOURCES)
tests_module_load_LDADD = tests/sim/libsim.a $(TEST_LIBS)

# each does one thing wrong that only shows beside others
check_LTLIBRARIES += tests/modules/topic/rude.la
tests_modules_topic_rude_la_SOURCES = tests/modules/rude.c tests/modules/toy.h
tests_modules_topic_rude_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DTOPIC='"toy.said"'
tests_modules_topic_rude_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_topic_rude_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/modules/point/rude.la
tests_modules_point_rude_la_SOURCES = tests/modules/rude.c tests/modules/toy.h
tests_modules_point_rude_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DPOINT='"toy.row"'
tests_modules_point_rude_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_point_rude_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/modules/command/rude.la
tests_modules_command_rude_la_SOURCES = tests/modules/rude.c tests/modules/toy.h
tests_modules_command_rude_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DCOMMAND='"toy wait"'
tests_modules_command_rude_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_command_rude_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/modules/again/rude.la
tests_modules_again_rude_la_SOURCES = tests/modules/rude.c tests/modules/toy.h
tests_modules_again_rude_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DAGAIN='"rude"'
tests_modules_again_rude_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_again_rude_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/modules/protocol/rude.la
tests_modules_protocol_rude_la_SOURCES = tests/modules/rude.c tests/modules/toy.h
tests_modules_protocol_rude_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DPROTOCOL='"other"'
tests_modules_protocol_rude_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_protocol_rude_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/modules/wide/rude.la
tests_modules_wide_rude_la_SOURCES = tests/modules/rude.c tests/modules/toy.h
tests_modules_wide_rude_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DWIDE
tests_modules_wide_rude_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_wide_rude_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/modules/minor/rude.la
tests_modules_minor_rude_la_SOURCES = tests/modules/rude.c tests/modules/toy.h
tests_modules_minor_rude_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DREQUIRES='"toy 1.7"'
tests_modules_minor_rude_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_minor_rude_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/modules/past/rude.la
tests_modules_past_rude_la_SOURCES = tests/modules/rude.c tests/modules/toy.h
tests_modules_past_rude_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DREQUIRES='"toy 0.9"'
tests_modules_past_rude_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_past_rude_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/modules/half_rude/rude.la
tests_modules_half_rude_rude_la_SOURCES = tests/modules/rude.c tests/modules/toy.h
tests_modules_half_rude_rude_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DHALF
tests_modules_half_rude_rude_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_half_rude_rude_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/modules/lonely/rude.la
tests_modules_lonely_rude_la_SOURCES = tests/modules/rude.c tests/modules/toy.h
tests_modules_lonely_rude_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DREQUIRES='"elsewhere 1.0"'
tests_modules_lonely_rude_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_lonely_rude_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/modules/own/toy.la
tests_modules_own_toy_la_SOURCES = tests/modules/toy.c tests/modules/toy.h
tests_modules_own_toy_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DREQUIRES='"toy 1.0"'
tests_modules_own_toy_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_own_toy_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

# provides nothing any more
check_LTLIBRARIES += tests/modules/withdrawn/toy.la
tests_modules_withdrawn_toy_la_SOURCES = tests/modules/toy.c tests/modules/toy.h
tests_modules_withdrawn_toy_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DINTERFACES=interfaces+1
tests_modules_withdrawn_toy_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_withdrawn_toy_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_PROGRAMS += tests/module/misbehave
tests_module_misbehave_SOURCES = tests/module/misbehave.c $(HOST_SOURCES)
tests_module_misbehave_LDADD = tests/sim/libsim.a $(TEST_LIBS)

check_PROGRAMS += tests/module/times
tests_module_times_SOURCES = tests/module/times.c $(HOST_SOURCES)
tests_module_times_LDADD = tests/sim/libsim.a $(TEST_LIBS)

check_PROGRAMS += tests/module/start
tests_module_start_SOURCES = tests/module/start.c $(HOST_SOURCES)
tests_module_start_LDADD = tests/sim/libsim.a $(TEST_LIBS)

check_PROGRAMS += tests/module/stop
tests_module_stop_SOURCES = tests/module/stop.c $(HOST_SOURCES)
tests_module_stop_LDADD = tests/sim/libsim.a $(TEST_LIBS)

check_PROGRAMS += tests/module/mistakes
tests_module_mistakes_SOURCES = tests/module/mistakes.c $(HOST_SOURCES)
tests_module_mistakes_LDADD = tests/sim/libsim.a $(TEST_LIBS)

check_PROGRAMS += tests/module/rehash
tests_module_rehash_SOURCES = tests/module/rehash.c $(HOST_SOURCES)
tests_module_rehash_LDADD = tests/sim/libsim.a $(TEST_LIBS)

check_PROGRAMS += tests/module/client_states
tests_module_client_states_SOURCES = tests/module/client_states.c
tests_module_client_states_LDADD = tests/sim/libsim.a $(TEST_LIBS)

# the interface "store" on memory that forgets what was not synced; name it in place of store
check_LTLIBRARIES += tests/modules/store_fake/store_fake.la
tests_modules_store_fake_store_fake_la_SOURCES = tests/modules/store_fake/store_fake.c
tests_modules_store_fake_store_fake_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS)
tests_modules_store_fake_store_fake_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_store_fake_store_fake_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_PROGRAMS += tests/module/client_lines
tests_module_client_lines_SOURCES = tests/module/client_lines.c
tests_module_client_lines_LDADD = tests/sim/libsim.a $(TEST_LIBS)

check_PROGRAMS += tests/module/services
tests_module_services_SOURCES = tests/module/services.c
tests_module_services_LDADD = tests/sim/libsim.a $(TEST_LIBS)

check_PROGRAMS += tests/module/client_limits
tests_module_client_limits_SOURCES = tests/module/client_limits.c
tests_module_client_limits_LDADD = tests/sim/libsim.a $(TEST_LIBS)

check_PROGRAMS += tests/module/client_render
tests_module_client_render_SOURCES = tests/module/client_render.c
tests_module_client_render_LDADD = tests/sim/libsim.a $(TEST_LIBS)

check_PROGRAMS += tests/module/client_reload
tests_module_client_reload_SOURCES = tests/module/client_reload.c
tests_module_client_reload_LDADD = tests/sim/libsim.a $(TEST_LIBS)

# asks for changes of modules wherever it is called
check_LTLIBRARIES += tests/modules/restless/restless.la
tests_modules_restless_restless_la_SOURCES = tests/modules/restless/restless.c
tests_modules_restless_restless_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS)
tests_modules_restless_restless_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_restless_restless_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_PROGRAMS += tests/module/restless
tests_module_restless_SOURCES = tests/module/restless.c
tests_module_restless_LDADD = tests/sim/libsim.a $(TEST_LIBS)

# a real module as its next versions could be: with another layout of its state
tests/modules/monitor_next.c: $(top_srcdir)/modules/monitor/monitor.c $(top_srcdir)/tests/modules/monitor_next.sed
	$(AM_V_GEN)$(MKDIR_P) tests/modules && sed -f $(top_srcdir)/tests/modules/monitor_next.sed \
		$(top_srcdir)/modules/monitor/monitor.c >$@
CLEANFILES += tests/modules/monitor_next.c

check_LTLIBRARIES += tests/modules/monitor2/monitor.la
nodist_tests_modules_monitor2_monitor_la_SOURCES = tests/modules/monitor_next.c
tests_modules_monitor2_monitor_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DNEXT=2
tests_modules_monitor2_monitor_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_monitor2_monitor_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/modules/monitor2_half/monitor.la
nodist_tests_modules_monitor2_half_monitor_la_SOURCES = tests/modules/monitor_next.c
tests_modules_monitor2_half_monitor_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DNEXT=2 -DHALF
tests_modules_monitor2_half_monitor_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_monitor2_half_monitor_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/modules/monitor3/monitor.la
nodist_tests_modules_monitor3_monitor_la_SOURCES = tests/modules/monitor_next.c
tests_modules_monitor3_monitor_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -DNEXT=3
tests_modules_monitor3_monitor_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_monitor3_monitor_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_PROGRAMS += tests/module/layout
tests_module_layout_SOURCES = tests/module/layout.c
tests_module_layout_LDADD = tests/sim/libsim.a $(TEST_LIBS)

check_PROGRAMS += tests/module/reload_asked
tests_module_reload_asked_SOURCES = tests/module/reload_asked.c
tests_module_reload_asked_LDADD = tests/sim/libsim.a $(TEST_LIBS)

check_PROGRAMS += tests/module/reload_midway
tests_module_reload_midway_SOURCES = tests/module/reload_midway.c
tests_module_reload_midway_LDADD = tests/sim/libsim.a $(TEST_LIBS)

# what other servers registered, before there are any
check_LTLIBRARIES += tests/modules/foreign/foreign.la
tests_modules_foreign_foreign_la_SOURCES = tests/modules/foreign/foreign.c modules/services/cell.c
tests_modules_foreign_foreign_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS) -I$(top_srcdir)
tests_modules_foreign_foreign_la_CFLAGS = $(MODULE_CFLAGS) $(SODIUM_CFLAGS)
tests_modules_foreign_foreign_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)
tests_modules_foreign_foreign_la_LIBADD = $(SODIUM_LIBS)

check_PROGRAMS += tests/module/conflicts
tests_module_conflicts_SOURCES = tests/module/conflicts.c
tests_module_conflicts_LDADD = tests/sim/libsim.a $(TEST_LIBS)

check_PROGRAMS += tests/module/split_names
tests_module_split_names_SOURCES = tests/module/split_names.c
tests_module_split_names_LDADD = tests/sim/libsim.a $(TEST_LIBS)

check_PROGRAMS += tests/module/account
tests_module_account_SOURCES = tests/module/account.c
tests_module_account_LDADD = tests/sim/libsim.a $(TEST_LIBS)

check_PROGRAMS += tests/module/network
tests_module_network_SOURCES = tests/module/network.c
tests_module_network_LDADD = tests/sim/libsim.a $(TEST_LIBS)

# moves clients as a test says
check_LTLIBRARIES += tests/modules/moves/moves.la
tests_modules_moves_moves_la_SOURCES = tests/modules/moves/moves.c
tests_modules_moves_moves_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS)
tests_modules_moves_moves_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_moves_moves_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

# does with links what a test says
check_LTLIBRARIES += tests/modules/probe/probe.la
tests_modules_probe_probe_la_SOURCES = tests/modules/probe/probe.c
tests_modules_probe_probe_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS)
tests_modules_probe_probe_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_probe_probe_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_PROGRAMS += tests/module/link_net
tests_module_link_net_SOURCES = tests/module/link_net.c
tests_module_link_net_LDADD = tests/sim/libsim.a $(TEST_LIBS)

# servers dialled by, and dialling, those who do not play by the rules
LINK_STAGE_SOURCES = tests/module/link_stage.c tests/module/link_stage.h tests/unit/link_rig.h $(LINK_PURE_SOURCES)

check_PROGRAMS += tests/module/link_attempts
tests_module_link_attempts_SOURCES = tests/module/link_attempts.c $(LINK_STAGE_SOURCES)
tests_module_link_attempts_LDADD = tests/sim/libsim.a $(TEST_LIBS)

check_PROGRAMS += tests/module/link_targets
tests_module_link_targets_SOURCES = tests/module/link_targets.c $(LINK_STAGE_SOURCES)
tests_module_link_targets_LDADD = tests/sim/libsim.a $(TEST_LIBS)

# a network of two servers as clients see it
check_PROGRAMS += tests/module/servers
tests_module_servers_SOURCES = tests/module/servers.c
tests_module_servers_LDADD = tests/sim/libsim.a $(TEST_LIBS)

check_PROGRAMS += tests/module/burst
tests_module_burst_SOURCES = tests/module/burst.c
tests_module_burst_LDADD = tests/sim/libsim.a $(TEST_LIBS)

check_PROGRAMS += tests/module/link_tree
tests_module_link_tree_SOURCES = tests/module/link_tree.c
tests_module_link_tree_LDADD = tests/sim/libsim.a $(TEST_LIBS)

check_PROGRAMS += tests/module/link_leave
tests_module_link_leave_SOURCES = tests/module/link_leave.c
tests_module_link_leave_LDADD = tests/sim/libsim.a $(TEST_LIBS)

check_PROGRAMS += tests/module/link_reauth
tests_module_link_reauth_SOURCES = tests/module/link_reauth.c modules/link/frames.c $(LINK_STAGE_SOURCES)
tests_module_link_reauth_LDADD = tests/sim/libsim.a $(TEST_LIBS)

check_PROGRAMS += tests/module/join
tests_module_join_SOURCES = tests/module/join.c
tests_module_join_LDADD = tests/sim/libsim.a $(TEST_LIBS)

# moves clients step by step
check_LTLIBRARIES += tests/modules/tapper/tapper.la
tests_modules_tapper_tapper_la_SOURCES = tests/modules/tapper/tapper.c
tests_modules_tapper_tapper_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS)
tests_modules_tapper_tapper_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_tapper_tapper_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_PROGRAMS += tests/module/client_move
tests_module_client_move_SOURCES = tests/module/client_move.c
tests_module_client_move_LDADD = tests/sim/libsim.a $(TEST_LIBS)

check_PROGRAMS += tests/module/operators
tests_module_operators_SOURCES = tests/module/operators.c
tests_module_operators_LDADD = tests/sim/libsim.a $(TEST_LIBS)

check_PROGRAMS += tests/module/balance
tests_module_balance_SOURCES = tests/module/balance.c
tests_module_balance_LDADD = tests/sim/libsim.a $(TEST_LIBS)

# a member that sends what no honest server would about moves
check_LTLIBRARIES += tests/modules/forger/forger.la
tests_modules_forger_forger_la_SOURCES = tests/modules/forger/forger.c
tests_modules_forger_forger_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS)
tests_modules_forger_forger_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_forger_forger_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_PROGRAMS += tests/module/redirect_hostile
tests_module_redirect_hostile_SOURCES = tests/module/redirect_hostile.c
tests_module_redirect_hostile_LDADD = tests/sim/libsim.a $(TEST_LIBS) $(SODIUM_LIBS)

# moves sessions step by step
check_LTLIBRARIES += tests/modules/drover/drover.la
tests_modules_drover_drover_la_SOURCES = tests/modules/drover/drover.c
tests_modules_drover_drover_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS)
tests_modules_drover_drover_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_drover_drover_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_PROGRAMS += tests/module/moves
tests_module_moves_SOURCES = tests/module/moves.c
tests_module_moves_LDADD = tests/sim/libsim.a $(TEST_LIBS)

# the agent's command line
check_PROGRAMS += tests/module/agent_verb
tests_module_agent_verb_SOURCES = tests/module/agent_verb.c $(HOST_SOURCES)
tests_module_agent_verb_LDADD = tests/sim/libsim.a $(TEST_LIBS)

# the agent before a simulated network
check_PROGRAMS += tests/module/agent
tests_module_agent_SOURCES = tests/module/agent.c tests/module/agent_stage.h
tests_module_agent_LDADD = tests/sim/libsim.a $(TEST_LIBS)

check_PROGRAMS += tests/module/agent_restore
tests_module_agent_restore_SOURCES = tests/module/agent_restore.c tests/module/agent_gap.h \
	tests/module/agent_stage.h
tests_module_agent_restore_LDADD = tests/sim/libsim.a $(TEST_LIBS)

check_PROGRAMS += tests/module/agent_logins
tests_module_agent_logins_SOURCES = tests/module/agent_logins.c tests/module/agent_gap.h tests/module/agent_stage.h
tests_module_agent_logins_LDADD = tests/sim/libsim.a $(TEST_LIBS)

check_PROGRAMS += tests/module/agent_lost
tests_module_agent_lost_SOURCES = tests/module/agent_lost.c tests/module/agent_gap.h tests/module/agent_stage.h
tests_module_agent_lost_LDADD = tests/sim/libsim.a $(TEST_LIBS)

check_PROGRAMS += tests/module/agent_gate
tests_module_agent_gate_SOURCES = tests/module/agent_gate.c tests/module/agent_stage.h
tests_module_agent_gate_LDADD = tests/sim/libsim.a $(TEST_LIBS)

# what it knows from the lines that pass, and what the server says
check_PROGRAMS += tests/module/agent_track
tests_module_agent_track_SOURCES = tests/module/agent_track.c $(TRACK_SOURCES)
tests_module_agent_track_LDADD = tests/sim/libsim.a $(TEST_LIBS)

check_PROGRAMS += tests/module/agent_upstreams
tests_module_agent_upstreams_SOURCES = tests/module/agent_upstreams.c tests/module/agent_stage.h
tests_module_agent_upstreams_LDADD = tests/sim/libsim.a $(TEST_LIBS)

check_PROGRAMS += tests/module/agent_same
tests_module_agent_same_SOURCES = tests/module/agent_same.c tests/module/agent_gap.h \
	tests/module/agent_stage.h tests/unit/agent_tracked.h tests/unit/counted.h $(TRACK_SOURCES)
tests_module_agent_same_LDADD = tests/sim/libsim.a $(TEST_LIBS)

# tells figures, right and wrong ones
check_LTLIBRARIES += tests/modules/figures/figures.la
tests_modules_figures_figures_la_SOURCES = tests/modules/figures.c
tests_modules_figures_figures_la_CPPFLAGS = $(TEST_MODULE_CPPFLAGS)
tests_modules_figures_figures_la_CFLAGS = $(MODULE_CFLAGS)
tests_modules_figures_figures_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_PROGRAMS += tests/module/metrics
tests_module_metrics_SOURCES = tests/module/metrics.c
tests_module_metrics_LDADD = tests/sim/libsim.a $(TEST_LIBS)
