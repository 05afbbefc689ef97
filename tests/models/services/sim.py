#!/usr/bin/env python3
"""Deterministic randomised simulator of the replication of the services database (modules/services/services.md).

  sim.py [--seeds N] [--start S] [--break NAME] [--steps K] [-v]

Every server holds the whole database as cells: (entity, field, sub) -> (rank, hlc, origin, value).
One rule carries everything: state(server) == merge(all operations <= its applied vector).
Seeds mod 3 choose a profile (mixed, joins and collection, many writes); seeds mod 5 == 4 collect by a
reckless timer: the collected frontier alone must keep that safe.
`mem` is the open write transaction, `disk` the committed one; a crash falls back to `disk`.
Exit status 0: all seeds hold; 1: an invariant failed (the seed and the reason are printed).
"""
import random, sys

BREAKS = {
 'vector-before-apply': 'the applied vector becomes durable before the cells of the round',
 'partial-apply':       'cells of a round are applied as they come, not atomically with the vector',
 'advance-mid-round':   'the vector is advanced at a non-final mark',
 'lww-by-wallclock':    'stamps are the local wall clock, not merged with received stamps',
 'gc-too-early':        'tombstones are collected as soon as they are applied locally',
 'gc-reachable-only':   'only the servers reachable now have to acknowledge a tombstone',
 'gc-no-frontier':      'collection by a timer, and a peer that lacks a collected deletion is linked all the same',
 'gc-no-pin':           'a joiner does not count for collection until it acknowledges by itself',
 'send-before-durable': 'rounds are sent from the uncommitted transaction',
 'reply-before-durable':'the client is answered before the commit',
 'no-neighbour-ack':    'a write that asked for a second copy is answered after the local commit only',
 'no-final-delete':     'deleting an entity is an ordinary tombstone of one cell',
 'name-is-key':         'an account is keyed by its name (plain last writer wins)',
 'first-seen-owner':    'a name belongs to the claim that arrived first on each server',
 'drop-unknown':        'cells of unknown fields are not kept',
 'joined-too-early':    'a joiner marks itself joined when the burst begins',
 'join-no-delta':       'a joiner takes the vector of the end of the (fuzzy) burst',
 'restore-keeps-origin':'a database restored from an old copy goes on under the same origin',
 'resume-any-peer':     'a broken round is continued with another peer',
 'owe-no-mark':         'a round whose remaining cells were superseded meanwhile ends without a final mark',
 'no-admission':        'cells already covered by the vector are merged again (replays, collected tombstones)',
 'trust-input':         'forged, future or uncovered cells of a linked server are accepted',
 'salvage-all':         'a set-aside database is re-issued whole, without looking at what the network has',
 'no-salvage':          'a set-aside database is thrown away',
}
BRK = None
NAMES = ['ann', 'bob', 'cat']

class Fail(Exception):
    pass

def tomb(c): return c[3] is None
def order(c): return c[:3]

class Store:
    """One image of the database: what an LMDB transaction sees."""
    __slots__ = ('cells', 'log', 'vec', 'hlc', 'own', 'origin', 'joined', 'jmeta', 'first', 'G')
    def __init__(s):
        s.cells = {}; s.log = {}; s.vec = {}; s.hlc = 0
        s.own = []; s.origin = None; s.joined = False; s.jmeta = None; s.first = {}
        s.G = {}                             # collected frontier: highest collected tombstone per origin
    def copy(s):
        n = Store.__new__(Store)
        n.cells = dict(s.cells); n.log = dict(s.log); n.vec = dict(s.vec); n.hlc = s.hlc
        n.own = list(s.own); n.origin = s.origin; n.joined = s.joined; n.jmeta = s.jmeta
        n.first = dict(s.first); n.G = dict(s.G)
        return n
    def dead(s, ent):
        d = s.cells.get((ent, 'core', ''))
        return d is not None and d[3] is None and d[0] == 1
    def unlog(s, key, c):
        k = (c[2], c[1]); t = s.log.get(k)
        if t is None: return
        t = tuple(x for x in t if x != key)
        if t: s.log[k] = t
        else: del s.log[k]
    def merge(s, key, c):
        ent = key[0]
        if key[1] != 'core' and s.dead(ent): return
        old = s.cells.get(key)
        if old is not None:
            if order(old) >= order(c): return
            s.unlog(key, old)
        s.cells[key] = c
        k = (c[2], c[1]); s.log[k] = s.log.get(k, ()) + (key,)
        if key[1] == 'core' and c[3] is None and c[0] == 1:
            for k2 in [x for x in s.cells if x[0] == ent and x[1] != 'core']:
                s.unlog(k2, s.cells.pop(k2))
        if key[1] == 'nick' and c[3] is not None: s.first.setdefault(key[2], ent)
    def drop(s, key):
        s.unlog(key, s.cells.pop(key))
    def advance(s, vec):
        for o, h in vec.items():
            if h > s.vec.get(o, 0): s.vec[o] = h
            if h > s.hlc and BRK != 'lww-by-wallclock': s.hlc = h
    def live(s):
        return {k: c for k, c in s.cells.items() if c[3] is not None}
    def digest(s):
        return hash(frozenset(s.live().items()))
    # ---- views -------------------------------------------------------------
    def claims(s):
        m = {}
        for (ent, f, sub), c in s.cells.items():
            if f == 'nick' and c[3] is not None and ent[0] == 'A':
                core = s.cells.get((ent, 'core', ''))
                if core is not None and core[3] is not None:
                    m.setdefault(sub, []).append((c[3], ent))
        return m
    def owners(s):
        m = s.claims()
        if BRK == 'first-seen-owner':
            return {n: (s.first[n] if any(e == s.first.get(n) for _, e in v) else min(v)[1]) for n, v in m.items()}
        return {n: min(v)[1] for n, v in m.items()}
    def members(s):
        """live origins -> ack vector (None: none yet); removed origins -> stamp of the removal"""
        liv, rem = {}, {}
        for key, c in s.cells.items():
            if key[0][0] != 'O' or key[1] != 'core': continue
            o = key[0][1]
            if c[3] is None: rem[o] = (c[2], c[1]); continue
            sc = s.cells.get((('S', c[3]), 'core', ''))
            if sc is not None and sc[3] is None: rem[o] = (sc[2], sc[1]); continue
            a = s.cells.get((key[0], 'ack', ''))
            liv[o] = a[3] if a is not None else None
        return liv, rem

