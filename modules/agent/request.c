/*
 * What a client reads and computes: the words of REQUEST, and the proof for HANDOVER.
 */
#include "request.h"
#include "mover.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define BASE64 sodium_base64_VARIANT_URLSAFE_NO_PADDING

static bool read_secret(uint8_t *out, size_t size, const char *text, size_t text_len)
{
	size_t len;

	return strlen(text) == text_len &&
	       sodium_base642bin(out, size, text, text_len, NULL, &len, NULL, BASE64) == 0 &&
	       len == size;
}

bool request_is_id(const char *text)
{
	uint8_t id[MOVER_ID];

	return read_secret(id, sizeof id, text, MOVER_ID_TEXT);
}

static bool read_port(uint16_t *out, const char *text)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	*out = port;
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' && port >= 1 && port <= 65535;
}

static bool read_fingerprint(struct request *request, const char *text)
{
	size_t len;

	request->tls = strcmp(text, "-") != 0;
	return !request->tls || (strlen(text) == 2 * MOVER_SECRET &&
	                         strspn(text, "0123456789abcdef") == 2 * MOVER_SECRET &&
	                         sodium_hex2bin(request->fingerprint, MOVER_SECRET, text,
	                                        2 * MOVER_SECRET, NULL, &len, NULL) == 0);
}

bool request_read(struct request *request, char **words, int count)
{
	if (count != 7)
		return false;
	request->id = words[2];
	request->host = words[3];
	return strlen(request->host) <= MOVER_HOST_MAX && read_port(&request->port, words[4]) &&
	       read_fingerprint(request, words[5]) &&
	       read_secret(request->token, MOVER_SECRET, words[6], MOVER_SECRET_TEXT);
}

int request_split(char *text, char **words)
{
	int count = 0;

	for (;;) {
		text += strspn(text, " ");
		if (*text == '\0' || count == REQUEST_WORDS_MAX)
			return count;
		words[count++] = text;
		if (*text == ':') {
			words[count - 1]++;
			return count;
		}
		text += strcspn(text, " ");
		if (*text != '\0')
			*text++ = '\0';
	}
}

void mover_proof(char proof_out[MOVER_SECRET_TEXT + 1], const char *id,
                 const uint8_t token[MOVER_SECRET], const uint8_t *binding)
{
	static const char label[] = "godwit redirect";
	crypto_auth_hmacsha256_state hmac;
	uint8_t proof[crypto_auth_hmacsha256_BYTES], id_bytes[MOVER_ID] = {0};

	read_secret(id_bytes, sizeof id_bytes, id, MOVER_ID_TEXT);
	crypto_auth_hmacsha256_init(&hmac, token, MOVER_SECRET);
	crypto_auth_hmacsha256_update(&hmac, (const uint8_t *)label, sizeof label - 1);
	crypto_auth_hmacsha256_update(&hmac, id_bytes, sizeof id_bytes);
	if (binding != NULL)
		crypto_auth_hmacsha256_update(&hmac, binding, MOVER_SECRET);
	crypto_auth_hmacsha256_final(&hmac, proof);
	sodium_bin2base64(proof_out, MOVER_SECRET_TEXT + 1, proof, sizeof proof, BASE64);
}
