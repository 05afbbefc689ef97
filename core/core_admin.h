/*
 * core/core_admin.h - the core as a contributor: its own topics, extension points and commands, as
 * a descriptor.
 */
#ifndef CORE_CORE_ADMIN_H
#define CORE_CORE_ADMIN_H

#include <godwit/module.h>

/** Its state is the struct gw_server. */
extern const struct gw_module core_descriptor;

#endif
