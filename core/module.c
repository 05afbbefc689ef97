/*
 * core/module.c - finds, opens, configures, loads and unloads one module; the table behind
 * <godwit/module.h>.
 */
#include "core/module.h"
#include "core/admin.h"
#include "core/call.h"
#include "core/config.h"
#include "core/conn.h"
#include "core/given.h"
#include "core/listener.h"
#include "core/loop_api.h"
#include "core/mem.h"
#include "core/option.h"
#include "core/registry.h"
#include "core/server.h"
#include "core/settings.h"
#include "core/shipped.h"
#include "core/state_dir.h"

#include <errno.h>
#include <godwit/mem.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct module *module_new(struct gw_server *server, const char *name)
{
	struct module *module = mem_alloc(sizeof(*module));

	module->server = server;
	module->self.core = &server->api;
	module->self.name = mem_strdup(name);
	return module;
}

void module_free(struct module **handle)
{
	struct module *module = *handle;

	if (module == NULL)
		return;
	*handle = NULL;
	module_state_free(module, module->self.state);
	module->server->leaked += (uint32_t)mem_leaks(module);
	options_free(&module->options);
	image_unref(&module->image);
	module->descriptor = NULL;
	module->self.state = NULL;
	module->self.calls = NULL;
	module->self.n_calls = 0;
	times_free(module);
	module->next = module->server->gone;
	module->server->gone = module;
}

void module_free_gone(struct gw_server *server)
{
	struct module *module;

	while ((module = server->gone) != NULL) {
		server->gone = module->next;
		free((char *)(uintptr_t)module->self.name);
		free(module);
	}
}

struct module *module_find(struct gw_server *server, const char *name)
{
	for (struct module *m = server->modules; m != NULL; m = m->next)
		if (strcmp(m->self.name, name) == 0)
			return m;
	return NULL;
}

static bool is_required(const struct module *module)
{
	struct need need;

	for (struct module *m = module->server->modules; m != NULL; m = m->next)
		if (m != module && m->leaving &&
		    depends_on(m->descriptor, module->descriptor, &need))
			return true;
	return false;
}

/** The later ones first; a reload may have given an earlier one new requirements. */
struct module *module_next_out(struct gw_server *server)
{
	struct module *out = NULL;

	for (struct module *m = server->modules; m != NULL; m = m->next)
		if (m->leaving && !is_required(m))
			out = m;
	return out;
}

/** In one folder: as installed, or as libtool builds it. */
static char *find_in(const char *folder, const char *name)
{
	char *path = mem_printf("%s/%s.so", folder, name);

	if (access(path, F_OK) == 0)
		return path;
	free(path);
	path = mem_printf("%s/%s/.libs/%s.so", folder, name, name);
	if (access(path, F_OK) == 0)
		return path;
	free(path);
	return NULL;
}

/** The folder "modules" beside the executable: that of a build tree. */
static char *find_beside(const char *name)
{
	char exe[PATH_MAX], *folder, *path;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (n <= 0)
		return NULL;
	exe[n] = '\0';
	folder = mem_printf("%s/modules", dirname(exe));
	path = find_in(folder, name);
	free(folder);
	return path;
}

char *module_installed(const char *name)
{
	char *path = find_beside(name), *installed = shipped_place(MODULEDIR);

	if (path == NULL)
		path = find_in(installed, name);
	free(installed);
	return path;
}

static char *find_file(const struct settings *settings, const char *name)
{
	char *path = NULL;

	for (size_t i = 0; i < settings->n_module_directories && path == NULL; i++)
		path = find_in(settings->module_directories[i], name);
	return path != NULL ? path : module_installed(name);
}

/** Built for another ABI: who is behind, the module or the server, and what to do. The file comes
 * last, as it may be long. */
static int check_abi(const struct gw_module *d, const char *file, const char *name,
                     struct gw_error *err)
{
	unsigned major = d->abi >> 16, minor = d->abi & 0xffff;
	bool newer = d->abi > GW_ABI;

