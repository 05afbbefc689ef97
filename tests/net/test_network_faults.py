"""Linked servers in adversity: nothing is lost while links hold, and all agree after they were broken. Short forms of soak_net.py.
run-all: beside timeout=400"""

import os
import re
import time

import pytest
from live import LINKED, QUICK, Irc, Network, wait_for
from people import CHEAP, Person
from soak_net import crowd_talks, opposed, storm_rages
from variants import SRC, Variants

GUESTS = LINKED.replace("account, ", "account, guest, ")


@pytest.fixture
def linked(tmp_path):
    """Makes networks: linked("a-b b-c", ...)."""
    nets = []

    def one(pairs, **settings):
        nets.append(Network(tmp_path / f"net{len(nets)}", pairs, **{"modules": GUESTS, "more": CHEAP, **settings}))
        return nets[-1]

    yield one
    for net in nets:
        net.close()


def seed():
    return int.from_bytes(os.urandom(4), "big")


def test_a_crowd_on_five_servers_loses_nothing(tmp_path):
    crowd = crowd_talks(tmp_path, size=100, seconds=3, pause=0.3)
    assert crowd.deliveries > 1000


def test_after_splits_all_servers_agree_and_keep_what_they_reported(tmp_path):
    one, _ = storm_rages(tmp_path, "a-b b-c", seconds=8, seed=seed(), guests=6, least=0.3, most=1.0)
    assert one.breaks > 2 and len(one.book.accounts) > 10


def test_opposed_changes_over_a_slow_link_end_alike(tmp_path):
    opposed(tmp_path, "a-b b-c c-d", middle="b-c", delay=0.2, seconds=5, seed=seed(), guests=8)


def test_of_two_who_register_a_name_at_once_one_is_told_that_it_is_not_theirs(linked):
    net = linked("a-b", modules=LINKED)
    net.cable("a-b").delay = 0.2  # each learns of the other's while its own answer waits for a second copy
    both = [Irc(net[name].plain) for name in "ab"]
    for one in both:
        one.send("NICK wanted", "USER w 0 * :w", "REGISTER * * :correct horse")
    for one in both:
        one.expect(" REGISTER SUCCESS wanted ")
    net.wait_level()

    def told():
        return [any("Another account claimed wanted earlier" in line for line in [*one.sync(), *one.seen]) for one in both]

    wait_for(lambda: any(told()), lambda: "the note\n" + "\n".join(both[0].seen + both[1].seen))
    assert sorted(told()) == [False, True]
    for one in both:
        one.close()


def test_after_kill_9_no_message_id_comes_twice_and_nothing_is_swallowed(linked):
    net = linked("a-b b-c")
    caps = "message-tags server-time"
    listener = Person(net["a"].plain, "listener", caps=caps)
    listener.does("JOIN #talk")
    ids = []
    for turn in range(3):
        speaker = Person(net["b"].plain, f"speaker{turn}", caps=caps)
        far = Person(net["c"].plain, f"far{turn}", caps=caps)
        for one in (speaker, far):
            one.does("JOIN #talk")
        net.wait_level()
        speaker.send(*(f"PRIVMSG #talk :{turn} {n}" for n in range(20)))
        for n in range(20):
            for one in (listener, far):
                line = one.expect(rf" PRIVMSG #talk :{turn} {n}$")
            ids.append(re.search(r"msgid=([^; ]+)", line)[1])
        net["b"].kill()
        net["b"].start()
        net.wait_level()
        # At once: the first thing that is said behind the new links.
        far.send(f"PRIVMSG #talk :back {turn}", f"PRIVMSG listener :back {turn}")
        ids.append(re.search(r"msgid=([^; ]+)", listener.expect(rf" PRIVMSG #talk :back {turn}$"))[1])
        ids.append(re.search(r"msgid=([^; ]+)", listener.expect(rf" PRIVMSG listener :back {turn}$"))[1])
        far.leave()
        net.wait_level()
    assert len(set(ids)) == len(ids)


