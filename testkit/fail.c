/*
 * testkit/fail.c - what becomes of a failure: the author's handler, or the report and status 1.
 *
 * The simulation reports by these functions too; which network of the kit is meant it cannot know,
 * so there is a list of them.
 */
#include "testkit/kit.h"
#include <stdlib.h>
#include <unistd.h>

static struct gwt_net *nets;

void kit_net_add(struct gwt_net *net)
{
	net->next = nets;
	nets = net;
}

void kit_net_remove(struct gwt_net *net)
{
	struct gwt_net **at = &nets;

	while (*at != net)
		at = &(*at)->next;
	*at = net->next;
}

__attribute__((noreturn)) static void give_up(struct gwt_net *net, const char *report,
                                              const char *file, int line)
{
	if (net != NULL) {
		net->failed = true;
		if (net->on_failure != NULL)
			net->on_failure(net->ctx, report, file, line);
	}
	if (net == NULL || net->on_failure == NULL)
		fputs(report, stderr);
	for (struct gwt_net *n = nets; n != NULL; n = n->next)
		sim_remove_folders(n->tree->net);
	fflush(NULL);
	_exit(1); /* the servers are in the midst of something: nothing is taken apart */
}

void sim_fail(struct simnet *net, const char *report, const char *file, int line)
{
	struct gwt_net *n = nets;
	struct text whole = {0};
	char place[24];

	while (n != NULL && n->tree->net != net)
		n = n->next;
	text_add(&whole, report);
	if (file[0] != '\0') {
		snprintf(place, sizeof(place), ":%d: failed\n", line);
		text_add(&whole, "--- ");
		text_add(&whole, file);
		text_add(&whole, place);
	}
	give_up(n, whole.data, file, line);
}

void sim_broken(const char *what, const char *file, int line)
{
	struct text report = {0};

	if (nets != NULL)
		text_add(&report, sim_report(nets->tree->net, "", "this must hold", what));
	else
		text_add(&report, what);
	(void)file, (void)line; /* of the kit, not of the test */
	give_up(nets, report.data, "", 0);
}

void kit_fail(struct gwt_net *net, const char *talk, const char *what, const char *wanted,
              const char *file, int line)
{
	struct simnet *simnet = net->tree->net;

	sim_fail(simnet, sim_report(simnet, talk, what, wanted), file, line);
}

void kit_refuse(struct gwt_net *net, const char *what, const char *wanted)
{
	kit_fail(net, "", what, wanted, "", 0);
}

void gwt_fail_at(struct gwt_net *net, const char *what, const char *file, int line)
{
	kit_fail(net, "", "does not hold", what, file, line);
}

void gwt_on_failure(struct gwt_net *net, gwt_failed_fn *fn, void *ctx)
{
	net->on_failure = fn;
	net->ctx = ctx;
}
