#!/usr/bin/python3
"""kill -9 again and again while accounts and channels are registered, changed and dropped: what a client was told stays.

    soak_kill.py [ROUNDS [SEED]]     200 rounds

Each worker makes an account (half of them before CAP END, half by hand), goes on with it for a while, and notes what it asks for before it
asks and what it reads afterwards. After a kill what was read must be there; what was asked for and not answered may be there or not, but whole,
and stays as it was found.
"""

import asyncio
import base64
import collections
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
os.environ.setdefault("GODWIT_BUILD", str(HERE.parents[1] / "build"))

from live import GODWIT, Server  # noqa: E402

MORE = "account: {iterations: 4096}\n"
WORKERS = 6
SAMPLE = 12  # older accounts and channels that each round looks at; the last one looks at all
PATIENCE = 30


class Killed(Exception):
    """The connection has ended."""


class Line:
    """A connection; one who reads to the end has read all that the server had sent."""

    @classmethod
    async def open(cls, port):
        self = cls()
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        return self

    def send(self, *lines):
        self.writer.write("".join(line + "\r\n" for line in lines).encode())

    async def expect(self, *patterns):
        """The index of the pattern that the next line that matches one has."""
        while True:
            try:
                line = await asyncio.wait_for(self.reader.readline(), PATIENCE)
            except ConnectionError:
                line = b""
            if not line.endswith(b"\n"):
                raise Killed
            for i, pattern in enumerate(patterns):
                if re.search(pattern, line.decode()):
                    return i

    def close(self):
        self.writer.close()


class Thing:
    """An account or a channel. `there`: True, False, or None when it may be there; `secrets`: one of them is its password or founder."""

    def __init__(self, *secrets):
        self.there = None
        self.secrets = set(secrets)


class Ledger:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.accounts, self.channels = {}, {}
        self.touched = set()
        self.told = collections.Counter()
        self.found = collections.Counter()
        self.serial = 0

    def name(self, prefix):
        self.serial += 1
        return f"{prefix}{self.serial}"

    def secret(self):
        return f"pass-{self.random.getrandbits(48):x}"

    def due(self, everything):
        """Names to look at: all that the last round has touched, and some older ones."""
        names = [*self.accounts, *self.channels]
        if everything:
            return names
        return sorted(self.touched | set(self.random.sample(names, min(SAMPLE, len(names)))))


class Worker:
    """Makes accounts and uses them until its connection ends under it."""

    def __init__(self, ledger, port):
        self.ledger, self.port, self.random = ledger, port, ledger.random

    async def run(self):
        try:
            while True:
                await self.life()
        except (Killed, ConnectionError):
            return

    async def life(self):
        name, secret = self.ledger.name("a"), self.ledger.secret()
        self.line = await Line.open(self.port)
        try:
            await self.register(name, secret)
            for act in self.random.sample([self.password, self.channel, self.drop], self.random.randrange(3)):
                if not await act(name):
                    break
        finally:
            self.line.close()

    async def told(self, what, thing, there, secrets, lines, *answers):
        """Sends; meanwhile the thing is in doubt; the first of the answers settles it."""
        self.ledger.touched.add(what)
        self.line.send(*lines)
        assert await self.line.expect(*answers, " FAIL |ERROR| 46[0-9] ") == 0, f"{lines} was refused"
        thing.there, thing.secrets = there, secrets

    async def register(self, name, secret):
        thing = self.ledger.accounts[name] = Thing(secret)
        by_hand = self.random.random() < 0.5
        hello = [f"NICK {name}", f"USER {name} 0 * :{name}"]
        if by_hand:
            lines = [*hello, f"REGISTER * * {secret}"]
        else:
            lines = ["CAP LS 302", *hello, f"REGISTER {name} * {secret}"]
        await self.told(name, thing, True, {secret}, lines, f" REGISTER SUCCESS {name} ")
        self.ledger.told["registered"] += 1
        if not by_hand:
            self.line.send("CAP END")
        await self.line.expect(" 001 ")

    async def password(self, name):
        thing, new = self.ledger.accounts[name], self.ledger.secret()
        (old,) = thing.secrets
        thing.secrets = {old, new}
        await self.told(name, thing, True, {new}, [f"ACCOUNT PASSWORD {old} {new}"], "Your password is changed")
        self.ledger.told["passwords changed"] += 1
        return True

    async def channel(self, name):
        channel = self.ledger.name("#c")
        thing = self.ledger.channels[channel] = Thing(name)
        lines = [f"JOIN {channel}", f"TOPIC {channel} :all of {channel}", f"MODE {channel} +m", f"CHANNEL REGISTER {channel}"]
        await self.told(channel, thing, True, {name}, lines, "channel is registered to your")
        self.ledger.told["channels registered"] += 1
        if self.random.random() < 0.3:
            thing.there = None
            await self.told(channel, thing, False, {name}, [f"CHANNEL DROP {channel}"], "no longer registered")
            self.ledger.told["channels dropped"] += 1
        return True

    async def drop(self, name):
        thing = self.ledger.accounts[name]
        for channel in self.ledger.channels.values():
            if name in channel.secrets:
                return True  # a channel whose founder is gone is another matter
        thing.there = None
        (secret,) = thing.secrets
        await self.told(name, thing, False, {secret}, [f"ACCOUNT DROP {name} {secret}"], "Your account is gone")
        self.ledger.told["accounts dropped"] += 1
        return False


