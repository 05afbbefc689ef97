/*
 * core/image.h - one opened shared object: a private copy of a module's file.
 *
 * Every generation of a module is a file of its own below the state directory, since the loader
 * answers a known name with the old code. An image is counted: its module holds it while it is in
 * force, each pool job that runs its code holds it. The last one closes it and removes the copy.
 */
#ifndef CORE_IMAGE_H
#define CORE_IMAGE_H

#include <godwit/error.h>
#include <godwit/module.h>
#include <stdbool.h>
#include <stdint.h>

struct gw_server;
struct image;

/** Opens `file` and finds the descriptor in it; `copy_dir` is the new folder to copy it to, NULL to
 * open it where it is (for checks only). */
int image_open(const char *file, const char *copy_dir, const char *name, struct image **out,
               struct gw_error *err);

struct image *image_ref(struct image *image);
/** On the loop's thread, outside of the image's own code. Nulls `*image`. */
void image_unref(struct image **image);

const struct gw_module *image_descriptor(const struct image *image);
/** The file that was copied, as found. */
const char *image_file(const struct image *image);
/** Whether the address lies in a loaded segment. */
bool image_holds(const struct image *image, uintptr_t address);

/** The image whose code a module runs now: what a pool job refers to while it runs. */
struct image *self_image(const struct gw_self *self);

#endif
