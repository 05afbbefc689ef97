module_LTLIBRARIES += modules/account/account.la
modules_account_account_la_SOURCES = \
	modules/account/account.c modules/account/account.h modules/account/admin.c modules/account/adopted.c \
	modules/account/answer.c modules/account/attempts.c modules/account/check.c \
	modules/account/chunks.c modules/account/chunks.h modules/account/commands.c \
	modules/account/cred.c modules/account/cred.h modules/account/decoy.c modules/account/external.c \
	modules/account/hashing.c modules/account/login.c modules/account/mail.c \
	modules/account/metrics.c modules/account/mailaddr.c modules/account/mailaddr.h modules/account/names.c modules/account/nicks.c modules/account/nickserv.c \
	modules/account/party.c modules/account/pass.c modules/account/password.c \
	modules/account/pending.c modules/account/plain.c modules/account/plain.h \
	modules/account/plain_parse.c modules/account/register.c modules/account/sasl.c \
	modules/account/scram.c modules/account/scram.h modules/account/scram_sasl.c modules/account/servers.c \
	modules/account/task.c modules/account/verify.c modules/account/view.c
modules_account_account_la_CPPFLAGS = $(MODULE_CPPFLAGS)
modules_account_account_la_CFLAGS = $(MODULE_CFLAGS) $(GNUTLS_CFLAGS) $(SODIUM_CFLAGS)
modules_account_account_la_LDFLAGS = $(MODULE_LDFLAGS)
modules_account_account_la_LIBADD = $(GNUTLS_LIBS) $(SODIUM_LIBS)
