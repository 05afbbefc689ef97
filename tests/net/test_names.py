"""Names that two claim, on real servers: registered on both sides of a cut, then together again."""

import re

import pytest
from live import Irc, Network, wait_for
from people import CHEAP


@pytest.fixture
def net(tmp_path):
    one = Network(tmp_path / "net", "a-b", more=CHEAP)
    yield one
    one.close()


def test_the_later_account_gives_way_and_nobody_loses_anything(net):
    net.cut("a-b")
    wait_for(lambda: net["a"].status()["links"] == "0" and net["b"].status()["links"] == "0", "both alone")
    first, second = Irc(net["a"].plain), Irc(net["b"].plain)
    first.register("ann", "password of a")
    assert any("provisional until" in line and line.endswith(": b.test") for line in first.seen)
    assert any("on this server only" in line for line in first.seen)
    second.register("ann", "password of b")
    second.send("JOIN #c", "CHANNEL REGISTER #c")
    second.expect("registered to your account")
    net.heal("a-b")
    net.wait_level()
    shown = re.search(r" NICK :(ann~[a-z2-7]{5})$", second.expect(r"^:ann!.* NICK :ann~")).group(1)
    name = second.expect(r" 900 .* :You are now logged in as ann~").rsplit(" ", 1)[1]
    second.expect("Another account claimed ann earlier")
    assert not any(" NICK " in line for line in first.sync())
    for server, who, password in (("b", "ann", "password of a"), ("a", name, "password of b")):
        irc = Irc(net[server].plain)
        irc.send(f"PASS :{who}:{password}", "NICK other", "USER other 0 * :x")
        irc.expect(rf" 900 .* :You are now logged in as {who}$")
        irc.expect(r" 001 ")
        irc.close()
    assert ["account", name] in [line.split() for line in net["a"].ctl("account", "info", name).splitlines()]
    second.send("CHANNEL INFO #c")
    second.expect(r":founder ann, ")
    net["a"].ctl("account", "drop", "ann")
    second.expect(r" 900 .* :You are now logged in as ann$")
    second.send("NICK ann")
    second.expect(rf"^:{shown}!.* NICK :ann$")


def test_what_is_stored_far_away_holds_here(net):
    ann = Irc(net["a"].plain).register("ann")
    assert not any("on this server only" in line or "provisional" in line for line in ann.seen)
    far = Irc(net["b"].plain)
    far.send("PASS :ann:correct horse", "NICK far", "USER far 0 * :x")
    far.expect(r" 001 ")
    net["b"].ctl("ban", "add", "ann", "never", "enough")
    ann.expect("^ERROR .*enough")
    far.expect("^ERROR .*enough")
