"""A new server: from `godwit join` to a member, with whatever comes between. run-all: beside timeout=400"""

import shutil
import subprocess

import pytest

from joining import JOINED, Probe, add, figures, join_words, rounds, said, same, server, target, wait_joined
from live import Irc, wait_for

ACCOUNTS = 2000


@pytest.fixture
def folder(tmp_path):
    return tmp_path


@pytest.fixture
def one(tmp_path):
    made = target(tmp_path / "one", ACCOUNTS)
    yield made
    made.close()


@pytest.fixture
def two(tmp_path):
    made = server(tmp_path / "two", "two.test")
    yield made
    made.close()


def test_a_new_server_is_added_before_or_after_it_asks(one, two):
    two.launch(verb=join_words(one))
    probe = Probe(two)
    wait_for(lambda: said(two, "not let in yet"), "a refusal")
    add(one, two)
    wait_joined(one, two)
    probe.close()
    assert figures(two)[0] == str(ACCOUNTS)
    assert not (two.folder / "state" / "join").exists()
    nick = Irc(two.plain)
    nick.send("PASS :bcdfghk:seeded", "NICK someone", "USER someone 0 * :someone")
    nick.close()
    two.stop()
    two.start()  # comes back as the member that it is
    wait_for(lambda: same(one, two), "one database")
    assert not said(two, JOINED)


def test_what_is_registered_meanwhile_is_there(one, two):
    Irc(one.plain).register("early")
    add(one, two)
    two.launch(verb=join_words(one))
    Irc(one.plain).register("meanwhile")
    wait_joined(one, two)
    assert figures(two)[0] == str(ACCOUNTS + 2)
    for name in ("early", "meanwhile"):
        Irc(two.plain).login(name)


def test_progress_is_shown_and_it_can_end_then(one, two):
    add(one, two)
    two.launch(verb=join_words(one, "--then-exit"))
    two.process.wait(60)
    lines = []
    while (line := two.out.get()) is not None:
        lines.append(line)
    assert two.process.returncode == 0, "".join(two.err)
    assert any("records" in line and "100 %" in line for line in lines), lines
    assert any(line.startswith("joined: two.test") for line in lines), lines
    two.start()
    wait_for(lambda: same(one, two), "one database")


def test_who_is_a_member_already_stays_what_it_is(one, two):
    add(one, two)
    two.start(verb=join_words(one))
    two.stop()
    two.start(verb=join_words(one))
    wait_for(lambda: same(one, two), "one database")
    assert not list((two.folder / "state").glob("services.aside*"))


def test_a_member_keeps_its_name(one, two):
    add(one, two)
    two.start(verb=join_words(one))
    two.stop()
    words = join_words(one)
    wrong = subprocess.run([two.process.args[0], "-c", two.folder / "godwit.yaml", words[0], "--name", "typo.test", *words[1:]], capture_output=True, text=True, timeout=20)
    assert wrong.returncode == 1
    assert "called two.test" in wrong.stderr
    two.start()
    wait_for(lambda: same(one, two), "one database")


def test_a_name_is_the_same_in_other_letters(one, two):
    one.ctl("server", "add", "TWO.Test", two.verb("keygen").split()[0])
    two.start(verb=join_words(one))
    wait_for(lambda: "two.test" in one.ctl("map").lower(), "the new server on the map")
    assert same(one, two)


def test_an_order_is_refused_while_a_server_runs_there(one, two):
    add(one, two)
    two.start(verb=join_words(one))
    for verb in (("join", "127.0.0.1:1", two.verb("keygen").split()[0]), ("init", "two.test")):
        second = subprocess.run([two.process.args[0], "-c", two.folder / "godwit.yaml", *verb], capture_output=True, text=True, timeout=20)
        assert second.returncode == 1
        assert "another server runs" in second.stderr
    assert not (two.folder / "state" / "join").exists()


def test_another_networks_member_is_not_overwritten(one, two):
    two.verb("init", "two.test")
    two.start()
    Irc(two.plain).register("islander")
    two.stop()
    add(one, two)
    two.launch(verb=join_words(one))
    two.process.wait(20)
    assert said(two, "another network's member")
    two.start()
    Irc(two.plain).login("islander")
    two.stop()
    two.launch(verb=join_words(one, "--again"))
    wait_joined(one, two)
    assert (two.folder / "state" / "services.aside-1" / "data.mdb").exists()


def test_a_wrong_key_is_not_let_in(one, two):
    add(one, two)
    words = list(join_words(one))
    words[2] = two.verb("keygen").split()[0]
    two.launch(verb=words)
    wait_for(lambda: said(two, "not let in yet"), "a refusal")
    assert not said(two, "link up")


