"""Registered channels: what outlives people, restarts and modules, and who may do what to them."""

import re

import pytest
from live import wait_for
from people import CHEAP, GUESTS, PASSWORD, Person


def account(server, *names):
    for name in names:
        server.ctl("account", "add", name, PASSWORD, check=False)


def note(person, text):
    return f":test.example.net NOTICE {person.nick} :{text}"


@pytest.fixture
def founder(place, people):
    account(place, "founder", "helper", "other")
    person = people("founder", account="founder")
    yield person
    for name in ("#home", "#Home"):
        person.send(f"CHANNEL DROP {name}")
    person.sync()


def test_registering_makes_the_operator_the_owner(founder, people):
    guest = people("guest")
    founder.does("JOIN #Home")
    guest.does("JOIN #home")
    founder.got()
    assert founder.does("CHANNEL REGISTER #home") == [
        ":test.example.net MODE #Home +q founder", note(founder, "The channel is registered to your account")]
    assert guest.got() == [":test.example.net MODE #Home +q founder"]
    info = guest.does("CHANNEL INFO #HOME")
    assert len(info) == 1 and re.fullmatch(
        re.escape(note(guest, "founder founder, registered at ")) + r"\d{10}, 0 on the access list", info[0])


def fails(person, line, code, channel="#home"):
    lines = person.does(line)
    assert lines[0].startswith(f":test.example.net FAIL CHANNEL {code} {channel} :"), lines
    assert lines[1:] == [note(person, lines[0].split(" :", 1)[1])]


def test_what_is_refused(founder, people):
    guest, other = people("guest"), people("other", account="other")
    fails(founder, "CHANNEL REGISTER #home", "NOT_OPERATOR")
    guest.does("JOIN #home")
    fails(guest, "CHANNEL REGISTER #home", "ACCOUNT_REQUIRED")
    guest.does("PART #home")
    founder.does("JOIN #home", "CHANNEL REGISTER #home")
    fails(founder, "CHANNEL REGISTER #home", "ALREADY_REGISTERED")
    for person in (guest, other):
        fails(person, "CHANNEL DROP #home", "NOT_FOUNDER")
        fails(person, "CHANNEL TRANSFER #home other", "NOT_FOUNDER")
        fails(person, "CHANNEL ACCESS #home", "NO_ACCESS")
        fails(person, "CHANNEL ACCESS #home ADD other o", "NO_ACCESS")
        fails(person, "CHANNEL ACCESS #home DEL founder", "NO_ACCESS")
    fails(founder, "CHANNEL TRANSFER #home nobody", "NO_SUCH_ACCOUNT")
    fails(founder, "CHANNEL ACCESS #home ADD nobody o", "NO_SUCH_ACCOUNT")
    for verb in ("DROP", "INFO", "ACCESS"):
        fails(founder, f"CHANNEL {verb} #none", "NOT_REGISTERED", "#none")
    fails(founder, "CHANNEL INFO none", "NOT_REGISTERED", "none")
    assert founder.does("CHANNEL") == [founder.numeric(461, "CHANNEL :Not enough parameters")]
    for line in ("DANCE #home", "DROP", "TRANSFER #home", "ACCESS #home ADD other", "ACCESS #home ADD other z",
                 "ACCESS #home PUT other o", "ACCESS #home DEL", "INFO #" + "x" * 50, "ACCESS #home ADD " + "x" * 31 + " o",
                 "TRANSFER #home " + "x" * 31):
        assert " FAIL CHANNEL INVALID_PARAMS " in founder.does(f"CHANNEL {line}")[0], line


def test_outcomes_are_notes_to_those_who_ask_for_them(place, people):
    account(place, "noted")
    noted = people("noted", account="noted", caps="standard-replies")
    noted.does("JOIN #noted")
    assert noted.does("CHANNEL REGISTER #noted")[-1] == (
        ":test.example.net NOTE CHANNEL REGISTERED #noted :The channel is registered to your account")
    assert noted.does("CHANNEL DROP #noted") == [
        ":test.example.net NOTE CHANNEL DROPPED #noted :The channel is no longer registered"]


