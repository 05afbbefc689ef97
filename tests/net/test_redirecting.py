"""Moves on TLS, and attempts to take one over; and doc/redirect.md says what is true."""

import os
import pathlib
import re

import pytest
from live import Irc, Network, running, wait_for
from people import CHEAP, Person
from redirecting import TlsIrc, TlsMover
from steps import MOVING, SHORT, Mover, Order, pending, proof_of

PAGE = (pathlib.Path(os.environ["GODWIT_SRC"]) / "doc" / "redirect.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    with running(Network(tmp_path_factory.mktemp("net"), "a-b", modules=MOVING, more=CHEAP + SHORT)) as net:
        yield net


@pytest.fixture
def anna(net):
    """She is on `a`, on TLS, with a witness on `b`; afterwards no move is pending."""
    anna, bob = TlsMover(net["a"].tls, "anna"), Person(net["b"].plain, "bob")
    for one in (anna, bob):
        one.does("JOIN #tea")
    wait_for(lambda: any("anna" in line and "bob" in line for line in bob.does("NAMES #tea")), "anna in sight")
    anna.sync()
    bob.sync()
    anna.bob = bob
    yield anna
    anna.close()
    bob.leave()
    net.wait_level()
    wait_for(lambda: not pending(net), lambda: f"the end of {pending(net)}")


def asked_to_move(net):
    return Order(net["a"], "session", "redirect", "anna", "b.test")


def talk(anna):
    """Both hear each other, once."""
    anna.send("PRIVMSG #tea :1")
    anna.bob.expect(r":anna!\S+ PRIVMSG #tea :1$")
    anna.bob.send("PRIVMSG #tea :2")
    anna.expect(r":bob!\S+ PRIVMSG #tea :2$")
    assert [line for line in anna.sync() + anna.bob.sync() if "PRIVMSG" in line] == []


def is_turned_away(connection):
    """It ends, and nobody's session was there."""
    start = len(connection.seen)
    connection.eof()
    return not any(re.search(r" (001|PRIVMSG|JOIN) ", line) for line in connection.seen[start:])


# --- The page ---


def vector():
    block = re.search(r"^```vector\n(.*?)^```", PAGE, re.M | re.S).group(1)
    return dict(re.split(r"\s*=\s*", line) for line in block.splitlines())


def test_the_vector_of_the_page():
    given = vector()
    assert proof_of(given["id"], given["token"], bytes.fromhex(given["binding"])) == given["proof"]
    assert proof_of(given["id"], given["token"]) == given["proof-plain"]


def forms():
    """The lines of the page's grammar, as regular expressions."""
    block = re.search(r"^```abnf\n(.*?)^```", PAGE, re.M | re.S).group(1)
    assert set(re.findall(r"^(\S+) +=", block, re.M)) == {"id", "token", "proof", "fingerprint", "host", "port", "base64url"}
    word = "[A-Za-z0-9_-]"
    return rf"REDIRECT REQUEST {word}{{22}} [!-~]{{1,255}} \d{{1,5}} ([0-9a-f]{{64}}|-) {word}{{43}}$"


def test_requests_look_as_the_page_says(net, anna):
    order = asked_to_move(net)
    line = anna.expect(" REDIRECT REQUEST ")
    assert re.search(f"^:a.test {forms()}", line), line
    anna.send(f"REDIRECT REFUSE {line.split()[3]} :no")
    assert order.end()[0] != 0
    order.close()
    for example in re.findall(r"^O< (:\S+ REDIRECT REQUEST .*)$", PAGE, re.M):
        assert re.search(forms(), example), example


# --- On TLS ---


def test_a_move_on_tls(net, anna):
    order = asked_to_move(net)
    anna.move()
    assert order.end()[0] == 0
    order.close()
    talk(anna)
    assert any(" b.test " in line for line in anna.does("WHOIS anna"))


def test_the_fingerprint_is_that_of_the_recipient(net, anna):
    order = asked_to_move(net)
    anna.requested()
    assert anna.to_port == net["b"].tls
    assert TlsIrc(net["b"].tls).sock.fingerprint() == anna.fingerprint
    assert TlsIrc(net["a"].tls).sock.fingerprint() != anna.fingerprint
    anna.refuse()
    order.end()
    order.close()
    talk(anna)


def stolen(anna):
    """(who says it, what) by somebody who has seen all that anna says and hears."""
    thief = TlsIrc(anna.to_port)
    yield thief, f"REDIRECT HANDOVER {anna.id} {anna.proof()}"  # for another connection
    thief = TlsIrc(anna.to_port)
    yield thief, f"REDIRECT HANDOVER {anna.id} {proof_of(anna.id, anna.token)}"  # as if without TLS
    thief = TlsIrc(anna.to_port)
    yield thief, f"REDIRECT HANDOVER {anna.id[::-1]} {anna.proof(thief)}"  # another id
    thief = TlsIrc(anna.to_port)
    yield thief, f"REDIRECT HANDOVER {anna.id} {anna.token}"
    thief = TlsIrc(anna.to_port)
    yield thief, f"REDIRECT SWAP {anna.id}"


def test_what_is_stolen_is_worth_nothing(net, anna):
    order = asked_to_move(net)
    anna.requested().dial()
    for thief, line in stolen(anna):
        thief.send(line, "QUIT")
        assert is_turned_away(thief), line
    anna.hand_over().sync_due()
    for thief, line in stolen(anna):
        thief.send(line, "QUIT")
        assert is_turned_away(thief), line
    anna.synced().left().swap()
    assert order.end()[0] == 0
    order.close()
    talk(anna)


def test_the_token_is_worth_something_once(net, anna):
    order = asked_to_move(net)
    anna.move()
    order.end()
    order.close()
    thief = TlsIrc(anna.to_port)
    thief.send(f"REDIRECT HANDOVER {anna.id} {anna.proof(thief)}")
    assert is_turned_away(thief)
    talk(anna)


def test_a_wrong_proof_of_ones_own(net, anna):
    """The connection is closed; the request waits for a better one."""
    order = asked_to_move(net)
    anna.requested().dial().hand_over(proof=proof_of(anna.id, anna.token, bytes(32)))
    assert is_turned_away(anna.new)
    anna.dial().hand_over().sync_due().synced().left().swap()
    assert order.end()[0] == 0
    order.close()
    talk(anna)


def test_too_late(net, anna):
    order = asked_to_move(net)
    anna.requested()
    anna.cancelled()
    assert order.end()[0] != 0
    order.close()
    anna.dial().hand_over()
    assert is_turned_away(anna.new)
    talk(anna)


def test_the_new_connection_must_have_tls_too(net, anna):
    order = asked_to_move(net)
    anna.requested()
    plain = Irc(net["b"].plain)
    plain.send(f"REDIRECT HANDOVER {anna.id} {proof_of(anna.id, anna.token)}")
    assert is_turned_away(plain)
    anna.refuse()
    order.end()
    order.close()
    talk(anna)


def test_without_tls_the_request_says_so(net):
    plain = Mover(net["a"].plain, "paul")
    order = Order(net["a"], "session", "redirect", "paul", "b.test")
    plain.move()
    assert order.end()[0] == 0
    order.close()
    plain.leave()


def test_a_client_that_asks_is_told_what_the_page_says(net, anna):
    asked = re.search(r"^    (REDIRECT MOVE \S+)$", PAGE, re.M)[1]
    told = re.search(r"^    (:one.example FAIL REDIRECT .*)$", PAGE, re.M)[1]
    answers = anna.does(asked, "REDIRECT DANCE")
    assert answers[0] == told.replace("one.example", "a.test")
    codes = {line.split()[3] for line in answers if " FAIL " in line}
    assert codes == set(re.findall(r"^\| `([A-Z]+)` \|", PAGE, re.M)), codes


def test_a_client_without_the_capability_is_not_asked(net):
    bare = Person(net["a"].tls, "carl", tls=True)
    order = Order(net["a"], "session", "redirect", "carl", "b.test")
    status, said = order.end()
    order.close()
    assert status != 0 and said
    assert bare.does("REDIRECT MOVE")[0] == ":a.test FAIL REDIRECT DENIED :Request the capability godwit/redirect first"
    bare.leave()
