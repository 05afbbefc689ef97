/*
 * rows.c - what other modules contribute: modes, burst forms, kinds of events. Data of sessions are
 * in slots.c.
 *
 * The rows lie in their modules' images, so the state keeps copies, made anew whenever the point
 * says that it has changed.
 */
#include "network.h"
#include <godwit/log.h>
#include <sodium.h>

static void chanmodes_free(struct network *net)
{
	for (size_t i = 0; i < net->n_chanmodes; i++)
		gw_free(net->self, net->chanmodes[i].help);
	if (net->chanmodes != NULL)
		gw_free(net->self, net->chanmodes);
	net->chanmodes = NULL;
	net->n_chanmodes = 0;
}

void rows_chanmodes(void *state, uint64_t tag)
{
	struct network *net = (struct network *)state;
	struct gw_self *self = net->self;
	const struct gw_row *rows;
	size_t n = gw_rows(self, GW_POINT_CHANMODE, &rows);

	(void)tag;
	chanmodes_free(net);
	if (n > 0)
		net->chanmodes =
			(struct chanmode_copy *)gw_alloc(self, n * sizeof(*net->chanmodes));
	for (size_t i = 0; i < n; i++) {
		const struct gw_chanmode *row = (const struct gw_chanmode *)rows[i].row;
		struct chanmode_copy *copy = &net->chanmodes[net->n_chanmodes];

		if (gw_letter(row->name[0]) == 0 || row->name[1] != '\0') {
			gw_log(self, GW_ERROR, "channel mode is not a letter name=%s module=%s",
			       row->name, rows[i].module->name);
			continue;
		}
		copy->name[0] = row->name[0];
		copy->help = gw_strdup(self, row->help == NULL ? "" : row->help);
		copy->pub = *row;
		copy->pub.name = copy->name;
		copy->pub.help = copy->help;
		net->n_chanmodes++;
	}
}

static void bursts_free(struct network *net)
{
	for (size_t i = 0; i < net->n_bursts; i++)
		gw_free(net->self, net->bursts[i].name);
	if (net->bursts != NULL)
		gw_free(net->self, net->bursts);
	net->bursts = NULL;
	net->n_bursts = 0;
}

void rows_bursts(void *state, uint64_t tag)
{
	struct network *net = (struct network *)state;
	struct gw_self *self = net->self;
	const struct gw_row *rows;
	size_t n = gw_rows(self, GW_POINT_BURST, &rows);

	(void)tag;
	bursts_free(net);
	if (n > 0)
		net->bursts = (struct burst_row *)gw_alloc(self, n * sizeof(*net->bursts));
	for (size_t i = 0; i < n; i++) {
		const struct gw_burst_data *row = (const struct gw_burst_data *)rows[i].row;

		net->bursts[net->n_bursts++] =
			(struct burst_row){.name = gw_strdup(self, row->name),
		                           .version = row->version,
		                           .module = rows[i].module,
		                           .export_row = row->export_row,
		                           .import_row = row->import_row};
	}
}

static void kinds_free(struct network *net)
{
	for (size_t i = 0; i < net->n_kinds; i++)
		gw_free(net->self, net->kinds[i].name);
	if (net->kinds != NULL)
		gw_free(net->self, net->kinds);
	net->kinds = NULL;
	net->n_kinds = 0;
}

static size_t namespace_length(const char *name)
{
	return strcspn(name, ".");
}

/* The same on every server: 15 bits of the SHA-256 of what stands before the dot. */
static uint32_t namespace_number(const char *name)
{
	uint8_t sum[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(sum, (const unsigned char *)name, namespace_length(name));
	return 0x8000u | (uint32_t)(sum[0] & 0x7f) << 8 | sum[1];
}

/* A kind by whose namespace this one cannot be told apart, or NULL. */
static const struct kind_copy *kind_clash(const struct network *net, const char *name,
                                          uint32_t kind)
{
	for (size_t i = 0; i < net->n_kinds; i++) {
		const struct kind_copy *other = &net->kinds[i];
		size_t n = namespace_length(name);
		bool one = namespace_length(other->name) == n && strncmp(other->name, name, n) == 0;

		if (other->kind == kind || (!one && other->kind >> 16 == kind >> 16))
			return other;
	}
	return NULL;
}

static void kind_read(struct network *net, const struct gw_row *row)
{
	const struct gw_kind_row *kind = (const struct gw_kind_row *)row->row;
	uint32_t number = namespace_number(kind->name) << 16 | kind->number;
	const struct kind_copy *clash = kind_clash(net, kind->name, number);

	if (clash != NULL) {
		gw_log(net->self, GW_ERROR,
		       "kind refused, its number is taken kind=%s module=%s by=%s of=%s",
		       kind->name, row->module->name, clash->name, clash->module->name);
		return;
	}
	net->kinds[net->n_kinds++] = (struct kind_copy){.name = gw_strdup(net->self, kind->name),
	                                                .kind = number,
	                                                .module = row->module,
	                                                .apply = kind->apply};
}

void rows_kinds(void *state, uint64_t tag)
{
	struct network *net = (struct network *)state;
	const struct gw_row *rows;
	size_t n = gw_rows(net->self, GW_POINT_KIND, &rows);

	(void)tag;
	kinds_free(net);
	if (n > 0)
		net->kinds = (struct kind_copy *)gw_alloc(net->self, n * sizeof(*net->kinds));
	for (size_t i = 0; i < n; i++)
		kind_read(net, &rows[i]);
}

const struct kind_copy *kind_by_number(const struct network *net, uint32_t kind)
{
	for (size_t i = 0; i < net->n_kinds; i++) {
		if (net->kinds[i].kind == kind)
			return &net->kinds[i];
	}
	return NULL;
}

const struct kind_copy *kind_by_name(const struct network *net, const char *name)
{
	for (size_t i = 0; i < net->n_kinds; i++) {
		if (strcmp(net->kinds[i].name, name) == 0)
			return &net->kinds[i];
	}
	return NULL;
}

void rows_free(struct network *net)
{
	chanmodes_free(net);
	bursts_free(net);
	kinds_free(net);
	slots_free(net);
}
