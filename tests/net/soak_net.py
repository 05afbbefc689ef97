#!/usr/bin/python3
"""Long runs with linked servers.

    soak_net.py [SECONDS [SEED]]     600 seconds, a random seed

A third of the time each: 500 clients on five servers talk, and nothing may be lost, doubled or out of order; people register, rename and rule
while links are cut and healed at random; the same with 200 ms of delay on the middle link, and changes that oppose each other from its two sides.
"""

import asyncio
import os
import pathlib
import random
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
os.environ.setdefault("GODWIT_BUILD", str(HERE.parents[1] / "build"))

from crowd import Crowd  # noqa: E402
from live import LINKED, Network  # noqa: E402
from people import CHEAP  # noqa: E402
from storm import CHANNELS, Storm  # noqa: E402

GUESTS = LINKED.replace("account, ", "account, guest, ")
FIVE = "a-b a-c c-d c-e"


def network(folder, pairs, more=""):
    return Network(folder / "net", pairs, modules=GUESTS, more=CHEAP + more)


async def replaced(net, variants, until):
    """Every module, on every server, again and again; links must not notice."""
    links = {server.name: link_ages(server) for server in net}
    which = 1
    while time.monotonic() < until:
        for name in variants.names:
            variants.install(name, which)
            for server in net:
                await asyncio.to_thread(server.ctl, "module", "reload", name)
            await asyncio.sleep(0.05)
        which = 1 - which
    for server in net:
        assert links[server.name].keys() == link_ages(server).keys()
        assert all(age >= links[server.name][link] for link, age in link_ages(server).items()), "a link came up anew"
        assert not any("pointers into" in line for line in server.err), "".join(server.err[-20:])


def link_ages(server):
    return {line.split()[0]: int(line.split()[4].rstrip("s")) for line in server.ctl("link", "list").splitlines()}


def crowd_talks(folder, size, seconds, pause, pairs=FIVE, more="", variants=None):
    """While links hold nothing is lost, doubled or out of order."""
    net = network(folder, pairs, more)

    async def run():
        crowd = Crowd([server.plain for server in net], size, pause=pause, level=lambda: asyncio.to_thread(net.wait_level))
        await crowd.arrive()
        until = time.monotonic() + seconds
        if variants:
            await replaced(net, variants, until)
        await asyncio.sleep(max(0, until - time.monotonic()))
        await crowd.leave()
        assert not crowd.oddities, "\n".join(crowd.oddities[:20])
        return crowd

    try:
        crowd = asyncio.run(run())
        net.stop()
    finally:
        net.close()
    return crowd


def storm_rages(folder, pairs, seconds, seed, guests=10, least=0.5, most=3.0, delay=None):
    """Links break and heal at random. Returns the storm, and how many names two had registered. `delay`: a pair and seconds; then nothing
    breaks."""
    print(f"seed {seed}")
    net = network(folder, pairs)
    if delay:
        net.cable(delay[0]).delay = delay[1]

    async def run():
        one = Storm(net, seed, guests)
        await one.begin()
        await one.rage(seconds, least, 0 if delay else most)
        return one, await one.check()

    try:
        result = asyncio.run(run())
        net.stop()
    finally:
        net.close()
    return result


async def oppose(one, seconds):
    """From both sides at the same time: what one sets the other takes away, what one writes the other overwrites."""
    sides = [one.guests[0], one.guests[-1]]
    until, turn = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        channel, turn = CHANNELS[turn % len(CHANNELS)], turn + 1
        third = one.guests[1 + turn % (len(one.guests) - 2)].nick
        pairs = [
            (f"MODE {channel} +m", f"MODE {channel} -m"), (f"TOPIC {channel} :left {turn}", f"TOPIC {channel} :right {turn}"),
            (f"KICK {channel} {third} :out", f"MODE {channel} +v {third}"), (f"NICK both{turn % 3}", f"NICK both{turn % 3}"),
            (f"MODE {channel} +k left", f"MODE {channel} +k right"), (f"MODE {channel} +b *!*@{turn % 4}", f"MODE {channel} -b *!*@{turn % 4}"),
            (f"MODE {channel} -o {sides[1].nick}", f"MODE {channel} -o {sides[0].nick}"), (f"MODE {channel} +o {sides[1].nick}", f"MODE {channel} +o {sides[0].nick}"),
        ]
        for left, right in pairs:
            await asyncio.gather(sides[0].ask(left), sides[1].ask(right))
        await asyncio.gather(*(guest.ask(f"JOIN {channel}") for guest in one.guests))


def opposed(folder, pairs, middle, delay, seconds, seed, guests):
    """A delayed link in the middle, and changes that cross on it."""
    print(f"seed {seed}")
    net = network(folder, pairs)
    net.cable(middle).delay = delay

    async def run():
        one = Storm(net, seed, guests)
        await one.begin()
        await oppose(one, seconds / 2)
        await one.rage(seconds / 2, most=0)
        await one.check()
        return one

    try:
        one = asyncio.run(run())
        net.stop()
    finally:
        net.close()
    return one


def main():
    given = [int(word) for word in sys.argv[1:]]
    seconds, seed = (given + [600, random.randrange(1 << 32)][len(given):])[:2]
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        crowd = crowd_talks(folder / "crowd", 500, seconds / 3, 2.0)
        print(f"500 clients on five servers: {crowd.deliveries} messages, all accounted for", flush=True)
        one, conflicts = storm_rages(folder / "storm", FIVE, seconds / 3, seed, guests=20)
        print(f"storm: {one.story()}; {conflicts} conflicts, all told; every server agrees", flush=True)
        one = opposed(folder / "delay", "a-b b-c c-d d-e", "b-c", 0.2, seconds / 3, seed, 20)
        print(f"opposed over 200 ms: {one.story()}; every server agrees", flush=True)


if __name__ == "__main__":
    main()
