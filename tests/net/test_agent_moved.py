"""A client behind the agent is moved to and fro between two servers while 2 MB a second pass each way: all of it arrives once, in order, and
with nothing between. run-all: timeout=120"""

import contextlib
import random
import threading
import time

import pytest
from fidelity import Agent, dial, running_all
from live import SECONDS, Network, wait_for
from people import CHEAP
from steps import MOVING

RATE = 2_000_000  # bytes a second, each way
MOVES, PAUSE = 6, 0.4


class Talker:
    """Says numbered lines at the rate until told to stop; keeps what it hears."""

    def __init__(self, port, nick, to):
        self.end, self.nick, self.to = dial(port), nick, to
        self.end.send(f"NICK {nick}\r\nUSER {nick} 0 * :{nick}\r\n".encode())
        self.end.until(b" 422 ")
        self.source = self.end.until(b"\r\n") and self.whoami()
        self.said, self.talking, self.heard = 0, True, bytearray()

    def whoami(self):
        self.end.send(f"USERHOST {self.nick}\r\n".encode())
        self.end.until(f" 302 {self.nick} :{self.nick}".encode())
        return f"{self.nick}!" + self.end.until(b"\r\n").decode().strip("*=+-\r\n ")

    def start(self):
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self.talk, self.listen)]
        for thread in self.threads:
            thread.start()

    def line(self, number):
        """As it is said; of lengths that follow from its number."""
        text = f"{number} ".encode() + b"%x" % (number * 2654435761) * 40
        return f"PRIVMSG {self.to} :".encode() + text[:random.Random(number).randrange(350, 440)] + b"\r\n"

    def talk(self):
        began, sent = time.monotonic(), 0
        while self.talking:
            data = b"".join(self.line(self.said + i) for i in range(40))
            self.said += 40
            self.end.send(data)
            sent += len(data)
            time.sleep(max(0, began + sent / RATE - time.monotonic()))  # the rate is what is tested

    def listen(self):
        with contextlib.suppress(OSError):
            while data := self.end.sock.recv(1 << 20):
                self.heard += data

    def heard_all_of(self, other):
        """Nothing but the other's lines, each once, in order."""
        wanted = b"".join(f":{other.source} ".encode() + other.line(i) for i in range(other.said))
        with contextlib.suppress(AssertionError):  # the difference says more
            wait_for(lambda: len(self.heard) >= len(wanted), "the rest")
        got = bytes(self.heard)
        if got != wanted:
            at = next(i for i, (a, b) in enumerate(zip(got + b"\0", wanted + b"\1")) if a != b)
            pytest.fail(f"{self.nick}, byte {at} of {len(wanted)}: {got[max(0, at - 200):at + 300]!r}")


def move(server, there):
    """Again, if the server takes it back: on a slow machine more may come meanwhile than it keeps."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            return server.ctl("session", "redirect", "anna", there)
        except AssertionError as refused:
            assert "stays on this server" in str(refused) and time.monotonic() < deadline, refused


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_a_stream_is_whole_while_its_client_is_moved(tmp_path, tls):
    with running_all() as closing:
        net = closing.enter(Network(tmp_path / "net", "a-b", modules=MOVING, more=CHEAP))
        agent = closing.enter(Agent(tmp_path / "agent", net["a"].tls if tls else net["a"].plain, tls=tls))
        anna, ben = Talker(agent.plain, "anna", "ben"), Talker(net["b"].plain, "ben", "anna")
        net.wait_level()  # either server knows both
        for talker in (anna, ben):
            talker.start()
        for i in range(MOVES):
            time.sleep(PAUSE)  # they talk on one server for a while, before it is the other
            here, there = "abab"[i % 2:][:2]
            move(net[here], f"{there}.test")
        time.sleep(PAUSE)  # and on the last one
        anna.talking = ben.talking = False
        for talker in (anna, ben):
            talker.threads[0].join(SECONDS)
        anna.heard_all_of(ben)
        ben.heard_all_of(anna)
        for talker in (anna, ben):
            assert talker.said * 400 > RATE * MOVES * PAUSE / 2, "it was not much"
            talker.end.close()