	if (major == GW_ABI_MAJOR && !newer)
		return 0;
	return gw_fail(
		err, -ENOEXEC,
		"the module %s is built for the ABI %u.%u of modules, this server (godwit %s) "
		"has %u.%u: %sbuild the module with this server's headers: %s",
		name, major, minor, server_version(), GW_ABI_MAJOR, GW_ABI_MINOR,
		newer ? "upgrade the server, or " : "", file);
}

static int check_descriptor(const struct gw_module *d, const char *file, const char *name,
                            struct gw_error *err)
{
	int status = check_abi(d, file, name, err);

	if (status != 0)
		return status;
	if (d->name == NULL || strcmp(d->name, name) != 0)
		return gw_fail(err, -EINVAL,
		               "%s says that it is the module %s, not %s: a module's file has its "
		               "name",
		               file, d->name != NULL ? d->name : "without a name", name);
	return registry_check_module(d, err);
}

int module_open(struct gw_server *server, const struct settings *settings, const char *name,
                bool in_place, struct image **out, struct gw_error *err)
{
	char *copy = in_place ? NULL : state_dir_copy(server);
	char *file = find_file(settings, name);
	int status;

	*out = NULL;
	if (file == NULL)
		status = gw_fail(
			err, -ENOENT, "the module %s is not there: no %s.so in %s", name, name,
			settings->n_module_directories > 0 ? settings->module_directories[0]
							   : MODULEDIR);
	else
		status = image_open(file, copy, name, out, err);
	if (status == 0)
		status = check_descriptor(image_descriptor(*out), file, name, err);
	if (status != 0)
		image_unref(out);
	free(copy);
	free(file);
	return status;
}

/** A refusal without a sentence still gets one. */
static void explain(struct gw_error *err, const struct module *module, const char *what, int status)
{
	if (err != NULL && err->text[0] == '\0')
		gw_fail(err, status, "the module %s %s: %s", module->self.name, what,
		        strerror(-status));
}

/** The sentence of a module that does not load says which it is. */
static void attribute(struct gw_error *err, const struct module *module)
{
	struct gw_error said;

	if (err == NULL || strstr(err->text, module->self.name) != NULL)
		return;
	said = *err;
	gw_fail(err, 0, "the module %s does not load: %.200s", module->self.name, said.text);
}

static int ask_check(struct module *module, const struct gw_module *descriptor,
                     const struct gw_options *candidate, const char *place, struct gw_error *err)
{
	struct gw_error why = {0};
	struct frame frame;
	int status;

	if (descriptor->check == NULL)
		return 0;
	frame_enter(&frame, module);
	status = descriptor->check(&module->self, candidate, &why);
	call_leave(&frame);
	if (status == 0)
		return 0;
	explain(&why, module, "refuses its options", status);
	return gw_fail(err, status, "%s: %s", place, why.text);
}

int module_configure(struct module *module, const struct gw_module *descriptor,
                     const struct config *config, struct gw_options **out, struct gw_error *err)
{
	const struct node *node = node_get(config_root(config), module->self.name);
	const struct node *at = node != NULL ? node : config_root(config);
	struct option_block block = {.table = descriptor->options};
	char *place = mem_printf("%s:%u:%u", at->file, at->key != NULL ? at->key_line : at->line,
	                         at->key != NULL ? at->key_column : at->column);
	char *owner = mem_printf("module %s", module->self.name);
	int status;

	block.place = place;
	block.owner = owner;
	block.given = given_to(module->server, module->self.name);
	status = options_read(&block, node, out, err);
	if (status == 0)
		status = ask_check(module, descriptor, *out, place, err);
	if (status != 0)
		options_free(out);
	free(place);
	free(owner);
	return status;
}

void *module_state_new(struct module *module, const struct gw_module *descriptor)
{
	return gw_alloc(&module->self, descriptor->state_size);
}

void module_state_free(struct module *module, void *state)
{
	if (module->image != NULL)
		gw_free(&module->self, state);
}

