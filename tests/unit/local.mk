# Test programs of tests/unit; tests/local.mk says what a test adds here.

check_LIBRARIES += tests/unit/libbare.a
tests_unit_libbare_a_SOURCES = tests/unit/bare.c tests/unit/owner.c
BARE_LIBS = tests/unit/libbare.a tests/sim/libsim.a $(TEST_LIBS)

check_PROGRAMS += tests/unit/conn
tests_unit_conn_SOURCES = tests/unit/conn.c
tests_unit_conn_LDADD = $(BARE_LIBS)

check_PROGRAMS += tests/unit/dial
tests_unit_dial_SOURCES = tests/unit/dial.c
tests_unit_dial_LDADD = $(BARE_LIBS)

check_PROGRAMS += tests/unit/sink
tests_unit_sink_SOURCES = tests/unit/sink.c
tests_unit_sink_LDADD = $(BARE_LIBS)

check_PROGRAMS += tests/unit/tls
tests_unit_tls_SOURCES = tests/unit/tls.c
tests_unit_tls_LDADD = $(BARE_LIBS)

check_PROGRAMS += tests/unit/tls_dial
tests_unit_tls_dial_SOURCES = tests/unit/tls_dial.c
tests_unit_tls_dial_LDADD = $(BARE_LIBS)

check_PROGRAMS += tests/unit/tls_link
tests_unit_tls_link_SOURCES = tests/unit/tls_link.c
tests_unit_tls_link_LDADD = $(BARE_LIBS)

check_PROGRAMS += tests/unit/client_message
tests_unit_client_message_SOURCES = tests/unit/client_message.c modules/client/message.c
tests_unit_client_message_LDADD = $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/client_states
tests_unit_client_states_SOURCES = tests/unit/client_states.c modules/client/states.c
tests_unit_client_states_LDADD = $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/account_scram
tests_unit_account_scram_SOURCES = tests/unit/account_scram.c modules/account/scram.c modules/account/cred.c
tests_unit_account_scram_LDADD = $(CMOCKA_LIBS) $(GNUTLS_LIBS) $(SODIUM_LIBS)

check_PROGRAMS += tests/unit/account_parse
tests_unit_account_parse_SOURCES = tests/unit/account_parse.c modules/account/chunks.c \
	modules/account/cred.c modules/account/mailaddr.c modules/account/plain_parse.c
tests_unit_account_parse_LDADD = $(CMOCKA_LIBS) $(GNUTLS_LIBS) $(SODIUM_LIBS)

check_PROGRAMS += tests/unit/home
tests_unit_home_SOURCES = tests/unit/home.c
tests_unit_home_LDADD = $(TEST_LIBS)

check_PROGRAMS += tests/unit/config
tests_unit_config_SOURCES = tests/unit/config.c
tests_unit_config_LDADD = $(TEST_LIBS)

check_PROGRAMS += tests/unit/text
tests_unit_text_SOURCES = tests/unit/text.c
tests_unit_text_LDADD = $(TEST_LIBS)

check_PROGRAMS += tests/unit/framing
tests_unit_framing_SOURCES = tests/unit/framing.c
tests_unit_framing_LDADD = $(TEST_LIBS)

check_PROGRAMS += tests/unit/outq
tests_unit_outq_SOURCES = tests/unit/outq.c
tests_unit_outq_LDADD = $(TEST_LIBS)

check_PROGRAMS += tests/unit/pool
tests_unit_pool_SOURCES = tests/unit/pool.c
tests_unit_pool_LDADD = $(BARE_LIBS)

check_PROGRAMS += tests/unit/loop_ev
tests_unit_loop_ev_SOURCES = tests/unit/loop_ev.c
tests_unit_loop_ev_LDADD = $(BARE_LIBS)

# store and services in a small core (mini.h)
check_LIBRARIES += tests/unit/libservices.a
tests_unit_libservices_a_SOURCES = tests/unit/mini.c tests/unit/visit.h tests/unit/services_rig.c tests/unit/services_net.c \
	tests/modules/store_fake/store_fake.c \
	modules/store/store.c modules/store/env.c modules/store/commit.c modules/store/write.c \
	modules/store/read.c modules/store/snapshot.c modules/store/care.c modules/store/metrics.c \
	$(SERVICES_SOURCES)
SERVICES_TEST_LIBS = tests/unit/libservices.a $(CMOCKA_LIBS) $(LMDB_LIBS) $(SODIUM_LIBS) $(GNUTLS_LIBS) $(YAML_LIBS)

check_PROGRAMS += tests/unit/store
tests_unit_store_SOURCES = tests/unit/store.c
tests_unit_store_LDADD = $(SERVICES_TEST_LIBS)

check_PROGRAMS += tests/unit/services
tests_unit_services_SOURCES = tests/unit/services.c
tests_unit_services_LDADD = $(SERVICES_TEST_LIBS)

check_PROGRAMS += tests/unit/services_merge
tests_unit_services_merge_SOURCES = tests/unit/services_merge.c
tests_unit_services_merge_LDADD = $(SERVICES_TEST_LIBS)

