/* How a live client is moved from server to server (modules/redirect/redirect.md): a model of the cut.
 *
 *        uX                   S source, X hop, R recipient; links are FIFO byte streams
 *        |                    uX, uR users of X and R: each sends numbered messages to C
 *   S -- X -- R -- uR         C     the client that is moved: sends numbered commands,
 *   |         :                     which every server shows to its users (obs_S/X/R)
 *   C - - - - +
 *
 * A message from origin o carries (o, sequence).  Unicast to C goes to the server where C is
 * at home and, at the hops that saw NOTIFY, to the server that is its shadow as well.  With
 * JOIN, C's command number JOIN is a JOIN of channel #b, to which uX talks too; S has another
 * member in #b, so S gets #b's messages in any case, and R only through the membership of C.
 * Command number PART leaves #b.  With EARLY_WRITE R writes what it held at MOVE, not at SWAP:
 * that is the variant that the module redirect is.
 *
 * Faults (each at every possible moment):
 *   F_TIMER  the timers of S, R and C; R refuses; R's hold queue overflows; C keeps silent
 *   F_REFUSE the client refuses
 *   F_RDIE F_SDIE F_CDIE  a party dies        F_SPLIT  S-X or X-R splits
 *   F_BREAK  the client's old or new connection breaks, losing what is in flight
 *   F_THIEF  somebody else sends handover requests with the ID, without the proof
 * NATT is the number of attempts, NMX, NMR, NC the numbers of messages and commands.
 *
 * Switches that break the protocol and must be caught: NO_SHADOW NO_BARRIER NO_REBARRIER
 * NO_PURGE NO_VECTOR VECTOR_AT_CUT NO_HOLD_S CLOSE_BEFORE_DRAIN CLOSE_BEFORE_MOVE HEIR_TIMEOUT HALF_CLOSE
 * NO_ID NO_PROOF MOVE_EARLY.   REACH asks for a complete move (it must be found).        */

#ifndef NMX
#define NMX 2
#endif
#ifndef NMR
#define NMR 1
#endif
#ifndef NC
#define NC 2
#endif
#ifndef NATT
#define NATT 1
#endif
#ifndef JOIN
#define JOIN 0          /* number of the command that is a JOIN; 0: none */
#endif
#ifndef PART
#define PART 99         /* number of the command that is a PART */
#endif
#ifndef NMB
#define NMB 3           /* messages of uX to #b */
#endif
#define Q 9             /* room in a link or connection; never reached, see put() */

mtype = { NOTIFY, ACCEPT, REDIRECT, REFUSE, HANDOVER, COMPLETE, ACK, SYNC, SYNCED, CUT, MOVE,
          SWAP, CANCEL, QUIT, MSG, CMD, EV, SPLIT, PARTED };

/* type, id, a, b, c, d */
chan s2x = [Q] of { mtype, byte, byte, byte, byte, byte };
chan x2s = [Q] of { mtype, byte, byte, byte, byte, byte };
chan x2r = [Q] of { mtype, byte, byte, byte, byte, byte };
chan r2x = [Q] of { mtype, byte, byte, byte, byte, byte };
/* the old connection, and the new connection of each attempt: type, id, n */
chan c2s = [Q] of { mtype, byte, byte };
chan s2c = [Q] of { mtype, byte, byte };
chan c2r[NATT] = [Q] of { mtype, byte, byte };
chan r2c[NATT] = [Q] of { mtype, byte, byte };
/* what is held while nobody may deliver: origin, sequence */
chan hold_R = [Q] of { byte, byte };
chan hold_S = [Q] of { byte, byte };

#define put(ch) assert(nfull(ch)); ch

#define oX 0            /* origins */
#define oR 1
#define oB 2            /* uX in #b; counted apart from uX's messages to C */
#define oP 3            /* in a hold queue: C leaves #b */

/* --- what the parties know ------------------------------------------------------------- */

#define HOME      0     /* S: states of the session at the source */
#define NOTIFIED  1
#define REQUESTED 2
#define BARRIER   3
#define SYNCING   4
#define CUTTING   5
#define GONE      6
byte sst = HOME, sid;
byte v_S[3];            /* last sequence seen, per origin */
byte cut_S[3];          /* the same when delivery stopped */
byte done_S, got_S;     /* commands of C: executed, received */
bool unacked, joined_S, old_gone, link_SX = true;

