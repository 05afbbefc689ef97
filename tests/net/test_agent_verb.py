"""`godwit agent HOST` without a file, as somebody runs it at home: where it keeps its things, what it costs, how it ends. run-all: beside"""

import os
import pathlib
import signal
import subprocess
import time

import pytest
from live import GODWIT, GODWITCTL, SECONDS, Irc, free_port, is_free, wait_for
from people import CHEAP, GUESTS

PORT = 6660  # that of conf/agent.yaml


class Home:
    """A user's home folder, and the agents that run there."""

    def __init__(self, folder):
        self.folder, self.running = folder, []
        self.state = folder / ".local" / "state" / "godwit-agent"
        self.env = {key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "GODWIT_"))}
        self.env["HOME"] = str(folder)

    def configure(self, text):
        place = self.folder / ".config" / "godwit"
        place.mkdir(parents=True)
        (place / "agent.yaml").write_text(text)

    def godwit(self, *words):
        return subprocess.run([GODWIT, *words], env=self.env, cwd="/", capture_output=True, text=True, timeout=SECONDS)

    def agent(self, *words):
        process = subprocess.Popen([GODWIT, "agent", *words], env=self.env, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.running.append(process)
        process.said = []
        while not (process.said and process.said[-1].startswith("ready ")):
            line = process.stdout.readline()
            assert line, process.stderr.read()
            process.said.append(line.rstrip("\n"))
        return process

    def ctl(self, *words):
        return subprocess.run([GODWITCTL, "--agent", *words], env=self.env, capture_output=True, text=True, timeout=SECONDS, check=True).stdout

    def close(self):
        for process in self.running:
            process.kill()
            process.communicate()


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path / "home")
    home.folder.mkdir()
    yield home
    home.close()


def figure(process, name):
    text = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith(name)))


def is_idle(process):
    """Whether it has slept through a second: of the real clock, since it is the real loop that must not wake."""
    before = figure(process, "voluntary_ctxt_switches")
    time.sleep(1)
    return figure(process, "voluntary_ctxt_switches") == before


@pytest.mark.skipif(not is_free(PORT), reason=f"something listens on {PORT} already")
def test_without_a_file(home, serve):
    server = serve(modules=GUESTS, more=CHEAP)
    agent = home.agent("--plain", f"127.0.0.1:{server.plain}")
    assert agent.said == [f"The agent is up: it leads to 127.0.0.1:{server.plain}",
                          f"  connect your client to 127.0.0.1 {PORT}    in irssi: /connect 127.0.0.1 {PORT}",
                          "  nick, account and password are those of the network",
                          f"ready agent.localhost: 127.0.0.1:{PORT}"]
    assert [home.state.stat().st_mode & 0o777, home.state.parent.stat().st_mode & 0o777] == [0o700, 0o700]
    anna, zoe = Irc(PORT).register("anna"), Irc(server.plain).register("zoe")
    for client in (anna, zoe):
        client.send("JOIN #home")
        client.expect(" 366 ")
    zoe.send("PRIVMSG #home :hello")
    anna.expect(" PRIVMSG #home :hello$")
    assert "agent.localhost" in home.ctl("status")
    assert home.ctl("module", "reload", "all").count("reloaded") == 2
    anna.send("PRIVMSG #home :still here")
    zoe.expect(" PRIVMSG #home :still here$")
    assert figure(agent, "VmRSS") < 12 << 10  # KiB; most of it are libraries that others share
    agent.terminate()
    anna.expect("^ERROR ")
    assert agent.wait(SECONDS) == 0
    zoe.expect(r"^:anna!\S+ QUIT ")


def test_the_users_own_file_and_no_address(home, serve):
    server, port = serve(modules=GUESTS, more=CHEAP), free_port()
    home.configure(f"server: home.localhost\nstate-directory: ~/here\nmodules: [agent, control]\n"
                   f"listen: [{{address: '127.0.0.1:{port}', protocol: agent, tls: no}}, {{address: 'unix:~/here/irc', protocol: agent, tls: no}}]\n"
                   f"agent: {{upstream: ['127.0.0.1:{server.plain}'], tls: no, password: sesame}}\n")
    agent = home.agent()
    assert agent.said[1:3] == [f"  connect your client to 127.0.0.1 {port}    in irssi: /connect 127.0.0.1 {port}",
                               f"  connect your client to the socket {home.folder}/here/irc    in irssi: /connect {home.folder}/here/irc"]
    assert "own password" in agent.said[3] and "sesame" not in str(agent.said)
    assert (home.folder / "here" / "control.sock").exists()
    wait_for(lambda: is_idle(agent), "its sleep")
    agent.send_signal(signal.SIGTERM)
    assert agent.wait(SECONDS) == 0 and agent.stderr.read().count("stopping") == 1


def test_what_is_wrong_is_told_and_2(home):
    done = home.godwit("agent")
    assert (done.returncode, done.stdout) == (2, "") and "where to?" in done.stderr
    done = home.godwit("agent", "two words")
    assert done.returncode == 2 and "'two words' is no address" in done.stderr
    done = home.godwit("help", "agent")
    assert done.returncode == 0 and "  agent [--plain] [--pin SHA256]... [HOST[:PORT]...]\n" in done.stdout
    home.configure("server: a.localhost\nmodules: [agent]\nlisten: maybe\n")
    done = home.godwit("agent", "irc.example.net")
    assert done.returncode == 2 and f"{home.folder}/.config/godwit/agent.yaml:3:9: " in done.stderr
