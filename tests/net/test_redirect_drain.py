"""A server sends its clients away: by command, before it stops, as far as they can go, and within its time. run-all: beside"""

import json
import signal
import time

import pytest
from live import SECONDS, Irc, Network, wait_for
from people import CHEAP, Person
from steps import MOVING, Mover, Order, pending

BOUND = 4


@pytest.fixture
def place(tmp_path):
    """A network, people in it, and commands that go on: all of them end with the test."""
    return Place(tmp_path)


@pytest.fixture(autouse=True)
def closed(place):
    yield
    place.close()


class Place:
    def __init__(self, folder):
        self.folder, self.things, self.net = folder, [], None

    def network(self, pairs="a-b", more=""):
        self.net = Network(self.folder / "net", pairs, modules=MOVING, more=f"{CHEAP}{more}")
        return self.net

    def comes(self, kind, server, nick, **settings):
        self.things.append(kind(self.net[server].plain, nick, **settings))
        return self.things[-1]

    def order(self, server, *words):
        self.things.append(Order(self.net[server], *words))
        return self.things[-1]

    def close(self):
        for thing in self.things:
            thing.close()
        if self.net:
            self.net.close()


def outcomes(text):
    """Of the answer; behind it may stand the progress, which goes to another stream."""
    rows, _ = json.JSONDecoder().raw_decode(text)
    return {row["outcome"]: int(row["clients"]) for row in rows if "outcome" in row}


def test_a_drain_moves_everybody_and_says_how_many(place):
    net = place.network("a-b b-c")
    movers = [place.comes(Mover, "a", f"anna{n}") for n in range(4)]
    plain = place.comes(Person, "a", "plain")
    net.wait_level()
    drain = place.order("a", "drain", "--json")
    for mover in movers:
        mover.requested().dial().hand_over()
    for mover in movers:
        mover.sync_due().synced().left().swap().sync()
    status, said = drain.end()
    assert status == 0, said
    assert {what: n for what, n in outcomes(said).items() if n} == {"moved": 4, "not-able": 1}
    assert not pending(net)
    users = {line.split()[-1] for mover in movers for line in plain.does(f"WHOIS {mover.nick}") if " 312 " in line}
    assert users, "WHOIS says where they are"
    # It takes nobody now, until the drain is cancelled.
    assert net["b"].ctl("session", "redirect", "anna0", "a.test", check=False) == ""
    net["a"].ctl("drain", "--cancel")
    wait_for(lambda: not any("draining" in net[name].ctl("balance") for name in "bc"), "the news that it takes them again")
    where = "b" if any(" b.test " in line for line in plain.does("WHOIS anna0")) else "c"
    back = place.order(where, "session", "redirect", "anna0", "a.test")
    movers[0].move().sync()
    assert back.end()[0] == 0


def test_then_exit_waits_for_those_who_can_be_moved_and_then_the_server_ends(place):
    net = place.network()
    mover, friend = place.comes(Mover, "a", "anna"), place.comes(Person, "b", "friend")
    net.wait_level()
    drain = place.order("a", "drain", "--then-exit")
    mover.requested()
    assert net["a"].process.poll() is None
    mover.dial().hand_over().sync_due().synced().left().swap().sync()
    status, said = drain.end()
    assert net["a"].process.wait(SECONDS) == 0 and status == 0, said
    friend.does("PRIVMSG anna :still there")
    mover.expect(" PRIVMSG anna :still there$")
    assert not any(" QUIT " in line for line in friend.seen)


@pytest.mark.parametrize("nobody", ["alone", "the other drains", "the other is gone"])
def test_with_nobody_to_take_them_a_drain_ends_at_once_and_says_so(place, nobody):
    net = place.network()
    mover = place.comes(Mover, "a", "anna")
    net.wait_level()
    if nobody == "the other drains":
        assert place.order("b", "drain").end()[0] == 0
        net.wait_level()
    elif nobody == "the other is gone":
        net["b"].kill()
        wait_for(lambda: "b.test" not in net["a"].ctl("map"), "the loss")
    else:
        net["b"].ctl("module", "unload", "balance")
        net["b"].ctl("module", "unload", "redirect")
    began = time.monotonic()
    for words in (["drain"], ["drain", "--then-exit"]):
        status, said = place.order("a", *words).end()
        assert status != 0 and ("no other server" in said or nobody == "alone"), said
    assert time.monotonic() - began < 3 or nobody == "alone"
    assert net["a"].process.poll() is None
    assert mover.does("PRIVMSG anna :me")[-1].endswith(" PRIVMSG anna :me")