byte home_X = 1, shadow_X;      /* home: 0 nowhere, 1 S, 2 R; shadow: attempt, or 0 */
bool joined_X, link_XS = true, link_XR = true;

#define NONE    0       /* R: states of the session at the recipient */
#define PENDING 1
#define JOINED  2
#define HEIR    3       /* has the cut, has announced MOVE */
#define OWNER   4
byte rst = NONE, rid, home_R = 1;
byte done_R, got_R;
bool joined_R, link_RX = true;

#define IDLE      0     /* C: states of the client */
#define CONNECTED 1
#define WAITING   2     /* has said SYNCED */
#define MOVED     3
#define LOST      4
byte cst = IDLE, cid, sent_C;
byte seen[3];           /* last sequence shown to C's user, per origin */
bool first_B, parted;

bool s_dead, r_dead, c_dead, split_SX, split_XR;
bool old_closed_S, old_closed_C, old_broken;
bool new_closed_R[NATT], new_closed_C[NATT], new_broken[NATT];

byte sent[3], obs_S, obs_X, obs_R;
bool after_join;        /* something was sent to #b after X knew of the join */
bool lost_ok;           /* the server that held the session died, or C's transport broke */
byte faults;            /* deaths, splits and breaks so far */
#ifndef MAXF
#define MAXF 1
#endif
#define split (split_SX || split_XR || s_dead || r_dead)
#define s_owns (sst <= BARRIER && !s_dead)

inline observe(obs, k) { assert(k == obs + 1); obs = k }

/* --- the source -------------------------------------------------------------------------- */

inline to_x(t, i, a, b, c, d) { if :: link_SX && !split_SX -> put(s2x)!t, i, a, b, c, d :: else fi }
inline to_client(t, i, n) { if :: !old_broken && !old_closed_C && !old_closed_S -> put(s2c)!t, i, n :: else fi }

inline execute_S(k)
{
	observe(obs_S, k);
	if
	:: k == JOIN ->
		joined_S = true;
		if :: sst >= NOTIFIED && sst <= BARRIER -> unacked = true :: else fi
	:: k == PART -> joined_S = false; to_client(PARTED, 0, 0)
	:: else
	fi;
	to_x(EV, 0, k, 0, 0, 0)
}

inline leave_S()
{
	sst = GONE; unacked = false; old_gone = false;
	do :: nempty(hold_S) -> hold_S?o, n :: empty(hold_S) -> break od;
	o = 0; n = 0
}

/* back to normal on the old connection: everything held is delivered and executed */
inline resume_S()
{
	assert(rst != OWNER || split);
	if
	:: old_gone -> leave_S(); to_x(QUIT, 0, 0, 0, 0, 0)
	:: else ->
		if :: sst >= REQUESTED -> to_client(CANCEL, sid, 0) :: else fi;
		do
		:: nempty(hold_S) -> hold_S?o, n; to_client(MSG, o, n)
		:: empty(hold_S) -> break
		od;
		sst = HOME; unacked = false;
		do
		:: done_S < got_S -> done_S++; execute_S(done_S)
		:: done_S >= got_S -> break
		od;
		o = 0; n = 0
	fi
}

inline send_cut()
{
#ifdef VECTOR_AT_CUT
	cut_S[oX] = v_S[oX]; cut_S[oR] = v_S[oR]; cut_S[oB] = v_S[oB];
#endif
	to_x(CUT, sid, cut_S[oX], cut_S[oR], cut_S[oB], done_S * 16 + got_S);
	cut_S[oX] = 0; cut_S[oR] = 0; cut_S[oB] = 0
}

inline freeze_S()       /* stop delivering; what came before SYNC is all on the old connection */
{
	cut_S[oX] = v_S[oX]; cut_S[oR] = v_S[oR]; cut_S[oB] = v_S[oB];
#ifdef CLOSE_BEFORE_DRAIN
	sst = CUTTING; send_cut()
#else
#ifdef HALF_CLOSE
	sst = SYNCING; old_closed_S = true
#else
	sst = SYNCING; to_client(SYNC, sid, 0)
#endif
#endif
}

