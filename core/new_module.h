/*
 * core/new_module.h - `godwit new-module NAME [DIRECTORY]`: the beginning of a module of one's own.
 */
#ifndef CORE_NEW_MODULE_H
#define CORE_NEW_MODULE_H

#include <godwit/error.h>

/** Writes a small, complete project into the folder (NULL: one of the module's name, here), from
 * the templates that came with the program; says on stdout what comes next. Nothing that is there
 * is touched. 0; -EINVAL: the name cannot be a module's; negative with a sentence. */
int new_module(const char *name, const char *folder, struct gw_error *err);

#endif
