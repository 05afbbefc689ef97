/*
 * The judge of the load generator "moves"; tests/unit/moves_ledger.c shows that it can convict.
 */
#include "moves_ledger.h"

enum { REMEMBERED = 64 };

static void got_in_front(struct ledger_counts *counts, struct ledger_stream *stream,
                         uint32_t number)
{
	uint32_t step = number - stream->last;

	counts->lost += step - 1;
	stream->seen = step < REMEMBERED ? stream->seen << step | 1 : 1;
	stream->last = number;
}

static void got_behind(struct ledger_counts *counts, struct ledger_stream *stream, uint32_t number)
{
	uint32_t age = stream->last - number;
	uint64_t bit = age < REMEMBERED ? UINT64_C(1) << age : 0;

	if (bit == 0 || (stream->seen & bit) != 0) {
		counts->doubled++;
		return;
	}
	stream->seen |= bit;
	counts->disordered++;
	counts->lost--;
}

void ledger_got(struct ledger_counts *counts, struct ledger_stream *stream, uint32_t number,
                uint32_t sent)
{
	if (number == 0 || number > sent) {
		counts->foreign++;
		return;
	}
	counts->delivered++;
	if (number > stream->last)
		got_in_front(counts, stream, number);
	else
		got_behind(counts, stream, number);
}

void ledger_end(struct ledger_counts *counts, const struct ledger_stream *stream, uint32_t sent,
                bool end_excused)
{
	if (!end_excused)
		counts->lost += sent - stream->last;
}
