"""The bench measures what it says: a relay that is made to cost a known amount more is found to cost that, a server that is stopped is found to
stand still."""

import dataclasses
import importlib.machinery
import importlib.util
import os
import pathlib
import signal
import sys
import time

import pytest
from live import free_port

BENCH = pathlib.Path(os.environ["GODWIT_SRC"]) / "tests" / "bench"
SPEND_US, KEEP, WAKES = 2000, 200_000, 20


def loaded(command):
    """tests/bench/COMMAND, whose name has no ending."""
    name = f"bench_{command}"
    sys.path.insert(0, str(BENCH))
    try:
        loader = importlib.machinery.SourceFileLoader(name, str(BENCH / command))
        module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
        sys.modules[name] = module  # dataclasses look for it there
        loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(BENCH))


bench_agent, bench_reload = loaded("agent"), loaded("reload")


@pytest.fixture
def bench():
    """Two relays, of which one is made to cost more."""
    middles = bench_agent.middles.table()
    costly = bench_agent.middles.Middle("costly", middles["relay"].command, arguments=(
        "--spend", str(SPEND_US), "--keep", str(KEEP), "--wake", str(WAKES)))
    standing = {"nothing between": middles["nothing between"], "relay": middles["relay"], "costly": costly}
    first = free_port()
    return bench_agent.Bench(os.environ["GODWIT_BUILD"], "floor", first, repeats=1, standing=standing)


def quick(name, **options):
    row = bench_agent.ROWS[name]
    return dataclasses.replace(row, options=row.options | options)


def test_cpu_and_latency_of_who_is_in_the_middle_are_told(bench):
    found = bench.row(quick("quiet", max=1.0, warm=0.1, rate=100))
    assert found["costly"]["cpu_us"] - found["relay"]["cpu_us"] == pytest.approx(SPEND_US, rel=0.4)
    assert found["relay"]["cpu_us"] < 0.2 * SPEND_US  # the clients' and the server's share is not in it
    # how much more than that is up to the machine
    direct, costly = found["nothing between"], found["costly"]
    assert costly["p50_us"] > SPEND_US and costly["p99_us"] >= costly["p50_us"]
    assert costly["added_p50_us"] == costly["p50_us"] - direct["p50_us"]
    assert all(figures[fault] == 0 for figures in found.values() for fault in bench_agent.FAULTS)


def test_memory_and_wakeups_of_who_is_in_the_middle_are_told(bench):
    found = bench.row(quick("idle", count=100, settle=0.4))
    assert found["relay"]["wakeups"] == 0 and found["relay"]["idle_cpu_ms"] == 0
    assert found["costly"]["wakeups"] == pytest.approx(WAKES, rel=0.3)
    assert found["costly"]["resident"] - found["relay"]["resident"] == pytest.approx(KEEP, rel=0.1)


class Held(bench_reload.Bench):
    """The row "nothing" is one in which the server is stopped from outside."""

    HELD_MS = 40

    def act(self, row):
        if row.name == "nothing":
            os.kill(self.running.process.pid, signal.SIGSTOP)
            time.sleep(self.HELD_MS / 1e3)  # the time for which it stands still is what is measured
            os.kill(self.running.process.pid, signal.SIGCONT)
        super().act(row)


def test_how_long_the_server_stands_still_is_told():
    rows = [bench_reload.ROWS[name] for name in ("nothing", "reload client", "rehash: a limit", "load monitor")]
    bench = Held(os.environ["GODWIT_BUILD"], free_port(), clients=100, rounds=2, rate=200)
    found, report, there = bench.measure(rows)
    told = {name: bench_reload.figures(rounds) for name, rounds in found.items()}
    assert list(told) == [row.name for row in rows] and all(len(rounds) == 2 for rounds in found.values())
    assert told["nothing"]["loop_p50"] > 0.9 * Held.HELD_MS > told["reload client"]["loop_p50"] > 0
    assert there == 101 and report["deliveries"] > 0  # the clients and the probe
    assert all(report[fault] == 0 for fault in bench_reload.FAULTS)
