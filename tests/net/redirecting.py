"""A client with godwit/redirect that goes through a move on TLS, step by step (steps.py has it without): with proofs for its own connection, or
for another one. The ssl module of Python cannot export the binding of RFC 9266, so this is pyOpenSSL."""

import select
import socket
import time

from live import SECONDS, Irc
from OpenSSL import SSL
from people import Person
from steps import Mover, proof_of

LABEL = b"EXPORTER-Channel-Binding"


class TlsSocket:
    """What Irc needs of a socket, on TLS 1.3."""

    def __init__(self, port, host="127.0.0.1"):
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_min_proto_version(SSL.TLS1_3_VERSION)
        self.raw = socket.create_connection((host, port), SECONDS)
        self.raw.setblocking(False)
        self.tls = SSL.Connection(context, self.raw)
        self.tls.set_connect_state()
        self.seconds = SECONDS
        self._do(self.tls.do_handshake)

    def _do(self, call, *arguments):
        deadline = time.monotonic() + self.seconds
        while True:
            try:
                return call(*arguments)
            except SSL.WantReadError:
                waits = ([self.raw], [], [])
            except SSL.WantWriteError:
                waits = ([], [self.raw], [])
            if not any(select.select(*waits, max(0, deadline - time.monotonic()))):
                raise TimeoutError

    def settimeout(self, seconds):
        self.seconds = seconds

    def sendall(self, data):
        while data:
            data = data[self._do(self.tls.send, data):]

    def recv(self, size):
        try:
            return self._do(self.tls.recv, size)
        except SSL.ZeroReturnError:
            return b""
        except (SSL.SysCallError, SSL.Error):
            return b""  # ended without a word

    def close(self):
        self.raw.close()

    def binding(self):
        return self.tls.export_keying_material(LABEL, 32, None)

    def fingerprint(self):
        return self.tls.get_peer_certificate().digest("sha256").decode().replace(":", "").lower()


class TlsIrc(Irc):
    def __init__(self, port, host="127.0.0.1"):  # the other's opens a connection of another kind
        self.sock, self.buffer, self.seen = TlsSocket(port, host), b"", []


class TlsMover(Mover):
    """As Mover; `fingerprint` is what the last REQUEST said, None without TLS."""

    def __init__(self, port, nick, caps="", **settings):
        Person.__init__(self, port, nick, caps=f"godwit/redirect {caps}".strip(), tls=True, **settings)
        self.new = self.id = None

    def requested(self):
        words = self.expect(r" REDIRECT REQUEST ").split(" REQUEST ")[1].split(" ")
        self.id, self.to, port, self.fingerprint, self.token = words
        self.to_port = int(port)
        if self.fingerprint == "-":
            self.fingerprint = None
        return self

    def dial(self):
        self.new = TlsIrc(self.to_port, self.to)
        assert self.new.sock.fingerprint() == self.fingerprint, "the certificate is another one"
        return self

    def proof(self, connection=None):
        """For the new connection, or for another one."""
        return proof_of(self.id, self.token, (connection or self.new).sock.binding())

    def hand_over(self, proof=None):
        self.new.send(f"REDIRECT HANDOVER {self.id} {proof or self.proof()}")
        return self