check_PROGRAMS += tests/unit/services_power
tests_unit_services_power_SOURCES = tests/unit/services_power.c
tests_unit_services_power_LDADD = $(SERVICES_TEST_LIBS)

check_PROGRAMS += tests/unit/services_kill
tests_unit_services_kill_SOURCES = tests/unit/services_kill.c
tests_unit_services_kill_LDADD = $(SERVICES_TEST_LIBS)

check_PROGRAMS += tests/unit/services_join
tests_unit_services_join_SOURCES = tests/unit/services_join.c
tests_unit_services_join_LDADD = $(SERVICES_TEST_LIBS)

check_PROGRAMS += tests/unit/services_replica
tests_unit_services_replica_SOURCES = tests/unit/services_replica.c
tests_unit_services_replica_LDADD = $(SERVICES_TEST_LIBS)

check_PROGRAMS += tests/unit/services_form
tests_unit_services_form_SOURCES = tests/unit/services_form.c
tests_unit_services_form_LDADD = $(SERVICES_TEST_LIBS)

check_PROGRAMS += tests/unit/services_converge
tests_unit_services_converge_SOURCES = tests/unit/services_converge.c
tests_unit_services_converge_LDADD = $(SERVICES_TEST_LIBS)

# a hundred seeds of it are part of the check
check-power: tests/unit/services_power
	tests/unit/services_power 1000

# the live network in a rig of its own
check_LIBRARIES += tests/unit/libnetwork.a
NETWORK_RIG_SOURCES = tests/unit/network_rig.c tests/unit/network_rig.h tests/unit/visit.h \
	tests/unit/network_acts.c tests/unit/network_acts.h \
	tests/unit/network_watch.c tests/unit/network_watch.h $(NETWORK_SOURCES)
tests_unit_libnetwork_a_SOURCES = $(NETWORK_RIG_SOURCES)
NETWORK_TEST_LIBS = tests/unit/libnetwork.a $(CMOCKA_LIBS) $(SODIUM_LIBS)

check_PROGRAMS += tests/unit/network
tests_unit_network_SOURCES = tests/unit/network.c
tests_unit_network_LDADD = $(NETWORK_TEST_LIBS)

check_PROGRAMS += tests/unit/network_converge
tests_unit_network_converge_SOURCES = tests/unit/network_converge.c
tests_unit_network_converge_LDADD = $(NETWORK_TEST_LIBS)

# servers that link, split, heal and crash
check_PROGRAMS += tests/unit/network_tree
tests_unit_network_tree_SOURCES = tests/unit/network_tree.c
tests_unit_network_tree_LDADD = $(NETWORK_TEST_LIBS)

# a server's part in a tree, against members that lie too
check_PROGRAMS += tests/unit/network_moves
tests_unit_network_moves_SOURCES = tests/unit/network_moves.c
tests_unit_network_moves_LDADD = $(NETWORK_TEST_LIBS)

check_PROGRAMS += tests/unit/network_servers
tests_unit_network_servers_SOURCES = tests/unit/network_servers.c
tests_unit_network_servers_LDADD = $(NETWORK_TEST_LIBS)

# the same as the two above with faults, which they must find: stamps are compared wrongly; what was
# passed over of a server is not passed over in what follows
check_PROGRAMS += tests/unit/network_tree_broken
tests_unit_network_tree_broken_SOURCES = tests/unit/network_tree.c
tests_unit_network_tree_broken_CPPFLAGS = $(AM_CPPFLAGS) -DEXPECT_FAULT=
tests_unit_network_tree_broken_LDFLAGS = -Wl,--wrap=way_shades
tests_unit_network_tree_broken_LDADD = $(NETWORK_TEST_LIBS)

check_PROGRAMS += tests/unit/network_broken
tests_unit_network_broken_SOURCES = tests/unit/network_converge.c tests/unit/network_broken.h \
	$(NETWORK_RIG_SOURCES)
tests_unit_network_broken_CPPFLAGS = $(AM_CPPFLAGS) -DEXPECT_DIVERGENCE= \
	-include $(top_srcdir)/tests/unit/network_broken.h
tests_unit_network_broken_LDADD = $(CMOCKA_LIBS) $(SODIUM_LIBS)

# the handshake between servers: what needs nothing of a server
LINK_PURE_SOURCES = modules/link/key.c modules/link/keyfile.c modules/link/seal.c modules/link/handshake.c

check_PROGRAMS += tests/unit/link_handshake
tests_unit_link_handshake_SOURCES = tests/unit/link_handshake.c tests/unit/link_rig.h $(LINK_PURE_SOURCES)
tests_unit_link_handshake_LDADD = $(CMOCKA_LIBS) $(SODIUM_LIBS)

check_PROGRAMS += tests/unit/link_key
tests_unit_link_key_SOURCES = tests/unit/link_key.c $(LINK_PURE_SOURCES)
tests_unit_link_key_LDADD = $(CMOCKA_LIBS) $(SODIUM_LIBS)

check_PROGRAMS += tests/unit/link_vectors
tests_unit_link_vectors_SOURCES = tests/unit/link_vectors.c tests/unit/link_rig.h $(LINK_PURE_SOURCES)
tests_unit_link_vectors_LDADD = $(CMOCKA_LIBS) $(SODIUM_LIBS)

