"""A server's key for links: the verbs that make and show it, files that are refused, and where the secret is."""

import base64
import os
import re
import shutil
import socket
import ssl
import subprocess
import time

import pytest
from live import GODWIT, SECONDS, Server, free_port, wait_for

MODULES = "store, services, network, client, link, control"
TEXT = r"gwpk1-[A-Za-z0-9_-]{48}"
WORDS = r"(?:[bdfghjklmnprstvz][aiou]){2}[bdfghjklmnprstvz](?:-(?:[bdfghjklmnprstvz][aiou]){2}[bdfghjklmnprstvz]){7}"
# TLS as links have it, in the words of GnuTLS.
PRIORITY = (
    "NONE:+VERS-TLS1.3:+AES-256-GCM:+CHACHA20-POLY1305:+AEAD:+GROUP-X25519:+GROUP-SECP256R1:+SIGN-EDDSA-ED25519"
    ":+CTYPE-SRV-RAWPK:+CTYPE-CLI-X509"
)


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path / "one", MODULES, exempt=False, link=free_port(), start=False)
    server.key = server.folder / "state" / "keys" / "link.key"
    yield server
    if server.process:
        server.close()


def godwit(server, *words):
    return subprocess.run(
        [GODWIT, "-c", server.folder / "godwit.yaml", *words], capture_output=True, text=True, timeout=SECONDS, env=server.env
    )


def secret_of(path):
    lines = path.read_text().splitlines()
    assert lines[0] == "-----BEGIN GODWIT LINK SECRET KEY-----" and lines[-1] == "-----END GODWIT LINK SECRET KEY-----"
    body = base64.b64decode("".join(lines[1:-1]))
    assert len(body) == 72 and body[:4] == b"GWK1"
    return body[4:36]


def test_keygen_makes_one_key_and_says_it_again(server):
    first = server.verb("keygen")
    assert re.fullmatch(rf"{TEXT}\n{WORDS}\n", first)
    assert server.verb("keygen") == first
    assert server.key.stat().st_mode & 0o777 == 0o600
    assert server.key.parent.stat().st_mode & 0o777 == 0o700
    following = server.verb("keygen", "--next")
    assert re.fullmatch(rf"{TEXT}\n{WORDS}\n", following) and following != first
    both = server.verb("fingerprint")
    assert [line.split() for line in both.splitlines()] == [
        ["link.key", *first.split()], ["link.key.next", *following.split()],
    ]
    wrong = godwit(server, "keygen", "--other")
    assert wrong.returncode == 2 and "Usage" in wrong.stderr


def test_without_a_key_there_is_no_fingerprint(server):
    result = godwit(server, "fingerprint")
    assert result.returncode == 1 and "godwit keygen" in result.stderr and result.stdout == ""


def test_init_makes_a_network_of_one_and_ends(server):
    key = server.verb("keygen").split()[0]
    said = server.verb("init", "test.example.net")
    assert key in said and "godwitctl server add" in said and f"godwit join --name NAME HOST:PORT {key}" in said
    server.start()
    line = rf"test\.example\.net +here .*{key}"
    wait_for(lambda: re.search(line, server.ctl("server", "list", check=False)), "the database to be read")
    server.stop()


def test_init_opens_no_listener(server):
    log = godwit(server, "init", "test.example.net").stderr
    assert "listening" not in log and "core: ready" not in log


def test_init_refuses_a_server_that_is_in_a_network(server):
    server.start()
    server.stop()
    result = godwit(server, "init", "test.example.net")
    assert result.returncode == 1 and "state/services holds the database" in result.stderr


def test_init_refuses_names_that_cannot_be(server):
    for name, why in (("-x.example.net", "cannot be a server's name"), ("other.example.net", "is called test.example.net already")):
        result = godwit(server, "init", name)
        assert result.returncode == 1 and why in result.stderr
    assert not (server.folder / "state" / "services").exists()


def refused(server):
    result = godwit(server)
    assert result.returncode != 0
    assert "link.key" in result.stderr or "/keys" in result.stderr
    return result.stderr


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660])
def test_a_key_that_others_can_use_is_refused(server, mode):
    server.verb("keygen")
    server.key.chmod(mode)
    assert "chmod 600" in refused(server)


def test_a_key_file_that_is_a_link_is_refused(server):
    server.verb("keygen")
    server.key.rename(server.folder / "elsewhere")
    server.key.symlink_to(server.folder / "elsewhere")
    assert "symbolic link" in refused(server)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_another_users_key_is_refused(server):
    server.verb("keygen")
    os.chown(server.key, 65534, 65534)
    assert "does not belong to the user" in refused(server)


def test_damaged_keys_are_refused(server):
    server.verb("keygen")
    good = server.key.read_text()
    server.key.write_text(good[:100])
    assert "cut off" in refused(server)
    body = bytearray(base64.b64decode("".join(good.splitlines()[1:-1])))
    body[20] ^= 1
    text = base64.b64encode(body).decode()
    server.key.write_text(good.replace("\n".join(good.splitlines()[1:-1]), f"{text[:64]}\n{text[64:]}"))
    assert "checksum" in refused(server)
    server.key.write_text("")
    refused(server)
    server.key.write_text(good)
    server.start()
    server.stop()


