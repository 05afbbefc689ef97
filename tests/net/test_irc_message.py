"""Messages: who gets which bytes, in every role and with every set of capabilities."""

import datetime
import re

import pytest

RICH = "message-tags server-time account-tag echo-message batch labeled-response"


@pytest.fixture
def talk(place, people):
    """anna (operator) and ben in #c."""
    anna, ben = people("anna"), people("ben")
    anna.does("JOIN #c")
    ben.does("JOIN #c")
    anna.got()
    return anna, ben


@pytest.mark.parametrize("verb", ["PRIVMSG", "NOTICE"])
def test_a_message_reaches_all_but_its_sender(talk, people, verb):
    anna, ben = talk
    cleo = people("cleo")
    assert ben.does(f"{verb} #C :hello  all:") == []
    assert anna.got() == [f":{ben.source} {verb} #c :hello  all:"]
    assert ben.does(f"{verb} ANNA word") == []
    assert anna.got() == [f":{ben.source} {verb} anna :word"]
    assert cleo.got() == []


def test_one_to_oneself_comes_once_and_with_its_echo_twice(people):
    anna, ben = people("anna"), people("ben", caps="echo-message")
    assert anna.does("PRIVMSG anna :me") == [f":{anna.source} PRIVMSG anna :me"]
    assert ben.does("PRIVMSG ben :me") == [f":{ben.source} PRIVMSG ben :me"] * 2


@pytest.mark.parametrize("line, answer", [
    ("PRIVMSG", "411 anna :No recipient given (PRIVMSG)"),
    ("PRIVMSG :", "411 anna :No recipient given (PRIVMSG)"),
    ("PRIVMSG #c", "412 anna :No text to send"),
    ("PRIVMSG #c :", "412 anna :No text to send"),
    ("PRIVMSG nobody :x", "401 anna nobody :No such nick"),
    ("PRIVMSG #none :x", "403 anna #none :No such channel"),
    ("PRIVMSG @ :x", "401 anna @ :No such nick"),
    ("PRIVMSG @#none :x", "403 anna @#none :No such channel"),
    ("NOTICE", None),
    ("NOTICE #c", None),
    ("NOTICE #c :", None),
    ("NOTICE nobody :x", None),
    ("NOTICE #none :x", None),
    ("TAGMSG #c", "421 anna TAGMSG :"),
])
def test_messages_that_go_nowhere(talk, line, answer):
    anna, ben = talk
    lines = anna.does(line)
    assert len(lines) == (answer is not None)
    assert not lines or lines[0].startswith(f":test.example.net {answer}")
    assert ben.got() == []


def test_several_targets_up_to_targmax(talk, people):
    anna, ben = talk
    cleo = people("cleo")
    assert anna.does("PRIVMSG ben,cleo,#c,nobody,,ben :x") == [
        anna.numeric(401, "nobody :No such nick"), anna.numeric(407, "ben :Too many targets"),
    ]
    assert ben.got() == [f":{anna.source} PRIVMSG ben :x", f":{anna.source} PRIVMSG #c :x"]
    assert cleo.got() == [f":{anna.source} PRIVMSG cleo :x"]


def test_statusmsg_reaches_that_prefix_and_above(people):
    op, half, voiced, plain = (people(nick, caps="echo-message") for nick in ("op", "half", "voiced", "plain"))
    for person in (op, half, voiced, plain):
        person.does("JOIN #c")
    op.does("MODE #c +hv half voiced")
    everyone = (op, half, voiced, plain)
    for prefix, seen in (("@", (op,)), ("%", (op, half)), ("+", (op, half, voiced)), ("~", ()), ("@+", (op, half, voiced))):
        for person in everyone:
            person.got()
        shown = prefix[-1] if len(prefix) > 1 else prefix
        line = f":{plain.source} PRIVMSG {shown}#c :x"
        assert plain.does(f"PRIVMSG {prefix}#c :x") == [line]
        for person in everyone[:3]:
            assert person.got() == ([line] if person in seen else []), (prefix, person.nick)


def test_who_may_speak_in_a_channel(talk, people):
    anna, ben = talk
    outside = people("outside")
    assert outside.does("PRIVMSG #c :x") == [outside.numeric(404, "#c :Cannot send to channel (+n): you are not in it")]
    assert outside.does("NOTICE #c :x") == []
    anna.does("MODE #c -n")
    assert outside.does("PRIVMSG #c :x") == []
    assert anna.got() == ben.got()[1:] == [f":{outside.source} PRIVMSG #c :x"]
    anna.does("MODE #c +m")
    ben.got()
    assert ben.does("PRIVMSG #c :x") == [ben.numeric(404, "#c :Cannot send to channel (+m)")]
    assert outside.does("PRIVMSG #c :x") == [outside.numeric(404, "#c :Cannot send to channel (+m)")]
    anna.does("MODE #c +v ben")
    ben.got()
    assert ben.does("PRIVMSG #c :x") == []
    assert anna.got() == [f":{ben.source} PRIVMSG #c :x"]
    anna.does("MODE #c -m-v+b ben ben")
    ben.got()
    assert ben.does("PRIVMSG #c :x") == [ben.numeric(404, "#c :Cannot send to channel (+b)")]
    anna.does("MODE #c +e ben")
    ben.got()
    assert ben.does("PRIVMSG #c :x") == []


