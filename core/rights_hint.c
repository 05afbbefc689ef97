/*
 * core/rights_hint.c - the word of rights.h for those who know nothing else of it: what opens
 * listeners and reads keys is tested without a server.
 */
#include "core/rights.h"
#include "core/server.h"

#include <errno.h>

const char *rights_hint(const struct gw_server *server, int status)
{
	if (!server->dropped || (status != -EACCES && status != -EPERM))
		return "";
	return "; the server was root at its start only: a restart can, a rehash cannot";
}
