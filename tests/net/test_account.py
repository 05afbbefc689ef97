"""Accounts on a real server: SASL over TLS, certificates, passwords that are wrong, lines that are nonsense."""

import base64
import hashlib
import hmac
import secrets
import shutil
import subprocess
import time

import pytest
from live import Irc, wait_for
from test_clients import Irssi, WeeChat, weechat_knows_tls

PASSWORD = "correct horse"
CHEAP = "account: {iterations: 4096}\n"


@pytest.fixture
def server(serve):
    server = serve(more=CHEAP)
    server.ctl("account", "add", "anna", PASSWORD)
    return server


def authenticate(irc, message):
    data = base64.b64encode(message).decode()
    pieces = [data[i : i + 400] for i in range(0, len(data), 400)]
    if not pieces or len(pieces[-1]) == 400:
        pieces.append("+")
    irc.send(*(f"AUTHENTICATE {piece}" for piece in pieces))


def challenge(irc):
    return base64.b64decode(irc.expect(r" AUTHENTICATE \S+$|^AUTHENTICATE | 90[45] ").split()[-1])


def hashed(key, data):
    return hmac.digest(key, data, "sha256")


def scram(irc, name, password, spoil=lambda final: final):
    """Plays the client's part; returns the server's signature and the one it must be."""
    nonce = secrets.token_urlsafe(18)
    bare = f"n={name},r={nonce}".encode()
    irc.send("AUTHENTICATE SCRAM-SHA-256")
    irc.expect(r"AUTHENTICATE \+$")
    authenticate(irc, b"n,," + bare)
    first = challenge(irc)
    fields = dict(part.split("=", 1) for part in first.decode().split(","))
    assert fields["r"].startswith(nonce) and len(fields["r"]) > len(nonce) + 16
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
    client_key = hashed(salted, b"Client Key")
    without_proof = f"c=biws,r={fields['r']}".encode()
    signed = b",".join([bare, first, without_proof])
    signature = hashed(hashlib.sha256(client_key).digest(), signed)
    proof = bytes(a ^ b for a, b in zip(client_key, signature))
    authenticate(irc, spoil(without_proof + b",p=" + base64.b64encode(proof)))
    line = irc.expect(r"AUTHENTICATE \S+$| 904 ")
    if " 904 " in line:
        return line, None
    return base64.b64decode(line.split()[-1]), b"v=" + base64.b64encode(hashed(hashed(salted, b"Server Key"), signed))


def plain(irc, name, password):
    irc.send("AUTHENTICATE PLAIN")
    irc.expect(r"AUTHENTICATE \+$")
    authenticate(irc, b"\0" + name.encode() + b"\0" + password.encode())
    return irc.expect(r" 90[345] ")


def test_scram_over_tls_enters(server, connect):
    irc = connect(server.tls, tls=True)
    irc.send("CAP LS 302", "CAP REQ sasl", "NICK anna", "USER anna 0 * :Anna")
    assert "sasl=SCRAM-SHA-256,PLAIN" in irc.expect(r" CAP \* LS ")
    got, wanted = scram(irc, "anna", PASSWORD)
    assert got == wanted
    irc.send("AUTHENTICATE +")
    irc.expect(r" 900 anna anna!anna@\S+ anna ")
    irc.expect(r" 903 ")
    irc.send("CAP END")
    irc.expect(r" 001 anna ")


@pytest.mark.parametrize("name", ["anna", "nobody"])
def test_scram_with_a_wrong_password_is_904_at_once(server, connect, name):
    irc = connect(server.tls, tls=True)
    irc.send("NICK other")
    line, _ = scram(irc, name, "wrong horse")
    assert line.endswith("e=invalid-proof")
    got, wanted = scram(irc, "anna", PASSWORD)
    assert got == wanted


