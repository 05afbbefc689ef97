"""People on linked servers who register, rename, rule and talk while the links between the servers break; and what must hold afterwards."""

import asyncio
import random
import re

PASSWORD = "password-of-%d"
CHANNELS = ["#s0", "#s1", "#s2"]
# Few enough that two sides of a split want the same ones.
NICKS = [f"nick{n}" for n in range(12)]
CONTESTED = [f"wanted{n}" for n in range(6)]


class Guest:
    """One client at home on one server: asks one thing at a time, and keeps all that it is told."""

    def __init__(self, server, number):
        self.server, self.number = server, number
        self.told = []
        self.turn = 0
        self.nick = None
        self.asking = asyncio.Lock()

    async def connect(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.server.plain, limit=1 << 20)
        self.nick = f"g{self.number}x{self.turn}"
        self.turn += 1
        self.write(f"NICK {self.nick}", f"USER g{self.number} 0 * :guest {self.number}")
        await self.until(r" 001 ")
        for channel in CHANNELS:
            await self.ask(f"JOIN {channel}")

    def write(self, *lines):
        self.writer.write("".join(line + "\r\n" for line in lines).encode())

    async def line(self):
        data = await asyncio.wait_for(self.reader.readline(), 20)
        if not data:
            raise ConnectionError(f"guest {self.number} was put out: {self.told[-3:]}")
        text = data[:-2].decode()
        self.told.append(text)
        if text.startswith("PING"):
            self.write("PONG" + text[4:])
        renamed = re.match(r":([^!]+)!\S+ NICK :?(\S+)$", text)
        if renamed and renamed[1] == self.nick:
            self.nick = renamed[2]
        return text

    async def until(self, *patterns):
        while True:
            text = await self.line()
            if any(re.search(pattern, text) for pattern in patterns):
                return text

    async def ask(self, command, *until):
        """Does something; the lines until it is answered (by a PONG, unless a pattern is given)."""
        async with self.asking:
            start = len(self.told)
            self.turn += 1
            if until:
                self.write(command)
                await self.until(*until)
            else:
                self.write(command, f"PING {self.turn}")
                await self.until(rf" PONG \S+ :?{self.turn}$")
            return self.told[start:]

    def close(self):
        self.writer.close()


class Registrations:
    """What was reported as done: accounts by name, each with the password, its server and the client that was told."""

    def __init__(self):
        self.accounts, self.channels = [], []
        self.refused = 0
        self.number = 0

    async def account(self, server, name):
        """Registers over a connection of its own, which stays open to be told of a conflict."""
        self.number += 1
        guest = Guest(server, self.number)
        guest.reader, guest.writer = await asyncio.open_connection("127.0.0.1", server.plain, limit=1 << 20)
        password = PASSWORD % guest.number
        guest.write("CAP LS 302", f"NICK {name}", f"USER r 0 * :{name}", f"REGISTER {name} * {password}")
        said = await guest.until(r" REGISTER SUCCESS ", r" FAIL REGISTER ", r" 433 ")
        if "SUCCESS" not in said:
            self.refused += 1
            guest.close()
            return
        guest.nick = name
        guest.write("CAP END")
        # A guest may have the nick; then the account is in under another name.
        said = await guest.until(r" 001 ", r" 433 ")
        if " 433 " in said:
            guest.write(f"NICK r{guest.number}")
            await guest.until(r" 001 ")
        self.accounts.append((name, password, server, guest))

    async def channel(self, server, name):
        """By the account that this server has registered last."""
        mine = [entry for entry in self.accounts if entry[2] is server]
        if not mine:
            return
        guest = mine[-1][3]
        await guest.ask(f"JOIN {name}")
        answer = await guest.ask(f"CHANNEL REGISTER {name}", r" NOTICE \S+ :The channel is registered to your account", r" FAIL CHANNEL ",
                                 r" NOTICE \S+ :.*registered", r" 482 ", r" 403 ", r" 442 ", r" 401 ")
        if "is registered to your account" in answer[-1]:
            self.channels.append((name, mine[-1]))


