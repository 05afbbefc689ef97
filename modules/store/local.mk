module_LTLIBRARIES += modules/store/store.la
modules_store_store_la_SOURCES = modules/store/store.c modules/store/env.c modules/store/commit.c \
	modules/store/write.c modules/store/read.c modules/store/snapshot.c modules/store/care.c modules/store/metrics.c
modules_store_store_la_CPPFLAGS = $(MODULE_CPPFLAGS)
modules_store_store_la_CFLAGS = $(MODULE_CFLAGS) $(LMDB_CFLAGS)
modules_store_store_la_LDFLAGS = $(MODULE_LDFLAGS)
modules_store_store_la_LIBADD = $(LMDB_LIBS)
