# Tools of tests and benches.
check_PROGRAMS += tests/tools/seed_accounts
tests_tools_seed_accounts_SOURCES = tests/tools/seed_accounts.c
tests_tools_seed_accounts_LDADD = $(SERVICES_TEST_LIBS)
