/*
 * core/call.h - how the core calls into a module: always through these, and on the loop's thread.
 *
 *     struct frame frame;
 *     gw_timer_fn *fn = (gw_timer_fn *)call_enter(&frame, call);
 *     if (fn != NULL)
 *             fn(call.module->state, call.tag);
 *     call_leave(&frame);
 *
 * The frame tells that module code is on the stack, so no module is changed under it. It also
 * counts the calls, and measures some of them.
 */
#ifndef CORE_CALL_H
#define CORE_CALL_H

#include "core/module.h"
#include "core/server.h"
#include "core/times.h"

struct frame {
	struct gw_server *server;
	struct module *outer;
	struct row_time *row; /* NULL: this call is not measured */
	struct frame *above;  /* the one that is measured around it, or NULL */
	int64_t began_ns, inner_ns;
};

static inline void frame_enter(struct frame *frame, struct module *module)
{
	frame->server = module->server;
	frame->outer = frame->server->running;
	frame->server->running = module;
	frame->server->depth++;
}

static inline void call_leave(struct frame *frame)
{
	if (frame->server == NULL)
		return;
	if (frame->server->measured == frame)
		times_end(frame);
	frame->server->depth--;
	frame->server->running = frame->outer;
}

static inline void frame_count(struct frame *frame, struct row_time *row)
{
	if (--row->left == 0 || frame->server->measured != NULL)
		times_begin(frame, row);
}

/** The function that the call names in the generation now in force, or NULL; always followed by
 * call_leave(). */
static inline gw_fn *call_enter(struct frame *frame, struct gw_call call)
{
	gw_fn *fn = gw_call_fn(call);

	frame->server = NULL;
	if (fn == NULL)
		return NULL;
	frame_enter(frame, module_of(call.module));
	if (call.row < module_of(call.module)->n_times)
		frame_count(frame, &module_of(call.module)->times[call.row]);
	return fn;
}

#endif
