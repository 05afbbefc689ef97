#!/usr/bin/python3
"""A random conversation with a real server whose modules and options change all the while.

    soak_chaos.py [SECONDS [SEED [CLIENTS]]]     120 seconds, a random seed, 24 clients at a time

What must hold: the server lives, answers the control socket and a quiet client, finds no pointer into closed code, logs no password,
gives everything back when all have left, and ends with status 0 (a build with sanitizers reports also leaks there).
"""

import asyncio
import os
import pathlib
import random
import re
import ssl
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
os.environ.setdefault("GODWIT_BUILD", str(HERE.parents[1] / "build"))

from chaos_talk import ACCOUNTS, NICKS, PASSWORDS, Talk  # noqa: E402
from live import ALL, Server  # noqa: E402

MODULES = (ALL + ", guest").split(", ")
LOOSE = ["message", "query", "monitor", "oper", "guest", "channel", "account"]
BASE = """
account: {iterations: 4096}
query: {whowas: 100}
log: {level: debug}
debug: {scan-state: yes}
"""
# The observer's address is exempt from all limits in each of them.
CLIENT = 'client: {exempt: [127.0.0.0/8], max-clients: 500}\n'
VARIED = [
    CLIENT + "oper: {roles: [\"admin *\", \"helper kill ban\"]}\n",
    'client: {exempt: [127.0.0.1], flood-rate: 50, flood-burst: 100, connect-interval: 0s, sendq: 64k}\n',
    'client: {exempt: [127.0.0.1], excess-flood: 8k, recvq: 16k, connect-interval: 0s, max-per-address: 8}\n',
    'client: {exempt: [127.0.0.1], login-timeout: 1s, registration-timeout: 1s, ping-interval: 1s, ping-timeout: 1s, connect-interval: 0s}\n',
    CLIENT + "channel: {max-channels: 3}\n",
    CLIENT + "description: Another\n",
]
BROKEN = ["client: {exempt: [nonsense]}\n", "nonsense: 1\n", "client: [\n", "client: {sendq: 1}\n", "include: [missing.yaml]\n", "\tx", "client: {sendq: 1m, sendq: 2m}\n"]
BAD_LOG = re.compile(r"Sanitizer|runtime error|pointers? into|stale|left behind|memory left|" + "|".join(PASSWORDS))