def memory(pid):
    """Of each mapping that is in memory: its bytes and its flags."""
    where = None
    with open(f"/proc/{pid}/mem", "rb", 0) as mem, open(f"/proc/{pid}/smaps") as maps:
        for line in maps:
            head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", line)
            if head:
                where, resident = (int(head[1], 16), int(head[2], 16), head[3]), 0
            elif line.startswith("Rss:"):
                resident = int(line.split()[1])
            elif line.startswith("VmFlags:") and resident and where[2].startswith("rw") and where[1] - where[0] < 1 << 28:
                try:
                    mem.seek(where[0])
                    yield mem.read(where[1] - where[0]), line.split()[1:]
                except OSError:
                    pass


def test_the_secret_is_in_no_core_file(server):
    server.start()
    secret = secret_of(server.key)
    found = [flags for data, flags in memory(server.process.pid) if secret in data]
    assert found, "the secret is nowhere: is this test still looking at the right thing?"
    assert all("dd" in flags for flags in found)  # MADV_DONTDUMP
    server.ctl("module", "reload", "link")
    assert all("dd" in flags for data, flags in memory(server.process.pid) if secret in data)
    server.ctl("module", "unload", "link")
    assert not any(secret in data for data, flags in memory(server.process.pid))
    server.stop()


def gnutls_cli(port, priority=PRIORITY, alpn="godwit-link/1", *more):
    words = ["gnutls-cli", "--priority", priority, "--insecure", "--no-ca-verification", "-p", str(port), *more]
    if alpn:
        words += ["--alpn", alpn]
    return subprocess.run([*words, "127.0.0.1"], input="", capture_output=True, text=True, timeout=SECONDS).stdout


def openssl(port, *words):
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *words]
    return subprocess.run(command, input="", capture_output=True, text=True, timeout=SECONDS)


def configure(server, more):
    with open(server.folder / "godwit.yaml", "a") as config:
        config.write(more)


def client_hello(version):
    """What a client of that version begins with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["godwit-link/1"])
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing).do_handshake()
    return outgoing.read()


def test_what_fails_gets_no_answer_not_even_an_alert(server):
    configure(server, "link: {attempts-per-address: 100, attempts-bucket: 1000, deadline-accept: 2s}\n")
    server.start()
    for words in (
        b"NICK someone\r\nUSER someone 0 * :x\r\n", b"GWLH\1\1\0\x40" + b"a.example".ljust(64, b"\0"), b"\x16\3\1\0\4\1\0\0\0",
        client_hello(ssl.TLSVersion.TLSv1_2), client_hello(ssl.TLSVersion.TLSv1_3),  # which has no raw public keys
    ):
        with socket.create_connection(("127.0.0.1", server.link_port), SECONDS) as sock:
            sock.sendall(words)
            try:
                assert sock.recv(4096) == b""
            except ConnectionResetError:
                pass
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", server.link_port), SECONDS) as sock:
        assert sock.recv(4096) == b""
    assert 1.5 < time.monotonic() - began < 5
    assert int(server.status()["link-attempts.E_TIMEOUT"]) == 1
    assert any("result=E_TIMEOUT state=T_TLS" in line for line in server.err)
    server.stop()


@pytest.mark.skipif(not shutil.which("gnutls-cli"), reason="without gnutls-cli")
def test_tls_is_of_one_kind(server):
    configure(server, "link: {attempts-per-address: 100, attempts-bucket: 1000}\n")
    server.start()
    port = server.link_port
    done = "Handshake was completed"
    right = gnutls_cli(port)
    assert done in right and "Raw Public Key" in right and "Application protocol: godwit-link/1" in right
    assert done not in gnutls_cli(port, alpn="godwit-link/2")
    assert done not in gnutls_cli(port, alpn=None)
    assert done not in gnutls_cli(port, PRIORITY.replace("+CTYPE-SRV-RAWPK", "+CTYPE-SRV-X509"))
    assert done not in gnutls_cli(port, PRIORITY.replace("TLS1.3", "TLS1.2") + ":+ECDHE-ECDSA:+SIGN-ALL")
    assert done not in gnutls_cli(port, PRIORITY.replace("+AES-256-GCM:+CHACHA20-POLY1305", "+AES-128-GCM"))
    # no ticket is given, so that nothing can be resumed; nothing is taken before the handshake
    assert "This is a resumed session" not in gnutls_cli(port, PRIORITY, "godwit-link/1", "--resume")
    for words in (["-alpn", "godwit-link/1"], ["-tls1_2"], ["-alpn", "h2"], ["-alpn", "godwit-link/1", "-early_data", "/dev/null"]):
        said = openssl(port, *words)
        assert "Verification" not in said.stdout or "Cipher is (NONE)" in said.stdout
    status = server.status()
    assert int(status["link-attempts.E_TLS"]) >= 8
    assert not any("result=ok" in line for line in server.err)
    server.stop()