class Auditor:
    """Compares what is there with what the ledger says, and settles what was in doubt."""

    def __init__(self, ledger, port):
        self.ledger, self.port, self.random = ledger, port, ledger.random

    async def logs_in(self, name, secret):
        line = await Line.open(self.port)
        try:
            hello = [f"NICK {name}", f"USER {name} 0 * :{name}"]
            if self.random.random() < 0.5:
                line.send(f"PASS {name}:{secret}", *hello)
                return await line.expect(" 001 ", " 464 ") == 0
            line.send("CAP REQ sasl", *hello, "AUTHENTICATE PLAIN")
            await line.expect(r"AUTHENTICATE \+")
            line.send("AUTHENTICATE " + base64.b64encode(f"\0{name}\0{secret}".encode()).decode())
            if await line.expect(" 903 ", " 904 ") == 1:
                return False
            line.send("CAP END")
            return await line.expect(" 001 ") == 0
        finally:
            line.close()

    async def whole(self, name):
        """One that does not let in must not be there at all: its name is free."""
        line = await Line.open(self.port)
        line.send("CAP LS 302", f"NICK {name}", f"USER {name} 0 * :{name}", f"REGISTER {name} * abc")
        await line.expect("WEAK_PASSWORD")  # the name is looked up later only
        secret = self.ledger.secret()
        line.send(f"REGISTER {name} * {secret}")
        free = await line.expect("REGISTER SUCCESS", "FAIL REGISTER") == 0
        line.close()
        return free, secret

    async def account(self, name):
        thing = self.ledger.accounts[name]
        fits = [s for s in sorted(thing.secrets) if await self.logs_in(name, s)]
        assert len(fits) <= 1, f"{name} has two passwords"
        assert fits or not thing.there, f"{name} was registered, and does not log in"
        assert not fits or thing.there is not False, f"{name} was dropped, and logs in"
        if thing.there is None or len(thing.secrets) > 1:
            self.ledger.found["unanswered, and there" if fits else "unanswered, and not there"] += 1
        thing.there = bool(fits)
        thing.secrets = set(fits) or thing.secrets
        if not fits and self.random.random() < 0.2:
            free, secret = await self.whole(name)
            assert free, f"{name} is not there, and not free"
            thing.there, thing.secrets = True, {secret}

    async def channel(self, line, name):
        thing = self.ledger.channels[name]
        line.send(f"CHANNEL INFO {name}")
        (founder,) = thing.secrets
        there = await line.expect(f"founder {founder},", f"NOT_REGISTERED {name} ") == 0
        assert there or not thing.there, f"{name} was registered, and is not"
        assert not there or thing.there is not False, f"{name} was dropped, and is there"
        if thing.there is None:
            self.ledger.found["unanswered, and there" if there else "unanswered, and not there"] += 1
        thing.there = there
        if there:
            line.send(f"JOIN {name}", f"MODE {name}", f"PART {name}")
            assert await line.expect(f" 332 auditor {name} :all of {name}", f" 366 auditor {name} ") == 0, f"{name} has no topic"
            assert await line.expect(f" 324 auditor {name} \\+[a-z]*m", f" PART {name}") == 0, f"{name} has lost its modes"

    async def some_accounts(self, names):
        while names:
            await self.account(names.pop())

    async def audit(self, everything):
        names = self.ledger.due(everything)
        accounts = [n for n in names if n[0] != "#"]
        await asyncio.gather(*(self.some_accounts(accounts) for _ in range(8)))
        line = await Line.open(self.port)
        line.send("NICK auditor", "USER auditor 0 * :auditor", f"REGISTER {self.ledger.name('auditor')} * auditing-1")
        await line.expect(" 001 ")
        for name in names:
            if name[0] == "#":
                await self.channel(line, name)
        line.close()
        self.ledger.touched.clear()
        return len(names)


async def traffic(ledger, server):
    """Until chance kills the server: at some time, or at once when somebody has read a success."""
    workers = [asyncio.create_task(Worker(ledger, server.plain).run()) for _ in range(WORKERS)]
    if ledger.random.random() < 0.5:
        await asyncio.sleep(ledger.random.uniform(0.005, 0.3))
    else:
        goal = ledger.told.total() + ledger.random.randrange(1, 40)
        while ledger.told.total() < goal and not any(w.done() for w in workers):
            await asyncio.sleep(0)
    assert server.process.poll() is None, "the server ended by itself:\n" + "".join(server.err[-20:])
    server.kill()
    await asyncio.gather(*workers)


def killed_while_it_starts(server, seconds):
    """A further start that does not get far."""
    process = subprocess.Popen(
        [GODWIT, "-c", server.folder / "godwit.yaml"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    time.sleep(seconds)
    process.kill()
    process.wait()


def figures(counter):
    return ", ".join(f"{counter[key]} {key}" for key in counter)


async def soak(folder, rounds, seed=1, more="", out=print):
    """The ledger, when all is as it should be."""
    ledger = Ledger(seed)
    server = Server(folder, more=MORE + more)
    began, checked = time.monotonic(), 0
    try:
        for turn in range(1, rounds + 1):
            await traffic(ledger, server)
            if ledger.random.random() < 0.2:
                killed_while_it_starts(server, ledger.random.uniform(0, 0.06))
            server.start()
            checked += await Auditor(ledger, server.plain).audit(turn == rounds)
            assert not any("new life" in line for line in server.err), "the database is taken for another one"
            out(f"round {turn} of {rounds}: told {figures(ledger.told)}; {checked} looked at; {time.monotonic() - began:.0f} s")
        server.stop()
    finally:
        server.close()
    return ledger


def main():
    rounds, seed = (int(w) for w in (sys.argv[1:] + ["200", "1"][len(sys.argv) - 1 :])[:2])
    with tempfile.TemporaryDirectory() as folder:
        ledger = asyncio.run(soak(pathlib.Path(folder), rounds, seed))
    print(f"{rounds} kills with -9, the database opened each time, nothing that was reported is missing: "
          f"{figures(ledger.told)}; {figures(ledger.found)}")


if __name__ == "__main__":
    main()
