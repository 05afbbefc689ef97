/*
 * modules/agent/upstreams_part.h - what the files upstreams*.c share.
 */
#ifndef AGENT_UPSTREAMS_PART_H
#define AGENT_UPSTREAMS_PART_H

#include "upstreams.h"

/* upstreams.c */
/** `address` in its one form. NULL: there is none. */
struct upstream *upstream_find(struct agent *agent, const char *address);
/** Not tried yet. NULL: there are too many, and all are needed. */
struct upstream *upstream_add(struct agent *agent, const char *address, bool tls);
void upstream_drop(struct agent *agent, struct upstream *u);
/** Copied; NULL: nobody. */
void upstream_set_by(struct agent *agent, struct upstream *u, const char *by);
/** Wiped. */
void upstream_ticket_drop(struct agent *agent, struct upstream *u);

/* upstreams_kept.c */
void upstreams_save(struct agent *agent);
void upstreams_load_file(struct agent *agent);

#endif
