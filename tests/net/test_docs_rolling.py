"""The README's restart of a whole network: typed as it stands there, while irssi and WeeChat talk, each set up by the README's lines. run-all: beside"""

import itertools
import shutil

import pytest
from clients.irssi import SETTINGS, Irssi
from clients.talk import Talk
from clients.weechat import WeeChat
from clients.weechat import version as weechat_version
from live import BUILD, Irc, wait_for
from test_docs import README, Desk, blocks

pytestmark = pytest.mark.skipif(not all(map(shutil.which, ("irssi", "weechat-headless"))), reason="irssi or weechat-headless is missing")


class RollingDesk(Desk):
    """With the build that the README says how to make; a person looks at what `run` prints before the next command is typed."""

    def __init__(self, folder):
        folder.mkdir()
        super().__init__(folder)
        (folder / "build-next").mkdir()
        shutil.copy(BUILD / "tests" / "net" / "godwit-next", folder / "build-next" / "godwit")
        (folder / "build-next" / "modules").symlink_to(BUILD / "modules")
        self.ended = itertools.count(1)

    def type(self, command):
        got = super().type(command)
        if "--then-exit" in command:
            wanted = next(self.ended)
            wait_for(lambda: (self.folder / "log").read_text().count("has ended with status 0") == wanted, "the server's end")
        return got


def lines_for(desk, language):
    return [desk.own_ports(line) for _, lines in blocks(README, language) for line in lines]


def irssi(desk, folder):
    anna = Irssi(folder, "anna", "", 0)
    anna.begin(SETTINGS)
    for line in lines_for(desk, "irssi_agent"):
        if line.startswith("/join"):
            anna.wait_shows("Welcome to the Godwit network")
        anna.say(line)
    return anna


def weechat(desk, folder):
    willi = WeeChat(folder, "willi", "", 0)
    willi.begin(by_hand=True)
    first = next(line for line in lines_for(desk, "weechat") if line.startswith("/server add"))
    willi.type("core.weechat", first + (" -notls" if weechat_version() >= (4, 0) else ""))
    for line in lines_for(desk, "weechat_agent"):
        if line.startswith("/join"):
            willi.wait_shows("Welcome to the Godwit network")
        line = line.replace(".ssl", ".tls") if weechat_version() >= (4, 0) else line
        willi.type("irc.server.godwit" if line.startswith("/join") else "core.weechat", line)
    return willi


def test_the_readme_restarts_a_network_under_people(tmp_path):
    desk, people, talk = RollingDesk(tmp_path / "desk"), [], None
    try:
        desk.bootstrap()
        for nick in ("anna", "willi"):
            Irc(desk.port).register(nick, f"{nick}-secret").close()
        people += [irssi(desk, tmp_path / "anna"), weechat(desk, tmp_path / "willi")]
        for person in people:
            person.wait_in()
        talk = Talk(people)
        talk.begin()
        for _, lines in blocks(README, "restart"):
            desk.console(lines)
        talk.goes_on()
        talk.end()
        assert not talk.faults(), "\n".join(talk.faults())
    finally:
        if talk:
            talk.stop()
        for person in people:
            person.close()
        desk.close()
