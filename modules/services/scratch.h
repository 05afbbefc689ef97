/*
 * services/scratch.h - files without a name, for what is too much for memory: gone with the
 * process.
 */
#ifndef SERVICES_SCRATCH_H
#define SERVICES_SCRATCH_H

/** A new one in the file system of `folder`; the caller closes it. A negative errno. */
int scratch_open(const char *folder);

#endif
