/*
 * network.c - the module network: the descriptor, its beginning and its end.
 *
 * network.h says which file does what. Here also: the figures of `status`, and this server's own
 * entry.
 */
#include "network.h"
#include <errno.h>
#include <godwit/admin.h>
#include <godwit/log.h>
#include <godwit/replica.h>
#include <sodium.h>
#include <utlist.h>

static void status_add(struct gw_status *status, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	status->add(status, key, text);
}

/* "run:sequence" of every origin. */
static void status_vector(struct network *net, struct gw_status *status)
{
	for (const struct gw_node *node = &net->here->pub; node != NULL; node = node->next) {
		char key[GW_SERVER_MAX + 9], text[48];

		snprintf(key, sizeof(key), "vector.%s", node->name);
		snprintf(text, sizeof(text), "%016llx:%llu", (unsigned long long)node->run,
		         (unsigned long long)server_of(node)->seq);
		status->add(status, key, text);
	}
}

static void network_status(void *state, uint64_t tag, const void *payload)
{
	struct network *net = (struct network *)state;
	struct gw_status *status = (struct gw_status *)(uintptr_t)payload;
	uint8_t sum[32];
	char text[65];

	(void)tag;
	status_add(status, "servers", HASH_COUNT(net->servers));
	status_add(status, "users", HASH_CNT(by_id, net->people));
	status_add(status, "peak-users", net->peak);
	status_add(status, "channels", net->n_visible);
	digest(net, sum);
	status->add(status, "live-digest", sodium_bin2hex(text, sizeof(text), sum, sizeof(sum)));
	status_vector(net, status);
}

static void network_owner(void *state, uint64_t tag, int status, const struct gw_owner *owner)
{
	struct network *net = (struct network *)state;

	(void)tag;
	if (status == 0 && owner->class == GW_CLASS_SERVER)
		net->here->pub.id = owner->id;
}

/* By name, where only the database of a single server is there to be asked. */
static void here_find(struct network *net)
{
	char folded[GW_NAME_MAX + 1];
	struct gw_owner owner;
	int n;

	if (net->services == NULL || net->services->ops == NULL)
		return;
	n = GW_VIA(net->services, gw_services_ops, fold, net->here->name, folded);
	if (n > 0 && GW_VIA(net->services, gw_services_ops, find, GW_NAME_SERVER, folded, (size_t)n,
	                    &owner, gw_call(net->self, CALL_OWNER, 0)) == 0)
		network_owner(net, 0, 0, &owner);
}

/* Asks the services database who this server is, and which life of it this is. */
static void here_ask(struct network *net)
{
	struct gw_id id = {0, 0}, life = {0, 0};

	if (net->services != NULL && net->services->ops != NULL)
		GW_VIA(net->services, gw_services_ops, origin, &net->here->pub.life);
	if (net->replica == NULL || net->replica->ops == NULL) {
		here_find(net);
		return;
	}
	GW_VIA(net->replica, gw_replica_ops, identity, &id, &life);
	if (!gw_id_none(id))
		net->here->pub.id = id;
}

static void network_ready(void *state, uint64_t tag, const void *payload)
{
	(void)tag;
	(void)payload;
	here_ask((struct network *)state);
}

static void network_membership(void *state, uint64_t tag, const void *payload)
{
	network_ready(state, tag, payload);
}

static void network_services_changed(void *state, uint64_t tag, const void *payload)
{
	const struct gw_services_change *change = (const struct gw_services_change *)payload;

	(void)tag;
	if (change->class == GW_CLASS_SERVER || gw_id_none(((struct network *)state)->here->pub.id))
		here_ask((struct network *)state);
}

static const char *server_text(struct gw_self *self, const char *key)
{
	const char *text = gw_server_string(self, key);

	return text == NULL ? "" : text;
}

static void network_rehashed(void *state, uint64_t tag, const void *payload)
{
	struct network *net = (struct network *)state;
	struct server *here = net->here;

	(void)tag;
	(void)payload;
	gw_free(net->self, here->description);
	here->description = gw_strdup(net->self, server_text(net->self, "description"));
	here->pub.description = here->description;
}

static int here_new(struct network *net, struct gw_error *err)
{
	struct gw_self *self = net->self;
	const char *name = server_text(self, "server");

	if (!valid_word(name) || strlen(name) > GW_SERVER_MAX)
		return gw_fail(err, -EINVAL,
		               "The server's name must have 1 to %d characters and no spaces.",
		               GW_SERVER_MAX);
	net->id_factor = gw_random_u64(self) | 1;
	net->here = server_here(net, name, server_text(self, "description"));
	return 0;
}

