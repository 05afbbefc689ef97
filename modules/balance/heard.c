/*
 * balance/heard.c - when each server last reported, and where its clients connect.
 *
 * The figures themselves are in the network's list of servers. Addresses travel as an event of this
 * module's own, "balance.where": two texts "HOST:PORT" with a NUL behind each, of a listener with
 * TLS and of one without; empty where there is none. It is said again whenever somebody new comes
 * into sight, with the load report.
 */
#include "balance.h"
#include <errno.h>

struct heard {
	uint64_t run;
	int64_t at_ns; /* monotonic, of the report; 0: none */
	char secure[WHERE_MAX + 1], plain[WHERE_MAX + 1];
	UT_hash_handle hh;
};

static struct heard *heard_find(struct balance_state *st, uint64_t run)
{
	struct gw_self *self = st->self;
	struct heard *heard;

	HASH_FIND(hh, st->heard, &run, sizeof(run), heard);
	return heard;
}

/* Those who are out of sight come back with another report. */
static void forget_absent(struct balance_state *st)
{
	struct gw_self *self = st->self;
	struct heard *heard, *next;

	HASH_ITER (hh, st->heard, heard, next) {
		if (NETWORK(st, node, heard->run) != NULL)
			continue;
		HASH_DELETE(hh, st->heard, heard);
		gw_free(self, heard);
	}
}

static struct heard *heard_make(struct balance_state *st, uint64_t run)
{
	struct gw_self *self = st->self;
	struct heard *heard = heard_find(st, run);

	if (heard != NULL)
		return heard;
	forget_absent(st);
	heard = gw_alloc(self, sizeof(*heard));
	heard->run = run;
	HASH_ADD(hh, st->heard, run, sizeof(heard->run), heard);
	return heard;
}

void heard_report(struct balance_state *st, uint64_t run)
{
	heard_make(st, run)->at_ns = gw_mono_ns(st->self) | 1;
}

uint32_t heard_age_ms(struct balance_state *st, uint64_t run)
{
	const struct heard *heard = heard_find(st, run);
	int64_t ms;

	if (heard == NULL || heard->at_ns == 0)
		return UINT32_MAX;
	ms = (gw_mono_ns(st->self) - heard->at_ns) / GW_MS;
	return ms < 0 ? 0 : ms >= UINT32_MAX ? UINT32_MAX - 1 : (uint32_t)ms;
}

const char *heard_where(struct balance_state *st, uint64_t run, bool tls)
{
	const struct heard *heard = heard_find(st, run);
	const char *where = heard == NULL ? "" : tls ? heard->secure : heard->plain;

	return where[0] == '\0' ? NULL : where;
}

/** What is said of this server's listeners. */
struct where {
	char secure[WHERE_MAX + 1], plain[WHERE_MAX + 1];
	bool secure_near, plain_near; /* reached from this machine alone */
};

/* The first listener that others can reach; one of this machine alone where there is no other. */
static void consider(const struct gw_listener *listener, char out[WHERE_MAX + 1], bool *near)
{
	if (out[0] != '\0' && !(*near && !listener->loopback))
		return;
	snprintf(out, WHERE_MAX + 1, "%s", listener->advertise);
	*near = listener->loopback;
}

static void look_at(void *ctx, const struct gw_listener *listener)
{
	struct where *where = ctx;

	if (strcmp(listener->protocol, "client") != 0 || listener->advertise == NULL)
		return;
	if (listener->tls)
		consider(listener, where->secure, &where->secure_near);
	else
		consider(listener, where->plain, &where->plain_near);
}

void where_tell(struct balance_state *st)
{
	struct where where = {.secure = ""};
	char body[2 * (WHERE_MAX + 1)];
	size_t n;

	gw_listeners(st->self, look_at, &where);
	n = strlen(where.secure) + 1;
	memcpy(body, where.secure, n);
	memcpy(body + n, where.plain, strlen(where.plain) + 1);
	n += strlen(where.plain) + 1;
	NETWORK(st, custom, NULL, "balance.where", GW_SCOPE_ALL, NULL, NULL, body, n, 0);
}

/* It will stand in a line to clients. */
static bool fits(const char *text, size_t n)
{
	if (n > WHERE_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return n == 0 || (strrchr(text, ':') != NULL && text[0] != ':');
}

int where_apply(void *state, const struct gw_event *event)
{
	struct balance_state *st = state;
	const char *secure = event->body, *plain;
	size_t n = event->body_len == 0 ? 0 : strnlen(secure, event->body_len), m;
	struct heard *heard;

	if (n == event->body_len)
		return -EBADMSG;
	plain = secure + n + 1;
	m = strnlen(plain, event->body_len - n - 1);
	if (m == event->body_len - n - 1 || !fits(secure, n) || !fits(plain, m))
		return -EBADMSG;
	heard = heard_make(st, event->origin);
	snprintf(heard->secure, sizeof(heard->secure), "%s", secure);
	snprintf(heard->plain, sizeof(heard->plain), "%s", plain);
	return 0;
}

void heard_free(struct balance_state *st)
{
	struct gw_self *self = st->self;
	struct heard *heard, *next;

	HASH_ITER (hh, st->heard, heard, next) {
		HASH_DELETE(hh, st->heard, heard);
		gw_free(self, heard);
	}
}