inline unreachable_S()
{
	if
	:: sst >= NOTIFIED && sst <= CUTTING -> to_x(CANCEL, sid, 0, 0, 0, 0); resume_S()
	:: else
	fi
}

active proctype S()
{
	byte i, a, b, o, n;
end:	do
	:: atomic { !s_dead && sst == HOME && sid < NATT && link_SX && !old_closed_C && !old_broken ->
		sid++; sst = NOTIFIED; to_x(NOTIFY, sid, 0, 0, 0, 0)
#ifdef NO_BARRIER
		; sst = REQUESTED; to_client(REDIRECT, sid, 0)
#endif
	   }
#ifdef F_TIMER
	:: atomic { !s_dead && sst >= NOTIFIED && sst <= SYNCING ->
		to_x(CANCEL, sid, 0, 0, 0, 0); resume_S() }
#endif
	/* from the network */
	:: atomic { x2s?ACCEPT, i, _, _, _, _ ->
		if
		:: sst == NOTIFIED && i == sid -> sst = REQUESTED; to_client(REDIRECT, sid, 0)
		:: else
		fi; i = 0 }
	:: atomic { x2s?COMPLETE, i, _, _, _, _ ->
		if
		:: sst == REQUESTED && i == sid ->
#ifndef NO_BARRIER
			sst = BARRIER;
#ifndef NO_REBARRIER
			if :: !unacked -> freeze_S() :: else fi
#else
			freeze_S()
#endif
#endif
		:: else
		fi; i = 0 }
	:: atomic { x2s?ACK, i, _, _, _, _ ->
		if
		:: i == sid && unacked ->
			unacked = false;
			if :: sst == BARRIER -> freeze_S() :: else fi
		:: else
		fi; i = 0 }
	:: atomic { x2s?CANCEL, i, _, _, _, _ ->
		if
		:: i == sid && sst >= NOTIFIED && sst <= CUTTING -> resume_S()
		:: else
		fi; i = 0 }
	:: atomic { x2s?MOVE, _, _, _, _, _ -> old_closed_S = true; leave_S() }
	:: atomic { x2s?QUIT, _, _, _, _, _ -> assert(sst == GONE) }
	:: atomic { x2s?SPLIT, _, _, _, _, _ -> unreachable_S() }
	:: atomic { x2s?EV, _, a, _, _, _ -> observe(obs_S, a); a = 0 }
	:: atomic { x2s?MSG, _, a, b, _, _ ->
		assert(b > v_S[a]); v_S[a] = b;
		if
		:: a == oB && !joined_S
		:: (a != oB || joined_S) && sst <= BARRIER -> to_client(MSG, a, b)
		:: (a != oB || joined_S) && sst > BARRIER && sst != GONE ->
#ifndef NO_HOLD_S
			put(hold_S)!a, b
#else
			skip
#endif
		:: else
		fi; a = 0; b = 0 }
	:: atomic { !s_dead && link_SX && split_SX -> link_SX = false; unreachable_S();
		do :: x2s?_, _, _, _, _, _ :: empty(x2s) -> break od }
	/* from the client */
	:: atomic { c2s?CMD, _, a ->
		if
		:: sst != GONE ->
			assert(a == got_S + 1); got_S = a;
			if :: sst <= REQUESTED -> done_S = a; execute_S(a) :: else fi
		:: else
		fi; a = 0 }
	:: atomic { c2s?REFUSE, i, _ ->
		if
		:: i == sid && sst >= REQUESTED && sst <= SYNCING ->
			to_x(CANCEL, sid, 0, 0, 0, 0); resume_S()
		:: else
		fi; i = 0 }
	:: atomic { c2s?SYNCED, i, _ ->
		if
#ifdef NO_BARRIER
		:: sst == REQUESTED && i == sid -> sst = SYNCING; to_client(SYNC, sid, 0)
#endif
#ifdef NO_ID
		:: sst == SYNCING ->
#else
		:: sst == SYNCING && i == sid ->
#endif
			sst = CUTTING;
			send_cut()
#ifdef CLOSE_BEFORE_MOVE
			; old_closed_S = true
#endif
		:: else
		fi; i = 0 }
	:: atomic { !s_dead && sst != GONE && !old_gone &&
	            ((old_closed_C && empty(c2s)) || old_broken) ->
		if
		:: sst == CUTTING -> old_gone = true
		:: sst == HOME -> leave_S(); to_x(QUIT, 0, 0, 0, 0, 0)
		:: else -> to_x(CANCEL, sid, 0, 0, 0, 0); leave_S(); to_x(QUIT, 0, 0, 0, 0, 0)
		fi;
		do :: c2s?_, _, _ :: empty(c2s) -> break od }
#ifdef F_SDIE
	:: atomic { !s_dead && faults < MAXF && sst != GONE -> faults++;
		s_dead = true; split_SX = true; old_broken = true;
		if :: rst < HEIR || sst <= BARRIER -> lost_ok = true :: else fi;
		do :: c2s?_, _, _ :: empty(c2s) -> break od;
		do :: x2s?_, _, _, _, _, _ :: empty(x2s) -> break od;
		do :: hold_S?_, _ :: empty(hold_S) -> break od }
#endif
	od
}

