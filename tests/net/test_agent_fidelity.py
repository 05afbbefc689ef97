"""The agent is not there: what a client says reaches the server byte by byte, and the other way round. Here the server is a fake, which
says whatever the test wants, also what no server of ours would."""

import random
import threading
import time

import pytest
from fidelity import HELLO, Agent, Fake, dial, is_quiet, joined, wait_level_off
from fleet import resident_kb
from live import running

TAG = b"@+draft/x="
LINES = {
    "an ordinary line": b":bob!b@host.test PRIVMSG #tea :Hello\r\n",
    "an empty text": b":bob!b@host.test PRIVMSG #tea :\r\n",
    "blanks at the end": b":bob!b@host.test PRIVMSG #tea :   \r\n",
    "several blanks between words": b":bob!b@host.test  PRIVMSG   #tea  :a  b\r\n",
    "blanks in front": b"   :bob!b@host.test PRIVMSG #tea :a\r\n",
    "no colon": b":bob!b@host.test PRIVMSG #tea hello\r\n",
    "512 bytes": b":bob!b@host.test PRIVMSG #tea :" + b"x" * 479 + b"\r\n",
    "tags of 8191 bytes": TAG + b"y" * (8191 - len(TAG) - 1) + b" :bob!b@host.test PRIVMSG #tea :" + b"x" * 479 + b"\r\n",
    "many tags": b"@" + b";".join(b"a%d=%d" % (i, i) for i in range(500)) + b" PING :x\r\n",
    "tags with escapes": b"@a=\\:\\s\\\\\\r\\n;b=;c;d==; TAGMSG #tea\r\n",
    "a tag that is none": b"@ PING\r\n",
    "tags and nothing else": b"@a=b\r\n",
    "a source and nothing else": b":bob!b@host.test\r\n",
    "bytes that are no UTF-8": b":b PRIVMSG #tea :" + bytes(i for i in range(1, 256) if i not in b"\r\n") + b"\r\n",
    "CTCP and colours": b":b PRIVMSG #tea :\x01ACTION \x0304red\x0f\x01\r\n",
    "a CR within": b":b PRIVMSG #tea :a\rb\r\n",
    "a CR more at the end": b":b PRIVMSG #tea :a\r\r\n",
    "a NUL within": b":b PRIVMSG #tea :a\0b\r\n",
    "a NUL in front": b"\0PING :x\r\n",
    "a line of one NUL": b"\0\r\n",
    "LF alone": b":b PRIVMSG #tea :a\n",
    "LF alone, and CR LF": b"PING :a\nPING :b\r\n\nPING :c\n\r\nPING :d\r\n",
    "empty lines": b"\r\n\r\n\r\nPING :a\r\n\r\n",
    "lines of blanks": b" \r\n   \r\n",
    "an unknown verb": b":b FLURB a b :c d\r\n",
    "a numeric without parameters": b":fake.test 999\r\n",
    "a numeric without a source": b"353 anna = #tea :@anna bob\r\n",
    "a numeric with many parameters": b":fake.test 005 anna " + b" ".join(b"A%d=%d" % (i, i) for i in range(40)) + b" :are supported\r\n",
    "the longest line that it takes": b":b PRIVMSG #tea :" + b"z" * (16384 - 17) + b"\r\n",
}
SERVER_LINES = {
    "a batch": b":s BATCH +1 chathistory #tea\r\n@batch=1;msgid=x :b PRIVMSG #tea :a\r\n:s BATCH -1\r\n",
    "a batch in a batch": b"@label=L :s BATCH +1 labeled-response\r\n@batch=1 :s BATCH +2 netjoin a b\r\n@batch=2 :c!d@e JOIN #tea\r\n"
                          b":s BATCH -2\r\n:s BATCH -1\r\n",
    "an end of a batch that never began": b":s BATCH -zzz\r\n",
    "LIST": b":s 321 anna Channel :Users Name\r\n" + b"".join(b":s 322 anna #c%d %d :topic\r\n" % (i, i) for i in range(500)) + b":s 323 anna :End\r\n",
    "NAMES": b"".join(b":s 353 anna = #big :" + b" ".join(b"@n%d!u@h" % i for i in range(j, j + 30)) + b"\r\n" for j in range(0, 900, 30))
             + b":s 366 anna #big :End\r\n",
    "WHO": b"".join(b":s 352 anna #big u h s n%d H@ :0 r\r\n" % i for i in range(500)) + b":s 315 anna #big :End\r\n",
    "KICK of another": b":b KICK #tea carl :out\r\n",
    "KICK of oneself": b":b KICK #tea anna :out\r\n",
    "KILL of another": b":o KILL carl :out\r\n",
    "changes of nick": b":anna!a@h NICK hanna\r\n:hanna!a@h NICK anna\r\n",
    "one's own joining and parting": b":anna!a@h JOIN #tea\r\n:s 353 anna = #tea :@anna\r\n:s 366 anna #tea :End\r\n:anna!a@h PART #tea\r\n",
    "errors": b":s 433 * anna :in use\r\n:s 417 anna :Input line was too long\r\n:s 461 anna JOIN :few\r\n:s 421 anna FLURB :Unknown\r\n",
    "CAP": b":s CAP anna NEW :batch echo-message=1,2\r\n:s CAP anna DEL :batch\r\n:s CAP anna LS * :a\r\n:s CAP anna LS :b\r\n",
    "a refused CAP that the client has asked for": b":s CAP anna NAK :foo godwit/redirect\r\n:s CAP anna ACK :-batch\r\n",
    "SASL": b"AUTHENTICATE +\r\n:s 903 anna :ok\r\n:s 904 anna :no\r\n:s 908 anna PLAIN,EXTERNAL :mechs\r\n",
    "what looks like the agent's": b":s NOTICE anna :godwit-agent\r\n:s PONG s :godwit-agentx\r\n:s FAIL REDIRECT X :y\r\n",
    "FAIL, WARN, NOTE": b":s FAIL JOIN X #tea :a\r\n:s WARN * Y :b\r\n:s NOTE * Z :c\r\n",
    "PING": b"PING :s\r\nPING s\r\n:s PING s\r\n:s PONG s :x\r\n",
}
CLIENT_LINES = {
    "tags of 4094 bytes": b"@+x=" + b"y" * 4089 + b" PRIVMSG #tea :" + b"x" * 490 + b"\r\n",
    "tags of 8191 bytes, more than there may be": b"@+x=" + b"y" * 8186 + b" PRIVMSG #tea :" + b"x" * 490 + b"\r\n",
    "a label": b"@label=1 WHOIS anna\r\n",
    "a line that is too long": b"PRIVMSG #tea :" + b"x" * 3000 + b"\r\n",
    "CAP by oneself": b"CAP LS 302\r\nCAP REQ :batch\r\nCAP LIST\r\nCAP END\r\n",
    "secrets": b"PASS :a b c\r\nAUTHENTICATE PLAIN\r\nAUTHENTICATE " + b"Q" * 400 + b"\r\nAUTHENTICATE +\r\nOPER a b\r\n",
    "joining with keys": b"JOIN #a,#b k1,k2\r\njoin #c\r\nJOIN 0\r\nPART #a,#b :bye\r\n",
    "away, modes, MONITOR": b"AWAY :x\r\nAWAY\r\nMODE anna +i\r\nMONITOR + a,b\r\nMONITOR C\r\n",
    "verbs in lower case": b"privmsg #tea :a\r\nPrivMsg #tea :b\r\nping x\r\n",
    "PING and PONG": b"PING x\r\nPONG :x y\r\nPING :godwit-agent\r\n",
    "names with colons": b"PRIVMSG :#tea :a\r\n",
    "REDIRECT MOVE": b"REDIRECT MOVE two.test\r\n",
}


