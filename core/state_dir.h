/*
 * core/state_dir.h - the folder that one server has to itself: the lock, and the copies of module
 * files.
 */
#ifndef CORE_STATE_DIR_H
#define CORE_STATE_DIR_H

#include <godwit/error.h>
#include <sys/types.h>

struct gw_server;

struct state_owner {
	uid_t uid;
	gid_t gid;
};

/** Makes it (0700) where it is missing. */
int state_dir_make(struct gw_server *server, struct gw_error *err);
/** The same for somebody else: what is made belongs to them, what is there is left as it is. */
int state_dir_make_for(struct gw_server *server, const struct state_owner *owner,
                       struct gw_error *err);
/** The same as the first, and takes the lock, if it is not this server's already. */
int state_dir_lock(struct gw_server *server, struct gw_error *err);
/** The same, and clears away the copies of a server that died. */
int state_dir_open(struct gw_server *server, struct gw_error *err);
void state_dir_close(struct gw_server *server);

/** The path of a folder, not made yet, for the next copy of a module: below modules.live/PID/. */
char *state_dir_copy(struct gw_server *server);

#endif
