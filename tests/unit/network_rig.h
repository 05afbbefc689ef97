/*
 * tests/unit/network_rig.h - several servers' live networks in one test, without sockets: each has
 * the module's state, a clock and a source of random numbers of its own. What one publishes and
 * records is handed to the test.
 */
#ifndef TESTS_UNIT_NETWORK_RIG_H
#define TESTS_UNIT_NETWORK_RIG_H

#include <godwit/module.h>
#include <godwit/network.h>

struct rig;
typedef void rig_circle_fn(void *ctx, struct rig *rig, uint64_t via);
typedef void rig_event_fn(void *ctx, struct rig *rig, const struct gw_event *event);
typedef void rig_record_fn(void *ctx, struct rig *rig, const struct gw_record *record);

struct rig {
	struct gw_self self;
	struct gw_core core;
	void *net; /* first argument of `ops` */
	const struct gw_network_ops *ops;
	char name[32];
	int64_t wall_ms;
	uint64_t clock, seed;
	size_t blocks, bytes;       /* allocated now */
	const struct gw_rows *rows; /* of another module, ends with a NULL point */
	struct gw_self other;       /* that module */
	struct gw_row *row_views;
	void *topics[4];
	rig_event_fn *on_event;
	rig_record_fn *on_record;
	rig_circle_fn *on_circle;
	void *ctx;
};

/** Loads the module; `name` is the server's. */
struct rig *rig_new(const char *name, uint64_t seed, int64_t wall_ms);
/** What the services database would say of it. */
void rig_identity(struct rig *rig, struct gw_id server, uint64_t life);
/** Unloads it; fails the test when memory is left. */
void rig_free(struct rig **rig);
/** Contributes `rows` (or, NULL, nothing any more) in the name of `rig->other`, beside the channel
 * modes that the rig always has. */
void rig_rows(struct rig *rig, const struct gw_rows *rows);
void rig_reload(struct rig *rig);
/** Makes `to` (alone) known to `rig`, behind link `via`. */
void rig_knows(struct rig *rig, const struct rig *to, uint64_t via);
/** The link `via` of `rig` leads to `to` and has that joint; nothing is burst yet. */
void rig_via(struct rig *rig, const struct rig *to, uint64_t via, struct gw_stamp joint);
uint64_t rig_random(uint64_t *seed);
/** A row of the module's calls, such as the timer's. */
void rig_call(struct rig *rig, const char *row);

#define RIG(rig, fn, ...) ((rig)->ops->fn((rig)->net, ##__VA_ARGS__))

#endif