check_PROGRAMS += tests/unit/link_frames
tests_unit_link_frames_SOURCES = tests/unit/link_frames.c modules/link/frames.c
tests_unit_link_frames_LDADD = $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/link_limits
tests_unit_link_limits_SOURCES = tests/unit/link_limits.c modules/link/limits.c
tests_unit_link_limits_LDADD = $(SERVICES_TEST_LIBS)

check_PROGRAMS += tests/unit/link_address
tests_unit_link_address_SOURCES = tests/unit/link_address.c modules/link/address.c
tests_unit_link_address_LDADD = $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/mover
tests_unit_mover_SOURCES = tests/unit/mover.c $(MOVER_SOURCES)
tests_unit_mover_LDADD = $(CMOCKA_LIBS) $(SODIUM_LIBS)

check_PROGRAMS += tests/unit/mover_random
tests_unit_mover_random_SOURCES = tests/unit/mover_random.c $(MOVER_SOURCES)
tests_unit_mover_random_LDADD = $(SODIUM_LIBS)

check_PROGRAMS += tests/unit/moves_ledger
tests_unit_moves_ledger_SOURCES = tests/unit/moves_ledger.c tests/bench/moves_ledger.c tests/bench/moves_ledger.h
tests_unit_moves_ledger_LDADD = $(CMOCKA_LIBS)

# policies of the module balance in simulation
check_PROGRAMS += tests/unit/policy
tests_unit_policy_SOURCES = tests/unit/policy.c modules/even/even.c modules/even/share.c modules/fill/fill.c
tests_unit_policy_LDADD = $(CMOCKA_LIBS)

# the module redirect between a network, clients and links that only keep to their contracts
REDIRECT_SOURCES = $(modules_redirect_redirect_la_SOURCES)
check_LIBRARIES += tests/unit/libredirect.a
tests_unit_libredirect_a_SOURCES = tests/unit/redirect_rig.c tests/unit/redirect_rig.h \
	tests/unit/redirect_rig_clients.c tests/unit/redirect_rig_drive.c tests/unit/mini.c tests/unit/mini.h tests/unit/visit.h \
	$(REDIRECT_SOURCES)
REDIRECT_TEST_LIBS = tests/unit/libredirect.a $(CMOCKA_LIBS) $(SODIUM_LIBS)

check_PROGRAMS += tests/unit/redirect_hold
tests_unit_redirect_hold_SOURCES = tests/unit/redirect_hold.c
tests_unit_redirect_hold_LDADD = $(REDIRECT_TEST_LIBS)

check_PROGRAMS += tests/unit/redirect_frames
tests_unit_redirect_frames_SOURCES = tests/unit/redirect_frames.c
tests_unit_redirect_frames_LDADD = $(REDIRECT_TEST_LIBS)

check_PROGRAMS += tests/unit/redirect_proof
tests_unit_redirect_proof_SOURCES = tests/unit/redirect_proof.c modules/redirect/proof.c
tests_unit_redirect_proof_LDFLAGS = -Wl,--wrap=crypto_auth_hmacsha256_verify
tests_unit_redirect_proof_LDADD = $(CMOCKA_LIBS) $(SODIUM_LIBS)

# what the agent knows from the lines that pass
TRACK_SOURCES = modules/agent/ircline.c modules/agent/track.c modules/agent/track_channel.c \
	modules/agent/track_client.c modules/agent/track_isupport.c modules/agent/track_members.c \
	modules/agent/track_mode.c modules/agent/track_monitor.c modules/agent/track_names.c \
	modules/agent/track_pending.c modules/agent/track_server.c

check_PROGRAMS += tests/unit/agent_ircline
tests_unit_agent_ircline_SOURCES = tests/unit/agent_ircline.c modules/agent/ircline.c
tests_unit_agent_ircline_LDADD = $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/agent_track
tests_unit_agent_track_SOURCES = tests/unit/agent_track.c tests/unit/agent_tracked.h tests/unit/counted.h \
	$(TRACK_SOURCES)
tests_unit_agent_track_LDADD = $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/agent_upstreams
tests_unit_agent_upstreams_SOURCES = tests/unit/agent_upstreams.c modules/agent/upstreams_text.c modules/agent/upstreams_file.c
tests_unit_agent_upstreams_LDADD = $(CMOCKA_LIBS) $(SODIUM_LIBS)

check_PROGRAMS += tests/unit/agent_back
tests_unit_agent_back_SOURCES = tests/unit/agent_back.c tests/unit/mini.c tests/unit/mini.h tests/unit/visit.h \
	modules/agent/lines.c modules/agent/login.c modules/agent/login_file.c modules/agent/lost.c \
	modules/agent/regain.c modules/agent/restore.c modules/agent/restore_login.c \
	modules/agent/restore_rooms.c modules/agent/restore_tell.c \
	modules/agent/restore_tell_rooms.c $(TRACK_SOURCES)
tests_unit_agent_back_LDADD = $(CMOCKA_LIBS) $(SODIUM_LIBS)
