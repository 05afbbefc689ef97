/*
 * core/image.c - copies, opens, counts and closes the shared objects of modules. Knows libltdl;
 * nobody else does.
 */
#include "core/image.h"
#include "core/mem.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <ltdl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

struct image {
	unsigned refs;
	lt_dlhandle handle;
	const struct gw_module *descriptor;
	char *file;
	char *copy, *copy_dir; /* removed at the end; NULL when opened in place */
	uintptr_t low, high;   /* the segments' addresses: low <= a < high */
};

/** By the kernel, in as few steps as it takes: the loop stands still meanwhile. */
static int write_copy(int in, const char *to)
{
	int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700), status = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	do
		n = sendfile(fd, in, NULL, INT_MAX);
	while (n > 0);
	if (n < 0)
		status = -errno;
	if (close(fd) != 0 && status == 0)
		status = -errno;
	if (status != 0)
		unlink(to);
	return status;
}

static int make_copy(struct image *image, const char *dir, const char *name, struct gw_error *err)
{
	int in = open(image->file, O_RDONLY | O_CLOEXEC), status = 0;

	if (in < 0)
		return gw_fail(err, -errno, "cannot read %s: %s", image->file, strerror(errno));
	if (mkdir(dir, 0700) != 0) {
		status =
			gw_fail(err, -errno, "cannot make the folder %s: %s", dir, strerror(errno));
		close(in);
		return status;
	}
	image->copy_dir = mem_strdup(dir);
	image->copy = mem_printf("%s/%s.so", dir, name);
	status = write_copy(in, image->copy);
	close(in);
	if (status != 0)
		return gw_fail(err, status, "cannot copy %s to %s: %s", name, image->copy,
		               strerror(-status));
	return 0;
}

/**
 * Opens the file twice: first by the loader itself with everything bound at once, because libltdl
 * binds lazily (an undefined symbol would end the process at the first call) and loses the loader's
 * words; then by libltdl.
 */
static int open_object(struct image *image, const char *path, struct gw_error *err)
{
	lt_dladvise advise;
	void *probe = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const char *why = probe == NULL ? dlerror() : NULL;

	if (probe == NULL)
		return gw_fail(err, -ENOEXEC, "cannot open the module: %s",
		               why != NULL ? why : path);
	if (lt_dladvise_init(&advise) != 0 || lt_dladvise_local(&advise) != 0) {
		dlclose(probe);
		return gw_fail(err, -ENOMEM, "cannot open %s: %s", path, lt_dlerror());
	}
	image->handle = lt_dlopenadvise(path, advise);
	lt_dladvise_destroy(&advise);
	dlclose(probe);
	if (image->handle == NULL)
		return gw_fail(err, -ENOEXEC, "cannot open %s: %s", path, lt_dlerror());
	return 0;
}

static int find_descriptor(struct image *image, const char *name, struct gw_error *err)
{
	char symbol[80];

	snprintf(symbol, sizeof(symbol), "%s_LTX_gw_module", name);
	image->descriptor = lt_dlsym(image->handle, symbol);
	if (image->descriptor != NULL)
		return 0;
	return gw_fail(err, -ENOEXEC, "%s is not the module %s: it has no symbol %s", image->file,
	               name, symbol);
}

/** For dl_iterate_phdr(): the object that holds the descriptor, from its first to its last loaded
 * byte. */
static int note_segments(struct dl_phdr_info *info, size_t size, void *ctx)
{
	struct image *image = ctx;
	uintptr_t wanted = (uintptr_t)image->descriptor, low = UINTPTR_MAX, high = 0;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + segment->p_vaddr;

		if (segment->p_type != PT_LOAD)
			continue;
		low = start < low ? start : low;
		high = start + segment->p_memsz > high ? start + segment->p_memsz : high;
	}
	if (wanted < low || wanted >= high)
		return 0;
	image->low = low;
	image->high = high;
	return 1;
}

int image_open(const char *file, const char *copy_dir, const char *name, struct image **out,
               struct gw_error *err)
{
	struct image *image = mem_alloc(sizeof(*image));
	int status = 0;

	image->refs = 1;
	image->file = mem_strdup(file);
	if (copy_dir != NULL)
		status = make_copy(image, copy_dir, name, err);
	if (status == 0)
		status = open_object(image, image->copy != NULL ? image->copy : file, err);
	if (status == 0)
		status = find_descriptor(image, name, err);
	if (status == 0)
		dl_iterate_phdr(note_segments, image);
	else
		image_unref(&image);
	*out = image;
	return status;
}

struct image *image_ref(struct image *image)
{
	image->refs++;
	return image;
}

void image_unref(struct image **handle)
{
	struct image *image = *handle;

	*handle = NULL;
	if (image == NULL || --image->refs > 0)
		return;
	if (image->handle != NULL)
		lt_dlclose(image->handle);
	if (image->copy != NULL)
		unlink(image->copy);
	if (image->copy_dir != NULL)
		rmdir(image->copy_dir);
	free(image->copy);
	free(image->copy_dir);
	free(image->file);
	free(image);
}

const struct gw_module *image_descriptor(const struct image *image)
{
	return image->descriptor;
}

const char *image_file(const struct image *image)
{
	return image->file;
}

bool image_holds(const struct image *image, uintptr_t address)
{
	return address >= image->low && address < image->high;
}