def test_a_cancelled_drain_leaves_everybody_where_they_are(place):
    net = place.network()
    movers = [place.comes(Mover, "a", f"anna{n}") for n in range(3)]
    plain = place.comes(Person, "a", "plain")
    net.wait_level()
    drain = place.order("a", "drain", "--then-exit")
    plain.expect(r" NOTICE plain :This server goes down")
    for mover in movers:
        mover.requested()
    movers[0].dial().hand_over().sync_due()
    movers[1].dial().hand_over().sync_due().synced().left().swap().sync()
    net["a"].ctl("drain", "--cancel")
    status, said = drain.end()
    assert status != 0 and "cancelled" in said
    for mover in (movers[0], movers[2]):
        mover.cancelled().sync()
    plain.expect(r" NOTICE plain :This server does not go down now")
    wait_for(lambda: not pending(net), lambda: pending(net))
    assert net["a"].process.poll() is None
    place.comes(Person, "a", "late")


def stops(server, within):
    began = time.monotonic()
    status = server.process.wait(within + 5)
    took = time.monotonic() - began
    assert status == 0 and took < within + 1, (status, took)
    return took


def test_sigterm_drains_within_its_bound(place):
    net = place.network(more=f"balance: {{drain-within: {BOUND}s}}\n")
    slow, quick = (place.comes(Mover, "a", nick) for nick in ("slow", "quick"))
    plain, friend = place.comes(Person, "a", "plain"), place.comes(Person, "b", "friend")
    for one in (slow, quick, plain, friend):
        one.does("JOIN #room")
    net.wait_level()
    net["a"].process.send_signal(signal.SIGTERM)
    slow.requested()  # and does not come
    quick.move().sync()
    plain.expect(rf" NOTICE plain :This server goes down in at most \d seconds?, and your client cannot be moved\. "
                 rf"Please connect to b\.test \(127\.0\.0\.1:{net['b'].plain}\) instead\.")
    assert stops(net["a"], BOUND) > 1
    plain.expect("^ERROR ")
    friend.does("PRIVMSG quick :still there")
    quick.expect(" PRIVMSG quick :still there$")
    quits = {line.split("!")[0][1:] for line in friend.seen if " QUIT " in line}
    assert quits == {"slow", "plain"}


def test_sigterm_ends_as_soon_as_all_who_can_have_moved(place):
    net = place.network(more="balance: {drain-within: 30s}\n")
    mover = place.comes(Mover, "a", "anna")
    place.comes(Person, "a", "plain")
    net.wait_level()
    net["a"].process.send_signal(signal.SIGTERM)
    mover.move().sync()
    stops(net["a"], 2)


@pytest.mark.parametrize("then", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_at_once(place, then):
    net = place.network(more="balance: {drain-within: 30s}\n")
    mover = place.comes(Mover, "a", "anna")
    net.wait_level()
    net["a"].process.send_signal(signal.SIGTERM)
    mover.requested()
    net["a"].process.send_signal(then)
    stops(net["a"], 1)


def test_sigint_ends_at_once(place):
    net = place.network()
    place.comes(Mover, "a", "anna")
    net.wait_level()
    net["a"].process.send_signal(signal.SIGINT)
    stops(net["a"], 1)


def test_sigterm_without_anybody_to_take_them_ends_at_once(place):
    net = place.network()
    place.comes(Mover, "a", "anna")
    net["b"].stop()
    net["a"].process.send_signal(signal.SIGTERM)
    stops(net["a"], 1)


def test_newcomers_during_a_drain_are_told_where_to_go_and_are_not_let_in(place):
    net = place.network()
    first = place.comes(Mover, "a", "first")
    net.wait_level()
    drain = place.order("a", "drain", "--then-exit")
    first.requested()
    late = Irc(net["a"].plain)
    late.send("NICK late", "USER late 0 * :late")
    late.expect(rf"^:a\.test 010 late 127\.0\.0\.1 {net['b'].plain} :")
    late.eof()
    late.close()
    first.dial().hand_over().sync_due().synced().left().swap().sync()
    assert drain.end()[0] == 0
    assert net["a"].process.wait(SECONDS) == 0
