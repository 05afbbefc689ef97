/*
 * keyfile.h - this server's secret keys: keys/link.key in the state directory, and link.key.next
 * beside it while a new key is being brought in.
 *
 * A secret is read only from a file that nobody else can have read or replaced.
 */
#ifndef LINK_KEYFILE_H
#define LINK_KEYFILE_H

#include "handshake.h"

#define KEYFILE_CURRENT "link.key"
#define KEYFILE_NEXT "link.key.next"
#define KEYFILE_TEXT_MAX 256

/** The file's text; `out` is wiped by the caller. Returns its length. Pure. */
size_t keyfile_format(const struct key_pair *pair, char out[KEYFILE_TEXT_MAX]);
/** -EINVAL, with a sentence that goes on after the file's name. Pure. */
int keyfile_parse(const char *text, size_t n, struct key_pair *pair_out, struct gw_error *why);

/** Reads a file of the folder `keys` in `state_directory`. -ENOENT: there is none. Else, with a
 * sentence that names the file: -EPERM it is not this user's alone, -EINVAL it is damaged, what the
 * system said. */
int keyfile_read(const char *state_directory, const char *file, struct key_pair *pair_out,
                 struct gw_error *why);
/** Writes it, durably; the folder is made if there is none. -EEXIST: there is such a file. */
int keyfile_write(const char *state_directory, const char *file, const struct key_pair *pair,
                  struct gw_error *why);
/** link.key.next takes the place of link.key, durably. */
int keyfile_promote(const char *state_directory, struct gw_error *why);

/** The pair of a secret that was drawn at random. Pure. */
void key_pair_of(const uint8_t secret[KEY_BYTES], struct key_pair *pair_out);

#endif