/* --- the hop ----------------------------------------------------------------------------- */

#define to_S_up(t, i, a, b, c, d) if :: link_XS && !split_SX -> put(x2s)!t, i, a, b, c, d :: else fi
#define to_R_up(t, i, a, b, c, d) if :: link_XR && !split_XR -> put(x2r)!t, i, a, b, c, d :: else fi

active proctype X()
{
	byte i, a, b, c, d;
end:	do
	/* its user */
	:: atomic { sent[oX] < NMX && home_X != 0 ->
		sent[oX]++;
		if :: home_X == 1 -> to_S_up(MSG, 0, oX, sent[oX], 0, 0) :: else fi;
		if :: home_X == 2 || shadow_X -> to_R_up(MSG, 0, oX, sent[oX], 0, 0) :: else fi }
	:: atomic { JOIN && sent[oB] < NMB && home_X != 0 ->
		sent[oB]++;
		if :: joined_X -> after_join = true :: else fi;
		to_S_up(MSG, 0, oB, sent[oB], 0, 0);
		if :: joined_X && (home_X == 2 || shadow_X) -> to_R_up(MSG, 0, oB, sent[oB], 0, 0)
		:: else fi }
	/* from S */
	:: atomic { s2x?NOTIFY, i, _, _, _, _ ->
		if
		:: link_XR ->
#ifndef NO_SHADOW
			shadow_X = i;
#endif
			to_R_up(NOTIFY, i, 0, 0, 0, 0)
		:: else -> to_S_up(CANCEL, i, 0, 0, 0, 0)
		fi; i = 0 }
	:: atomic { s2x?CUT, i, a, b, c, d ->
		to_R_up(CUT, i, a, b, c, d); i = 0; a = 0; b = 0; c = 0; d = 0 }
	:: atomic { s2x?CANCEL, i, _, _, _, _ ->
		if :: shadow_X == i -> shadow_X = 0 :: else fi;
		to_R_up(CANCEL, i, 0, 0, 0, 0); i = 0 }
	:: atomic { s2x?QUIT, _, _, _, _, _ ->
		assert(home_X == 1);
		home_X = 0; shadow_X = 0; to_R_up(QUIT, 0, 0, 0, 0, 0) }
	:: atomic { s2x?EV, _, a, _, _, _ ->
		observe(obs_X, a);
		if :: a == JOIN -> joined_X = true :: a == PART -> joined_X = false :: else fi;
		to_R_up(EV, 0, a, 0, 0, 0); a = 0 }
	:: atomic { link_XS && split_SX ->
		link_XS = false; shadow_X = 0;
		if :: home_X == 1 -> home_X = 0 :: else fi;
		do :: s2x?_, _, _, _, _, _ :: empty(s2x) -> break od;
		to_R_up(SPLIT, 0, 0, 0, 0, 0) }
	/* from R */
	:: atomic { r2x?ACCEPT, i, _, _, _, _ -> to_S_up(ACCEPT, i, 0, 0, 0, 0); i = 0 }
	:: atomic { r2x?COMPLETE, i, _, _, _, _ -> to_S_up(COMPLETE, i, 0, 0, 0, 0); i = 0 }
	:: atomic { r2x?ACK, i, _, _, _, _ -> to_S_up(ACK, i, 0, 0, 0, 0); i = 0 }
	:: atomic { r2x?CANCEL, i, _, _, _, _ ->
		if :: shadow_X == i -> shadow_X = 0 :: else fi;
		to_S_up(CANCEL, i, 0, 0, 0, 0); i = 0 }
	:: atomic { r2x?MOVE, _, _, _, _, _ ->
		home_X = 2; shadow_X = 0; to_S_up(MOVE, 0, 0, 0, 0, 0) }
	:: atomic { r2x?QUIT, _, _, _, _, _ ->
		home_X = 0; shadow_X = 0; to_S_up(QUIT, 0, 0, 0, 0, 0) }
	:: atomic { r2x?EV, _, a, _, _, _ ->
		observe(obs_X, a);
		if :: a == JOIN -> joined_X = true :: a == PART -> joined_X = false :: else fi;
		to_S_up(EV, 0, a, 0, 0, 0); a = 0 }
	:: atomic { r2x?MSG, _, a, b, _, _ ->
		if :: home_X == 1 -> to_S_up(MSG, 0, a, b, 0, 0) :: else fi; a = 0; b = 0 }
	:: atomic { link_XR && split_XR ->
		link_XR = false; shadow_X = 0;
		if :: home_X == 2 -> home_X = 0 :: else fi;
		do :: r2x?_, _, _, _, _, _ :: empty(r2x) -> break od;
		to_S_up(SPLIT, 0, 0, 0, 0, 0) }
#ifdef F_SPLIT
	:: atomic { faults < MAXF && !split_SX -> faults++; split_SX = true }
	:: atomic { faults < MAXF && !split_XR -> faults++; split_XR = true }
#endif
	od
}

