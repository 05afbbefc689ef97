/*
 * core/mem.h - memory: the core's own, and what is counted under a module's name.
 *
 * Out of memory ends the process in mem.c and nowhere else. In test mode (`debug: {scan-state:
 * yes}`) each block of each module is remembered, so that a reload can look through it for pointers
 * into the old image and an unloading can tell what was forgotten.
 */
#ifndef CORE_MEM_H
#define CORE_MEM_H

#include <stddef.h>

struct image;
struct module;

/** `n` zero bytes for the core itself; ends with free(). */
void *mem_alloc(size_t n);
void *mem_resize(void *p, size_t n);
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t n);
__attribute__((format(printf, 1, 2))) char *mem_printf(const char *format, ...);

/** Test mode: logs each word in the module's memory that points into `image`; their number. */
size_t mem_scan(struct module *module, const struct image *image);

/** Logs what the module has not given back (test mode: frees it too); the number of blocks. */
size_t mem_leaks(struct module *module);

#endif
