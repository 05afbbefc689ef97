/*
 * modules/client/host.c - the visible host. It tells the account, never the address.
 *
 * "alice.users.example" for an account. A guest gets a keyed hash of its connection's number:
 * nothing of it leads back to where the guest comes from, and two connections from one place look
 * unrelated.
 */
#include "client.h"
#include <inttypes.h>

/* As it may stand in a host. */
static void add_label(char out[GW_HOST_MAX + 1], const char *text, const char *others)
{
	size_t n = strlen(out);

	for (; *text != '\0' && n < GW_HOST_MAX; text++) {
		char c = *text >= 'A' && *text <= 'Z' ? (char)(*text - 'A' + 'a') : *text;
		bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';

		out[n++] = plain || strchr(others, c) != NULL ? c : '-';
	}
	out[n] = '\0';
}

void host_of_account(struct client_state *st, const char *account, char out[GW_HOST_MAX + 1])
{
	out[0] = '\0';
	add_label(out, account, "[]\\`_^{|}");
	add_label(out, ".users.", ".");
	add_label(out, st->network_name, ".");
}

void host_of_guest(struct client_state *st, const struct client *c, char out[GW_HOST_MAX + 1])
{
	struct {
		char key[sizeof(st->guest_key)];
		uint64_t id;
	} from = {.id = c->pub.id};
	char text[20];

	memcpy(from.key, st->guest_key, sizeof(from.key));
	snprintf(text, sizeof(text), "%012" PRIx64, gw_hash(st->self, &from, sizeof(from)) >> 16);
	out[0] = '\0';
	add_label(out, text, "");
	add_label(out, ".guests.", ".");
	add_label(out, st->network_name, ".");
}
