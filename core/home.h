/*
 * core/home.h - the user's home folder, for the daemon and for godwitctl.
 */
#ifndef CORE_HOME_H
#define CORE_HOME_H

/** $HOME, else what the system has for the process's user; NULL: there is none. Valid until the
 * next call. */
const char *home_folder(void);

#endif
