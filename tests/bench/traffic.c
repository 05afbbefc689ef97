/*
 * Who sends what to whom, and whether it arrived. A text is "SENDER SEQUENCE PAD": each receiver
 * keeps, for each sender, which sequences it has seen, so that every single delivery is known to
 * be new, doubled, late (reordered), or in the end lost. A line stays in its sender's ring until
 * all its receivers have it: that is what the window of the closed modes counts.
 */
#include "load.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBERS_LEN = 15, SEEN_BITS = 64 }; /* "%05u %08u " */

static void *alloc_array(size_t count, size_t size)
{
	void *array = calloc(count, size);

	if (array == NULL)
		load_fail("no memory");
	return array;
}

static void make_pad(struct load *load)
{
	struct traffic *t = &load->traffic;

	t->pad_len =
		load->options.text_len > NUMBERS_LEN ? load->options.text_len - NUMBERS_LEN : 1;
	t->pad = alloc_array(t->pad_len + 1, 1);
	for (size_t i = 0; i < t->pad_len; i++)
		t->pad[i] = i % 8 == 7 ? ' ' : 'a' + i % 26;
	t->pad[t->pad_len - 1] = '.';
}

static void make_sender(struct load *load, uint32_t index, bool direct)
{
	struct traffic *t = &load->traffic;
	struct sender *sender = &t->senders[index];
	uint32_t group = index / t->per_group, member = index % t->per_group;
	struct peer *peers = &load->peers[group * t->group_size];

	sender->peer = &peers[member];
	sender->slots = alloc_array(t->slot_count, sizeof *sender->slots);
	if (direct)
		snprintf(sender->target, sizeof sender->target, "%s",
		         peers[(member + 1) % t->group_size].nick);
	else
		snprintf(sender->target, sizeof sender->target, "#b%u", group);
}

void traffic_open(struct load *load, uint32_t groups, uint32_t group_size, uint32_t per_group,
                  uint32_t slot_count, bool direct)
{
	struct traffic *t = &load->traffic;

	t->group_size = group_size;
	t->per_group = per_group;
	t->slot_count = slot_count;
	t->sender_count = groups * per_group;
	load->joins = !direct;
	load_alloc_peers(load, groups * group_size);
	t->streams = alloc_array((size_t)load->peer_count * per_group, sizeof *t->streams);
	t->senders = alloc_array(t->sender_count, sizeof *t->senders);
	make_pad(load);
	for (uint32_t i = 0; i < load->peer_count; i++)
		load->peers[i].group = i / group_size;
	for (uint32_t i = 0; i < t->sender_count; i++)
		make_sender(load, i, direct);
	peers_open(load, 0, load->peer_count);
}

void traffic_send(struct load *load, struct sender *sender, uint64_t at_ns)
{
	struct traffic *t = &load->traffic;
	struct slot *slot = &sender->slots[sender->next & (t->slot_count - 1)];
	char line[600];
	int len;

	len = snprintf(line, sizeof line, "PRIVMSG %s :%05u %08u %s\r\n", sender->target,
	               (unsigned)(sender - t->senders), sender->next, t->pad);
	slot->at_ns = at_ns;
	slot->left = t->group_size - 1;
	sender->next++;
	peer_send(load, sender->peer, line, len);
}

/* Arrival */

static bool read_number(const char **at, int digits, uint32_t *value)
{
	*value = 0;
	for (int i = 0; i < digits; i++) {
		unsigned digit = (unsigned char)(*at)[i] - '0';

		if (digit > 9)
			return false;
		*value = *value * 10 + digit;
	}
	*at += digits + 1;
	return true;
}

/** One receiver fewer is waited for, whether it got the line or certainly won't. */
static void settle(struct load *load, struct sender *sender, uint32_t sequence)
{
	struct traffic *t = &load->traffic;
	uint32_t mask = t->slot_count - 1;

	if (sequence - sender->base >= sender->next - sender->base)
		return;
	sender->slots[sequence & mask].left--;
	if (sequence != sender->base || sender->slots[sequence & mask].left > 0)
		return;
	while (sender->base != sender->next && sender->slots[sender->base & mask].left == 0)
		sender->base++;
	if (t->advanced != NULL)
		t->advanced(load, sender);
}

/** In order, the usual case; what was skipped counts as lost until it comes after all. */
static void arrived_in_front(struct load *load, struct sender *sender, struct stream *stream,
                             uint32_t sequence)
{
	uint32_t gap = sequence - stream->next;

	for (uint32_t i = 0; i < gap; i++)
		settle(load, sender, stream->next + i);
	load->traffic.counts.lost += gap;
	stream->seen = gap + 1 < SEEN_BITS ? stream->seen << (gap + 1) | 1 : 1;
	stream->next = sequence + 1;
	settle(load, sender, sequence);
}

