"""Real clients: a person with irssi and one with WeeChat register by hand, log in over TLS with SASL, and read each other. run-all: beside"""

import os
import shutil
import subprocess

import pytest
from live import wait_for

SECONDS = 40


class Irssi:
    """irssi in a terminal of tmux; the screen is what the person sees."""

    def __init__(self, folder):
        self.socket = f"godwit-test-{os.getpid()}-{folder.name}"
        folder.mkdir()
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "160", "-y", "50", f"irssi --home='{folder}'")
        wait_for(lambda: "Irssi v" in self.screen(), "irssi to start", SECONDS)

    def tmux(self, *words):
        return subprocess.run(["tmux", "-L", self.socket, *words], capture_output=True, text=True, check=True).stdout

    def type(self, line):
        self.tmux("send-keys", "-l", line)
        self.tmux("send-keys", "Enter")

    def screen(self):
        return self.tmux("capture-pane", "-p", "-J", "-S", "-500")

    def sees(self, text):
        wait_for(lambda: text in self.screen(), lambda: f"{text!r} on irssi's screen:\n{self.screen()}", SECONDS)

    def close(self):
        subprocess.run(["tmux", "-L", self.socket, "kill-server"], capture_output=True)


class WeeChat:
    """WeeChat without a screen: it is typed to through its FIFO and read from its logs."""

    def __init__(self, folder, *commands):
        self.folder = folder
        words = ["weechat-headless", "--dir", str(folder), "--run-command", "/set logger.file.flush_delay 0",
                 "--run-command", "/set fifo.file.enabled on"]
        for command in commands:
            words += ["--run-command", command]
        self.process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(folder.parent), "LC_ALL": "C.UTF-8"},
        )
        wait_for(self.fifo, "WeeChat to start", SECONDS)

    def fifo(self):
        found = list(self.folder.glob("weechat_fifo_*"))
        return found[0] if found else None

    def type(self, buffer, line):
        with open(self.fifo(), "w", encoding="utf-8") as pipe:
            pipe.write(f"{buffer} *{line}\n")

    def log(self):
        return "".join(f.read_text(errors="replace") for f in sorted(self.folder.glob("logs/*")))

    def sees(self, text):
        wait_for(lambda: text in self.log(), lambda: f"{text!r} in WeeChat's logs:\n{self.log()}", SECONDS)

    def close(self):
        self.process.terminate()
        self.process.wait(SECONDS)


pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("irssi", "tmux", "weechat-headless"))), reason="irssi, tmux or weechat-headless is missing"
)


@pytest.fixture
def people(tmp_path):
    started = []

    def start(kind, *words):
        started.append(kind(tmp_path / f"{kind.__name__.lower()}{len(started)}", *words))
        return started[-1]

    yield start
    for person in started:
        person.close()


def test_people_register_by_hand_log_in_with_sasl_and_read_each_other(server, people):
    # The first time: no account, no TLS. The server says what to type.
    irssi = people(Irssi)
    irssi.type("/set nick anna")
    irssi.type(f"/connect -notls 127.0.0.1 {server.plain}")
    irssi.sees("/quote REGISTER * *")
    irssi.type("/quote REGISTER * * anna-secret")
    irssi.sees("Welcome to the Test network")
    irssi.type("/quit")
    wait_for(lambda: subprocess.run(["tmux", "-L", irssi.socket, "ls"], capture_output=True).returncode != 0, "irssi's end")

    weechat = people(
        WeeChat,
        f"/server add test 127.0.0.1/{server.plain} -notls -nicks=willi" if weechat_knows_tls() else
        f"/server add test 127.0.0.1/{server.plain} -nicks=willi",
        "/connect test",
    )
    weechat.sees("/quote REGISTER * *")
    weechat.type("irc.server.test", "/quote REGISTER * * willi-secret")
    weechat.sees("Welcome to the Test network")
    weechat.close()

    # From then on: TLS and SASL.
    irssi = people(Irssi)
    irssi.type("/network add -sasl_username anna -sasl_password anna-secret -sasl_mechanism PLAIN test")
    irssi.type("/set nick anna")
    irssi.type(f"/server add -network test -tls -notls_verify 127.0.0.1 {server.tls}")
    irssi.type("/connect test")
    irssi.sees("Welcome to the Test network")
    irssi.type("/join #flyway")
    irssi.sees("[@anna]")

    tls = "tls" if weechat_knows_tls() else "ssl"
    weechat = people(
        WeeChat,
        f"/server add test 127.0.0.1/{server.tls} -{tls} -nicks=willi",
        f"/set irc.server.test.{tls}_verify off",
        "/set irc.server.test.sasl_mechanism scram-sha-256",
        "/set irc.server.test.sasl_username willi",
        "/set irc.server.test.sasl_password willi-secret",
        "/set irc.server.test.autojoin #flyway",
        "/connect test",
    )
    weechat.sees("Welcome to the Test network")
    irssi.sees("willi")
    weechat.sees("#flyway")
    irssi.type("hello from irssi, with ümläuts")
    weechat.sees("hello from irssi, with ümläuts")
    weechat.type("irc.test.#flyway", "and hello from WeeChat")
    irssi.sees("and hello from WeeChat")

    # An admin replaces the code meanwhile; they go on talking.
    server.ctl("module", "reload", "all")
    irssi.type("still here")
    weechat.sees("still here")
    weechat.type("irc.test.#flyway", "so am I")
    irssi.sees("so am I")


def weechat_knows_tls():
    """The option was called ssl before WeeChat 4.0."""
    version = subprocess.run(["weechat-headless", "--version"], capture_output=True, text=True).stdout.strip()
    return int(version.split(".")[0]) >= 4
