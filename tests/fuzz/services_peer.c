/*
 * tests/fuzz/services_peer.c - a linked server that sends anything: nothing of it may crash this
 * one, or leave tables that do not fit their cells.
 *
 * The input is a run of messages, each behind two bytes of length; they come behind a good hello.
 * The two servers are made once, and anew when one is lost by what was sent.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/services_net.h"

static struct net *ready(void)
{
	static struct net net;

	if (net.n > 0 && net.nodes[0].membership == GW_MEMBER_FULL &&
	    net.nodes[1].membership == GW_MEMBER_FULL)
		return &net;
	if (net.n > 0)
		net_close(&net);
	net_open(&net, 2, true, 0);
	return &net;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct net *net = ready();
	struct pipe_link *pipe = net_link(net, 0, 1);
	size_t n;

	net_run(net, 20 * GW_MS);
	while (size >= 2 && pipe->up) {
		n = (size_t)data[0] << 8 | data[1];
		data += 2;
		size -= 2;
		n = n < size ? n : size;
		if (n > 0)
			net_inject(net, pipe, 1, data, n);
		data += n;
		size -= n;
	}
	net_run(net, 20 * GW_MS);
	if (pipe->up)
		net_cut(net, pipe);
	rig_check(&net->nodes[0].rig);
	return 0;
}
