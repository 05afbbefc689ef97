"""Clients in every phase of a move at the same time, and what must hold of them after a fault: whoever is not on a server that died has a
connection, and has missed nothing."""

from live import QUICK, Network, wait_for
from people import CHEAP, Person
from steps import MOVING, PHASES, Mover, Order, pending, wait_takes

SILENCE = f"{QUICK}, silence: 3s, ping-every: 1s"
LATE = ("notified", "handed over", "cutting")  # reached with the link stalled: what is meant for the other side does not get there


BEFORE_THE_CUT = ["asked", "dialled", "sync", *LATE]  # the source has them


def chain(folder):
    return Network(folder, "s-x x-r", modules=MOVING, more=CHEAP, link=SILENCE)


class Scene:
    """Movers at home on s, in a chain s-x-r: one in each phase of a move to r, while a friend on s talks to all of them."""

    def __init__(self, net, stalled="s-x"):
        self.net, self.stalled = net, stalled
        self.friend = Person(self.net["s"].plain, "friend")
        self.friend.does("JOIN #room")
        self.movers = {phase: Mover(self.net["s"].plain, phase.replace(" ", "")) for phase in [*PHASES, *LATE]}
        for mover in self.movers.values():
            mover.does("JOIN #room")
        self.said, self.orders = 0, []
        self.net.wait_level()
        wait_takes(self.net["s"], "r")

    def says(self, times=5):
        for _ in range(times):
            self.friend.send(f"PRIVMSG #room :{self.said}")
            self.said += 1
        self.friend.sync()

    def order(self, phase):
        """By a process of its own: it ends when the move does."""
        self.orders.append(Order(self.net["s"], "session", "redirect", self.movers[phase].nick, "r.test"))

    def into_phases(self):
        for phase in PHASES:
            self.order(phase)
        for phase, step in PHASES.items():
            step(self.movers[phase])
            self.says(1)
        for phase in ("handed over", "cutting"):
            self.order(phase)
            self.movers[phase].requested().dial()
        self.movers["cutting"].hand_over().sync_due()
        self.movers["moved"].sync()
        if self.stalled:
            self.net.cable(self.stalled).stalled = True
        self.order("notified")
        self.movers["handed over"].hand_over()
        self.movers["cutting"].synced()
        self.says()

    def stays(self, phase):
        """This one is on s as if nothing had happened."""
        mover = self.movers[phase]
        if mover.id:
            mover.cancelled()
        assert mover.said_by("friend") == list(range(self.said)), phase
        self.friend.does(f"PRIVMSG {mover.nick} :hello")
        mover.expect(rf"^:friend!\S+ PRIVMSG {mover.nick} :hello$")
        mover.send("PRIVMSG friend :hello")
        self.friend.expect(rf"^:{mover.nick}!\S+ PRIVMSG friend :hello$")

    def all_stay(self, phases):
        self.says()
        for phase in phases:
            self.stays(phase)

    def is_over(self):
        self.net.wait_level()
        wait_for(lambda: not pending(self.net), lambda: pending(self.net))

    def close(self):
        for it in [*self.orders, self.friend, *self.movers.values()]:
            it.close()