def test_access_gives_a_prefix_on_joining(founder, people):
    helper, guest = people("helper", account="helper"), people("guest")
    founder.does("JOIN #home", "CHANNEL REGISTER #home")
    guest.does("JOIN #home")
    founder.got()
    for letter, prefixes, modes in (("v", "+", "+v"), ("h", "%", "+h"), ("o", "@", "+o"), ("a", "&", "+ao"), ("q", "~", "+qo")):
        assert founder.does(f"CHANNEL ACCESS #home ADD HELPER +{letter}") == [note(founder, "The access list is changed")]
        lines = helper.does("JOIN #home")
        mode = f":test.example.net MODE #home {modes}" + " helper" * (len(modes) - 1)
        assert lines[:2] == [f":{helper.source} JOIN #home", mode]
        assert f"{prefixes}helper" in " ".join(line for line in lines if " 353 " in line)
        assert guest.got() == [f":{helper.source} JOIN #home", mode]
        helper.does("PART #home")
        founder.got(), guest.got()
    listed = [note(founder, text) for text in ("founder founder", "+q helper", "1 entries")]
    assert founder.does("CHANNEL ACCESS #home") == founder.does("CHANNEL ACCESS #home LIST") == listed
    assert founder.does("CHANNEL ACCESS #home DEL helper") == [note(founder, "The access list is changed")]
    assert len(helper.does("JOIN #home")) == 3


def test_an_administrator_changes_what_lies_below(place, founder, people):
    account(place, "third")
    helper = people("helper", account="helper")
    founder.does("JOIN #home", "CHANNEL REGISTER #home", "CHANNEL ACCESS #home ADD helper a", "CHANNEL ACCESS #home ADD other q")
    assert helper.does("CHANNEL ACCESS #home ADD third o") == [note(helper, "The access list is changed")]
    fails(helper, "CHANNEL ACCESS #home ADD third a", "NO_ACCESS")
    fails(helper, "CHANNEL ACCESS #home DEL other", "NO_ACCESS")
    fails(helper, "CHANNEL ACCESS #home ADD founder v", "NO_ACCESS")
    assert helper.does("CHANNEL ACCESS #home DEL third") == [note(helper, "The access list is changed")]


def test_those_with_access_get_in(founder, people):
    helper, guest = people("helper", account="helper"), people("guest")
    founder.does("JOIN #home", "CHANNEL REGISTER #home", "CHANNEL ACCESS #home ADD helper o", "MODE #home +iklb key 1 helper")
    assert " 474 " in guest.does("JOIN #home")[0] or " 473 " in guest.does("JOIN #home")[0]
    assert helper.does("JOIN #home")[0] == f":{helper.source} JOIN #home"


def test_an_empty_channel_keeps_what_it_was(founder, people):
    guest = people("guest")
    founder.does("JOIN #home", "CHANNEL REGISTER #home", "TOPIC #home :ours", "MODE #home +mb-t bad", "PART #home")
    assert guest.does("LIST #home")[1:-1] == []
    lines = guest.does("JOIN #home")
    assert lines[1] == guest.numeric(332, "#home :ours")
    assert lines[3:] == [guest.numeric(353, "= #home :guest"), guest.numeric(366, "#home :End of /NAMES list")]
    assert guest.does("MODE #home")[0] == guest.numeric(324, "#home +mn")
    assert guest.does("MODE #home b")[0].startswith(guest.numeric(367, f"#home bad!*@* {founder.source} "))


def test_transfer_makes_another_the_founder(founder, people):
    other = people("other", account="other")
    founder.does("JOIN #home", "CHANNEL REGISTER #home")
    assert founder.does("CHANNEL TRANSFER #home Other") == [note(founder, "The channel has a new founder")]
    fails(founder, "CHANNEL DROP #home", "NOT_FOUNDER")
    assert other.does("JOIN #home")[1] == ":test.example.net MODE #home +qo other other"
    assert other.does("CHANNEL DROP #home") == [note(other, "The channel is no longer registered")]
    founder.does("PART #home")
    other.does("PART #home")
    assert other.does("TOPIC #home") == [other.numeric(403, "#home :No such channel")]


