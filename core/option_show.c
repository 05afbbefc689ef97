/*
 * core/option_show.c - tables of options as lines of text: what `godwit --options` prints, and what
 * the manual and the example configuration are tested against.
 */
#include "core/option_show.h"

static const char *const type_names[] = {
	[GW_OPT_BOOL] = "bool",       [GW_OPT_INT] = "number",  [GW_OPT_DURATION] = "time",
	[GW_OPT_SIZE] = "size",       [GW_OPT_STRING] = "text", [GW_OPT_PATH] = "path",
	[GW_OPT_ADDRESS] = "address", [GW_OPT_LIST] = "list",   [GW_OPT_SECRET] = "text",
};

static void show_row(FILE *out, const char *section, const struct gw_option *o)
{
	char min[32], max[32];

	fprintf(out, "%s%s%s\t%s\t", section != NULL ? section : "", section != NULL ? "." : "",
	        o->name, type_names[o->type]);
	fprintf(out, "%s\t", o->required ? "required" : o->fallback != NULL ? o->fallback : "-");
	if (o->min == 0 && o->max == 0)
		fprintf(out, "-");
	else
		fprintf(out, "%s to %s", option_limit(min, o, o->min),
		        option_limit(max, o, o->max));
	fprintf(out, "\t%s\n", o->help != NULL ? o->help : "");
}

void option_show(FILE *out, const char *section, const struct gw_option *table)
{
	for (const struct gw_option *o = table; o != NULL && o->name != NULL; o++)
		show_row(out, section, o);
}
