"""Recipients that die or stop, links that break, while clients are in every phase of a move: whoever is not on a server that died
has a connection afterwards, has missed nothing, and nothing is left pending. run-all: beside timeout=200"""

import signal
import time

import pytest
from live import wait_for
from phases import BEFORE_THE_CUT, Scene, chain


@pytest.fixture
def scene(tmp_path):
    net, made = chain(tmp_path / "net"), []

    def one(**settings):
        made.append(Scene(net, **settings))
        return made[-1]

    yield one
    for it in made:
        it.close()
    net.close()


def is_heir(server):
    return "heir" in server.ctl("session", "moves")


def test_the_recipient_is_killed(scene):
    it = scene()
    it.into_phases()
    it.net["r"].kill()
    it.net.cable("s-x").stalled = False
    it.all_stay(BEFORE_THE_CUT)
    for phase in ("left", "moved"):  # the server that held them has died
        it.movers[phase].new and it.movers[phase].new.eof()
    it.friend.sync()
    assert sorted(line.split("!")[0] for line in it.friend.seen if " QUIT " in line) == [":left", ":moved"]
    it.net["r"].start()
    it.is_over()


@pytest.mark.parametrize("cut", ["s-x", "x-r"])
def test_the_way_to_the_recipient_is_cut(scene, cut):
    it = scene()
    it.into_phases()
    it.net.cut(cut)
    it.net.cable("s-x").stalled = False
    it.all_stay(BEFORE_THE_CUT)
    it.movers["left"].swap().sync()
    it.movers["moved"].sync()
    it.net.heal(cut)
    it.is_over()
    it.friend.does("PRIVMSG left :still there", "PRIVMSG moved :still there")
    for phase in ("left", "moved"):
        it.movers[phase].expect(" PRIVMSG (left|moved) :still there$")


@pytest.mark.parametrize("seconds", [6])
def test_the_recipient_stops_for_a_while(scene, seconds):
    it = scene()
    it.into_phases()
    it.net["r"].process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    it.net.cable("s-x").stalled = False
    it.all_stay(BEFORE_THE_CUT)
    it.movers["left"].swap()
    time.sleep(max(0, seconds - (time.monotonic() - began)))  # the rest of the time for which it is stopped
    it.net["r"].process.send_signal(signal.SIGCONT)
    it.movers["left"].sync()
    it.movers["moved"].sync()
    it.is_over()
    for phase in ("left", "moved"):
        it.friend.does(f"PRIVMSG {phase} :still there")
        it.movers[phase].expect(f" PRIVMSG {phase} :still there$")


def test_the_source_is_killed(scene):
    it = scene()
    it.into_phases()
    it.net["s"].kill()
    it.net.cable("s-x").stalled = False
    for phase in BEFORE_THE_CUT:  # it held them
        it.movers[phase].eof()
        it.movers[phase].drop_new()
    it.movers["left"].swap().sync()
    it.movers["moved"].sync()
    it.movers["left"].does("PRIVMSG moved :still there")
    it.movers["moved"].expect(" PRIVMSG moved :still there$")
    it.net["s"].start()
    it.is_over()


def test_the_source_is_killed_when_the_recipient_has_the_cut(scene):
    it = scene(stalled=None)
    it.net.cable("s-x").delay = 0.5
    mover = it.movers["cutting"]
    it.order("cutting")
    mover.requested().dial().hand_over().sync_due().synced()
    wait_for(lambda: is_heir(it.net["r"]), "the cut")
    it.net["s"].kill()
    it.net.cable("s-x").delay = 0.0
    mover.left().swap().sync()
    assert mover.said_by("friend") == list(range(it.said))
    it.net["s"].start()
    it.is_over()


def test_the_link_breaks_while_the_answer_to_the_cut_is_on_its_way(scene):
    it = scene(stalled=None)
    mover = it.movers["cutting"]
    it.order("cutting")
    mover.requested().dial().hand_over().sync_due()
    it.net.cable("s-x").delay = 1.0
    mover.synced()
    wait_for(lambda: is_heir(it.net["r"]), "the cut")
    it.net.cut("s-x")
    it.net.cable("s-x").delay = 0.0
    it.says()
    it.stays("cutting")
    it.net.heal("s-x")
    it.is_over()
    it.friend.does("PRIVMSG cutting :still there")
    mover.expect(" PRIVMSG cutting :still there$")


def test_a_hop_is_killed(scene):
    it = scene()
    it.into_phases()
    it.net["x"].kill()
    it.net.cable("s-x").stalled = False
    it.all_stay(BEFORE_THE_CUT)
    it.movers["left"].swap().sync()
    it.movers["moved"].sync()
    it.net["x"].start()
    it.is_over()
