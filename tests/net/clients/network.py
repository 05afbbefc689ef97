"""A network of three servers that run from installations, people with accounts, an agent for each of them, and its rolling restart."""

import itertools
import json
import os
import pathlib

from fidelity import Agent
from live import Irc
from people import CHEAP
from steps import MOVING, Order, wait_takes

from .installed import InstalledFleet, version
from .talk import Talk

DRAIN_S = 60
PASSWORD = "correct horse"


class Roost:
    """`kinds`: of clients, by nick. Each has an agent of its own, but those of one group in `shared` have one together."""

    def __init__(self, folder, first, kinds, shared=()):
        self.folder = pathlib.Path(folder)
        self.clients, self.agents, self.net, self.talk = [], {}, None, None
        self.visits = itertools.count()
        try:
            self.net = InstalledFleet(self.folder / "net", "a-b b-c", first, modules=MOVING, more=CHEAP)
            self.arrive(kinds, shared)
        except BaseException:
            self.close()
            raise

    def arrive(self, kinds, shared):
        for nick in kinds:
            Irc(self.net["a"].plain).register(nick, PASSWORD).close()
        self.net.wait_level()
        ports = [server.tls for server in self.net]
        for number, (nick, kind) in enumerate(kinds.items()):
            group = next((group for group in shared if nick in group), nick)
            if group not in self.agents:
                ports = ports[1:] + ports[:1]
                self.agents[group] = Agent(self.folder / f"agent{number}", *ports, tls=True)
            self.clients.append(kind(self.folder / nick, nick, PASSWORD, self.agents[group].plain))
        for client in self.clients:
            client.begin()
        for client in self.clients:
            client.wait_in()
        self.begin()

    def begin(self):
        self.talk = Talk(self.clients)
        self.talk.begin()

    def restart(self, name, source):
        """Another version of everything that the server is made of, while its clients are elsewhere."""
        server = self.net[name]
        before = running(server)
        order = Order(server, "drain", "--then-exit")
        status, said = order.end(DRAIN_S)
        assert status == 0, said
        assert server.process.wait(DRAIN_S) == 0, "".join(server.err[-20:])
        self.net.installations[name].replace(source)
        server.start()
        self.net.wait_level()
        after = running(server)
        assert before["version"] != after["version"] == version(source), (before, after)
        assert all(after[key] != before[key] for key in ("pid", "program", "modules")), (before, after)

    def turn(self, names, source, messages=10):
        """Each of them in turn, while people on plain connections to those that stay up listen."""
        for name in names:
            for each in self.net.servers:
                wait_takes(self.net[each], *set(self.net.servers) - {each})
            listeners = [self.talk.visitor(server.plain, f"tern{next(self.visits)}") for server in self.net if server is not self.net[name]]
            self.restart(name, source)
            self.talk.goes_on(messages)
            for listener in listeners:
                self.talk.leaves(listener)

    def still(self):
        """By nick: how often it was moved; nobody's server was lost."""
        rows = {row["nick"]: row for agent in self.agents.values() for row in agent.sessions()}
        assert rows.keys() == {client.nick for client in self.clients}, rows
        assert all(row["state"] == "passing" and row["lost"] == "0" for row in rows.values()), rows
        return {nick: int(row["moves"]) for nick, row in rows.items()}

    def close(self):
        if self.talk:
            self.talk.stop()
        for it in [*self.clients, *self.agents.values(), *([self.net] if self.net else [])]:
            it.close()


def running(server):
    """What the process really runs, on disk and by its own word."""
    pid = server.process.pid
    modules = {row["name"]: row["version"] for row in json.loads(server.ctl("module", "list", "--json"))}
    return {"pid": pid, "program": os.stat(f"/proc/{pid}/exe").st_ino, "version": server.status()["version"], "modules": modules}
