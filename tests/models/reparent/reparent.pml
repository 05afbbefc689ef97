/* How a server M in the middle of the tree makes itself a leaf (modules/link/link.md): its neighbour k (B, or E) is hung
 * to its neighbour A while events pass: a model of the turn.
 *
 *      C -- A -- M -- B -- D        before; M -- E as well
 *           |         :
 *           + - - - - +             the new link, a spare at first
 *
 * Each origin numbers its events; each goes to all by the tree or, with UNI, to one server by the way that leads to it.
 * Links are FIFO.  The turn: k says PARTED to M, the last over that link, and OPEN to A, and sends by A from then on.  M says
 * LAST to A.  A turns: TURNED to M, OPEN to k; sends by the new link.  M on TURNED turns: OVER to A, END to k.  A reads the new
 * link from OVER on, k from END on: "held" is not read.
 *
 * Checked: each server takes each event of each origin once, in order, and not before what its sender had taken before it
 * sent it; without a fault nobody is ever out of sight; at rest nobody waits, and who has whom in sight is the same at both
 * ends and at all hops between, over links that are up, and all arrived that came from who was never out of sight.
 *
 * Faults, at each possible moment, MAXF of them: F_LINK (mask of links that may break, losing some of what is in flight),
 * F_DIE (mask of servers that may die), F_TIMER (mask of servers that may call it off).
 * LEAVES: C and D are servers of their own, else A and B stand for them.  BOTH: E is hung to A as well, at the same time.
 * Switches that break the protocol and must be caught: see README.md.  REACH asks for a whole turn (it must be found). */

#ifndef NA
#define NA 2            /* events of A, M, B, E, C, D */
#endif
#ifndef NM
#define NM 2
#endif
#ifndef NB
#define NB 2
#endif
#ifndef NE
#define NE 0
#endif
#ifndef NC
#define NC 0
#endif
#ifndef ND
#define ND 0
#endif
#ifndef MAXF
#define MAXF 1
#endif
#ifndef F_LINK
#define F_LINK 0
#endif
#ifndef F_DIE
#define F_DIE 0
#endif
#ifndef F_TIMER
#define F_TIMER 0
#endif
#if NE > 0 || defined(BOTH)
#define NK 2            /* neighbours of M beside A */
#else
#define NK 1
#endif
#define Q 9             /* room in a link; never reached, see put() */
#define K 4             /* numbers of an origin are below it */

#define A 0             /* servers */
#define M 1
#define B 2
#define E 3
#define C 4
#define D 5
#define N 6
#define ALL 7           /* as a target */

#define AM 0            /* links; side 0 is named first */
#define MK 1            /* M to k: MK + k - B */
#define AK 3            /* A to k: AK + k - B */
#define AC 5
#define BD 6
#define LINKS 7
#define mk(k) (MK + (k) - B)
#define ak(k) (AK + (k) - B)
#define kof(l) ((l) < AK -> (l) - MK + B : (l) - AK + B)

mtype = { EV, SPLIT, TREE, PARTED, LAST, TURNED, OVER, END, NO, FORGET };

chan q[14] = [Q] of { mtype, byte, byte };      /* 2 * link + the side that sends */
#define put(ch) assert(nfull(ch)); ch

#define NONE   0        /* links: conditions */
#define UP     1
#define BROKEN 2        /* what is in flight may be lost */
#define CLOSED 3        /* what is in flight arrives */
byte lk[LINKS];
bool open[14];          /* per end */

bool dead[N];
byte in[36], out[36];   /* X * 6 + Y: the link over which X takes from, and sends to, Y, plus 1; 0: out of sight */
byte above[36];         /* X * 6 + Y: the server that leads to Y, in the tree as X knows it */
bool lost[36];          /* X has (had) Y out of sight */

/* The course of the turn, for each k */
#define IDLE   0
#define SPARE  1        /* A, k: the new link is up */
#define ON     2        /* k: has said PARTED.  M: has said LAST.  A: has turned */
#define DONE   3        /* k: has had END.  M: has turned.  A: has had OVER */
#define CALLED 4        /* called off, given up */
byte sA[4], sM[4], sK[4];