/* --- the recipient ------------------------------------------------------------------------ */

inline up(t, i, a, b) { if :: link_RX && !split_XR -> put(r2x)!t, i, a, b, 0, 0 :: else fi }
inline new_line(t, i, n)
{
	if :: !new_broken[rid-1] && !new_closed_C[rid-1] -> put(r2c[rid-1])!t, i, n :: else fi
}

inline drop_R()
{
	do :: nempty(hold_R) -> hold_R?_, _ :: empty(hold_R) -> break od;
	if :: rst >= JOINED -> new_closed_R[rid-1] = true :: else fi;
	rst = NONE; done_R = 0; got_R = 0
}

inline execute_R(k)
{
	observe(obs_R, k);
	if
	:: k == JOIN -> joined_R = true
	:: k == PART -> joined_R = false; new_line(PARTED, 0, 0)
	:: else
	fi;
	up(EV, 0, k, 0)
}

inline own_R()
{
	assert(!s_owns || split);
	rst = OWNER;
	do
	:: nempty(hold_R) -> hold_R?a, b; new_line(MSG, a, b)
	:: empty(hold_R) -> break
	od;
	do
	:: done_R < got_R -> done_R++; execute_R(done_R)
	:: done_R >= got_R -> break
	od;
	a = 0; b = 0; done_R = 0; got_R = 0
}

#ifdef EARLY_WRITE      /* R writes to the new connection from MOVE on */
#define LAST_HELD JOINED
#else
#define LAST_HELD HEIR
#endif

inline arrive_R(o, n)   /* something for C has come to R */
{
	if
	:: o == oB && !joined_R
	:: (o != oB || joined_R) && rst >= PENDING && rst <= LAST_HELD -> put(hold_R)!o, n
	:: (o != oB || joined_R) && rst > LAST_HELD -> new_line(MSG, o, n)
	:: else
	fi
}

