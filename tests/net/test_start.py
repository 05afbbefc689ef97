"""How godwit begins: verbs, the server's name, and doors that a module holds shut."""

import os
import pathlib
import queue
import resource
import signal
import socket
import stat
import subprocess
import threading
import time

import pytest

from live import free_port

BUILD = pathlib.Path(os.environ["GODWIT_BUILD"])
GODWIT = BUILD / "godwit"
PORTER = f"modules: [porter]\nmodule-directory: [{BUILD}/tests/modules/porter/.libs]\nstate-directory: state\n"
SECONDS = 20


def godwit(folder, *words):
    return subprocess.run(
        [GODWIT, "-c", folder / "godwit.yaml", *words], capture_output=True, text=True, timeout=SECONDS
    )


def write(folder, text, name="server: test.example.net\n"):
    (folder / "godwit.yaml").write_text(name + PORTER + text)


class Running:
    """A godwit and the lines that it says, of both streams."""

    def __init__(self, folder, *words):
        self.lines = queue.Queue()
        self.process = subprocess.Popen(
            [GODWIT, "-c", folder / "godwit.yaml", *words],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        threading.Thread(target=self.pump, daemon=True).start()

    def pump(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def wait_line(self, part):
        deadline = time.monotonic() + SECONDS
        while True:
            line = self.lines.get(timeout=max(0.1, deadline - time.monotonic()))
            assert line is not None, f"it ended without {part!r}"
            if part in line:
                return line

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(SECONDS)


@pytest.fixture
def run(tmp_path):
    running = []

    def one(*words):
        running.append(Running(tmp_path, *words))
        return running[-1]

    yield one
    for each in running:
        each.process.kill()
        each.process.wait()


def test_help_lists_the_verbs_of_the_modules(tmp_path):
    write(tmp_path, "")
    done = godwit(tmp_path, "help")
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: godwit ")
    assert "  code NUMBER [SENTENCE]\n              Ends with that code.\n" in done.stdout
    assert "  begin [NAME]\n" in done.stdout


def test_a_verb_gives_the_exit_code_and_says_why(tmp_path):
    write(tmp_path, "")
    assert godwit(tmp_path, "code", "0").returncode == 0
    done = godwit(tmp_path, "code", "7", "no luck")
    assert (done.returncode, done.stdout, done.stderr) == (7, "", "no luck\n")
    done = godwit(tmp_path, "code")
    assert (done.returncode, done.stderr) == (2, "Usage: godwit code NUMBER [SENTENCE]\n")
    done = godwit(tmp_path, "dance")
    assert done.returncode == 2
    assert done.stderr == "there is no verb 'dance', there are: code, facts, begin, give, help\n"


def test_no_room_for_the_modules_is_said_as_it_is(tmp_path):
    def little_room():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    config = tmp_path / "godwit.yaml"
    config.write_text("server: test.example.net\nmodules: [control]\nstate-directory: state\n")
    ended = subprocess.run([GODWIT, "-c", config], capture_output=True, text=True, timeout=SECONDS, preexec_fn=little_room)
    assert "cannot copy " in ended.stderr and ended.stderr.endswith(": File too large\n"), ended.stderr


def test_a_verb_works_beside_a_running_server(tmp_path, run):
    write(tmp_path, "")
    server = run()
    server.wait_line("ready test.example.net")
    assert godwit(tmp_path, "code", "0").returncode == 0
    assert server.end() == 0


def test_a_name_is_given_once(tmp_path, run):
    write(tmp_path, "", name="")
    assert godwit(tmp_path).returncode == 2
    server = run("--name", "one.example.net")
    server.wait_line("ready one.example.net")
    assert server.end() == 0
    kept = tmp_path / "state" / "server.name"
    assert kept.read_text() == "one.example.net\n"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    server = run()
    server.wait_line("ready one.example.net")
    server.end()
    write(tmp_path, "")
    done = godwit(tmp_path)
    assert done.returncode == 2
    place = f"{tmp_path}/godwit.yaml:1:9"
    assert done.stderr == f"{place}: the server is 'test.example.net' here and 'one.example.net' in {kept}\n"


def test_a_verb_may_start_the_server_with_a_name(tmp_path, run):
    write(tmp_path, "", name="")
    server = run("begin", "two.example.net")
    server.wait_line("ready two.example.net")
    assert server.end() == 0
    assert (tmp_path / "state" / "server.name").read_text() == "two.example.net\n"


def doors(tmp_path, ports, hold):
    listen = "".join(f'  - {{address: "127.0.0.1:{p}", protocol: {w}}}\n' for p, w in zip(ports, ("gate", "gate")))
    write(tmp_path, f"porter: {{hold: {hold}, socket: porter.sock}}\nlisten:\n{listen}")


def answers(where):
    with socket.socket(socket.AF_INET if isinstance(where, tuple) else socket.AF_UNIX) as s:
        try:
            s.connect(where)
        except OSError:
            return False
    return True


def test_nobody_is_let_in_while_the_doors_are_held(tmp_path, run):
    ports = [free_port(), free_port()]
    places = [("127.0.0.1", port) for port in ports] + [str(tmp_path / "porter.sock")]
    doors(tmp_path, ports, "yes")
    server = run()
    server.wait_line("listeners held module=porter")
    server.wait_line("loaded version")
    assert not any(answers(place) for place in places)
    assert not (tmp_path / "porter.sock").exists()
    doors(tmp_path, ports, "no")
    server.process.send_signal(signal.SIGHUP)
    server.wait_line("ready test.example.net: ")
    assert all(answers(place) for place in places)
    assert server.end() == 0


def test_a_port_that_is_gone_meanwhile_ends_the_server(tmp_path, run):
    ports = [free_port(), free_port()]
    doors(tmp_path, ports, "yes")
    server = run()
    server.wait_line("loaded version")
    with socket.socket() as s:
        s.bind(("127.0.0.1", ports[1]))
        s.listen()
        doors(tmp_path, ports, "no")
        server.process.send_signal(signal.SIGHUP)
        server.wait_line(f"godwit.yaml:8:5: cannot listen on 127.0.0.1:{ports[1]}: Address already in use")
        assert server.process.wait(SECONDS) == 1
    assert not answers(("127.0.0.1", ports[0]))