byte sent[N], seen[36];         /* X * 6 + origin */
byte target[24];                /* origin * K + number */
byte took[144];                 /* (origin * K + number) * N + o: what the sender knew of o when it sent it */
byte knows[36];                 /* X * 6 + o: what X knows of o, by itself and by others */
byte faults;
bool fault;

#define at(X, Y) ((X) * 6 + (Y))
hidden byte side[42];   /* X * 7 + link: which X is of the link, 2: neither */
#define to(X, l) (2 * (l) + side[(X) * 7 + (l)])
#define from(X, l) (2 * (l) + 1 - side[(X) * 7 + (l)])
#define has(X, l) (side[(X) * 7 + (l)] != 2)
#ifdef LEAVES
#define leaves true
#else
#define leaves false
#endif
#define exists(X) ((X) <= B || (X) == E && NK == 2 || (X) >= C && leaves)
#define noticed(X, l) (open[to(X, l)] && (lk[l] == BROKEN || lk[l] == CLOSED && empty(q[from(X, l)])))

inline flush(X_, l_)
{
	do :: nempty(q[from(X_, l_)]) -> q[from(X_, l_)]?_, _, _ :: empty(q[from(X_, l_)]) -> break od
}

inline say(X_, l_, t_, a_, b_)
{
	if :: open[to(X_, l_)] && lk[l_] == UP -> put(q[to(X_, l_)])!t_, a_, b_ :: else fi
}

inline close_(X_, l_)
{
	if
	:: open[to(X_, l_)] ->
		open[to(X_, l_)] = false; flush(X_, l_);
		if :: lk[l_] == UP -> lk[l_] = CLOSED :: else fi
	:: else
	fi
}

/* Whether X sends what is for all over the link l; `by` brought it (LINKS: X itself), its origin is o. */
#define sends(X, l, by, o) (has(X, l) && (l) != (by) && open[to(X, l)] && ((l) < MK || (l) >= AC || \
	X == A && (sA[kof(l)] == ON && ((by) != AM NO_WAIT) || sA[kof(l)] == DONE) || \
	X == M && sM[kof(l)] != DONE || \
	X >= B && (l) < AK && sK[X] < ON || X >= B && (l) < AK && sK[X] == CALLED || X >= B && (l) >= AK && (sK[X] == ON || sK[X] == DONE)))
#ifdef NO_OVER          /* A passes on what comes from M as soon as it has turned */
#define NO_WAIT || true
#else
#define NO_WAIT
#endif

inline cast(X_, by_, o_, t_, a_, b_)
{
	for (l : 0 .. LINKS - 1) {
		if :: sends(X_, l, by_, o_) -> say(X_, l, t_, a_, b_) :: else fi
	}
	l = 0
}

/* X takes an event: once, in order, with all that it may be an answer to before it. */
inline take(X_, o_, n_)
{
	if
	:: lost[at(X_, o_)]
	:: else ->
		assert(o_ != X_ && n_ > seen[at(X_, o_)]);
		for (i : 1 .. n_ - 1) {
			assert(i <= seen[at(X_, o_)] || target[o_ * K + i] != ALL && target[o_ * K + i] != X_)
		}
		for (j : 0 .. N - 1) {
			if
			:: j != X_ && j != o_ && !lost[at(X_, j)] ->
				for (i : 1 .. took[(o_ * K + n_) * N + j]) {
					assert(i <= seen[at(X_, j)] || target[j * K + i] != ALL && target[j * K + i] != X_)
				}
			:: else
			fi;
			if :: took[(o_ * K + n_) * N + j] > knows[at(X_, j)] -> knows[at(X_, j)] = took[(o_ * K + n_) * N + j]
			:: else
			fi
		}
		seen[at(X_, o_)] = n_; knows[at(X_, o_)] = n_;
		i = 0; j = 0
	fi
}

inline pass(X_, by_, o_, n_)
{
	if
	:: target[o_ * K + n_] == ALL ->
		if
		:: in[at(X_, o_)] == by_ + 1 -> take(X_, o_, n_); cast(X_, by_, o_, EV, o_, n_)
		:: else
		fi
	:: target[o_ * K + n_] == X_ -> take(X_, o_, n_)
	:: else ->
		i = out[at(X_, target[o_ * K + n_])];
		if :: i != 0 && i != by_ + 1 -> say(X_, i - 1, EV, o_, n_) :: else fi;
		i = 0
	fi
}

