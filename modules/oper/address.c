/*
 * modules/oper/address.c - addresses with a prefix length ("192.0.2.0/24", "2001:db8::/32"), IPv4
 * mapped into IPv6.
 */
#include "private.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

bool oper_address_parse(const char *text, uint8_t address_out[16], uint8_t *bits_out)
{
	char copy[MASK_MAX + 1], *slash, *end;
	struct in_addr v4;
	unsigned long bits = 128;
	bool is_v4;

	if (strlen(text) > MASK_MAX)
		return false;
	strcpy(copy, text);
	slash = strchr(copy, '/');
	if (slash != NULL)
		*slash++ = '\0';
	is_v4 = inet_pton(AF_INET, copy, &v4) == 1;
	if (is_v4) {
		memset(address_out, 0, 10);
		memset(address_out + 10, 0xff, 2);
		memcpy(address_out + 12, &v4, 4);
	} else if (inet_pton(AF_INET6, copy, address_out) != 1) {
		return false;
	}
	if (slash != NULL) {
		bits = strtoul(slash, &end, 10);
		if (*slash < '0' || *slash > '9' || *end != '\0' || bits > (is_v4 ? 32 : 128))
			return false;
		bits += is_v4 ? 96 : 0;
	}
	*bits_out = (uint8_t)bits;
	return true;
}

bool oper_address_matches(const uint8_t a[16], const uint8_t b[16], uint8_t bits)
{
	uint8_t whole = bits / 8, rest = bits % 8;
	uint8_t mask = (uint8_t)(0xff << (8 - rest));

	return memcmp(a, b, whole) == 0 && (rest == 0 || ((a[whole] ^ b[whole]) & mask) == 0);
}
