"""The clients of tests/bench/restart: people who talk in numbered messages, on connections that come back as those of usual clients do.

What one of them says is counted when it is typed, whether or not there is a connection at that moment: that is what its user loses.
"""

import asyncio
import re
import time

from steps import proof_of

ROOM = "#room"
DELAY_S = 2.0  # from the end of a connection to the next try
PASSWORD = "correct horse"


class Client:
    """An ordinary client: when its connection ends, it connects again to the same place until that succeeds, and joins its channel."""

    caps = ""

    def __init__(self, port, nick, account=False):
        self.port, self.nick, self.account = port, nick, account
        self.said, self.heard = 0, {}  # (sender, target) -> [(number, when)]
        self.ends = 0
        self.others = []  # what other people's coming and going looked like
        self.waiting, self.answer = None, []
        self.there = asyncio.Event()
        self.writer = None

    # --- Connections ---

    async def dial(self):
        reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 20)
        return reader

    async def begin(self):
        """The first time: with an account of its own where the server has such."""
        reader = await self.dial()
        self.hello(*[f"REGISTER * * :{PASSWORD}"] * self.account)
        self.task = asyncio.create_task(self.live(reader))
        await asyncio.wait_for(self.there.wait(), 30)

    def hello(self, *more):
        if self.caps:
            self.write("CAP LS 302", f"CAP REQ :{self.caps}")
        self.write(f"NICK {self.nick}", f"USER {self.nick} 0 * :{self.nick}", *more)
        if self.caps:
            self.write("CAP END")

    async def live(self, reader):
        while True:
            try:
                await self.listen(reader)
            except OSError:
                pass
            self.ends += 1
            self.there.clear()
            self.writer.close()
            self.writer = None
            reader = await self.again()

    async def again(self):
        while True:
            await asyncio.sleep(DELAY_S)
            try:
                reader = await self.dial()
            except OSError:
                continue
            if self.account:
                self.write(f"PASS :{self.nick}:{PASSWORD}")
            self.hello()
            return reader

    async def listen(self, reader):
        while data := await reader.readline():
            self.hear(data.rstrip(b"\r\n").decode())

    def close(self):
        self.task.cancel()
        if self.writer:
            self.writer.close()

    # --- What is said and heard ---

    def write(self, *lines):
        if self.writer:
            self.writer.write("".join(line + "\r\n" for line in lines).encode())

    def say(self, *targets):
        """The next number, to each of them."""
        if self.there.is_set():
            self.write(*(f"PRIVMSG {target} :{self.said}" for target in targets))
        self.said += 1

    def hear(self, line):
        source, _, rest = line.partition(" ")
        if source == "PING":
            self.write("PONG " + rest)
            return
        words = rest.split(" ")
        sender = source[1:].split("!")[0]
        if words[0] == "PRIVMSG":
            self.heard.setdefault((sender, words[1]), []).append((int(words[2][1:]), time.monotonic()))
        elif words[0] in ("QUIT", "JOIN", "PART", "NICK", "MODE", "AWAY", "KICK"):
            self.others.append((time.monotonic(), sender, line))
        elif words[0] in ("376", "422"):
            self.write(f"JOIN {ROOM}")
        elif words[0] == "366":
            self.there.set()
        if self.waiting:
            self.answer.append(line)
            if "PONG" in words and rest.endswith(self.waiting[0]):
                self.waiting[1].set_result(self.answer)
                self.waiting = None

    async def ask(self, *lines):
        """What comes until a PING behind them is answered."""
        token = f"asked{time.monotonic_ns()}"
        self.answer, self.waiting = [], (token, asyncio.get_running_loop().create_future())
        self.write(*lines, f"PING {token}")
        return await asyncio.wait_for(self.waiting[1], 30)

    async def state(self):
        """What a client may lose, as the server it is on now has it."""
        lines = await self.ask(f"WHOIS {self.nick}", f"MODE {self.nick}", "MONITOR L")
        words = [line.split(" ", 3) for line in lines]
        whois = {number: rest for _, number, _, rest in (word for word in words if len(word) == 4)}
        room = re.search(rf"([~&@%+]*){ROOM}", whois.get("319", ""))
        account = re.search(r"^\S+ (\S+) ", whois.get("330", ""))
        names = re.search(r"^\S+ ", whois.get("311", ""))
        found = {"nick": names and names[0].strip(), "channel": room is not None, "channel status": room and room[1],
                 "away": "301" in whois, "user modes": next((word[3] for word in words if word[1] == "221"), ""),
                 "MONITOR list": whois.get("732", ""), "account": account and account[1]}
        return {key: value for key, value in found.items() if value}


class Movable(Client):
    """The same with the capability godwit/redirect (doc/redirect.md), without TLS."""

    caps = "godwit/redirect"

    def __init__(self, *where, **settings):
        super().__init__(*where, **settings)
        self.id = self.new = None
        self.held = None  # what is typed after SYNCED
        self.moves = 0

    def write(self, *lines):
        if self.held is None:
            super().write(*lines)
        else:
            self.held.extend(lines)

    def hear(self, line):
        found = re.match(r":\S+ REDIRECT (\w+) (\S+) ?(.*)", line)
        if found:
            getattr(self, found[1].lower())(found[2], *found[3].split(" "))
        else:
            super().hear(line)

    def request(self, wanted, host, port, fingerprint, token):
        self.id = wanted
        self.new = asyncio.create_task(self.hand_over(wanted, host, int(port), token))

    async def hand_over(self, wanted, host, port, token):
        try:
            reader, writer = await asyncio.open_connection(host, port, limit=1 << 20)
        except OSError:
            self.write(f"REDIRECT REFUSE {wanted} :The new connection did not come about")
            return None
        writer.write(f"REDIRECT HANDOVER {wanted} {proof_of(wanted, token)}\r\n".encode())
        return reader, writer

    def sync(self, wanted, *_):
        if wanted == self.id:
            self.write(f"REDIRECT SYNCED {wanted}")
            self.held = []

    def cancel(self, wanted, *_):
        if wanted != self.id:
            return
        self.new.add_done_callback(lambda done: done.result() and done.result()[1].close())
        held, self.held, self.id = self.held, None, None
        self.write(*(held or []))

    async def listen(self, reader):
        """Goes over to the new connection when the old one has ended."""
        while True:
            try:
                await super().listen(reader)
            except ConnectionResetError:
                pass
            if self.held is None:
                return
            self.writer.close()
            reader, self.writer = await self.new
            held, self.held = self.held, None
            self.write(f"REDIRECT SWAP {self.id}", *held)
            self.id = None
            self.moves += 1
