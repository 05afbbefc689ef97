"""The programs godwit and godwitctl: command line, exit codes, signals, one server a folder."""

import contextlib
import fcntl
import json
import os
import pathlib
import pty
import queue
import signal
import socket
import stat
import struct
import subprocess
import termios
import threading
import time

import pytest

BUILD = pathlib.Path(os.environ["GODWIT_BUILD"])
GODWIT = BUILD / "godwit"
GODWITCTL = BUILD / "godwitctl"
SECONDS = 20
CONTROL = "modules: [control]\n"
# What it takes to speak a protocol.
CLIENT = "modules: [store, services, network, client, control]\n"


class Server:
    """A running godwit in a folder of its own; the lines of both streams come through queues."""

    def __init__(self, folder, text):
        self.folder = folder
        self.config = folder / "godwit.yaml"
        self.write(text)
        self.process = subprocess.Popen(
            [GODWIT, "-c", self.config],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.out, self.err = queue.Queue(), queue.Queue()
        for stream, lines in ((self.process.stdout, self.out), (self.process.stderr, self.err)):
            threading.Thread(target=self.pump, args=(stream, lines), daemon=True).start()

    def write(self, text):
        self.config.write_text("server: test.example.net\nstate-directory: state\n" + text)

    @staticmethod
    def pump(stream, lines):
        for line in stream:
            lines.put(line.rstrip("\n"))
        lines.put(None)

    @staticmethod
    def wait_line(lines, part):
        """The next line that has `part` in it."""
        deadline = time.monotonic() + SECONDS
        while True:
            line = lines.get(timeout=max(0.1, deadline - time.monotonic()))
            assert line is not None, f"the stream ended without {part!r}"
            if part in line:
                return line

    def ready(self):
        return self.wait_line(self.out, "ready")

    def ctl(self, *words):
        return ctl("--socket", self.folder / "state" / "control.sock", *words)

    def end(self, number):
        self.process.send_signal(number)
        return self.process.wait(SECONDS)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def ctl(*words, **env):
    return subprocess.run(
        [GODWITCTL, *words], capture_output=True, text=True, timeout=SECONDS, env={**os.environ, **env}
    )


def godwit(*words):
    return subprocess.run([GODWIT, *words], capture_output=True, text=True, timeout=SECONDS)


@pytest.fixture
def start(tmp_path):
    servers = []

    def one(text=CONTROL, folder="a b"):
        (tmp_path / folder).mkdir(exist_ok=True)
        servers.append(Server(tmp_path / folder, text))
        return servers[-1]

    yield one
    for server in servers:
        server.close()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def test_help_and_version_need_no_configuration():
    assert godwit("--version").stdout.startswith("godwit ")
    assert godwit("-h").returncode == 0
    assert ctl("--version").stdout.startswith("godwitctl ")
    assert ctl("--help").returncode == 0


def test_wrong_use_is_exit_2():
    assert godwit("--nonsense").returncode == 2
    assert godwit("surplus").returncode == 2
    assert ctl().returncode == 2
    assert ctl("--nonsense").returncode == 2


def test_a_mistake_is_told_with_its_place_and_exit_2(tmp_path):
    config = tmp_path / "godwit.yaml"
    config.write_text("server: a.example\nmodules: [control]\nlisten:\n  - {address: nowhere}\n")
    for words in (["-t", "-c", config], ["-c", config]):
        result = godwit(*words)
        assert result.returncode == 2
        assert result.stderr.startswith(f"{config}:4:15: 'address' must be an address")
    assert godwit("-c", tmp_path / "none.yaml").returncode == 2


def test_a_check_makes_no_state_directory(tmp_path):
    config = tmp_path / "godwit.yaml"
    config.write_text("server: a.example\nstate-directory: state\nmodules: [control]\n")
    result = godwit("-t", "-c", config)
    assert (result.returncode, result.stderr) == (0, "")
    assert not (tmp_path / "state").exists()


def test_ready_and_the_state_directory(start):
    port = free_port()
    server = start(CLIENT + f"listen: [{{address: 127.0.0.1:{port}, tls: no}}]\n")
    assert server.ready() == f"ready test.example.net: 127.0.0.1:{port}"
    assert stat.S_IMODE((server.folder / "state").stat().st_mode) == 0o700
    assert server.end(signal.SIGINT) == 0
    assert not (server.folder / "state" / "modules.live").exists()


def test_start_and_stop_take_less_than_a_second(start):
    began = time.monotonic()
    server = start()
    server.ready()
    server.end(signal.SIGTERM)
    assert time.monotonic() - began < 1


def test_a_second_server_on_the_same_state_is_refused(start):
    server = start()
    server.ready()
    other = godwit("-c", server.config)
    assert other.returncode == 1
    assert "another server runs in" in other.stderr
    assert server.ctl("status").returncode == 0


def test_after_kill_9_it_starts_again(start):
    server = start()
    server.ready()
    server.end(signal.SIGKILL)
    again = start()
    again.ready()
    assert again.ctl("status").returncode == 0
    assert len(list((again.folder / "state" / "modules.live").iterdir())) == 1


def test_a_port_in_use_is_told_with_its_place(start):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        server = start(CLIENT + f"listen: [{{address: 127.0.0.1:{s.getsockname()[1]}, tls: no}}]\n")
        assert "godwit.yaml:4:10: " in server.wait_line(server.err, "127.0.0.1:")
        assert server.process.wait(SECONDS) == 1


def test_term_ends_in_good_order(start):
    server = start()
    server.ready()
    assert server.end(signal.SIGTERM) == 0
    server.wait_line(server.err, 'core: stopping reason="the server is shutting down"')


def test_hangup_is_a_rehash(start):
    first, second = free_port(), free_port()
    server = start(CLIENT + f"listen: [{{address: 127.0.0.1:{first}, tls: no}}]\n")
    server.ready()
    server.write(CLIENT + f"listen: [{{address: 127.0.0.1:{second}, tls: no}}]\n")
    server.process.send_signal(signal.SIGHUP)
    server.wait_line(server.err, f'what=listener name="127.0.0.1:{first}"')
    socket.create_connection(("127.0.0.1", second), SECONDS).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", first), SECONDS)


def test_a_listener_that_is_in_the_way_of_its_successor_is_named(start):
    port = free_port()
    server = start(CLIENT + f"listen: [{{address: 127.0.0.1:{port}, tls: no}}]\n")
    server.ready()
    wide = CLIENT + f"listen: [{{address: '0.0.0.0:{port}', tls: no}}]\n"
    server.write(wide)
    result = server.ctl("rehash")
    assert result.returncode == 1
    assert f"the server's own listener 127.0.0.1:{port} has that port" in result.stderr
    socket.create_connection(("127.0.0.1", port), SECONDS).close()
    server.write(CLIENT)
    assert server.ctl("rehash").returncode == 0
    server.write(wide)
    assert server.ctl("rehash").returncode == 0
    socket.create_connection(("127.0.0.1", port), SECONDS).close()


def test_a_rehash_with_a_mistake_changes_nothing(start):
    server = start()
    server.ready()
    server.write("modules: [control, nothing_of_that_name]\n")
    result = server.ctl("rehash")
    assert result.returncode == 1
    assert "godwit.yaml:3:20: the module nothing_of_that_name is not there" in result.stderr
    assert server.ctl("module", "list").stdout.split()[0] == "control"


def test_a_listener_with_tls_makes_its_certificate_and_keeps_it(start):
    server = start(CLIENT + "listen: [{address: '127.0.0.1:0'}]\n")
    server.ready()
    server.end(signal.SIGTERM)
    before = (server.folder / "state" / "tls.crt").read_bytes()
    again = start(CLIENT + "listen: [{address: '127.0.0.1:0'}]\n")
    again.ready()
    assert (again.folder / "state" / "tls.crt").read_bytes() == before
    assert stat.S_IMODE((again.folder / "state" / "tls.key").stat().st_mode) == 0o600


def test_control_is_reloaded_through_its_own_socket(start):
    server = start()
    server.ready()
    for generation in range(2, 12):
        result = server.ctl("module", "reload", "control")
        assert result.returncode == 0, result.stderr
        assert result.stdout.endswith(f"generation {generation}\n")


def test_godwitctl_shows_rows_as_lines_and_as_json(start):
    server = start()
    server.ready()
    rows = server.ctl("module", "list").stdout.splitlines()
    assert [row.split()[0] for row in rows] == ["control"]
    listed = json.loads(server.ctl("module", "list", "--json").stdout)
    assert listed[0]["name"] == "control" and listed[0]["generation"] == "1"
    assert json.loads(server.ctl("--json", "module", "reload", "control").stdout)[0].keys() == {"text"}
    assert "module reload" in server.ctl("help").stdout


def test_godwitctl_tells_failures_on_stderr(start, tmp_path):
    server = start()
    server.ready()
    unknown = server.ctl("dance")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "there is no command 'dance'" in unknown.stderr
    assert server.ctl("module", "unload", "nothing").returncode == 1
    nobody = ctl("--socket", tmp_path / "none.sock", "status")
    assert nobody.returncode == 3
    assert "no server answers at" in nobody.stderr


def test_exit_codes_of_godwitctl(start, tmp_path):
    server = start()
    server.ready()
    codes = {
        ("status",): 0,
        ("help", "module"): 0,
        ("module", "reload", "nothing"): 1,
        ("log", "level", "core", "shrill"): 1,
        ("module",): 2,
        ("module", "reload"): 2,
        ("status", "and", "more"): 2,
    }
    for words, code in codes.items():
        result = server.ctl(*words)
        assert (result.returncode, result.stderr != "") == (code, code != 0), words
    # One that ends in the middle of its answer.
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(tmp_path / "mute.sock"))
        mute.listen()
        asker = subprocess.Popen([GODWITCTL, "--socket", tmp_path / "mute.sock", "status"], stderr=subprocess.PIPE, text=True)
        mute.accept()[0].close()
        assert "before it had answered" in asker.communicate(timeout=SECONDS)[1]
        assert asker.returncode == 3