def test_a_word_that_is_no_key_is_told(one, two):
    two.launch(verb=("join", "127.0.0.1:1", "gwpk1-nonsense"))
    assert two.process.wait(20) != 0 or said(two, "core: stopped") or two.err
    assert not (two.folder / "state" / "join").exists()


def joined(one, two):
    add(one, two)
    two.start(verb=join_words(one))
    wait_joined(one, two)
    return two


def wait_rejoined(one, two):
    """It has ended and started in the same process, set its database aside, and got it anew."""
    wait_for(lambda: said(two, JOINED), lambda: "the second join:\n" + "".join(two.err[-30:]), 30)
    wait_for(lambda: said_twice(two, "core: ready"), "its listeners")
    wait_for(lambda: same(one, two), "one database")
    assert (two.folder / "state" / "services.aside-1" / "data.mdb").exists()


def said_twice(made, text):
    return sum(text in line for line in made.err) >= 2


def test_who_was_expired_joins_again_by_itself(one, two):
    joined(one, two)
    two.stop()
    one.ctl("services", "expire", "two.test")
    two.launch()
    wait_for(lambda: said(two, JOINED), lambda: "".join(two.err[-30:]), 30)
    wait_for(lambda: same(one, two), "one database")


def test_what_only_the_old_database_knew_is_salvaged(one, two):
    joined(one, two)
    Irc(two.plain).register("early")
    wait_for(lambda: same(one, two), "one database")
    one.stop()
    Irc(two.plain).register("lonely")
    two.stop()
    one.start()
    one.ctl("services", "expire", "two.test")
    two.launch()
    wait_for(lambda: said(two, JOINED), lambda: "".join(two.err[-30:]), 30)
    wait_for(lambda: said(two, "given-out-anew"), lambda: "".join(two.err[-30:]), 30)
    wait_for(lambda: same(one, two), "one database")
    assert figures(one)[0] == str(ACCOUNTS + 2)
    for server in (one, two):
        Irc(server.plain).login("lonely")
        Irc(server.plain).login("early")


def test_clients_of_a_server_that_is_expired_are_told(one, two):
    joined(one, two)
    client = Irc(two.plain).register("witness")
    one.ctl("services", "expire", "two.test")
    client.expect("ERROR .*database anew")
    wait_rejoined(one, two)
    Irc(two.plain).login("witness")


def test_yesterdays_state_folder(one, two, folder):
    joined(one, two)
    two.stop()
    shutil.copytree(two.folder / "state", folder / "yesterday")
    two.start()
    wait_for(lambda: same(one, two), "one database")
    Irc(two.plain).register("today")
    wait_for(lambda: same(one, two), "one database")
    two.stop()
    shutil.rmtree(two.folder / "state")
    shutil.copytree(folder / "yesterday", two.folder / "state")
    two.launch()
    wait_for(lambda: said(two, JOINED), lambda: "".join(two.err[-30:]), 30)
    wait_for(lambda: same(one, two), "one database")
    Irc(two.plain).login("today")


def test_one_server_started_twice(one, two):
    joined(one, two)
    second = subprocess.run([two.process.args[0], "-c", two.folder / "godwit.yaml"], capture_output=True, text=True, timeout=20)
    assert second.returncode != 0
    assert same(one, two)


def test_no_room_for_the_database(one, folder):
    two = server(folder / "small", "two.test", config="store: {map-size: 1m}\n")
    try:
        add(one, two)
        two.launch(verb=join_words(one))
        probe = Probe(two)
        wait_for(lambda: said(two, "no room on this server"), lambda: "".join(two.err[-20:]))
        probe.close()
        two.kill()
        config = two.folder / "godwit.yaml"
        config.write_text(config.read_text().replace("map-size: 1m", "map-size: 1g"))
        two.launch()
        wait_joined(one, two)
    finally:
        two.close()


def test_two_machines_with_one_key(one, two, folder):
    add(one, two)
    two.start(verb=join_words(one))
    wait_joined(one, two)
    two.stop()
    other = server(folder / "other", "two.test")
    shutil.copytree(two.folder / "state" / "keys", other.folder / "state" / "keys")
    other.start(verb=join_words(one))
    try:
        wait_joined(one, other)
        other.stop()
        two.launch()
        wait_for(lambda: said(two, "EXPIRED"), lambda: "".join(two.err[-20:]))
    finally:
        other.close()


def test_sudden_deaths_leave_it_joined_or_not(tmp_path):
    rounds(tmp_path, 5, ACCOUNTS, seed=7, longest=0.4)
