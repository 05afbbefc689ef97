/*
 * modules/agent/tables.h - the tables and functions by which agent.c puts the descriptor together;
 * each is in the file that is named. Private to the module.
 */
#ifndef AGENT_TABLES_H
#define AGENT_TABLES_H

#include <godwit/admin.h>
#include <godwit/bus.h>
#include <godwit/conn.h>
#include <godwit/loop.h>
#include <godwit/verb.h>

/* local.c */
gw_accept_fn local_accept;
gw_conn_ready_fn local_ready;
gw_conn_line_fn local_line;
gw_conn_drained_fn local_drained;
gw_conn_closed_fn local_closed;
/* up.c */
gw_conn_ready_fn up_ready;
gw_conn_line_fn up_line;
gw_conn_drained_fn up_drained;
gw_conn_closed_fn up_closed;
/* session.c, restore.c, regain.c */
gw_timer_fn session_timer;
gw_timer_fn restore_timer;
gw_timer_fn regain_timer;
/* gate.c */
gw_timer_fn gate_timer;
gw_job_run_fn gate_run;
gw_job_done_fn gate_checked;
/* admin.c */
gw_heard_fn admin_status, admin_metrics;
gw_admin_fn admin_session_list;
gw_admin_fn admin_session_move;
gw_admin_fn admin_upstream_list;
gw_admin_fn admin_upstream_trust;
gw_admin_fn admin_upstream_forget;
gw_timer_fn admin_timer;
/* verb.c */
#define AGENT_VERB_ARGS "[--plain] [--pin SHA256]... [HOST[:PORT]...]"
gw_verb_fn agent_verb;
gw_heard_fn agent_ready;

#endif
