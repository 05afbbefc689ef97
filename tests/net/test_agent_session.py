"""The same session straight to a server and through the agent: the recordings differ in times, in what the server draws at random (ids,
nonces), and in nothing else. Where the agent is, a tap between it and the server records, too: there each byte is the same, times or not.
run-all: beside"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field

import pytest
from fidelity import OWN, Agent, Tap, dial, running_all
from live import Server, free_port
from people import CHEAP, GUESTS, PASSWORD, Person
from steps import MOVING

CAPS = ("account-notify account-tag away-notify batch cap-notify chghost echo-message extended-join invite-notify labeled-response "
        "message-tags multi-prefix sasl server-time setname standard-replies userhost-in-names")
OWN_QUESTION = rb"PING :?godwit-agent\S*\r\n|(?:@\S+ )?:\S+ PONG \S+ :?godwit-agent\S*\r\n"
OFTEN = 30  # channels, so that a LIST is a long one


@dataclass
class Record:
    """What the subject has said and heard, step by step."""

    heard: list = field(default_factory=list)
    said: bytes = b""


class Subject:
    """A client that keeps all bytes."""

    def __init__(self, port, tls=False):
        self.end, self.record, self.asked = dial(port, tls), Record(), 0

    def say(self, data):
        self.record.said += data
        self.end.send(data)

    def hear(self, mark):
        """All up to the end of the line that has the mark in it."""
        got = self.end.until(mark) + self.end.until(b"\n")
        self.record.heard.append(got)
        return got

    def step(self, data=b""):
        """Says it; hears all that comes until the answer to a PING behind it."""
        self.asked += 1
        self.say(data + b"PING :step%d\r\n" % self.asked)
        return self.hear(b"step%d" % self.asked)

    def rest(self):
        got, how = self.end.rest()
        self.record.heard.append(got + how.encode())


def plain(subject, password):
    subject.say(b"AUTHENTICATE PLAIN\r\n")
    subject.hear(b"AUTHENTICATE +")
    subject.say(b"AUTHENTICATE " + base64.b64encode(b"\0anna\0" + password.encode()) + b"\r\n")
    subject.hear(b" 90" + (b"3" if password == PASSWORD else b"4"))


def scram(subject, password):
    def hashed(key, data):
        return hmac.digest(key, data, "sha256")

    def answer(data):
        subject.say(b"AUTHENTICATE " + base64.b64encode(data) + b"\r\n")

    bare = b"n=anna,r=fyko+d2lbbFgONRv9qkxdawL"
    subject.say(b"AUTHENTICATE SCRAM-SHA-256\r\n")
    subject.hear(b"AUTHENTICATE +")
    answer(b"n,," + bare)
    first = base64.b64decode(subject.hear(b"AUTHENTICATE ").split()[-1])
    fields = dict(part.split(b"=", 1) for part in first.split(b","))
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields[b"s"]), int(fields[b"i"]))
    key = hashed(salted, b"Client Key")
    without = b"c=biws,r=" + fields[b"r"]
    proof = bytes(a ^ b for a, b in zip(key, hashed(hashlib.sha256(key).digest(), b",".join([bare, first, without]))))
    answer(without + b",p=" + base64.b64encode(proof))
    subject.hear(b"AUTHENTICATE ")
    subject.say(b"AUTHENTICATE +\r\n")
    subject.hear(b" 903")


def comes_in(subject, login):
    subject.say(b"CAP LS 302\r\nNICK anna\r\nUSER anna 0 * :Anna Example\r\n")
    subject.hear(b" CAP * LS ")
    subject.say(b"CAP REQ :no-such-thing\r\nCAP REQ :" + CAPS.encode() + b"\r\n")
    subject.hear(b" ACK ")
    plain(subject, "wrong horse")
    login(subject, PASSWORD)
    subject.say(b"CAP END\r\n")
    subject.hear(b" 422 ")
    subject.step()


def said_to_her(subject, ben):
    """What others do; ben's own answers show that it has been done."""
    ben.does("JOIN #tea", "MODE #tea +o anna")
    subject.step()
    for line in ("PRIVMSG #tea :Hello", "PRIVMSG anna :" + "x" * 480, "NOTICE anna :\x01PING 1\x01", "TOPIC #tea :tea, green",
                 "@+draft/react=:);+x=" + "y" * 4000 + " TAGMSG #tea", "@+x=" + "z" * 4088 + " PRIVMSG anna :" + "w" * 480, "AWAY :out",
                 "AWAY", "SETNAME :Ben B", "NICK benny", "NICK ben", "MODE #tea +v anna", "INVITE anna #room3", "PRIVMSG #tea :bye",
                 "KICK #tea anna :out of here", "PART #tea", "JOIN #tea", "QUIT :gone"):
        if line == "QUIT :gone":
            ben.leave()
        else:
            ben.does(line)
        subject.step()
        if line.startswith("KICK"):
            subject.step(b"PRIVMSG #tea :am I out?\r\nJOIN #tea\r\n")