@pytest.mark.parametrize("spoil", [
    lambda final: final[:-4],
    lambda final: final.replace(b"biws", b"eSws"),
    lambda final: final.replace(b"r=", b"r=x"),
    lambda final: final + b",x=1",
    lambda final: b"",
    lambda final: b"\0" * 100,
    lambda final: b"x" * 5000,
])
def test_a_spoilt_final_message_is_904(server, connect, spoil):
    irc = connect(server.tls, tls=True)
    irc.send("NICK other")
    line, _ = scram(irc, "anna", PASSWORD, spoil)
    assert " 904 other " in line
    assert " 903 " in plain(irc, "anna", PASSWORD)


def test_an_exchange_without_the_last_plus_logs_nobody_in(server, connect):
    irc = connect(server.tls, tls=True)
    irc.send("CAP LS", "NICK anna", "USER anna 0 * :Anna")
    scram(irc, "anna", PASSWORD)
    irc.send("AUTHENTICATE *", "CAP END")
    irc.expect(r" 906 ")
    irc.expect(r" NOTICE anna :You need an account")
    assert not any(" 001 " in line for line in irc.sync())


def certificate(folder):
    path = folder / "client.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=anna", "-keyout", folder / "key.pem", "-out", path],
        check=True, capture_output=True,
    )
    path.write_bytes(path.read_bytes() + (folder / "key.pem").read_bytes())
    return path


def test_a_certificate_logs_in(server, connect, tmp_path):
    cert = certificate(tmp_path)
    irc = connect(server.tls, tls=True, cert=cert)
    irc.send("NICK anna", "USER anna 0 * :Anna")
    irc.send("AUTHENTICATE EXTERNAL", "AUTHENTICATE +")
    irc.expect(r" 904 ")
    irc.send(f"PASS :anna:{PASSWORD}")
    irc.expect(r" 001 ")
    irc.send("ACCOUNT CERTFP ADD")
    irc.expect("logs you in from now on")
    irc.close()
    irc = connect(server.tls, tls=True, cert=cert)
    irc.send("CAP LS 302", "NICK anna", "USER anna 0 * :Anna", "AUTHENTICATE EXTERNAL")
    assert "EXTERNAL" in irc.expect(r" CAP \* LS ")
    irc.expect(r"AUTHENTICATE \+$")
    irc.send("AUTHENTICATE +")
    irc.expect(r" 903 ")
    irc.send("CAP END")
    irc.expect(r" 001 anna ")
    bare = connect(server.tls, tls=True)
    bare.send("CAP LS 302")
    assert "EXTERNAL" not in bare.expect(r" CAP \* LS ")


def test_long_passwords_come_in_chunks(server, connect):
    for n in (295, 296, 580, 600):
        server.ctl("account", "add", f"long{n}", "p" * n)
        irc = connect(server.tls, tls=True)
        irc.send("NICK x")
        assert " 903 " in plain(irc, f"long{n}", "p" * n)
        assert " 904 " in plain(irc, f"long{n}", "p" * (n - 1))


def test_garbage_is_refused_and_the_next_try_works(server, connect):
    irc = connect(server.plain)
    irc.send("NICK anna", "USER anna 0 * :Anna")
    for piece in ("!!!!", "=", "A" * 399, "+", "////"):
        irc.send("AUTHENTICATE PLAIN", f"AUTHENTICATE {piece}")
        irc.expect(r" 904 ")
    irc.send("AUTHENTICATE " + "A" * 401)
    irc.expect(r" 905 ")
    irc.send("AUTHENTICATE PLAIN", *["AUTHENTICATE " + "A" * 400] * 21)
    irc.expect(r" 905 ")
    irc.sync()
    assert " 903 " in plain(irc, "anna", PASSWORD)
    irc.expect(r" 001 ")


def test_unknown_names_take_as_long_as_wrong_passwords(serve, connect):
    """Not a proof, but what a skipped hash would show: the work is made large."""
    server = serve(more="account: {iterations: 400000}\n")
    server.ctl("account", "add", "anna", PASSWORD)
    times = {}
    for name in ("anna", "nobody") * 3:
        irc = connect(server.plain)
        irc.send("NICK x")
        start = time.monotonic()
        assert " 904 " in plain(irc, name, "wrong horse")
        times.setdefault(name, []).append(time.monotonic() - start)
    known, unknown = min(times["anna"]), min(times["nobody"])
    assert known > 0.01 and 0.3 < known / unknown < 3, times


