/*
 * core/shipped.h - files that come with the program, in a build tree or installed.
 */
#ifndef CORE_SHIPPED_H
#define CORE_SHIPPED_H

/** "agent.yaml", "new-module/README.md.in": in the folder "conf" beside the executable, which is
 * that of a build tree; or where it was installed, below another root too, as packagers do
 * (DESTDIR). NULL: it is not there. The caller frees it. */
char *shipped_file(const char *name);

/** An installed folder or file, "/usr/local/lib/godwit/modules", as this program sees it: below the
 * root under which it was put itself. The caller frees it. */
char *shipped_place(const char *path);

#endif