active proctype R()
{
	byte i, a, b, c, d, k, n;
end:	do
	:: atomic { !r_dead && sent[oR] < NMR && home_R != 0 ->
		sent[oR]++;
		if :: home_R == 1 -> up(MSG, 0, oR, sent[oR]) :: else fi;
		arrive_R(oR, sent[oR]) }
	:: atomic { x2r?NOTIFY, i, _, _, _, _ ->
		assert(rst == NONE);
		if
		:: rid = i; rst = PENDING; up(ACCEPT, i, 0, 0)
#ifdef F_TIMER
		:: up(CANCEL, i, 0, 0)
#endif
		fi; i = 0 }
	:: atomic { x2r?MSG, _, a, b, _, _ -> arrive_R(a, b); a = 0; b = 0 }
	:: atomic { x2r?EV, _, a, _, _, _ ->
		observe(obs_R, a);
		if
		:: a == JOIN ->
			joined_R = true;
			if :: rst == PENDING || rst == JOINED -> up(ACK, rid, 0, 0) :: else fi
		:: a == PART -> joined_R = false; arrive_R(oP, 0)
		:: else
		fi; a = 0 }
	:: atomic { x2r?CUT, i, a, b, c, d ->
		if
		:: rst == JOINED && i == rid ->
			n = len(hold_R);
			do
			:: n > 0 -> n--; hold_R?i, k;
#ifndef NO_VECTOR
				if
				:: (i == oX && k <= a) || (i == oR && k <= b) || (i == oB && k <= c) || i == oP
#ifndef NO_PURGE
				:: i == oB && k > c && hold_R??[oP, _]
				:: i == oB && k > c && !(hold_R??[oP, _]) -> hold_R!i, k
				:: (i == oX && k > a) || (i == oR && k > b) -> hold_R!i, k
#else
				:: else -> hold_R!i, k
#endif
				fi
#else
				hold_R!i, k
#endif
			:: n == 0 -> break
			od;
			rst = HEIR; done_R = d / 16; got_R = d % 16;
			home_R = 2; up(MOVE, rid, 0, 0);
#ifdef EARLY_WRITE
			do
			:: nempty(hold_R) -> hold_R?i, k; new_line(MSG, i, k)
			:: empty(hold_R) -> break
			od
#endif
		:: else -> up(CANCEL, i, 0, 0);
			if :: rst == PENDING && i == rid -> drop_R() :: else fi
		fi; i = 0; a = 0; b = 0; c = 0; d = 0; k = 0; n = 0 }
	:: atomic { x2r?CANCEL, i, _, _, _, _ ->
		if :: i == rid && (rst == PENDING || rst == JOINED) -> drop_R() :: else fi; i = 0 }
	:: atomic { x2r?QUIT, _, _, _, _, _ -> assert(rst <= JOINED); home_R = 0;
		if :: rst != NONE -> drop_R() :: else fi }
	:: atomic { x2r?SPLIT, _, _, _, _, _ ->
		if :: home_R == 1 -> home_R = 0 :: else fi;
		if :: rst == PENDING || rst == JOINED -> drop_R() :: else fi }
	:: atomic { !r_dead && link_RX && split_XR -> link_RX = false;
		do :: x2r?_, _, _, _, _, _ :: empty(x2r) -> break od;
		if :: home_R == 1 -> home_R = 0 :: else fi;
		if :: rst == PENDING || rst == JOINED -> drop_R() :: else fi }
	/* the new connections */
	:: atomic { c2r[0]?HANDOVER, i, a -> k = 0; goto handover }
	:: atomic { rst != JOINED && c2r[0]?[SWAP, _, _] -> c2r[0]?SWAP, _, _; k = 0; goto swap }
	:: atomic { rst == OWNER && c2r[0]?[CMD, _, _] -> c2r[0]?CMD, _, a; execute_R(a); a = 0 }
	:: atomic { !r_dead && (new_closed_C[0] && empty(c2r[0]) || new_broken[0]) && !new_closed_R[0] -> k = 0; goto hangup }
#if NATT > 1
	:: atomic { c2r[1]?HANDOVER, i, a -> k = 1; goto handover }
	:: atomic { rst != JOINED && c2r[1]?[SWAP, _, _] -> c2r[1]?SWAP, _, _; k = 1; goto swap }
	:: atomic { rst == OWNER && c2r[1]?[CMD, _, _] -> c2r[1]?CMD, _, a; execute_R(a); a = 0 }
	:: atomic { !r_dead && (new_closed_C[1] && empty(c2r[1]) || new_broken[1]) && !new_closed_R[1] -> k = 1; goto hangup }
#endif
#ifdef F_THIEF
	:: atomic { !r_dead && rst != OWNER && faults < MAXF -> faults++;        /* a request with the ID, without the proof */
#ifdef NO_PROOF
		if
		:: rst == PENDING -> assert(false)      /* the thief has the session */
		:: else
		fi
#endif
	   }
#endif
#ifdef F_TIMER
	:: atomic { !r_dead && (rst == PENDING || rst == JOINED) -> up(CANCEL, rid, 0, 0); drop_R() }
#endif
#ifdef HEIR_TIMEOUT
	:: atomic { !r_dead && rst == HEIR -> drop_R(); home_R = 0; up(QUIT, 0, 0, 0) }
#endif
#ifdef F_RDIE
	:: atomic { !r_dead && faults < MAXF -> faults++;
		r_dead = true; split_XR = true;
		if :: rst >= HEIR -> lost_ok = true :: else fi;
		for (k : 0 .. NATT-1) {
			new_broken[k] = true;
			do :: c2r[k]?_, _, _ :: empty(c2r[k]) -> break od
		}
		k = 0;
		do :: x2r?_, _, _, _, _, _ :: empty(x2r) -> break od;
		do :: hold_R?_, _ :: empty(hold_R) -> break od }
#endif
	od;

handover:
	atomic {
		if
		:: rst == PENDING && i == rid && a -> rst = JOINED; up(COMPLETE, rid, 0, 0)
#ifdef MOVE_EARLY
			; home_R = 2; up(MOVE, rid, 0, 0)
#endif
		:: else -> new_closed_R[k] = true
		fi;
		i = 0; a = 0; k = 0; goto end
	}
swap:
	atomic {
		if
		:: rst == HEIR && rid == k + 1 -> own_R()
		:: else -> new_closed_R[k] = true
		fi;
		k = 0; goto end
	}
hangup:
	atomic {
		new_closed_R[k] = true;
		if
		:: rst == JOINED && rid == k + 1 -> up(CANCEL, rid, 0, 0); drop_R()
		:: rst >= HEIR && rid == k + 1 -> drop_R(); home_R = 0; up(QUIT, 0, 0, 0)
		:: else
		fi;
		do :: c2r[k]?_, _, _ :: empty(c2r[k]) -> break od;
		k = 0; goto end
	}
}

