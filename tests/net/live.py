"""A real server in a folder of its own, and a client that speaks IRC to it: what the tests here share."""

import os
import pathlib
import queue
import re
import signal
import socket
import ssl
import subprocess
import threading
import time

BUILD = pathlib.Path(os.environ["GODWIT_BUILD"])
GODWIT = BUILD / "godwit"
GODWITCTL = BUILD / "godwitctl"
SECONDS = 20
ALL = "store, services, network, client, account, channel, message, query, monitor, oper, control"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """godwit with the given modules; `more` is further configuration."""

    def __init__(self, folder, modules=ALL, more="", exempt=True, env=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.plain, self.tls = free_port(), free_port()
        self.modules = modules
        self.env = {**os.environ, **(env or {})}
        text = (
            "server: test.example.net\nnetwork-name: Test\nstate-directory: state\n"
            f"modules: [{modules}]\n"
            "listen:\n"
            f'  - {{address: "127.0.0.1:{self.plain}", tls: no}}\n'
            f'  - {{address: "127.0.0.1:{self.tls}", tls: yes}}\n'
        )
        if exempt and "client:" not in more:
            more += 'client: {exempt: [127.0.0.0/8, "::1"]}\n'
        (self.folder / "godwit.yaml").write_text(text + more)
        self.process = None
        self.start()

    def start(self, *wrap):
        self.out, self.err = queue.Queue(), []
        self.process = subprocess.Popen(
            [*wrap, GODWIT, "-c", self.folder / "godwit.yaml"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.env,
        )
        threading.Thread(target=self._pump_out, args=(self.process.stdout, self.out), daemon=True).start()
        threading.Thread(target=self._pump_err, args=(self.process.stderr, self.err), daemon=True).start()
        deadline = time.monotonic() + SECONDS
        while True:
            line = self.out.get(timeout=max(0.1, deadline - time.monotonic()))
            assert line is not None, "the server did not start:\n" + "".join(self.err)
            if line.startswith("ready"):
                return

    @staticmethod
    def _pump_out(stream, lines):
        for line in stream:
            lines.put(line)
        lines.put(None)

    @staticmethod
    def _pump_err(stream, lines):
        for line in stream:
            lines.append(line)

    def ctl(self, *words, check=True):
        result = subprocess.run(
            [GODWITCTL, "--socket", self.folder / "state" / "control.sock", *words],
            capture_output=True, text=True, timeout=60,
        )
        assert not check or result.returncode == 0, result.stderr
        return result.stdout

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(SECONDS)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        assert self.process.wait(SECONDS) == 0, "".join(self.err[-50:])

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class Irc:
    """A connection; lines are matched with regular expressions, in the order in which they come."""

    def __init__(self, port, tls=False, cert=None):
        self.sock = socket.create_connection(("127.0.0.1", port), SECONDS)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            if cert:
                context.load_cert_chain(cert)
            self.sock = context.wrap_socket(self.sock)
        self.buffer = b""
        self.seen = []

    def send(self, *lines):
        for line in lines:
            self.raw(line.encode() + b"\r\n")

    def raw(self, data):
        self.sock.sendall(data)

    def line(self, seconds=SECONDS):
        """The next line, None at the end of the connection."""
        deadline = time.monotonic() + seconds
        while b"\n" not in self.buffer:
            self.sock.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                data = self.sock.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                return None
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        assert line.endswith(b"\r"), f"a line without CR: {line!r}"
        text = line[:-1].decode()
        self.seen.append(text)
        return text

    def expect(self, pattern, seconds=SECONDS):
        """The first line that matches; what comes before it is passed over (and kept in `seen`)."""
        start = len(self.seen)
        while True:
            try:
                line = self.line(seconds)
            except TimeoutError:
                line = None
            if line is None:
                raise AssertionError(f"no line like {pattern!r} in\n" + "\n".join(self.seen[start:]))
            if re.search(pattern, line):
                return line

    def sync(self, token="sync"):
        """All lines up to the answer of a PING: whatever was caused so far is among them."""
        start = len(self.seen)
        self.send(f"PING {token}")
        self.expect(rf" PONG \S+ :?{token}$")
        return self.seen[start:-1]

    def eof(self):
        while self.line() is not None:
            pass

    def register(self, nick, password="correct horse"):
        self.send(f"NICK {nick}", f"USER {nick} 0 * :{nick}", f"REGISTER * * :{password}")
        self.expect(r" 001 ")
        self.sync()
        return self

    def login(self, nick, password="correct horse"):
        self.send(f"PASS :{nick}:{password}", f"NICK {nick}", f"USER {nick} 0 * :{nick}")
        self.expect(r" 001 ")
        self.sync()
        return self

    def close(self):
        self.sock.close()


def wait_for(condition, what, seconds=SECONDS):
    """Waits for something outside (another program's screen, a file); polls, as there is nothing to wait on."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what() if callable(what) else what}"
        time.sleep(0.05)
