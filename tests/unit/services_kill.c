/*
 * tests/unit/services_kill.c - kill -9 while accounts are registered on LMDB: the database opens
 * each time, what was reported is there, and all tables fit. (This spares the page cache;
 * services_power.c does not.)
 *
 * run-all: timeout=300
 */
#include "tests/unit/services_rig.h"
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 40
#define BURST 5

/* Registers until it is killed; tells the clock of each account that was reported. */
static void register_for_ever(const char *folder, int round, int report)
{
	static struct rig rig;
	char nick[32];
	uint64_t told = 0;

	rig_open(&rig, folder, false, 0);
	for (int i = 0; rig.n_outcomes < OUTCOMES; i++) {
		snprintf(nick, sizeof(nick), "r%d-%d", round, i);
		rig_register_start(&rig, nick, NULL);
		if (i % BURST != 0)
			continue;
		for (int steps = i % 7; steps > 0; steps--)
			mini_step(rig.mini);
		for (; told < rig.n_outcomes && rig.outcomes[told].done; told++)
			if (rig.outcomes[told].status != 0 ||
			    write(report, &rig.outcomes[told].made, sizeof(struct gw_id)) !=
			            sizeof(struct gw_id))
				abort();
	}
	pause();
}

static pid_t start(const char *folder, int round, int *reports_out)
{
	int ends[2];
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(ends[0]);
		register_for_ever(folder, round, ends[1]);
	}
	close(ends[1]);
	*reports_out = ends[0];
	return child;
}

static void what_was_reported_survives_kill_9(void **state)
{
	static struct rig rig;
	static struct gw_id ids[ROUNDS * OUTCOMES];
	char *folder = mini_folder();
	size_t n = 0, first, status;
	int reports;
	pid_t child;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		child = start(folder, round, &reports);
		first = n;
		/* Some reports are awaited, the rest is left to chance. */
		while (n - first < (size_t)(round * 7 % 60) &&
		       read(reports, &ids[n], sizeof(ids[n])) == sizeof(ids[n]))
			n++;
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		while (read(reports, &ids[n], sizeof(ids[n])) == sizeof(ids[n]))
			n++;
		close(reports);
		rig_open(&rig, folder, false, 0);
		rig_check(&rig);
		assert_int_equal(rig_walk(&rig, GW_CLASS_ACCOUNT), 0);
		status = 0;
		for (size_t i = 0; i < rig.n_walked && status < n;
		     i++) /* both in the order of clocks */
			status += gw_id_is(rig.walked[i], ids[status]);
		assert_int_equal(status, n);
		rig_close(&rig);
	}
	print_message("# %zu registrations reported in %d rounds, none lost\n", n, ROUNDS);
	assert_true(n > ROUNDS);
	mini_folder_remove(&folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_was_reported_survives_kill_9)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
