/*
 * core/server_name.c - see server_name.h.
 */
#include "core/server_name.h"
#include "core/config.h"
#include "core/file.h"
#include "core/mem.h"
#include "core/server.h"
#include "core/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 63

static char *path_of(const struct settings *settings)
{
	return mem_printf("%s/server.name", settings->state_directory);
}

/* The first line of the file; "" where there is no file. */
static int read_kept(const char *path, char name[NAME_MAX_BYTES + 2], struct gw_error *err)
{
	FILE *file = fopen(path, "re");
	size_t n;

	name[0] = '\0';
	if (file == NULL && errno == ENOENT)
		return 0;
	if (file == NULL)
		return gw_fail(err, -errno, "cannot read %s: %s", path, strerror(errno));
	n = fread(name, 1, NAME_MAX_BYTES + 1, file);
	fclose(file);
	name[n] = '\0';
	name[strcspn(name, "\n")] = '\0';
	if (settings_is_server_name(name))
		return 0;
	return gw_fail(err, -EINVAL, "%s does not hold a server's name", path);
}

static void set(struct gw_server *server, const char *name)
{
	char *copy = mem_strdup(name);

	free(server->name);
	server->name = copy;
}

/* What the two places say, "" when neither does; they must agree. */
static int find(const struct config *config, const struct settings *settings, char **out,
                struct gw_error *err)
{
	const char *configured = settings->server;
	char *path = path_of(settings), kept[NAME_MAX_BYTES + 2];
	int status = read_kept(path, kept, err);

	if (status == 0 && kept[0] != '\0' && configured[0] != '\0' &&
	    strcmp(kept, configured) != 0)
		status = node_fail(err, node_get(config_root(config), "server"),
		                   "the server is '%.63s' here and '%.63s' in %s", configured, kept,
		                   path);
	if (status == 0)
		*out = mem_strdup(configured[0] != '\0' ? configured : kept);
	free(path);
	return status;
}

static int need(const struct config *config, const char *name, struct gw_error *err)
{
	if (name[0] != '\0')
		return 0;
	return node_fail(err, config_root(config),
	                 "the configuration needs the option 'server', or give --name NAME once");
}

int server_name_settle(struct gw_server *server, bool required, struct gw_error *err)
{
	int status = 0;
	char *name;

	if (!server->name_given)
		status = find(server->config, server->settings, &name, err);
	if (status == 0 && !server->name_given) {
		free(server->name);
		server->name = name;
	}
	if (status == 0 && required)
		status = need(server->config, server->name, err);
	return status;
}

int server_name_check(const struct gw_server *server, const struct config *config,
                      const struct settings *settings, struct gw_error *err)
{
	char *name;
	int status;

	if (server->name_given)
		return 0;
	status = find(config, settings, &name, err);
	if (status != 0)
		return status;
	status = need(config, name, err);
	free(name);
	return status;
}

int server_name_give(struct gw_server *server, const char *name, struct gw_error *err)
{
	if (strlen(name) > NAME_MAX_BYTES || !settings_is_server_name(name))
		return gw_fail(err, -EINVAL,
		               "a server's name is such as irc1.example.net, not '%.63s'", name);
	set(server, name);
	server->name_given = true;
	return 0;
}

int server_name_keep(struct gw_server *server, struct gw_error *err)
{
	char *path, *text;
	int status;

	if (!server->name_given)
		return 0;
	path = path_of(server->settings);
	text = mem_printf("%s\n", server->name);
	status = file_write(path, 0600, text, strlen(text), err);
	free(text);
	free(path);
	return status;
}
