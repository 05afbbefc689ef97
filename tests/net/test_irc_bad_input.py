"""Bad input: a clear error, nothing lost, and nobody else notices."""

import re
import socket
import threading
import time

import pytest
from live import Irc
from people import CHEAP, GUESTS, PASSWORD, Person

# As strict as an operator's server: no exemption for the loopback.
STRICT = CHEAP + "client: {%s}\n"


def raw(person, data):
    person.raw(data)
    return person.got()


@pytest.fixture
def pair(people):
    anna, ben = people("anna"), people("ben")
    anna.does("JOIN #c")
    ben.does("JOIN #c")
    anna.got()
    return anna, ben


def test_a_line_of_510_bytes_is_executed_a_longer_one_is_417(pair):
    anna, ben = pair
    head = "PRIVMSG #c :"
    assert anna.does(head + "x" * (510 - len(head))) == []
    assert ben.got()[0].startswith(f":{anna.source} PRIVMSG #c :xxx")
    assert anna.does(head + "x" * (511 - len(head))) == [anna.numeric(417, ":Input line was too long")]
    assert anna.does("x" * 9000) == [anna.numeric(417, ":Input line was too long")]
    assert ben.got() == []


def test_tags_of_4094_bytes_are_relayed_longer_ones_are_417(people):
    anna, ben = people("anna", caps="message-tags"), people("ben", caps="message-tags")
    value = "x" * (4094 - len("+a="))
    anna.does(f"@+a={value} PRIVMSG ben :" + "y" * 497)
    assert ben.tagged()[0][0]["+a"] == value
    assert anna.does(f"@+a={value}x PRIVMSG ben :y") == [anna.numeric(417, ":Input line was too long")]
    assert ben.got() == []


def test_a_stream_without_a_line_end_is_closed(people):
    anna, ben = people("anna"), people("ben")
    try:
        anna.raw(b"x" * 40000)
    except OSError:
        pass
    try:
        while anna.line(5) is not None:
            pass
    except TimeoutError:
        pytest.fail("still open")
    assert not anna.seen or anna.seen[-1].startswith("ERROR :")
    assert ben.does("ISON anna") == [ben.numeric(303, ":")]


@pytest.mark.parametrize("data", [
    b"PRIVMSG #c :\xff\r\n", b"PRIVMSG #c :\xc0\xaf\r\n", b"PRIVMSG #c :\xed\xa0\x80\r\n", b"PRIVMSG #c :\xf5\x80\x80\x80\r\n",
    b"PRIVMSG #c :cut\xe2\x82\r\n", b"PRIVMSG #\xff :x\r\n", b"PRIVMSG #c :nul\0 here\r\n", b"@+a=\xff PRIVMSG #c :x\r\n",
])
def test_no_utf8_and_nul_are_refused(pair, data):
    anna, ben = pair
    lines = raw(anna, data)
    assert lines[0].startswith(":test.example.net FAIL PRIVMSG INVALID_UTF8 :Message rejected")
    assert all(" NOTICE anna :Message rejected" in line for line in lines[1:]) and len(lines) == 2
    assert ben.got() == []


def test_a_refused_line_has_its_label(people):
    anna = people("anna", caps="labeled-response batch standard-replies")
    anna.raw(b"@label=u PRIVMSG #c :\xff\r\n@label=l PRIVMSG #c :" + b"x" * 600 + b"\r\n")
    lines = anna.tagged()
    assert [tags for tags, _ in lines] == [{"label": "u"}, {"label": "l"}]
    assert " INVALID_UTF8 " in lines[0][1] and " 417 " in lines[1][1]


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_either_line_end_will_do(pair, end):
    anna, ben = pair
    anna.raw(end + b"  " + end + b"PRIVMSG #c :a" + end + end + b"privmsg   #c   b" + end)
    assert anna.got() == []
    assert ben.got() == [f":{anna.source} PRIVMSG #c :a", f":{anna.source} PRIVMSG #c :b"]


def test_a_lone_carriage_return_reaches_nobody(pair):
    anna, ben = pair
    anna.raw(b"PRIVMSG #c :a\rQUIT :b\r\n")
    anna.got()
    for line in ben.got():
        assert "\r" not in line
    assert anna.does("PING x")


