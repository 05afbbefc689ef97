#!/usr/bin/python3
"""make rolling: a network of three servers is restarted, one after the other, under people who talk.

    rolling.py [--clients N] [--rate MESSAGES-A-SECOND] [--rounds N] [--how drain,sigterm] [--drain-rate N] [--json FILE]

3,000 clients on TLS, each with a channel of ten and a partner, are spread over the servers; every message is numbered. In each round each server
is drained, ends, is started again, and is linked and level before the next one's turn. The one between the others is the first: people on both
sides of it talk with each other, and must not see a split when it ends.

What must hold: no client sees a disconnect, nothing is lost, doubled or out of order. What is told: moves a second, the gap in what a client is
delivered beside the latency of delivery without moves, the servers' CPU time and the bytes of each move. The exit status is 1 if anything was lost.
"""

import argparse
import json
import os
import pathlib
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
os.environ.setdefault("GODWIT_BUILD", str(HERE.parents[1] / "build"))

from fleet import Fleet, cpu_s, resident_kb  # noqa: E402
from generator import Generator, faults  # noqa: E402
from live import wait_for  # noqa: E402
from people import CHEAP  # noqa: E402
from steps import MOVING, Order, pending, wait_takes  # noqa: E402

NAMES = "abc"
DRAIN_S = 120
QUIET_S = 10.0  # without moves, to compare with


class Sampler:
    """CPU time of the servers over their restarts, and how many clients each has, several times a second."""

    def __init__(self, net):
        self.net, self.used, self.last = net, {}, {}
        self.ends = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.ends.wait(0.02):
            self.look()

    def look(self):
        for name, server in list(self.net.servers.items()):
            pid = server.process.pid
            now = cpu_s(pid)
            if now is None:
                continue
            before = self.last.get(name, (pid, now))
            self.used[name] = self.used.get(name, 0.0) + now - (before[1] if before[0] == pid else 0.0)
            self.last[name] = (pid, now)

    def total(self):
        self.look()
        return sum(self.used.values())

    def close(self):
        self.ends.set()
        self.thread.join()


class Rolling:
    def __init__(self, net, generator, how, tell=print):
        self.net, self.generator, self.how, self.tell = net, generator, how, tell
        self.sampler = Sampler(net)
        self.drains, self.orders, self.restarts, self.between, self.quiet = [], [], 0, 0, None

    def counts(self):
        """Clients by server, as the generator has it."""
        where = self.generator.stats()["where"]
        return {name: where[f"127.0.0.1:{server.tls}"] for name, server in self.net.servers.items()}

    def measure_quiet(self, seconds=QUIET_S):
        before = self.used()
        time.sleep(seconds)
        self.quiet = {key: after - before[key] for key, after in self.used().items()}

    def used(self):
        now = self.generator.stats()
        return {"at": time.monotonic(), "cpu_s": self.sampler.total(), "link_bytes": self.carried(), "moves": now["moved"],
                "delivered": now["delivered"], "client_bytes": now["bytes_in"] + now["bytes_out"]}

    def carried(self):
        """Bytes over links so far, as the servers that run count them: each link at both its ends."""
        return sum(link_bytes(server) for server in self.net if server.process.poll() is None) / 2

    # --- One restart ---

    def end(self, name, how):
        """Has it move its clients and end. Returns the process that ends."""
        if how == "drain":
            self.orders.append(Order(self.net[name], "drain", "--then-exit"))
        else:
            self.net[name].process.terminate()
        return self.net[name].process

    def empty(self, name):
        """Drains one that goes on."""
        order, begin = [], lambda: order.append(Order(self.net[name], "drain")) or order[0].process
        self.measured(name, "empty", begin)
        status, said = order[0].end()
        if status != 0:
            raise RuntimeError(f"{name} was not drained: {said}")

    def watch(self, name, process):
        deadline, told = time.monotonic() + DRAIN_S, time.monotonic()
        while process.poll() is None:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{name} is not done after {DRAIN_S} s: {self.counts()} {pending(self.net)}")
            if time.monotonic() - told > 1:
                told = time.monotonic()
                self.tell(f"  {name} drains: clients {self.counts()}; {self.generator.progress()}")
            time.sleep(0.02)

    def measured(self, name, how, begin):
        """Until the process ends that `begin` returns; what the moves until then have taken."""
        before = self.used()
        self.watch(name, begin())
        drain = {"server": name, "how": how, **{key: after - before[key] for key, after in self.used().items()}}
        self.drains.append(drain)
        self.tell(f"  {name} ({how}): {drain['moves']} moves in {drain['at']:.1f} s; {self.generator.progress()}")

    def restart(self, name):
        how = self.how[self.restarts % len(self.how)]
        self.restarts += 1
        links = len(self.net.neighbours(name))
        self.measured(name, how, lambda: self.end(name, how))
        self.between += links > 1
        began = time.monotonic()
        self.net[name].start()
        wait_for(lambda: not self.net.unlevel(), self.net.unlevel, 60)
        self.tell(f"  {name} is back and level after {time.monotonic() - began:.1f} s")
        for other, server in self.net.servers.items():
            wait_takes(server, *set(self.net.servers) - {other})

    def round(self, number, of):
        """What is between others first, then those with the most clients."""
        left = set(self.net.servers)
        while left:
            counts = self.counts()
            name = max(sorted(left), key=lambda name: (len(self.net.neighbours(name)), counts[name]))
            left.remove(name)
            self.tell(f"round {number} of {of}, server {name}: clients {counts}")
            self.restart(name)

    def close(self):
        self.sampler.close()
        for order in self.orders:
            order.close()