def says(subject):
    """Whatever she says, good and bad."""
    text = b"x" * (510 - len(b"PRIVMSG #tea :"))
    for lines in (
        b"JOIN #tea\r\n@label=1 TOPIC #tea :green\r\n", b"@label=2 WHOIS anna\r\n@label=3 LIST\r\n@label=4 NAMES #tea\r\n@label=5 WHO #tea\r\n",
        b"LIST\r\nNAMES\r\nWHO *\r\nLUSERS\r\nLINKS\r\nVERSION\r\nADMIN\r\nISUPPORT\r\n", b"PRIVMSG #tea :hello\r\n@label=6 PRIVMSG #tea :echo\r\n",
        b"PRIVMSG #tea :" + text + b"\r\nPRIVMSG #tea :" + text + b"x\r\n", b"PRIVMSG #tea :" + b"y" * 9000 + b"\r\n",
        b"@+x=" + b"y" * 4090 + b" PRIVMSG anna :" + b"z" * 490 + b"\r\n", b"@+x=" + b"y" * 4092 + b" PRIVMSG anna :too much\r\n",
        b"@+x=" + b"y" * 8186 + b" PRIVMSG anna :too much\r\n", b"PRIVMSG #tea :\xff\xfe\r\n", b"PRIVMSG #tea :nul\0 here\r\n", b"\0\r\n\0\0PING x\r\n",
        b"\r\n\n\r\n  \r\n\n", b"PRIVMSG #tea :lone LF\nPRIVMSG #tea :and again\n", b"PRIVMSG #tea :a\rb\r\n", b"PRIVMSG #tea :cr cr\r\r\n",
        b"PRIVMSG\r\nJOIN\r\nPRIVMSG nobody :x\r\nNICK\r\nNICK ben\r\nFLURB 1 2 :3\r\nUSER a b c :d\r\nPASS x\r\nJOIN #nokey,0,! x\r\nPART #never\r\n",
        b":anna PRIVMSG #tea :with a source\r\n:someone-else PRIVMSG #tea :with another\r\n", b"MODE anna +i\r\nMODE anna\r\nAWAY :gone\r\nAWAY\r\n",
        b"MONITOR + ben,carl\r\nMONITOR S\r\nMONITOR L\r\nMONITOR C\r\n", b"CAP LIST\r\nCAP LS\r\nCAP REQ :-away-notify\r\nCAP REQ :away-notify\r\n",
        b"REDIRECT MOVE nowhere.test\r\n", b"NICK hanna\r\nNICK anna\r\nSETNAME :A. E.\r\n", b"OPER x y\r\nKILL ben :x\r\nREHASH\r\n",
        b"AUTHENTICATE PLAIN\r\nAUTHENTICATE *\r\n", b"PING\r\nPING a b\r\nPONG x\r\n",
    ):
        subject.step(lines)


def end(subject, server, how):
    if how == "QUIT":
        subject.say(b"PRIVMSG #tea :bye\r\nQUIT :see you\r\nPRIVMSG #tea :too late\r\n")
    else:
        server.ctl("session", "kick", "anna", "enough")
    subject.rest()


def session(folder, login, how, tls=False, agent=False):
    """The record; and with an agent without TLS, the tap's: what the agent has said, what it has heard."""
    server = Server(folder / "server", MOVING, CHEAP, name="one.test", link=free_port(), start=False)
    server.verb("init", "one.test")
    server.start()
    with running_all(server) as closing:
        port, tap = server.tls if tls else server.plain, None
        if agent:
            tap = None if tls else closing.enter(Tap(port))
            port = closing.enter(Agent(folder / "agent", tap.port if tap else port, tls=tls)).plain
        for name in ("anna", "ben"):
            server.ctl("account", "add", name, PASSWORD)
        ben = Person(server.plain, "ben", account="ben", caps="message-tags")
        ben.does(*(f"JOIN #room{i}" for i in range(OFTEN)))
        subject = Subject(port, tls and not agent)
        comes_in(subject, login)
        says(subject)
        said_to_her(subject, ben)
        end(subject, server, how)
        return subject.record, tap and (bytes(tap.said), bytes(tap.heard))


