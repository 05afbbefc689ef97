/*
 * godwit/option.h - the options of a module, as rows of a table.
 *
 * A module's block in the configuration carries its name and holds the options of its table. The
 * same row checks the file, words the error (file:line:column), and is what the manual is made
 * from.
 */
#ifndef GODWIT_OPTION_H
#define GODWIT_OPTION_H

#include <godwit/error.h>
#include <godwit/self.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** How a value is written, and what it is read as. */
enum gw_option_type {
	GW_OPT_BOOL,     /* yes, no, true, false, on, off */
	GW_OPT_INT,      /* decimal */
	GW_OPT_DURATION, /* 500ms, 10s, 5m, 2h, 30d; read as nanoseconds */
	GW_OPT_SIZE,     /* 4096, 64k, 2m, 1g; read as bytes */
	GW_OPT_STRING,   /* UTF-8 without control characters */
	GW_OPT_PATH,     /* "~/..." is in the home folder; relative ones count from the file */
	GW_OPT_ADDRESS,  /* "127.0.0.1:6667", "[::1]:6697", "unix:/path" */
	GW_OPT_LIST,     /* of strings; min and max bound their number */
	GW_OPT_SECRET    /* a string that no log and no answer of `rehash` shows */
};

/** A row of `.options`; the table ends with a row whose name is NULL. */
struct gw_option {
	const char *name; /* lower case and dashes */
	enum gw_option_type type;
	const char
		*fallback; /* as it would be written in the file; NULL: none (0, "", empty list) */
	int64_t min, max;  /* of the value, or of a string's length; both 0: unbounded */
	bool required;
	const char *help; /* one sentence */
};

/** Values for one module: those in force, or those of a file being checked. */
struct gw_options;

/** The table behind the functions below; call those. */
struct gw_option_api {
	const struct gw_options *(*in_force)(struct gw_self *);
	int64_t (*integer)(const struct gw_options *, const char *name);
	const char *(*string)(const struct gw_options *, const char *name);
	size_t (*list)(const struct gw_options *, const char *name, const char *const **items_out);
	const char *(*server)(struct gw_self *, const char *key);
	int (*rename)(struct gw_self *, const char *name, struct gw_error *err);
	int (*give)(struct gw_self *, const char *name, size_t n, const char *const *items,
	            struct gw_error *err);
};

/** The values in force; valid until the next rehash (topic "core.rehashed") or reload of the
 * module: copy what is kept. In `load` they are already those of this load. */
static inline const struct gw_options *gw_options(struct gw_self *self)
{
	return self->core->option->in_force(self);
}

/** Bools, ints, durations (ns) and sizes (bytes). Asking for a name not in the table is a bug and
 * ends the process. */
static inline int64_t gw_option_int(struct gw_self *self, const struct gw_options *o,
                                    const char *name)
{
	return self->core->option->integer(o, name);
}

/** Strings, paths, addresses; "" when absent. Borrowed from the options. */
static inline const char *gw_option_string(struct gw_self *self, const struct gw_options *o,
                                           const char *name)
{
	return self->core->option->string(o, name);
}

/** The number of a list's items; `*items_out` is borrowed from the options. */
static inline size_t gw_option_list(struct gw_self *self, const struct gw_options *o,
                                    const char *name, const char *const **items_out)
{
	return self->core->option->list(o, name, items_out);
}

/** The core's own keys as text: "server", "network", "state-directory", "description", "version",
 * "verb"; NULL for another. Valid until the next rehash. */
static inline const char *gw_server_string(struct gw_self *self, const char *key)
{
	return self->core->option->server(self, key);
}

#endif
