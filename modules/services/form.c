/*
 * services/form.c - which fields have a name in the readable form, and what their parts mean.
 *
 * A new field is a row here. Writer and reader both go by the rows; a value that would not come
 * back as the same bytes has no name, and goes as base64.
 */
#include "form.h"
#include <gnutls/crypto.h>
#include <string.h>

const struct form_class form_classes[] = {
	{GW_CLASS_ACCOUNT, GW_NAME_NICK, "accounts", "account"},
	{GW_CLASS_CHANNEL, GW_NAME_CHANNEL, "channels", "channel"},
	{GW_CLASS_BAN, 0, "bans", "ban"},
	{GW_CLASS_GRANT, 0, "grants", "grant"},
	{GW_CLASS_PENDING, 'r', "registrations", "registration"},
	{0, 0, "others", "entity"},
	{GW_CLASS_SERVER, GW_NAME_SERVER, "servers", "server"},
	{GW_CLASS_NETWORK, 0, "network", "network"},
};
const size_t form_n_classes = sizeof(form_classes) / sizeof(form_classes[0]);

/* In the order in which an entity's fields are written. */
const struct form_field form_fields[] = {
	/* cores */
	{"ASN",
         FORM_ALONE,
         GW_F_CORE,
         false,
         NULL,
         NULL,
         NULL,
         {{"flags", FORM_NUMBER, FORM_QUIET}, {"registered", FORM_TIME, FORM_ALWAYS}}},
	{"C",
         FORM_ALONE,
         GW_F_CORE,
         false,
         NULL,
         NULL,
         NULL,
         {{"flags", FORM_TEXT, FORM_QUIET}, {"registered", FORM_TIME, FORM_ALWAYS}}},
	{"B",
         FORM_ALONE,
         GW_F_CORE,
         false,
         NULL,
         NULL,
         NULL,
         {{"flags", FORM_TEXT, FORM_QUIET},
          {"type", FORM_BANNED, FORM_ALWAYS},
          {"mask", FORM_TEXT, FORM_ALWAYS},
          {"reason", FORM_TEXT, FORM_ALWAYS},
          {"setter", FORM_TEXT, FORM_QUIET},
          {"set", FORM_TIME, FORM_ALWAYS},
          {"account", FORM_ACCOUNT, FORM_OPTIONAL}}},
	{"P",
         FORM_ALONE,
         GW_F_CORE,
         false,
         NULL,
         NULL,
         NULL,
         {{"flags", FORM_TEXT, FORM_QUIET},
          {"account", FORM_ACCOUNT, FORM_ALWAYS},
          {"role", FORM_TEXT, FORM_ALWAYS},
          {"as", FORM_CALLED, FORM_QUIET}}},
	{"R",
         FORM_ALONE,
         GW_F_CORE,
         false,
         NULL,
         NULL,
         NULL,
         {{"flags", FORM_NUMBER, FORM_QUIET},
          {"registered", FORM_TIME, FORM_ALWAYS},
          {"sent", FORM_NUMBER, FORM_ALWAYS},
          {"code-digest", FORM_BYTES, FORM_ALWAYS},
          {"typed", FORM_TEXT, FORM_ALWAYS}}},

	/* accounts, registrations */
	{"AR",
         FORM_ALONE,
         GW_F_CRED,
         true,
         "password",
         NULL,
         "SCRAM-SHA-256",
         {{"scheme", FORM_TEXT, FORM_ALWAYS},
          {"salt", FORM_BYTES, FORM_ALWAYS},
          {"iterations", FORM_NUMBER, FORM_ALWAYS},
          {"stored-key", FORM_BYTES, FORM_ALWAYS},
          {"server-key", FORM_BYTES, FORM_ALWAYS}}},
	{"AR",
         FORM_ALONE,
         GW_F_CRED,
         true,
         "password",
         NULL,
         "argon2id",
         {{"scheme", FORM_TEXT, FORM_ALWAYS},
          {"salt", FORM_BYTES, FORM_ALWAYS},
          {"operations", FORM_NUMBER, FORM_ALWAYS},
          {"memory", FORM_NUMBER, FORM_ALWAYS},
          {"hash", FORM_BYTES, FORM_ALWAYS}}},
	{"AR",
         FORM_ALONE,
         GW_F_MAIL,
         false,
         "mail",
         NULL,
         NULL,
         {{"address", FORM_TEXT, FORM_ALWAYS}, {"confirmed", FORM_FLAG, FORM_QUIET}}},
	{"A",
         FORM_ALONE,
         GW_F_VHOST,
         false,
         "host",
         NULL,
         NULL,
         {{"host", FORM_TEXT, FORM_ALWAYS}}},
	{"A",
         FORM_ALONE,
         GW_F_LANG,
         false,
         "language",
         NULL,
         NULL,
         {{"language", FORM_TEXT, FORM_ALWAYS}}},

	/* channels */
	{"C",
         FORM_ALONE,
         GW_F_FOUNDER,
         false,
         "founder",
         NULL,
         NULL,
         {{"account", FORM_ACCOUNT, FORM_ALWAYS}, {"as", FORM_CALLED, FORM_QUIET}}},
	{"C",
         FORM_ALONE,
         GW_F_MODES,
         false,
         "modes",
         NULL,
         NULL,
         {{"modes", FORM_TEXT, FORM_ALWAYS}}},
	{"C",
         FORM_ALONE,
         GW_F_TOPIC,
         false,
         "topic",
         NULL,
         NULL,
         {{"text", FORM_TEXT, FORM_ALWAYS},
          {"setter", FORM_TEXT, FORM_QUIET},
          {"set", FORM_TIME, FORM_ALWAYS}}},
	{"C",
         FORM_BY_ACCOUNT,
         GW_F_ACCESS,
         false,
         "access",
         "account",
         NULL,
         {{"prefixes", FORM_TEXT, FORM_ALWAYS}, {"as", FORM_CALLED, FORM_QUIET}}},
	{"C",
         FORM_BY_MASK,
         GW_F_LIST,
         false,
         "lists",
         "mode",
         NULL,
         {{"mask", FORM_TEXT, FORM_ALWAYS},
          {"setter", FORM_TEXT, FORM_QUIET},
          {"set", FORM_TIME, FORM_ALWAYS}}},

	/* servers */
	{"S",
         FORM_BY_TEXT,
         GW_F_ADDR,
         false,
         "addresses",
         "number",
         NULL,
         {{"address", FORM_TEXT, FORM_ALWAYS}}},
	{"S",
         FORM_ALONE,
         GW_F_WEIGHT,
         false,
         "weight",
         NULL,
         NULL,
         {{"weight", FORM_NUMBER, FORM_ALWAYS}}},
	{"S",
         FORM_BY_HEX,
         GW_F_KEY,
         false,
         "keys",
         "fingerprint",
         NULL,
         {{"key", FORM_BYTES, FORM_ALWAYS}}},
	{"SN",
         FORM_BY_HEX,
         GW_F_KEYREV,
         false,
         "revoked-keys",
         "fingerprint",
         NULL,
         {{"key", FORM_BYTES, FORM_ALWAYS}}},

	/* several */
	{"ACN",
         FORM_BY_TEXT,
         GW_F_OPTION,
         false,
         "options",
         "name",
         NULL,
         {{"value", FORM_TEXT, FORM_ALWAYS}}},
	{"ACBPR",
         FORM_ALONE,
         GW_F_EXPIRY,
         false,
         "expires",
         NULL,
         NULL,
         {{"expires", FORM_TIME, FORM_ALWAYS}}},
};
const size_t form_n_fields = sizeof(form_fields) / sizeof(form_fields[0]);

