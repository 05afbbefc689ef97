/*
 * services/own.c - fields of third parties: a number from a name, the same on every server, so that
 * their authors need not agree on one.
 */
#include "services.h"
#include <errno.h>
#include <godwit/mem.h>
#include <sodium.h>
#include <string.h>

#define FIELDS_OWN 0x8000
#define FIELDS_OWN_COUNT 0x7fff /* without 0xffff, which is behind all fields */

/* A name that was asked for. Kept as long as the module: its cells are in the database, too, when
 * who asked is gone. */
struct own_field {
	UT_hash_handle hh;
	uint16_t number;
	uint8_t reserved[6]; /* 0 */
	char name[];
};

static uint16_t number_of(const char *name)
{
	uint8_t sum[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(sum, (const unsigned char *)name, strlen(name));
	return (uint16_t)(FIELDS_OWN + (get_u64(sum) >> 32) % FIELDS_OWN_COUNT);
}

int own_field(void *services, const char *name, uint16_t *field_out, struct gw_error *err)
{
	struct services_state *state = services;
	struct gw_self *self = state->self;
	uint16_t number = number_of(name);
	struct own_field *known;

	if (name[0] == '\0' || strlen(name) > GW_NAME_MAX)
		return gw_fail(err, -EINVAL, "the name of a field has 1 to %d bytes", GW_NAME_MAX);
	HASH_FIND(hh, state->own_fields, &number, sizeof(number), known);
	if (known != NULL && strcmp(known->name, name) != 0)
		return gw_fail(err, -EEXIST,
		               "the fields %s and %s of the services database have the same number "
		               "(%u): one has to be renamed",
		               known->name, name, (unsigned)number);
	if (known == NULL) {
		known = gw_alloc(self, sizeof(*known) + strlen(name) + 1);
		known->number = number;
		memcpy(known->name, name, strlen(name));
		HASH_ADD(hh, state->own_fields, number, sizeof(known->number), known);
	}
	*field_out = number;
	return 0;
}

void own_drop_all(struct services_state *state)
{
	struct gw_self *self = state->self;
	struct own_field *known, *next;

	HASH_ITER (hh, state->own_fields, known, next) {
		HASH_DELETE(hh, state->own_fields, known);
		gw_free(self, known);
	}
}
