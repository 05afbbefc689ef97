"""Servers a, b and c in a chain: what works on one server works across them, with real clients."""

import json
import re

import pytest
from live import LINKED, Network, running, wait_for
from people import CHEAP, PASSWORD, Person

GUESTS = LINKED.replace("account, ", "account, guest, ")
MSGID = "server-time message-tags batch account-tag"


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    with running(Network(tmp_path_factory.mktemp("net"), "a-b b-c", modules=GUESTS, more=CHEAP)) as net:
        yield net


@pytest.fixture
def people(net):
    """Brings people in: people("c", "anna"); all servers know of them when this returns, and have forgotten them after the test."""
    there = []

    def one(server, nick, **settings):
        there.append(Person(net[server].plain, nick, **settings))
        net.wait_level()
        return there[-1]

    yield one
    for person in there:
        person.leave()
    net.wait_level()


def sees(person, *patterns):
    """Lines like these come, in this order; what else comes is passed over."""
    return [person.expect(pattern) for pattern in patterns]


def meet(net, channel, *persons):
    """They come in one after the other, so that there is one channel and the first one rules it."""
    for person in persons:
        person.does(f"JOIN {channel}")
        net.wait_level()
    for person in persons:
        person.got()


# --- Channels and what is said ---


def test_a_channel_has_its_members_on_all_servers(net, people):
    anna, ben, cleo = people("a", "anna"), people("b", "ben"), people("c", "cleo")
    meet(net, "#all", anna, ben)
    assert re.search(r" 353 cleo = #all :(?=.*@anna)(?=.*\bben)(?=.*\bcleo)", "\n".join(cleo.does("JOIN #all")))
    for one in (anna, ben):
        sees(one, rf"^:{re.escape(cleo.source)} JOIN #all$")
    cleo.does("PRIVMSG #all :from c", "NOTICE #all :a notice")
    for one in (anna, ben):
        sees(one, rf"^:{re.escape(cleo.source)} PRIVMSG #all :from c$", " NOTICE #all :a notice$")
    cleo.does("PART #all :gone")
    sees(anna, rf"^:{re.escape(cleo.source)} PART #all :gone$")


def test_a_message_has_one_id_and_one_time_everywhere(net, people):
    anna, ben, cleo = (people(server, nick, caps=MSGID) for server, nick in (("a", "anna"), ("b", "ben"), ("c", "cleo")))
    meet(net, "#ids", anna, ben, cleo)
    anna.does("@+x=y PRIVMSG #ids :once", "PRIVMSG cleo :direct")
    lines = [one.expect(" PRIVMSG #ids :once$") for one in (ben, cleo)]
    assert lines[0] == lines[1]
    assert re.match(r"@(?=\S*time=20)(?=\S*msgid=[\w-]{22})(?=\S*\+x=y)", lines[0])
    sees(cleo, " PRIVMSG cleo :direct$")


def test_a_sender_is_heard_in_order(net, people):
    anna, cleo = people("a", "anna"), people("c", "cleo")
    meet(net, "#order", anna, cleo)
    anna.send(*(line for n in range(300) for line in (f"PRIVMSG #order :{n}", f"PRIVMSG cleo :{n}")))
    heard = []
    while len(heard) < 600:
        line = cleo.line()
        if " PRIVMSG " in line:
            heard.append(line.split(" PRIVMSG ")[1])
    assert heard == [f"{to} :{n}" for n in range(300) for to in ("#order", "cleo")]


