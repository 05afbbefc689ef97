# Tools of tests and benches.
check_PROGRAMS += tests/tools/seed_accounts
tests_tools_seed_accounts_SOURCES = tests/tools/seed_accounts.c
tests_tools_seed_accounts_LDADD = $(SERVICES_TEST_LIBS)

# what modules offer, for the list of all that they are compiled against
check_PROGRAMS += tests/tools/describe
tests_tools_describe_SOURCES = tests/tools/describe.c
tests_tools_describe_LDADD = $(TEST_LIBS)
