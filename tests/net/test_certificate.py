"""The certificate of a running server: shown, replaced without a rehash, and refused together with all else.

run-all: beside
"""

import hashlib
import json
import socket
import ssl
import subprocess

import pytest
from live import GODWIT, Irc, Server, free_port, running

MODULES = "store, services, network, client, control"


def make_pair(folder, name, days=2):
    """A key and a certificate for it, as PEM."""
    key, crt = folder / f"{name}.key", folder / f"{name}.crt"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", str(days), "-subj",
         f"/CN={name}", "-addext", f"subjectAltName=DNS:{name},DNS:www.{name}", "-keyout", key, "-out", crt],
        check=True, capture_output=True,
    )
    return key.read_bytes(), crt.read_bytes()


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    return [make_pair(folder, name) for name in ("one.example", "two.example")]


def put(folder, key, crt):
    (folder / "tls.key").write_bytes(key)
    (folder / "tls.key").chmod(0o600)
    (folder / "tls.crt").write_bytes(crt)


@pytest.fixture(scope="module")
def shared(tmp_path_factory, pairs):
    folder = tmp_path_factory.mktemp("certificate")
    put(folder, *pairs[0])
    more = "tls: {certificate: tls.crt, key: tls.key}\n"
    with running(Server(folder, modules=MODULES, more=more)) as server:
        yield server


@pytest.fixture
def server(shared, pairs):
    """With the first pair in force."""
    put(shared.folder, *pairs[0])
    shared.ctl("tls", "reload")
    return shared


def print_of(crt):
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(crt.decode())).hexdigest()


def shown(server, *words):
    return {row["key"]: row["value"] for row in json.loads(server.ctl(*words, "--json"))}


def met(server):
    """The fingerprint that a new client meets."""
    irc = Irc(server.tls, tls=True)
    der = irc.sock.getpeercert(binary_form=True)
    irc.close()
    return hashlib.sha256(der).hexdigest()


def test_it_is_shown(server, pairs):
    told = shown(server, "tls", "show")
    assert told["sha256"] == print_of(pairs[0][1]) == met(server)
    assert told["subject"] == "CN=one.example" and told["names"] == "one.example www.one.example"
    assert told["state"] == "valid" and told["from"] < told["until"]
    assert told["certificate"] == str(server.folder / "tls.crt")


def test_it_is_replaced_under_a_client(server, pairs):
    irc = Irc(server.tls, tls=True)
    put(server.folder, *pairs[1])
    assert met(server) == print_of(pairs[0][1]), "not before somebody says so"
    told = shown(server, "tls", "reload")
    assert told["changed"] == "yes" and told["sha256"] == print_of(pairs[1][1]) == met(server)
    assert shown(server, "tls", "reload")["changed"] == "no"
    irc.send("NICK anna", "PING still")
    irc.expect("PONG|451")
    irc.close()


@pytest.mark.parametrize("words", [("tls", "reload"), ("rehash",)])
def test_a_key_of_another_certificate_changes_nothing(server, pairs, words):
    put(server.folder, pairs[1][0], pairs[0][1])
    config = server.folder / "godwit.yaml"
    before = config.read_text()
    config.write_text(before.replace("network-name: Test", "network-name: Other"))
    try:
        result = subprocess.run(
            [GODWIT.parent / "godwitctl", "--socket", server.folder / "state" / "control.sock", *words], capture_output=True, text=True
        )
        checked = subprocess.run([GODWIT, "-t", "-c", config], capture_output=True, text=True)
    finally:
        config.write_text(before)
    assert result.returncode == 1
    assert "cannot use the certificate" in result.stderr and "tls.crt" in result.stderr
    assert checked.returncode == 2 and "cannot use the certificate" in checked.stderr
    assert met(server) == print_of(pairs[0][1])
    assert server.status()["network"] == "Test"


def test_a_port_that_is_taken_changes_nothing(server):
    config, free = server.folder / "godwit.yaml", free_port()
    before = config.read_text()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        entries = "".join(f'  - {{address: "127.0.0.1:{p}", tls: no}}\n' for p in (free, port))
        after = before.replace("network-name: Test", "network-name: Other").replace("listen:\n", f"listen:\n{entries}")
        config.write_text(after)
        try:
            told = subprocess.run(
                [GODWIT.parent / "godwitctl", "--socket", server.folder / "state" / "control.sock", "rehash"], capture_output=True, text=True
            )
        finally:
            config.write_text(before)
    assert told.returncode == 1 and f"cannot listen on 127.0.0.1:{port}: Address already in use" in told.stderr
    with socket.socket() as nobody:
        assert nobody.connect_ex(("127.0.0.1", free)) != 0
    assert server.status()["network"] == "Test"
    Irc(server.plain).close()


def test_who_has_no_certificate_says_so(serve):
    server = serve(modules=MODULES, start=False)
    config = server.folder / "godwit.yaml"
    config.write_text(config.read_text().replace("tls: yes", "tls: no"))
    server.start()
    for word in ("show", "reload"):
        assert server.ctl("tls", word, check=False) == ""
