"""A network of three servers is restarted, each with other programs, while people with irssi and WeeChat talk through agents: they see the talk and nothing
else, and so do people on plain connections. ./bootstrap clients has more clients and more rounds. run-all: beside"""

import shutil

import pytest
from clients.installed import first, second
from clients.irssi import Irssi
from clients.network import Roost
from clients.weechat import WeeChat

pytestmark = pytest.mark.skipif(not all(map(shutil.which, ("irssi", "weechat-headless"))), reason="irssi or weechat-headless is missing")


def test_nobody_sees_a_network_being_restarted(tmp_path):
    old = first(tmp_path / "first")
    new = second(tmp_path / "second", old)
    roost = Roost(tmp_path, old, {"anna": Irssi, "willi": WeeChat})
    try:
        roost.turn("bca", new)
        roost.talk.end()
        assert all(moves > 0 for moves in roost.still().values()), roost.still()
        assert not roost.talk.faults(), "\n".join(roost.talk.faults())
    finally:
        roost.close()