def test_no_ctcp_but_action_with_mode_c(talk):
    anna, ben = talk
    anna.does("MODE #c +C")
    ben.got()
    refused = [ben.numeric(404, "#c :Cannot send CTCP to channel (+C)")]
    assert ben.does("PRIVMSG #c :\x01VERSION\x01") == refused
    assert ben.does("PRIVMSG #c :\x01ACTIONS\x01") == refused
    assert ben.does("PRIVMSG #c :\x01ACTION waves\x01") == []
    assert anna.got() == [f":{ben.source} PRIVMSG #c :\x01ACTION waves\x01"]


def test_registered_users_only(place, people):
    place.ctl("account", "add", "known", "correct horse")
    shy, guest, known = people("shy"), people("guest"), people("known", account="known")
    shy.does("MODE shy +R")
    assert guest.does("PRIVMSG shy :x") == [
        guest.numeric(477, "shy :This user takes messages from registered users only (+R)")]
    assert guest.does("NOTICE shy :x") == []
    assert known.does("PRIVMSG shy :x") == []
    assert shy.got() == [f":{known.source} PRIVMSG shy :x"]
    assert shy.does("PRIVMSG shy :x") == [f":{shy.source} PRIVMSG shy :x"]


def test_away_is_told_to_who_writes(talk):
    anna, ben = talk
    ben.does("AWAY :at sea")
    assert anna.does("PRIVMSG ben :x") == [anna.numeric(301, "ben :at sea")]
    assert anna.does("NOTICE ben :x") == []
    assert anna.does("PRIVMSG #c :x") == []
    assert ben.got() == [
        f":{anna.source} PRIVMSG ben :x", f":{anna.source} NOTICE ben :x", f":{anna.source} PRIVMSG #c :x"]


def test_everybody_sees_the_same_id_and_time(place, people):
    place.ctl("account", "add", "tagged", "correct horse", check=False)
    anna = people("tagged", account="tagged", caps=RICH)
    ben, cleo, plain = people("ben", caps=RICH), people("cleo", caps="message-tags"), people("plain")
    for person in (anna, ben, cleo, plain):
        person.does("JOIN #c")
    for person in (anna, ben, cleo):
        person.got()
    own = anna.tagged("@+react=\\:);+x/y;other=1;label=l PRIVMSG #c :hi")
    tags, line = own[0]
    assert line == f":{anna.source} PRIVMSG #c :hi" and len(own) == 1
    assert tags.pop("label") == "l"
    assert tags.keys() == {"time", "msgid", "account", "+react", "+x/y"}
    assert tags["account"] == "tagged" and tags["+react"] == "\\:)" and tags["+x/y"] == ""
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", tags["msgid"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", tags["time"])
    when = datetime.datetime.fromisoformat(tags["time"].replace("Z", "+00:00"))
    assert abs((datetime.datetime.now(datetime.timezone.utc) - when).total_seconds()) < 10
    assert ben.tagged() == [(tags, line)]
    assert cleo.tagged() == [({key: tags[key] for key in ("msgid", "+react", "+x/y")}, line)]
    assert plain.seen[-1] != line and plain.sync() == [line]


def test_ids_differ_from_message_to_message(people):
    anna, ben = people("anna"), people("ben", caps="message-tags")
    anna.does("PRIVMSG ben :1", "PRIVMSG ben,ben :2")
    ids = [tags["msgid"] for tags, _ in ben.tagged()]
    assert len(ids) == len(set(ids)) == 3


def test_tagmsg_goes_to_those_with_tags(people):
    anna, ben, plain = people("anna", caps=RICH), people("ben", caps="message-tags"), people("plain")
    for person in (anna, ben, plain):
        person.does("JOIN #c")
    for person in (anna, ben):
        person.got()
    own = anna.tagged("@+typing=active TAGMSG #c")
    assert [line for _, line in own] == [f":{anna.source} TAGMSG #c"] and own[0][0]["+typing"] == "active"
    assert ben.tagged()[0][0]["+typing"] == "active"
    assert plain.got() == []
    anna.tagged("@+typing=active TAGMSG ben", "@+typing=active TAGMSG plain")
    assert [line for _, line in ben.tagged()] == [f":{anna.source} TAGMSG ben"]
    assert plain.got() == []
    assert anna.does("TAGMSG") == [anna.numeric(411, ":No recipient given (TAGMSG)")]


