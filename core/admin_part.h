/*
 * core/admin_part.h - what admin.c and admin_log.c share: a request.
 */
#ifndef CORE_ADMIN_PART_H
#define CORE_ADMIN_PART_H

#include "core/admin.h"

struct gw_admin_request {
	struct gw_admin_request *prev, *next;
	struct gw_server *server;
	struct module *module; /* whose command it is; NULL while none is found */
	struct gw_call answer;
	char *who, *detail;
	char **privileges; /* NULL: all */
	char **argv;       /* NULL-terminated copies, of the whole line */
	char *name;        /* of the command; NULL while none is found */
	int words;         /* of that name, in argv */
	int secret;        /* index in argv of the first one that is never shown; 0: none */
	bool secretive;    /* it takes some */
	bool reads;        /* changes nothing */
	bool begun;
	uint64_t number; /* in the log */
	int64_t begun_ns;
};

/* admin_log.c: once each. */
void admin_log_begun(struct gw_admin_request *req);
void admin_log_ended(const struct gw_admin_request *req, int status, const char *sentence);
void admin_log_refused(const struct gw_admin_request *req, int status, const char *sentence);

/* admin_mend.c */
/** What goes to a front end is UTF-8, whatever it was made of and wherever it was cut. Returns what
 * is to be freed behind it, a list that ends with NULL; NULL: nothing. */
char **admin_mend(struct gw_admin_answer *part);

/* suggest.c */
#define SUGGEST_MAX 96
/** The command that was probably meant by words that are none, and how many of them; 0: no idea. */
int suggest_command(struct gw_server *server, int argc, const char *const *argv,
                    char out[SUGGEST_MAX]);

#endif
