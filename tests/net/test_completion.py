"""What bash offers behind godwit and godwitctl: the server's own commands, asked from it. run-all: beside"""

import os
import pathlib
import shutil
import subprocess

import pytest
from live import BUILD, SECONDS, Server, running
from people import PASSWORD, Person

FOLDER = pathlib.Path(os.environ["GODWIT_SRC"]) / "conf" / "completion"
pytestmark = pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
ASK = """
set -u
source "$1"; shift
name=$1; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
"$name"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def offered(program, *words):
    """What may stand in place of the last word."""
    name = program.name
    command = ["bash", "-c", ASK, "bash", FOLDER / name, f"_{name}", program, *words]
    result = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout.split()


@pytest.fixture(scope="module")
def ctl(tmp_path_factory):
    with running(Server(tmp_path_factory.mktemp("completion"), modules="store, services, network, client, control, account, guest, oper")) as server:
        socket = server.folder / "state" / "control.sock"
        server.ctl("account", "add", "anna", PASSWORD)
        server.ctl("ban", "add", "192.0.2.0/24", "1h")
        people = [Person(server.plain, "beth"), Person(server.plain, "`id`")]
        yield lambda *words: offered(BUILD / "godwitctl", "--socket", str(socket), *words)
        for person in people:
            person.close()


def test_first_words_of_commands(ctl):
    every = ctl("")
    assert {"module", "rehash", "log", "server", "tls", "help"} <= set(every) and "list" not in every
    assert ctl("re") == ["rehash"]


def test_words_that_follow(ctl):
    assert {"info", "list", "load", "reload", "unload"} <= set(ctl("module", ""))
    assert ctl("module", "re") == ["reload"]
    assert set(ctl("tls", "")) == {"reload", "show"}


def test_arguments_that_are_known(ctl):
    assert ctl("module", "reload", "c") == ["client", "control"]
    assert "all" in ctl("module", "reload", "")
    assert ctl("module", "unload", "client", "--") == ["--cascade"]
    assert ctl("log", "level", "client", "") == ["debug", "error", "info", "warn"]
    assert "core" in ctl("log", "level", "c")
    assert ctl("server", "stop", "--n") == ["--now"]
    assert ctl("rehash", "x") == []
    assert ctl("nonsense", "") == []


def test_arguments_that_are_asked_for(ctl):
    """Who calls themselves by what a shell would execute is offered by number alone."""
    ids = [word for word in ctl("session", "kick", "") if word.isdigit()]
    assert len(ids) == 2 and set(ctl("session", "show", "")) == {"beth", *ids}
    assert ctl("account", "password", "a") == ["anna"]
    assert ctl("oper", "add", "anna", "") == ["admin"]
    assert ctl("ban", "remove", "1") == ["192.0.2.0/24"]
    assert ctl("account", "add", "") == []


def test_nobody_answers(tmp_path):
    assert offered(BUILD / "godwitctl", "--socket", str(tmp_path / "none"), "mod") == []
    assert "--json" in offered(BUILD / "godwitctl", "-")


def test_verbs_and_options_of_the_daemon(tmp_path):
    config = tmp_path / "godwit.yaml"
    config.write_text("server: a.example\nstate-directory: state\nmodules: [store, services, network, client, link, burst, control]\n")
    words = ("-c", str(config))
    assert {"init", "join", "keygen", "fingerprint", "help"} <= set(offered(BUILD / "godwit", *words, ""))
    assert offered(BUILD / "godwit", *words, "j") == ["join"]
    assert offered(BUILD / "godwit", *words, "--o") == ["--options"]
    assert offered(BUILD / "godwit", "-c", str(config)[:-3]) == [str(config)]