def test_tags_without_the_capability_are_not_relayed(people):
    anna, ben = people("anna"), people("ben", caps="message-tags")
    anna.does("@+a=b PRIVMSG ben :x")
    assert ben.tagged()[0][0].keys() == {"msgid"}
    anna.does("CAP REQ message-tags", "@+a=b PRIVMSG ben :x")
    assert ben.tagged()[0][0].keys() == {"msgid", "+a"}


def labelled(person, line, label="one"):
    return person.tagged(f"@label={label} {line}")


def test_a_label_is_on_the_one_answer(people):
    anna, ben = people("anna", caps=RICH), people("ben")
    for line, answer in (
        ("PING x", ":test.example.net PONG test.example.net :x"),
        ("DANCE", anna.numeric(421, "DANCE :Unknown command")),
        ("TOPIC", anna.numeric(461, "TOPIC :Not enough parameters")),
        ("PRIVMSG nobody :x", anna.numeric(401, "nobody :No such nick")),
        ("PRIVMSG ben :x", f":{anna.source} PRIVMSG ben :x"),
        ("PONG x", ":test.example.net ACK"),
        ("CAP LIST", None),
    ):
        got = labelled(anna, line)
        assert len(got) == 1 and got[0][0]["label"] == "one", line
        assert answer is None or got[0][1] == answer
    got = labelled(anna, "PRIVMSG " + "ben " + ":" + "\xff")
    assert got[0][0]["label"] == "one"
    ben.got()


def test_several_answers_are_a_batch(people):
    anna, ben = people("anna", caps=RICH), people("ben")
    for line, inner in (
        ("JOIN #c", [f":{anna.source} JOIN #c", ":test.example.net MODE #c +o anna",
                     anna.numeric(353, "= #c :@anna"), anna.numeric(366, "#c :End of /NAMES list")]),
        ("PRIVMSG ben,#c,ben :x", [f":{anna.source} PRIVMSG {to} :x" for to in ("ben", "#c", "ben")]),
        ("JOIN #d,#d", [f":{anna.source} JOIN #d", ":test.example.net MODE #d +o anna",
                        anna.numeric(353, "= #d :@anna"), anna.numeric(366, "#d :End of /NAMES list")]),
    ):
        got = labelled(anna, line)
        tags, start = got[0]
        assert tags["label"] == "one"
        batch = re.fullmatch(r":test\.example\.net BATCH \+(\S+) labeled-response", start).group(1)
        assert got[-1][1] == f":test.example.net BATCH -{batch}" and "label" not in got[-1][0]
        assert [line for _, line in got[1:-1]] == inner
        assert all(tags["batch"] == batch and "label" not in tags for tags, _ in got[1:-1])
    ben.got()


def test_a_message_to_oneself_has_the_label_on_the_echo_only(people):
    anna = people("anna", caps=RICH)
    got = labelled(anna, "PRIVMSG anna :x")
    assert sorted("label" in tags for tags, _ in got) == [False, True]
    assert {line for _, line in got} == {f":{anna.source} PRIVMSG anna :x"}
    assert got[0][0]["msgid"] == got[1][0]["msgid"]


def test_without_echo_a_sent_message_is_acknowledged(people):
    anna = people("anna", caps="labeled-response batch")
    ben = people("ben")
    assert labelled(anna, "PRIVMSG ben :x") == [({"label": "one"}, ":test.example.net ACK")]
    assert labelled(anna, "NOTICE nobody :x") == [({"label": "one"}, ":test.example.net ACK")]
    assert ben.got() == [f":{anna.source} PRIVMSG ben :x"]


def test_without_batch_there_is_no_label(people):
    anna = people("anna", caps="labeled-response")
    assert labelled(anna, "PING x") == [({}, ":test.example.net PONG test.example.net :x")]


def test_a_label_that_is_held_stays_with_its_command(place, people):
    """JOIN of a registered channel waits for the services database; what others cause meanwhile is none of its answer."""
    place.ctl("account", "add", "keeper", "correct horse", check=False)
    keeper = people("keeper", account="keeper")
    keeper.does("JOIN #kept", "CHANNEL REGISTER #kept", "TOPIC #kept :kept", "PART #kept")
    anna = people("anna", caps=RICH)
    got = anna.tagged("@label=j JOIN #kept,#other", "@label=p PING x", "@label=w WHO #kept")
    assert got[0][0]["label"] == "j"
    batch = got[0][1].split("+")[1].split()[0]
    end = [line for _, line in got].index(f":test.example.net BATCH -{batch}")
    assert all(tags.get("batch") == batch for tags, _ in got[1:end])
    assert [line.split()[1] for _, line in got[1:end]] == ["JOIN", "332", "333", "353", "366", "JOIN", "MODE", "353", "366"]
    assert got[end + 1][0]["label"] == "p" and got[end + 2][0]["label"] == "w"
    keeper.does("CHANNEL DROP #kept")


