# Test programs of tests/fuzz; tests/local.mk says what a test adds here. A target's corpus is the folder of its name in
# tests/fuzz/corpus; replay.c runs it without a fuzzer.

check_PROGRAMS += tests/fuzz/client_message
tests_fuzz_client_message_SOURCES = tests/fuzz/client_message.c tests/fuzz/replay.c modules/client/message.c
tests_fuzz_client_message_LDADD =

check_PROGRAMS += tests/fuzz/account_scram
tests_fuzz_account_scram_SOURCES = tests/fuzz/account_scram.c tests/fuzz/replay.c \
	modules/account/scram.c modules/account/cred.c
tests_fuzz_account_scram_LDADD = $(GNUTLS_LIBS) $(SODIUM_LIBS)

check_PROGRAMS += tests/fuzz/account_sasl
tests_fuzz_account_sasl_SOURCES = tests/fuzz/account_sasl.c tests/fuzz/replay.c \
	modules/account/chunks.c modules/account/mailaddr.c modules/account/plain_parse.c
tests_fuzz_account_sasl_LDADD = $(SODIUM_LIBS)

check_PROGRAMS += tests/fuzz/metrics_http
tests_fuzz_metrics_http_SOURCES = tests/fuzz/metrics_http.c tests/fuzz/replay.c modules/metrics/http.c
tests_fuzz_metrics_http_LDADD =

check_PROGRAMS += tests/fuzz/core_framing
tests_fuzz_core_framing_SOURCES = tests/fuzz/core_framing.c tests/fuzz/replay.c
tests_fuzz_core_framing_LDADD = $(TEST_LIBS)

check_PROGRAMS += tests/fuzz/services_parts
tests_fuzz_services_parts_SOURCES = tests/fuzz/services_parts.c tests/fuzz/replay.c
tests_fuzz_services_parts_LDADD =

check_PROGRAMS += tests/fuzz/services_cell
tests_fuzz_services_cell_SOURCES = tests/fuzz/services_cell.c tests/fuzz/replay.c modules/services/cell.c
tests_fuzz_services_cell_LDADD = $(SODIUM_LIBS) $(GNUTLS_LIBS)

check_PROGRAMS += tests/fuzz/services_wire
tests_fuzz_services_wire_SOURCES = tests/fuzz/services_wire.c tests/fuzz/replay.c modules/services/wire.c \
	modules/services/cell.c
tests_fuzz_services_wire_LDADD = $(SODIUM_LIBS) $(GNUTLS_LIBS)

check_PROGRAMS += tests/fuzz/services_peer
tests_fuzz_services_peer_SOURCES = tests/fuzz/services_peer.c tests/fuzz/replay.c
tests_fuzz_services_peer_LDADD = $(SERVICES_TEST_LIBS)

check_PROGRAMS += tests/fuzz/services_form
tests_fuzz_services_form_SOURCES = tests/fuzz/services_form.c tests/fuzz/replay.c
tests_fuzz_services_form_LDADD = $(SERVICES_TEST_LIBS)

check_PROGRAMS += tests/fuzz/network_record
tests_fuzz_network_record_SOURCES = tests/fuzz/network_record.c tests/fuzz/replay.c
tests_fuzz_network_record_LDADD = tests/unit/libnetwork.a $(SODIUM_LIBS)

check_PROGRAMS += tests/fuzz/link_frame
tests_fuzz_link_frame_SOURCES = tests/fuzz/link_frame.c tests/fuzz/replay.c $(LINK_PURE_SOURCES)
tests_fuzz_link_frame_LDADD = $(SODIUM_LIBS)

check_PROGRAMS += tests/fuzz/link_key
tests_fuzz_link_key_SOURCES = tests/fuzz/link_key.c tests/fuzz/replay.c $(LINK_PURE_SOURCES)
tests_fuzz_link_key_LDADD = $(SODIUM_LIBS)

check_PROGRAMS += tests/fuzz/link_opening
tests_fuzz_link_opening_SOURCES = tests/fuzz/link_opening.c tests/fuzz/replay.c $(LINK_PURE_SOURCES)
tests_fuzz_link_opening_LDADD = $(SODIUM_LIBS)

