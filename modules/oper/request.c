/*
 * modules/oper/request.c - admin commands that wait for the services database.
 */
#include "private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

struct request *oper_request_new(struct oper_state *o, struct gw_admin_request *req,
                                 const char *done)
{
	struct request *r = gw_alloc(o->self, sizeof(*r));

	r->tag = ++o->last_tag;
	r->req = req;
	snprintf(r->done, sizeof(r->done), "%s", done);
	DL_APPEND(o->requests, r);
	return r;
}

struct request *oper_request_of(struct oper_state *o, uint64_t tag)
{
	struct request *r;

	DL_SEARCH_SCALAR(o->requests, r, tag, tag);
	return r;
}

void oper_request_end(struct oper_state *o, struct request *r, int status, const char *error)
{
	if (status == 0) {
		gw_admin_text(o->self, r->req, r->done);
		if (r->alone)
			gw_admin_text(
				o->self, r->req,
				"It is stored on this server only until another one is reached.");
		oper_tell(o, "%s (by %s)", r->done, gw_admin_who(o->self, r->req));
	}
	gw_admin_done(o->self, &r->req, status, error);
	DL_DELETE(o->requests, r);
	gw_free(o->self, r);
}

static void end_failed(struct oper_state *o, struct request *r, int status)
{
	char error[160];

	snprintf(error, sizeof(error), "the services database did not take it: %s",
	         status == -EROFS
	                 ? "this server has lost touch with the network's database and has "
	                   "to join the network again"
	                 : strerror(-status));
	oper_request_end(o, r, status, status == -ENOENT ? "it is gone already" : error);
}

void oper_request_commit(struct oper_state *o, struct request *r, const struct gw_write *writes,
                         size_t n)
{
	int status = SERVICES(o, commit, writes, n, gw_call(o->self, CALL_COMMITTED, r->tag));

	r->makes = writes[0].make ? writes[0].class : 0;
	if (status != 0)
		end_failed(o, r, status);
}

/* Nobody has said so far that it has come there; on a network of one nobody has to. */
static bool only_here(struct oper_state *o, struct gw_stamp stamp)
{
	char away[8];

	return !REPLICA(o, everywhere, stamp, away, sizeof(away));
}

/* It is stored and in force; the answer waits for a neighbour's copy. */
static void conclude(struct oper_state *o, struct request *r)
{
	int64_t within = gw_option_int(o->self, gw_options(o->self), "second-copy");
	struct gw_stamp stamp = {r->made.clock, r->made.origin};

	if (within > 0 && o->replica->ops != NULL) {
		if (REPLICA(o, second_copy, stamp, within, gw_call(o->self, CALL_COPIED, r->tag)) ==
		    0)
			return;
		r->alone = only_here(o, stamp);
	}
	oper_request_end(o, r, 0, "");
}

void oper_copied(void *state, uint64_t tag, int status, struct gw_id made)
{
	struct oper_state *o = state;
	struct request *r = oper_request_of(o, tag);

	if (r == NULL)
		return;
	r->alone = status != 0 && only_here(o, (struct gw_stamp){made.clock, made.origin});
	oper_request_end(o, r, 0, "");
}

/* What was made is read before it is said to be so: who was just granted something can use it. */
void oper_committed(void *state, uint64_t tag, int status, struct gw_id made)
{
	struct oper_state *o = state;
	struct request *r = oper_request_of(o, tag);

	if (r == NULL)
		return;
	r->made = made;
	if (status == 0 && r->makes != 0)
		status =
			SERVICES(o, read, r->makes, made, gw_call(o->self, CALL_REQUEST_READ, tag));
	else if (status == 0)
		conclude(o, r);
	if (status != 0)
		end_failed(o, r, status);
}

void oper_request_read(void *state, uint64_t tag, int status, const struct gw_entity *entity)
{
	struct oper_state *o = state;
	struct request *r = oper_request_of(o, tag);

	if (status == 0 && entity->class == GW_CLASS_GRANT)
		oper_grant_take(o, entity);
	else if (status == 0)
		oper_ban_take(o, entity);
	if (r == NULL)
		return;
	if (status == 0)
		conclude(o, r);
	else
		end_failed(o, r, status);
}

/* The core ends the requests of a module that goes. */
void oper_requests_free(struct oper_state *o)
{
	struct request *r, *next;

	DL_FOREACH_SAFE (o->requests, r, next) {
		DL_DELETE(o->requests, r);
		gw_free(o->self, r);
	}
}
