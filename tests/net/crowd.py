"""A crowd of clients in numbered conversation: each message is accounted for by sender and number, and nothing else may be seen."""

import asyncio
import base64
import re
import time


class Person:
    """One client: says numbered things to its channel and to a partner, and checks all that it hears."""

    def __init__(self, crowd, number):
        self.crowd = crowd
        self.port = crowd.ports[number % len(crowd.ports)]
        self.nick = f"u{number}"
        self.channel = f"#c{number // crowd.per_channel}"
        self.partner = f"u{number ^ 1}"
        self.said = 0
        self.heard = {}  # (sender, kind) -> next number
        self.all_said = asyncio.Event()  # the server has executed the last line

    async def connect(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 20)
        self.write(f"NICK {self.nick}", f"USER {self.nick} 0 * :{self.nick}", f"JOIN {self.channel}", "PING in")
        while not (await self.line()).endswith(":in"):
            pass

    def write(self, *lines):
        self.writer.write("".join(line + "\r\n" for line in lines).encode())

    async def line(self):
        data = await self.reader.readline()
        if not data.endswith(b"\r\n"):
            raise AssertionError(f"{self.nick} was disconnected: {data!r}")
        return data[:-2].decode()

    def say(self):
        self.write(f"PRIVMSG {self.channel} :{self.said}", f"PRIVMSG {self.partner} :{self.said}")
        self.said += 1

    def hear(self, line):
        found = re.fullmatch(r":(u\d+)!\S+ PRIVMSG (\S+) :(\d+)", line)
        if not found:
            self.crowd.oddities.append(f"{self.nick}: {line}")
            return
        key = (found[1], found[2][0] == "#")
        expected, number = self.heard.get(key, 0), int(found[3])
        if number != expected:
            self.crowd.oddities.append(f"{self.nick}: {expected} from {key} was due, not {number}")
        self.heard[key] = number + 1
        self.crowd.deliveries += 1

    async def settle(self):
        """Once everybody is in: passes over the JOINs of those who came later."""
        self.write("PING settled")
        while not (line := await self.line()).endswith(":settled"):
            if not re.search(self.crowd.arriving, line):
                self.crowd.oddities.append(f"{self.nick}: {line}")

    async def listen(self):
        """Until the crowd's last PING is answered."""
        while True:
            line = await self.line()
            if " PONG " in line and line.endswith(":last"):
                return
            if " PONG " in line and line.endswith(":said"):
                self.all_said.set()
            elif line.startswith("PING"):
                self.write("PONG" + line[4:])
            else:
                self.hear(line)


async def at_once():
    pass


