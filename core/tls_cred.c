/*
 * core/tls_cred.c - key and certificate: read, or made at the first start; and swapped under live
 * sessions.
 */
#include "core/tls_cred.h"
#include "core/conn.h"
#include "core/file.h"
#include "core/mem.h"
#include "core/server.h"
#include "core/tls.h"
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PEM_MAX (1024 * 1024)
#define DAY ((time_t)24 * 60 * 60)
#define VALID (3652 * DAY) /* ten years */

/* X25519 first: GnuTLS's own first choice costs the server a quarter more. */
static const char priority_text[] =
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1";

static int tls_fail(struct gw_error *err, const char *what, const char *path, int status)
{
	return gw_fail(err, -EINVAL, "%s %s: %s", what, path, gnutls_strerror(status));
}

static int sys_fail(struct gw_error *err, const char *what, const char *path)
{
	int status = -errno;

	return gw_fail(err, status, "%s %s: %s", what, path, strerror(-status));
}

/* --- files --- */

static int read_all(int fd, gnutls_datum_t *out)
{
	ssize_t got;

	out->data = mem_alloc(PEM_MAX + 1);
	out->size = 0;
	while ((got = read(fd, out->data + out->size, PEM_MAX + 1 - out->size)) > 0)
		out->size += (unsigned)got;
	if (got == 0 && out->size <= PEM_MAX)
		return 0;
	free(out->data);
	if (got == 0)
		errno = EFBIG;
	return -errno;
}

static int read_pem(const char *path, bool secret, gnutls_datum_t *out, struct gw_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), status;
	struct stat st;

	if (fd < 0)
		return sys_fail(err, "cannot read", path);
	if (secret && fstat(fd, &st) == 0 && (st.st_mode & 077) != 0)
		status = gw_fail(err, -EPERM,
		                 "%s can be read by others than its owner: chmod 600 it", path);
	else if (read_all(fd, out) != 0)
		status = sys_fail(err, "cannot read", path);
	else
		status = 0;
	close(fd);
	return status;
}

/* --- the first start --- */

static int make_key(const char *path, struct gw_error *err)
{
	gnutls_x509_privkey_t key;
	gnutls_datum_t pem = {0};
	int status;

	gnutls_x509_privkey_init(&key);
	status = gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
	                                      GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	if (status == 0)
		status = gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL,
		                                           GNUTLS_PKCS_PLAIN, &pem);
	if (status == 0)
		status = file_write(path, 0600, pem.data, pem.size, err);
	else
		status = tls_fail(err, "cannot make the key", path, status);
	gnutls_x509_privkey_deinit(key);
	if (pem.data != NULL)
		gnutls_memset(pem.data, 0, pem.size);
	gnutls_free(pem.data);
	return status;
}

static int fill_certificate(gnutls_x509_crt_t crt, const struct tls_cred_spec *spec)
{
	time_t now = (time_t)(spec->loop->ops->wall_ns(spec->loop) / GW_SECOND);
	uint8_t serial[16];
	int status;

	spec->loop->ops->random(spec->loop, serial, sizeof(serial));
	serial[0] &= 0x7f; /* positive */
	status = gnutls_x509_crt_set_version(crt, 3);
	status |= gnutls_x509_crt_set_serial(crt, serial, sizeof(serial));
	status |= gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, spec->name,
	                                        (unsigned)strlen(spec->name));
	status |= gnutls_x509_crt_set_subject_alt_name(
		crt, GNUTLS_SAN_DNSNAME, spec->name, (unsigned)strlen(spec->name), GNUTLS_FSAN_SET);
	status |= gnutls_x509_crt_set_basic_constraints(crt, 0, -1);
	status |= gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
	status |= gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0);
	status |= gnutls_x509_crt_set_activation_time(crt, now - DAY);
	status |= gnutls_x509_crt_set_expiration_time(crt, now + VALID);
	return status;
}

static int sign_certificate(const struct tls_cred_spec *spec, const gnutls_datum_t *key_pem,
                            gnutls_datum_t *pem_out)
{
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t crt;
	int status;

	gnutls_x509_privkey_init(&key);
	gnutls_x509_crt_init(&crt);
	status = gnutls_x509_privkey_import(key, key_pem, GNUTLS_X509_FMT_PEM);
	if (status == 0)
		status = gnutls_x509_crt_set_key(crt, key);
	if (status == 0 && fill_certificate(crt, spec) != 0)
		status = GNUTLS_E_INVALID_REQUEST;
	if (status == 0)
		status = gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
	if (status == 0)
		status = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, pem_out);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(key);
	return status;
}

