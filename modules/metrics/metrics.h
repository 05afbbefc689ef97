/*
 * metrics.h - the parts of the module metrics.
 *
 *     http.c        one request, line by line; pure
 *     exposition.c  what modules tell, as text
 *     metrics.c     descriptor, connections, answers
 */
#ifndef METRICS_METRICS_H
#define METRICS_METRICS_H

#include <godwit/bus.h>
#include <godwit/conn.h>
#include <godwit/log.h>
#include <godwit/loop.h>
#include <godwit/mem.h>
#include <godwit/metrics.h>
#include <godwit/module.h>
#include <stdbool.h>

#define HTTP_LINE_MAX 4096
#define HTTP_LINES_MAX 64

/* --- http.c --- */

/** What has been read of a request. */
struct http_request {
	uint32_t lines;
	bool begun;          /* the request line is there */
	bool get, head;      /* else it is another method */
	bool found;          /* it asks for /metrics */
	bool host, v1_0;     /* it has a header Host; it is HTTP/1.0 */
	uint8_t reserved[6]; /* 0 */
};

/** Codes of answers. The texts are in their first line and their body. */
enum http_answer {
	HTTP_OK,
	HTTP_BAD,
	HTTP_NOT_FOUND,
	HTTP_NOT_ALLOWED,
	HTTP_TIMEOUT,
	HTTP_LONG_TARGET,
	HTTP_LONG_HEADERS,
	HTTP_BUSY,
	HTTP_VERSION,
	HTTP_ANSWERS,
	HTTP_MORE /* the request is not whole */
};
struct http_text {
	const char *code;  /* "404" */
	const char *title; /* "Not Found" */
	const char *body;  /* a sentence; NULL: HTTP_OK */
};
const struct http_text *http_text(enum http_answer answer);

/** The next line of the request, which may be changed. HTTP_MORE, or how to answer. */
enum http_answer http_line(struct http_request *request, struct gw_line *line);

/* --- exposition.c --- */

#define EXPOSITION_MAX ((size_t)4 << 20)
#define FAMILIES_MAX 1000
#define FAMILY_MAX 1000 /* samples of one; a label that has more values is none */

/** Text in the making. */
struct exposition {
	struct gw_self *self;
	char *text; /* of the module's memory */
	size_t n, room;
	size_t *families;   /* where their names are */
	size_t family;      /* where the samples of the last one begin */
	uint32_t n_samples; /* of it */
	uint32_t n_families;
	uint32_t n_refused; /* families and samples */
	bool open;          /* the last family was not refused */
	bool histogram;     /* it is one */
	char name[64];      /* of the last family */
	char first[64];     /* of the first one of which something was refused */
};

/** Asks everybody. `out->text` is gw_free()d by the caller. */
void exposition_make(struct gw_self *self, struct gw_topic *collect, struct exposition *out);

/* --- metrics.c --- */

#define PEERS_MAX 16

/** A connection, for one request and its answer. */
struct peer {
	uint64_t id;
	struct gw_conn *conn;
	struct gw_timer *deadline;
	struct http_request request;
	bool answered;
	uint8_t reserved[7]; /* 0 */
	struct peer *prev, *next;
};

/**
 * The state, version 1. To change its layout, or that of struct peer: raise `.state_version`, add a
 * `migrate` that fills the new block from the old one, and keep a test that loads the old version
 * first.
 */
struct metrics_state {
	struct gw_self *self;
	struct gw_topic *collect;
	struct peer *peers;
	uint64_t last_id;
	uint64_t answers[HTTP_ANSWERS];
	uint64_t refused;      /* families and samples */
	uint32_t refused_last; /* of the last scrape: said in the log when it changes */
	uint32_t n_peers;
};

#endif