# --- The comparison ---

RANDOM = [  # what differs from run to run, with or without an agent
    (rb"time=[^; ]+", b"time=T"), (rb"msgid=[^; ]+", b"msgid=M"), (rb" 003 (\S+) :.*", rb" 003 \1 :T"),
    (rb" (317 \S+ \S+) \d+ \d+", rb" \1 T T"), (rb" (329 \S+ \S+) \d+", rb" \1 T"), (rb" (333 \S+ \S+ \S+) \d+", rb" \1 T"),
]


def without_times(steps):
    """The batches are numbered as they come."""
    text = b"".join(steps)
    for pattern, instead in RANDOM:
        text = re.sub(pattern, instead, text)
    for i, name in enumerate(dict.fromkeys(re.findall(rb" BATCH \+(\S+)", text))):
        text = re.sub(rb"(batch=| BATCH [+-])" + re.escape(name) + rb"\b", rb"\g<1>%d" % i, text)
    return text


def without_nonces(text):
    """Of SCRAM: base64 of what depends on the server's part of the nonce."""
    return re.sub(rb"AUTHENTICATE [A-Za-z0-9+/=]{40,}", b"AUTHENTICATE NONCE", text)


@pytest.mark.parametrize("login, how", [(plain, "QUIT"), (scram, "KILL")])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_a_session_is_the_same_with_the_agent(tmp_path, login, how, tls):
    straight, _ = session(tmp_path / "straight", login, how, tls)
    record, tapped = session(tmp_path / "agent", login, how, tls, agent=True)
    wanted, got = (without_nonces(without_times(one.heard)) for one in (straight, record))
    assert got.split(b"\n") == wanted.split(b"\n")
    assert without_nonces(record.said) == without_nonces(straight.said)
    if tapped:
        is_the_same_on_both_sides(record, *tapped)


@pytest.mark.parametrize("agent", [False, True], ids=["straight", "agent"])
def test_a_flood_is_stopped_at_the_same_line(tmp_path, agent):
    """A client that says too much at once: the server executes what its burst allows, of which the agent's own line is one, and ends the
    connection. With an agent it comes back, and hears why."""
    with running_all(Server(tmp_path / "server", GUESTS, f"{CHEAP}client: {{flood-burst: 20, flood-rate: 1, excess-flood: 3000}}\n")) as closing:
        server = closing.things[0]
        port = closing.enter(Agent(tmp_path / "agent", server.plain)).plain if agent else server.plain
        ben, subject = Person(server.plain, "ben"), Subject(port)
        subject.say(b"NICK anna\r\nUSER anna 0 * :Anna\r\n")
        subject.hear(b" 422 ")
        subject.say(b"".join(b"PRIVMSG ben :%d %s\r\n" % (i, b"x" * 100) for i in range(60)))
        subject.hear(b"Excess Flood")
        got = [line for line in ben.got() if " PRIVMSG ben " in line]
        assert len(got) == 20 - len(["NICK", "USER"]) - agent


def is_the_same_on_both_sides(record, said, heard):
    """But for what is the agent's own: a capability, which is not seen where the server lists it, and PINGs on a machine that is slow."""
    assert said.count(OWN) == 1
    own = re.findall(rb"(?:@\S+ )?:\S+ CAP anna ACK :godwit/redirect\r\n", heard)
    assert len(own) == 1
    said, heard = (re.sub(OWN_QUESTION, b"", one) for one in (said, heard))
    heard = re.sub(rb"( CAP anna LIST :[^\r\n]*) godwit/redirect\r\n", rb"\1\r\n", heard.replace(own[0], b""))
    said = said.replace(OWN, b"")
    assert said == record.said[:len(said)]  # nothing is said any more behind QUIT
    assert heard.split(b"\n") == b"".join(record.heard)[:-len(b"closed")].split(b"\n")