def test_godwitctl_finds_the_server(start, tmp_path):
    server = start(folder="one")
    server.ready()
    run = tmp_path / "run" / "one"
    run.mkdir(parents=True)
    (run / "control.sock").symlink_to(server.folder / "state" / "control.sock")
    assert ctl("status", GODWIT_RUN_DIR=str(tmp_path / "run")).returncode == 0
    assert ctl("-s", "two", "status", GODWIT_RUN_DIR=str(tmp_path / "run")).returncode == 3
    assert ctl("status", GODWIT_SOCKET=str(server.folder / "state" / "control.sock")).returncode == 0


# A module with a command that takes its time.
KEEPER = f"modules: [control, keeper]\nmodule-directory: [{BUILD}/tests/modules/keeper/.libs]\n"


def test_progress_is_a_line_a_second_where_it_is_kept(start):
    server = start(KEEPER)
    server.ready()
    shown = server.ctl("keeper", "count", "25", "60").stdout.splitlines()
    assert shown[0].startswith("1 of 25, ") and shown[-1] == "counted"
    between = [line.split()[1:] for line in shown[1:-1]]
    assert between and all(line == ["of", "25"] for line in between)
    assert len(between) < 12, "it takes a second and a half"


def test_progress_is_no_part_of_the_json_answer(start):
    server = start(KEEPER)
    server.ready()
    result = server.ctl("keeper", "count", "3", "0", "--json")
    assert json.loads(result.stdout) == [{"text": "counted"}]
    told = [json.loads(line)["progress"] for line in result.stderr.splitlines()]
    assert told[0].startswith("1 of 3, ") and told[1:] == ["2 of 3", "3 of 3"]


