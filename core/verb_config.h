/*
 * core/verb_config.h - the configuration of a verb: `godwit agent` needs no -c.
 */
#ifndef CORE_VERB_CONFIG_H
#define CORE_VERB_CONFIG_H

/** The file VERB.yaml: the user's own, the system's, or the one that came with the program, in this
 * order. NULL: there is none, and the verb is one of the server's. The caller frees it. */
char *verb_config(const char *verb);

#endif
