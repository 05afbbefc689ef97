"""godwit started as root becomes another user; the rest of this file is for the others.

run-all: beside
"""

import os
import pathlib
import pwd
import random
import shutil
import socket
import stat
import subprocess
import tempfile

import pytest
from live import BUILD, GODWIT, SECONDS, Irc, Server, free_port, is_free, wait_for
from test_certificate import make_pair

MODULES = "store, services, network, client, control"
UNPRIVILEGED = int(pathlib.Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
NOBODY = pwd.getpwnam("nobody").pw_uid
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def low_port():
    return next(port for port in random.sample(range(600, 1023), 400) if is_free(port))


@pytest.fixture
def house():
    """A folder that everybody may enter, with the modules in it: those of a build may be out of the user's reach."""
    with tempfile.TemporaryDirectory(prefix="godwit-rights-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        (folder / "modules").mkdir()
        for module in MODULES.split(", "):
            shutil.copy(BUILD / "modules" / module / ".libs" / f"{module}.so", folder / "modules")
        yield folder


@pytest.fixture
def serve_as(house):
    servers = []

    def one(more="", start=True):
        more = f"user: nobody\nmodule-directory: modules\n{more}"
        server = Server(house, modules=MODULES, more=more, start=False)
        config = house / "godwit.yaml"
        config.write_text(config.read_text().replace(f":{server.plain}", f":{low_port()}"))
        server.low = int(config.read_text().split('127.0.0.1:')[1].split('"')[0])
        servers.append(server)
        if start:
            server.start()
        return server

    yield one
    for server in servers:
        if server.process:
            server.close()


def facts(pid):
    return dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())


@as_root
def test_all_that_root_could_is_given_up(serve_as):
    server = serve_as()
    told = facts(server.process.pid)
    assert told["Uid"].split() == [str(NOBODY)] * 4 and set(told["Gid"].split()) == {told["Gid"].split()[0]} != {"0"}
    assert "0" not in told["Groups"].split()
    assert [int(told[key], 16) for key in ("CapInh", "CapPrm", "CapEff", "CapAmb")] == [0] * 4
    Irc(server.low).close()
    Irc(server.tls, tls=True).close()
    state = (server.folder / "state").stat()
    assert (state.st_uid, stat.S_IMODE(state.st_mode)) == (NOBODY, 0o700)
    assert {path.stat().st_uid for path in (server.folder / "state").rglob("*")} == {NOBODY}
    server.stop()
    server.start()  # on what it has left behind
    server.stop()


@as_root
def test_the_key_is_read_before_and_a_rehash_says_why_it_cannot(serve_as, house):
    make_pair(house, "tls")
    (house / "tls.key").chmod(0o600)
    server = serve_as(more="tls: {certificate: tls.crt, key: tls.key}\n")
    Irc(server.tls, tls=True).close()
    assert any("a rehash will fail" in line and "tls.key" in line for line in server.err)
    told = subprocess.run(
        [GODWIT.parent / "godwitctl", "--socket", house / "state" / "control.sock", "rehash"], capture_output=True, text=True
    )
    assert told.returncode == 1
    assert "tls.key: Permission denied; the server was root at its start only" in told.stderr
    shutil.chown(house / "tls.key", "nobody")
    assert server.ctl("rehash").startswith("nothing in ")
    server.stop()


@as_root
@pytest.mark.skipif(UNPRIVILEGED < 1024, reason="here everybody may")
def test_a_rehash_opens_no_low_port(serve_as, house):
    server = serve_as()
    config, low, high = house / "godwit.yaml", low_port(), free_port()
    before = config.read_text()
    entries = "".join(f'  - {{address: "127.0.0.1:{port}", tls: no}}\n' for port in (high, low))
    config.write_text(before.replace("listen:\n", f"listen:\n{entries}"))
    told = subprocess.run(
        [GODWIT.parent / "godwitctl", "--socket", house / "state" / "control.sock", "rehash"], capture_output=True, text=True
    )
    assert told.returncode == 1
    assert f"cannot listen on 127.0.0.1:{low}: Permission denied; the server was root at its start only" in told.stderr
    assert is_free(high)
    Irc(server.low).close()
    server.stop()
    server.start()
    Irc(low).close()
    server.stop()


@as_root
def test_a_state_directory_that_is_somebody_elses_stays_so(serve_as, house):
    server = serve_as(start=False)
    (house / "state").mkdir(0o700)
    server.launch()
    assert server.process.wait(SECONDS) == 1
    assert (house / "state").stat().st_uid == 0
    wait_for(lambda: "must belong to the user" in "".join(server.err), "that sentence")


@as_root
def test_what_a_verb_makes_is_the_users(house):
    for module in ("link", "burst"):
        shutil.copy(BUILD / "modules" / module / ".libs" / f"{module}.so", house / "modules")
    text = f"state-directory: state\nmodules: [{MODULES}, link, burst]\nuser: nobody\nmodule-directory: modules\n"
    (house / "godwit.yaml").write_text(text)
    subprocess.run([GODWIT, "-c", house / "godwit.yaml", "init", "test.example.net"], check=True, capture_output=True)
    made = list((house / "state").rglob("*"))
    assert made and {path.stat().st_uid for path in made} == {NOBODY}


def check(folder, text, *words):
    config = folder / "godwit.yaml"
    config.write_text(f"server: a.example\nmodules: [control]\nstate-directory: state\n{text}")
    return subprocess.run([GODWIT, *words, "-c", config], capture_output=True, text=True, timeout=SECONDS)


def test_a_user_that_is_not_there_is_told(tmp_path):
    told = check(tmp_path, "user: no-such-user\n", "-t")
    assert told.returncode == 2 and "godwit.yaml:4:1: this machine has no user 'no-such-user'" in told.stderr
    told = check(tmp_path, "user: nobody\ngroup: no-such-group\n", "-t")
    assert told.returncode == 2 and "godwit.yaml:5:1: this machine has no group 'no-such-group'" in told.stderr
    assert check(tmp_path, "user: nobody\n", "-t").returncode == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root can")
def test_only_root_becomes_somebody(tmp_path):
    told = check(tmp_path, "user: root\n")
    assert told.returncode == 1 and "only root can become the user 'root'" in told.stderr
