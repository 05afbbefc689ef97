/*
 * burst/verb.c - godwit join HOST:PORT KEY: leaves an order in the state directory and has the
 * server started, which carries it out.
 */
#include "burst.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

struct arguments {
	const char *name, *address, *key;
	bool again, then_exit;
};

static int usage(struct gw_error *err)
{
	gw_fail(err, -EINVAL,
	        "usage: godwit join [--name NAME] HOST:PORT KEY [--again] [--then-exit]");
	return 2;
}

static bool take(struct arguments *out, int argc, const char *const *argv)
{
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--name") == 0 && i + 1 < argc)
			out->name = argv[++i];
		else if (strcmp(argv[i], "--again") == 0)
			out->again = true;
		else if (strcmp(argv[i], "--then-exit") == 0)
			out->then_exit = true;
		else if (argv[i][0] == '-')
			return false;
		else if (out->address == NULL)
			out->address = argv[i];
		else if (out->key == NULL)
			out->key = argv[i];
		else
			return false;
	}
	return out->key != NULL;
}

/* What an earlier order has come to is kept: whether the database was empty when it began. */
static int order_write(struct gw_self *self, const struct arguments *args, struct gw_error *err)
{
	const char *folder = gw_server_string(self, "state-directory");
	struct join_order order, before;
	int status = joinfile_read(folder, &before, NULL);

	memset(&order, 0, sizeof(order));
	if ((size_t)snprintf(order.address, sizeof(order.address), "%s", args->address) >=
	            sizeof(order.address) ||
	    (size_t)snprintf(order.key, sizeof(order.key), "%s", args->key) >= sizeof(order.key))
		return gw_fail(err, -EINVAL, "the address or the key is too long");
	snprintf(order.name, sizeof(order.name), "%s", gw_server_string(self, "server"));
	order.again = args->again;
	order.then_exit = args->then_exit;
	order.begun = status == 0 && before.begun && !args->again;
	return joinfile_write(folder, &order, err);
}

/* A member's name is in the network's database: under another one nobody would let it in again. */
static int check_name(struct gw_self *self, const struct arguments *args, struct gw_error *err)
{
	const char *folder = gw_server_string(self, "state-directory");
	const char *now = gw_server_string(self, "server");
	struct join_order before;
	char path[4096];

	if (args->name == NULL || args->again || now == NULL || now[0] == '\0' ||
	    strcasecmp(now, args->name) == 0 || joinfile_read(folder, &before, NULL) == 0)
		return 0;
	snprintf(path, sizeof(path), "%s/services/data.mdb", folder);
	if (access(path, F_OK) != 0)
		return 0;
	return gw_fail(err, -EEXIST,
	               "this server is called %.63s, and has a database under that name: leave "
	               "--name out, or set the database aside with --again",
	               now);
}

int verb_join(struct gw_self *self, int argc, const char *const *argv, struct gw_error *err)
{
	struct arguments args = {0};

	if (!take(&args, argc, argv))
		return usage(err);
	if (check_name(self, &args, err) != 0)
		return 1;
	if (args.name != NULL && gw_server_rename(self, args.name, err) != 0)
		return 2;
	return order_write(self, &args, err) == 0 ? GW_VERB_START : 1;
}