/* X has something to say. */
inline tell(X_, whom_)
{
	sent[X_]++;
	target[X_ * K + sent[X_]] = whom_;
	for (j : 0 .. N - 1) { took[(X_ * K + sent[X_]) * N + j] = knows[at(X_, j)] }
	j = 0;
	if
	:: whom_ == ALL -> cast(X_, LINKS, X_, EV, X_, sent[X_])
	:: else ->
		i = out[at(X_, whom_)];
		if :: i != 0 -> say(X_, i - 1, EV, X_, sent[X_]) :: else fi;
		i = 0
	fi
}

/* Those in `gone` and all behind them go out of sight; X tells it on, as said by o. */
inline lose(X_, by_, o_)
{
	for (i : 1 .. 4) {
		for (j : 0 .. N - 1) {
			if
			:: j != X_ && in[at(X_, j)] != 0 && (gone >> above[at(X_, j)]) & 1 -> gone = gone | (1 << j)
			:: else
			fi
		}
	}
	for (j : 0 .. N - 1) {
		if
		:: (gone >> j) & 1 -> assert(fault); in[at(X_, j)] = 0; out[at(X_, j)] = 0; lost[at(X_, j)] = true
		:: else
		fi
	}
	i = 0; j = 0;
	if :: gone != 0 -> cast(X_, by_, o_, SPLIT, o_, gone) :: else fi;
	gone = 0
}

/* The link has gone: those that X takes from, or sends to, over it. */
inline lose_behind(X_, l_)
{
	gone = 0;
	for (j : 0 .. N - 1) {
		if
		:: j != X_ && in[at(X_, j)] != 0 && (in[at(X_, j)] == l_ + 1 || out[at(X_, j)] == l_ + 1) -> gone = gone | (1 << j)
		:: else
		fi
	}
	j = 0;
	lose(X_, LINKS, X_)
}

/* What a SPLIT by o names, as far as it is behind o here. */
inline split(X_, by_, o_, mask_)
{
	gone = 0;
	for (j : 0 .. N - 1) {
		if
		:: j != X_ && (mask_ >> j) & 1 && in[at(X_, j)] == by_ + 1 ->
			i = above[at(X_, j)];
			do
			:: i == o_ -> gone = gone | (1 << j); break
			:: i != o_ && i != X_ -> i = above[at(X_, i)]
			:: i != o_ && i == X_ -> break
			od
		:: else
		fi
	}
	i = 0; j = 0;
	lose(X_, by_, o_)
}

/* In the tree as X knows it, k is A's neighbour in place of M's. */
inline rehang(X_, k_)
{
	if
	:: X_ != A && above[at(X_, A)] == M && (X_ == k_ || above[at(X_, M)] == k_) ->
		above[at(X_, A)] = k_; above[at(X_, M)] = A
	:: else -> if :: X_ != k_ && above[at(X_, k_)] == M -> above[at(X_, k_)] = A :: else fi
	fi
}

inline turn(X_, old_, new_, both_)      /* all that goes over a link goes over another */
{
	for (j : 0 .. N - 1) {
		if :: out[at(X_, j)] == old_ + 1 -> out[at(X_, j)] = new_ + 1 :: else fi;
		if :: both_ && in[at(X_, j)] == old_ + 1 -> in[at(X_, j)] = new_ + 1 :: else fi
	}
	j = 0
}

inline common(X_, l_, t_, a_, b_)
{
	if
	:: t_ == EV -> pass(X_, l_, a_, b_)
	:: t_ == SPLIT -> split(X_, l_, a_, b_)
	:: t_ == TREE -> rehang(X_, b_); cast(X_, l_, a_, TREE, a_, b_)
	:: else
	fi
}

#if defined(TURNED_LATE) || defined(LAST_EARLY) || defined(PARTED_EARLY) || defined(M_GOES_ON)
bool late;              /* what a planted fault has put off, or said before its time */
#endif

/* --- A ---------------------------------------------------------------------------------- */