/* --- the client ---------------------------------------------------------------------------- */

#define new (cid - 1)
#define old_up (!old_broken && !old_closed_S)

inline display(o, n)
{
	assert(o != oB || !parted);
	if
	:: o == oB && !first_B -> first_B = true
	:: else -> assert(n == seen[o] + 1)
	fi;
	seen[o] = n
}
inline say_old(t, i, n) { if :: old_up -> put(c2s)!t, i, n :: else fi }
inline close_new()
{
	new_closed_C[new] = true;
	do :: r2c[new]?_, _, _ :: empty(r2c[new]) -> break od
}
inline give_up() { assert(lost_ok); cst = LOST }

active proctype C()
{
	byte i, n;
end:	do
	/* its user; while it waits for the swap the lines stay in its own queue */
	:: atomic { !c_dead && sent_C < NC && cst <= CONNECTED && old_up ->
		sent_C++; put(c2s)!CMD, 0, sent_C }
	:: atomic { !c_dead && sent_C < NC && cst == MOVED && !new_closed_R[new] && !new_broken[new] ->
		sent_C++; put(c2r[new])!CMD, 0, sent_C }
	/* the old connection */
	:: atomic { s2c?MSG, i, n -> display(i, n); i = 0; n = 0 }
	:: atomic { s2c?PARTED, _, _ -> parted = true }
	:: atomic { cst == MOVED && r2c[new]?[PARTED, _, _] -> r2c[new]?PARTED, _, _; parted = true }
	:: atomic { s2c?REDIRECT, i, _ ->
		if
		:: !r_dead -> cid = i; cst = CONNECTED;
			put(c2r[new])!HANDOVER, i, true
#ifdef NO_BARRIER
			; say_old(SYNCED, i, 0)         /* "I am there", told to S by the client itself */
#endif
		:: r_dead -> say_old(REFUSE, i, 0)
#ifdef F_REFUSE
		:: say_old(REFUSE, i, 0)
#endif
#ifdef F_TIMER
		:: skip                         /* it never shows up */
#endif
		fi; i = 0 }
	:: atomic { s2c?SYNC, i, _ ->
		if
		:: cst == CONNECTED && i == cid -> say_old(SYNCED, i, 0); cst = WAITING
		:: else
		fi; i = 0 }
	:: atomic { s2c?CANCEL, i, _ ->
		if
		:: cst != IDLE && i == cid -> close_new(); cst = IDLE
		:: else
		fi; i = 0 }
	:: atomic { !c_dead && cst < MOVED && (old_broken || old_closed_S) && empty(s2c) ->
		if
#if defined(CLOSE_BEFORE_DRAIN)
		:: cst == CONNECTED -> put(c2r[new])!SWAP, cid, 0; cst = MOVED
#endif
#if defined(HALF_CLOSE)
		:: cst == CONNECTED && !old_broken -> put(c2s)!SYNCED, cid, 0;
			put(c2r[new])!SWAP, cid, 0; cst = MOVED
#endif
		:: cst == WAITING && !new_broken[new] && !new_closed_R[new] ->
			put(c2r[new])!SWAP, cid, 0; cst = MOVED
		:: cst == WAITING && (new_broken[new] || new_closed_R[new]) -> close_new(); give_up()
		:: cst == CONNECTED -> close_new(); give_up()
		:: cst == IDLE -> give_up()
		fi }
	/* the new connection */
	:: atomic { !c_dead && cst == CONNECTED && (new_closed_R[new] || new_broken[new]) ->
		close_new(); say_old(REFUSE, cid, 0); cst = IDLE }
	:: atomic { cst == MOVED && r2c[new]?[MSG, _, _] -> r2c[new]?MSG, i, n; display(i, n); i = 0; n = 0 }
	:: atomic { !c_dead && cst == MOVED && (new_closed_R[new] || new_broken[new]) && empty(r2c[new]) ->
		close_new(); give_up() }
#ifdef F_TIMER
	:: atomic { !c_dead && cst == CONNECTED -> close_new(); say_old(REFUSE, cid, 0); cst = IDLE }
#endif
#ifdef F_BREAK
	:: atomic { !c_dead && faults < MAXF && !old_broken && cst < MOVED -> faults++;
		old_broken = true; lost_ok = true;
		do :: c2s?_, _, _ :: empty(c2s) -> break od;
		do :: s2c?_, _, _ :: empty(s2c) -> break od }
	:: atomic { !c_dead && faults < MAXF && cst >= CONNECTED && cst <= MOVED && !new_broken[new] -> faults++;
		new_broken[new] = true; lost_ok = true;
		do :: c2r[new]?_, _, _ :: empty(c2r[new]) -> break od;
		do :: r2c[new]?_, _, _ :: empty(r2c[new]) -> break od }
#endif
#ifdef F_CDIE
	:: atomic { !c_dead && faults < MAXF -> faults++;
		c_dead = true; old_closed_C = true;
		if :: cid -> close_new() :: else fi;
		do :: s2c?_, _, _ :: empty(s2c) -> break od }
#endif
	od
}

