/* The handshake of links between servers (doc/link-handshake.md): a symbolic model with a Dolev-Yao
 * intruder.
 *
 * Servers A and B are honest and act as source and as target; E is the intruder, and is
 * also a registered member of the network with a key of its own.  Everything is a term:
 * keys and names are A/B/E, a nonce is the number of the session which made it, a sealed
 * box can be opened only by the owner of key `to', and can be copied by everybody.
 * E is the network: a wire (TLS connection without certificates) either joins two honest
 * ends, which E chooses and can only cut, or ends at E.  The channel binding of a wire is
 * the number of a session; E cannot make two wires have the same one.
 *
 * Switches: AS_GIVEN                         the five steps, without any addition
 *           NO_PIN NO_CB NO_CONFIRM NO_CTX NO_IDS   the hardened one, less one measure
 *           LEAK=A|B                         E has the long-term secret key of that server
 *           ONLY_INTENT ONLY_SOURCE ONLY_CHANNEL ONLY_REFLECT    check one property alone
 *           REACH                            ask for an honest run (must be found)
 *           MIDDLE                           every wire ends at E
 *           NSRC NTGT                        number of sessions in each role
 * Every session may stop at every point, so a time-out at either end is covered.  A message
 * that a session refuses leaves the state as it was, which is the same as the session
 * stopping.                                                                             */

#define A 0
#define B 1
#define E 2
#ifndef NSRC
#define NSRC 3                  /* sessions 0..NSRC-1 are sources: A, B, A */
#endif
#ifndef NTGT
#define NTGT 3                  /* sessions NSRC..NS-1 are targets: B, A, B */
#endif
#define NS   (NSRC+NTGT)
#define NE   NS                 /* a nonce made by the intruder */
#define ZERO (NS+1)             /* the all-zero nonce field of a challenge */
#define NIL  99

#ifdef AS_GIVEN
#define NO_PIN
#define NO_CB
#define NO_CONFIRM
#define NO_IDS
#define NO_NS
#endif
#ifndef LEAK
#define LEAK NIL
#endif
#if !defined(ONLY_INTENT) && !defined(ONLY_SOURCE) && !defined(ONLY_CHANNEL) && !defined(ONLY_REFLECT) && !defined(REACH)
#define P_INTENT
#define P_SOURCE
#define P_CHANNEL
#endif
#ifdef ONLY_INTENT
#define P_INTENT
#endif
#ifdef ONLY_SOURCE
#define P_SOURCE
#endif
#ifdef ONLY_CHANNEL
#define P_CHANNEL
#endif
#define N(x) ((x) == E -> 'E' : 'A' + (x))
#define bad(x) ((x) == E || (x) == LEAK)        /* E can act with this key */

#define CHAL 1                  /* contexts of a sealed box */
#define RESP 2
#define IDLE 0                  /* states of a session */
#define OPEN 1                  /* target: challenge sent; source: has dialled an honest end */
#define SENT 2                  /* source: response sent */
#define ACC  3                  /* target: source accepted */

typedef Sess {
  byte own;                     /* who runs it */
  byte peer = NIL;              /* source: whom it dials (pinned key); target: the claimed source */
  byte wire = NIL;              /* honest session at the other end of the TLS connection, NIL: E */
  byte cb = NIL;                /* channel binding of that TLS connection */
  byte st = IDLE;
  byte ns = NIL;                /* target: the source's nonce */
  bool used = 0                 /* source: one target has accepted on its account */
};
typedef Box {                   /* the one sealed box that each session sends */
  byte v = 0;                   /* 0 none, 1 on an honest wire, 2 in the hands of E */
  byte ctx = 0; byte to = 0; byte nt = NIL; byte ns = 0;
  byte pks = 0; byte pkr = 0; byte ids = 0; byte idr = 0; byte cb = 0
};
Sess S[NS];
Box M[NS];
bool K[NS+2];                   /* nonces the intruder knows */

inline learn(i) {               /* E gets box i; it opens it if it has the key */
  if :: M[i].v == 2 && bad(M[i].to) -> K[M[i].nt] = 1; K[M[i].ns] = 1
     :: else fi
}
inline pick(x, n) { x = 0; do :: x < n-1 -> x++ :: break od }
inline load(i) { c2 = M[i].ctx; to = M[i].to; nt = M[i].nt; ns = M[i].ns; pks = M[i].pks;
  pkr = M[i].pkr; ids = M[i].ids; idr = M[i].idr; cb = M[i].cb }