/* What has become of k is no matter of M's any more, or has not begun to be one of A's. */
inline give_up_A(k_)
{
	if
	:: sA[k_] == ON ->
		sA[k_] = CALLED; close_(A, ak(k_));
#ifdef FALLS_BACK
		for (j : 0 .. N - 1) {
			if :: in[at(A, j)] == ak(k_) + 1 -> in[at(A, j)] = AM + 1; out[at(A, j)] = AM + 1 :: else fi
		}
		j = 0
#else
		lose_behind(A, ak(k_))
#endif
	:: sA[k_] == SPARE -> sA[k_] = CALLED; close_(A, ak(k_))
	:: else
	fi
}

inline gone_K(k_)       /* the new link has ended */
{
	if
	:: sA[k_] == DONE -> open[to(A, ak(k_))] = false; flush(A, ak(k_)); lose_behind(A, ak(k_))
	:: else -> give_up_A(k_)
	fi
}

inline look_A()         /* k has gone out of sight behind M */
{
	for (k : B .. B + NK - 1) {
		if :: sA[k] == SPARE && in[at(A, k)] == 0 -> sA[k] = CALLED; close_(A, ak(k)) :: else fi
	}
	k = 0
}

#ifdef SPARE_EARLY
#define TURNS_EARLY || sA[k_] == IDLE
#else
#define TURNS_EARLY
#endif

inline turn_A(k_)
{
	if
	:: sA[k_] == SPARE TURNS_EARLY ->
		sA[k_] = ON;
#ifdef TURNED_LATE
		late = true;
#else
		say(A, AM, TURNED, k_, 0);
#endif
		for (j : 0 .. N - 1) {
			if
			:: in[at(A, j)] != 0 && (j == k_ || j == D && k_ == B) ->
				in[at(A, j)] = ak(k_) + 1; out[at(A, j)] = ak(k_) + 1
			:: else
			fi
		}
		j = 0;
		rehang(A, k_);
#ifndef NO_TREE
		cast(A, LINKS, A, TREE, A, k_)
#endif
#ifndef NO_NO
	:: else -> say(A, AM, NO, k_, 0)
#else
	:: else
#endif
	fi
}

/* From when on A reads the new link */
#ifdef NO_HOLD_A
#define reads_A(k) (sA[k] != IDLE)
#elif defined(SHORT_HOLD_A)
#define reads_A(k) (sA[k] == ON || sA[k] == DONE)
#else
#define reads_A(k) (sA[k] == DONE)
#endif

proctype PA()
{
	byte l, i, j, k, a, b, gone; mtype t;
end:	do
	:: d_step { !dead[A] && sent[A] < NA -> tell(A, ALL) }
#ifdef UNI
	:: d_step { !dead[A] && sent[A] < NA -> tell(A, B) }
#endif
	:: d_step { !dead[A] && open[to(A, AM)] && nempty(q[from(A, AM)]) -> q[from(A, AM)]?t, a, b;
		if
#ifndef SYMMETRIC
		:: t == LAST -> turn_A(a)
#endif
		:: t == OVER -> if :: sA[a] == ON -> sA[a] = DONE :: else fi
#ifndef NO_FORGET
		:: t == FORGET -> give_up_A(a)
#endif
		:: else -> common(A, AM, t, a, b); look_A()
		fi; t = EV; a = 0; b = 0 }
	:: d_step { !dead[A] && noticed(A, AM) -> open[to(A, AM)] = false; flush(A, AM);
		lose_behind(A, AM); look_A();
		for (k : B .. B + NK - 1) { if :: sA[k] == ON -> sA[k] = DONE :: else fi }
		k = 0 }
#ifdef LEAVES
	:: d_step { !dead[A] && open[to(A, AC)] && nempty(q[from(A, AC)]) -> q[from(A, AC)]?t, a, b;
		common(A, AC, t, a, b); t = EV; a = 0; b = 0 }
	:: d_step { !dead[A] && noticed(A, AC) -> open[to(A, AC)] = false; flush(A, AC); lose_behind(A, AC) }
#endif
	:: d_step { !dead[A] && noticed(A, ak(B)) -> gone_K(B) }
	:: d_step { !dead[A] && open[to(A, ak(B))] && reads_A(B) && nempty(q[from(A, ak(B))]) -> q[from(A, ak(B))]?t, a, b;
		common(A, ak(B), t, a, b); t = EV; a = 0; b = 0 }
#ifdef BOTH
	:: d_step { !dead[A] && noticed(A, ak(E)) -> gone_K(E) }
	:: d_step { !dead[A] && open[to(A, ak(E))] && reads_A(E) && nempty(q[from(A, ak(E))]) -> q[from(A, ak(E))]?t, a, b;
		common(A, ak(E), t, a, b); t = EV; a = 0; b = 0 }
#endif
	:: d_step { (F_TIMER >> A) & 1 && faults < MAXF && !dead[A] && (sA[B] == SPARE || sA[B] == ON) -> faults++; fault = true;
		give_up_A(B) }
#ifdef TURNED_LATE      /* A has turned, and says so later */
	:: d_step { !dead[A] && late -> late = false; say(A, AM, TURNED, B, 0) }
#endif
#ifdef SYMMETRIC        /* A does not wait for LAST */
	:: d_step { !dead[A] && sA[B] == SPARE -> turn_A(B) }
#endif
	od
}