def test_all_of_it_survives_a_restart(serve, place):
    server = serve(modules=GUESTS, more=CHEAP)
    account(server, "founder", "helper")
    founder = Person(server.plain, "founder", account="founder")
    founder.does("JOIN #Häuschen", "CHANNEL REGISTER #Häuschen", "TOPIC #häuschen :ein Haus", "MODE #häuschen +kls-n sesam 7",
                 "CHANNEL ACCESS #häuschen ADD helper h")
    founder.does("MODE #häuschen +beI *!*@bad.example ~a:good ~m:noisy", "MODE #häuschen +b gone", "MODE #häuschen -b gone")
    questions = ("MODE #häuschen", "MODE #häuschen b", "MODE #häuschen e", "MODE #häuschen I", "TOPIC #häuschen",
                 "CHANNEL ACCESS #häuschen", "CHANNEL INFO #häuschen", "NAMES #häuschen")
    before = founder.does(*questions)
    assert any(founder.source in line for line in before if " 367 " in line)
    for end in (server.stop, server.kill):
        end()
        founder.close()
        server.start()
        guest = Person(server.plain, "guest")
        assert guest.does("JOIN #häuschen") == [guest.numeric(475, "#Häuschen :Cannot join channel (+k)")]
        founder = Person(server.plain, "founder", account="founder")
        lines = founder.does("JOIN #HäUSCHEN")
        assert lines[:2] == [f":{founder.source} JOIN #Häuschen", ":test.example.net MODE #Häuschen +qo founder founder"]
        after = founder.does(*questions)
        assert after == before
        guest.close()
    founder.does("CHANNEL DROP #Häuschen")
    server.stop()
    server.start()
    guest = Person(server.plain, "guest")
    assert guest.does("JOIN #häuschen")[1] == ":test.example.net MODE #häuschen +o guest"


def test_a_module_that_was_away_finds_the_registered_again(serve):
    server = serve(modules=GUESTS, more=CHEAP)
    account(server, "founder")
    founder, guest = Person(server.plain, "founder", account="founder"), Person(server.plain, "guest")
    founder.does("JOIN #home", "CHANNEL REGISTER #home")
    guest.does("JOIN #home")
    founder.does("PART #home")
    server.ctl("module", "unload", "channel")
    server.ctl("module", "load", "channel")
    founder.got(), guest.got()
    assert founder.does_not_minding_support("JOIN #home")[1] == ":test.example.net MODE #home +qo founder founder"
    assert founder.does_not_minding_support("CHANNEL DROP #home")[0].endswith("no longer registered")


def test_who_leaves_while_registering_is_the_founder_all_the_same(founder, people):
    guest = people("guest")
    founder.does("JOIN #home")
    guest.does("JOIN #home")
    guest.got()
    founder.send("CHANNEL REGISTER #home")
    founder.close()
    guest.expect(" QUIT ")
    wait_for(lambda: "founder founder" in guest.does("CHANNEL INFO #home")[0], "the registration")
    guest.got()
    founder.__init__(founder.port, "founder", account="founder")
    assert founder.does("JOIN #home")[1] == ":test.example.net MODE #home +qo founder founder"


def test_joins_of_registered_and_new_channels_keep_their_order(founder, people):
    founder.does("JOIN #home", "CHANNEL REGISTER #home", "TOPIC #home :t", "PART #home")
    guest = people("guest")
    lines = guest.does("JOIN #a1,#home,#a2", "PRIVMSG #a2 :x", "PART #home", "JOIN #home", "NAMES #a1")
    joined = [line.split()[2] for line in lines if " JOIN " in line]
    assert joined == ["#a1", "#home", "#a2", "#home"]
    assert lines[-1] == guest.numeric(366, "#a1 :End of /NAMES list")
