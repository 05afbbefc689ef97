module_LTLIBRARIES += modules/services/services.la
modules_services_services_la_SOURCES = modules/services/services.c
modules_services_services_la_CPPFLAGS = $(MODULE_CPPFLAGS)
modules_services_services_la_CFLAGS = $(MODULE_CFLAGS) $(GNUTLS_CFLAGS) $(SODIUM_CFLAGS)
modules_services_services_la_LDFLAGS = $(MODULE_LDFLAGS)
modules_services_services_la_LIBADD = $(GNUTLS_LIBS) $(SODIUM_LIBS)
