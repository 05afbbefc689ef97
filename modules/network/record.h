/*
 * record.h - the one form in which an event exists: bytes.
 *
 * A record is a header and a body that its kind defines. Integers are big endian; lengths, sequence
 * and command number are varints (7 bits a byte, the lowest first); a string is its length, its
 * bytes and a NUL, so a reader can hand out pointers into the record. network.md has the form of
 * every kind.
 */
#ifndef NETWORK_RECORD_H
#define NETWORK_RECORD_H

#include <godwit/network.h>
#include <godwit/self.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_MAX GW_RECORD_MAX

struct writer {
	struct gw_self *self; /* NULL: does not grow */
	uint8_t *p;
	size_t n, room;
	bool full;    /* something did not fit or was out of bounds: the record must not be used */
	bool on_heap; /* p is to be freed */
};

struct reader {
	const uint8_t *p, *end;
	bool bad; /* something was malformed: what was read must not be used */
};

/** First byte of a record. The lowest two bits are the scope. */
enum header_flag {
	HEADER_SCOPE = 3,
	HEADER_SOURCE = 4,
	HEADER_COMMAND = 8,
	HEADER_CHANNEL = 16,
	HEADER_LIFE = 32,
	HEADER_TARGET = 64,
	HEADER_BURST = 128 /* state, not news: its stamp is that of the event it came from, whoever
	                      hands it on */
};

struct header {
	uint8_t flags;
	uint32_t kind;
	uint64_t run, seq, clock;
	uint64_t source, command;
	const char *channel;
	struct gw_stamp life; /* creation of the channel */
	uint64_t target;      /* a session, or the run of a server */
};

/** Writes into `room` bytes at `p` first, then, if `self` is given, into memory of its own. */
void writer_init(struct writer *w, struct gw_self *self, void *p, size_t room);
void writer_fini(struct writer *w);
void put_u8(struct writer *w, uint8_t value);
void put_u64(struct writer *w, uint64_t value);
void put_varint(struct writer *w, uint64_t value);
void put_bytes(struct writer *w, const void *p, size_t n);
void put_stamp(struct writer *w, struct gw_stamp stamp);
/** At most `max` bytes without NUL, CR and LF. */
void put_string(struct writer *w, const char *text, size_t max);
/** NULL is something else than empty. */
void put_optional(struct writer *w, const char *text, size_t max);
void put_header(struct writer *w, const struct header *header);

uint8_t get_u8(struct reader *r);
uint64_t get_u64(struct reader *r);
uint64_t get_varint(struct reader *r);
struct gw_stamp get_stamp(struct reader *r);
/** The next `n` bytes, NULL when bad. */
const uint8_t *get_bytes(struct reader *r, size_t n);
/** Never NULL; "" when bad. */
const char *get_string(struct reader *r, size_t max);
const char *get_optional(struct reader *r, size_t max);
bool get_header(struct reader *r, struct header *header_out);
/** Nothing was bad and nothing is left. */
bool reader_done(const struct reader *r);

#endif
