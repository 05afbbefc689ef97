"""Real servers in folders of their own, alone or linked, and a client that speaks IRC to them: what the tests here share."""

import contextlib
import json
import os
import pathlib
import queue
import random
import re
import signal
import socket
import ssl
import subprocess
import threading
import time

from wire import Cable, Relays, process_of

BUILD = pathlib.Path(os.environ["GODWIT_BUILD"])
GODWIT = BUILD / "godwit"
GODWITCTL = BUILD / "godwitctl"
SECONDS = 20
GIVEN = set()  # ports that are some server's already
ALL = "store, services, network, client, account, channel, message, query, monitor, oper, control"
LINKED = ALL.replace("network, ", "network, link, burst, ")
# All servers of a test have one address, and nobody is spared by waiting.
QUICK = "retry-least: 1s, retry-most: 1s, attempts-per-address: 64, attempts-bucket: 10000, attempts-refill: 0s"
# Figures of `status` that are the same on servers that have told each other all.
LEVEL = ("services-digest", "live-digest", "users", "channels")


def is_free(port):
    with socket.socket() as s:
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(steps=(0, 30, 60), n=3):
    """The first of `n` ports; those so many steps higher are free, too. Not from the range that the system gives to outgoing connections:
    one of those might take it before the server does. Nor what a test beside this one may take."""
    lane, lanes = map(int, os.environ.get("GODWIT_TEST_LANE", "0/1").split("/"))
    width = 8000 // lanes
    while True:
        first = 24000 + lane * width + random.randrange(max(0, -min(steps)), width - max(steps) - n)
        ports = {first + step + i for step in steps for i in range(n)}
        if not ports & GIVEN and all(map(is_free, ports)):
            GIVEN.update(ports)
            return first


def free_port():
    return free_ports((0,), 1)


class Server:
    """godwit with the given modules; `more` is further configuration."""

    process, program = None, GODWIT
    fds = ()  # what else a process is started with

    def __init__(self, folder, modules=ALL, more="", exempt=True, env=None, name="test.example.net", link=None, start=True):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.plain, self.tls = free_port(), free_port()
        self.name, self.link_port = name, link
        self.modules = modules
        self.env = {**os.environ, **(env or {})}
        text = (
            f"server: {name}\nnetwork-name: Test\nstate-directory: state\n"
            f"modules: [{modules}]\n"
            "listen:\n"
            f'  - {{address: "127.0.0.1:{self.plain}", tls: no}}\n'
            f'  - {{address: "127.0.0.1:{self.tls}", tls: yes}}\n'
        )
        if link:
            text += f'  - {{address: "127.0.0.1:{link}", protocol: link}}\n'
        if exempt and "client:" not in more:
            more += 'client: {exempt: [127.0.0.0/8, "::1"]}\n'
        (self.folder / "godwit.yaml").write_text(text + more)
        if start:
            self.start()

    def start(self, *wrap, verb=()):
        self.launch(*wrap, verb=verb)
        self.wait_ready()

    def launch(self, *wrap, verb=()):
        self.out, self.err = queue.Queue(), []
        self.process = subprocess.Popen(
            [*wrap, self.program, "-c", self.folder / "godwit.yaml", *verb],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.env, pass_fds=self.fds,
        )
        threading.Thread(target=self._pump_out, args=(self.process.stdout, self.out), daemon=True).start()
        threading.Thread(target=self._pump_err, args=(self.process.stderr, self.err), daemon=True).start()

    def wait_ready(self):
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

    def verb(self, *words):
        """A verb that ends by itself; what it printed."""
        result = subprocess.run([self.program, "-c", self.folder / "godwit.yaml", *words], capture_output=True, text=True, timeout=60, env=self.env)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def status(self):
        return {row["key"]: row["value"] for row in json.loads(self.ctl("status", "--json"))}

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


@contextlib.contextmanager
def running(one):
    """A server or a network, until the end of the block: it stops as asked, and is gone in any case."""
    try:
        yield one
        one.stop()
    finally:
        one.close()