def test_accounts_of_success_survive_kill_9(server):
    for n in range(5):
        crowd = [Irc(server.plain) for _ in range(8)]
        for i, irc in enumerate(crowd):
            irc.send(f"NICK u{n}x{i}", "USER u 0 * :U", "REGISTER * * secret-word")
        crowd[n].expect("REGISTER SUCCESS")
        server.kill()
        told = []
        for i, irc in enumerate(crowd):
            try:
                irc.expect("REGISTER SUCCESS", 1)
                told.append(i)
            except (AssertionError, OSError):
                pass
            irc.close()
        server.start()
        known = server.ctl("account", "list", f"u{n}x*")
        assert all(f"u{n}x{i} " in known for i in [*told, n]), (told, known)


def test_a_code_comes_by_mail_and_works_from_another_connection(serve, connect, tmp_path):
    box = tmp_path / "box"
    command = tmp_path / "deliver"
    command.write_text(f"#!/bin/sh\ncat >'{box}.new'\nmv '{box}.new' '{box}'\n")
    command.chmod(0o755)
    server = serve(more=f"account: {{iterations: 4096, verify: email, mail-command: ['{command}']}}\n")
    irc = connect(server.plain)
    irc.send("CAP LS 302", "NICK mia", "USER mia 0 * :Mia", "CAP END")
    assert "draft/account-registration=before-connect,custom-account-name,email-required" in irc.expect(r" CAP \* LS ")
    irc.send("REGISTER * mia@example.org secret-word")
    irc.expect("REGISTER VERIFICATION_REQUIRED mia ")
    irc.close()
    wait_for(box.exists, "the mail")
    text = box.read_text()
    assert "\nTo: mia@example.org\n" in text and "secret-word" not in text
    code = text.split("/quote VERIFY mia ")[1].split()[0]
    irc = connect(server.plain)
    irc.send("NICK mia", "USER mia 0 * :Mia", "VERIFY mia " + code[::-1], f"VERIFY mia {code}")
    irc.expect("FAIL VERIFY INVALID_CODE mia ")
    irc.expect("VERIFY SUCCESS mia ")
    irc.expect(" 001 mia ")


def test_secrets_are_not_in_the_log(server, connect):
    irc = connect(server.plain)
    irc.send("NICK eve", "USER eve 0 * :Eve", "PASS anna:guess-word", "REGISTER * * hidden-word")
    irc.expect(r" 001 ")
    irc.send("ACCOUNT PASSWORD hidden-word other-word")
    irc.expect("is changed")
    server.stop()
    log = "".join(server.err)
    assert "account=eve" in log
    assert not any(word in log for word in ("guess-word", "hidden-word", "other-word", PASSWORD))


@pytest.mark.skipif(
    not all(map(shutil.which, ("irssi", "tmux", "weechat-headless"))), reason="irssi, tmux or weechat-headless is missing"
)
def test_people_log_in_by_hand(server, tmp_path):
    server.ctl("account", "add", "willi", "willi-secret")
    irssi = Irssi(tmp_path / "irssi")
    try:
        irssi.type("/set nick anna")
        irssi.type(f"/connect -notls 127.0.0.1 {server.plain}")
        irssi.sees("/quote PASS")
        irssi.type(f"/quote PASS :anna:{PASSWORD}")
        irssi.sees("Welcome to the Test network")
    finally:
        irssi.close()
    plain_words = "-notls -nicks=willi" if weechat_knows_tls() else "-nicks=willi"
    weechat = WeeChat(tmp_path / "weechat", f"/server add test 127.0.0.1/{server.plain} {plain_words}", "/connect test")
    try:
        weechat.sees("/quote PASS")
        weechat.type("irc.server.test", "/quote PASS willi:willi-secret")
        weechat.sees("Welcome to the Test network")
    finally:
        weechat.close()