def vec_ge(v, o, h): return v.get(o, 0) >= h
def covers(v, g): return all(v.get(o, 0) >= h for o, h in g.items())
def GCBRK(): return BRK in ('gc-too-early', 'gc-reachable-only', 'gc-no-pin', 'gc-no-frontier')

class Op:
    __slots__ = ('stamp', 'rows', 'sv', 'acked', 'sync', 'kind', 'ent', 'rep', 'dur', 'wit')
    def __init__(s, stamp, rows, sv, sync, kind, ent):
        s.stamp, s.rows, s.sv, s.sync, s.kind, s.ent = stamp, rows, sv, sync, kind, ent
        s.acked = False; s.rep = False; s.dur = False; s.wit = None

class Server:
    def __init__(s, w, sid):
        s.w, s.sid = w, sid
        s.mem = Store(); s.disk = Store(); s.up = True; s.dirty = False
        s.skew = w.rng.randint(-40, 40); s.pend = []; s.partial = {}
        s.salv = []; s.backup = None; s.gone = False; s.lostdisk = False
        s.old = w.rng.random() < .3          # an older program: does not know field x9
        s.maxvec = {}
    def now(s): return max(1, (s.w.t + 60 + s.skew)) * 16
    def tick(s):
        h = max(s.now(), s.mem.hlc + 1) if BRK != 'lww-by-wallclock' else max(s.now(), s.mem.vec.get(s.mem.origin, 0) + 1)
        s.mem.hlc = max(h, s.mem.hlc) if BRK != 'lww-by-wallclock' else h
        return h
    def local(s, rows, kind, ent=None, sync=False, mk=None):
        """one local transaction: one stamp for all its rows"""
        h = s.tick(); st = (s.mem.origin, h)
        if mk: ent, rows = mk(st)
        for key, rank, val in rows:
            c = (rank, h, st[0], val)
            s.mem.merge(key, c)
        s.mem.vec[st[0]] = h
        s.mem.own.append(h)
        for key, rank, val in rows:          # read your write (unless the entity is dead)
            cur = s.mem.cells.get(key)
            if cur != (rank, h, st[0], val) and not (key[1] != 'core' and s.mem.dead(key[0])):
                raise Fail('acknowledged write hidden at its own server: %r' % (key,))
        op = Op(st, rows, s.sid, sync, kind, ent)
        s.w.ops[st] = op; s.pend.append(op); s.dirty = True
        if BRK == 'reply-before-durable': op.acked = True
        return ent
    def commit(s):
        if not s.dirty: return
        s.disk = s.mem.copy(); s.dirty = False
        for o, h in s.maxvec.items():
            if s.disk.vec.get(o, 0) < h: raise Fail('vector went back at %d: %r -> %r' % (s.sid, s.maxvec, s.disk.vec))
        s.maxvec = dict(s.disk.vec) if s.disk.joined else {}
        for op in s.pend:
            op.dur = True
            if not op.sync or BRK == 'no-neighbour-ack': op.acked = True
        s.pend = []
        for l in s.w.links_of(s.sid):
            l.send(s.sid, ('SACK', dict(s.disk.vec)))

class Link:
    """FIFO both ways; U = what the peer is known to have been sent, per direction"""
    def __init__(s, w, a, b, join=False):
        s.w, s.a, s.b, s.join = w, a, b, join
        s.q = {a: [], b: []}                 # q[x]: messages sent by x
        s.U = {a: None, b: None}; s.stage = {a: [], b: []}
        s.sp = {a: None, b: None}            # partial position received by x
        s.jr = None; s.serve = None
        s.sack = {a: None, b: None}              # what the peer has committed, as known by x
        s.open = {a: False, b: False}         # a round is begun: a final mark is owed
        s.last = {a: [], b: []}; s.cur = {a: [], b: []}
    def other(s, x): return s.b if x == s.a else s.a
    def send(s, x, m): s.q[x].append(m)