class Storm:
    def __init__(self, net, seed, guests=10):
        self.net, self.random = net, random.Random(seed)
        self.guests = [Guest(server, n) for n, server in enumerate(list(net) * ((guests + len(net.servers) - 1) // len(net.servers)))]
        self.book = Registrations()
        self.done = self.breaks = 0
        self.active = True

    async def begin(self):
        for guest in self.guests:
            await guest.connect()
        await asyncio.to_thread(self.net.wait_level)
        # Everybody may do everything, so that what is opposed is also done.
        ruler = self.guests[0]
        for channel in CHANNELS:
            for guest in self.guests[1:]:
                await ruler.ask(f"MODE {channel} +o {guest.nick}")
        await asyncio.to_thread(self.net.wait_level)

    def deed(self, r, guest):
        channel, other = r.choice(CHANNELS), r.choice(self.guests).nick
        return r.choices(
            [
                f"MODE {channel} {r.choice('+-')}{r.choice('mntsi')}", f"MODE {channel} +k key{r.randrange(3)}", f"MODE {channel} -k *",
                f"MODE {channel} +l {r.randrange(50, 60)}", f"MODE {channel} -l", f"MODE {channel} {r.choice('+-')}b *!*@h{r.randrange(5)}",
                f"MODE {channel} {r.choice('+-')}{r.choice('ov')} {other}", f"TOPIC {channel} :topic {r.randrange(1000)}", f"NICK {r.choice(NICKS)}",
                f"KICK {channel} {other} :out", f"PART {channel}", f"AWAY :{r.randrange(9)}", "AWAY", f"PRIVMSG {channel} :hi", f"SETNAME :n{r.randrange(9)}",
            ],
            [4, 2, 1, 2, 1, 4, 5, 6, 8, 2, 1, 2, 1, 2, 2],
        )[0]

    async def act(self, guest):
        r = random.Random(f"{self.random.random()} {guest.number}")
        while self.active:
            await guest.ask(self.deed(r, guest))
            if r.random() < 0.3:
                await guest.ask(f"JOIN {r.choice(CHANNELS)}")
            self.done += 1
            await asyncio.sleep(r.random() * 0.05)

    async def register(self):
        r = random.Random(self.random.random())
        servers = list(self.net)
        while self.active:
            name = r.choice(CONTESTED) + str(len(self.book.accounts) // 20) if r.random() < 0.4 else f"own{self.book.number}"
            await self.book.account(r.choice(servers), name)
            if r.random() < 0.4:
                await self.book.channel(r.choice(servers), f"#kept{r.randrange(6)}")
            await asyncio.sleep(0.1)

    async def breaks_and_heals(self, least, most):
        r = random.Random(self.random.random())
        pairs = ["-".join(pair) for pair in self.net.pairs]
        while self.active:
            await asyncio.sleep(r.uniform(least, most))
            some = r.sample(pairs, r.randint(1, len(pairs)))
            await asyncio.to_thread(self.net.cut, *some)
            self.breaks += 1
            await asyncio.sleep(r.uniform(least, most))
            self.net.heal(*some)

    async def rage(self, seconds, least=0.5, most=3.0):
        """For so long; then all links are whole and everything is level."""
        tasks = [asyncio.create_task(self.act(guest)) for guest in self.guests]
        tasks += [asyncio.create_task(self.register()) for _ in range(2)]
        if most:  # else nothing breaks
            tasks.append(asyncio.create_task(self.breaks_and_heals(least, most)))
        done, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
        self.active = False
        for task in done:
            task.result()
        await asyncio.wait_for(asyncio.gather(*tasks), 60)
        self.net.heal(*("-".join(pair) for pair in self.net.pairs))
        await asyncio.to_thread(self.net.wait_level, 60)

    # --- What must hold ---

    async def view(self, guest):
        """What a client can see of the common state, in a form that is the same everywhere."""
        seen = []
        for channel in CHANNELS:
            names = []
            for line in await guest.ask(f"NAMES {channel}"):
                if " 353 " in line:
                    names += line.rsplit(":", 1)[1].split()
            seen.append((channel, sorted(names)))
            for command, numerics in ((f"MODE {channel}", "324"), (f"TOPIC {channel}", "332|331|333"), (f"MODE {channel} b", "367")):
                lines = [line.split(f" {guest.nick} ", 1)[1] for line in await guest.ask(command) if re.search(rf" ({numerics}) ", line)]
                seen.append((command, sorted(lines)))
        return seen

    async def check_views(self):
        watchers = []
        for server in self.net:
            watcher = Guest(server, 9000 + len(watchers))
            watchers.append(watcher)
            await watcher.connect()
        await asyncio.to_thread(self.net.wait_level)
        views = [await self.view(watcher) for watcher in watchers]
        for view in views[1:]:
            assert view == views[0], f"{view}\n{views[0]}"
        for watcher in watchers:
            watcher.close()

    async def logs_in(self, server, name, password):
        """The name of the account as the server tells it, None if it does not let in."""
        guest = Guest(server, 9999)
        guest.reader, guest.writer = await asyncio.open_connection("127.0.0.1", server.plain, limit=1 << 20)
        guest.write("CAP LS 302", f"PASS {name}:{password}", f"NICK l{self.random.randrange(1 << 30)}", "USER l 0 * :l", "CAP END")
        said = await guest.until(r" 900 ", r" 464 ", r"^ERROR", r" 904 ", r" NOTICE \S+ :.*(wrong|no account|not right|Invalid|incorrect)")
        guest.close()
        found = re.search(r" 900 \S+ \S+ (\S+) ", said)
        return found[1] if found else None

    async def dispute(self, name, entries):
        """Who owns the name, as each server has it."""
        told = [f"{name} was registered {len(entries)} times:"]
        for password, server, _ in entries:
            views = [f"{other.name} {await self.logs_in(other, name, password)}" for other in self.net]
            told.append(f"on {server.name}, which logs in: " + ", ".join(views))
        return "\n".join(told)

    async def check_accounts(self):
        """Each registration that was reported is an account: under its name, or its owner was told of the conflict."""
        names = {}
        for name, password, server, guest in self.book.accounts:
            names.setdefault(name, []).append((password, server, guest))
        servers = list(self.net)
        conflicts = 0
        for name, entries in names.items():
            owners = [entry for entry in entries if await self.logs_in(self.random.choice(servers), name, entry[0]) == name]
            assert len(owners) == 1, await self.dispute(name, entries)
            for password, server, guest in entries:
                if (password, server, guest) in owners:
                    continue
                conflicts += 1
                await guest.ask("PING conflict")
                shown = [found[1] for line in guest.told for found in [re.search(rf" is shown as ({re.escape(name)}~\w+),", line)] if found]
                assert shown, f"the other owner of {name} was not told:\n" + "\n".join(guest.told[-10:])
                assert await self.logs_in(self.random.choice(servers), shown[-1], password) == shown[-1]
        return conflicts

    async def check_channels(self):
        """Each channel that was reported as registered is, by that account, or its founder was told."""
        by_name = {}
        for name, (account, password, server, guest) in self.book.channels:
            by_name.setdefault(name, []).append(guest)
        for name, founders in by_name.items():
            for guest in founders:
                await guest.ask("PING founder")
            told = [any(re.search(rf"{re.escape(name)}~\w+", line) for line in guest.told) for guest in founders]
            assert told.count(False) == 1, f"{name}: {told}"

    async def check(self):
        await self.check_views()
        conflicts = await self.check_accounts()
        await self.check_channels()
        return conflicts

    def story(self):
        return (f"{self.done} deeds, {self.breaks} breaks, {len(self.book.accounts)} accounts and {len(self.book.channels)} channels registered, "
                f"{self.book.refused} refused")

