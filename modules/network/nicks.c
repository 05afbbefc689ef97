/*
 * nicks.c - who is shown under which nick, when two want the same.
 *
 * A nick cell says what a session wants. The holder of a nick is the one with the best right: the
 * earlier claim of its account, then the older use, then the smaller session id. Whoever loses is
 * shown as nick~xxxxx (five base32 digits of the SHA-256 of the session's id), or, should even that
 * be taken, with all digits of the id. Who is shown how follows from the cells alone, so it does
 * not depend on the order in which they came. The loser's home then makes the new nick its wish.
 */
#include "network.h"
#include <sodium.h>
#include <utlist.h>

#define LEVEL_LAST 2 /* a nick that nobody else has a right to */
#define CHAIN_MAX 8

static uint64_t id_digest(uint64_t id)
{
	uint8_t bytes[8], sum[crypto_hash_sha256_BYTES];
	uint64_t bits = 0;

	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(id >> (56 - 8 * i));
	crypto_hash_sha256(sum, bytes, sizeof(bytes));
	for (int i = 0; i < 8; i++)
		bits = bits << 8 | sum[i];
	return bits;
}

/* The nick of `p` at a level: as wanted, with five digits, with all. */
static void nick_at(const struct person *p, unsigned level, char out[GW_NICK_MAX + 1])
{
	unsigned digits = level == 1 ? 5 : 13;
	size_t stem;

	if (level == 0) {
		strcpy(out, p->wanted);
		return;
	}
	stem = strcspn(p->wanted, "~");
	if (stem > GW_NICK_MAX - 1 - digits)
		stem = GW_NICK_MAX - 1 - digits;
	memcpy(out, p->wanted, stem);
	out[stem] = '~';
	gw_lesser_digits(level == 1 ? id_digest(p->session.id) : p->session.id, digits,
	                 out + stem + 1);
}

static struct person *holder_of(struct network *net, const char *nick)
{
	struct gw_self *self = net->self;
	char folded[GW_NICK_MAX + 1];
	struct person *p;

	fold(NULL, nick, folded, sizeof(folded));
	HASH_FIND(by_nick, net->nicks, folded, strlen(folded), p);
	return p;
}

/* Whether `p`, as its nick of `level`, has the better right to it than its holder. */
static bool better(const struct person *p, unsigned level, const struct person *holder)
{
	bool claims = level == 0 && !stamp_none(p->claim);
	bool claimed = holder->level == 0 && !stamp_none(holder->claim);
	int order;

	if ((level == LEVEL_LAST) != (holder->level == LEVEL_LAST))
		return level == LEVEL_LAST;
	if (claims != claimed)
		return claims;
	order = claims ? gw_stamp_cmp(p->claim, holder->claim) : 0;
	if (order == 0)
		order = gw_stamp_cmp(p->user.nick_stamp, holder->user.nick_stamp);
	return order < 0 || (order == 0 && p->session.id < holder->session.id);
}

static void nick_take(struct network *net, struct person *p, const char *nick)
{
	struct gw_self *self = net->self;
	struct texts t;

	if (strcmp(nick, p->user.nick) != 0) {
		person_texts(p, &t);
		t.nick = nick;
		person_pack(net, p, &t);
	}
	fold(NULL, nick, p->folded, sizeof(p->folded));
	HASH_ADD_KEYPTR(by_nick, net->nicks, p->folded, strlen(p->folded), p);
	if (p->level > 0)
		DL_APPEND(net->losers, p);
}

void nick_leave(struct network *net, struct person *p)
{
	struct gw_self *self = net->self;

	if (p->folded[0] == '\0')
		return;
	HASH_DELETE(by_nick, net->nicks, p);
	p->folded[0] = '\0';
	if (p->level > 0)
		DL_DELETE(net->losers, p);
	p->level = 0;
}

/* `p` holds nothing; finds its nick from `level` on. Whoever must make room is seated, and
 * published, first. */
static void seat_from(struct applying *a, struct person *p, unsigned level, unsigned chain)
{
	char nick[GW_NICK_MAX + 1], old[GW_NICK_MAX + 1];
	struct person *holder;
	unsigned its;

	for (;; level++) {
		nick_at(p, level, nick);
		holder = holder_of(a->net, nick);
		if (holder == NULL || level == LEVEL_LAST || better(p, level, holder))
			break;
	}
	its = holder == NULL ? 0 : holder->level;
	if (holder != NULL) {
		strcpy(old, holder->user.nick);
		nick_leave(a->net, holder);
	}
	p->level = (uint8_t)level;
	nick_take(a->net, p, nick);
	if (holder == NULL)
		return;
	seat_from(a, holder, chain < CHAIN_MAX && its < LEVEL_LAST ? its + 1 : LEVEL_LAST,
	          chain + 1);
	person_renamed(a, holder, old);
}

void nick_seat(struct applying *a, struct person *p)
{
	seat_from(a, p, 0, 0);
}

/* The first level at which `p` would now hold its nick: below its own if another has gone. */
static unsigned level_now(struct network *net, const struct person *p)
{
	char nick[GW_NICK_MAX + 1];

	for (unsigned level = 0; level < p->level; level++) {
		struct person *holder;

		nick_at(p, level, nick);
		holder = holder_of(net, nick);
		if (holder == NULL || better(p, level, holder))
			return level;
	}
	return p->level;
}

void nick_vacated(struct applying *a)
{
	char old[GW_NICK_MAX + 1];
	struct person *p = a->net->losers;

	while (p != NULL) {
		unsigned level = level_now(a->net, p);

		if (level == p->level) {
			p = p->next;
			continue;
		}
		strcpy(old, p->user.nick);
		nick_leave(a->net, p);
		seat_from(a, p, level, 0);
		person_renamed(a, p, old);
		p = a->net->losers;
	}
}
