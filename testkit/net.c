/*
 * testkit/net.c - networks of the kit: their beginning and end, time, and what lies between
 * servers.
 */
#include "core/mem.h"
#include "testkit/kit.h"
#include <godwit/loop.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

uint64_t gwt_seed(uint64_t otherwise)
{
	const char *text = getenv("GODWIT_SEED");

	return text != NULL && text[0] != '\0' ? strtoull(text, NULL, 10) : otherwise;
}

/* In memory, where nothing waits for a disk; but servers must be able to run code from there. */
static const char *folders(void)
{
	const char *own = getenv("TMPDIR"), *memory = "/dev/shm";
	struct statvfs info;

	if (own != NULL && own[0] == '/')
		return own;
	return access(memory, W_OK) == 0 && statvfs(memory, &info) == 0 &&
	                       (info.f_flag & ST_NOEXEC) == 0
	               ? memory
	               : "/tmp";
}

struct gwt_net *gwt_net_new(uint64_t seed, const char *folder)
{
	struct gwt_net *net = mem_alloc(sizeof(*net));

	net->tree = simtree_new_empty(seed);
	simnet_set_folders(net->tree->net, folders());
	text_add(&net->folders, "");
	kit_net_add(net);
	if (folder != NULL)
		gwt_net_folder(net, folder);
	return net;
}

void gwt_net_folder(struct gwt_net *net, const char *folder)
{
	char *whole = realpath(folder, NULL);

	if (whole == NULL)
		kit_refuse(net, "no such folder", folder);
	text_add(&net->folders, ", \"");
	text_add(&net->folders, whole);
	text_add(&net->folders, "\"");
	free(whole);
}

/* What the core says in its test mode. */
static void look_for_traces(struct gwt_net *net)
{
	static const char *const traces[][2] = {
		{" memory left at unloading ", "a module left memory behind when it was unloaded"},
		{" pointers into it are left ", "a module has pointers into its old code"},
	};

	for (unsigned i = 0; i < net->tree->n; i++)
		for (size_t t = 0; t < sizeof(traces) / sizeof(traces[0]); t++)
			if (strstr(gwt_log(&net->servers[i]), traces[t][0]) != NULL)
				kit_refuse(net, traces[t][1], gwt_server_name(&net->servers[i]));
}

void gwt_net_end(struct gwt_net **handle)
{
	struct gwt_net *net = *handle;

	for (unsigned i = net->tree->n; i-- > 0 && !net->failed;)
		if (!net->servers[i].down)
			simserver_stop(net->tree->nodes[i].server);
	if (!net->failed)
		look_for_traces(net);
	*handle = NULL;
	kit_clients_free(net);
	kit_net_remove(net);
	simtree_end(&net->tree);
	free(net->folders.data);
	free(net);
}

void gwt_run(struct gwt_net *net, int64_t ns)
{
	simnet_run(net->tree->net, ns);
}

int64_t gwt_now(const struct gwt_net *net)
{
	return simnet_now(net->tree->net);
}

uint64_t gwt_random(struct gwt_net *net)
{
	return simnet_random(net->tree->net);
}

void gwt_net_faults(struct gwt_net *net, const struct gwt_faults *faults)
{
	struct simfaults *f = simnet_faults(net->tree->net);

	f->latency_min_ns = faults->latency_min_ns;
	f->latency_max_ns = faults->latency_max_ns;
	f->short_writes = faults->short_writes;
	f->short_reads = faults->short_reads;
}

/* --- between servers --- */

void gwt_cut(struct gwt_server *a, struct gwt_server *b)
{
	simtree_cut(a->net->tree, a->node, b->node);
}

void gwt_stall(struct gwt_server *a, struct gwt_server *b)
{
	simnet_stall(a->net->tree->net, simserver_host(kit_simserver(a)),
	             simserver_host(kit_simserver(b)));
}

void gwt_heal(struct gwt_net *net)
{
	simtree_heal(net->tree);
}

void gwt_level(struct gwt_net *net, int64_t within_ns)
{
	if (!simtree_level(net->tree, within_ns))
		kit_refuse(net, "the servers are not level", net->tree->why);
}