static int network_load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	struct network *net = (struct network *)state;

	if (sodium_init() < 0)
		return gw_fail(err, -EIO, "The library libsodium cannot be used.");
	if (why == GW_LOAD_RELOAD)
		return 0;
	net->self = self;
	if (here_new(net, err) < 0)
		return -EINVAL;
	net->topic_event = gw_topic(self, GW_TOPIC_EVENT);
	net->topic_record = gw_topic(self, GW_TOPIC_RECORD);
	net->topic_circle = gw_topic(self, GW_TOPIC_CIRCLE);
	net->topic_unshown = gw_topic(self, GW_TOPIC_UNSHOWN);
	net->services = gw_interface(self, "services");
	net->replica = gw_interface(self, "replica");
	net->tidy = gw_timer_new(self, gw_call(self, CALL_TIDY, 0));
	gw_timer_set(net->tidy, self, 600 * GW_SECOND);
	net->shades = gw_timer_new(self, gw_call(self, CALL_SHADES, 0));
	return 0;
}

/* In no order that events could have: nobody is told. */
void state_free(struct network *net)
{
	struct person *p, *next;
	struct chan *chan, *after;
	struct gw_member *member, *other;

	for (p = net->people; p != NULL; p = next) {
		next = (struct person *)p->by_id.next;
		DL_FOREACH_SAFE (p->user.channels, member, other)
			seat_remove(net, seat_of(member));
		person_free(net, p);
	}
	for (chan = net->chans; chan != NULL; chan = after) {
		after = (struct chan *)chan->hh.next;
		chan_free(net, chan);
	}
	strays_free(net);
}

static void network_unload(struct gw_self *self, void *state, enum gw_unload why)
{
	struct network *net = (struct network *)state;

	if (why == GW_UNLOAD_RELOAD)
		return;
	state_free(net);
	interests_free(net);
	rows_free(net);
	ways_free(net);
	servers_free(net);
	gw_timer_free(&net->tidy, self);
	gw_timer_free(&net->shades, self);
}

static const struct gw_interface_row interfaces[] = {{"network", 1, 0, &network_ops},
                                                     {NULL, 0, 0, NULL}};

static const struct gw_call_row calls[] = {
	[CALL_NONE] = {"none", NULL},
	[CALL_TIDY] = {"tidy", (gw_fn *)network_tidy},
	[CALL_CHANMODES] = {"chanmodes", (gw_fn *)rows_chanmodes},
	[CALL_SESSION_DATA] = {"session-data", (gw_fn *)rows_session_data},
	[CALL_BURST_ROWS] = {"burst-rows", (gw_fn *)rows_bursts},
	[CALL_KINDS] = {"kinds", (gw_fn *)rows_kinds},
	[CALL_STATUS] = {"status", (gw_fn *)network_status},
	[CALL_READY] = {"ready", (gw_fn *)network_ready},
	[CALL_REHASHED] = {"rehashed", (gw_fn *)network_rehashed},
	[CALL_SERVICES_CHANGED] = {"services-changed", (gw_fn *)network_services_changed},
	[CALL_OWNER] = {"owner", (gw_fn *)network_owner},
	[CALL_MEMBERSHIP] = {"membership", (gw_fn *)network_membership},
	[CALL_SHADES] = {"shades", (gw_fn *)shades_look},
	[CALL_METRICS] = {"metrics", (gw_fn *)network_metrics},
	{NULL, NULL},
};

static const struct gw_topic_row topics[] = {{GW_TOPIC_EVENT, GW_NOTIFICATION},
                                             {GW_TOPIC_RECORD, GW_NOTIFICATION},
                                             {GW_TOPIC_CIRCLE, GW_NOTIFICATION},
                                             {GW_TOPIC_UNSHOWN, GW_NOTIFICATION},
                                             {NULL, GW_NOTIFICATION}};

static const struct gw_subscription subscriptions[] = {
	{GW_TOPIC_STATUS, 0, CALL_STATUS},
	{GW_TOPIC_METRICS, 0, CALL_METRICS},
	{GW_TOPIC_READY, 0, CALL_READY},
	{GW_TOPIC_REHASHED, 0, CALL_REHASHED},
	{GW_TOPIC_SERVICES_CHANGED, 0, CALL_SERVICES_CHANGED},
	{GW_TOPIC_MEMBERSHIP, 0, CALL_MEMBERSHIP},
	{NULL, 0, 0},
};

static const struct gw_point points[] = {
	{GW_POINT_CHANMODE, sizeof(struct gw_chanmode), CALL_CHANMODES},
	{GW_POINT_USERMODE, sizeof(struct gw_usermode), CALL_NONE},
	{GW_POINT_SESSION_DATA, sizeof(struct gw_session_data), CALL_SESSION_DATA},
	{GW_POINT_BURST, sizeof(struct gw_burst_data), CALL_BURST_ROWS},
	{GW_POINT_KIND, sizeof(struct gw_kind_row), CALL_KINDS},
	{NULL, 0, 0},
};

GW_MODULE(network) = {
	.abi = GW_ABI,
	.name = "network",
	.version = "1.0",
	.summary =
		"the live network: users, channels, memberships, and the events that change them",
	.requires = "services 1.0?, replica 1.0?",
	.interfaces = interfaces,
	.calls = calls,
	.topics = topics,
	.subscriptions = subscriptions,
	.points = points,
	.state_size = sizeof(struct network),
	.state_version = 1,
	.load = network_load,
	.unload = network_unload,
};
