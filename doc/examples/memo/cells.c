/*
 * cells.c - memos as cells of the services database.
 *
 * A memo is a cell of its receiver's account: so it reaches every server, and goes when the account
 * is dropped. The cell's sub is the memo's id, clock before origin, so that the cells of an account
 * are in the order in which they were written. Its value has two parts: sender, text.
 */
#include "memo.h"
#include <errno.h>
#include <time.h>

#define SWEEP_NS (3600 * GW_SECOND)

int64_t memo_option(struct memo_state *st, const char *name)
{
	return gw_option_int(st->self, gw_options(st->self), name);
}

static int64_t written_ms(struct gw_id id)
{
	return (int64_t)(id.clock >> 16);
}

static bool too_old(struct memo_state *st, struct gw_id id)
{
	return written_ms(id) < (gw_wall_ns(st->self) - memo_option(st, "keep")) / GW_MS;
}

/* What other servers have written is checked like all that comes from outside: a line end in it
 * would begin a line of its own at a client, and the sender is to be one word of a line. */
bool memo_get(struct gw_blob from, struct memo *out)
{
	return gw_part_text(from, 0, out->sender, sizeof(out->sender)) &&
	       gw_part_text(from, 1, out->text, sizeof(out->text)) && out->sender[0] != '\0' &&
	       out->sender[0] != ':' && strpbrk(out->sender, " \r\n") == NULL &&
	       strpbrk(out->text, "\r\n") == NULL;
}

void memo_put(struct gw_parts *to, const struct memo *memo)
{
	gw_parts_text(to, memo->sender);
	gw_parts_text(to, memo->text);
}

static bool parse(struct memo_state *st, const struct gw_cell *cell, struct memo *out)
{
	out->id = gw_id_from(cell->sub);
	return cell->field == st->field && !gw_id_none(out->id) && memo_get(cell->value, out);
}

bool memo_next(struct memo_state *st, const struct gw_entity *account, size_t *at, struct memo *out)
{
	while (*at < account->n)
		if (parse(st, &account->cells[(*at)++], out) && !too_old(st, out->id))
			return true;
	return false;
}

int memo_write(struct memo_state *st, struct gw_id account, const struct memo *memo,
               struct gw_call done)
{
	uint8_t sub[16], value[2 + GW_NAME_MAX + 2 + TEXT_MAX];
	struct gw_parts parts = {.bytes = value, .max = sizeof(value)};
	struct gw_write write = {.class = GW_CLASS_ACCOUNT, .id = account, .field = st->field};

	gw_id_bytes(memo->id, sub);
	memo_put(&parts, memo);
	write.sub = (struct gw_blob){sub, sizeof(sub)};
	write.value = gw_parts_value(&parts);
	return parts.overflow ? -E2BIG : SERVICES(st, commit, &write, 1, done);
}

int memo_remove(struct memo_state *st, struct gw_id account, const struct gw_id *ids, size_t n,
                struct gw_call done)
{
	struct gw_write writes[MEMOS_MAX] = {0};
	uint8_t subs[MEMOS_MAX][16];

	if (n > MEMOS_MAX)
		return -E2BIG;
	for (size_t i = 0; i < n; i++) {
		gw_id_bytes(ids[i], subs[i]);
		writes[i] = (struct gw_write){.class = GW_CLASS_ACCOUNT,
		                              .id = account,
		                              .remove = true,
		                              .field = st->field,
		                              .sub = {subs[i], sizeof(subs[i])}};
	}
	return SERVICES(st, commit, writes, n, done);
}

/* --- how people know them --- */

/* The same on every server, so it is made of the id alone, without gw_hash(). Numbers of a list
 * would not do: a memo that was written on the other side of a split may come to stand before those
 * that somebody has seen. */
void memo_letters(struct gw_id id, char out[LETTERS + 1])
{
	gw_lesser_digits((id.clock ^ id.origin) * 0x9e3779b97f4a7c15, LETTERS, out);
}

void memo_from(const struct memo *memo, char *out, size_t max)
{
	time_t seconds = (time_t)(written_ms(memo->id) / 1000);
	char when[40] = "";
	struct tm tm;

	if (gmtime_r(&seconds, &tm) != NULL)
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M UTC", &tm);
	snprintf(out, max, "%s, %s", memo->sender, when);
}

/* --- old ones --- */

/* Each server does this for itself. A memo that two of them delete at once is deleted. */
void memo_sweep(void *state, uint64_t tag)
{
	struct memo_state *st = state;

	(void)tag;
	gw_timer_set(st->sweep, st->self, SWEEP_NS);
	SERVICES(st, walk, GW_CLASS_ACCOUNT, gw_call(st->self, CALL_SWEEP_ACCOUNT, 0));
}

/* What cannot be deleted now is deleted in an hour. Until then nobody is shown it: memo_next(). */
void memo_sweep_account(void *state, uint64_t tag, int status, const struct gw_entity *account)
{
	struct memo_state *st = state;
	struct gw_id ids[MEMOS_MAX];
	struct memo memo;
	size_t n = 0;

	(void)tag;
	if (status != 0 || account == NULL)
		return;
	for (size_t i = 0; i < account->n && n < MEMOS_MAX; i++)
		if (parse(st, &account->cells[i], &memo) && too_old(st, memo.id))
			ids[n++] = memo.id;
	if (n > 0)
		memo_remove(st, account->id, ids, n, gw_call(st->self, CALL_NONE, 0));
}