class Crowd:
    """`size` people (even), `per_channel` in each channel, each saying two things every `pause` seconds. With several ports, those of
    linked servers, they are spread over them; `level` then returns when all servers know of everybody who is in."""

    def __init__(self, port, size, per_channel=10, pause=2.0, level=at_once):
        self.ports = port if isinstance(port, list) else [port]
        self.size, self.per_channel, self.pause, self.level = size, per_channel, pause, level
        # Those who make a channel on two servers at once are both its operators, until the servers have told each other.
        self.arriving = " JOIN #" if len(self.ports) == 1 else " (JOIN|MODE) #"
        self.oddities = []
        self.deliveries = 0
        self.talking = True
        self.people = [Person(self, n) for n in range(size)]

    async def arrive(self):
        for start in range(0, self.size, 50):
            await asyncio.gather(*(p.connect() for p in self.people[start : start + 50]))
        await self.level()
        await asyncio.gather(*(p.settle() for p in self.people))
        self.listeners = [asyncio.create_task(p.listen()) for p in self.people]
        self.talkers = [asyncio.create_task(self.talk(n)) for n in range(self.size)]

    async def talk(self, number):
        await asyncio.sleep(self.pause * number / self.size)
        while self.talking:
            self.people[number].say()
            await asyncio.sleep(self.pause)

    async def leave(self):
        """Everybody falls silent; then each must have heard all that was said to them."""
        self.talking = False
        await asyncio.gather(*self.talkers)
        for person in self.people:
            person.write("PING said")
        await asyncio.wait_for(asyncio.gather(*(p.all_said.wait() for p in self.people)), 60)
        await self.all_heard()
        for person in self.people:
            person.write("PING last")
        await asyncio.wait_for(asyncio.gather(*self.listeners), 60)
        self.account()
        for person in self.people:
            person.writer.close()

    async def all_heard(self):
        """What was said on another server takes its way: waits while more comes in."""
        due = sum(p.said for p in self.people) * self.per_channel  # to the others of the channel, and to the partner
        heard, since = -1, time.monotonic()
        while len(self.ports) > 1 and self.deliveries < due and time.monotonic() - since < 10:
            if self.deliveries != heard:
                heard, since = self.deliveries, time.monotonic()
            await asyncio.sleep(0.02)

    def account(self):
        by_nick = {p.nick: p for p in self.people}
        for person in self.people:
            due = {(p.nick, True): p.said for p in self.people if p.channel == person.channel and p is not person}
            due[(person.partner, False)] = by_nick[person.partner].said
            for key, said in due.items():
                if person.heard.get(key, 0) != said:
                    self.oddities.append(f"{person.nick}: heard {person.heard.get(key, 0)} of {said} from {key}")


class Newcomers:
    """Accounts are registered and logged in to all the while, so that hashing and commits are under way."""

    def __init__(self, port, workers=3, accounts=10):
        self.port, self.workers, self.accounts = port, workers, accounts
        self.active = True
        self.done = self.turns = 0
        self.oddities = []

    async def ask(self, reader, writer, text, *until):
        writer.write(text.encode())
        while True:
            line = (await asyncio.wait_for(reader.readline(), 30)).decode()
            if any(re.search(u, line) for u in until):
                return line
            if not line or line.startswith("ERROR") or " FAIL " in line:
                raise AssertionError(f"{text!r} was answered with {line!r}")

    async def register(self, name):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        await self.ask(reader, writer, f"CAP LS 302\r\nNICK {name}\r\nUSER a 0 * :a\r\nREGISTER {name} * password\r\n", "REGISTER SUCCESS")
        await self.ask(reader, writer, "CAP END\r\n", " 001 ")
        writer.close()

    async def login_and_change(self, name, old, new):
        """Logs in with SASL PLAIN and changes the password: a hash to check, a hash to make, a commit."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        secret = base64.b64encode(f"\0{name}\0{old}".encode()).decode()
        await self.ask(reader, writer, f"CAP REQ sasl\r\nNICK {name}\r\nUSER a 0 * :a\r\nAUTHENTICATE PLAIN\r\n", r"AUTHENTICATE \+")
        await self.ask(reader, writer, f"AUTHENTICATE {secret}\r\n", " 903 ")
        await self.ask(reader, writer, "CAP END\r\n", " 001 ")
        await self.ask(reader, writer, f"ACCOUNT PASSWORD {old} {new}\r\n", "password.*changed")
        writer.close()

    async def work(self, worker):
        """A few accounts are made, then their passwords change again and again."""
        passwords = {}
        while self.active:
            name = f"n{worker}x{self.turns % self.accounts}"
            try:
                if name not in passwords:
                    await self.register(name)
                    passwords[name] = "password"
                new = f"password{self.turns}"
                await self.login_and_change(name, passwords[name], new)
                passwords[name] = new
                self.done += 1
            except (AssertionError, OSError, asyncio.TimeoutError) as error:
                self.oddities.append(f"{name}: {error!r}")
                return
            self.turns += 1

    def start(self):
        self.tasks = [asyncio.create_task(self.work(n)) for n in range(self.workers)]

    async def stop(self):
        self.active = False
        await asyncio.gather(*self.tasks)
