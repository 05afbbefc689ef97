/*
 * digest.c - one number for the live state: equal event vectors give equal digests.
 *
 * The sum (mod 2^256) of the SHA-256 of each living thing with its cells and their stamps: users,
 * lives of channels, their list entries, memberships. So it depends on no order. What is kept only
 * in case something comes late (tombstones, lives that nobody sees, strays) is left out, as every
 * server forgets it in its own time.
 */
#include "network.h"
#include <sodium.h>
#include <utlist.h>

struct sum {
	uint8_t bytes[32];
	struct writer w;
	uint8_t room[4096];
};

static void sum_begin(struct sum *sum, char what)
{
	writer_init(&sum->w, NULL, sum->room, sizeof(sum->room));
	put_u8(&sum->w, (uint8_t)what);
}

static void sum_end(struct sum *sum)
{
	uint8_t hash[crypto_hash_sha256_BYTES];
	unsigned carry = 0;

	crypto_hash_sha256(hash, sum->w.p, sum->w.n);
	for (size_t i = 0; i < sizeof(hash); i++) {
		carry += sum->bytes[i] + hash[i];
		sum->bytes[i] = (uint8_t)carry;
		carry >>= 8;
	}
}

/* By address: for texts that were checked when they came. */
static void put_text(struct writer *w, const char *text)
{
	put_optional(w, text, sizeof(((struct sum *)NULL)->room));
}

static void sum_person(struct sum *sum, const struct person *p)
{
	const struct gw_user *u = &p->user;
	struct writer *w = &sum->w;

	sum_begin(sum, 'u');
	put_u64(w, p->session.id);
	put_u64(w, p->session.epoch);
	put_u64(w, p->session.home->run);
	put_u64(w, (uint64_t)u->signon_ms);
	put_u8(w, u->secure);
	put_u64(w, u->modes);
	put_text(w, u->nick);
	put_text(w, p->wanted);
	put_text(w, u->ident);
	put_text(w, u->host);
	put_text(w, u->realname);
	put_text(w, u->account);
	put_text(w, u->away);
	put_text(w, u->role);
	put_u64(w, u->account_id.clock);
	put_u64(w, u->account_id.origin);
	put_stamp(w, p->claim);
	put_stamp(w, u->nick_stamp);
	for (unsigned i = 0; i < N_FIELDS; i++)
		put_stamp(w, field_stamp(p, i));
	sum_end(sum);
}

static void sum_seat(struct network *net, struct sum *sum, const struct seat *seat)
{
	const struct life *current = chan_of(seat->pub.channel)->current;
	struct writer *w = &sum->w;

	sum_begin(sum, 'm');
	put_text(w, chan_of(seat->pub.channel)->folded);
	put_u64(w, seat->pub.session->id);
	put_stamp(w, seat->pub.stamp);
	put_stamp(w, seat->life->created);
	put_u8(w, seat->bits);
	put_u8(w, seat_status(net, seat, current));
	for (unsigned i = 0; i < N_PREFIXES; i++)
		put_stamp(w, seat_stamp(seat, i));
	sum_end(sum);
}

static void sum_cells(struct sum *sum, const struct chan *chan, const struct life *life)
{
	const struct gw_list_entry *entry;
	struct writer *w = &sum->w;

	for (uint32_t i = 0; i < life->n_cells; i++) {
		sum_begin(sum, 'l');
		put_text(w, chan->folded);
		put_stamp(w, life->created);
		put_u8(w, (uint8_t)life->cells[i].letter);
		put_u8(w, life->cells[i].set);
		put_stamp(w, life->cells[i].stamp);
		put_text(w, life->cells[i].param);
		sum_end(sum);
	}
	DL_FOREACH (life->lists, entry) {
		if (entry->gone)
			continue;
		sum_begin(sum, 'e');
		put_text(w, chan->folded);
		put_stamp(w, life->created);
		put_u8(w, (uint8_t)entry->letter);
		put_text(w, entry->mask);
		put_text(w, entry->setter);
		put_u64(w, (uint64_t)entry->set_ms);
		put_stamp(w, entry->stamp);
		sum_end(sum);
	}
}

static void sum_life(struct sum *sum, const struct chan *chan, const struct life *life)
{
	const struct registration *registration = life_registered(life);
	struct writer *w = &sum->w;

	sum_begin(sum, 'c');
	put_text(w, chan->folded);
	put_stamp(w, life->created);
	put_u64(w, registration == NULL ? 0 : registration->id.clock);
	put_u64(w, registration == NULL ? 0 : registration->id.origin);
	put_stamp(w, registration == NULL ? (struct gw_stamp){0, 0} : registration->claim);
	put_u8(w, chan->current == life);
	put_text(w, life->topic);
	put_text(w, life->topic_setter);
	put_u64(w, (uint64_t)life->topic_ms);
	put_stamp(w, life->topic_stamp);
	sum_end(sum);
	sum_cells(sum, chan, life);
}

void digest(void *network, uint8_t out[32])
{
	struct network *net = (struct network *)network;
	struct sum sum = {{0}, {0}, {0}};

	for (const struct person *p = net->people; p != NULL;
	     p = (const struct person *)p->by_id.next)
		sum_person(&sum, p);
	for (const struct chan *chan = net->chans; chan != NULL;
	     chan = (const struct chan *)chan->hh.next) {
		const struct life *life;

		LL_FOREACH (chan->lives, life) {
			if (life_alive(life))
				sum_life(&sum, chan, life);
		}
		for (uint32_t i = 0; i < chan->pub.n_members; i++)
			sum_seat(net, &sum, seat_of(chan->pub.members[i]));
	}
	memcpy(out, sum.bytes, sizeof(sum.bytes));
}