static void forget_pem(gnutls_datum_t *pem)
{
	if (pem->data == NULL)
		return;
	gnutls_memset(pem->data, 0, pem->size);
	free(pem->data);
	pem->data = NULL;
}

static int make_certificate(const struct tls_cred_spec *spec, struct gw_error *err)
{
	gnutls_datum_t key = {0}, pem = {0};
	int status = read_pem(spec->key, true, &key, err);

	if (status != 0)
		return status;
	status = sign_certificate(spec, &key, &pem);
	if (status != 0)
		status = tls_fail(err, "cannot make the certificate", spec->certificate, status);
	else
		status = file_write(spec->certificate, 0644, pem.data, pem.size, err);
	forget_pem(&key);
	gnutls_free(pem.data);
	return status;
}

/* A start that was cut off in between leaves a key without a certificate: it goes on from there. */
static int make_missing(const struct tls_cred_spec *spec, struct gw_error *err)
{
	int status = 0;

	if (access(spec->certificate, F_OK) == 0)
		return 0;
	if (access(spec->key, F_OK) != 0)
		status = make_key(spec->key, err);
	return status == 0 ? make_certificate(spec, err) : status;
}

/* --- loading --- */

struct tls_cred *tls_cred_new(void)
{
	struct tls_cred *cred = mem_alloc(sizeof(*cred));

	cred->refs = 1;
	gnutls_certificate_allocate_credentials(&cred->x509);
	return cred;
}

void tls_cred_unref(struct tls_cred **cred)
{
	struct tls_cred *c = *cred;

	*cred = NULL;
	if (c == NULL || --c->refs > 0)
		return;
	gnutls_certificate_free_credentials(c->x509);
	if (c->priority != NULL)
		gnutls_priority_deinit(c->priority);
	free(c);
}

static int load_pair(struct tls_cred *cred, const gnutls_datum_t *crt, const gnutls_datum_t *key)
{
	gnutls_datum_t der;
	int status;

	status = gnutls_certificate_set_x509_key_mem(cred->x509, crt, key, GNUTLS_X509_FMT_PEM);
	if (status < 0)
		return status;
	status = gnutls_certificate_get_crt_raw(cred->x509, 0, 0, &der);
	if (status < 0)
		return status;
	status = gnutls_hash_fast(GNUTLS_DIG_SHA256, der.data, der.size, cred->fingerprint);
	return status < 0 ? status : gnutls_priority_init(&cred->priority, priority_text, NULL);
}

int tls_cred_prepare(const struct tls_cred_spec *spec, struct gw_error *err, struct tls_cred **out)
{
	gnutls_datum_t crt = {0}, key = {0};
	struct tls_cred *cred = NULL;
	int status = spec->make ? make_missing(spec, err) : 0;

	if (status == 0)
		status = read_pem(spec->certificate, false, &crt, err);
	if (status == 0)
		status = read_pem(spec->key, true, &key, err);
	if (status == 0) {
		cred = tls_cred_new();
		status = load_pair(cred, &crt, &key);
		if (status != 0)
			status = tls_fail(err, "cannot use the certificate", spec->certificate,
			                  status);
	}
	forget_pem(&crt);
	forget_pem(&key);
	if (status != 0)
		tls_cred_unref(&cred);
	else
		*out = cred;
	return status;
}

void tls_cred_commit(struct gw_server *server, struct tls_cred **cred)
{
	struct tls_shared *shared = server->conns->tls;

	tls_cred_unref(&shared->cred);
	shared->cred = *cred;
	*cred = NULL;
}

void tls_cred_abort(struct tls_cred **cred)
{
	tls_cred_unref(cred);
}

void tls_cred_fingerprint(const struct tls_cred *cred, uint8_t out[32])
{
	memcpy(out, cred->fingerprint, sizeof(cred->fingerprint));
}

bool tls_fingerprint(struct gw_server *server, uint8_t out[32])
{
	struct tls_cred *cred = server->conns->tls->cred;

	if (cred != NULL)
		tls_cred_fingerprint(cred, out);
	return cred != NULL;
}

struct tls_shared *tls_shared_new(void)
{
	struct tls_shared *shared = mem_alloc(sizeof(*shared));

	gnutls_session_ticket_key_generate(&shared->ticket_key);
	return shared;
}

void tls_shared_free(struct tls_shared **shared)
{
	struct tls_shared *s = *shared;

	*shared = NULL;
	tls_cred_unref(&s->cred);
	tls_cred_unref(&s->accepts);
	tls_cred_unref(&s->dials);
	tls_cred_unref(&s->asks);
	gnutls_memset(s->ticket_key.data, 0, s->ticket_key.size);
	gnutls_free(s->ticket_key.data);
	free(s->in);
	free(s->out);
	free(s);
}