def test_bytes_may_come_one_by_one(pair):
    anna, ben = pair
    for byte in "PRIVMSG #c :tröpfelt\r\n".encode():
        anna.raw(bytes([byte]))
    anna.got()
    assert ben.got() == [f":{anna.source} PRIVMSG #c :tröpfelt"]


NEEDED = {
    "JOIN": 1, "PART": 1, "KICK": 2, "TOPIC": 1, "MODE": 1, "CHANNEL": 1, "WHOWAS": 1, "USERHOST": 1, "ISON": 1,
    "MONITOR": 1, "OPER": 1, "PING": 1, "SETNAME": 1, "CAP": 1, "AUTHENTICATE": 1,
}


@pytest.mark.parametrize("command", NEEDED)
def test_too_few_parameters_are_461(people, command):
    anna = people("anna")
    answer = [anna.numeric(461, f"{command} :Not enough parameters")]
    for n in range(NEEDED[command]):
        line = " ".join([command] + ["x"] * n)
        assert anna.does(line) == answer
        assert anna.does(line + " :") == answer
        assert anna.does(line.lower()) == answer


def test_no_command_with_strange_words_ends_the_server(place, people):
    """Every command, in every state, with words of every kind: an answer or silence, and the connection lives."""
    anna = people("anna")
    names = " ".join(line.split(" :", 1)[1] for line in anna.does("HELP")[1:-1]).split()
    words = ["", ":", "*", "#", "0", "-1", "+b", "anna", "#c", ",", ",,,,", "%s%n", "x" * 400, "ä☕", "99999999999999999999", "~a:"]
    for name in names:
        if name in ("QUIT", "CTL"):
            continue
        irc = Irc(place.plain)
        for person in (irc, anna):
            person.send(*(f"{name} {a} {b} :{c}" for a in words[:14] for b, c in zip(words, words[3:])))
            person.sync()
        irc.close()
        anna.send("NICK anna")
        anna.sync()


def test_unknown_commands_are_421(people):
    anna = people("anna")
    for line, name in (("dance", "DANCE"), ("123", "123"), ("x" * 100, "X" * 64), ("PRIVMSGS a b", "PRIVMSGS")):
        assert anna.does(line) == [anna.numeric(421, f"{name} :Unknown command")]


@pytest.mark.parametrize("lines", [
    ["AUTHENTICATE DANCE"], ["AUTHENTICATE " + "A" * 401], ["AUTHENTICATE PLAIN", "AUTHENTICATE !!"],
    ["AUTHENTICATE PLAIN", "AUTHENTICATE +"], ["AUTHENTICATE SCRAM-SHA-256", "AUTHENTICATE AAAA"],
    ["AUTHENTICATE PLAIN", *["AUTHENTICATE " + "A" * 400] * 40], ["AUTHENTICATE *"], ["AUTHENTICATE PLAIN", "AUTHENTICATE *"],
])
def test_authenticate_with_garbage_fails_and_a_proper_one_works(place, people, lines):
    place.ctl("account", "add", "sane", PASSWORD, check=False)
    anna = people("anna")
    answer = anna.does(*lines)
    assert any(line.split()[1] in ("904", "905", "906", "908") for line in answer), answer
    anna.send("AUTHENTICATE *")
    anna.sync()
    anna.send("AUTHENTICATE PLAIN", "AUTHENTICATE c2FuZQBzYW5lAGNvcnJlY3QgaG9yc2U=")
    anna.expect(" 903 ")


@pytest.mark.parametrize("line", [
    "REGISTER * * :p", "REGISTER " + "n" * 31 + " * password", "REGISTER 1x * password",
    "REGISTER a,b * password", "REGISTER * nonsense password",
])
def test_a_name_or_password_out_of_bounds_is_a_fail(place, line):
    irc = Irc(place.plain)
    irc.send("CAP LS", "NICK bounds", line)
    got = irc.sync()
    assert any(" FAIL REGISTER " in each for each in got), got
    irc.close()


def ping_times(port, nick, active, out):
    """Round trips of somebody who does no harm, while `active`."""
    person = Person(port, nick)
    while active.is_set():
        start = time.monotonic()
        person.does()
        out.append(time.monotonic() - start)
    person.leave()


