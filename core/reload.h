/*
 * core/reload.h - replaces the code of a loaded module; its state, timers, connections and jobs
 * stay.
 */
#ifndef CORE_RELOAD_H
#define CORE_RELOAD_H

#include "core/module.h"

/** Outside of every frame of module code. On failure the old generation goes on as if nothing had
 * happened. */
int module_reload(struct module *module, struct gw_error *err);

#endif