def test_a_stalled_link_slows_those_who_feed_it_and_nobody_else(linked):
    net = linked("a-b b-c", small=True, link=f"{QUICK}, soft-bound: 256k, stall: 60s")
    flooder, near, other, far = (Person(net[server].plain, nick) for server, nick in (("b", "flooder"), ("a", "near"), ("b", "other"), ("c", "far")))
    for one in (flooder, far):
        one.does("JOIN #full")
    for one in (near, other):
        one.does("JOIN #free")
    net.wait_level()
    net.cable("b-c").stalled = True
    flooder.sock.settimeout(1)
    sent, line = 0, b"PRIVMSG #full :" + b"x" * 400 + b"\r\n"
    with pytest.raises(TimeoutError):
        while sent < 64 << 20:
            sent += flooder.sock.send(line * 100)
    for n in range(50):
        began = time.monotonic()
        other.send(f"PRIVMSG #free :{n}")
        near.expect(rf" PRIVMSG #free :{n}$", 1)
        assert time.monotonic() - began < 0.5
    net.cable("b-c").stalled = False
    # What was sent is complete up to some byte of a line.
    heard = 0
    while heard < sent // len(line) - 1:
        if " PRIVMSG #full :" in far.line():
            heard += 1
    net.wait_level()


def test_a_link_on_which_nothing_moves_is_closed_and_bursts_again(linked):
    net = linked("a-b b-c", small=True, link=f"{QUICK}, silence: 3s, ping-every: 1s")
    near, far = Person(net["a"].plain, "near"), Person(net["c"].plain, "far")
    for one in (near, far):
        one.does("JOIN #c")
    net.wait_level()
    net.cable("b-c").stalled = True
    near.expect(r"^:far!\S+ QUIT :b\.test c\.test$", 10)
    net.cable("b-c").stalled = False
    near.expect(r"^:far!\S+ JOIN #c", 15)
    net.wait_level()


def test_modules_are_replaced_while_links_are_up(tmp_path):
    variants = Variants(tmp_path / "modules", ["link", "burst", "network", "services", "store"])
    more = f"module-directory: [{tmp_path}/modules]\ndebug: {{scan-state: yes}}\n"
    crowd_talks(tmp_path, size=40, seconds=4, pause=0.1, pairs="a-b b-c", more=more, variants=variants)


class Newer(Variants):
    """The next minor version: it says so, says more in its hello and in its first messages, and sends messages of unknown types."""

    EDITS = {
        "#define SV_MINOR 0": "#define SV_MINOR 1",
        "\tpeer->resumes = kept != NULL;\n\tpeer_send(state, peer, &out);\n":
            "\twire_u64(&out, 4711);\n\tpeer->resumes = kept != NULL;\n\tpeer_send(state, peer, &out);\n"
            "\tpeer_message(state, &out, SV_OPTIONAL + 1);\n\twire_u64(&out, 4711);\n\tpeer_send(state, peer, &out);\n",
        "\tuint8_t begin[BEGIN_BYTES] = {LIVE_BEGIN};": "\tuint8_t begin[BEGIN_BYTES + 8] = {LIVE_BEGIN};",
        "\tput_out(st, peer, begin, sizeof(begin));": '\tput_out(st, peer, "\\011new", 4);\n\tput_out(st, peer, begin, sizeof(begin));',
    }
    made = 0

    @classmethod
    def edit(cls, text):
        for old, new in cls.EDITS.items():
            cls.made += old in text
            text = text.replace(old, new)
        return text


def test_a_newer_minor_version_links_and_what_is_unknown_is_kept_or_dropped_as_it_says(tmp_path, linked):
    newer = Newer(tmp_path / "modules", ["services", "burst"])
    assert newer.made == len(Newer.EDITS)
    newer.add(SRC / "tests" / "modules" / "skew" / "skew.c")
    for name in newer.names:
        newer.install(name, 1)
    modules = f"module-directory: [{tmp_path}/modules]\n"
    # a and c are of the next version and have a module that b has not.
    net = linked("a-b b-c", own={"a": modules, "c": modules})
    for name in "ac":
        net[name].ctl("module", "load", "skew")
    net["a"].ctl("skew", "say", "unheard-of")
    net.wait_level()
    assert net["c"].ctl("skew", "records") == "unheard-of\n"
    wait_for(lambda: any("frame kind=100 body=unheard-of" in line for line in net["c"].err), "the frame")
    heard = [line for line in net["c"].err if "unheard-of" in line and " skew:" in line]
    assert [re.search(r"(heard|frame) kind=(\w+)", line).groups() for line in heard] == [("heard", "1"), ("frame", "100")]
    anna, cleo = Person(net["a"].plain, "anna"), Person(net["c"].plain, "cleo")
    net.wait_level()
    cleo.does("PRIVMSG anna :all the same")
    anna.expect(" PRIVMSG anna :all the same$")
