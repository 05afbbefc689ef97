/*
 * balance/drain_admin.c - the command drain: begins one, joins one that is under way, or calls it
 * off.
 */
#include "balance.h"
#include <errno.h>
#include <stdlib.h>

#define WITHIN_MAX_S 86400

/** What the words say. */
struct words {
	bool then_exit, cancel;
	int64_t within_ns; /* 0: not said */
};

/* As in the configuration: 90s, 5m, 2h; a bare number is seconds. */
static bool parse_time(const char *text, int64_t *ns_out)
{
	static const struct {
		const char *unit;
		int64_t s;
	} units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}};
	char *end;
	long n;

	if (text[0] < '0' || text[0] > '9')
		return false;
	n = strtol(text, &end, 10);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].unit) != 0)
			continue;
		if (n < 1 || n > WITHIN_MAX_S / units[i].s)
			return false;
		*ns_out = n * units[i].s * GW_SECOND;
		return true;
	}
	return false;
}

static int parse(int argc, const char *const *argv, struct words *out, struct gw_error *why)
{
	*out = (struct words){.then_exit = false};
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--then-exit") == 0)
			out->then_exit = true;
		else if (strcmp(argv[i], "--cancel") == 0)
			out->cancel = true;
		else if (strcmp(argv[i], "--within") != 0)
			return gw_fail(why, -EINVAL,
			               "\"%.60s\" is none of --then-exit, --within, --cancel",
			               argv[i]);
		else if (++i == argc || !parse_time(argv[i], &out->within_ns))
			return gw_fail(why, -EINVAL,
			               "--within is followed by a time of one second to one day, "
			               "such as 90s or 5m");
	}
	if (out->cancel && argc > 1)
		return gw_fail(why, -EINVAL, "--cancel stands alone");
	return 0;
}

static int cancel(struct balance_state *st, struct gw_admin_request *req, struct gw_error *why)
{
	if (!drain_on(st))
		return gw_fail(why, -ENOENT, "this server is not being drained");
	drain_ends(st, DRAIN_ENDS_CANCELLED, gw_admin_who(st->self, req));
	gw_admin_text(st->self, req, "this server takes clients again");
	return 0;
}

/* One that is under way goes on, and is watched by one more. */
static int begin(struct balance_state *st, const struct drain_order *order,
                 struct gw_admin_request *req, struct gw_error *why)
{
	char line[200];
	int status = 0;

	if (drain_on(st) && st->drain.phase != DRAIN_DONE) {
		snprintf(line, sizeof(line), "a drain is under way, by %s", st->drain.who);
		gw_admin_text(st->self, req, line);
		drain_change(st, order);
	} else {
		status = drain_begin(st, order, why);
	}
	if (status == 0)
		drain_watch(st, req);
	return status;
}

void admin_drain(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct balance_state *st = state;
	struct gw_error why = {0};
	struct words words;
	int status = parse(argc, argv, &words, &why);

	if (status == 0 && !words.cancel) {
		struct drain_order order = {
			.who = gw_admin_who(st->self, req),
			.reason = "Drained",
			.then_exit = words.then_exit,
			.within_ns = words.within_ns > 0 ? words.within_ns
		                     : words.then_exit   ? st->settings.within_ns
		                                         : 0,
		};

		status = begin(st, &order, req, &why);
		if (status == 0)
			return;
	} else if (status == 0) {
		status = cancel(st, req, &why);
	}
	gw_admin_done(st->self, &req, status, why.text);
}
