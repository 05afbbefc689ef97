/*
 * modules/client/renderers.c - the rows of "client.render", copied and chained by the kind of event
 * that they show, for render.c.
 */
#include "client.h"

/* Bits of the words of a list. */
static uint64_t bits_of(struct client_state *st, const char *names)
{
	char name[64];
	uint64_t bits = 0;

	while (names != NULL && *(names += strspn(names, " ")) != '\0') {
		size_t n = strcspn(names, " ");

		snprintf(name, sizeof(name), "%.*s", (int)n, names);
		bits |= caps_bit(st, name);
		names += n;
	}
	return bits;
}

static void take_row(struct client_state *st, struct renderer *to, const struct gw_row *from)
{
	const struct gw_renderer *row = from->row;

	*to = (struct renderer){
		.call = gw_call(from->module, row->call, 0),
		.kind = row->kind,
		.event = row->event != NULL ? gw_strdup(st->self, row->event) : NULL,
		.next = -1,
		.audience = (uint8_t)row->audience,
		.personal = row->personal,
		.not_own = row->not_own,
		.echo = row->echo_cap != NULL,
		.caps = bits_of(st, row->caps),
		.echo_bit = bits_of(st, row->echo_cap),
		.umode = gw_letter(row->umode),
	};
}

/* Behind the others of its kind; those of modules' own kinds share list 0. */
static void chain(struct client_state *st, int32_t index)
{
	int32_t *at = &st->first_renderer[render_list(st->renderers[index].kind)];

	while (*at >= 0)
		at = &st->renderers[*at].next;
	*at = index;
}

static void free_rows(struct client_state *st)
{
	for (uint32_t i = 0; i < st->n_renderers; i++)
		gw_free(st->self, st->renderers[i].event);
	gw_free(st->self, st->renderers);
}

void render_changed(void *state, uint64_t tag)
{
	struct client_state *st = state;
	const struct gw_row *rows;
	size_t n = gw_rows(st->self, GW_POINT_RENDER, &rows);

	(void)tag;
	free_rows(st);
	st->renderers = gw_alloc(st->self, (n + 1) * sizeof(*st->renderers));
	st->n_renderers = (uint32_t)n;
	for (uint32_t i = 0; i < KINDS; i++)
		st->first_renderer[i] = -1;
	for (size_t i = 0; i < n; i++)
		take_row(st, &st->renderers[i], &rows[i]);
	for (size_t i = 0; i < n; i++)
		chain(st, (int32_t)i);
}

void render_free(struct client_state *st)
{
	free_rows(st);
	for (size_t i = 0; i < FORMS_MAX; i++)
		if (st->forms[i].buf != NULL)
			gw_buf_unref(st->self, &st->forms[i].buf);
}