/* --- M ---------------------------------------------------------------------------------- */

/* The turn is given up. Once k has parted the link with it goes, as nothing of it comes any more. */
inline give_up_M(k_)
{
	if
	:: sM[k_] == ON ->
		sM[k_] = CALLED; say(M, AM, FORGET, k_, 0);
#ifndef M_KEEPS
		say(M, mk(k_), FORGET, k_, 0);
		close_(M, mk(k_)); lose_behind(M, mk(k_))
#endif
	:: sM[k_] == IDLE -> sM[k_] = CALLED; say(M, AM, FORGET, k_, 0); say(M, mk(k_), FORGET, k_, 0)
	:: else
	fi
}

inline gone_M(k_)       /* the link with k has ended */
{
	if
	:: sM[k_] == DONE -> open[to(M, mk(k_))] = false; flush(M, mk(k_))
	:: sM[k_] == ON -> give_up_M(k_)
	:: else -> sM[k_] = CALLED; open[to(M, mk(k_))] = false; flush(M, mk(k_)); lose_behind(M, mk(k_))
	fi
}

inline turn_M(k_)
{
	sM[k_] = DONE;
	say(M, AM, OVER, k_, 0);
#if !defined(END_EARLY) && !defined(M_GOES_ON)
	say(M, mk(k_), END, k_, 0);
#endif
	turn(M, mk(k_), AM, true); rehang(M, k_)
}

inline frame_M(k_)
{
	if
	:: t == PARTED ->
		if
		:: sM[k_] == IDLE -> sM[k_] = ON;
#ifndef LAST_EARLY
			say(M, AM, LAST, k_, 0);
#endif
#ifdef END_EARLY
			say(M, mk(k_), END, k_, 0)
#endif
		:: sM[k_] == CALLED -> sM[k_] = ON; give_up_M(k_)
		:: else
		fi
	:: else -> common(M, mk(k_), t, a, b)
	fi
}

proctype PM()
{
	byte l, i, j, k, a, b, gone; mtype t;
end:	do
	:: d_step { !dead[M] && sent[M] < NM -> tell(M, ALL) }
#ifdef UNI
	:: d_step { !dead[M] && sent[M] < NM -> tell(M, B) }
	:: d_step { !dead[M] && sent[M] < NM -> tell(M, A) }
#endif
	:: d_step { !dead[M] && open[to(M, AM)] && nempty(q[from(M, AM)]) -> q[from(M, AM)]?t, a, b;
		if
		:: t == TURNED ->
			if
			:: sM[a] == ON ->
#ifdef M_GOES_ON
				say(M, mk(a), END, a, 0); late = true
#else
				turn_M(a)
#endif
			:: else
			fi
		:: t == NO -> give_up_M(a)
		:: else -> common(M, AM, t, a, b)
		fi; t = EV; a = 0; b = 0 }
	:: d_step { !dead[M] && noticed(M, AM) -> open[to(M, AM)] = false; flush(M, AM);
		lose_behind(M, AM);
		for (k : B .. B + NK - 1) { give_up_M(k) }
		k = 0 }
	:: d_step { !dead[M] && open[to(M, mk(B))] && nempty(q[from(M, mk(B))]) -> q[from(M, mk(B))]?t, a, b;
		frame_M(B); t = EV; a = 0; b = 0 }
	:: d_step { !dead[M] && noticed(M, mk(B)) -> gone_M(B) }
#if NK == 2
	:: d_step { !dead[M] && open[to(M, mk(E))] && nempty(q[from(M, mk(E))]) -> q[from(M, mk(E))]?t, a, b;
		frame_M(E); t = EV; a = 0; b = 0 }
	:: d_step { !dead[M] && noticed(M, mk(E)) -> gone_M(E) }
#endif
	:: d_step { (F_TIMER >> M) & 1 && faults < MAXF && !dead[M] && (sM[B] == IDLE || sM[B] == ON) -> faults++; fault = true;
		give_up_M(B) }
#ifdef M_GOES_ON        /* M sends to k behind END */
	:: d_step { !dead[M] && late -> late = false; turn_M(B) }
#endif
#ifdef LAST_EARLY       /* M does not wait for PARTED */
	:: d_step { !dead[M] && sK[B] >= SPARE && sM[B] == IDLE && !late -> late = true; say(M, AM, LAST, B, 0) }
#endif
	od
}