def test_a_kick_a_mode_a_topic_and_an_invitation(net, people):
    anna, ben, cleo = people("a", "anna"), people("b", "ben"), people("c", "cleo")
    meet(net, "#rule", anna, cleo)
    anna.does("MODE #rule +mvk cleo sesame", "TOPIC #rule :what is said", "MODE #rule +b *!*@x.example")
    sees(cleo, r"^:anna!\S+ MODE #rule \+mvk cleo sesame$", r"^:anna!\S+ TOPIC #rule :what is said$", r" MODE #rule \+b \*!\*@x.example$")
    assert any(re.search(r" 332 cleo #rule :what is said$", line) for line in cleo.does("TOPIC #rule"))
    assert any(re.search(r" 367 cleo #rule \*!\*@x.example anna", line) for line in cleo.does("MODE #rule b"))
    assert any(" 475 ben #rule " in line for line in ben.does("JOIN #rule"))
    anna.does("MODE #rule +i-k sesame", "INVITE ben #rule")
    sees(ben, r"^:anna!\S+ INVITE ben :?#rule$")
    assert any(" JOIN #rule" in line for line in ben.does("JOIN #rule"))
    assert any(" 482 cleo #rule " in line for line in cleo.does("KICK #rule ben"))
    anna.does("KICK #rule cleo :enough")
    sees(cleo, r"^:anna!\S+ KICK #rule cleo :enough$")
    sees(ben, r"^:anna!\S+ KICK #rule cleo :enough$")
    assert any(" 473 cleo #rule " in line for line in cleo.does("JOIN #rule"))


def test_a_ban_of_a_channel_holds_on_every_server(net, people):
    anna, cleo = people("a", "anna"), people("c", "cleo")
    anna.does("JOIN #ban", "MODE #ban +b cleo!*@*")
    net.wait_level()
    assert any(" 367 cleo #ban cleo!*@* " in line for line in cleo.does("MODE #ban b"))
    assert any(" 474 cleo #ban " in line for line in cleo.does("JOIN #ban"))


# --- People ---


def test_a_nick_is_taken_everywhere(net, people):
    people("a", "anna")
    cleo, ben = people("c", "cleo"), people("b", "ben")
    assert any(" 433 cleo anna " in line for line in cleo.does("NICK anna"))
    meet(net, "#nick", ben, cleo)
    cleo.does("NICK clea")
    sees(ben, r"^:cleo!\S+ NICK :?clea$")


def test_whois_names_the_server(net, people):
    anna, cleo = people("a", "anna"), people("c", "cleo")
    cleo.does("JOIN #who", "AWAY :out")
    net.wait_level()
    answer = "\n".join(anna.does("WHOIS cleo", "WHO cleo"))
    assert re.search(r" 312 anna cleo c\.test :", answer)
    assert re.search(r" 301 anna cleo :out$", answer, re.M)
    assert re.search(r" 352 anna \S+ ident \S+ c\.test cleo G", answer)


def test_what_one_is_told_of_others(people):
    caps = "away-notify account-notify setname chghost extended-join"
    anna, cleo = people("a", "anna", caps=caps), people("c", "cleo", caps="setname")
    anna.does("JOIN #told")
    cleo.does("JOIN #told", "AWAY :later", "SETNAME :Another", "AWAY")
    sees(anna, r"^:cleo!\S+ JOIN #told \* :Real Name$", r"^:cleo!\S+ AWAY :later$", r"^:cleo!\S+ SETNAME :Another$", r"^:cleo!\S+ AWAY$")


def test_monitor_follows_people_of_other_servers(people):
    anna = people("a", "anna")
    assert any(" 731 anna :cleo" in line for line in anna.does("MONITOR + cleo"))
    cleo = people("c", "cleo")
    sees(anna, r" 730 anna :cleo!")
    cleo.does("NICK other")
    sees(anna, r" 731 anna :cleo$")
    cleo.does("NICK cleo")
    sees(anna, r" 730 anna :cleo!")
    cleo.leave()
    sees(anna, r" 731 anna :cleo$")


def test_list_and_lusers_count_the_network(net, people):
    anna, ben, cleo = people("a", "anna"), people("b", "ben"), people("c", "cleo")
    meet(net, "#list", cleo, ben, anna)
    cleo.does("TOPIC #list :of all")
    net.wait_level()
    assert any(re.search(r" 322 anna #list 3 :.*of all$", line) for line in anna.does("LIST"))
    counted = "\n".join(anna.does("LUSERS"))
    assert re.search(r" 251 anna :There are \d+ users and \d+ invisible on 3 servers", counted)
    assert re.search(r" 255 anna :I have 1 clients and \d+ servers", counted)
    assert re.search(r" 266 anna 3 \d+ :", counted)


