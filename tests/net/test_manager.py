"""godwit under a service manager: what it is told (sd_notify) and what it hands over (sockets), with this test in the manager's place.

run-all: beside
"""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time

import pytest
from live import GODWIT, SECONDS, Irc, free_port, wait_for

# What it takes to speak a protocol.
MODULES = "store, services, network, client, control"
# Puts the descriptors that its first argument lists at 3, 4, ..., as a manager does, and becomes the program.
HAND_OVER = """
import fcntl, os, sys
given = [int(fd) for fd in sys.argv[1].split()]
high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 100) for fd in given]
for fd in given:
    os.close(fd)
for i, fd in enumerate(high):
    os.dup2(fd, 3 + i)
    os.close(fd)
os.environ.update(LISTEN_FDS=str(len(high)), LISTEN_FDNAMES=sys.argv[2], LISTEN_PID=sys.argv[3].replace("self", str(os.getpid())))
os.execv(sys.argv[4], sys.argv[4:])
"""


class Manager:
    """The socket that a service tells its manager things on."""

    def __init__(self, address):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(address)
        self.heard = []

    def next(self, key, seconds=SECONDS):
        """The next message that has the key, as a mapping."""
        deadline = time.monotonic() + seconds
        while True:
            self.sock.settimeout(max(0.01, deadline - time.monotonic()))
            text = self.sock.recv(4096).decode()
            self.heard.append(dict(line.split("=", 1) for line in text.split("\n")))
            if key in self.heard[-1]:
                return self.heard[-1]

    def drain(self):
        with contextlib.suppress(BlockingIOError):
            self.sock.setblocking(False)
            while True:
                self.sock.recv(4096)


def managed(serve, manager, address, **env):
    server = serve(modules=MODULES, start=False, env={"NOTIFY_SOCKET": address, **env})
    server.manager = manager
    server.launch()
    return server


@pytest.fixture
def manager(tmp_path):
    one = Manager(str(tmp_path / "notify"))
    yield one
    one.sock.close()


def test_the_manager_is_told_of_start_rehash_and_stop(serve, manager):
    server = managed(serve, manager, manager.sock.getsockname())
    assert manager.next("READY") == {"READY": "1", "STATUS": "0 connections"}
    Irc(server.plain).close()  # at that moment the listeners are open
    assert "starting" in manager.heard[0]["STATUS"] or len(manager.heard) == 1
    before = time.monotonic_ns() // 1000
    server.process.send_signal(signal.SIGHUP)
    told = manager.next("RELOADING")
    assert told["RELOADING"] == "1" and before <= int(told["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
    assert manager.next("READY")["READY"] == "1"
    with (server.folder / "godwit.yaml").open("a") as config:
        config.write("nonsense: 1\n")
    server.process.send_signal(signal.SIGHUP)
    manager.next("RELOADING")
    assert manager.next("READY")["READY"] == "1", "what was in force still is"
    server.process.terminate()
    assert manager.next("STOPPING") == {"STOPPING": "1", "STATUS": "stopping: the server is shutting down"}
    assert server.process.wait(SECONDS) == 0


def test_the_status_counts_connections(serve, manager):
    server = managed(serve, manager, manager.sock.getsockname())
    manager.next("READY")
    with contextlib.closing(Irc(server.plain)) as irc:
        irc.send("PING x")
        server.process.send_signal(signal.SIGHUP)
        assert manager.next("READY")["STATUS"] == "1 connections"


def test_a_loop_that_hangs_is_noticed(serve):
    address = f"godwit-test-{os.getpid()}-{time.monotonic_ns()}"
    manager = Manager("\0" + address)
    server = managed(serve, manager, "@" + address, WATCHDOG_USEC="200000")
    manager.next("READY")
    for _ in range(3):
        manager.next("WATCHDOG", 0.2 * 10)
    server.process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, server.process.pid, os.WSTOPPED)
    manager.drain()  # what was sent before it hung
    assert select.select([manager.sock], [], [], 0.4) == ([], [], []), "a heartbeat without a heart"
    server.process.send_signal(signal.SIGCONT)
    manager.next("WATCHDOG")
    manager.sock.close()


def test_who_watches_another_process_gets_no_heartbeat(serve, manager):
    managed(serve, manager, manager.sock.getsockname(), WATCHDOG_USEC="50000", WATCHDOG_PID="1")
    manager.next("READY")
    with pytest.raises(TimeoutError):
        manager.next("WATCHDOG", 0.3)


def bound(address):
    sock = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(address)
    sock.listen(16)
    return sock


def hand_over(server, socks, names="", pid="self"):
    server.fds = [sock.fileno() for sock in socks]
    server.launch(sys.executable, "-c", HAND_OVER, " ".join(map(str, server.fds)), names, pid)


def refused(port):
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) != 0


def test_sockets_are_taken_from_the_manager(serve, tmp_path):
    server = serve(modules=MODULES, start=False)
    path = str(tmp_path / "irc.sock")
    config = server.folder / "godwit.yaml"
    without = config.read_text()
    config.write_text(without.replace("listen:\n", f"listen:\n  - {{address: 'unix:{path}', tls: no}}\n", 1))
    tcp, unix, stray = bound(("127.0.0.1", server.plain)), bound(path), bound(("127.0.0.1", 0))
    early = Irc(server.plain)  # before there is a server
    early.send("PING early")
    hand_over(server, [tcp, stray, unix], "irc:stray one:local")
    server.wait_ready()
    early.expect("PONG|451|ERROR")
    early.close()
    wait_for(lambda: any("no listener wants" in line for line in server.err), "the line about the stray")
    line = next(line for line in server.err if "no listener wants" in line)
    assert f'address="127.0.0.1:{stray.getsockname()[1]}"' in line and 'name="stray one"' in line
    stray_port = stray.getsockname()[1]
    stray.close()
    assert refused(stray_port)
    with socket.socket(socket.AF_UNIX) as local:
        local.connect(path)
    # A rehash closes it here; the manager's own copy is the manager's.
    config.write_text(without)
    assert f"unix:{path}" in server.ctl("rehash")
    assert os.path.exists(path)
    unix.close()
    with socket.socket(socket.AF_UNIX) as local, pytest.raises(ConnectionRefusedError):
        local.connect(path)
    server.stop()
    assert not refused(server.plain), "the manager's socket was shut down"
    tcp.close()
    assert refused(server.plain)


def test_sockets_for_another_process_are_left_alone(serve):
    server = serve(modules=MODULES, start=False)
    spare = bound(("127.0.0.1", free_port()))
    hand_over(server, [spare], pid="1")
    server.wait_ready()
    assert not any("no listener wants" in line for line in server.err)
    Irc(server.plain).close()
    spare.close()


def test_what_is_no_stream_socket_is_told_too(serve):
    server = serve(modules=MODULES, start=False)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        hand_over(server, [udp])
        server.wait_ready()
    wait_for(lambda: any("which is no stream socket" in line for line in server.err), "that line")


def test_a_check_tells_the_manager_nothing(tmp_path, manager):
    config = tmp_path / "godwit.yaml"
    config.write_text("server: a.example\nmodules: [control]\nstate-directory: state\n")
    env = {**os.environ, "NOTIFY_SOCKET": manager.sock.getsockname()}
    subprocess.run([GODWIT, "-t", "-c", config], env=env, check=True, capture_output=True)
    assert select.select([manager.sock], [], [], 0) == ([], [], [])
