"""The agent is not there: what a client says reaches the server byte by byte, and the other way round. Here the server is a fake, which
says whatever the test wants, also what no server of ours would."""

import pytest
from fidelity import HELLO, OWN, WELCOME, Agent, Fake, dial, is_quiet, joined
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
    client, server = joined(agent.plain, fake, own=True)
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
