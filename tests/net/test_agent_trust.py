"""Whom the agent trusts, over real TLS: a session is resumed with the ticket of the one before, a certificate that was changed is refused until the
user has it trusted; and its own password as a hash."""

import json
import re
import shutil
import subprocess

import pytest
from fidelity import Agent, Tap, running_all
from live import Irc, Server
from people import CHEAP, GUESTS

HASH = "$argon2id$v=19$m=8,t=1,p=1$8grHh8o/4XfBXswrncDUWA$CAs1IUHmd010Cw2r9xhScrqME1eAgpny59VeLHkViQE"  # of "secret"


def server(folder):
    return Server(folder / "server", GUESTS, CHEAP, name="one.test")


def upstream(agent):
    return json.loads(agent.ctl("upstream", "list", "--json"))[0]


def visit(agent, tap):
    """Comes in and leaves; the bytes that the server has sent."""
    before = len(tap.heard)
    anna = Irc(agent.plain)
    anna.send("NICK anna", "USER anna 0 * :Anna")
    anna.expect(" 422 anna ")
    anna.send("QUIT")
    anna.expect("^ERROR")
    anna.close()
    return len(tap.heard) - before


def test_a_ticket_is_kept_and_used(tmp_path):
    with running_all(server(tmp_path)) as closing:
        one = closing.things[0]
        tap = closing.enter(Tap(one.tls))
        agent = closing.enter(Agent(tmp_path / "agent", tap.port, tls=True))
        assert upstream(agent)["ticket"] == "no"
        first = visit(agent, tap)
        assert upstream(agent)["ticket"] == "yes"
        second = visit(agent, tap)
        assert first - second > 300, "the certificate was sent again"
        agent.ctl("module", "reload", "agent")
        assert first - visit(agent, tap) > 300
        one.close()  # with its key for tickets; the agent has one that nobody knows
        one.start()
        assert abs(visit(agent, tap) - first) < 100
        agent.close()
        agent.start()
        assert upstream(agent)["ticket"] == "no", "a ticket was written down"
        assert abs(visit(agent, tap) - first) < 100


def test_a_changed_certificate_is_refused_and_told(tmp_path):
    with running_all(server(tmp_path)) as closing:
        one = closing.things[0]
        tap = closing.enter(Tap(one.tls))
        agent = closing.enter(Agent(tmp_path / "agent", tap.port, tls=True))
        visit(agent, tap)
        known = upstream(agent)["fingerprint"]
        one.close()
        for name in ("tls.crt", "tls.key"):
            (one.folder / "state" / name).unlink()
        one.start()
        anna = Irc(agent.plain)
        anna.send("PASS anna:word\r\nNICK anna\r\nUSER anna 0 * :Anna")
        told = anna.expect(f" NOTICE .* has the certificate [0-9a-f]{{64}}, trusted is {known}")
        anna.expect("^ERROR :Closing link: ")
        anna.close()
        command = re.search(r"godwitctl --agent (upstream trust \S+ [0-9a-f]{64})$", told)[1]
        assert upstream(agent)["refused"] == command.split()[-1] != known
        agent.ctl(*command.split())
        visit(agent, tap)
        assert (upstream(agent)["pin"], upstream(agent)["refused"]) == ("given", "-")


def hashes():
    yield HASH
    if shutil.which("argon2"):
        yield subprocess.run(["argon2", "somesalt", "-id", "-e", "-m", "10"], input="secret", capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("hashed", hashes())
def test_the_password_may_be_a_hash(tmp_path, hashed):
    with running_all(server(tmp_path)) as closing:
        agent = closing.enter(Agent(tmp_path / "agent", closing.things[0].plain, more=f', password: "{hashed}"'))
        anna = Irc(agent.plain)
        anna.send("CAP LS 302\r\nPASS secret\r\nNICK anna\r\nUSER anna 0 * :Anna\r\nCAP END")
        anna.expect(" 001 anna ")
        anna.close()
        anna = Irc(agent.plain)
        anna.send("CAP LS 302\r\nPASS secre\r\nNICK anna\r\nUSER anna 0 * :Anna\r\nCAP END")
        anna.expect(" 464 \\* :The password for this agent is wrong")
        anna.expect("^ERROR")
        anna.close()
