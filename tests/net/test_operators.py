"""Every command of godwitctl as a script uses it: JSON, the standard error, exit codes. And who gave it, in the log."""

import json
import os
import re
import subprocess

import pytest
from live import BUILD, SECONDS, Server, running, wait_for
from people import GUESTS, PASSWORD, Person

MODULES = GUESTS + ", link, burst, redirect, balance"
# What stands in place of the arguments that a command must have.
WORDS = {
    "account info": "anna", "account password": "anna new-secret-word", "account add": "carl another-secret", "account drop": "carl",
    "ban add": "192.0.2.0/24 1h why", "ban remove": "192.0.2.0/24", "backup": "{folder}/copy", "drain": "--cancel",
    "log level": "core info", "module info": "query", "module load": "query", "module reload": "query", "module unload": "monitor",
    "oper add": "anna", "oper remove": "anna", "session show": "beth", "session redirect": "beth", "session kick": "cleo",
    "services export": "copy", "services import": "copy --dry-run --skip-existing",
    "channel info": "#c", "channel members": "#c", "channel op": "#c beth", "channel kick": "#d cleo", "channel drop": "#d", "help": "session",
}
REFUSED = {"channel drop", "drain", "module load", "session redirect"}  # which there is no reason for, with these words
NOT_HERE = {"server stop", "services adopt"}  # which end it


def ctl(server, *words):
    return subprocess.run([BUILD / "godwitctl", "--socket", server.folder / "state" / "control.sock", *words],
                          capture_output=True, text=True, timeout=SECONDS)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with running(Server(tmp_path_factory.mktemp("operators"), modules=MODULES)) as server:
        server.ctl("account", "add", "anna", PASSWORD)
        people = [Person(server.plain, nick) for nick in ("beth", "cleo")]
        for person in people:
            person.does("JOIN #c,#d")
        yield server
        for person in people:
            person.close()


def wanting(row):
    """How many words it must have."""
    return len(re.findall(r"(?<!\[)\b[A-Z][A-Z|:/#]*", re.sub(r"\[.*?\]", "", row["arguments"])))


def test_every_command_answers_in_json(place):
    told = ctl(place, "help", "--json")
    assert (told.returncode, told.stderr) == (0, "")
    rows = json.loads(told.stdout)
    assert len(rows) > 50 and {row["command"] for row in rows} >= set(WORDS) | NOT_HERE
    for row in rows:
        name = row["command"]
        if name in NOT_HERE:
            continue
        words = WORDS.get(name, " ".join(["none"] * wanting(row)))
        done = ctl(place, *name.split(), *words.format(folder=place.folder).split(), "--json")
        if done.returncode == 0:
            answer = json.loads(done.stdout)
            assert all(isinstance(value, str) for one in answer for value in one.values()), name
            assert name in WORDS or not wanting(row), name
            assert all("progress" in json.loads(line) for line in done.stderr.splitlines()), name
        else:
            assert name in REFUSED or wanting(row) and name not in WORDS, f"{name}: {done.stderr}"
            assert (done.returncode, done.stdout) == (1, ""), name
            assert list(json.loads(done.stderr)) == ["error"], name


def test_exit_codes_and_the_standard_error(place):
    for words, code, reason in (
        (("status",), 0, ""),
        (("module", "info", "nothing"), 1, "godwitctl: the module nothing is not loaded\n"),
        (("module", "info"), 2, "godwitctl: usage: module info NAME\n"),
        (("sesion", "list"), 2, "godwitctl: there is no such command; did you mean 'session list'? 'help' lists all\n"),
    ):
        done = ctl(place, *words)
        assert (done.returncode, done.stderr) == (code, reason)
        assert (done.stdout == "") == (code != 0)
    done = ctl(place, "--socket", "/nowhere/at/all", "--json", "status")
    assert (done.returncode, done.stdout) == (3, "")
    assert json.loads(done.stderr)["error"].startswith("no server answers at /nowhere/at/all: ")


def test_who_gave_a_command_is_in_the_log(place):
    process = subprocess.Popen([BUILD / "godwitctl", "--socket", place.folder / "state" / "control.sock",
                                "account", "password", "anna", "not-for-the-log"], stdout=subprocess.DEVNULL)
    assert process.wait(SECONDS) == 0
    who = f'who="uid {os.getuid()} on the control socket" pid={process.pid} command="account password"'
    wait_for(lambda: any(f"{who} ms=" in line for line in place.err), "the end of the command in the log")
    assert any(f"{who} arguments=anna ***" in line for line in place.err)
    assert not any(re.search(rf"not-for-the-log|new-secret-word|another-secret|{PASSWORD}", line) for line in place.err)
