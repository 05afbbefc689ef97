"""A client with godwit/redirect that goes through a move step by step, without TLS; and several of them, each stopped in another phase."""

import base64
import hashlib
import hmac
import json
import re
import subprocess

from live import GODWITCTL, LINKED, SECONDS, Irc, wait_for
from people import Person

MOVING = LINKED + ", guest, redirect, balance, even"
SHORT = "redirect: {offer-timeout: 2s, sync-timeout: 1s, pending-timeout: 3s, joined-timeout: 3s}\n"


def unbase64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def proof_of(wanted, token, binding=b""):
    """Of HANDOVER; `binding` is that of the new connection, nothing without TLS."""
    digest = hmac.digest(unbase64(token), b"godwit redirect" + unbase64(wanted) + binding, hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


class Mover(Person):
    """`sock` is the connection in use, `new` the other one; `seen` goes on over the swap."""

    def __init__(self, port, nick, caps="", **settings):
        super().__init__(port, nick, caps=f"godwit/redirect {caps}".strip(), **settings)
        self.new = None
        self.id = None

    def requested(self):
        line = self.expect(r" REDIRECT REQUEST ")
        self.id, self.to, port, fingerprint, self.token = line.split(" REQUEST ")[1].split(" ")
        assert fingerprint == "-"
        self.to_port = int(port)
        return self

    def dial(self):
        self.new = Irc(self.to_port)
        return self

    def hand_over(self):
        self.new.send(f"REDIRECT HANDOVER {self.id} {proof_of(self.id, self.token)}")
        return self

    def sync_due(self):
        self.expect(rf" REDIRECT SYNC {self.id}$")
        return self

    def synced(self):
        self.send(f"REDIRECT SYNCED {self.id}")
        return self

    def left(self):
        """The old connection has ended, with nothing more on it."""
        start = len(self.seen)
        self.eof()
        assert self.seen[start:] == [], self.seen[start:]
        return self

    def swap(self):
        self.sock.close()
        self.sock, self.buffer, self.new = self.new.sock, self.new.buffer, None
        self.send(f"REDIRECT SWAP {self.id}")
        return self

    def cancelled(self, seconds=SECONDS):
        self.expect(rf" REDIRECT CANCEL {self.id} :", seconds)
        self.drop_new()
        return self

    def drop_new(self):
        if self.new:
            self.new.close()
            self.new = None

    def refuse(self, reason="Not now"):
        self.send(f"REDIRECT REFUSE {self.id} :{reason}")
        return self

    def move(self):
        """All of it."""
        return self.requested().dial().hand_over().sync_due().synced().left().swap()

    def said_by(self, nick):
        """The numbers that somebody has said in messages to this client, in the order in which they came."""
        self.sync()
        found = (re.search(rf":{nick}!\S+ PRIVMSG \S+ :(\d+)$", line) for line in self.seen)
        return [int(one[1]) for one in found if one]

    def close(self):
        self.drop_new()
        super().close()


# How far a move has come, with what takes it there from the phase before.
PHASES = {
    "asked": lambda m: m.requested(),
    "dialled": lambda m: m.requested().dial(),
    "sync": lambda m: m.requested().dial().hand_over().sync_due(),
    "left": lambda m: m.requested().dial().hand_over().sync_due().synced().left(),
    "moved": lambda m: m.move(),
}


class Order:
    """A command of godwitctl that goes on while the test does something else."""

    def __init__(self, server, *words):
        command = [GODWITCTL, "--socket", server.folder / "state" / "control.sock", *words]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def end(self, seconds=SECONDS):
        """(exit status, what it printed)"""
        out, err = self.process.communicate(timeout=seconds)
        return self.process.returncode, out + err

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def pending(net):
    """What the servers still know of moves, "" if nothing."""
    figures = {server.name: server.status()["redirects.pending"] for server in net if server.process.poll() is None}
    return ", ".join(f"{name}: {figure}" for name, figure in figures.items() if figure != "0 from here, 0 to here")


def wait_takes(server, *names):
    """Until that server has heard that these take clients: a report comes up to a second after a server has come into sight."""

    def known():
        rows = json.loads(server.ctl("balance", "--json"))
        states = {row["server"].split(".")[0]: row["state"] for row in rows if "server" in row}
        return all(states.get(name) == "takes" for name in names)

    wait_for(known, lambda: f"reports of {', '.join(names)}\n{server.ctl('balance')}")