inline wipe() { c2 = 0; to = 0; nt = 0; ns = 0; pks = 0; pkr = 0; ids = 0; idr = 0; cb = 0; k = 0; join = 0 }

/* ------------------------------------------------ what each side demands of a sealed box */
#ifdef NO_CTX
#define CTX(c) (c2 != 0)
#else
#define CTX(c) (c2 == (c))
#endif
#ifdef NO_PIN
#define PIN 1
#else
#define PIN (pks == S[me].peer)
#endif
#ifdef NO_IDS
#define IDS_SRC 1
#define IDS_TGT 1
#define IDEQ(k) 1
#else                           /* a joining source knows the target's key, not its name */
#define IDS_SRC (pkr == S[me].own && idr == S[me].own && (join || ids == S[me].peer))
#define IDS_TGT (pkr == S[me].own && idr == S[me].own && ids == S[me].peer && pks == S[me].peer)
#define IDEQ(k) (S[k].own == M[me].idr)
#endif
#ifdef NO_CB
#define CB 1
#define CBEQ(k) 1
#else
#define CB (cb == S[me].cb)
#define CBEQ(k) (S[k].cb == S[me].cb)
#endif
#ifdef P_INTENT
#define INTENT(k) (S[k].peer == S[me].own)
#else
#define INTENT(k) 1
#endif
#ifdef P_CHANNEL
#define CHANNEL(k) (S[k].cb == S[me].cb)
#else
#define CHANNEL(k) 1
#endif

/* the box that reaches session `me' from E: any box E holds (whoever made it, for whatever
 * use), or one E makes of nonces it knows.  The boxes E makes are limited to those which the
 * receiver would not refuse at once; and where it matters only that a nonce is not that of a
 * target (or of a source), NE stands for all of these. */
inline from_E(c) {
  if
  :: pick(k, NS); if :: M[k].v == 2 && k != me -> load(k) :: else fi
  :: c2 = c; to = S[me].own; pkr = to; idr = to; cb = S[me].cb; pks = S[me].peer; ids = pks;
     if
     :: c == CHAL -> ns = ZERO; nt = NSRC; do :: nt < NE -> nt++ :: break od;
#ifdef NO_PIN
        pick(pks, 3);
#endif
        if :: join -> pick(ids, 3) :: else fi
     :: c == RESP -> nt = me; pick(ns, NSRC+1); if :: ns == NSRC -> ns = NE :: else fi
     fi;
     if :: K[nt] && K[ns] :: else -> c2 = 0 fi
  fi
}
inline respond() {              /* step 3 */
  M[me].ctx = RESP; M[me].to = pks; M[me].nt = nt; M[me].pks = S[me].own; M[me].pkr = pks;
  M[me].ids = S[me].own; M[me].idr = ids; M[me].cb = S[me].cb;
#ifdef NO_NS
  M[me].ns = ZERO;
#else
  M[me].ns = me;
#endif
  M[me].v = (S[me].wire == NIL -> 2 : 1); S[me].st = SENT; learn(me);
  printf("source %d = %c, dialled %c: opens a box, nonce %d, key of %c; answers under that key\n",
    me, N(S[me].own), N(S[me].peer), nt, N(pks))
}
#define TEST2 (CTX(CHAL) && to == S[me].own && PIN && IDS_SRC && CB)
#define TEST4 (CTX(RESP) && to == S[me].own && nt == me && IDS_TGT && CB)

