/*
 * core/tls_facts.c - what a certificate says of itself, for operators.
 */
#include "core/mem.h"
#include "core/tls.h"
#include "core/tls_cred.h"

#include <gnutls/x509.h>
#include <godwit/loop.h>
#include <stdio.h>
#include <string.h>

static void add_names(gnutls_x509_crt_t crt, char *out, size_t size)
{
	char name[256];
	size_t n = sizeof(name), used;

	for (unsigned i = 0; i < 64; i++, n = sizeof(name)) {
		int kind = gnutls_x509_crt_get_subject_alt_name(crt, i, name, &n, NULL);

		if (kind == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			break;
		if (kind != GNUTLS_SAN_DNSNAME)
			continue;
		used = strlen(out);
		snprintf(out + used, size - used, "%s%.*s", used > 0 ? " " : "", (int)n, name);
	}
}

static void read_certificate(gnutls_x509_crt_t crt, struct tls_facts *out)
{
	size_t n = sizeof(out->subject);

	if (gnutls_x509_crt_get_dn(crt, out->subject, &n) != 0)
		out->subject[0] = '\0';
	add_names(crt, out->names, sizeof(out->names));
	out->from_ns = (int64_t)gnutls_x509_crt_get_activation_time(crt) * GW_SECOND;
	out->until_ns = (int64_t)gnutls_x509_crt_get_expiration_time(crt) * GW_SECOND;
}

void tls_cred_facts(const struct tls_cred *cred, struct tls_facts *out)
{
	gnutls_x509_crt_t crt;
	gnutls_datum_t der;

	*out = (struct tls_facts){.from_ns = 0};
	for (size_t i = 0; i < sizeof(cred->fingerprint); i++)
		snprintf(out->sha256 + 2 * i, 3, "%02x", cred->fingerprint[i]);
	if (gnutls_certificate_get_crt_raw(cred->x509, 0, 0, &der) < 0 ||
	    gnutls_x509_crt_init(&crt) < 0)
		return;
	if (gnutls_x509_crt_import(crt, &der, GNUTLS_X509_FMT_DER) == 0)
		read_certificate(crt, out);
	gnutls_x509_crt_deinit(crt);
}