/* --- when nothing moves any more ------------------------------------------------------------ */

active proctype End()
{
end:	atomic { timeout ->
#ifdef REACH
		assert(!(cst == MOVED && rst == OWNER && sst == GONE && home_X == 2));
#else
		assert(empty(hold_S) && empty(hold_R));                         /* no buffer left */
		assert(s_dead || sst == HOME || sst == GONE);                   /* no pending entry left */
		assert(r_dead || rst == NONE || rst == OWNER);
		assert(shadow_X == 0);
		assert(!(sst == HOME && !s_dead && rst == OWNER && !r_dead));   /* one owner */
		if
		:: c_dead || cst == LOST ->                                     /* it has quit */
			assert(s_dead || sst == GONE);
			assert(r_dead || rst == NONE);
			assert(home_X == 0)
		:: else ->                                                      /* C has a server */
			assert((cst == IDLE && sst == HOME && !s_dead) ||
			       (cst == MOVED && rst == OWNER && !r_dead));
			assert(cst == IDLE && split_SX || cst == MOVED && split_XR ||
			       home_X == (cst == MOVED -> 2 : 1));
			/* everything arrived, but for what a split kept away */
			assert(cst == MOVED && split_XR || cst == IDLE && split_SX || seen[oX] == sent[oX]);
			assert(split_SX || split_XR || seen[oR] == sent[oR]);
			assert(sent_C == NC);
			assert(cst == IDLE && split_SX || cst == MOVED && split_XR || obs_X == NC);
			assert(split_SX || split_XR || obs_R == NC);
			assert(split_SX || split_XR || obs_S == NC);
			assert(!JOIN || split_SX || split_XR || !after_join || parted || seen[oB] == sent[oB])
		fi
#endif
	}
}
