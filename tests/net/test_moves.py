"""People who talk are moved from server to server, some of them with bad manners, and the load generator finds nothing; but it does find what is
done to its lines on the way."""

import re
import socket
import threading

import pytest
from generator import Generator, faults
from live import Network, free_port, running, wait_for
from people import CHEAP
from steps import MOVING, SHORT, pending

CLIENTS, RATE = 60, 300


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    with running(Network(tmp_path_factory.mktemp("net"), "a-b b-c", modules=MOVING, more=CHEAP + SHORT)) as net:
        yield net


@pytest.fixture
def crowd(net):
    """People on all servers: crowd(tls=True, refuse=10)."""
    crowds = []

    def one(ports=None, clients=CLIENTS, rate=RATE, **settings):
        crowds.append(Generator(ports or [server.tls if settings.get("tls", True) else server.plain for server in net], clients, rate, **settings))
        crowds[-1].wait_talking()
        return crowds[-1]

    yield one
    for it in crowds:
        it.close()
    wait_for(lambda: not pending(net), lambda: f"the end of {pending(net)}")
    net.wait_level()


def spoken(crowd, more=200):
    """Time passes, by what is said."""
    before = crowd.stats()["said"]
    wait_for(lambda: crowd.stats()["said"] > before + more, "people to talk")


def drained(net, crowd, name):
    """Whoever can be moved is."""
    moved = crowd.moved()
    net[name].ctl("drain", check=False)
    spoken(crowd, 50)
    net[name].ctl("drain", "--cancel", check=False)
    return crowd.moved() - moved


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "plain"])
def test_nobody_notices(net, crowd, tls):
    people = crowd(tls=tls)
    for name in "abc":
        assert drained(net, people, name) >= CLIENTS // 3
    report = people.end()
    assert report["clean"] and not faults(report), report["examples"]
    assert report["moved"] == report["requests"] >= CLIENTS
    assert report["gap_served"]["count"] > 0 and report["latency"]["count"] > 0


def test_bad_manners_are_nobody_elses_business(net, crowd):
    people = crowd(clients=100, refuse=15, vanish=5, twice=40)
    for name in "abc":
        drained(net, people, name)
    report = people.end()
    assert not faults(report), report["examples"]
    assert report["moved"] and report["refused"] and report["vanished"] and report["twice"]


def test_people_ask(net, crowd):
    people = crowd()
    people.ask(10)
    spoken(people)
    report = people.end()
    assert not faults(report), report["examples"]


# --- The checker is checked ---


class Meddler:
    """Hands lines on between clients and a server without TLS, and does something to one message, the twentieth of somebody."""

    def __init__(self, to, deed):
        self.to, self.deed, self.seen, self.lock = to, deed, 0, threading.Lock()
        self.port = free_port()
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.to))
            for here, there, meddles in ((client, server, False), (server, client, True)):
                threading.Thread(target=self.carry, args=(here, there, meddles), daemon=True).start()

    def carry(self, here, there, meddles):
        kept = []  # of this connection
        with here.makefile("rb") as lines:
            try:
                for line in lines:
                    there.sendall(self.meddle(line, kept) if meddles else line)
                there.shutdown(socket.SHUT_WR)
            except OSError:
                pass

    def meddle(self, line, kept):
        with self.lock:
            if b":u000003!" not in line or b":mv c" not in line:
                return line
            self.seen += 1
            if self.seen == 20:
                return self.deed(line, kept)
            return line + (kept.pop() if kept else b"")

    def close(self):
        self.listener.close()


def loses(line, kept):
    return b""


def doubles(line, kept):
    return line * 2


def swaps(line, kept):
    kept.append(line)  # it comes behind the next one
    return b""


def invents(line, kept):
    return line + re.sub(rb":mv c \d+ ", b":mv c 999999 ", line)


def shows_a_quit(line, kept):
    return b":u000004!u@h QUIT :gone\r\n" + line


def leaves_it_alone(line, kept):
    return line


@pytest.mark.parametrize("deed, found", [(leaves_it_alone, []), (loses, ["lost"]), (doubles, ["doubled"]), (swaps, ["disordered"]),
                                         (invents, ["foreign"]), (shows_a_quit, ["unexpected"])])
def test_what_is_done_to_lines_is_found(net, crowd, deed, found):
    meddler = Meddler(net["a"].plain, deed)
    try:
        people = crowd([meddler.port], clients=10, tls=False, direct=20, drain=3)
        wait_for(lambda: meddler.seen > 60, "some messages")
        report = people.end()
        assert sorted(faults(report)) == found, report["examples"]
        assert report["clean"] == (found == [])
    finally:
        meddler.close()
