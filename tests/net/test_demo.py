"""The network of `./bootstrap run`: whatever was there before, it ends as three linked servers. run-all: beside timeout=400"""

import hashlib
import os
import pathlib
import random
import re
import shlex
import signal
import ssl
import subprocess
import threading
import time

import pytest
from live import BUILD, GODWITCTL, SECONDS, Irc, free_ports, wait_for

# Who starts the tests in the background may have had it ignored, which a shell cannot undo.
signal.signal(signal.SIGINT, signal.default_int_handler)

SRC = pathlib.Path(os.environ["GODWIT_SRC"])
NAMES = ["one", "two", "three"]
PORTS = (-7, 0, 30, 60)  # the agent's, and those of the servers for plain clients, for TLS, for links


class Demo:
    """One run of it; `lines` is its standard output, `log` its standard error."""

    def __init__(self, folder, port):
        self.folder, self.port = folder, port
        self.lines, self.log = [], []
        self.began = time.monotonic()
        self.process = subprocess.Popen([SRC / "conf" / "run-demo", BUILD, folder, str(port)], stdin=subprocess.DEVNULL, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        self.readers = [threading.Thread(target=self.read, args=way, daemon=True)
                        for way in ((self.process.stdout, self.lines), (self.process.stderr, self.log))]
        for reader in self.readers:
            reader.start()

    @staticmethod
    def read(stream, lines):
        for line in stream:
            lines.append(line.rstrip("\n"))

    def is_ready(self):
        assert self.process.poll() is None, "\n".join(self.log[-40:])
        return any(line.startswith("ready ") for line in self.lines)

    def ready(self, seconds=40):
        wait_for(self.is_ready, lambda: "ready\n" + "\n".join(self.log[-40:]), seconds)
        assert len([line for line in self.lines if line.startswith("ready")]) == 1
        for name in NAMES:
            assert re.findall(r"\w+(?=\.godwit\.test )", self.ctl(name, "map"))
        return self

    def ctl(self, name, *words):
        return subprocess.run([GODWITCTL, "-s", name, *words], capture_output=True, text=True, timeout=30, check=True,
                              env={**os.environ, "GODWIT_RUN_DIR": str(self.folder)}).stdout

    def pids(self):
        """Of the servers that run in the folder, and the agent."""
        found = {}
        for name in [*NAMES, "agent"]:
            for copies in (self.folder / name / "modules.live").glob("*"):
                if os.path.exists(f"/proc/{copies.name}/stat"):
                    found[name] = int(copies.name)
        return found

    def end(self, number=signal.SIGINT):
        """As Ctrl-C does: the signal reaches all of them."""
        os.killpg(self.process.pid, number) if number == signal.SIGINT else self.process.send_signal(number)
        code = self.process.wait(SECONDS)
        wait_for(lambda: not self.pids(), "the servers' end")
        return code


@pytest.fixture
def demo(tmp_path):
    runs, port = [], free_ports(PORTS)

    def one(port=port):
        runs.append(Demo(tmp_path / "run", port))
        return runs[-1]

    yield one
    for run in runs:
        if run.process.poll() is None:
            run.process.terminate()
            run.process.wait(SECONDS)
    for pid in runs[-1].pids().values():
        os.kill(pid, signal.SIGKILL)


def chat(port, steps=(0, 2)):
    """Somebody on one and somebody on three see and hear each other."""
    nicks = [f"n{random.randrange(1 << 30)}" for _ in range(2)]
    anna, zoe = (Irc(port + step).register(nick) for step, nick in zip(steps, nicks))
    anna.send("JOIN #demo")
    anna.sync()
    zoe.send("JOIN #demo")
    anna.expect(rf"^:{nicks[1]}!\S+ JOIN #demo")
    zoe.expect(rf" 353 .*\b{nicks[0]}\b|^:{nicks[0]}!\S+ JOIN #demo")
    zoe.send("PRIVMSG #demo :hello")
    anna.expect(" PRIVMSG #demo :hello$")
    anna.close()
    zoe.close()


def test_three_servers_in_a_chain_that_ctrl_c_ends(demo):
    run = demo().ready()
    text = "\n".join(run.lines)
    for n in range(3):
        assert f"connect: 127.0.0.1 {run.port + n} " in text and f"with TLS: 127.0.0.1 {run.port + 30 + n} " in text
    assert f"connect your client to 127.0.0.1 {run.port - 7} " in text
    assert re.search(r"godwitctl'? map", text) and re.search(r"godwitctl'? status", text)
    rows = [line.split() for line in run.ctl("one", "map").splitlines()]
    assert [[word for word in row if ".test" in word][1:] for row in rows] == [
        ["one.godwit.test"], ["two.godwit.test", "one.godwit.test"], ["three.godwit.test", "two.godwit.test"]]
    chat(run.port)
    chat(run.port, (-7, 2))
    assert run.end() == 0
    again = demo().ready()
    assert time.monotonic() - again.began < 20
    chat(again.port)
    chat(again.port, (-7, -7))
    assert again.end(signal.SIGTERM) == 0


def test_other_ports_at_the_next_start(demo):
    demo().ready().end()
    run = demo(free_ports(PORTS)).ready()
    chat(run.port)
    chat(run.port, (-7, 2))
    listed = run.ctl("three", "server", "list")
    assert all(f"127.0.0.1:{run.port + 60 + n}" in listed for n in range(3))


def test_kill_9_of_it_leaves_nothing_behind_and_it_starts_again(demo):
    run = demo().ready()
    run.process.kill()
    run.process.wait()
    wait_for(lambda: not run.pids(), "the servers' end")
    run = demo().ready()
    os.killpg(run.process.pid, signal.SIGKILL)
    run.process.wait()
    chat(demo().ready().port)


def test_a_second_start_takes_over_from_the_first(demo):
    first = demo().ready()
    second = demo().ready()
    assert first.process.wait(SECONDS) is not None
    chat(second.port)


def test_servers_left_from_elsewhere_are_ended_by_their_pid(demo):
    run = demo().ready()
    run.end()
    left = subprocess.Popen([BUILD / "godwit", "-c", run.folder / "two" / "godwit.yaml"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert left.stdout.readline()
        chat(demo().ready().port)
        assert left.wait(SECONDS) == 0
    finally:
        left.kill()


def test_a_server_that_dies_is_told_and_can_be_started_again(demo):
    run = demo().ready()
    os.kill(run.pids()["two"], signal.SIGKILL)
    wait_for(lambda: any("two has ended with status 137" in line for line in run.log), "the report")
    command = next(line.split("again: ")[1] for line in run.log if "start it again" in line)
    again = subprocess.Popen(shlex.split(command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: len(re.findall(r"godwit\.test", run.ctl("one", "map"))) >= 5, "the network")
        chat(run.port)
    finally:
        again.terminate()
        again.wait(SECONDS)
    assert run.end() == 0


def test_an_agent_that_dies_is_told_and_can_be_started_again(demo):
    run = demo().ready()
    os.kill(run.pids()["agent"], signal.SIGKILL)
    wait_for(lambda: any("agent has ended with status 137" in line for line in run.log), "the report")
    command = next(line.split("again: ")[1] for line in run.log if "start it again" in line)
    again = subprocess.Popen(shlex.split(command), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        while not again.stdout.readline().startswith("ready "):
            assert again.poll() is None
        chat(run.port, (-7, 2))
    finally:
        again.terminate()
        assert again.wait(SECONDS) == 0
    assert run.end() == 0


def test_the_agent_takes_no_other_certificate_than_those_of_the_servers(demo):
    run = demo().ready()
    config = (run.folder / "agent" / "godwit.yaml").read_text()
    for name in NAMES:
        cert = (run.folder / name / "tls.crt").read_text()
        assert hashlib.sha256(ssl.PEM_cert_to_DER_cert(cert)).hexdigest() in config
    assert run.end() == 0


@pytest.mark.parametrize("turn", range(4))
def test_a_first_start_may_be_killed_anywhere(demo, turn):
    run = demo()
    # By what it says it is doing, then a moment more.
    wait_for(lambda: len([line for line in run.log if line.startswith("run: on ")]) > turn, "its steps", 40)
    time.sleep(random.uniform(0, 0.3))
    os.killpg(run.process.pid, signal.SIGKILL)
    run.process.wait()
    chat(demo().ready().port)


def test_a_server_whose_folder_is_lost_joins_anew(demo):
    run = demo().ready()
    run.end()
    subprocess.run(["rm", "-r", run.folder / "three"], check=True)
    chat(demo().ready().port)


def test_a_configuration_changed_by_hand_is_kept(demo):
    run = demo().ready()
    run.end()
    config = run.folder / "two" / "godwit.yaml"
    config.write_text(config.read_text() + "description: mine\n")
    demo().ready().end()
    assert "description: mine" in config.read_text()
