module_LTLIBRARIES += modules/account/account.la
modules_account_account_la_SOURCES = modules/account/account.c
modules_account_account_la_CPPFLAGS = $(MODULE_CPPFLAGS)
modules_account_account_la_CFLAGS = $(MODULE_CFLAGS) $(GNUTLS_CFLAGS) $(SODIUM_CFLAGS)
modules_account_account_la_LDFLAGS = $(MODULE_LDFLAGS)
modules_account_account_la_LIBADD = $(GNUTLS_LIBS) $(SODIUM_LIBS)