class World:
    def __init__(w, seed, steps, verbose):
        w.rng = random.Random(seed); w.t = 0; w.prof = seed % 3; w.ops = {}; w.links = []; w.sv = {}; w.norigin = 100
        w.steps, w.v = steps, verbose; w.refused = 0; w.behind = 0; w.reckless = seed % 5 == 4 and (BRK is None or BRK == 'gc-no-frontier')
        n = w.rng.randint(2, 4)
        for i in range(n): w.sv[i] = Server(w, i)
        g = Store(); g.hlc = 1
        gen = []                             # genesis: the founding servers share one database
        for i in range(n + 2):
            gen.append(((('S', i), 'core', ''), 0, 'server%d' % i))
        for i in range(n):
            gen.append(((('O', i + 1), 'core', ''), 0, i))
            gen.append(((('O', i + 1), 'ack', ''), 0, {99: 1}))
        for ch in range(2):
            gen.append(((('C', 1, 900 + ch), 'core', ''), 0, 'chan'))
        for key, r, v in gen: g.merge(key, (r, 1, 99, v if not isinstance(v, dict) else Vec(v)))
        g.vec[99] = 1
        w.ops[(99, 1)] = Op((99, 1), [(k, r, Vec(v) if isinstance(v, dict) else v) for k, r, v in gen], None, False, 'genesis', None)
        for i in range(n):
            s = w.sv[i]; s.mem = g.copy(); s.mem.origin = i + 1; s.mem.joined = True; s.disk = s.mem.copy()
        w.next_sid = n; w.max_sid = n + 2
    # ---- topology ----------------------------------------------------------
    def links_of(w, i): return [l for l in w.links if i in (l.a, l.b)]
    def comp(w, i):
        seen = {i}; todo = [i]
        while todo:
            x = todo.pop()
            for l in w.links:
                if not l.join and x in (l.a, l.b):
                    y = l.other(x)
                    if y not in seen: seen.add(y); todo.append(y)
        return seen
    def cut(w, l):
        w.links.remove(l)
        for x in (l.a, l.b):
            s = w.sv[x]; p = w.sv[l.other(x)]
            if l.sp[x] and s.up and not l.join:       # a broken round may be resumed with the same peer
                s.partial = {p.mem.origin: (l.sp[x], list(l.stage[x]))}
    def refuses(w, a, b):
        """a knows that b was removed or expired"""
        st = w.sv[a].mem; o = w.sv[b].mem.origin
        return st.dead(('S', b)) or st.dead(('O', o))
    def connect(w, a, b):
        sa, sb = w.sv[a], w.sv[b]
        bad = [x for x, y in ((b, a), (a, b)) if w.refuses(y, x)]
        if bad:
            for x in bad: w.told_removed(x, w.sv[a if x == b else b])
            return
        for x, y in ((sa, sb), (sb, sa)):             # exact rollback check on own stamps
            h = y.mem.vec.get(x.mem.origin, 0)
            if h > 1 and h not in x.mem.own and BRK != 'restore-keeps-origin':
                w.rejoin(x); return
        l = Link(w, a, b); w.links.append(l)
        for x, y in ((sa, sb), (sb, sa)):
            part = x.partial.get(y.mem.origin)
            if BRK == 'resume-any-peer' and x.partial: part = list(x.partial.values())[0]
            U = None
            if part:
                U, l.stage[x.sid] = dict(part[0]), list(part[1]); l.sp[x.sid] = dict(U)
            x.partial = {}
            l.send(x.sid, ('HELLO', dict(x.disk.vec), U))       # the committed vector: that is what it will send from
    def told_removed(w, i, by):
        s = w.sv[i]
        if by.mem.dead(('S', i)): w.retire_server(s)
        else: w.rejoin(s)
    def retire_server(w, s):
        for l in w.links_of(s.sid): w.cut(l)
        s.gone = True; s.up = False
    def rejoin(w, s, store=None):
        """set the database aside (for salvage), become an empty joiner"""
        for l in w.links_of(s.sid): w.cut(l)
        w.lose(s)
        st = store or s.disk
        if st.joined: s.salv.append(st)
        s.mem = Store(); s.disk = Store(); s.dirty = False; s.partial = {}; s.maxvec = {}
        s.up = True
    # ---- replication -------------------------------------------------------
    def pump(w, l, i):
        """send one slice: what the committed image has beyond U; a final mark when nothing is left"""
        s = w.sv[i]; U = l.U[i]
        if U is None or len(l.q[i]) >= 4: return False
        st = s.mem if BRK == 'send-before-durable' else s.disk
        ents = sorted(k for k in st.log if k[1] > U.get(k[0], 0))
        if not ents and not l.open[i] and all(U.get(o, 0) >= h for o, h in st.vec.items()): return False
        n = w.rng.randint(1, 3); sl = ents[:n]
        cells = [(k, st.cells[k]) for e in sl for k in st.log[e]]
        for k, c in cells:
            if c[1] > st.vec.get(c[2], 0): raise Fail('state beyond the vector at %d' % i)
        if cells: l.send(i, ('CELLS', cells)); l.cur[i] += [('CELLS', cells)]
        if len(sl) == len(ents):
            l.U[i] = dict(st.vec); l.send(i, ('MARK', dict(st.vec), True, st.digest()))
            l.open[i] = False
            l.last[i] = l.cur[i] + l.q[i][-1:]; l.cur[i] = []
        else:
            o, h = sl[-1]
            U = dict(U)
            for x, y in st.vec.items():
                if x < o: U[x] = max(U.get(x, 0), y)
            U[o] = max(U.get(o, 0), h)
            l.U[i] = U; l.open[i] = BRK != 'owe-no-mark'; l.send(i, ('MARK', dict(U), False, None))
        return True
    def deliver(w, l, src):
        m = l.q[src].pop(0); dst = l.other(src); r = w.sv[dst]; p = w.sv[src]
        k = m[0]
        if k == 'HELLO':
            if not covers(m[1], r.mem.G) and not GCBRK():     # the peer lacks a deletion I no longer hold
                w.cut(l)
                if p.mem.joined: w.behind += 1; w.rejoin(p)
                else: p.mem.jmeta = None
                return
            U = dict(m[1]); l.sack[dst] = dict(m[1])
            for o, h in (m[2] or {}).items(): U[o] = max(U.get(o, 0), h)
            l.U[dst] = U; l.open[dst] = bool(m[2]) and BRK != 'owe-no-mark'
        elif k == 'CELLS':
            if BRK != 'trust-input' and any(w.bad_cell(r, key, c) for key, c in m[1]):
                w.refused += 1; w.cut(l); return
            if BRK == 'drop-unknown' and r.old: l.stage[dst] += [x for x in m[1] if x[0][1] != 'x9']
            elif BRK == 'partial-apply':
                for key, c in m[1]:
                    if c[1] > r.mem.vec.get(c[2], 0): r.mem.merge(key, c); r.dirty = True
            else: l.stage[dst] += m[1]
        elif k == 'MARK':
            if BRK != 'trust-input' and any(c[1] > m[1].get(c[2], 0) for key, c in l.stage[dst]):
                w.refused += 1; l.sp[dst] = None; w.cut(l); return    # a cell its mark does not cover
            if not m[2] and BRK != 'advance-mid-round': l.sp[dst] = m[1]; return
            for key, c in l.stage[dst]:
                if c[1] > r.mem.vec.get(c[2], 0) or BRK == 'no-admission': r.mem.merge(key, c)
            r.mem.advance(m[1]); r.dirty = True
            if BRK == 'vector-before-apply': r.disk.advance(m[1])
            l.stage[dst] = []; l.sp[dst] = None
            if l.join and l.jr is None: w.join_check(l, dst, m)
            else:
                if m[3] is not None and r.mem.vec == m[1] and r.mem.digest() != m[3]:
                    raise Fail('digest differs at equal vectors: %d and %d' % (src, dst))
                w.after_apply(r)
        elif k == 'SACK':
            l.sack[dst] = m[1]
            for op in list(w.waiting(src, dst)):
                if m[1].get(op.stamp[0], 0) >= op.stamp[1] and op.dur: op.acked = True; op.wit = src
        elif k[0] == 'J': w.join_msg(l, src, dst, m)
    def bad_cell(w, r, key, c):
        if c[2] == r.mem.origin and c[1] > r.mem.vec.get(c[2], 0): return True    # mine, but I never wrote it
        return c[1] > r.now() + 200 * 16 or c[0] not in (0, 1) or len(str(c[3])) > 4096
    def hostile(w):
        """a buggy linked server: forged, future, uncovered, oversized, replayed"""
        ls = [l for l in w.links if not l.join and l.U[l.a] is not None and l.U[l.b] is not None]
        if not ls: return
        l = w.rng.choice(ls); i = w.rng.choice((l.a, l.b)); r = w.sv[l.other(i)]; x = w.rng.randint(0, 4)
        key = (('B', 7, 7), 'core', ''); v = dict(r.mem.vec)
        if x == 0: h = r.mem.hlc + 5; o = r.mem.origin; v[o] = h
        elif x == 1: h = r.now() + 99999; o = 55; v[o] = h
        elif x == 2: h = r.mem.hlc + 5; o = 55
        elif x == 3: h = r.mem.hlc + 5; o = 55; v[o] = h
        else:
            if l.last[i]: l.q[i] += l.last[i]
            return
        l.q[i] += [('CELLS', [(key, (0, h, o, 'forged' if x != 3 else 'f' * 5000))]), ('MARK', v, True, None)]
    def waiting(w, src, dst):
        o = w.sv[dst].mem.origin
        return [op for op in w.ops.values() if op.sync and not op.acked and op.stamp[0] == o]
    def after_apply(w, r):
        if r.mem.dead(('S', r.sid)): w.retire_server(r); return
        if r.mem.dead(('O', r.mem.origin)):
            r.disk = r.mem.copy()
            r.pend = []
            w.rejoin(r); return
        for l in w.links_of(r.sid):
            if w.refuses(r.sid, l.other(r.sid)): w.cut(l); w.told_removed(l.other(r.sid), r)
    # ---- join --------------------------------------------------------------
    def join_start(w, j, t):
        l = Link(w, j.sid, t.sid, join=True); w.links.append(l)
        l.send(j.sid, ('JREQ', j.mem.jmeta))
    def join_msg(w, l, src, dst, m):
        k = m[0]
        if k == 'JREQ':                                # at the target
            t = w.sv[dst]; jm = m[1]
            if t.mem.dead(('S', src)): w.cut(l); w.retire_server(w.sv[src]); return
            if jm and jm[0] == t.mem.origin and (covers(jm[2], t.mem.G) or GCBRK()) and not t.mem.dead(('O', jm[1])) and (('O', jm[1]), 'core', '') in t.disk.cells:
                o, T1, pos = jm[1], jm[2], jm[3]
                l.serve = [o, T1, pos, None]
                l.send(dst, ('JBEGIN', t.mem.origin, o, T1, False))
                return
            w.norigin += 1; o = w.norigin
            T1 = dict(t.mem.vec)
            rows = [((('O', o), 'core', ''), 0, src)]
            if BRK != 'gc-no-pin': rows.append(((('O', o), 'ack', ''), 0, Vec(T1)))
            for (ent, f, sub), c in sorted(t.mem.cells.items(), key=lambda x: (x[1][2], x[1][1], str(x[0]))):
                if ent[0] == 'O' and f == 'core' and c[3] == src: rows.append(((ent, 'core', ''), 1, None))
            t.local(rows, 'join')
            l.serve = [o, T1, None, t.mem.vec[t.mem.origin]]
        elif k == 'JBEGIN':                            # at the joiner
            j = w.sv[dst]
            if m[4]: j.mem = Store()
            if not j.mem.jmeta or m[4]: j.mem.jmeta = (m[1], m[2], m[3], None)
            if BRK == 'joined-too-early':
                j.mem.joined = True; j.mem.origin = m[2]; j.mem.vec = dict(m[3])
            j.dirty = True; j.commit()
            l.send(dst, ('JACK', j.mem.jmeta[3]))
        elif k == 'JACK': l.serve[2] = m[1]; l.serve[3] = 'go'
        elif k == 'JSLICE':
            j = w.sv[dst]
            for key, c in m[1]: j.mem.merge(key, c)
            for o, h in m[3].items(): j.mem.G[o] = max(j.mem.G.get(o, 0), h)
            a = j.mem.jmeta
            if m[2] is not None: j.mem.jmeta = (a[0], a[1], a[2], m[2])
            j.dirty = True
            if w.rng.random() < .7: j.commit()
            if m[2] is None:
                j.mem.vec = dict(a[2]) if BRK != 'join-no-delta' else dict(w.sv[src].disk.vec)
                j.mem.hlc = max([j.mem.hlc] + list(j.mem.vec.values()))
                l.send(dst, ('HELLO', dict(j.mem.vec), None))
            else: l.send(dst, ('JACK', m[2]))
    def join_pump(w, l, t):
        """serve a slice of the burst: key order, a fresh read transaction each time (fuzzy)"""
        sv = l.serve
        if not sv: return False
        if isinstance(sv[3], int):                     # the pin must be durable first
            if t.disk.vec.get(t.mem.origin, 0) >= sv[3]:
                sv[3] = None; l.send(t.sid, ('JBEGIN', t.mem.origin, sv[0], sv[1], True)); return True
            return False
        if sv[3] != 'go': return False
        keys = sorted(t.disk.cells, key=skey)
        if sv[2] is not None: keys = [k for k in keys if skey(k) > sv[2]]
        sl = keys[:w.rng.randint(2, 8)]
        last = skey(sl[-1]) if len(sl) < len(keys) else None
        l.send(t.sid, ('JSLICE', [(k, t.disk.cells[k]) for k in sl], last, dict(t.disk.G)))
        sv[3] = None
        return True
    def join_check(w, l, dst, m):
        j = w.sv[dst]
        if j.mem.digest() != m[3]: raise Fail('joiner %d differs from its source after the final delta' % dst)
        a = j.mem.jmeta
        j.mem.joined = True; j.mem.origin = a[1]; j.mem.jmeta = None; j.mem.own = []
        j.dirty = True; j.commit(); w.cut(l)
    # ---- tombstones --------------------------------------------------------
    def publish(w, s):
        stale = [k for k, c in sorted(s.mem.cells.items(), key=lambda x: skey(x[0]))
                 if k[0][0] == 'O' and k[1] == 'core' and c[3] == s.sid and k[0][1] != s.mem.origin]
        if stale: s.local([(k, 1, None) for k in stale], 'tidy')   # origins of abandoned joins
        key = (('O', s.mem.origin), 'ack', '')
        c = s.mem.cells.get(key)
        v = {o: h for o, h in s.mem.vec.items()}
        if c is not None and c[2] == s.mem.origin:
            d = {o for o, h in v.items() if c[3].get(o, 0) < h}
            if d <= {s.mem.origin} and all(x.kind == 'ack' for (o, h), x in w.ops.items()
                                           if o == s.mem.origin and h > c[1] and h <= v[o]): return False
        s.local([(key, 0, Vec(v))], 'ack')
        return True
    def gc(w, s):
        st = s.mem; liv, rem = st.members()
        if BRK == 'gc-reachable-only':
            ok = {w.sv[i].mem.origin for i in w.comp(s.sid)}
            liv = {o: a for o, a in liv.items() if o in ok}
        if BRK == 'gc-no-pin': liv = {o: a for o, a in liv.items() if a is not None}
        if any(a is None for a in liv.values()): return False
        for a in liv.values():                         # vectors are causally closed
            for o, h in a.items():
                if st.vec.get(o, 0) < h and BRK is None: raise Fail('an acknowledgement is ahead of the vector')
        n = 0; bound = []
        if not GCBRK() or BRK == 'gc-no-frontier':
            for l in w.links_of(s.sid):                # only when settled with every linked peer
                if l.join: bound.append(l.U[s.sid] or (l.serve[1] if l.serve else st.vec))
                elif l.sack[s.sid] is None or l.stage[s.sid] or l.sp[s.sid]: return False
                else: bound.append(l.sack[s.sid])
            s.partial = {}
        for key, c in list(st.cells.items()):
            if c[3] is None and key[0][0] not in 'SO':
                if not all(vec_ge(b, c[2], c[1]) for b in bound): continue
                if BRK == 'gc-too-early' or w.reckless or all(vec_ge(a, c[2], c[1]) for a in liv.values()):
                    st.drop(key); n += 1; st.G[c[2]] = max(st.G.get(c[2], 0), c[1])
        if n: s.dirty = True
        return n > 0
    # ---- client operations -------------------------------------------------
    def client(w, s):
        r = w.rng; st = s.mem; x = r.random(); sync = r.random() < .3
        accts = sorted({k[0] for k, c in st.cells.items() if k[0][0] == 'A' and k[1] == 'core' and c[3] is not None}, key=str)
        chans = [('C', 1, 900), ('C', 1, 901)]
        bans = sorted({k[0] for k, c in st.cells.items() if k[0][0] == 'B' and c[3] is not None}, key=str)
        fin = 0 if BRK == 'no-final-delete' else 1
        if x < .25:
            name = r.choice(NAMES)
            if name in st.owners(): return
            def mk(stp):
                e = ('A', stp[1], stp[0]) if BRK != 'name-is-key' else ('A', name, 0)
                return e, [((e, 'core', ''), 0, stp), ((e, 'nick', name), 0, (stp[1], stp[0])), ((e, 'cred', ''), 0, 'pw%d' % r.randint(0, 999))]
            s.local(None, 'register', sync=sync, mk=mk)
        elif x < .45 and accts:
            e = r.choice(accts); s.local([((e, 'cred', ''), 0, 'pw%d' % r.randint(0, 999))], 'edit', e, sync)
        elif x < .53 and accts:
            e = r.choice(accts); s.local([((e, 'core', ''), fin, None)], 'drop', e, sync)
        elif x < .70 and accts:
            e = r.choice(accts); c = r.choice(chans)
            s.local([((c, 'acc', str(e)), 0, r.choice(['op', 'voice', None, None]))], 'edit', c, sync)
        elif x < .78 and accts:
            e = r.choice(accts); name = r.choice(NAMES)
            cur = st.cells.get((e, 'nick', name))
            if cur is not None and cur[3] is not None: s.local([((e, 'nick', name), 0, None)], 'edit', e, sync)
            elif name not in st.owners():
                s.local(None, 'edit', sync=sync, mk=lambda stp: (e, [((e, 'nick', name), 0, (stp[1], stp[0]))]))
        elif x < .84: s.local(None, 'ban', sync=sync, mk=lambda stp: (('B', stp[1], stp[0]), [((('B', stp[1], stp[0]), 'core', ''), 0, 'mask')]))
        elif x < .90 and bans:
            e = r.choice(bans); s.local([((e, 'core', ''), fin, None)] if r.random() < .6 else [((e, 'core', ''), 0, 'mask%d' % r.randint(0, 9))], 'edit', e, sync)
        elif accts and not s.old:
            e = r.choice(accts); s.local([((e, 'x9', ''), 0, 'new%d' % r.randint(0, 9))], 'edit', e, sync)
    # ---- random schedule ---------------------------------------------------
    def joined(w): return [s for i, s in sorted(w.sv.items()) if s.up and not s.gone and s.mem.joined]
    def step(w):
        r = w.rng; w.t += r.randint(0, 2); x = r.random()
        act = w.joined()
        if x < .42:
            c = [(l, i) for l in w.links for i in (l.a, l.b) if l.q[i]]
            if c: l, i = r.choice(c); w.deliver(l, i)
        elif x < .57:
            if w.links:
                l = r.choice(w.links); i = r.choice((l.a, l.b))
                if not (w.join_pump(l, w.sv[i]) if l.join and l.serve and i == l.b else False):
                    w.pump(l, i)
        elif x < .68:
            c = [s for i, s in sorted(w.sv.items()) if s.up and not s.gone]
            if c: r.choice(c).commit()
        elif x < .80:
            if act: w.client(r.choice(act))
        elif x < .84:
            if w.links: w.cut(r.choice(w.links))
        elif x < .91:
            if len(act) > 1:
                a, b = r.sample(act, 2)
                if b.sid not in w.comp(a.sid): w.connect(a.sid, b.sid)
        elif x < .925:
            c = [s for i, s in sorted(w.sv.items()) if s.up and not s.gone]
            if c: w.crash(r.choice(c))
        elif x < .95:
            c = [s for i, s in sorted(w.sv.items()) if not s.up and not s.gone]
            if c: w.restart(r.choice(c))
        elif x < .965:
            if act: w.publish(r.choice(act))
        elif x < .98:
            if act: w.gc(r.choice(act))
        elif x < .990: w.try_join()
        elif x < .994: w.hostile()
        else: w.rare()
    def try_join(w):
        r = w.rng
        js = [s for i, s in sorted(w.sv.items()) if s.up and not s.gone and not s.mem.joined and not w.links_of(i)]
        if not js and w.next_sid < w.max_sid:
            w.sv[w.next_sid] = Server(w, w.next_sid); js = [w.sv[w.next_sid]]; w.next_sid += 1
        ts = w.joined()
        if js and ts: w.join_start(r.choice(js), r.choice(ts))
    def lose(w, s):
        for op in s.pend:
            if op.acked: raise Fail('acknowledged %s lost in a crash of %d' % (op.kind, s.sid))
            del w.ops[op.stamp]
        s.pend = []
    def crash(w, s):
        for l in w.links_of(s.sid): w.cut(l)
        w.lose(s)
        s.up = False; s.partial = {}
        s.mem = None; s.pend = []; s.dirty = False
        s.mem = s.disk.copy()                          # what a restart will see
    def restart(w, s):
        s.up = True; s.mem = s.disk.copy()
        if s.mem.joined and s.mem.dead(('S', s.sid)): w.retire_server(s)
        elif s.mem.joined and s.mem.dead(('O', s.mem.origin)): w.rejoin(s)
    def rare(w):
        r = w.rng; act = w.joined(); x = r.random()
        if not act: return
        s = r.choice(act)
        if x < .25: s.backup = s.disk.copy()
        elif x < .40 and s.backup is not None and s.backup.joined:
            old = s.disk; w.crash(s)                   # an old copy is put back: seen by the file identity
            if BRK == 'restore-keeps-origin':
                s.disk = s.backup.copy(); s.mem = s.disk.copy(); s.maxvec = {}; s.up = True
            else:
                s.lostdisk = True; w.rejoin(s, s.backup.copy())
                s.mem.own = []
            s.backup = None
        elif x < .55 and len(act) >= 3:                # total loss of one server's disk
            if any(t.lostdisk for t in w.sv.values()): return
            w.crash(s); s.lostdisk = True; s.disk = Store(); w.rejoin(s, Store())
        elif x < .75 and len(act) >= 3:                # an operator expires an absent server's origin
            t = r.choice([t for t in act if t is not s])
            if t.sid not in w.comp(s.sid): s.local([((('O', t.mem.origin), 'core', ''), 1, None)], 'expire')
        elif len(act) >= 3 and sum(1 for t in w.sv.values() if t.gone or any(u.mem.dead(('S', t.sid)) for u in w.sv.values())) == 0:
            t = r.choice([t for t in act if t is not s])
            w.remove(s, t)
            for l in w.links_of(s.sid):
                if l.other(s.sid) == t.sid: w.cut(l)
    def remove(w, s, t):
        rows = [((('S', t.sid), 'core', ''), 1, None)]
        for (ent, f, sub), c in sorted(s.mem.cells.items(), key=lambda x: skey(x[0])):
            if ent[0] == 'O' and f == 'core' and c[3] == t.sid: rows.append(((ent, 'core', ''), 1, None))
        s.local(rows, 'remove')
    # ---- invariants --------------------------------------------------------
    def ref(w, vec):
        """independent reference: the merge of all operations covered by a vector"""
        best, dead = {}, set()
        for (o, h), op in w.ops.items():
            if h > vec.get(o, 0): continue
            for key, rank, val in op.rows:
                c = (rank, h, o, val)
                if key not in best or best[key][:3] < c[:3]: best[key] = c
                if rank == 1 and val is None and key[1] == 'core': dead.add(key[0])
        return {k: c for k, c in best.items() if c[3] is not None and k[0] not in dead}
    def check_state(w, s, where):
        if not s.mem.joined: return
        a, b = s.mem.live(), w.ref(s.mem.vec)
        if a != b:
            d = [k for k in set(a) | set(b) if a.get(k) != b.get(k)]
            raise Fail('%s: state is not the merge of its vector at %d: %r' % (where, s.sid, sorted(map(str, d))[:3]))
    def salvage(w):
        """all members are here: re-issue what set-aside databases alone have"""
        for i, s in sorted(w.sv.items()):
            if s.gone or not s.mem.joined: continue
            for st in s.salv:
                mine = {}
                for key, c in st.cells.items():
                    if c[1] > s.mem.vec.get(c[2], 0) and key[0][0] not in 'SO': mine[key] = c
                rows = []
                for key, c in sorted(mine.items(), key=lambda x: skey(x[0])):
                    ent = key[0]
                    unseen = ent[0] in 'AB' and ent[1] > s.mem.vec.get(ent[2], 0)
                    cur = s.mem.cells.get(key); core = s.mem.cells.get((ent, 'core', ''))
                    if unseen or (core is not None and core[3] is not None and cur is not None and order(cur) < order(c)):
                        rows.append((key, c[0], c[3]))
                if BRK == 'salvage-all': rows = [(k, c[0], c[3]) for k, c in sorted(st.cells.items(), key=lambda x: skey(x[0])) if k[0][0] not in 'SO']
                if BRK == 'no-salvage': s.salv = []; continue
                if rows: s.local(rows, 'salvage')
                for (o, h), op in w.ops.items():
                    if s.mem.vec.get(o, 0) < h <= st.vec.get(o, 0): op.rep = True   # re-issued or reported to the operators
            s.salv = []
    def run_quiet(w):
        for _ in range(20000):
            did = False
            for i, s in sorted(w.sv.items()):
                if s.up and not s.gone and s.dirty: s.commit(); did = True
            for l in list(w.links):
                if l not in w.links: continue
                for i in (l.a, l.b):
                    if l not in w.links: break
                    if l.join and l.serve and i == l.b and w.join_pump(l, w.sv[i]): did = True
                    if w.pump(l, i): did = True
                    while l in w.links and l.q[i]: w.deliver(l, i); did = True
            if not did:
                act = w.joined()
                roots = []
                for s in act:
                    if not any(s.sid in w.comp(q.sid) for q in roots): roots.append(s)
                pend = [s for i, s in sorted(w.sv.items()) if not s.gone and (not s.up or not s.mem.joined)]
                for s in pend:
                    if not s.up: w.restart(s); did = True
                    elif act and not w.links_of(s.sid): w.join_start(s, act[0]); did = True
                if len(roots) > 1: w.t += 1; w.connect(roots[0].sid, roots[1].sid); did = True
            if not did: return
            w.t += 1
        raise Fail('no quiescence')
    def finish(w):
        for l in list(w.links):
            if l.join: w.cut(l)
        w.run_quiet(); w.salvage(); w.run_quiet()
        act = w.joined()
        for s in act: w.check_state(s, 'healed')
        for s in act[1:]:
            if s.mem.vec != act[0].mem.vec: raise Fail('vectors differ after healing')
            if s.mem.live() != act[0].mem.live(): raise Fail('states differ after healing')
            if s.mem.owners() != act[0].mem.owners(): raise Fail('name owners differ')
        if not act: return
        st = act[0].mem; V = st.vec
        own = st.owners()
        for n, cl in st.claims().items():
            if own[n] != min(cl)[1]: raise Fail('not the earliest claim owns %s' % n)
        ids = {c[3]: k[0] for k, c in st.live().items() if k[0][0] == 'A' and k[1] == 'core'}
        gone = {s.sid for s in w.sv.values() if s.gone or st.dead(('S', s.sid))}
        dropped = {}
        for op in w.ops.values():
            if op.kind == 'drop' and (vec_ge(V, *op.stamp) or op.rep): dropped[op.ent] = 1
        for op in w.ops.values():
            if not op.acked or op.sv is None or op.sv in gone: continue
            if w.sv[op.sv].lostdisk and (not op.sync or op.wit in gone or (op.wit is not None and w.sv[op.wit].lostdisk)): continue
            inc = vec_ge(V, *op.stamp)
            if not inc and not op.rep: raise Fail('acknowledged %s %r lost (made at %d)' % (op.kind, op.stamp, op.sv))
            if op.kind == 'register' and op.ent not in dropped:
                if op.stamp not in ids: 
                    if inc or not any(d.ent == op.ent and d.kind == 'drop' for d in w.ops.values()): raise Fail('account %r lost' % (op.ent,))
                elif BRK is None and ((ids[op.stamp], 'cred', '') not in st.cells): raise Fail('credentials of %r lost' % (op.ent,))
            if op.kind == 'drop' and inc and any(k[0] == op.ent for k in st.live()): raise Fail('dropped account is back')
        # delta equals full: a fresh burst holds what the deltas brought
        f = Store()
        for key, c in sorted(act[-1].mem.cells.items(), key=lambda x: skey(x[0])): f.merge(key, c)
        if f.live() != st.live(): raise Fail('full burst differs from deltas')
        # a removal whose record died with its author's disk is issued again by the operator
        for i, x in sorted(w.sv.items()):
            if x.gone and not act[0].mem.dead(('S', i)): w.remove(act[0], x)
        w.run_quiet()
        # collection: everything acknowledged, no tombstone left but of servers and origins
        for _ in range(6):
            for s in act: w.publish(s)
            w.run_quiet()
            for s in act: w.gc(s)
            w.run_quiet()
        act = w.joined()
        for s in act:
            w.check_state(s, 'collected')
            left = [k for k, c in s.mem.cells.items() if c[3] is None and k[0][0] not in 'SO']
            if left and BRK is None: raise Fail('tombstones never collected: %r' % left[:2])
        if BRK is None and any(s.mem.cells != act[0].mem.cells for s in act): raise Fail('raw state differs after collection')
    def run(w):
        for n in range(w.steps):
            w.step()
            if n % 40 == 39:
                for s in w.joined(): w.check_state(s, 'step %d' % n)
        w.finish()

