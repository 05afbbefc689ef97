module_LTLIBRARIES += modules/metrics/metrics.la
modules_metrics_metrics_la_SOURCES = modules/metrics/exposition.c modules/metrics/http.c modules/metrics/metrics.c modules/metrics/metrics.h
modules_metrics_metrics_la_CPPFLAGS = $(MODULE_CPPFLAGS)
modules_metrics_metrics_la_CFLAGS = $(MODULE_CFLAGS)
modules_metrics_metrics_la_LDFLAGS = $(MODULE_LDFLAGS)
modules_metrics_metrics_la_LIBADD =