def test_server_time_is_on_everything(people):
    anna = people("anna", caps="server-time")
    for tags, line in anna.tagged("PING x", "JOIN #c", "WHO #c", "DANCE", "MODE anna +i", "LUSERS"):
        assert "time" in tags, line


def test_account_tag_is_the_senders(place, people):
    place.ctl("account", "add", "holder", "correct horse", check=False)
    holder, guest = people("holder", account="holder"), people("guest")
    anna = people("anna", caps="account-tag invite-notify")
    anna.does("JOIN #c")
    for line in ("JOIN #c", "PRIVMSG #c :x", "NOTICE anna :x", "INVITE anna #d", "NICK holder2", "PART #c", "QUIT"):
        if "#d" in line:
            holder.does("JOIN #d")
        holder.send(line)
        holder.eof() if line == "QUIT" else holder.sync()
        if line == "QUIT":
            continue
        for tags, shown in anna.tagged():
            assert tags == {"account": "holder"}, shown
    guest.does("PRIVMSG anna :x")
    assert anna.tagged() == [({}, f":{guest.source} PRIVMSG anna :x")]


def test_a_prefix_on_joining_is_the_servers_and_has_no_account(place, people):
    place.ctl("account", "add", "owner", "correct horse", check=False)
    owner, watcher = people("owner", account="owner"), people("watcher", caps="account-tag")
    owner.does("JOIN #own", "CHANNEL REGISTER #own")
    watcher.does("JOIN #own")
    owner.does("PART #own", "JOIN #own")
    assert watcher.tagged()[-2:] == [
        ({"account": "owner"}, f":{owner.source} JOIN #own"),
        ({}, ":test.example.net MODE #own +qo owner owner"),
    ]
    owner.does("CHANNEL DROP #own")


def test_a_long_message_is_cut_between_two_characters(people):
    anna, ben = people("anna"), people("ben")
    text = "x" + "ä" * 240
    anna.does(f"PRIVMSG ben :{text}")
    (line,) = ben.sync()
    assert text.startswith(line.split(" :", 1)[1]) and 508 < len(line.encode()) <= 510


def test_nickserv_and_chanserv_say_what_to_type(people):
    anna = people("anna")
    for name, word in (("NickServ", "REGISTER"), ("ChanServ", "CHANNEL REGISTER"), ("chanserv", "CHANNEL REGISTER")):
        lines = anna.does(f"PRIVMSG {name} :help")
        assert lines and all(line.startswith(":test.example.net NOTICE anna :") for line in lines)
        assert any(word in line for line in lines), lines
    assert anna.does("NOTICE ChanServ :help") == []


def test_what_nobody_asked_for_is_no_answer(place, people):
    """A labelled command that is held while others do things: their effects come without its label."""
    place.ctl("account", "add", "operator", "correct horse", check=False)
    place.ctl("oper", "add", "operator", check=False)
    anna = people("operator", account="operator", caps="labeled-response batch cap-notify")
    anna.does("OPER operator", "MONITOR + ben")
    anna.send("@label=x CTL module unload query", "@label=y CTL module load query", "@label=z KILL nobody")
    people("ben")
    lines = anna.tagged()
    for tags, line in lines:
        if " 730 " in line or " 005 " in line or " CAP " in line or ":*** " in line:
            assert tags == {}, line
    assert any(" 730 " in line for _, line in lines) and any(" 005 " in line for _, line in lines)


def test_one_label_for_whatever_a_command_does(people):
    anna, ben = people("anna", caps=RICH + " setname standard-replies"), people("ben")
    anna.does("JOIN #c")
    ben.does("JOIN #c")
    anna.got()
    for line in ("TOPIC #c :x", "MODE #c +m", "MODE #c", "MODE #c +v ben", "KICK #c ben", "INVITE ben #c", "NAMES #c", "LIST",
                 "WHO #c", "WHOIS anna", "AWAY :x", "AWAY", "SETNAME :x", "MODE anna +i", "NICK anna2", "NICK anna", "MONITOR + x",
                 "MONITOR L", "CHANNEL INFO #c", "CHANNEL DANCE", "LUSERS", "MOTD", "HELP", "HELP JOIN", "OPER x", "PART #c",
                 "JOIN #d", "JOIN 0", "CAP LS", "ISUPPORT", "WHOWAS nobody", "USERHOST anna", "TAGMSG ben"):
        got = labelled(anna, line)
        assert got[0][0]["label"] == "one", (line, got)
        assert sum("label" in tags for tags, _ in got) == 1, (line, got)
        if len(got) > 1:
            assert got[0][1].endswith(" labeled-response") and " BATCH -" in got[-1][1], (line, got)