class Chaos:
    def __init__(self, folder, seconds, seed, clients, patience=1.0):
        self.seconds, self.seed, self.clients, self.patience = seconds, seed, clients, patience
        self.random = random.Random(seed)
        self.server = Server(folder, modules=", ".join(MODULES), more=BASE + CLIENT)
        self.head = (self.server.folder / "godwit.yaml").read_text().split(BASE)[0]
        self.socket = self.server.folder / "state" / "control.sock"
        self.said, self.connections, self.commands = 0, 0, 0
        self.slowest_status = self.slowest_ping = 0.0
        self.last = []
        self.active = True

    # The control socket, spoken directly: godwitctl's own start would be most of the time.

    async def ctl(self, *words):
        """(status, rows): each row a list of cells."""
        reader, writer = await asyncio.open_unix_connection(str(self.socket), limit=1 << 24)
        writer.write(b"godwitctl 1\nC\t" + "\t".join(words).encode() + b"\n")
        rows = []
        try:
            while True:
                line = await asyncio.wait_for(reader.readline(), 20)
                if not line:
                    return None, rows
                kind, *cells = line.decode().rstrip("\n").split("\t")
                if kind == "E":
                    return int(cells[0]), rows
                if kind in "RT":
                    rows.append(cells)
        finally:
            writer.close()

    def configure(self, text, modules=MODULES):
        head = re.sub(r"^modules: .*$", f"modules: [{', '.join(modules)}]", self.head, flags=re.M)
        (self.server.folder / "godwit.yaml").write_text(head + BASE + text)

    def admin_words(self, r):
        module = r.choice(MODULES)
        account = r.choice(ACCOUNTS)
        return r.choices(
            [
                ("module", "reload", module), ("module", "reload", "all"),
                ("module", "unload", r.choice(LOOSE), *r.choice([(), ("--cascade",)])), ("module", "load", r.choice(LOOSE)),
                ("rehash",), ("oper", "add", account), ("oper", "remove", account),
                ("ban", "add", r.choice([account, f"127.0.1.{r.randint(2, 9)}", "127.0.1.0/30", "x/y"]), r.choice(["1s", "never", "2s"]), "why"),
                ("ban", "remove", r.choice([account, f"127.0.1.{r.randint(2, 9)}", "127.0.1.0/30"])),
                (r.choice(["account list", "account info " + account, "account drop " + account, "channel list", "channel info #a", "ban list", "oper list",
                           "module info " + module, "services status", "help", "log level", "log level client info", "nonsense"]).split()),
                ("account", r.choice(["add", "password"]), account, r.choice(PASSWORDS)),
                ("session", "kick", r.choice(NICKS), "because"), ("module", "unload", "services", "--cascade"),
            ],
            [12, 3, 6, 10, 8, 6, 2, 3, 6, 10, 4, 3, 0.3],
        )[0]

    async def administer(self, r):
        while self.active:
            words = self.admin_words(r)
            if words[0] == "rehash":
                modules = [m for m in MODULES if m not in LOOSE or r.random() < 0.8]
                kind = r.random()
                self.configure(r.choice(BROKEN) if kind < 0.3 else r.choice(VARIED), modules if kind < 0.7 else MODULES)
            self.note("admin", words)
            await self.ctl(*words)
            self.commands += 1
            if r.random() < 0.15:
                await self.ctl("module", "load", "account")
                for name in LOOSE + ["services"]:
                    await self.ctl("module", "load", name)
            await asyncio.sleep(r.random() * 0.08)

    def note(self, who, what):
        self.last.append((who, what))
        del self.last[:-60]

    # Clients.

    async def open(self, r):
        local = (f"127.0.1.{r.randint(2, 20)}", 0)
        if r.random() < 0.3:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            return await asyncio.open_connection("127.0.0.1", self.server.tls, local_addr=local, ssl=context, limit=1 << 20)
        return await asyncio.open_connection("127.0.0.1", r.choice([self.server.plain] * 9 + [self.server.tls]), local_addr=local, limit=1 << 20)

    async def swallow(self, reader, writer, talk):
        """Reads all; PINGs are answered mostly."""
        while line := await reader.readline():
            if line.startswith(b"PING") and talk.random.random() < 0.9:
                writer.write(b"PONG" + line[4:])

    async def converse(self, r, writer, talk, number):
        lines = [line.encode() + b"\r\n" for line in talk.coming()]
        lines += [talk.line() for _ in range(int(r.expovariate(1 / 60)))]
        while lines and self.active:
            batch = [lines.pop(0) for _ in range(min(len(lines), r.choice([1, 1, 2, 5, 40])))]
            self.note(number, batch)
            data = b"".join(batch)
            cut = r.randrange(len(data) + 1) if r.random() < 0.2 else len(data)
            writer.write(data[:cut])
            await asyncio.sleep(r.random() * 0.02)
            writer.write(data[cut:])
            self.said += len(batch)
            await writer.drain()
            await asyncio.sleep(r.random() ** 4 * 0.3)

    async def live(self, r, number):
        """One connection and its end."""
        talk = Talk(r)
        reader, writer = await asyncio.wait_for(self.open(r), 20)
        self.connections += 1
        reading = asyncio.create_task(self.swallow(reader, writer, talk)) if r.random() < 0.9 else None
        try:
            await self.converse(r, writer, talk, number)
            end = r.random()
            if end < 0.3:
                writer.write(b"QUIT :bye\r\n" + talk.line())
                await writer.drain()
            elif end < 0.5 and writer.can_write_eof():
                writer.write_eof()
                await asyncio.sleep(0.05)
            elif end < 0.8:
                writer.transport.abort()
        finally:
            if reading is not None:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
            writer.transport.abort()

    async def keep_living(self, number):
        r = random.Random(f"{self.seed} {number}")
        while self.active:
            try:
                await asyncio.wait_for(self.live(r, number), 15)
            except (OSError, asyncio.TimeoutError, ssl.SSLError, ValueError, asyncio.IncompleteReadError):
                await asyncio.sleep(0.02)

    # What must hold.

    async def observe(self):
        """A quiet client that is always answered, and never put out."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.plain, limit=1 << 20)
        writer.write(b"NICK observer\r\nUSER o 0 * :o\r\nPING 0\r\n")
        turn, asked = 0, time.monotonic()
        while True:
            line = await asyncio.wait_for(reader.readline(), 20)
            assert line and not line.startswith(b"ERROR"), f"the observer was put out: {line!r}"
            if line.startswith(b"PING"):
                writer.write(b"PONG" + line[4:])
            if b" PONG " not in line:
                continue
            took = time.monotonic() - asked
            self.slowest_ping = max(self.slowest_ping, took)
            assert took < self.patience, f"a PING took {took:.3f} s"
            await asyncio.sleep(0.05)
            turn, asked = turn + 1, time.monotonic()
            writer.write(b"PING %d\r\n" % turn)

    async def watch(self):
        while True:
            begun = time.monotonic()
            status, _ = await self.ctl("status")
            took = time.monotonic() - begun
            assert status == 0, f"status ended with {status}"
            self.slowest_status = max(self.slowest_status, took)
            assert took < self.patience, f"status took {took:.3f} s"
            assert self.server.process.poll() is None, "the server has ended"
            await asyncio.sleep(0.1)

    async def figures(self):
        _, rows = await self.ctl("status")
        return {row[0]: row[1] for row in rows if len(row) > 1}

    async def memory(self):
        _, rows = await self.ctl("module", "list")
        return {row[0]: int(row[4]) for row in rows}

    async def settle(self):
        """All have left: only the observer is there."""
        self.configure(CLIENT)
        for words in (("rehash",), *(("module", "load", m) for m in MODULES)):
            await self.ctl(*words)
        for mask in [*ACCOUNTS, "127.0.1.0/30", *(f"127.0.1.{n}" for n in range(2, 10))]:
            await self.ctl("ban", "remove", mask)
        deadline = time.monotonic() + 20
        while True:
            now = await self.figures()
            # Registered channels are kept.
            if (now["users"], now["clients"], now["connections"]) == ("1", "1", "2") and int(now["channels"]) <= int(now["services-channels"]):
                break
            assert time.monotonic() < deadline, f"not everything has gone: {now}"
            await asyncio.sleep(0.05)
        await self.ctl("module", "reload", "all")
        return await self.memory()

    async def round(self, seconds):
        """Lets them loose for so long; returns the memory of each module when all have gone."""
        self.active = True
        crowd = [asyncio.create_task(self.keep_living(f"{seconds}/{n}")) for n in range(self.clients)]
        crowd += [asyncio.create_task(self.administer(random.Random(self.random.random()))) for _ in range(2)]
        watchers = [asyncio.create_task(self.watch()), self.observer]
        done, _ = await asyncio.wait([*crowd, *watchers], timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
        self.active = False
        for task in done:
            task.result()
        await asyncio.wait_for(asyncio.gather(*crowd), 60)
        watchers[0].cancel()
        await asyncio.gather(watchers[0], return_exceptions=True)
        return await self.settle()

    def check_log(self):
        for at, line in enumerate(self.server.err):
            assert not BAD_LOG.search(line), "in the log: " + "".join(self.server.err[at : at + 100])

    async def run(self):
        self.observer = asyncio.create_task(self.observe())
        first = await self.round(self.seconds / 3)
        last = await self.round(self.seconds / 3 * 2)
        self.check_log()
        for name, size in last.items():
            # Tables that have grown stay grown; the accounts that were made are still known.
            assert size <= 2 * first[name] + 65536, f"memory of {name} grew from {first[name]} to {size} bytes"
        self.observer.cancel()
        await asyncio.gather(self.observer, return_exceptions=True)
        self.server.stop()
        self.check_log()
        return first, last

    def story(self):
        lines = [f"{who}: {what}" for who, what in self.last]
        return "\n".join([f"seed {self.seed}; the last that was said:", *lines, "the server's log:", *self.server_said()[-120:]])

    def server_said(self):
        return [line.rstrip() for line in self.server.err if 'command="status"' not in line]


def chaos(folder, seconds, seed, clients=24, patience=1.0):
    one = Chaos(folder, seconds, seed, clients, patience)
    try:
        first, last = asyncio.run(one.run())
    except BaseException:
        one.server.close()
        print(one.story(), file=sys.stderr)
        raise
    finally:
        one.server.close()
    return one, first, last


def main():
    given = [int(word) for word in sys.argv[1:]]
    seconds, seed, clients = (given + [120, random.randrange(1 << 32), 24][len(given):])[:3]
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        one, first, last = chaos(pathlib.Path(folder) / "server", seconds, seed, clients)
    print(f"{one.connections} connections said {one.said} lines, {one.commands} admin commands; slowest answers: PING {one.slowest_ping:.3f} s, "
          f"status {one.slowest_status:.3f} s; memory " + ", ".join(f"{name} {first[name]} -> {last[name]}" for name in last))


if __name__ == "__main__":
    main()