/* --- B and E ----------------------------------------------------------------------------- */

/* From when on k reads the new link */
#ifdef NO_HOLD_K
#define reads_K (sK[X] == ON || sK[X] == DONE)
#else
#define reads_K (sK[X] == DONE)
#endif

inline give_up_K(X_)    /* what was said since PARTED has not come to all */
{
	if
	:: sK[X_] == ON ->
		sK[X_] = CALLED;
#ifdef K_FALLS_BACK
		close_(X_, ak(X_)); turn(X_, ak(X_), mk(X_), false)
#else
		close_(X_, ak(X_)); close_(X_, mk(X_)); lose_behind(X_, mk(X_))
#endif
	:: sK[X_] == SPARE -> sK[X_] = CALLED; close_(X_, ak(X_))
	:: sK[X_] == IDLE -> sK[X_] = CALLED
	:: else
	fi
}

inline part(X_)
{
	sK[X_] = ON;
#ifndef PARTED_EARLY
	say(X_, mk(X_), PARTED, X_, 0);
#endif
	turn(X_, mk(X_), ak(X_), false)
}

inline end_K(X_)
{
	sK[X_] = DONE;
	for (j : 0 .. N - 1) {
		if :: in[at(X_, j)] == mk(X_) + 1 -> in[at(X_, j)] = ak(X_) + 1 :: else fi
	}
	j = 0;
	rehang(X_, X_);
	close_(X_, mk(X_))
}

