/*
 * core/metrics.h - the core's own figures for the topic "metrics.collect".
 */
#ifndef CORE_METRICS_H
#define CORE_METRICS_H

#include <godwit/bus.h>
#include <godwit/metrics.h>

/** `state` is the struct gw_server. */
gw_heard_fn server_metrics;

#endif