def test_links_and_map_show_the_tree(people):
    anna = people("a", "anna")
    links = [line.split(" 364 anna ")[1] for line in anna.does("LINKS") if " 364 " in line]
    assert {line.split(" :")[0]: line.split(" :")[1][0] for line in links} == {
        "a.test a.test": "0", "b.test a.test": "1", "c.test b.test": "2"}
    shown = [line for line in anna.does("MAP") if re.search(r" (006|015) ", line)]
    assert [name for line in shown for name in re.findall(r"([abc]\.test)", line.split(" anna ")[1])] == ["a.test", "b.test", "c.test"]


# --- Accounts, operators, bans ---


def test_an_account_is_good_on_every_server(net, people):
    caps = "account-notify extended-join account-tag"
    watcher = people("a", "watcher", caps=caps)
    watcher.does("JOIN #accounts")
    cleo = people("c", "cleo")
    cleo.does("JOIN #accounts")
    sees(watcher, r"^:cleo!\S+ JOIN #accounts \* ")
    net["c"].ctl("account", "add", "cleo", PASSWORD)
    net.wait_level()
    second = people("b", "second", account="cleo")
    second.does("JOIN #accounts", "PRIVMSG #accounts :logged in")
    sees(watcher, r":second!\S+ JOIN #accounts cleo ", r"^@account=cleo :second!\S+ PRIVMSG #accounts :logged in$")
    # Whoever is not logged in to it loses the nick.
    sees(cleo, r" NICK :?cleo~\w+$")
    net["a"].ctl("account", "drop", "cleo")
    sees(watcher, r":second!\S+ ACCOUNT \*$")


def test_a_registered_channel_is_there_on_every_server(net, people):
    net["b"].ctl("account", "add", "founder", PASSWORD)
    net.wait_level()
    founder = people("a", "founder", account="founder")
    founder.does("JOIN #kept", "TOPIC #kept :stays", "CHANNEL REGISTER #kept")
    net.wait_level()
    founder.leave()
    again = people("c", "again", account="founder")
    assert " 332 again #kept :stays" in "\n".join(again.does("JOIN #kept"))
    assert " 353 again = #kept :~again" in "\n".join(again.does("NAMES #kept"))


def test_a_kill_reaches_its_target(net, people):
    net["a"].ctl("account", "add", "boss", PASSWORD)
    net.wait_level()
    net["c"].ctl("oper", "add", "boss")
    net.wait_level()
    boss, victim = people("a", "boss", account="boss"), people("c", "victim")
    boss.does("OPER boss")
    net.wait_level()
    assert any(" 313 victim boss " in line for line in victim.does("WHOIS boss"))
    boss.send("KILL victim :out")
    sees(victim, r"^ERROR :.*out")
    second = people("c", "second")
    second.does("MODE second +w")
    boss.does("WALLOPS :to all again")
    sees(second, r" WALLOPS :to all again$")


def test_a_ban_of_the_network_closes_whom_it_meets_anywhere(net, people):
    net["a"].ctl("account", "add", "pest", PASSWORD)
    net.wait_level()
    pest = people("c", "pest", account="pest")
    net["a"].ctl("ban", "add", "pest", "1h", "noise")
    sees(pest, r"^ERROR :.*noise")
    assert "noise" in net["c"].ctl("ban", "list")
    net["c"].ctl("ban", "remove", "pest")
    net.wait_level()
    assert "noise" not in net["b"].ctl("ban", "list")


# --- Splits ---


def split_pattern(near, far):
    return rf"{near}\.test {far}\.test"


