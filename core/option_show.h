/*
 * core/option_show.h - prints tables of options.
 */
#ifndef CORE_OPTION_SHOW_H
#define CORE_OPTION_SHOW_H

#include "core/option.h"
#include <stdio.h>

/**
 * A line a row: "section.name", type, default ("required": must be given; "-": none), limits ("-":
 * none; of a text its length, of a list the number of its items), help; with a TAB between them.
 * `section` NULL: the top level.
 */
void option_show(FILE *out, const char *section, const struct gw_option *table);

#endif
