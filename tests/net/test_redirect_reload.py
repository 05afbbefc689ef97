"""Modules are replaced while clients are in every phase of a move: each goes on where it was, and nothing is lost. run-all: timeout=200"""

import pytest
from live import Network, wait_for
from people import CHEAP, Person
from steps import MOVING, PHASES, Mover, Order, pending
from variants import Variants

REPLACED = ["redirect", "balance", "link", "client", "network"]

# From each phase to the end.
REST = {
    "asked": lambda m: m.dial().hand_over().sync_due().synced().left().swap(),
    "dialled": lambda m: m.hand_over().sync_due().synced().left().swap(),
    "sync": lambda m: m.synced().left().swap(),
    "left": lambda m: m.swap(),
    "moved": lambda m: m,
}


@pytest.fixture
def net(tmp_path):
    it = Network(tmp_path / "net", "s-r", modules=MOVING, more=f"{CHEAP}module-directory: [{tmp_path}/modules]\ndebug: {{scan-state: yes}}\n")
    yield it
    it.close()


def test_a_reload_in_every_phase_loses_nothing(tmp_path, net):
    variants = Variants(tmp_path / "modules", REPLACED)
    friend = Person(net["r"].plain, "friend")
    friend.does("JOIN #room")
    movers = {phase: Mover(net["s"].plain, phase) for phase in PHASES}
    for mover in movers.values():
        mover.does("JOIN #room")
    net.wait_level()
    friend.got()
    orders = [Order(net["s"], "session", "redirect", phase, "r.test") for phase in PHASES]
    for phase, step in PHASES.items():
        step(movers[phase])
    for number, name in enumerate(REPLACED):
        variants.install(name, 1)
        for server in net:
            server.ctl("module", "reload", name)
        friend.does(f"PRIVMSG #room :{number}")
    for phase, rest in REST.items():
        rest(movers[phase])
    friend.does(f"PRIVMSG #room :{len(REPLACED)}")
    net.wait_level()
    for phase, mover in movers.items():
        assert mover.said_by("friend") == list(range(len(REPLACED) + 1)), phase
        mover.send(f"PRIVMSG friend :{phase}")
        friend.expect(rf"^:{phase}!\S+ PRIVMSG friend :{phase}$")
    assert not any(word in line for line in friend.seen for word in (" QUIT ", " PART ")), friend.seen
    assert [order.end()[0] for order in orders] == [0] * len(orders)
    wait_for(lambda: not pending(net), lambda: pending(net))
    for server in net:
        assert not any("pointers into" in line for line in server.err), "".join(server.err[-20:])
    net.stop()


@pytest.mark.parametrize("where", "sr")
def test_without_the_module_redirect_everybody_stays_or_has_moved(net, where):
    movers = {phase: Mover(net["s"].plain, phase) for phase in PHASES}
    net.wait_level()
    orders = [Order(net["s"], "session", "redirect", phase, "r.test") for phase in PHASES]
    for phase, step in PHASES.items():
        step(movers[phase])
    net[where].ctl("module", "unload", "redirect", "--cascade")
    for phase in ("asked", "dialled", "sync"):
        movers[phase].cancelled().sync()
    movers["left"].swap().sync()
    movers["moved"].sync()
    net.wait_level()
    assert orders[-1].end()[0] == 0
    for order in orders:
        order.close()
    for mover in movers.values():
        mover.leave()
    net.stop()
