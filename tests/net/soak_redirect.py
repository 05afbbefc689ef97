#!/usr/bin/python3
"""make soak-redirect: moves and trouble for a long time.

    soak_redirect.py [SECONDS [SEED]]     600 seconds, a random seed

Again and again clients are brought into every phase of a move from s to r in a chain s-x-r, and then something happens: r is killed, stopped for up
to 20 seconds, a link is cut, x is killed, or nothing does. Whoever was not on a server that died must have a connection and have missed nothing, no
move may be pending, and the memory of s, which lives through all of it, must not grow.
"""

import os
import pathlib
import random
import signal
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
os.environ.setdefault("GODWIT_BUILD", str(HERE.parents[1] / "build"))

from fleet import resident_kb  # noqa: E402
from phases import BEFORE_THE_CUT, Scene, chain  # noqa: E402

WARM = 10  # turns, until memory is measured
GROWTH_KB = 1024


def kills(name):
    def deed(it, rng):
        it.net[name].kill()
        return lambda: it.net[name].start()

    return deed


def cuts(pair):
    def deed(it, rng):
        it.net.cut(pair)
        return lambda: it.net.heal(pair)

    return deed


def stops(it, rng):
    process, until = it.net["r"].process, time.monotonic() + rng.uniform(4, 20)
    process.send_signal(signal.SIGSTOP)

    def goes_on():
        time.sleep(max(0, until - time.monotonic()))
        process.send_signal(signal.SIGCONT)

    return goes_on


DEEDS = {"r is killed": kills("r"), "x is killed": kills("x"), "s-x is cut": cuts("s-x"), "x-r is cut": cuts("x-r"), "r stops": stops}


def turn(net, rng, name):
    it = Scene(net)
    try:
        it.into_phases()
        afterwards = DEEDS[name](it, rng)
        net.cable("s-x").stalled = False
        it.all_stay(BEFORE_THE_CUT)
        alive = name != "r is killed"
        if alive:
            it.movers["left"].swap()
        afterwards()
        for phase in ("left", "moved") if alive else ():
            it.movers[phase].sync()
        it.is_over()
    finally:
        it.close()
    net.wait_level()


def main():
    given = [int(word) for word in sys.argv[1:]]
    seconds, seed = (given + [600, random.randrange(1 << 32)][len(given):])[:2]
    print(f"seed {seed}", flush=True)
    rng, until, turns, warm = random.Random(seed), time.monotonic() + seconds, 0, None
    with tempfile.TemporaryDirectory(prefix="godwit-soak-") as folder:
        net = chain(pathlib.Path(folder) / "net")
        try:
            while time.monotonic() < until:
                name = rng.choice(list(DEEDS))
                turn(net, rng, name)
                turns += 1
                now = resident_kb(net["s"].process.pid)
                warm = now if turns == WARM else warm
                print(f"{turns}: {name}; s has {now} kB", flush=True)
            net.stop()
        finally:
            net.close()
    assert warm is None or now - warm < GROWTH_KB, f"s has grown from {warm} kB to {now} kB"
    print(f"{turns} turns, each with clients in every phase: nobody was put out, nothing is pending")


if __name__ == "__main__":
    main()