def on_a_terminal(server, columns, *words):
    """All that godwitctl writes there, until it ends."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = [GODWITCTL, "--socket", server.folder / "state" / "control.sock", *words]
    process = subprocess.Popen(command, stdin=its, stdout=its, stderr=its)
    os.close(its)
    seen = b""
    with contextlib.suppress(OSError):  # which is how the end is told
        while part := os.read(ours, 4096):
            seen += part
    os.close(ours)
    return seen.decode(), process.wait(SECONDS)


def test_progress_is_written_over_on_a_terminal(start):
    server = start(KEEPER)
    server.ready()
    first = "1 of 3, which is told at such length that it does not fit a line"
    seen, code = on_a_terminal(server, 40, "keeper", "count", "3", "1")
    assert seen == f"\r{first[:39]}\r2 of 3{' ' * 33}\r\r3 of 3\r{' ' * 6}\rcounted\r\n"
    assert code == 0
    wide, _ = on_a_terminal(server, 200, "keeper", "count", "1", "1")
    assert wide == f"\r{first.replace('3', '1')}\r{' ' * len(first)}\rcounted\r\n"


def test_a_command_goes_on_without_its_asker(start):
    server = start(KEEPER + "keeper: {takes: 1s}\n")
    server.ready()
    command = [GODWITCTL, "--socket", server.folder / "state" / "control.sock", "keeper", "count", "60", "10"]
    asker = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert asker.stdout.readline().startswith("1 of 60")
    asker.send_signal(signal.SIGINT)
    assert asker.wait(SECONDS) == -signal.SIGINT
    server.wait_line(server.err, "counted to=60")
    assert server.ctl("module", "list").returncode == 0


def test_a_server_that_has_something_to_do_first_says_so(start):
    server = start(KEEPER + "keeper: {takes: 1h}\n")
    server.ready()
    told = server.ctl("server", "stop")
    assert (told.returncode, told.stdout) == (0, "the keeper closes its book first\n")
    server.process.send_signal(signal.SIGTERM)
    server.wait_line(server.err, 'reason="the server is shutting down" first="the keeper closes its book first"')
    assert server.end(signal.SIGTERM) == 0


def test_server_stop_is_answered(start):
    server = start()
    server.ready()
    assert server.ctl("server", "stop").returncode == 0
    assert server.process.wait(SECONDS) == 0