class Vec(dict):
    """an immutable vector value"""
    def __hash__(s): return hash(frozenset(s.items()))

def skey(k):
    ent, f, sub = k
    return (ent[0],) + tuple(str(x).rjust(9) for x in ent[1:]) + (f, sub)

def main():
    global BRK
    seeds, start, steps, v = 300, 0, 420, False
    a = sys.argv[1:]; i = 0
    while i < len(a):
        x = a[i]
        if '=' in x: a[i:i + 1] = x.split('=', 1); x = a[i]
        if x == '--seeds': i += 1; seeds = int(a[i])
        elif x == '--start': i += 1; start = int(a[i])
        elif x == '--steps': i += 1; steps = int(a[i])
        elif x == '--break':
            i += 1; BRK = a[i]
            if BRK not in BREAKS: sys.exit('unknown break: ' + BRK)
        elif x == '--list': print('\n'.join(sorted(BREAKS))); return
        elif x == '-v': v = True
        else: sys.exit(__doc__)
        i += 1
    tot = {}
    for s in range(start, start + seeds):
        w = World(s, steps, v)
        try: w.run()
        except Fail as e:
            print('FAIL seed %d%s: %s' % (s, ' break=' + BRK if BRK else '', e)); sys.exit(1)
        for k, n in (('operations', len(w.ops)), ('acknowledged', sum(o.acked for o in w.ops.values())),
                     ('refused inputs', w.refused), ('refused as behind', w.behind), ('removed servers', sum(x.gone for x in w.sv.values())), ('origins issued by joins', w.norigin - 100),
                     ('salvaged', sum(o.kind == 'salvage' for o in w.ops.values())),
                     ('name conflicts seen at the end', sum(len(c) > 1 for c in w.joined()[0].mem.claims().values()) if w.joined() else 0)):
            tot[k] = tot.get(k, 0) + n
    print('ok: %d seeds; %s' % (seeds, ', '.join('%s %d' % x for x in tot.items())))

if __name__ == '__main__': main()
