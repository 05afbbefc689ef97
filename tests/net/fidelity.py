"""What the tests of the agent's fidelity share: the agent itself, a server that says what it is told to, and a tap that records what passes."""

import contextlib
import json
import select
import socket
import ssl
import struct
import threading
import time

from live import SECONDS, Server, free_port

WAIT = 5  # seconds, for what should come at once
OWN = b"CAP REQ :godwit/redirect\r\n"  # what the agent says itself, behind 001
WELCOME = b":fake.test 001 anna :Welcome\r\n"
HELLO = b"NICK anna\r\nUSER anna 0 * :Anna\r\n"


class Agent(Server):
    """godwit as an agent, for clients without TLS at `plain`; `to` are ports of servers here."""

    def __init__(self, folder, *to, tls=False, more=""):
        self.upstream = ", ".join(f'"127.0.0.1:{port}"' for port in to)
        self.with_tls, self.more = tls, more
        super().__init__(folder, "agent, control", exempt=False, name="agent.test", start=False)
        (self.folder / "godwit.yaml").write_text(
            "server: agent.test\nstate-directory: state\nmodules: [agent, control]\n"
            f'listen:\n  - {{address: "127.0.0.1:{self.plain}", protocol: agent, tls: no}}\n'
            f"agent: {{upstream: [{self.upstream}], tls: {'yes' if tls else 'no'}, clients: 1000{more}}}\n")
        self.start()

    def sessions(self):
        return json.loads(self.ctl("session", "list", "--json"))


class End:
    """One end of a connection, as bytes."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.got = b""

    def send(self, data):
        self.sock.settimeout(SECONDS)
        self.sock.sendall(data)

    def take(self, n):
        """The next `n` bytes; fewer, if the connection ends before or nothing comes."""
        while len(self.got) < n and self.more(WAIT):
            pass
        taken, self.got = self.got[:n], self.got[n:]
        return taken

    def fill(self, n):
        """Reads up to `n` bytes into `got`."""
        pieces, have = [self.got], len(self.got)
        self.sock.settimeout(WAIT)
        while have < n:
            data = self.sock.recv(1 << 20)
            if not data:
                break
            pieces.append(data)
            have += len(data)
        self.got = b"".join(pieces)

    def until(self, mark):
        """All up to `mark` and with it."""
        while mark not in self.got:
            assert self.more(WAIT), f"no {mark!r} behind {self.got[-200:]!r}"
        n = self.got.index(mark) + len(mark)
        return self.take(n)

    def more(self, seconds):
        """False: nothing came, or the end."""
        self.sock.settimeout(seconds)
        try:
            data = self.sock.recv(1 << 20)
        except (TimeoutError, ConnectionResetError):
            return False
        self.got += data
        return data != b""

    def rest(self):
        """All up to the end; how it ended: "closed" or "reset"."""
        self.sock.settimeout(SECONDS)
        try:
            while data := self.sock.recv(1 << 20):
                self.got += data
            how = "closed"
        except ConnectionResetError:
            how = "reset"
        rest, self.got = self.got, b""
        return rest, how

    def end_writing(self):
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        self.sock.close()


class Fake:
    """A server that accepts, and does nothing by itself."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.port = free_port()
        self.listener.bind(("127.0.0.1", self.port))
        self.listener.listen(64)
        self.listener.settimeout(SECONDS)

    def accept(self):
        return End(self.listener.accept()[0])

    def close(self):
        self.listener.close()


def dial(port, tls=False):
    sock = socket.create_connection(("127.0.0.1", port), SECONDS)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        sock = context.wrap_socket(sock)
    return End(sock)


def joined(port, fake):
    """A client and its server, behind the registration, when the agent has said its own line."""
    client = dial(port)
    client.send(HELLO)
    server = fake.accept()
    while not server.got and not server.more(WAIT):
        server = fake.accept()  # that one was for the client of a test before
    assert server.take(len(HELLO)) == HELLO
    server.send(WELCOME)
    assert client.take(len(WELCOME)) == WELCOME
    assert server.take(len(OWN)) == OWN
    server.send(b":fake.test CAP anna ACK :godwit/redirect\r\n")
    return client, server


class Tap:
    """Lies between the agent and a server, and records all bytes of each connection: `said` by the agent, `heard` by it."""

    def __init__(self, to):
        self.to, self.said, self.heard = to, bytearray(), bytearray()
        self.fake = Fake()
        self.port = self.fake.port
        self.fake.listener.settimeout(None)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                near = self.fake.listener.accept()[0]
                far = socket.create_connection(("127.0.0.1", self.to), SECONDS)
                for way in ((near, far, self.said), (far, near, self.heard)):
                    threading.Thread(target=self._carry, args=way, daemon=True).start()

    @staticmethod
    def _carry(source, target, record):
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                record += data
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def close(self):
        self.fake.close()


class Closing:
    """What is started in a block and ends with it, the last one first."""

    def __init__(self):
        self.things = []

    def enter(self, thing):
        self.things.append(thing)
        return thing


@contextlib.contextmanager
def running_all(*things):
    """They run until the end of the block; more may be entered."""
    closing = Closing()
    closing.things.extend(things)
    try:
        yield closing
    finally:
        for thing in reversed(closing.things):
            thing.close()


def is_quiet(end, seconds=0.2):
    """Whether nothing comes for a while."""
    return not end.got and not select.select([end.sock], [], [], seconds)[0]


def wait_level_off(figure, seconds=0.5):
    """Until a figure that grows no longer does; gives it. That nothing happens can only be seen in time."""
    last, since, deadline = figure(), time.monotonic(), time.monotonic() + SECONDS
    while time.monotonic() - since < seconds:
        assert time.monotonic() < deadline, "it goes on growing"
        time.sleep(0.02)
        now = figure()
        if now != last:
            last, since = now, time.monotonic()
    return last
