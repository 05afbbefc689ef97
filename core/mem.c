/*
 * core/mem.c - allocation that cannot fail, counted per module; the hash with the server's key.
 */
#include "core/mem.h"
#include "core/image.h"
#include "core/module.h"
#include "core/server.h"

#include <godwit/mem.h>
#include <inttypes.h>
#include <malloc.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static _Noreturn void mem_exhausted(void)
{
	static const char text[] = "godwit: out of memory\n";

	fwrite(text, 1, sizeof(text) - 1, stderr);
	_Exit(1);
}

#define uthash_fatal(msg) mem_exhausted()
#include <uthash.h>

/** One block of a module; only in test mode. */
struct tracked {
	void *block;
	size_t size; /* as asked for: what lies behind may be anything */
	UT_hash_handle hh;
};

enum { leaks_shown = 5 };

void *mem_alloc(size_t n)
{
	void *p = calloc(1, n > 0 ? n : 1);

	if (p == NULL)
		mem_exhausted();
	return p;
}

void *mem_resize(void *p, size_t n)
{
	p = realloc(p, n > 0 ? n : 1);
	if (p == NULL)
		mem_exhausted();
	return p;
}

char *mem_strndup(const char *s, size_t n)
{
	char *copy = mem_alloc(n + 1);

	memcpy(copy, s, n);
	return copy;
}

char *mem_strdup(const char *s)
{
	return mem_strndup(s, strlen(s));
}

char *mem_printf(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		mem_exhausted();
	va_end(args);
	return text;
}

static void count_in(struct module *module, void *p, size_t n)
{
	struct tracked *t;

	module->memory += malloc_usable_size(p);
	module->blocks++;
	if (!module->server->scan_state)
		return;
	t = mem_alloc(sizeof(*t));
	t->block = p;
	t->size = n;
	HASH_ADD_PTR(module->tracked, block, t);
}

/* Returns the size of what was tracked, 0 for what was not. */
static size_t count_out(struct module *module, void *p)
{
	struct tracked *t;
	size_t size;

	module->memory -= malloc_usable_size(p);
	module->blocks--;
	HASH_FIND_PTR(module->tracked, &p, t);
	if (t == NULL)
		return 0;
	size = t->size;
	HASH_DEL(module->tracked, t);
	free(t);
	return size;
}

static void *api_alloc(struct gw_self *self, size_t n)
{
	void *p = mem_alloc(n);

	count_in(module_of(self), p, n);
	return p;
}

/* What is added holds whatever was there before; the test mode must not take that for the module's
 * pointers, so there it is cleared. */
static void *api_resize(struct gw_self *self, void *p, size_t n)
{
	size_t before = p != NULL ? count_out(module_of(self), p) : 0;

	p = mem_resize(p, n);
	if (module_of(self)->server->scan_state && n > before)
		memset((char *)p + before, 0, n - before);
	count_in(module_of(self), p, n);
	return p;
}

static void api_free(struct gw_self *self, void *p)
{
	if (p == NULL)
		return;
	count_out(module_of(self), p);
	free(p);
}

static uint64_t api_hash(struct gw_self *self, const void *p, size_t n)
{
	uint64_t hash;

	_Static_assert(sizeof(hash) == crypto_shorthash_BYTES, "SipHash gives 64 bits");
	_Static_assert(sizeof(self_server(self)->hash_key) == crypto_shorthash_KEYBYTES,
	               "of a 128 bit key");
	crypto_shorthash((unsigned char *)&hash, p, n, self_server(self)->hash_key);
	return hash;
}

const struct gw_mem_api mem_api = {
	.alloc = api_alloc,
	.resize = api_resize,
	.free = api_free,
	.hash = api_hash,
};

size_t mem_scan(struct module *module, const struct image *image)
{
	struct tracked *t, *next;
	size_t found = 0;

	HASH_ITER (hh, module->tracked, t, next) {
		const char *block = t->block;

		for (size_t at = 0; at + sizeof(uintptr_t) <= t->size; at += sizeof(uintptr_t)) {
			uintptr_t word;

			memcpy(&word, block + at, sizeof(word));
			if (!image_holds(image, word))
				continue;
			found++;
			gw_log(&module->self, GW_ERROR,
			       "stale pointer into the old code block=%s size=%zu offset=%zu",
			       block == module->self.state ? "state" : "memory", t->size, at);
		}
	}
	return found;
}

size_t mem_leaks(struct module *module)
{
	size_t blocks = module->blocks, shown = 0;
	struct tracked *t, *next;

	if (blocks > 0)
		gw_log(&module->self, GW_WARN, "memory left at unloading blocks=%zu bytes=%zu",
		       blocks, module->memory);
	HASH_ITER (hh, module->tracked, t, next) {
		if (shown++ < leaks_shown)
			gw_log(&module->self, GW_WARN, "left behind size=%zu", t->size);
		api_free(&module->self, t->block);
	}
	return blocks;
}