void module_bind(struct module *module, const struct gw_module *descriptor, void *state)
{
	uint32_t n = 0;

	while (descriptor->calls != NULL && descriptor->calls[n].name != NULL)
		n++;
	module->descriptor = descriptor;
	module->self.calls = descriptor->calls;
	module->self.n_calls = n;
	module->self.state = state;
	module->self.generation++;
	times_fit(module);
}

void module_equip(struct module *module, struct image **image, struct gw_options **options)
{
	module->image = *image;
	*image = NULL;
	module->options = *options;
	*options = NULL;
	module_bind(module, image_descriptor(module->image),
	            module_state_new(module, image_descriptor(module->image)));
}

int module_load(struct module *module, const struct gw_module *descriptor, void *state,
                enum gw_load why, struct gw_error *err)
{
	struct frame frame;
	int status = 0;

	module->coming = descriptor;
	module->complaint[0] = '\0';
	frame_enter(&frame, module);
	if (descriptor->load != NULL)
		status = descriptor->load(&module->self, state, why, err);
	call_leave(&frame);
	if (status != 0)
		explain(err, module, "refuses to load", status);
	if (status != 0)
		attribute(err, module);
	if (status == 0 && module->complaint[0] != '\0') {
		status = gw_fail(err, -EINVAL, "%s", module->complaint);
		/* After a reload's load the state is still the old generation's: nothing may be
		 * freed. */
		if (why == GW_LOAD_FIRST)
			module_unload(module, descriptor, state, GW_UNLOAD_LAST);
	}
	module->coming = NULL;
	return status;
}

void module_unload(struct module *module, const struct gw_module *descriptor, void *state,
                   enum gw_unload why)
{
	struct frame frame;

	if (descriptor->unload == NULL)
		return;
	frame_enter(&frame, module);
	descriptor->unload(&module->self, state, why);
	call_leave(&frame);
}

void module_forget(struct module *module)
{
	struct gw_server *server = module->server;

	conns_forget(server->conns, &module->self);
	sinks_forget(server->conns, &module->self);
	listeners_forget(server, &module->self);
	loop_calls_forget(server, &module->self);
	admin_forget(server, module);
}

struct image *self_image(const struct gw_self *self)
{
	return module_of(self)->image;
}

struct gw_server *self_server(const struct gw_self *self)
{
	return module_of(self)->server;
}

/** Whether the generation that asks has named the interface among its requirements. */
static bool requires(const struct module *module, const char *name)
{
	const struct gw_module *d = module->coming != NULL ? module->coming : module->descriptor;
	const char *at = d->requires != NULL ? d->requires : "";
	struct need need;

	while (need_next(&at, &need) > 0)
		if (strcmp(need.name, name) == 0)
			return true;
	return false;
}

static struct gw_iface *api_interface(struct gw_self *self, const char *name)
{
	struct module *module = module_of(self);

	if (!requires(module, name))
		snprintf(module->complaint, sizeof(module->complaint),
		         "the module %s asks for the interface %s, which its .requires does not "
		         "name",
		         self->name, name);
	return &iface_get(module->server, name)->handle;
}

static size_t api_rows(struct gw_self *self, const char *name, const struct gw_row **rows_out)
{
	struct point *point = self_server(self)->points;

	while (point != NULL && strcmp(point->name, name) != 0)
		point = point->next;
	*rows_out = point != NULL ? point->rows : NULL;
	return point != NULL ? point->n_rows : 0;
}

/** A visit is a frame, behind which there is room. */
static struct frame *frame_of(struct gw_visit *visit)
{
	_Static_assert(sizeof(struct frame) <= sizeof(*visit), "a frame fits");
	return (struct frame *)visit;
}

static gw_fn *api_visit(struct gw_visit *visit, struct gw_call call)
{
	return call_enter(frame_of(visit), call);
}

static void api_visit_end(struct gw_visit *visit)
{
	call_leave(frame_of(visit));
}

const struct gw_module_api module_api = {
	.interface = api_interface,
	.rows = api_rows,
	.visit = api_visit,
	.visit_end = api_visit_end,
};