def test_a_split_and_its_end_are_batches(net, people):
    plain, batched, far = people("a", "plain"), people("a", "batched", caps=MSGID), people("c", "far")
    other = people("c", "other")
    meet(net, "#split", plain, batched, far, other)
    net.cut("b-c")
    lines = sees(batched, rf"BATCH \+(\S+) netsplit {split_pattern('b', 'c')}$", r"far!\S+ QUIT", r"other!\S+ QUIT", r"BATCH -")
    reference = re.search(r"BATCH \+(\S+)", lines[0])[1]
    assert all(f"batch={reference}" in line for line in lines[1:3])
    assert lines[3].endswith(f"BATCH -{reference}")
    sees(plain, rf"^:far!\S+ QUIT :{split_pattern('b', 'c')}$", r"^:other!\S+ QUIT :")
    net.wait_level()
    plain.does("TOPIC #split :on the near side", "NICK nearer")
    far.does("MODE #split +m")
    net.heal("b-c")
    net.wait_level()
    lines = sees(batched, rf"BATCH \+(\S+) netjoin {split_pattern('b', 'c')}$", r"(far|other)!\S+ JOIN #split", r"(far|other)!\S+ JOIN #split",
                 r"BATCH -")
    reference = re.search(r"BATCH \+(\S+)", lines[0])[1]
    assert all(f"batch={reference}" in line for line in lines[1:3])
    sees(plain, r"^:(far|other)!\S+ JOIN #split", r"^:(far|other)!\S+ JOIN #split")
    sees(far, r"nearer!\S+ JOIN #split")
    assert any(" 332 far #split :on the near side" in line for line in far.does("TOPIC #split"))


def test_two_who_took_a_nick_on_two_sides_are_told_apart(net, people):
    older = people("a", "before")
    younger = people("c", "behind")
    net.cut("b-c")
    net.wait_level()
    older.does("NICK wanted")
    net.wait_level()  # takes longer than the clocks' milliseconds
    younger.does("NICK wanted")
    net.heal("b-c")
    net.wait_level()
    sees(younger, r"^:wanted!\S+ NICK :?wanted~\w{5}$", r" NOTICE wanted~\w{5} :")
    assert not any(" NICK " in line for line in older.got())
    assert any(" 311 wanted wanted " in line for line in older.does("WHOIS wanted"))


def test_a_channel_that_was_made_on_two_sides_becomes_one(net, people):
    anna, cleo = people("a", "anna"), people("c", "cleo")
    net.cut("b-c")
    net.wait_level()
    anna.does("JOIN #twice", "TOPIC #twice :the older", "MODE #twice +n-s")
    net.wait_level()
    cleo.does("JOIN #twice", "TOPIC #twice :the younger", "MODE #twice +ms")
    net.heal("b-c")
    net.wait_level()
    for one in (anna, cleo):
        answer = "\n".join(one.does("TOPIC #twice", "NAMES #twice", "MODE #twice"))
        assert " #twice :the older" in answer
        assert re.search(r" 353 \w+ = #twice :(?=.*@anna)(?=.*\bcleo)", answer)
        assert "@cleo" not in answer
        assert not re.search(r" 324 \w+ #twice \+\w*[ms]", answer)


def test_a_message_to_one_behind_a_split_is_answered(net, people):
    anna = people("a", "anna")
    people("c", "far")
    net.cut("b-c")
    net.wait_level()
    assert any(" 401 anna far " in line for line in anna.does("PRIVMSG far :there?"))
    net.heal("b-c")
    net.wait_level()
    anna.does("PRIVMSG far :there?")


# --- Operators of the network ---


def test_an_added_server_that_never_came_can_be_removed(net):
    key = "gwpk1-B6N8vBQgk8i3VdwbEOhstCY3StFqqFPtC9_AsrhtHHxfF_Ft"
    assert "givaj-zuzad-fosuh-gujav-harab-dihov-fasod-bajum" in net["a"].ctl("server", "add", "never.test", key)
    net.wait_level()
    assert "never.test" in net["c"].ctl("server", "list")
    net["b"].ctl("server", "remove", "never.test")
    net.wait_level()
    assert "never.test" not in net["a"].ctl("server", "list")


def test_map_and_links_of_godwitctl(net):
    for server in net:
        assert sorted(row["name"] for row in json.loads(server.ctl("map", "--json"))) == ["a.test", "b.test", "c.test"]
    assert "c.test" in net["b"].ctl("link", "list") and "a.test" in net["b"].ctl("link", "list")


def test_a_link_closed_by_an_operator_comes_back(net):
    net["c"].ctl("link", "disconnect", "b.test")
    wait_for(lambda: not any("c.test" in key for key in net["a"].status() if key.startswith("vector.")), "the split", 5)
    net["c"].ctl("link", "connect", "b.test")
    net.wait_level()