proctype PK(byte X; byte number; bool tries)
{
	byte l, i, j, k, a, b, gone; mtype t;
end:	do
	:: d_step { !dead[X] && sent[X] < number -> tell(X, ALL) }
#ifdef UNI
	:: d_step { !dead[X] && sent[X] < number -> tell(X, A) }
	:: d_step { !dead[X] && sent[X] < number -> tell(X, M) }
#endif
	:: d_step { tries && !dead[X] && sK[X] == IDLE && open[to(X, mk(X))] && !dead[A] && sA[X] == IDLE && in[at(A, X)] == AM + 1 ->
		sK[X] = SPARE; sA[X] = SPARE;
		lk[ak(X)] = UP; open[2 * ak(X)] = true; open[2 * ak(X) + 1] = true }
#ifdef SPARE_EARLY
	:: d_step { tries && !dead[X] && sK[X] == IDLE -> part(X) }
#endif
#ifdef PARTED_EARLY     /* what is sent next goes by M even so */
	:: d_step { !dead[X] && sK[X] == SPARE && !late -> late = true; say(X, mk(X), PARTED, X, 0) }
	:: d_step { !dead[X] && sK[X] == SPARE && late -> part(X) }
#else
	:: d_step { !dead[X] && sK[X] == SPARE -> part(X) }
#endif
	:: d_step { !dead[X] && open[to(X, mk(X))] && nempty(q[from(X, mk(X))]) -> q[from(X, mk(X))]?t, a, b;
		if
		:: t == END -> if :: sK[X] == ON -> end_K(X) :: else fi
		:: t == FORGET -> give_up_K(X)
		:: else -> common(X, mk(X), t, a, b)
		fi; t = EV; a = 0; b = 0 }
	:: d_step { !dead[X] && noticed(X, mk(X)) ->
		if
#ifdef K_STAYS
		:: sK[X] == ON -> open[to(X, mk(X))] = false; flush(X, mk(X)); end_K(X)
#endif
		:: sK[X] == DONE -> open[to(X, mk(X))] = false; flush(X, mk(X))
#ifndef K_STAYS
		:: sK[X] == ON -> give_up_K(X)
#endif
		:: else -> open[to(X, mk(X))] = false; flush(X, mk(X)); give_up_K(X); lose_behind(X, mk(X))
		fi }
	:: d_step { !dead[X] && open[to(X, ak(X))] && reads_K && nempty(q[from(X, ak(X))]) -> q[from(X, ak(X))]?t, a, b;
		common(X, ak(X), t, a, b); t = EV; a = 0; b = 0 }
	:: d_step { !dead[X] && noticed(X, ak(X)) ->
		if
		:: sK[X] == DONE -> open[to(X, ak(X))] = false; flush(X, ak(X)); lose_behind(X, ak(X))
		:: else -> give_up_K(X)
		fi }
	:: d_step { (F_TIMER >> X) & 1 && faults < MAXF && !dead[X] && (sK[X] == SPARE || sK[X] == ON) -> faults++; fault = true;
		give_up_K(X) }
#ifdef LEAVES
	:: d_step { X == B && !dead[X] && open[to(X, BD)] && nempty(q[from(X, BD)]) -> q[from(X, BD)]?t, a, b;
		common(X, BD, t, a, b); t = EV; a = 0; b = 0 }
	:: d_step { X == B && !dead[X] && noticed(X, BD) -> open[to(X, BD)] = false; flush(X, BD); lose_behind(X, BD) }
#endif
	od
}

/* --- C and D ----------------------------------------------------------------------------- */

#ifdef LEAVES
proctype PL(byte X; byte number; byte w)
{
	byte l, i, j, k, a, b, gone; mtype t;
end:	do
	:: d_step { !dead[X] && sent[X] < number -> tell(X, ALL) }
#ifdef UNI
	:: d_step { !dead[X] && sent[X] < number -> tell(X, (X == C -> D : C)) }
#endif
	:: d_step { !dead[X] && open[to(X, w)] && nempty(q[from(X, w)]) -> q[from(X, w)]?t, a, b;
		common(X, w, t, a, b); t = EV; a = 0; b = 0 }
	:: d_step { !dead[X] && noticed(X, w) -> open[to(X, w)] = false; flush(X, w); lose_behind(X, w) }
	od
}
#endif

/* --- faults ------------------------------------------------------------------------------ */

#if F_LINK > 0 || F_DIE > 0
proctype Faults()
{
	byte x, l;
end:	do
	:: atomic { faults < MAXF && F_LINK > 0 ->
		select(l : 0 .. LINKS - 1);
		if
		:: (F_LINK >> l) & 1 && lk[l] == UP -> faults++; fault = true; lk[l] = BROKEN
		:: else
		fi; l = 0 }
	:: atomic { faults < MAXF && F_DIE > 0 ->
		select(x : 0 .. N - 1);
		if
		:: (F_DIE >> x) & 1 && !dead[x] && exists(x) -> faults++; fault = true; dead[x] = true;
			for (l : 0 .. LINKS - 1) {
				if
				:: has(x, l) && lk[l] != NONE -> lk[l] = BROKEN; open[to(x, l)] = false; flush(x, l)
				:: else
				fi
			}
		:: else
		fi; x = 0; l = 0 }
	od
}
#endif

/* --- the beginning, and when nothing moves any more ---------------------------------------- */

