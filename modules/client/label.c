/*
 * modules/client/label.c - the answer to a labelled command: one line carries the label, several
 * are a batch, none is an ACK.
 *
 * So the first line waits until a second one comes or the command ends, which may be turns later if
 * it is held.
 */
#include "client.h"

void label_free(struct client_state *st, struct client *c)
{
	if (c->label == NULL)
		return;
	gw_free(st->self, c->label->tags);
	gw_free(st->self, c->label->line);
	gw_free(st->self, c->label);
	c->label = NULL;
}

/* What comes until label_resume() is no answer to the labelled command. */
struct label *label_pause(struct client *c)
{
	struct label *label = c->label;

	c->label = NULL;
	return label;
}

void label_resume(struct client *c, struct label *label)
{
	c->label = label;
}

void label_begin(struct client_state *st, struct client *c, const char *text)
{
	label_free(st, c);
	if (text == NULL)
		return;
	c->label = gw_alloc(st->self, sizeof(*c->label));
	snprintf(c->label->text, sizeof(c->label->text), "%s", text);
}

static void label_tag(const struct label *label, char out[LABEL_MAX + 8])
{
	snprintf(out, LABEL_MAX + 8, "label=%s", label->text);
}

/* Lines of an inner batch name that one. */
static void in_batch(struct client_state *st, struct client *c, const char *batch, const char *tags,
                     const char *line, size_t n)
{
	char tag[BATCH_MAX + 8];

	snprintf(tag, sizeof(tag), "batch=%s", batch);
	reply_write(st, c, tag, tags, line, n);
}

static void open_batch(struct client_state *st, struct client *c)
{
	struct label *label = c->label;
	char tag[LABEL_MAX + 8], text[TEXT_MAX];

	batch_name(st, label->batch);
	label_tag(label, tag);
	snprintf(text, sizeof(text), ":%s BATCH +%s labeled-response", st->server, label->batch);
	reply_write(st, c, tag, "", text, strlen(text));
	in_batch(st, c, label->batch, label->tags, label->line, strlen(label->line));
	gw_free(st->self, label->tags);
	gw_free(st->self, label->line);
	label->tags = label->line = NULL;
}

void label_line(struct client_state *st, struct client *c, const char *tags, const char *line,
                size_t n)
{
	struct label *label = c->label;

	if (label->batch[0] == '\0' && label->line == NULL) {
		label->tags = gw_strdup(st->self, tags);
		label->line = gw_strndup(st->self, line, n);
		return;
	}
	if (label->batch[0] == '\0')
		open_batch(st, c);
	in_batch(st, c, st->inner[0] != '\0' ? st->inner : label->batch, tags, line, n);
}

void label_end(struct client_state *st, struct client *c)
{
	struct label *label = c->label;
	char tag[LABEL_MAX + 8], text[TEXT_MAX];

	if (label == NULL)
		return;
	label_tag(label, tag);
	if (label->batch[0] != '\0') {
		snprintf(text, sizeof(text), ":%s BATCH -%s", st->server, label->batch);
		reply_write(st, c, "", "", text, strlen(text));
	} else if (label->line != NULL) {
		reply_write(st, c, tag, label->tags, label->line, strlen(label->line));
	} else {
		snprintf(text, sizeof(text), ":%s ACK", st->server);
		reply_write(st, c, tag, "", text, strlen(text));
	}
	label_free(st, c);
}
