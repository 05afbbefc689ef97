/*
 * core/settings.h - the core's own part of the configuration, as plain values.
 *
 * Made from the tree of config.c; conn.c opens what `listen` says and loads the TLS certificate.
 */
#ifndef CORE_SETTINGS_H
#define CORE_SETTINGS_H

#include <godwit/error.h>
#include <godwit/log.h>
#include <stdbool.h>
#include <stddef.h>

/** One entry of `listen`. */
struct listen_setting {
	char *address;  /* "127.0.0.1:6667", "[::1]:6697", "unix:/path"; checked for its form */
	char *protocol; /* name of a row of "core.protocol" */
	bool tls;
	char *advertise; /* "HOST:PORT"; NULL: not given */
	char *place;     /* "file:line:column", for the sentence when it cannot be opened */
};

struct level_setting {
	char *module;
	char *place; /* "file:line:column" */
	enum gw_log_level level;
};

enum log_target { LOG_TO_STDERR, LOG_TO_SYSLOG };

struct settings {
	char *server; /* "" when the configuration does not say it: server_name.h */
	char *network, *description;
	char *user, *group; /* what root becomes; "": not given */
	char *state_directory;
	char **module_directories; /* empty: beside the executable, or where they are installed */
	size_t n_module_directories;
	char **modules;
	char **module_places; /* where the file names each */
	size_t n_modules;
	struct listen_setting *listen;
	size_t n_listen;
	char *tls_certificate, *tls_key; /* PEM files; NULL: none */
	char *tls_place;
	enum log_target log_target;
	enum gw_log_level log_level;
	struct level_setting *levels;
	size_t n_levels;
	bool scan_state;
};

struct config;
struct gw_option;

/** The options of each block of the core, for the manual; the first section is the top level. Ends
 * with a NULL table. */
struct settings_section {
	const char *name;
	const struct gw_option *table;
};
extern const struct settings_section settings_sections[];

/** "irc1.example.net" */
bool settings_is_server_name(const char *s);

/** Whether the core itself reads this key of the top level. */
bool settings_is_key(const char *key);

/** Reads and checks the core's keys; the sentence of an error begins with file:line:column. */
int settings_read(const struct config *config, struct settings **out, struct gw_error *err);
void settings_free(struct settings **settings);

#endif