check_PROGRAMS += tests/fuzz/link_wire
tests_fuzz_link_wire_SOURCES = tests/fuzz/link_wire.c tests/fuzz/replay.c modules/link/frames.c
tests_fuzz_link_wire_LDADD =

check_PROGRAMS += tests/fuzz/redirect_frame
tests_fuzz_redirect_frame_SOURCES = tests/fuzz/redirect_frame.c tests/fuzz/replay.c
tests_fuzz_redirect_frame_LDADD = $(REDIRECT_TEST_LIBS)

check_PROGRAMS += tests/fuzz/agent_mover
tests_fuzz_agent_mover_SOURCES = tests/fuzz/agent_mover.c tests/fuzz/replay.c $(MOVER_SOURCES)
tests_fuzz_agent_mover_LDADD = $(SODIUM_LIBS)

check_PROGRAMS += tests/fuzz/agent_track
tests_fuzz_agent_track_SOURCES = tests/fuzz/agent_track.c tests/fuzz/replay.c $(TRACK_SOURCES)
tests_fuzz_agent_track_LDADD =

check_PROGRAMS += tests/fuzz/agent_upstreams
tests_fuzz_agent_upstreams_SOURCES = tests/fuzz/agent_upstreams.c tests/fuzz/replay.c modules/agent/upstreams_text.c
tests_fuzz_agent_upstreams_LDADD = $(SODIUM_LIBS)

# A bounded hunt with libFuzzer: make fuzz [FUZZ_SECONDS=60]. New targets add a line.
FUZZ_SECONDS = 30
FUZZ = cd $(srcdir) && CLANG=$${CLANG:-clang} FUZZ_DIR=$(abs_builddir)/fuzzing \
	FLAGS='-include $(abs_builddir)/config.h -D_GNU_SOURCE= -std=gnu11 -I. -Iinclude $(GNUTLS_CFLAGS) $(SODIUM_CFLAGS)' \
	LIBS='$(CORE_LIBS) $(GNUTLS_LIBS) $(SODIUM_LIBS)' tests/fuzz/run $(FUZZ_SECONDS)

fuzz:
	$(FUZZ) client_message $(tests_fuzz_client_message_SOURCES)
	$(FUZZ) account_scram $(tests_fuzz_account_scram_SOURCES)
	$(FUZZ) account_sasl $(tests_fuzz_account_sasl_SOURCES)
	$(FUZZ) core_framing $(tests_fuzz_core_framing_SOURCES) core/framing.c $(abs_builddir)/core/libcore.a
	$(FUZZ) services_parts $(tests_fuzz_services_parts_SOURCES)
	$(FUZZ) services_cell $(tests_fuzz_services_cell_SOURCES)
	$(FUZZ) services_wire $(tests_fuzz_services_wire_SOURCES)
	$(FUZZ) services_peer $(tests_fuzz_services_peer_SOURCES) $(tests_unit_libservices_a_SOURCES) -lcmocka $(LMDB_LIBS) $(YAML_LIBS)
	$(FUZZ) services_form $(tests_fuzz_services_form_SOURCES) $(tests_unit_libservices_a_SOURCES) -lcmocka $(LMDB_LIBS) $(YAML_LIBS)
	$(FUZZ) network_record $(tests_fuzz_network_record_SOURCES) $(tests_unit_libnetwork_a_SOURCES)
	$(FUZZ) link_frame $(tests_fuzz_link_frame_SOURCES)
	$(FUZZ) link_key $(tests_fuzz_link_key_SOURCES)
	$(FUZZ) link_opening $(tests_fuzz_link_opening_SOURCES)
	$(FUZZ) link_wire $(tests_fuzz_link_wire_SOURCES)
	$(FUZZ) redirect_frame $(tests_fuzz_redirect_frame_SOURCES) $(tests_unit_libredirect_a_SOURCES) -lcmocka
	$(FUZZ) agent_mover $(tests_fuzz_agent_mover_SOURCES)
	$(FUZZ) agent_track $(tests_fuzz_agent_track_SOURCES)
	$(FUZZ) agent_upstreams $(tests_fuzz_agent_upstreams_SOURCES)
	$(FUZZ) metrics_http $(tests_fuzz_metrics_http_SOURCES)