const struct form_class *form_class_of(uint8_t class)
{
	const struct form_class *others = NULL;

	for (size_t i = 0; i < form_n_classes; i++) {
		if (form_classes[i].class == class)
			return &form_classes[i];
		if (form_classes[i].class == 0)
			others = &form_classes[i];
	}
	return others;
}

bool form_field_is(const struct form_field *field, uint8_t class)
{
	return class != 0 && strchr(field->classes, class) != NULL;
}

static bool leads(const struct form_field *field, struct gw_blob value)
{
	struct gw_blob part;

	return field->lead == NULL || (gw_part(value, 0, &part) && part.n == strlen(field->lead) &&
	                               memcmp(part.p, field->lead, part.n) == 0);
}

const struct form_field *form_field_of(uint8_t class, uint16_t field, struct gw_blob value)
{
	for (size_t i = 0; i < form_n_fields; i++)
		if (form_field_is(&form_fields[i], class) && form_fields[i].field == field &&
		    leads(&form_fields[i], value))
			return &form_fields[i];
	return NULL;
}

size_t form_n_parts(const struct form_field *field)
{
	size_t n = 0;

	while (n < FORM_PARTS && field->parts[n].key != NULL)
		n++;
	return n;
}

/* --- values --- */

static uint64_t number_of(struct gw_blob part)
{
	return part.n == 8 ? get_u64(part.p) : UINT64_MAX;
}

static bool is_text(struct gw_blob part, const char *text)
{
	return part.n == strlen(text) && memcmp(part.p, text, part.n) == 0;
}

/* Whether the form can say it. */
static bool part_fits(uint8_t kind, struct gw_blob part)
{
	switch (kind) {
	case FORM_NUMBER:
		return part.n == 8;
	case FORM_TIME:
		return part.n == 8 && number_of(part) <= FORM_TIME_MAX;
	case FORM_FLAG:
		return part.n == 8 && number_of(part) <= 1;
	case FORM_BANNED:
		return is_text(part, "a") || is_text(part, "c");
	case FORM_ACCOUNT:
		return part.n == 16;
	default:
		return true;
	}
}

bool form_value_open(const struct form_field *field, struct gw_blob value, struct form_value *out)
{
	size_t n = form_n_parts(field), used = 0;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < n; i++) {
		if (!gw_part(value, (unsigned)i, &out->part[i])) {
			if (field->parts[i].need != FORM_OPTIONAL)
				return false;
			break;
		}
		if (!part_fits(field->parts[i].kind, out->part[i]))
			return false;
		out->has |= 1u << i;
		used += 2 + out->part[i].n;
	}
	return used == value.n;
}

/* --- what is derived from text --- */

void form_fold(const void *name, size_t n, uint8_t *out)
{
	const uint8_t *p = name;

	for (size_t i = 0; i < n; i++)
		out[i] = p[i] >= 'A' && p[i] <= 'Z' ? (uint8_t)(p[i] + 32) : p[i];
}

static bool folded_digest(struct gw_blob text, uint8_t out[32])
{
	uint8_t folded[512];

	if (text.n > sizeof(folded))
		return false;
	form_fold(text.p, text.n, folded);
	return gnutls_hash_fast(GNUTLS_DIG_SHA256, folded, text.n, out) == 0;
}

bool form_mask_sub(struct gw_blob letter, struct gw_blob mask, uint8_t out[33])
{
	if (letter.n != 1)
		return false;
	out[0] = *(const uint8_t *)letter.p;
	return folded_digest(mask, out + 1);
}

bool form_mail_digest(struct gw_blob address, uint8_t out[32])
{
	return folded_digest(address, out);
}
