/*
 * tests/module/mailbox.h - a file that gets what the server mails, by
 * `mail-command: [/bin/sh, -c, "cat >>FILE"]`.
 *
 * The command is a real process, for which virtual time does not wait; whoever reads here does.
 */
#ifndef TESTS_MAILBOX_H
#define TESTS_MAILBOX_H

#include "tests/sim/harness.h"
#include "tests/unit/cmocka.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAILBOX_MAX 16384

static inline void mailbox_new(char box[32])
{
	int fd;

	strcpy(box, "/tmp/godwit-mail-XXXXXX");
	fd = mkstemp(box);
	assert_true(fd >= 0);
	close(fd);
}

/** All that was mailed, when every command has ended and the server, which looks each 50 ms, knows
 * it. */
static inline void mailbox_read(struct simnet *net, const char *box, char text[MAILBOX_MAX])
{
	siginfo_t ended;
	FILE *file;

	do
		simnet_run(net, 100 * GW_MS);
	while (waitid(P_ALL, 0, &ended, WEXITED | WNOWAIT) == 0);
	assert_int_equal(ECHILD, errno);
	file = fopen(box, "r");
	assert_non_null(file);
	text[fread(text, 1, MAILBOX_MAX - 1, file)] = '\0';
	fclose(file);
}

#endif