def beside(port, act):
    """What PINGs of somebody else take while `act` runs; ends when it does."""
    active, times = threading.Event(), []
    active.set()
    watcher = threading.Thread(target=ping_times, args=(port, "watcher", active, times))
    watcher.start()
    try:
        act()
    finally:
        active.clear()
        watcher.join()
    return sorted(times)


def test_ten_thousand_lines_at_once_are_executed_at_the_allowed_rate(serve):
    server = serve(modules=GUESTS, more=STRICT % "flood-rate: 4000, flood-burst: 400", exempt=False)
    flooder, hearer = Person(server.plain, "flooder"), Person(server.plain, "hearer")

    def flood():
        feed = threading.Thread(target=flooder.raw, args=("".join(f"PRIVMSG hearer :{n}\r\n" for n in range(10000)).encode(),))
        feed.start()
        start = time.monotonic()
        numbers = [int(hearer.expect(r" PRIVMSG hearer ").rsplit(":", 1)[1]) for _ in range(10000)]
        assert numbers == list(range(10000))
        assert time.monotonic() - start > (10000 - 400) / 4000 * 0.8
        feed.join()

    times = beside(server.plain, flood)
    assert times[len(times) * 99 // 100] < 1, times[-10:]


def test_or_they_end_in_excess_flood(serve):
    server = serve(modules=GUESTS, more=STRICT % "flood-rate: 10, excess-flood: 32k", exempt=False)
    flooder, peer = Person(server.plain, "flooder"), Person(server.plain, "peer")
    flooder.does("JOIN #c")
    peer.does("JOIN #c")
    flooder.got()

    def flood():
        try:
            flooder.raw(b"PRIVMSG #c :again and again\r\n" * 10000)
        except OSError:
            pass
        peer.expect(rf"^:{re.escape(flooder.source)} QUIT :Excess Flood$")

    times = beside(server.plain, flood)
    assert times[len(times) * 99 // 100] < 1


def test_who_says_nothing_is_dropped_with_a_reason(serve, connect):
    server = serve(modules=GUESTS, more=STRICT % "login-timeout: 1s, ping-interval: 1s, ping-timeout: 1s", exempt=False)
    quiet, half = connect(server.plain), connect(server.plain)
    half.send("NICK half")
    hello = socket.create_connection(("127.0.0.1", server.tls), 10)
    hello.sendall(bytes.fromhex("160301"))
    nothing = socket.create_connection(("127.0.0.1", server.tls), 10)
    silent = Person(server.plain, "silent")
    quiet.eof()
    half.eof()
    assert quiet.seen[-1] == half.seen[-1] == "ERROR :Closing Link: 127.0.0.1 (You did not log in in time)"
    for sock in (hello, nothing):
        try:
            while sock.recv(4096):
                pass
        except ConnectionResetError:
            pass
        sock.close()
    silent.eof()
    assert silent.seen[-2] == "PING :test.example.net"
    assert re.fullmatch(r"ERROR :Closing Link: 127\.0\.0\.1 \(Ping timeout: \d seconds\)", silent.seen[-1])


def test_who_does_not_read_is_dropped_and_others_are_not_held_up(serve):
    server = serve(modules=GUESTS, more=CHEAP + "client: {exempt: [127.0.0.0/8], sendq: 64k}\n")
    deaf, talker = Person(server.plain, "deaf"), Person(server.plain, "talker")
    deaf.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.does("JOIN #c")
    talker.does("JOIN #c")
    deaf.got()

    def talk():
        for _ in range(200):
            talker.raw(("PRIVMSG #c :" + "x" * 400 + "\r\n").encode() * 100)
            if any(" QUIT :SendQ exceeded" in line for line in talker.sync()):
                return
        pytest.fail("still there")

    times = beside(server.plain, talk)
    assert times[len(times) * 99 // 100] < 0.2


def test_too_many_connections_from_one_address_are_told_so(serve, connect):
    server = serve(modules=GUESTS, more="client: {max-per-address: 3, connect-burst: 4}\n", exempt=False)
    ones = [connect(server.plain) for _ in range(3)]
    for irc in ones:
        irc.sync()
    extra = connect(server.plain)
    extra.eof()
    assert extra.seen[-1].startswith("ERROR :Closing Link: 127.0.0.1 (")
    ones[0].sync()