inline way_begins(X_, y_)
{
	if
	:: X_ == A -> i = (y_ == C -> AC : AM); above[at(X_, y_)] = (y_ == C || y_ == M -> A : (y_ == D -> B : M))
	:: X_ == M -> i = (y_ == A || y_ == C -> AM : (y_ == E -> MK + 1 : MK));
		above[at(X_, y_)] = (y_ == C -> A : (y_ == D -> B : M))
	:: X_ == B -> i = (y_ == D -> BD : MK); above[at(X_, y_)] = (y_ == D || y_ == M -> B : (y_ == C -> A : M))
	:: X_ == E -> i = MK + 1; above[at(X_, y_)] = (y_ == M -> E : (y_ == C -> A : (y_ == D -> B : M)))
	:: X_ == C -> i = AC; above[at(X_, y_)] = (y_ == A -> C : (y_ == M -> A : (y_ == D -> B : M)))
	:: X_ == D -> i = BD; above[at(X_, y_)] = (y_ == B -> D : (y_ == M -> B : (y_ == C -> A : M)))
	fi;
	in[at(X_, y_)] = i + 1; out[at(X_, y_)] = i + 1; i = 0
}

inline consistent(X_, y_)       /* whom X has in sight is at the end of a way that all on it have */
{
	i = in[at(X_, y_)];
	assert(i == out[at(X_, y_)]);
	if
	:: i != 0 ->
		i--;
		assert(!dead[y_] && lk[i] == UP && open[to(X_, i)] && in[at(y_, X_)] != 0);
		/* the other end of that link */
		j = (i == AM -> (X_ == A -> M : A) : (i < AK -> (X_ == M -> kof(i) : M) :
			(i < AC -> (X_ == A -> kof(i) : A) : (i == AC -> (X_ == A -> C : A) : (X_ == B -> D : B)))));
		assert(open[to(j, i)]);
		assert(j == y_ || in[at(j, y_)] != 0 && in[at(j, y_)] != i + 1);
		assert(in[at(j, X_)] != 0);
		if
		:: !lost[at(X_, y_)] ->
			for (k : 1 .. sent[y_]) {
				assert(k <= seen[at(X_, y_)] || target[y_ * K + k] != ALL && target[y_ * K + k] != X_)
			}
		:: else
		fi
	:: else -> assert(fault)
	fi;
	i = 0; j = 0; k = 0
}

init
{
	byte x, y, i, j, k;
	atomic {
		for (x : 0 .. 41) { side[x] = 2 }
		side[A * 7 + AM] = 0; side[M * 7 + AM] = 1;
		side[M * 7 + MK] = 0; side[B * 7 + MK] = 1; side[M * 7 + MK + 1] = 0; side[E * 7 + MK + 1] = 1;
		side[A * 7 + AK] = 0; side[B * 7 + AK] = 1; side[A * 7 + AK + 1] = 0; side[E * 7 + AK + 1] = 1;
		side[A * 7 + AC] = 0; side[C * 7 + AC] = 1; side[B * 7 + BD] = 0; side[D * 7 + BD] = 1;
		for (x : 0 .. LINKS - 1) {
			if
			:: x == AM || x >= MK && x < AK && kof(x) < B + NK || x >= AC && leaves ->
				lk[x] = UP; open[2 * x] = true; open[2 * x + 1] = true
			:: else
			fi
		}
		for (x : 0 .. N - 1) {
			for (y : 0 .. N - 1) {
				if :: x != y && exists(x) && exists(y) -> way_begins(x, y) :: else fi
			}
		}
		x = 0; y = 0;
		run PA(); run PM(); run PK(B, NB, true);
#if NK == 2
#ifdef BOTH
		run PK(E, NE, true);
#else
		run PK(E, NE, false);
#endif
#endif
#ifdef LEAVES
		run PL(C, NC, AC); run PL(D, ND, BD);
#endif
#if F_LINK > 0 || F_DIE > 0
		run Faults();
#endif
	}
end:	atomic { timeout ->
#ifdef REACH
		assert(!(sK[B] == DONE && sA[B] == DONE && sM[B] == DONE && sent[B] == NB && sent[A] == NA && sent[M] == NM));
#else
		for (x : B .. B + NK - 1) {
			assert(dead[A] || sA[x] != SPARE && sA[x] != ON);
			assert(dead[M] || sM[x] != ON);
			assert(dead[x] || sK[x] != SPARE && sK[x] != ON)
		}
		for (x : 0 .. N - 1) {
			for (y : 0 .. N - 1) {
				if :: x != y && exists(x) && exists(y) && !dead[x] -> consistent(x, y) :: else fi
			}
		}
#endif
	}
}
