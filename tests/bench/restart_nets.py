"""Networks of two servers, `a` and `b`, of different makes: what tests/bench/restart restarts one of.

Each is started in a scratch folder with as little in the way of its clients as its make allows: no look-ups, no throttles, links dialled
anew as soon as it can be configured to.
"""

import os
import signal
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "net"))
os.environ.setdefault("GODWIT_BUILD", os.path.join(HERE, "../../build"))

import servers as table  # noqa: E402
from fidelity import Agent  # noqa: E402
from live import LINKED, Network, free_ports  # noqa: E402

SECONDS = 60  # a process's end, a port's beginning
GODWIT_MORE = "account: {iterations: 4096}\n"

INSPIRCD = """<server name="@NAME@.test" description="bench" network="Bench" id="@ID@">
<admin name="bench" nick="bench" email="bench@bench.example.net">
<bind address="127.0.0.1" port="@PORT@" type="clients">
<bind address="127.0.0.1" port="@LINK@" type="servers">
<module name="spanningtree">
<module name="monitor">
<link name="@OTHER@.test" ipaddr="127.0.0.1" port="@OTHER_LINK@" allowmask="127.0.0.1/32" timeout="5s" sendpass="bench" recvpass="bench">
<autoconnect period="1s" server="@OTHER@.test">
<connect allow="*" timeout="60" pingfreq="1h" hardsendq="64M" softsendq="64M" recvq="1M" threshold="1000000" commandrate="1000000000"
         fakelag="no" localmax="100000" globalmax="100000" maxconnwarn="no" resolvehostnames="no" useident="no" useconnectban="no"
         useconnflood="no" limit="100000">
<options pingwarning="0">
"""

NGIRCD = """[Global]
	Name = @NAME@.test
	Info = bench
	AdminInfo1 = bench
	Listen = 127.0.0.1
	Ports = @PORT@,@LINK@

[Limits]
	MaxConnections = 0
	MaxConnectionsIP = 0
	MaxJoins = 0
	MaxPenaltyTime = 0
	PingTimeout = 3600
	PongTimeout = 3600
	ConnectRetry = 5

[Options]
	DNS = no
	Ident = no
	PAM = no
	NoticeBeforeRegistration = no
	RequireAuthPing = no
	IncludeDir = @DIR@/none

[Server]
	Name = @OTHER@.test
	Host = 127.0.0.1
	Port = @OTHER_LINK@
	MyPassword = bench
	PeerPassword = bench
	Passive = @PASSIVE@
"""


class Godwit:
    """As an operator restarts it: SIGTERM, which drains it into the other server as far as its clients can be moved."""

    accounts, monitor = True, True

    def __init__(self, folder, modules=""):
        self.net = Network(os.path.join(folder, "net"), "a-b", modules=LINKED + modules, more=GODWIT_MORE)
        self.ports = {name: self.net[name].plain for name in "ab"}

    @staticmethod
    def missing(build):
        return "" if os.access(os.path.join(build, "godwit"), os.X_OK) else "godwit is not built"

    def restart(self):
        server = self.net["a"]
        server.process.terminate()
        server.process.wait(SECONDS)
        server.start()

    def wait_linked(self):
        self.net.wait_level(SECONDS)

    def close(self):
        self.net.close()


class Behind(Godwit):
    """The same; those on `a` come through the agent, which has TLS to the server."""

    def __init__(self, folder, modules=""):
        super().__init__(folder, modules)
        try:
            self.agent = Agent(os.path.join(folder, "agent"), self.net["a"].tls, tls=True)
        except BaseException:
            super().close()
            raise
        self.ports["a"] = self.agent.plain

    def close(self):
        self.agent.close()
        super().close()


class Peer:
    """InspIRCd or ngIRCd, from the template and the command line that a subclass gives."""

    accounts, monitor = False, False
    config = text = ""

    def __init__(self, folder):
        first = free_ports((0, 10), 2)
        self.ports = {"a": first, "b": first + 1}
        self.links = {"a": first + 10, "b": first + 11}
        self.folders, self.processes = {}, {}
        for name, other in ("ab", "ba"):
            self.folders[name] = os.path.join(folder, name)
            os.makedirs(self.folders[name])
            self.configure(name, other)
            self.start(name)

    def configure(self, name, other):
        text = self.text
        for key, value in (("NAME", name), ("ID", "1AA" if name == "a" else "2BB"), ("OTHER_LINK", self.links[other]), ("OTHER", other),
                           ("PORT", self.ports[name]), ("LINK", self.links[name]), ("DIR", self.folders[name]),
                           ("PASSIVE", "yes" if name == "b" else "no")):
            text = text.replace(f"@{key}@", str(value))
        table.write(self.path(name), text)

    def path(self, name):
        return os.path.join(self.folders[name], self.config)

    @classmethod
    def binary(cls):
        return table.package_binary(cls.config.split(".")[0])("")

    @classmethod
    def missing(cls, build):
        return "" if cls.binary() else f"{cls.config.split('.')[0]} is not installed"

    def start(self, name):
        self.processes[name] = subprocess.Popen(self.command(name), cwd=self.folders[name], stdin=subprocess.DEVNULL,
                                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        table.wait_listening(self.processes[name], name, self.ports[name], seconds=SECONDS)

    def restart(self):
        self.processes["a"].send_signal(signal.SIGTERM)
        self.processes["a"].wait(SECONDS)
        self.start("a")

    def wait_linked(self):
        """Until somebody on one is known on the other."""
        deadline = time.monotonic() + SECONDS
        while not self.is_linked():
            assert time.monotonic() < deadline, "the servers do not link"
            time.sleep(0.2)

    def is_linked(self):
        with socket.create_connection(("127.0.0.1", self.ports["b"]), 5) as sock:
            sock.settimeout(5)
            stream = sock.makefile("rwb", buffering=0)
            stream.write(b"NICK probe\r\nUSER probe 0 * :probe\r\n")
            for line in stream:
                words = line.split()
                if words[0] == b"PING":
                    stream.write(b"PONG " + words[1] + b"\r\n")
                if words[1] in (b"376", b"422"):
                    stream.write(b"LINKS\r\n")
                if words[1] == b"364" and words[3] == b"a.test":
                    return True
                if words[1] == b"365":
                    return False
        return False

    def close(self):
        for process in self.processes.values():
            process.kill()
            process.wait()


class InspIRCd(Peer):
    config, text, monitor = "inspircd.conf", INSPIRCD, True

    def command(self, name):
        command = [self.binary(), "--nofork", "--nolog", "--nopid", "--config", self.path(name)]
        return command + ["--runasroot"] * (os.getuid() == 0)


class NgIRCd(Peer):
    config, text = "ngircd.conf", NGIRCD

    def command(self, name):
        os.chmod(os.path.dirname(self.folders[name]), 0o755)  # it becomes nobody
        return [self.binary(), "-n", "-f", self.path(name)]