class Network:
    """Servers linked as the pairs say: Network(folder, "a-b b-c") makes a, joins b to a and c to b, by the commands that operators type.
    `link` are options of that module, `own` more configuration by server. Each link lies on a cable (wire.py) that `cable("a-b")` gives;
    there is no way between two servers that are no pair."""

    def __init__(self, folder, pairs, modules=LINKED, more="", small=False, link=QUICK, env=None, own=None):
        self.folder = pathlib.Path(folder)
        self.pairs = [tuple(pair.split("-")) for pair in pairs.split()]
        self.cables = {frozenset(pair): Cable() for pair in self.pairs}
        self.relays, self.servers, self.ways = Relays(), {}, {}
        try:
            for name in dict.fromkeys(name for pair in self.pairs for name in pair):
                self._make(name, modules, link, more + (own or {}).get(name, ""), env, small)
            first = self.pairs[0][0]
            self[first].verb("init", f"{first}.test")
            self[first].start()
            for parent, name in self.pairs:
                self.join(name, parent)
            self.wait_level()
        except BaseException:
            self.close()
            raise

    def _make(self, name, modules, link, more, env, small):
        port = free_port()
        self.ways[name] = self.relays.relay(port, lambda dialler: self._cable_of(dialler, name), small)
        near = [f"{other}.test" for pair in self.pairs if name in pair for other in pair if other != name]
        link = f"link: {{advertise: ['{self.address(name)}'], uplinks: [{', '.join(near)}], {link}}}\nburst: {{open-after: 2s}}\n"
        self.servers[name] = Server(self.folder / name, modules, link + more, env=env, name=f"{name}.test", link=port, start=False)

    def __getitem__(self, name):
        return self.servers[name]

    def __iter__(self):
        return iter(self.servers.values())

    def address(self, name):
        return f"127.0.0.1:{self.ways[name]}"

    def key(self, name):
        return self[name].verb("keygen").split()[0]

    def join(self, name, parent, start=True):
        """One command on the network, one on the new machine."""
        self[parent].ctl("server", "add", f"{name}.test", self.key(name))
        if start:
            self[name].start(verb=("join", self.address(parent), self.key(parent)))

    def _cable_of(self, dialler, name):
        pids = {server.process.pid: other for other, server in self.servers.items() if server.process}
        return self.cables.get(frozenset((name, pids.get(process_of(dialler, pids)))))

    def cable(self, pair):
        return self.cables[frozenset(pair.split("-"))]

    def cut(self, *pairs):
        for pair in pairs:
            self.relays.cut(self.cable(pair))

    def heal(self, *pairs):
        for pair in pairs:
            self.cable(pair).whole = True

    def sides(self):
        """The names of the servers that should be in sight of each other now."""
        groups = {name: {name} for name in self.servers if self[name].process and self[name].process.poll() is None}
        for pair in self.pairs:
            if self.cables[frozenset(pair)].whole and all(name in groups for name in pair):
                joined = groups[pair[0]] | groups[pair[1]]
                for name in joined:
                    groups[name] = joined
        return {frozenset(group) for group in groups.values()}

    def sights(self):
        return {name: self[name].status() for name in self.servers if self[name].process.poll() is None}

    def unlevel(self):
        """What is not yet the same where it should be, in words; "" when all is."""
        sights = self.sights()
        for side in self.sides():
            for figure in LEVEL:
                if len({sights[name].get(figure) for name in side}) > 1:
                    return f"{figure}: " + ", ".join(f"{name} {sights[name].get(figure)}" for name in sorted(side))
            for name in side:
                seen = {key[len("vector."):] for key in sights[name] if key.startswith("vector.")}
                if seen != {f"{other}.test" for other in side}:
                    return f"{name} sees {', '.join(sorted(seen))}"
        return ""

    def wait_level(self, seconds=SECONDS):
        """Until the servers that can reach each other do, and hold the same databases and the same live network."""
        wait_for(lambda: not self.unlevel(), self.unlevel, seconds)

    def stop(self):
        for server in self:
            if server.process and server.process.poll() is None:
                server.stop()

    def close(self):
        for server in self:
            if server.process:
                server.close()
        self.relays.close()
