/*
 * core/rights.c - see rights.h.
 */
#include "core/rights.h"
#include "core/conn.h"
#include "core/loop.h"
#include "core/server.h"
#include "core/settings.h"
#include "core/state_dir.h"
#include "core/tls_cred.h"
#include "core/tls_pair.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

/** Nobody is uid 0: the configuration asks for nothing. */
struct target {
	const char *name;
	uid_t uid;
	gid_t gid;
};

static int find(const struct settings *s, struct target *out, const char **key_out,
                struct gw_error *err)
{
	const struct passwd *user = s->user[0] != '\0' ? getpwnam(s->user) : NULL;
	const struct group *group = s->group[0] != '\0' ? getgrnam(s->group) : NULL;

	*out = (struct target){.name = s->user};
	*key_out = s->user[0] != '\0' && user == NULL ? "user" : "group";
	if (s->user[0] != '\0' && user == NULL)
		return gw_fail(err, -EINVAL, "this machine has no user '%.60s'", s->user);
	if (s->group[0] != '\0' && user == NULL)
		return gw_fail(err, -EINVAL, "'group' is of no use without 'user'");
	if (s->group[0] != '\0' && group == NULL)
		return gw_fail(err, -EINVAL, "this machine has no group '%.60s'", s->group);
	if (user == NULL)
		return 0;
	out->uid = user->pw_uid;
	out->gid = group != NULL ? group->gr_gid : user->pw_gid;
	return 0;
}

int rights_check(const struct settings *settings, const char **key_out, struct gw_error *err)
{
	struct target target;

	return find(settings, &target, key_out, err);
}

static int bind_all(struct gw_server *server, struct gw_error *err)
{
	const struct settings *s = server->settings;
	struct loop *loop = server->loop;
	int status = 0;

	for (size_t i = 0; i < s->n_listen && loop->ops->reserve != NULL; i++) {
		status = loop->ops->reserve(loop, s->listen[i].address);
		if (status != 0)
			return gw_fail(err, status, "%s: cannot listen on %s: %s",
			               s->listen[i].place, s->listen[i].address, strerror(-status));
	}
	return 0;
}

static int read_pair(struct gw_server *server, struct gw_error *err)
{
	struct tls_cred *cred = NULL;
	int status;

	if (server->settings->tls_certificate == NULL)
		return 0;
	status = tls_pair_prepare(server, server->settings, &cred, err);
	if (status == 0)
		tls_cred_commit(server, &cred);
	return status;
}

static bool can_come_back(const struct target *t)
{
	uid_t r, e, s;
	gid_t rg, eg, sg;

	if (getresuid(&r, &e, &s) != 0 || r != t->uid || e != t->uid || s != t->uid ||
	    getresgid(&rg, &eg, &sg) != 0 || rg != t->gid || eg != t->gid || sg != t->gid)
		return true;
	return setresuid((uid_t)-1, 0, (uid_t)-1) == 0 ||
	       (t->gid != 0 && setresgid((gid_t)-1, 0, (gid_t)-1) == 0);
}

static int become(const struct target *t, struct gw_error *err)
{
	if (initgroups(t->name, t->gid) != 0 || setresgid(t->gid, t->gid, t->gid) != 0 ||
	    setresuid(t->uid, t->uid, t->uid) != 0)
		return gw_fail(err, -errno, "cannot become the user '%.60s': %s", t->name,
		               strerror(errno));
	if (can_come_back(t))
		return gw_fail(err, -EPERM, "root's rights could be taken back as the user '%.60s'",
		               t->name);
	return 0;
}

/* A rehash will want them again. */
static void warn_of(struct gw_server *server, const char *path)
{
	if (path != NULL && access(path, R_OK) != 0)
		server_log(server, GW_WARN,
		           "a rehash will fail: the user cannot read a file user=%s file=\"%s\" "
		           "error=\"%s\"",
		           server->settings->user, path, strerror(errno));
}

static int drop(struct gw_server *server, const struct target *t, bool serves, struct gw_error *err)
{
	const struct state_owner owner = {.uid = t->uid, .gid = t->gid};
	int status = state_dir_make_for(server, &owner, err);

	if (status == 0 && serves)
		status = bind_all(server, err);
	if (status == 0 && serves)
		status = read_pair(server, err);
	if (status == 0)
		status = become(t, err);
	if (status != 0)
		return status;
	server->dropped = true;
	if (!serves)
		return 0;
	server_log(server, GW_INFO, "root's rights are given up user=%s", t->name);
	warn_of(server, server->config_path);
	warn_of(server, server->settings->tls_certificate);
	warn_of(server, server->settings->tls_key);
	return 0;
}

int rights_drop(struct gw_server *server, bool serves, struct gw_error *err)
{
	const char *key;
	struct target target;
	int status = find(server->settings, &target, &key, err);

	if (status != 0 || server->dropped)
		return status;
	if (target.name[0] == '\0') {
		/* The simulator, which binds nothing, is no process of its own. */
		if (geteuid() == 0 && serves && server->loop->ops->reserve != NULL)
			server_log(server, GW_WARN,
			           "runs as root: name a user in the configuration, or 'user: "
			           "root' if that is meant");
		return 0;
	}
	if (geteuid() == target.uid)
		return 0;
	if (geteuid() != 0)
		return gw_fail(err, -EPERM,
		               "only root can become the user '%.60s': start as root or as that "
		               "user, or leave 'user' out",
		               target.name);
	return drop(server, &target, serves, err);
}
