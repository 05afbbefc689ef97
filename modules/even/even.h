/*
 * even.h - the parts of the module even.
 *
 *     share.c  who should have how many, and who gives how many to whom; pure
 *     even.c   descriptor, options, the interface policy
 */
#ifndef EVEN_EVEN_H
#define EVEN_EVEN_H

#include <godwit/policy.h>

/** What the options say. */
struct even_settings {
	uint32_t begin_percent, end_percent; /* of a server's share */
	uint32_t least;                      /* clients */
	uint32_t lag_us;
	uint32_t age_ms;
	uint32_t reserved; /* 0 */
	int64_t patience_ns;
};

/** What is remembered from plan to plan. */
struct even_memory {
	int64_t since_ns;    /* since when it has been uneven; 0: it is not */
	bool active;         /* clients are being moved */
	uint8_t reserved[7]; /* 0 */
};

/** All these are functions of the interface, on settings and memory. */
size_t even_plan(const struct even_settings *, struct even_memory *, const struct gw_policy_view *,
                 struct gw_policy_order *out, size_t max);
int even_recipient(const struct even_settings *, const struct gw_policy_view *);
int even_asked(const struct even_settings *, const struct gw_policy_view *, int wanted,
               struct gw_error *why);
int even_newcomer(const struct even_settings *, const struct gw_policy_view *);

#endif
