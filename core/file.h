/*
 * core/file.h - small files, read whole and written durably. For the start and for rehashes.
 */
#ifndef CORE_FILE_H
#define CORE_FILE_H

#include <godwit/error.h>
#include <stddef.h>
#include <sys/types.h>

/** All of it or nothing, whatever happens meanwhile; `mode` even where the file is there. */
int file_write(const char *path, mode_t mode, const void *data, size_t n, struct gw_error *err);

#endif