static void arrived_behind(struct counts *counts, struct stream *stream, uint32_t sequence)
{
	uint32_t age = stream->next - 1 - sequence;
	uint64_t bit = age < SEEN_BITS ? UINT64_C(1) << age : 0;

	if (bit == 0 || (stream->seen & bit) != 0) {
		counts->doubled++;
		return;
	}
	stream->seen |= bit;
	counts->reordered++;
	counts->lost--;
}

static void arrived(struct load *load, struct peer *peer, struct sender *sender, uint32_t sequence)
{
	struct traffic *t = &load->traffic;
	uint32_t row = (uint32_t)(sender - t->senders) % t->per_group;
	struct stream *stream = &t->streams[(size_t)peer->index * t->per_group + row];
	const struct slot *slot = &sender->slots[sequence & (t->slot_count - 1)];

	t->counts.deliveries++;
	t->last_ns = load->now_ns;
	histogram_add(&t->latency, load->now_ns - slot->at_ns);
	if ((int32_t)(sequence - stream->next) >= 0)
		arrived_in_front(load, sender, stream, sequence);
	else
		arrived_behind(&t->counts, stream, sequence);
}

/** Whether it is one that this peer should get, from whom it says, and as it was sent. */
static bool is_sound(struct load *load, struct peer *peer, const char *nick, const char *target,
                     const char *text, const char *end, struct sender **sender, uint32_t *sequence)
{
	struct traffic *t = &load->traffic;
	size_t target_len;
	uint32_t index;

	if ((size_t)(end - text) != NUMBERS_LEN + t->pad_len || !read_number(&text, 5, &index) ||
	    !read_number(&text, 8, sequence) || index >= t->sender_count)
		return false;
	*sender = &t->senders[index];
	target_len = strlen((*sender)->target);
	return (*sender)->peer->group == peer->group && (*sender)->peer != peer &&
	       *sequence < (*sender)->next && memcmp(text, t->pad, t->pad_len) == 0 &&
	       strncmp(target, (*sender)->target, target_len) == 0 && target[target_len] == ' ' &&
	       strncmp(nick, (*sender)->peer->nick, strlen((*sender)->peer->nick)) == 0;
}

bool traffic_line(struct load *load, struct peer *peer, const char *line, const char *end)
{
	struct counts *counts = &load->traffic.counts;
	bool tagged = *line == '@';
	const char *at = line, *nick, *target, *text;
	struct sender *sender;
	uint32_t sequence;

	if (tagged && ((at = memchr(at, ' ', end - at)) == NULL || ++at >= end))
		return false;
	if (*at != ':')
		return false;
	nick = at + 1;
	if ((at = memchr(nick, ' ', end - nick)) == NULL || end - at < 10 ||
	    memcmp(at, " PRIVMSG ", 9) != 0)
		return false;
	target = at + 9;
	if ((text = memchr(target, ' ', end - target)) == NULL || end - text < 2)
		return false;
	text += text[1] == ':' ? 2 : 1;
	if (!is_sound(load, peer, nick, target, text, end, &sender, &sequence)) {
		counts->corrupt++;
		return true;
	}
	counts->tagged += tagged;
	arrived(load, peer, sender, sequence);
	return true;
}

/* The end */

static bool anything_under_way(const struct traffic *t)
{
	for (uint32_t i = 0; i < t->sender_count; i++)
		if (t->senders[i].base != t->senders[i].next)
			return true;
	return false;
}

/** What each receiver has not got after all. */
static uint64_t count_missing(const struct load *load)
{
	const struct traffic *t = &load->traffic;
	uint64_t missing = 0;

	for (uint32_t i = 0; i < load->peer_count; i++) {
		uint32_t group = load->peers[i].group;

		for (uint32_t row = 0; row < t->per_group; row++) {
			const struct sender *sender = &t->senders[group * t->per_group + row];

			if (sender->peer != &load->peers[i])
				missing += sender->next -
				           t->streams[(size_t)i * t->per_group + row].next;
		}
	}
	return missing;
}

void traffic_drain(struct load *load, double quiet_s)
{
	struct traffic *t = &load->traffic;

	t->advanced = NULL;
	t->last_ns = load->now_ns;
	while (anything_under_way(t) && load->now_ns - t->last_ns < quiet_s * 1e9)
		load_turn(load, 50000000);
	load_wait(load, 50000000);
	t->counts.lost += count_missing(load);
}