proctype Source(byte me) {
  byte k, c2, to, nt, ns, pks, pkr, ids, idr, cb; bool join;
dial:
  atomic {
    if :: S[me].peer = 1 - S[me].own :: S[me].peer = E fi;
    if
    :: if :: join = 1 :: skip fi;                   /* the wire ends at E: steps 1, 2, 3 */
       S[me].cb = me; from_E(CHAL);
       if :: TEST2 -> respond(); wipe()
          :: else -> S[me].cb = NIL; S[me].peer = NIL; wipe(); goto dial fi
#ifndef MIDDLE
    :: pick(k, NTGT); k = k + NSRC;                 /* or at some honest target: step 1 */
       if :: S[k].st == IDLE && S[k].wire == NIL ->
             S[me].wire = k; S[k].wire = me; S[me].cb = k; S[me].st = OPEN; wipe()
          :: else -> S[me].peer = NIL; wipe(); goto dial fi
#endif
    fi
  }
  if :: atomic { S[me].st == OPEN && M[S[me].wire].v == 1 ->    /* steps 2, 3 */
           load(S[me].wire);
           if :: TEST2 -> respond(); wipe() :: else -> wipe(); goto end fi }
     :: S[me].st == SENT
  fi;
step5:
  atomic {
    if
    :: S[me].wire != NIL && S[S[me].wire].st == ACC -> k = S[me].wire
    :: S[me].wire == NIL -> pick(k, NTGT); k = k + NSRC     /* E copies the step 5 of target k */
    :: S[me].wire == NIL -> k = NIL                         /* E makes one */
    fi;
    if
#ifdef NO_CONFIRM
    :: 1
#else
    :: k == NIL && K[M[me].nt] && K[me]                     /* it takes both nonces */
    :: (k != NIL && S[k].st == ACC && M[me].nt == k && S[k].ns == me && S[k].peer == S[me].own &&
        S[k].own == M[me].pkr && IDEQ(k) && CBEQ(k))
#endif
    :: else -> wipe(); goto step5
    fi;
    k = M[me].nt;                                           /* here the source accepts */
    printf("source %d = %c ACCEPTS its target as %c\n", me, N(S[me].own), N(S[me].peer));
#ifdef P_SOURCE
    /* only the true target, which accepted this source, on this very channel */
    if :: bad(S[me].peer)
       :: else ->
          assert(k >= NSRC && k < NS && S[k].st == ACC && S[k].own == S[me].peer &&
                 S[k].peer == S[me].own && S[k].cb == S[me].cb);
#ifndef NO_NS
          assert(S[k].ns == me && M[me].idr == S[me].peer && !K[me])
#endif
    fi;
#endif
#ifdef REACH
    assert(S[me].wire == NIL || S[me].peer != S[k].own);
#endif
    wipe()
  }
end: skip
}

proctype Target(byte me) {
  byte k, c2, to, nt, ns, pks, pkr, ids, idr, cb; bool join, ok;
step1:
  atomic {                                          /* step 1 arrives, step 2 leaves */
    if
    :: S[me].wire != NIL -> S[me].peer = S[S[me].wire].own
    :: S[me].wire == NIL -> pick(k, 3); S[me].peer = k     /* E dials in, in any name */
    fi;
#ifndef ONLY_REFLECT                                /* its own name is refused */
    if :: S[me].peer == S[me].own -> S[me].peer = NIL; wipe(); goto step1 :: else fi;
#endif
    S[me].cb = me; S[me].st = OPEN;
    M[me].ctx = CHAL; M[me].to = S[me].peer; M[me].nt = me; M[me].ns = ZERO; M[me].pks = S[me].own;
    M[me].pkr = S[me].peer; M[me].ids = S[me].own; M[me].idr = S[me].peer; M[me].cb = me;
    M[me].v = (S[me].wire == NIL -> 2 : 1); learn(me); wipe();
    printf("target %d = %c: a source calls itself %c (wire %d, 99 is E); challenge, nonce %d\n", me,
      N(S[me].own), N(S[me].peer), S[me].wire, me)
  }
step3:
  atomic {                                          /* step 3 arrives, step 4 */
    if
    :: S[me].wire != NIL && M[S[me].wire].v == 1 -> load(S[me].wire)
    :: S[me].wire == NIL -> from_E(RESP)
    fi;
    if :: TEST4 && S[me].peer != E
       :: else -> wipe(); goto step3                /* E may come in under its own name */
    fi;
    S[me].ns = ns; S[me].st = ACC; wipe();          /* here the target accepts */
    printf("target %d = %c ACCEPTS its source as %c\n", me, N(S[me].own), N(S[me].peer));
#ifdef ONLY_REFLECT
    assert(S[me].peer != S[me].own || S[me].wire != NIL);
#endif
#if defined(P_INTENT) || defined(P_CHANNEL)
    /* only a source which dialled this target, once, on this very channel */
    if :: bad(S[me].peer)
       :: else ->
          do :: k < NSRC && !ok ->
                if :: (S[k].own == S[me].peer && M[k].nt == me && !S[k].used &&
                       INTENT(k) && CHANNEL(k)) -> ok = 1; S[k].used = 1
                   :: else fi; k++
             :: else -> break od;
          assert(ok); k = 0; ok = 0
    fi
#endif
  }
}

init {
  byte i;
  atomic {
    K[NE] = 1; K[ZERO] = 1;
    do :: i < NSRC -> S[i].own = i % 2; run Source(i); i++
       :: i >= NSRC && i < NS -> S[i].own = (i - NSRC + 1) % 2; run Target(i); i++
       :: i == NS -> break od
  }
}
