/*
 * modules/client/settings.c - the options as a table, and what is read from them.
 */
#include "client.h"
#include <errno.h>

const struct gw_option client_options[] = {
	{.name = "max-clients",
         .type = GW_OPT_INT,
         .fallback = "100000",
         .min = 1,
         .max = 1000000,
         .help = "Connections of clients at one time."},
	{.name = "max-per-address",
         .type = GW_OPT_INT,
         .fallback = "16",
         .min = 0,
         .max = 1000000,
         .help = "Connections from one address (IPv6: from one /64) at one time; 0: no limit."},
	{.name = "connect-burst",
         .type = GW_OPT_INT,
         .fallback = "12",
         .min = 1,
         .max = 1000000,
         .help = "Connections that one address may make in quick succession."},
	{.name = "connect-interval",
         .type = GW_OPT_DURATION,
         .fallback = "5s",
         .min = 0,
         .max = 3600 * GW_SECOND,
         .help = "Time after which an address may make one more connection beyond its burst; 0s: "
                 "no limit."},
	{.name = "flood-rate",
         .type = GW_OPT_INT,
         .fallback = "5",
         .min = 0,
         .max = 1000000,
         .help = "Lines per second that a client may send for long; more have to wait. 0: no "
                 "limit."},
	{.name = "flood-burst",
         .type = GW_OPT_INT,
         .fallback = "40",
         .min = 1,
         .max = 1000000,
         .help = "Lines that a client may send at once before they have to wait."},
	{.name = "excess-flood",
         .type = GW_OPT_SIZE,
         .fallback = "0",
         .min = 0,
         .max = 1 << 30,
         .help = "A client of which more input than this waits is disconnected (Excess Flood); 0: "
                 "never, it is read more slowly."},
	{.name = "sendq",
         .type = GW_OPT_SIZE,
         .fallback = "1m",
         .min = 16384,
         .max = 1 << 30,
         .help = "Output that may wait for a slow client before it is disconnected."},
	{.name = "recvq",
         .type = GW_OPT_SIZE,
         .fallback = "64k",
         .min = 8192,
         .max = 1 << 30,
         .help = "Input of a client that may wait in the server's memory."},
	{.name = "recvq-before",
         .type = GW_OPT_SIZE,
         .fallback = "8k",
         .min = 8192,
         .max = 1 << 30,
         .help = "The same before the user has authenticated."},
	{.name = "ping-interval",
         .type = GW_OPT_DURATION,
         .fallback = "120s",
         .min = GW_SECOND,
         .max = 86400 * GW_SECOND,
         .help = "Silence after which a client is asked for a sign of life."},
	{.name = "ping-timeout",
         .type = GW_OPT_DURATION,
         .fallback = "60s",
         .min = GW_SECOND,
         .max = 86400 * GW_SECOND,
         .help = "Time that it then has to answer."},
	{.name = "login-timeout",
         .type = GW_OPT_DURATION,
         .fallback = "3m",
         .min = GW_SECOND,
         .max = 86400 * GW_SECOND,
         .help = "Time in which a new connection must have authenticated."},
	{.name = "registration-timeout",
         .type = GW_OPT_DURATION,
         .fallback = "15m",
         .min = GW_SECOND,
         .max = 86400 * GW_SECOND,
         .help = "Time that a registration over the connection may take."},
	{.name = "exempt",
         .type = GW_OPT_LIST,
         .min = 0,
         .max = CIDRS_MAX,
         .help = "Addresses and networks (\"127.0.0.0/8\", \"::1\", \"unix\") for which throttles, "
                 "flood limits and limits per address do "
                 "not hold."},
	{.name = "reserved",
         .type = GW_OPT_LIST,
         .fallback = "[NickServ, ChanServ, OperServ, MemoServ, HostServ, BotServ]",
         .min = 0,
         .max = 256,
         .help = "Nicks that nobody may take."},
	{.name = "welcome",
         .type = GW_OPT_BOOL,
         .fallback = "no",
         .help = "Tell whoever starts the server in the foreground how to connect, register and "
                 "stop it."},
	{0},
};

static int exempt_parse(struct gw_self *self, const struct gw_options *o,
                        struct client_settings *out, struct gw_error *err)
{
	const char *const *items;
	size_t n = gw_option_list(self, o, "exempt", &items);

	out->n_exempt = 0;
	for (size_t i = 0; i < n && i < CIDRS_MAX; i++) {
		if (!cidr_parse(items[i], &out->exempt[out->n_exempt]))
			return gw_fail(err, -EINVAL,
			               "\"%s\" in `exempt` is no address and no network", items[i]);
		out->n_exempt++;
	}
	return 0;
}

int client_check(struct gw_self *self, const struct gw_options *candidate, struct gw_error *err)
{
	struct client_settings s;
	int64_t excess = gw_option_int(self, candidate, "excess-flood");

	if (excess > gw_option_int(self, candidate, "recvq"))
		return gw_fail(err, -EINVAL,
		               "`excess-flood` is more than `recvq`, so it would never be reached");
	return exempt_parse(self, candidate, &s, err);
}

static void read_string(struct client_state *st, char **to, const char *key)
{
	const char *value = gw_server_string(st->self, key);

	gw_free(st->self, *to);
	*to = gw_strdup(st->self, value != NULL ? value : "");
}

static uint32_t number(struct client_state *st, const char *name)
{
	return (uint32_t)gw_option_int(st->self, gw_options(st->self), name);
}

static int64_t duration(struct client_state *st, const char *name)
{
	return gw_option_int(st->self, gw_options(st->self), name);
}

void settings_read(struct client_state *st)
{
	struct client_settings *s = &st->settings;
	uint32_t rate = number(st, "flood-rate");

	s->max_clients = number(st, "max-clients");
	s->max_per_address = number(st, "max-per-address");
	s->connect_ns = duration(st, "connect-interval");
	s->connect_burst_ns = s->connect_ns * number(st, "connect-burst");
	s->line_ns = rate == 0 ? 0 : GW_SECOND / rate;
	s->burst_ns = s->line_ns * number(st, "flood-burst");
	s->excess = number(st, "excess-flood");
	s->sendq = number(st, "sendq");
	s->recvq = number(st, "recvq");
	s->recvq_before = number(st, "recvq-before");
	s->ping_interval_ns = duration(st, "ping-interval");
	s->ping_timeout_ns = duration(st, "ping-timeout");
	s->login_timeout_ns = duration(st, "login-timeout");
	s->registration_timeout_ns = duration(st, "registration-timeout");
	exempt_parse(st->self, gw_options(st->self), s, NULL);
	read_string(st, &st->server, "server");
	read_string(st, &st->network_name, "network");
}

/* By the options of now. */
static void limits_again(struct client_state *st)
{
	for (struct client *c = st->clients; c != NULL; c = c->next) {
		c->pub.exempt = address_exempt(st, c->pub.info->address);
		connection_limits(st, c);
		if (c->throttled && flood_due(st, c))
			connection_resume(st, c);
	}
}

void client_rehashed(void *state, uint64_t tag, const void *payload)
{
	struct client_state *st = state;
	struct client_settings before = st->settings;

	(void)tag;
	(void)payload;
	settings_read(st);
	if (memcmp(&before, &st->settings, sizeof(before)) != 0)
		limits_again(st);
	announce_later(st, true);
}