@pytest.fixture(scope="module")
def fake():
    one = Fake()
    yield one
    one.close()


@pytest.fixture(scope="module")
def agent(tmp_path_factory, fake):
    with running(Agent(tmp_path_factory.mktemp("agent"), fake.port)) as one:
        yield one


@pytest.fixture
def both(agent, fake):
    client, server = joined(agent.plain, fake)
    yield client, server
    client.close()
    server.close()


MARK = b"PONG :behind it\r\n"


def arrives(source, target, data):
    """Whether these bytes come out as they went in, with nothing between them and what is said next."""
    source.send(data + MARK)
    got = target.until(MARK)[:-len(MARK)]
    assert got == data
    # and again byte by byte, as far as that ends in this life
    if len(data) < 300:
        for i in range(len(data)):
            source.send(data[i:i + 1])
        source.send(MARK)
        assert target.until(MARK)[:-len(MARK)] == data


@pytest.mark.parametrize("what", [*LINES, *SERVER_LINES])
def test_what_the_server_says_comes_byte_by_byte(both, what):
    client, server = both
    arrives(server, client, {**LINES, **SERVER_LINES}[what])


@pytest.mark.parametrize("what", [*LINES, *CLIENT_LINES])
def test_what_the_client_says_comes_byte_by_byte(both, what):
    client, server = both
    arrives(client, server, {**LINES, **CLIENT_LINES}[what])