def link_bytes(server):
    rows = json.loads(server.ctl("link", "list", "--json"))
    return sum(int(row.get("bytes", 0)) for row in rows)


def run(folder, clients, rate, rounds, how, tell=print, quiet=QUIET_S, more=""):
    """The figures, among them the generator's."""
    config = f"{CHEAP}client: {{exempt: [127.0.0.0/8]}}\nlog: {{level: warn}}\n{more}"
    net = Fleet(pathlib.Path(folder) / "net", "a-b b-c", modules=MOVING, more=config)
    rolling = generator = None
    try:
        generator = Generator([net[name].tls for name in NAMES], clients, rate)
        generator.wait_talking()
        rolling = Rolling(net, generator, how, tell)
        rolling.measure_quiet(quiet)
        began = time.monotonic()
        rolling.empty("a")
        net["a"].ctl("drain", "--cancel")
        for other in "bc":
            wait_takes(net[other], "a")
        for number in range(rounds):
            rolling.round(number + 1, rounds)
        seconds = time.monotonic() - began
        report = generator.end()
        wait_for(lambda: not pending(net), lambda: pending(net))
        memory = {name: resident_kb(server.process.pid) for name, server in net.servers.items()}
        net.stop()
        result = {"clients": clients, "rate": rate, "rounds": rounds, "seconds": seconds, "quiet": rolling.quiet, "restarts": rolling.restarts, "between": rolling.between, "drains": rolling.drains,
                  "resident_kb": memory, "generator": report}
        return {**result, "per_move": per_move(result)}
    finally:
        if rolling:
            rolling.close()
        if generator:
            generator.close()
        net.close()


# --- Figures ---


def per_move(result):
    """What a move costs, over all restarts: what was used meanwhile beyond what talking alone uses."""
    drains, quiet = [drain for drain in result["drains"] if drain["moves"]], result["quiet"]

    def extra(key, some):
        """Of one move: what all was used, less what so many messages take without moves."""
        total, moves, delivered = (sum(drain[word] for drain in some) for word in (key, "moves", "delivered"))
        return (total - delivered * quiet[key] / max(1, quiet["delivered"])) / moves

    moves, seconds = (sum(drain[key] for drain in drains) for key in ("moves", "at"))
    return {
        "moves": moves,
        "moves_per_s": moves / seconds,
        "best_moves_per_s": max(drain["moves"] / drain["at"] for drain in drains),
        "cpu_ms": 1000 * extra("cpu_s", drains),
        # The count of a server that ends is lost.
        "client_bytes": extra("client_bytes", drains),
        "link_bytes": extra("link_bytes", [drain for drain in drains if drain["how"] == "empty"]),
    }


FIGURES = [("latency", "delivery, nobody moving"), ("latency_moving", "delivery, from or to somebody moving"),
           ("gap_closed", "SYNC to the end of the old connection"), ("gap_served", "SYNC to the first answer on the new one"),
           ("gap_latest", "latest message of each move"), ("gap_hole", "between two messages, around a move")]


def table(result):
    report, cost = result["generator"], result["per_move"]
    lines = ["| milliseconds | count | p50 | p99 | max |", "| --- | ---: | ---: | ---: | ---: |"]
    for key, words in FIGURES:
        figure = report[key]
        lines.append(f"| {words} | {figure['count']} | {figure['p50_ms']:.1f} | {figure['p99_ms']:.1f} | {figure['max_ms']:.1f} |")
    lines += ["", "| restarts | moves | a second | at best | CPU per move, all servers | bytes on links per move | with the client, inside TLS |",
              "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
              f"| {result['restarts']} | {cost['moves']} | {cost['moves_per_s']:.0f} | {cost['best_moves_per_s']:.0f} | "
              f"{cost['cpu_ms']:.2f} ms | {cost['link_bytes']:.0f} | {cost['client_bytes']:.0f} |", "",
              f"{report['said']} messages said, {report['delivered']} delivered; lost {report['lost']}, doubled {report['doubled']}, "
              f"out of order {report['disordered']}; disconnected {report['disconnected']}, unexpected lines {report['unexpected']}"]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=3000)
    parser.add_argument("--rate", type=int, default=3000, help="messages a second in all (3000)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--how", default="drain,sigterm", help="how servers are ended, in turns (drain,sigterm)")
    parser.add_argument("--drain-rate", default="", help="moves a second of a drain at most (no bound)")
    parser.add_argument("--json", help="a file for all figures")
    given = parser.parse_args()
    more = f"balance: {{drain-moves-per-second: {given.drain_rate}}}\n" if given.drain_rate else ""
    with tempfile.TemporaryDirectory(prefix="godwit-rolling-") as folder:
        result = run(folder, given.clients, given.rate, given.rounds, given.how.split(","), lambda line: print(line, flush=True), more=more)
    print("\n" + table(result))
    if given.json:
        pathlib.Path(given.json).write_text(json.dumps(result, indent=1))
    bad = faults(result["generator"])
    if bad:
        print(f"{bad}\n" + "\n".join(result["generator"]["examples"]))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
