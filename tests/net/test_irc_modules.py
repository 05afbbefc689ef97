"""Modules left out, taken away and put back: commands, capabilities and tokens go and come with them."""

import pytest
from live import Irc, Server, wait_for
from people import CHEAP, PASSWORD, Person

ALL = ["store", "services", "network", "client", "account", "channel", "message", "query", "monitor", "oper", "control", "guest"]
COMMANDS = {
    "channel": ["JOIN #a", "PART #a", "NAMES", "KICK #a b", "INVITE", "TOPIC #a", "LIST", "MODE anna", "CHANNEL INFO #a"],
    "message": ["PRIVMSG a :b", "NOTICE a :b", "TAGMSG a"],
    "query": ["WHO a", "WHOIS a", "WHOWAS a", "USERHOST a", "ISON a", "AWAY", "MOTD", "LUSERS", "VERSION", "TIME", "INFO", "HELP",
              "ADMIN"],
    "monitor": ["MONITOR L"],
    "oper": ["OPER a", "KILL a", "WALLOPS a", "REHASH", "CTL status"],
    "account": ["AUTHENTICATE PLAIN", "REGISTER a * b", "VERIFY a b", "ACCOUNT INFO", "PASS a:b"],
    "guest": [],
    "control": [],
}
CAPS = {
    "channel": {"multi-prefix", "userhost-in-names", "extended-join", "invite-notify"},
    "monitor": {"extended-monitor"},
    "account": {"sasl", "draft/account-registration"},
}
TOKENS = {
    "channel": {"CHANTYPES", "PREFIX", "CHANMODES", "CHANLIMIT", "MAXLIST", "MODES", "CHANNELLEN", "TOPICLEN", "KEYLEN", "EXCEPTS",
                "INVEX", "EXTBAN", "ACCOUNTEXTBAN", "ELIST", "SAFELIST", "STATUSMSG"},
    "message": {"STATUSMSG"},
    "query": {"WHOX", "AWAYLEN", "BOT"},
    "monitor": {"MONITOR"},
}
TARGETS = {
    "channel": {"JOIN", "PART", "NAMES", "KICK", "LIST", "INVITE"},
    "message": {"PRIVMSG", "NOTICE", "TAGMSG"},
    "query": {"WHOIS", "WHOWAS", "USERHOST"},
}
OTHERS = sorted(COMMANDS)


def facts(person):
    """Capabilities, tokens, and the commands that TARGMAX names."""
    person.send("CAP LS")
    caps = {word for line in person.sync() for word in line.split(" :", 1)[1].split()}
    person.send("ISUPPORT")
    words = [word for line in person.sync() for word in line.split(" :")[0].split()[3:]]
    tokens = dict(word.partition("=")[::2] for word in words)
    targets = {part.split(":")[0] for part in tokens.pop("TARGMAX", "").split(",")} - {""}
    return caps, set(tokens), targets


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What there is with all modules."""
    server = Server(tmp_path_factory.mktemp("whole"), modules=", ".join(ALL), more=CHEAP)
    person = Person(server.plain, "anna")
    yield facts(person)
    person.close()
    server.close()


@pytest.mark.parametrize("left_out", OTHERS)
def test_the_server_starts_without(serve, whole, left_out):
    server = serve(modules=", ".join(name for name in ALL if name != left_out), more=CHEAP if left_out != "account" else "")
    if left_out == "guest":
        server.ctl("account", "add", "anna", PASSWORD)
    person = Person(server.plain, "anna", account="anna" if left_out == "guest" else None)
    caps, tokens, targets = facts(person)
    assert whole[0] - caps == CAPS.get(left_out, set())
    assert whole[1] - tokens == TOKENS.get(left_out, set())
    assert whole[2] - targets == TARGETS.get(left_out, set())
    assert caps <= whole[0] and tokens - {"draft/ACCOUNTREQUIRED"} <= whole[1] and targets <= whole[2]
    for name, lines in COMMANDS.items():
        for line in lines:
            unknown = person.numeric(421, f"{line.split()[0]} :Unknown command") in person.does(line)
            if line.startswith("TAGMSG"):
                unknown = left_out == name
            assert unknown == (name == left_out), line
    person.close()
    server.stop()


def got_with(person, text):
    """What has come, once a line with the text is among it: 005 is told a moment after the change."""
    lines = []
    wait_for(lambda: lines.extend(person.got()) or any(text in line for line in lines), text)
    return lines


def test_a_command_goes_and_comes_with_its_module(place, people):
    anna, ben = people("anna", caps="batch draft/extended-isupport"), people("ben")
    place.ctl("module", "unload", "message")
    gone = got_with(anna, "-STATUSMSG")
    assert any("TARGMAX=" in line and "PRIVMSG" not in line for line in gone)
    assert anna.does("PRIVMSG ben :x") == [anna.numeric(421, "PRIVMSG :Unknown command")]
    assert ben.got() == [line.replace(" anna ", " ben ", 1) for line in gone if " 005 " in line]
    place.ctl("module", "load", "message")
    back = got_with(anna, "STATUSMSG=~&@%+")
    assert any("PRIVMSG:4" in line for line in back)
    ben.got()
    assert anna.does("PRIVMSG ben :x") == []
    assert ben.got() == [f":{anna.source} PRIVMSG ben :x"]


def test_capabilities_come_and_go_with_a_notice(place, people):
    anna, plain = people("anna", caps="cap-notify extended-monitor"), people("plain")
    place.ctl("module", "unload", "monitor")
    assert anna.got()[0] == ":test.example.net CAP anna DEL :extended-monitor"
    assert anna.does("CAP LIST") == [":test.example.net CAP anna LIST :cap-notify"]
    assert anna.does("CAP REQ extended-monitor") == [":test.example.net CAP anna NAK :extended-monitor"]
    assert not any(" CAP " in line for line in plain.got())
    place.ctl("module", "load", "monitor")
    assert anna.got()[0] == ":test.example.net CAP anna NEW :extended-monitor"
    assert anna.does("CAP REQ extended-monitor") == [":test.example.net CAP anna ACK :extended-monitor"]


def test_a_reload_is_seen_by_nobody(place, people):
    anna = people("anna", caps="cap-notify batch draft/extended-isupport")
    anna.does("JOIN #c", "MONITOR + ben", "AWAY :x")
    for name in ALL:
        place.ctl("module", "reload", name)
        assert anna.got() == [], name
    assert anna.does("MONITOR L")[0] == anna.numeric(732, ":ben")


def test_what_others_need_is_not_unloaded(place):
    result = place.ctl("module", "unload", "client", check=False)
    assert result == ""
    listed = place.ctl("module", "list")
    assert [line.split()[0] for line in listed.splitlines()][:4] == ALL[:4]


def test_a_channel_outlives_the_module_that_commands_it(place, people):
    anna, ben = people("anna"), people("ben")
    anna.does("JOIN #c")
    ben.does("JOIN #c")
    anna.got()
    place.ctl("module", "unload", "channel")
    anna.got(), ben.got()
    assert anna.does_not_minding_support("PRIVMSG #c :still") == []
    assert [line for line in ben.got() if " 005 " not in line] == [f":{anna.source} PRIVMSG #c :still"]
    place.ctl("module", "load", "channel")
    anna.got()
    assert anna.does_not_minding_support("MODE #c +m") == [f":{anna.source} MODE #c +m"]
    assert anna.does_not_minding_support("NAMES #c")[0] == anna.numeric(353, "= #c :@anna ben")