def test_all_of_it_at_once_both_ways(both):
    """In one connection, many times, in pieces of all sizes."""
    client, server = both
    for source, target, lines in ((server, client, {**LINES, **SERVER_LINES}), (client, server, {**LINES, **CLIENT_LINES})):
        data = b"".join(lines.values())
        for size in (1 << 20, 4096, 1000, 333):
            for i in range(0, len(data), size):
                source.send(data[i:i + size])
            source.send(MARK)
            assert target.until(MARK)[:-len(MARK)] == data


# --- Ends ---


def test_what_is_said_at_registration_passes_in_both_directions(agent, fake):
    """Nothing is added before 001, whatever is said."""
    client = dial(agent.plain)
    said = b"CAP LS 302\r\nPASS :x\r\nAUTHENTICATE PLAIN\r\nAUTHENTICATE AAAA\r\nNICK anna\r\nUSER anna 0 * :Anna\r\nCAP END\r\n"
    heard = b":s NOTICE * :looking you up\r\n:s CAP * LS * :a=b\r\n:s CAP * LS :godwit/redirect sasl=PLAIN\r\nAUTHENTICATE +\r\n" \
            b":s 904 * :no\r\nPING :cookie\r\n"
    client.send(said)
    server = fake.accept()
    assert server.take(len(said)) == said
    server.send(heard)
    assert client.take(len(heard)) == heard
    client.send(b"PONG :cookie\r\n")
    assert server.take(14) == b"PONG :cookie\r\n"
    assert is_quiet(server)
    client.close()


def test_what_is_said_at_once_waits_for_the_server_and_passes(agent, fake):
    """All that a client can say, in the moment in which it is connected."""
    said = b"CAP LS 302\nNICK anna\n\n\r\nUSER anna 0 * :a\0b\n" + b"".join(b"PRIVMSG #tea :%d\r\n" % i for i in range(5000))
    said += b"".join({**LINES, **CLIENT_LINES}.values())
    client = dial(agent.plain)
    sender = Sender(client, said)
    server = fake.accept()
    got = server.take(len(said))
    assert got == said
    sender.join()
    client.close()


@pytest.mark.parametrize("last", [b"", b"ERROR :Closing link: (no)\r\n", b":s 465 anna :banned\r\nERROR :x\r\n", b"half a line"])
@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_server_that_will_not_have_the_client_ends_it(agent, fake, last, how):
    client = dial(agent.plain)
    client.send(HELLO)
    server = fake.accept()
    server.take(len(HELLO))
    server.send(last)
    if how == "close":
        server.close()
    else:
        if last != b"half a line":
            assert client.take(len(last)) == last  # a reset may overtake what was sent before
        server.reset()
        last = b""
    rest, _ = client.rest()
    assert rest == (b"" if last == b"half a line" else last)


def test_quitting_is_answered_by_the_server(both):
    client, server = both
    client.send(b"PRIVMSG #tea :bye\r\nQUIT :gone\r\n")
    assert server.until(b"gone\r\n") == b"PRIVMSG #tea :bye\r\nQUIT :gone\r\n"
    last = b":bob!b@h PRIVMSG anna :bye\r\nERROR :Closing link: (Quit: gone)\r\n"
    server.send(last)
    server.close()
    assert client.rest() == (last, "closed")


@pytest.mark.parametrize("last", [b":oper!o@h KILL anna :out\r\nERROR :Closing link: (x)\r\n", b"ERROR :Closing Link: h (Killed (oper (out)))\r\n",
                                  b":s 465 anna :banned\r\nERROR :Closing link: (x)\r\n"])
def test_who_is_killed_or_banned_hears_why(both, last):
    client, server = both
    server.send(last)
    server.close()
    assert client.rest() == (last, "closed")


@pytest.mark.parametrize("how", ["close", "end_writing", "reset"])
def test_a_client_that_goes_without_a_word_is_gone(both, how):
    client, server = both
    said = b"".join(b"PRIVMSG #tea :%d\r\n" % i for i in range(1000))
    client.send(said)
    if how == "reset":  # it would overtake them
        assert server.take(len(said)) == said
        said = b""
    getattr(client, how)()
    assert server.rest() == (said, "closed")


# --- Much, and slow ones ---


def lines_of(seed, size):
    """Lines of all lengths, numbered; as many bytes as wanted, or a line more."""
    chosen, lines, n = random.Random(seed), [], 0
    while n < size:
        line = b":bob!b@host.test PRIVMSG #tea :%d " % len(lines)
        line += b"x" * chosen.choice((0, 1, 20, 80, 200, 510 - len(line))) + b"\r\n"
        lines.append(line)
        n += len(line)
    return b"".join(lines)


class Sender(threading.Thread):
    """Says it all, as fast as it is taken, or at so many bytes a second."""

    def __init__(self, end, data, rate=None):
        super().__init__(daemon=True)
        self.end, self.data, self.rate, self.sent = end, data, rate, 0
        self.start()

    def run(self):
        piece, began = 20_000, time.monotonic()
        while self.sent < len(self.data):
            self.end.send(self.data[self.sent:self.sent + piece])
            self.sent = min(self.sent + piece, len(self.data))
            if self.rate:
                time.sleep(max(0, began + self.sent / self.rate - time.monotonic()))  # the rate is what is tested


