# One a line; the unit tests are built from the same list
SERVICES_SOURCES = \
	modules/services/services.c \
	modules/services/cell.c \
	modules/services/merge.c \
	modules/services/merge_round.c \
	modules/services/start.c \
	modules/services/commit.c \
	modules/services/find.c \
	modules/services/filter.c \
	modules/services/read.c \
	modules/services/shown.c \
	modules/services/expire.c \
	modules/services/own.c \
	modules/services/vector.c \
	modules/services/members.c \
	modules/services/peer.c \
	modules/services/hello.c \
	modules/services/round_send.c \
	modules/services/round_take.c \
	modules/services/round_file.c \
	modules/services/tell.c \
	modules/services/acks.c \
	modules/services/collect.c \
	modules/services/admin_replica.c \
	modules/services/join.c \
	modules/services/join_give.c \
	modules/services/join_take.c \
	modules/services/index.c \
	modules/services/pile.c \
	modules/services/scratch.c \
	modules/services/verify.c \
	modules/services/set_aside.c \
	modules/services/salvage.c \
	modules/services/wire.c \
	modules/services/admin.c \
	modules/services/metrics.c \
	modules/services/backup.c \
	modules/services/form.c \
	modules/services/form_text.c \
	modules/services/form_write.c \
	modules/services/form_write_parts.c \
	modules/services/form_write_claims.c \
	modules/services/form_write_rest.c \
	modules/services/form_tree.c \
	modules/services/form_read.c \
	modules/services/form_read_parts.c \
	modules/services/form_read_claims.c \
	modules/services/form_read_record.c \
	modules/services/export.c \
	modules/services/export_names.c \
	modules/services/import.c \
	modules/services/import_file.c \
	modules/services/import_plan.c \
	modules/services/import_check.c \
	modules/services/import_write.c

module_LTLIBRARIES += modules/services/services.la
modules_services_services_la_SOURCES = $(SERVICES_SOURCES)
modules_services_services_la_CPPFLAGS = $(MODULE_CPPFLAGS)
modules_services_services_la_CFLAGS = $(MODULE_CFLAGS) $(SODIUM_CFLAGS) $(GNUTLS_CFLAGS) $(YAML_CFLAGS)
modules_services_services_la_LDFLAGS = $(MODULE_LDFLAGS)
modules_services_services_la_LIBADD = $(SODIUM_LIBS) $(GNUTLS_LIBS) $(YAML_LIBS)
