/*
 * core/new_module.c - writes a project from templates (conf/new-module), in which @name@, @NAME@
 * and
 * @folder@ are replaced. It needs no server: main.c calls it before there is one.
 */
#include "core/new_module.h"
#include "core/mem.h"
#include "core/module.h"
#include "core/shipped.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { name_max = 32, n_words = 3 };

/* A template, and what is before and behind the module's name in the file made from it. */
static const struct {
	const char *from, *before, *behind;
	bool named;
} files[] = {
	{"new-module/module.c.in", "", ".c", true},
	{"new-module/test.c.in", "test_", ".c", true},
	{"new-module/makefile.in", "Makefile", "", false},
	{"new-module/README.md.in", "README.md", "", false},
	{"new-module/gitignore.in", ".gitignore", "", false},
};
#define N_FILES (sizeof(files) / sizeof(files[0]))

struct project {
	const char *words[n_words][2]; /* what is replaced, and by what */
	const char *name, *folder;
};

static int check_name(const char *name, struct gw_error *err)
{
	size_t n = strlen(name);

	if (n == 0 || n > name_max || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != n ||
	    name[0] < 'a')
		return gw_fail(err, -EINVAL,
		               "'%.60s' cannot be a module's name: up to %d of a-z, 0-9 and _, "
		               "a letter first",
		               name, name_max);
	if (strcmp(name, "core") == 0)
		return gw_fail(err, -EINVAL, "'core' is what the server calls itself");
	return 0;
}

/* One of that name would be loaded in its place. */
static int check_free(const char *name, struct gw_error *err)
{
	char *file = module_installed(name);
	int status = file == NULL
	                     ? 0
	                     : gw_fail(err, -EEXIST,
	                               "there is a module %s already (%s): choose another name",
	                               name, file);

	free(file);
	return status;
}

static char *path_of(const struct project *p, size_t i)
{
	return mem_printf("%s/%s%s%s", p->folder, files[i].before, files[i].named ? p->name : "",
	                  files[i].behind);
}

static int fill(FILE *in, FILE *out, const struct project *p)
{
	char *line = NULL, *at;
	size_t room = 0, w;

	while (getline(&line, &room, in) > 0) {
		for (at = line; *at != '\0'; at++) {
			for (w = 0; w < n_words; w++)
				if (strncmp(at, p->words[w][0], strlen(p->words[w][0])) == 0)
					break;
			if (w == n_words) {
				fputc(*at, out);
				continue;
			}
			fputs(p->words[w][1], out);
			at += strlen(p->words[w][0]) - 1;
		}
	}
	free(line);
	return ferror(in) || ferror(out) ? -EIO : 0;
}

static int write_file(const struct project *p, size_t i, struct gw_error *err)
{
	char *from = shipped_file(files[i].from), *to = path_of(p, i);
	FILE *in = from != NULL ? fopen(from, "r") : NULL, *out = NULL;
	int status = 0;

	if (in == NULL)
		status = gw_fail(err, -ENOENT, "the template %s is not where this program was put",
		                 files[i].from);
	else if ((out = fopen(to, "wx")) == NULL)
		status = -errno;
	else
		status = fill(in, out, p);
	if (out != NULL && fclose(out) != 0)
		status = -errno;
	if (status != 0 && in != NULL)
		gw_fail(err, status, "%s: %s", to, strerror(-status));
	if (in != NULL)
		fclose(in);
	free(from);
	free(to);
	return status;
}

/* All or nothing, as far as that can be known before. */
static int look_at_folder(const struct project *p, struct gw_error *err)
{
	int status = 0;

	if (mkdir(p->folder, 0777) == 0)
		return 0;
	if (errno != EEXIST)
		return gw_fail(err, -errno, "%s: %s", p->folder, strerror(errno));
	for (size_t i = 0; i < N_FILES && status == 0; i++) {
		char *path = path_of(p, i);

		if (access(path, F_OK) == 0)
			status = gw_fail(err, -EEXIST, "%s is there already; nothing was written",
			                 path);
		free(path);
	}
	return status;
}

static void tell(const struct project *p, const char *whole)
{
	printf("%s: a module %s, to be changed\n\n"
	       "    cd %s\n"
	       "    make check                        builds and tests it\n\n"
	       "In a running server, with this folder in its configuration\n"
	       "(module-directory: %s):\n\n"
	       "    godwitctl rehash\n"
	       "    godwitctl module load %s\n\n"
	       "and after a change:\n\n"
	       "    make && godwitctl module reload %s\n",
	       p->folder, p->name, p->folder, whole, p->name, p->name);
}

int new_module(const char *name, const char *folder, struct gw_error *err)
{
	char upper[name_max + 1] = "", *whole;
	struct project p = {.name = name, .folder = folder != NULL ? folder : name};
	int status = check_name(name, err);

	if (status == 0)
		status = check_free(name, err);
	if (status == 0)
		status = look_at_folder(&p, err);
	if (status != 0)
		return status;
	for (size_t i = 0; name[i] != '\0'; i++)
		upper[i] = (char)toupper((unsigned char)name[i]);
	whole = realpath(p.folder, NULL);
	p.words[0][0] = "@name@", p.words[0][1] = name;
	p.words[1][0] = "@NAME@", p.words[1][1] = upper;
	p.words[2][0] = "@folder@", p.words[2][1] = whole != NULL ? whole : p.folder;
	for (size_t i = 0; i < N_FILES && status == 0; i++)
		status = write_file(&p, i, err);
	if (status == 0)
		tell(&p, p.words[2][1]);
	free(whole);
	return status;
}
