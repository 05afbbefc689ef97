/*
 * core/bus.h - the bus, as the core itself uses it.
 */
#ifndef CORE_BUS_H
#define CORE_BUS_H

#include <godwit/bus.h>

void bus_notify(struct gw_topic *topic, const void *payload);
int bus_ask(struct gw_topic *topic, void *payload, struct gw_error *why);

#endif
