"""A crowd talks while its servers are drained, restarted, replaced module by module, killed and stopped: nobody is put out, nothing is lost, doubled or
out of order. Short forms of rolling.py and soak_redirect.py. run-all: timeout=200"""

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from fleet import Fleet
from generator import Generator, faults
from live import BUILD, SECONDS, wait_for
from people import CHEAP
from rolling import run, table
from steps import MOVING, SHORT, Order, pending
from test_demo import demo
from variants import SRC, Variants

assert demo  # a fixture


@pytest.fixture
def fleet(tmp_path):
    """Makes servers that are linked directly, and a crowd on some of them: fleet("a-b", "a", 60, ...)."""
    made = []

    def one(pairs, crowded, clients, rate=300, more="", **settings):
        net = Fleet(tmp_path / "net", pairs, modules=MOVING, more=CHEAP + more)
        made.append(net)
        crowd = Generator([net[name].tls for name in crowded], clients, rate, **settings)
        made.append(crowd)
        crowd.wait_talking()
        return net, crowd

    yield one
    for it in reversed(made):
        it.close()


def there_and_back(net, servers, until):
    """Empties the servers in turns."""
    for name in itertools.cycle(servers):
        if time.monotonic() > until():
            return
        Order(net[name], "drain", "--within", "20s").end(40)
        net[name].ctl("drain", "--cancel")


def is_clean(net, crowd):
    report = crowd.end()
    assert not faults(report), (faults(report), report["examples"])
    wait_for(lambda: not pending(net), lambda: pending(net))
    net.wait_level()
    return report


def test_a_rolling_restart_is_noticed_by_nobody(tmp_path):
    result = run(tmp_path, clients=60, rate=300, rounds=1, how=["drain", "sigterm"], quiet=1.0)
    print(table(result))
    report = result["generator"]
    assert not faults(report), (faults(report), report["examples"])
    assert result["restarts"] == 3 and result["between"] >= 1 and report["moved"] >= 60


def test_bad_manners_harm_nobody_else(fleet):
    net, crowd = fleet("a-b b-c", "abc", 90, refuse=10, never=3, vanish=3, late=5, twice=10, more=SHORT)
    began = time.monotonic()
    there_and_back(net, "abc", lambda: began + 5)
    assert is_clean(net, crowd)["moved"] > 60


def test_modules_are_replaced_in_the_midst_of_moves(fleet, tmp_path):
    names = ["redirect", "balance", "link", "client"]
    variants = Variants(tmp_path / "modules", names)
    net, crowd = fleet("a-b", "a", 60, more=f"module-directory: [{tmp_path}/modules]\ndebug: {{scan-state: yes}}\n")
    over = threading.Event()
    mover = threading.Thread(target=there_and_back, args=(net, "ab", lambda: 0 if over.is_set() else float("inf")))
    mover.start()
    try:
        for which in (1, 0):
            for name in names:
                variants.install(name, which)
                for server in net:
                    server.ctl("module", "reload", name)
    finally:
        over.set()
        mover.join(60)
    assert is_clean(net, crowd)["moved"] > 60
    for server in net:
        assert not any("pointers into" in line for line in server.err), "".join(server.err[-20:])


def test_a_recipient_is_killed_in_the_midst_of_moves(fleet):
    """Whom it held is put out by that; nobody else is."""
    net, crowd = fleet("a-b b-c", "a", 200, rate=200, more="redirect: {at-once: 20}\nbalance: {drain-moves-per-second: 60}\n")
    order = Order(net["a"], "drain")
    wait_for(lambda: crowd.moved() > 20, "some moves")
    held = int(net["c"].status()["clients"])
    net["c"].kill()
    order.end(60)
    report = crowd.end()
    assert report["disconnected"] <= held + 20 and report["doubled"] == report["disordered"] == 0, report
    assert report["moved"] + report["disconnected"] >= 200
    wait_for(lambda: not pending(net), lambda: pending(net))


def test_a_recipient_that_stops_holds_nobody_up_for_good(fleet):
    net, crowd = fleet("a-b b-c", "a", 100, rate=100)
    net["c"].process.send_signal(signal.SIGSTOP)
    order = Order(net["a"], "drain")
    time.sleep(2)  # so long it is stopped: that is what is tested
    net["c"].process.send_signal(signal.SIGCONT)
    order.end(60)
    is_clean(net, crowd)


def test_one_of_the_demonstration_is_emptied_while_people_talk(demo):  # noqa: F811
    """What README.md shows."""
    it = demo().ready()
    for name in ("one", "two", "three"):
        it.ctl(name, "module", "load", "guest")
    crowd = Generator([it.port + 30], 100, 500)
    try:
        crowd.wait_talking()
        out = it.ctl("one", "drain", "--json")
        outcomes = {row["outcome"]: int(row["clients"]) for row in json.loads(out) if "outcome" in row}
        assert {what: n for what, n in outcomes.items() if n} == {"moved": 100}
        time.sleep(1)  # they talk on where they are now, before it is counted
        report = crowd.end()
        assert not faults(report) and report["moved"] == 100, (faults(report), report["examples"])
    finally:
        crowd.close()
    assert it.end() == 0


def test_what_clients_see_of_a_restart(tmp_path):
    """The table of tests/bench/restart, of Godwit alone."""
    figures = tmp_path / "figures.json"
    done = subprocess.run([sys.executable, SRC / "tests" / "bench" / "restart", "--build", BUILD, "--people", "3", "--after", "0.5", "--only", "capable,plain",
                           "--json", figures], capture_output=True, text=True, timeout=3 * SECONDS, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    assert done.returncode == 0, done.stdout + done.stderr
    capable, plain = json.loads(figures.read_text()).values()
    for key in ("disconnects", "lost_to", "lost_from", "wrong_to", "wrong_from"):
        assert capable[key] == 0, capable
    assert capable["moves"] >= 3 and capable["others_saw"] == {} and capable["state_lost"] == {}
    assert plain["disconnects"] == 3 and plain["silence_median_s"] > 1 and plain["others_saw"]["QUIT"] == 3