@pytest.mark.parametrize("size, rate, reloads", [(20_000_000, None, 0), (4_000_000, 2_000_000, 0), (4_000_000, 2_000_000, 5)])
def test_much_passes_both_ways_at_once(agent, both, size, rate, reloads):
    """As fast as it goes, and 2 MB a second, also while the agent's code is replaced."""
    client, server = both
    down, up = lines_of(1, size), lines_of(2, size)
    senders = [Sender(server, down, rate), Sender(client, up, rate)]
    readers = [threading.Thread(target=end.fill, args=(len(data),), daemon=True) for end, data in ((client, down), (server, up))]
    for reader in readers:
        reader.start()
    for _ in range(reloads):
        agent.ctl("module", "reload", "agent")
    assert reloads == 0 or any(sender.is_alive() for sender in senders), "it was over before the last reload"
    for thread in senders + readers:
        thread.join(60)
    assert client.got == down and server.got == up


@pytest.mark.parametrize("way", ["a client", "a server"])
def test_who_does_not_read_stops_the_other_side_and_loses_nothing(agent, fake, way):
    client, server = joined(agent.plain, fake)
    source, slow = (server, client) if way == "a client" else (client, server)
    data, before = lines_of(3, 40_000_000), resident_kb(agent.process.pid)
    sender = Sender(source, data)
    assert wait_level_off(lambda: sender.sent) < 20_000_000  # what fills the system's queues
    assert resident_kb(agent.process.pid) - before < 15_000_000 / 1024  # with sanitizers, too
    # the other direction is free
    slow.send(b"PING :free\r\n")
    assert source.until(b"free\r\n") == b"PING :free\r\n"
    slow.fill(len(data))
    assert slow.got == data
    client.close()


# --- A move ---

TOKEN = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8"
MOVE = "AAECAwQFBgcICQoLDA0ODw"
PROOF = "JR0fIX7Y9B4qzgWDe4MdS3YzbEIgWTbaYktC_PgFIj8"  # without TLS (doc/redirect.md)


def line(text):
    return text.encode() + b"\r\n"


@pytest.fixture
def other():
    one = Fake()
    yield one
    one.close()


def test_nothing_is_seen_of_a_move(both, other):
    """All lines of either side, before, between the steps and after; a batch and a label are open all the time."""
    client, server = both
    down = {**LINES, **SERVER_LINES}
    up = {**LINES, **CLIENT_LINES}
    heard, said = b"", b""

    def talk(to):
        nonlocal heard, said
        to.send(b"".join(down.values()))
        client.send(b"".join(up.values()) + MARK)
        heard += b"".join(down.values())
        said = to.until(MARK)
        assert said == b"".join(up.values()) + MARK

    server.send(b"@label=L :s BATCH +7 labeled-response\r\n")
    talk(server)
    server.send(line(f":s REDIRECT REQUEST {MOVE} 127.0.0.1 {other.port} - {TOKEN}"))
    new = other.accept()
    assert new.until(b"\r\n") == line(f"REDIRECT HANDOVER {MOVE} {PROOF}")
    talk(server)
    server.send(b"@batch=7 :b PRIVMSG #tea :last of the old\r\n" + line(f":s REDIRECT SYNC {MOVE}"))
    assert server.until(b"\r\n") == line(f"REDIRECT SYNCED {MOVE}")
    new.send(b"@batch=7 :b PRIVMSG #tea :first of the new\r\n")  # waits until the old one has ended
    client.send(b"".join(up.values()) + MARK)
    heard = b"@label=L :s BATCH +7 labeled-response\r\n" + heard + b"@batch=7 :b PRIVMSG #tea :last of the old\r\n"
    assert client.take(len(heard)) == heard and is_quiet(client)
    assert is_quiet(server) and is_quiet(new)
    server.close()
    assert new.until(b"\r\n") == line(f"REDIRECT SWAP {MOVE}")
    held = b"".join(up.values()) + MARK
    got = new.until(MARK)
    first = held.index(b"\n") + 1  # one line may have been on its way: with it the mover keeps no more than a text
    assert got[first:] == held[first:] and got[:first].rstrip() == held[:first].rstrip()
    heard = b""
    talk(new)
    new.send(b":s BATCH -7\r\n")
    heard = b"@batch=7 :b PRIVMSG #tea :first of the new\r\n" + heard + b":s BATCH -7\r\n"
    assert client.take(len(heard)) == heard and is_quiet(client)
