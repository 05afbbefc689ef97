/*
 * core/path.h - paths as the configuration has them: "~/" in front is the home folder, and relative
 * ones count from the file that says so.
 */
#ifndef CORE_PATH_H
#define CORE_PATH_H

/** `text`, which stands in `file` (NULL: in none), as it is to be opened; the caller frees it.
 * NULL: it begins with "~/", and there is no home folder. */
char *path_from(const char *file, const char *text);

#endif
