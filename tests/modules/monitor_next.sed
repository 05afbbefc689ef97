# modules/monitor/monitor.c as its next version could be, with another layout of the state: a field
# in front, a block that it points to, and a larger block of each session, which counts what the
# session was told. NEXT is the state's version; one of 3 refuses what runs. HALF: `load` breaks off.

s/^struct monitor_state {$/&\
	uint64_t told;\
	uint64_t *history;/

/^struct watching {$/,/^};$/ s/^\tuint32_t n;$/&\
	uint64_t told;/

s/^static void tell(/static void note(struct monitor_state *mon, struct gw_session *session)\
{\
	mon->history[mon->told++ % 16]++;\
	watching_of(mon, session)->told++;\
}\
\
&/

s/CLIENT(mon, unasked, /note(mon, watch->session), &/

s/":End of MONITOR list");/":End of MONITOR list, told %u", (unsigned)own->told);/

s/^\tmon->self = self;$/#ifdef HALF\
	if (state != self->state)\
		gw_free(self, mon->history);\
	return gw_fail(err, -EIO, "monitor breaks off half-way");\
#endif\
	if (why == GW_LOAD_FIRST)\
		mon->history = gw_alloc(self, 16 * sizeof(*mon->history));\
&/

s/^\t\/\* The sessions' blocks went.*$/	gw_free(self, mon->history);/

/^GW_MODULE(monitor) = {$/ i\
/* Version 1. */\
struct monitor_before {\
	struct gw_self *self;\
	struct gw_iface *client, *network;\
	struct nick *nicks;\
};\
\
static int monitor_migrate(struct gw_self *self, const void *old, uint32_t old_version, void *state,\
                           struct gw_error *err)\
{\
	const struct monitor_before *from = old;\
	struct monitor_state *to = state;\
\
	if (NEXT == 3 || old_version != 1)\
		return gw_fail(err, -EINVAL, "monitor %d takes no lists of version %u over", NEXT,\
		               (unsigned)old_version);\
	to->client = from->client;\
	to->network = from->network;\
	to->nicks = from->nicks;\
	to->history = gw_alloc(self, 16 * sizeof(*to->history));\
	return 0;\
}\

s/^\t\.state_version = 1,$/	.state_version = NEXT,\
	.migrate = monitor_migrate,/
