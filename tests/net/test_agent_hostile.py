"""Servers that lie to the agent: it does what they may ask of it, within bounds, and the client talks on.
run-all: beside"""

import base64
import os

import pytest
from fidelity import Agent, Fake, joined


@pytest.fixture
def fake():
    one = Fake()
    yield one
    one.close()


@pytest.fixture
def agent(tmp_path, fake):
    one = Agent(tmp_path / "agent", fake.port)
    yield one
    one.close()


def word(n):
    return base64.urlsafe_b64encode(os.urandom(n)).rstrip(b"=")


def request(host=b"127.0.0.1", port=1):
    return b":fake.test REDIRECT REQUEST %s %s %d - %s\r\n" % (word(16), host, port, word(32))


def talks(client, server, text):
    """What both have said so far has been read, and nothing else has come to the client."""
    server.send(b":fake.test NOTICE anna :%s\r\n" % text)
    assert client.until(b"\n") == b":fake.test NOTICE anna :%s\r\n" % text
    client.send(b"PRIVMSG anna :%s\r\n" % text)
    return server.until(b"PRIVMSG anna :%s\r\n" % text)


def test_requests_come_in_thousands(fake, agent):
    client, server = joined(agent.plain, fake)
    for _ in range(20):
        server.send(b"".join(request(b"name%d.invalid" % i) for i in range(100)))
    heard = talks(client, server, b"one")
    assert 1900 < heard.count(b":No, thank you") < 2000
    assert agent.status()["agent-moves"] == "0"


def test_lines_about_moves_that_nobody_began(fake, agent):
    client, server = joined(agent.plain, fake)
    for verb in (b"SYNC", b"CANCEL", b"SYNCED", b"SWAP", b"HANDOVER", b"REQUEST", b"FLURB", b""):
        for rest in (word(16), b"", b"x y z", b"x" * 9000, word(16) + b" :gone"):
            server.send(b"REDIRECT %s %s\r\n:fake.test REDIRECT %s %s\r\n@time=x REDIRECT %s\r\n" % (verb, rest, verb, rest, verb))
    for host, port in ((b"unix", 1), (b"unix:/etc/passwd", 1), (b"[::1]", 1), (b"%n%s", 1), (b"x" * 255, 1), (b"a..b", 1), (b"1.2.3.4.5", 1), (b"0::1", 1)):
        server.send(request(host, port))
    heard = talks(client, server, b"one")
    assert b"SYNCED" not in heard and b"SWAP" not in heard and b"HANDOVER" not in heard
    talks(client, server, b"two")
    assert agent.status()["agent-moves"] == "0"
