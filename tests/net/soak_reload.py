#!/usr/bin/python3
"""Reload under load: a crowd talks while every module is replaced again and again, every second time by another build.

    soak_reload.py [CLIENTS [ROUNDS]]     1000 clients, 20 rounds
"""

import asyncio
import os
import pathlib
import re
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
os.environ.setdefault("GODWIT_BUILD", str(HERE.parents[1] / "build"))

from crowd import Crowd, Newcomers  # noqa: E402
from live import ALL, Server  # noqa: E402
from variants import Variants  # noqa: E402

MODULES = (ALL + ", guest").split(", ")
MORE = """
client: {exempt: [127.0.0.0/8], max-clients: 20000}
account: {iterations: 4096}
query: {whowas: 100}
"""


def private_kib(pid):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(n) for n in re.findall(r"^Private_\w+:\s+(\d+) kB", text, re.M))


async def ctl(server, *words):
    """As an admin does; the crowd goes on meanwhile."""
    return await asyncio.to_thread(server.ctl, *words)


async def reload_all(server, variants, turn, say):
    for name in MODULES:
        variants.install(name, turn % 2)
        await ctl(server, "module", "reload", name)
    listed = await ctl(server, "module", "list")
    for name in MODULES:
        row = next(line for line in listed.splitlines() if line.split()[0] == name)
        assert row.split()[1].endswith("-next") == bool(turn % 2), f"the new code does not run: {row}"
        assert int(row.split()[2]) == turn + 1, f"not generation {turn + 1}: {row}"
    say(turn)


async def soak(folder, size, rounds, pause=2.0, out=print):
    """Returns (deliveries, accounts made, private memory after each round in KiB)."""
    variants = Variants(folder / "modules", MODULES)
    server = Server(folder / "server", modules=", ".join(MODULES), more=MORE + f"module-directory: [{folder}/modules]\n")
    memory = []
    try:
        crowd, newcomers = Crowd(server.plain, size, pause=pause), Newcomers(server.plain)
        await crowd.arrive()
        newcomers.start()

        def say(turn):
            memory.append(private_kib(server.process.pid))
            out(f"round {turn:2} of {rounds}: {crowd.deliveries} deliveries, {newcomers.done} logins with a new password, {memory[-1]} KiB private")

        for turn in range(1, rounds + 1):
            await reload_all(server, variants, turn, say)
            assert not crowd.oddities and not newcomers.oddities, (crowd.oddities + newcomers.oddities)[:10]
            await asyncio.sleep(0.2)
        await newcomers.stop()
        await crowd.leave()
        assert not crowd.oddities and not newcomers.oddities, (crowd.oddities + newcomers.oddities)[:10]
        server.stop()
        return crowd.deliveries, newcomers.done, memory
    finally:
        server.close()


def main():
    size, rounds = (int(w) for w in (sys.argv[1:] + ["1000", "20"][len(sys.argv) - 1 :])[:2])
    with tempfile.TemporaryDirectory() as folder:
        deliveries, accounts, memory = asyncio.run(soak(pathlib.Path(folder), size, rounds))
    half = memory[len(memory) // 2 - 1]
    print(f"{size} clients, {len(MODULES)} modules reloaded {rounds} times each: {deliveries} deliveries, none lost, doubled or "
          f"out of order, {accounts} logins with a change of password; private memory {half} KiB half-way, {memory[-1]} KiB at the end "
          f"({100 * (memory[-1] - half) / half:+.2f} %)")


if __name__ == "__main__":
    main()
