# Test programs of tests/fuzz; tests/local.mk says what a test adds here. A target's corpus is the folder of its name in
# tests/fuzz/corpus; replay.c runs it without a fuzzer.

check_PROGRAMS += tests/fuzz/client_message
tests_fuzz_client_message_SOURCES = tests/fuzz/client_message.c tests/fuzz/replay.c modules/client/message.c
tests_fuzz_client_message_LDADD =
