/*
 * godwit/hash.h - uthash with the module's memory and the server's keyed hash.
 *
 * Include this instead of <uthash.h>. Wherever a HASH_ macro is used, a variable `self` (struct
 * gw_self *) must be in scope. Tables keep the order of insertion, so a walk is the same in every
 * run.
 */
#ifndef GODWIT_HASH_H
#define GODWIT_HASH_H

#include <godwit/mem.h>

#define uthash_malloc(n) gw_alloc(self, n)
#define uthash_free(p, n) gw_free(self, p)
#define HASH_FUNCTION(key, len, out) ((out) = (unsigned)gw_hash(self, (key), (len)))
#include <uthash.h>

#endif
