"""People: what one can learn of others, and what one is told of them."""

import re

import pytest

NOTIFY = "account-notify away-notify chghost setname extended-join"


def account(place, name):
    place.ctl("account", "add", name, "correct horse", check=False)
    return name


def test_who_of_a_channel(people):
    op, ben = people("op", realname="The Op"), people("ben", caps="multi-prefix")
    op.does("JOIN #c", "MODE #c +v op")
    ben.does("JOIN #c", "AWAY :x", "MODE ben +B")
    op.got()
    lines = [f"#c ident {op.host} test.example.net op H@ :0 The Op", f"#c ident {ben.host} test.example.net ben GB :0 Real Name"]
    assert op.does("WHO #C") == [*(op.numeric(352, line) for line in lines), op.numeric(315, "#C :End of /WHO list")]
    assert ben.does("WHO #c")[0] == ben.numeric(352, lines[0].replace("H@", "H@+"))
    assert op.does("WHO #none") == [op.numeric(315, "#none :End of /WHO list")]


def test_who_of_a_channel_that_one_is_not_in(people):
    op, hidden, outside = people("op"), people("hidden"), people("outside")
    hidden.does("MODE hidden +i", "JOIN #c")
    op.does("JOIN #c")
    assert [line.split()[7] for line in outside.does("WHO #c")[:-1]] == ["op"]
    assert outside.does("WHO hidden")[0].split()[7] == "hidden"
    assert len(outside.does("WHO hid*")) == 1
    assert len(op.does("WHO hid*")) == 2
    hidden.does("MODE #c +s")
    assert outside.does("WHO #c") == [outside.numeric(315, "#c :End of /WHO list")]


def test_who_by_mask_matches_any_of_what_is_shown(people):
    anna, ben = people("anna", realname="Jo Doe"), people("ben")
    for mask in ("AN*", "a??a", "jo d*", "*" + anna.host[3:]):
        assert [line.split()[7] for line in ben.does(f"WHO :{mask}")[:-1]] == ["anna"], mask
    assert {line.split()[7] for line in ben.does("WHO *")[:-1]} == {"anna", "ben"}
    assert ben.does("WHO an* o") == [ben.numeric(315, "an* :End of /WHO list")]
    assert ben.does("WHO x")[-1] == ben.numeric(315, "x :End of /WHO list")


def test_whox_gives_its_fields_in_their_order(place, people):
    anna, ben = people("holder", account=account(place, "holder"), realname="Jo Doe"), people("ben")
    anna.does("JOIN #c")
    ben.does("JOIN #c")
    anna.got()
    every = "tcuihsnfdlaor"
    for order in (every, every[::-1]):
        words = anna.does(f"WHO #c %{order},42")
        assert re.fullmatch(
            re.escape(anna.numeric(354, f"42 #c ident 255.255.255.255 {anna.host} test.example.net holder H@ 0 "))
            + r"\d+ holder \S+ :Jo Doe", words[0])
    assert anna.does("WHO #c %na") == [
        anna.numeric(354, "holder holder"), anna.numeric(354, "ben 0"), anna.numeric(315, "#c :End of /WHO list")]
    assert anna.does("WHO ben %tr,999")[0] == anna.numeric(354, "999 :Real Name")
    assert anna.does("WHO ben %tn")[0] == anna.numeric(354, "0 ben")
    assert anna.does("WHO ben o%n") == [anna.numeric(315, "ben :End of /WHO list")]


def test_whois(place, people):
    anna = people("holder", account=account(place, "holder"), realname="Jo Doe")
    ben = people("ben")
    anna.does("JOIN #a,#b", "MODE #b +s", "MODE holder +B")
    ben.does("JOIN #a")
    lines = ben.does("WHOIS Holder")
    assert [line for line in lines if " 317 " not in line] == [
        ben.numeric(311, f"holder ident {anna.host} * :Jo Doe"),
        ben.numeric(319, "holder :@#a"),
        ben.numeric(312, "holder test.example.net :" + lines[2].split(" :")[1]),
        ben.numeric(330, "holder holder :is logged in as"),
        ben.numeric(335, "holder :is a bot"),
        ben.numeric(318, "Holder :End of /WHOIS list"),
    ]
    idle = [line for line in lines if " 317 " in line]
    assert re.fullmatch(re.escape(ben.numeric(317, "holder ")) + r"\d+ \d{10} :seconds idle, signon time", idle[0])
    anna.got()
    own = anna.does("AWAY :gone", "WHOIS test.example.net holder")
    numbers = [line.split()[1] for line in own]
    assert numbers == ["306", "311", "319", "312", "301", "330", "335", "378", "379", "317", "318"]
    assert anna.numeric(319, "holder :@#a @#b") in own
    assert anna.numeric(301, "holder :gone") in own
    assert anna.numeric(378, "holder :is connecting from 127.0.0.1") in own
    assert anna.numeric(379, "holder :is using modes +B") in own


def test_whois_of_those_who_are_not_there(people):
    anna = people("anna")
    assert anna.does("WHOIS nobody") == [
        anna.numeric(401, "nobody :No such nick"), anna.numeric(318, "nobody :End of /WHOIS list")]
    assert anna.does("WHOIS") == [anna.numeric(431, ":No nickname given")]
    assert [line.split()[1] for line in anna.does("WHOIS a,b,c,d,e")] == ["401", "318"] * 4


def test_whois_of_a_secure_connection(place, connect, people):
    anna = people("anna")
    irc = connect(place.tls, tls=True)
    irc.send("NICK safe", "USER i 0 * :i")
    irc.expect(" 001 ")
    assert anna.numeric(671, "safe :is using a secure connection") in anna.does("WHOIS safe")
    irc.send("QUIT")
    irc.eof()


def test_whois_shows_channels_of_the_invisible_to_those_who_share_them(people):
    anna, ben = people("anna"), people("ben")
    anna.does("MODE anna +i", "JOIN #x,#y")
    ben.does("JOIN #x")
    assert ben.numeric(319, "anna :@#x") in ben.does("WHOIS anna")


def test_whowas(place, people):
    anna, ben = people("wasanna", account=account(place, "wasanna"), realname="Jo Doe"), people("ben")
    assert ben.does("WHOWAS wasanna") == [
        ben.numeric(406, "wasanna :There was no such nickname"), ben.numeric(369, "wasanna :End of WHOWAS")]
    anna.does("NICK other")
    anna.does("NICK wasanna")
    anna.send("QUIT")
    anna.eof()
    entry = [ben.numeric(314, f"wasanna ident {anna.host} * :Jo Doe"), ben.numeric(330, "wasanna wasanna :was logged in as")]
    lines = ben.does("WHOWAS WasAnna")
    assert [line for line in lines if " 312 " not in line] == [*entry, *entry, ben.numeric(369, "WasAnna :End of WHOWAS")]
    assert lines[2].startswith(ben.numeric(312, "wasanna test.example.net :"))
    assert len(ben.does("WHOWAS wasanna 1")) == 4
    assert ben.does("WHOWAS") == [ben.numeric(461, "WHOWAS :Not enough parameters")]


def test_userhost_and_ison(place, people):
    anna, ben = people("anna"), people("ben")
    ben.does("AWAY :x")
    assert anna.does("USERHOST anna nobody BEN") == [
        anna.numeric(302, f":anna=+ident@{anna.host} ben=-ident@{ben.host}")]
    assert anna.does("USERHOST nobody") == [anna.numeric(302, ":")]
    assert anna.does("ISON nobody BEN anna") == [anna.numeric(303, ":ben anna")]
    assert anna.does("ISON :nobody BEN anna") == [anna.numeric(303, ":ben anna")]
    assert anna.does("ISON nobody") == [anna.numeric(303, ":")]


def test_away_is_told_to_those_who_share_a_channel(people):
    anna, ben, plain = people("anna"), people("ben", caps="away-notify"), people("plain")
    for person in (anna, ben, plain):
        person.does("JOIN #c")
    for person in (anna, ben):
        person.got()
    gone, back = [anna.numeric(306, ":You have been marked as being away")], [
        anna.numeric(305, ":You are no longer marked as being away")]
    assert anna.does("AWAY :at sea") == gone
    assert anna.does("AWAY :at sea") == gone
    assert ben.got() == [f":{anna.source} AWAY :at sea"]
    assert anna.does("AWAY") == back
    assert anna.does("AWAY :") == back
    assert ben.got() == [f":{anna.source} AWAY"]
    assert plain.got() == []
    anna.does("AWAY :" + "ä" * 200)
    assert ben.got() == [f":{anna.source} AWAY :" + "ä" * 100]


def test_a_newcomer_who_is_away_is_shown_so(people):
    anna, ben, plain = people("anna"), people("ben", caps="away-notify"), people("plain")
    ben.does("JOIN #c")
    plain.does("JOIN #c")
    ben.got()
    anna.does("AWAY :at sea", "JOIN #c")
    assert ben.got() == [f":{anna.source} JOIN #c", f":{anna.source} AWAY :at sea"]
    assert plain.got() == [f":{anna.source} JOIN #c"]


def test_extended_join_tells_account_and_real_name(place, people):
    anna = people("holder", account=account(place, "holder"), realname="Jo Doe")
    guest, rich = people("guest"), people("rich", caps="extended-join")
    assert rich.does("JOIN #c")[0] == f":{rich.source} JOIN #c * :Real Name"
    anna.does("JOIN #c")
    guest.does("JOIN #c")
    assert rich.got() == [f":{anna.source} JOIN #c holder :Jo Doe", f":{guest.source} JOIN #c * :Real Name"]


def test_setname(people):
    anna, ben, plain = people("anna", caps="setname"), people("ben", caps="setname"), people("plain")
    for person in (anna, ben, plain):
        person.does("JOIN #c")
    for person in (anna, ben):
        person.got()
    assert anna.does("SETNAME :New Name") == [f":{anna.source} SETNAME :New Name"]
    assert ben.got() == [f":{anna.source} SETNAME :New Name"]
    assert plain.got() == []
    assert "New Name" in plain.does("WHOIS anna")[0]
    assert anna.does("SETNAME :" + "x" * 151)[0].startswith(":test.example.net FAIL SETNAME INVALID_REALNAME :")


def test_logging_in_later_changes_account_and_host_for_all(place, people):
    account(place, "later")
    anna, ben, plain = people("anna", caps=NOTIFY), people("ben", caps=NOTIFY), people("plain")
    for person in (anna, ben, plain):
        person.does("JOIN #c")
    for person in (anna, ben):
        person.got()
    anna.send("AUTHENTICATE PLAIN", "AUTHENTICATE bGF0ZXIAbGF0ZXIAY29ycmVjdCBob3JzZQ==")
    anna.expect(" 903 ")
    anna.sync()
    old, host = anna.source, "later.users.test"
    lines = [f":{old} CHGHOST ident {host}", f":anna!ident@{host} ACCOUNT later"]
    assert ben.got() == lines
    assert plain.got() == []
    assert f":anna!ident@{host} ACCOUNT later" in anna.seen
    assert f":{old} CHGHOST ident {host}" in anna.seen
    ben.does("PRIVMSG anna :x")
    assert plain.does("WHO anna")[0].split()[5] == host


def test_nick_changes_are_seen_by_peers_once(people):
    anna, ben, other = people("anna"), people("ben"), people("other")
    for person in (anna, ben):
        person.does("JOIN #c,#d")
    anna.got()
    assert anna.does("NICK Anna2") == [f":{anna.source} NICK :Anna2"]
    assert ben.got() == [f":{anna.source} NICK :Anna2"]
    assert other.got() == []
    anna.nick = "Anna2"
    assert anna.does("NICK ANNA2")[0].endswith(" NICK :ANNA2")
    anna.nick = "ANNA2"
    assert anna.does("NICK BEN") == [anna.numeric(433, "BEN :Nickname is already in use")]
    assert anna.does("NICK ANNA2") == []
    assert anna.does("NICK") == [anna.numeric(431, ":No nickname given")]
    for bad in ("1x", "a b", "ä", "x" * 31, "a!b", "#a", "-a"):
        lines = anna.does(f"NICK :{bad}")
        assert lines[0].startswith(":test.example.net 432 ANNA2 "), bad
    assert anna.does("NICK " + "x" * 30) == [f":ANNA2!ident@{anna.host} NICK :" + "x" * 30]


def test_quit_is_seen_by_peers_once(people):
    anna, ben = people("anna"), people("ben")
    for person in (anna, ben):
        person.does("JOIN #c,#d")
    anna.send("QUIT :bye")
    assert anna.line() and anna.line() is not None
    anna.eof()
    assert anna.seen[-1] == "ERROR :Closing Link: 127.0.0.1 (Quit: bye)"
    assert ben.got() == [f":{anna.source} QUIT :Quit: bye"]


def test_monitor(people):
    anna = people("anna")
    ben = people("ben")
    assert anna.does("MONITOR + BEN,cleo,#bad") == [
        anna.numeric(730, f":{ben.source}"), anna.numeric(731, ":cleo")]
    assert anna.does("MONITOR S") == [anna.numeric(730, f":{ben.source}"), anna.numeric(731, ":cleo")]
    assert anna.does("MONITOR L") == [anna.numeric(732, ":BEN,cleo"), anna.numeric(733, ":End of MONITOR list")]
    cleo = people("cleo")
    assert anna.got() == [anna.numeric(730, f":{cleo.source}")]
    cleo.does("NICK Cleo")
    assert anna.got() == []
    cleo.does("NICK dora")
    assert anna.got() == [anna.numeric(731, ":Cleo")]
    cleo.does("NICK cleo")
    assert anna.got() == [anna.numeric(730, f":{cleo.source}")]
    ben.leave()
    assert anna.got() == [anna.numeric(731, ":ben")]
    assert anna.does("MONITOR - ben,CLEO") == []
    cleo.does("NICK dora")
    assert anna.got() == []
    assert anna.does("MONITOR + dora", "MONITOR C", "MONITOR L")[1:] == [anna.numeric(733, ":End of MONITOR list")]
    for line in ("MONITOR +", "MONITOR -", "MONITOR"):
        assert anna.does(line) == [anna.numeric(461, "MONITOR :Not enough parameters")]


def test_a_monitor_list_is_full_at_its_bound(people):
    anna = people("anna")
    names = [f"n{n}" for n in range(102)]
    for start in range(0, 90, 30):
        anna.does("MONITOR + " + ",".join(names[start:start + 30]))
    lines = anna.does("MONITOR + " + ",".join(names[90:]))
    assert lines[0] == anna.numeric(734, "100 n100,n101 :Monitor list is full")
    words = [line.split(" :")[1] for line in anna.does("MONITOR L")[:-1]]
    assert ",".join(words).split(",") == names[:100]


def test_extended_monitor(place, people):
    account(place, "watched")
    anna = people("anna", caps=f"extended-monitor {NOTIFY}")
    ben = people("ben", caps=NOTIFY)
    cleo = people("cleo")
    for person in (anna, ben):
        person.does("MONITOR + cleo")
    cleo.does("AWAY :gone", "SETNAME :New")
    cleo.send("AUTHENTICATE PLAIN", "AUTHENTICATE d2F0Y2hlZAB3YXRjaGVkAGNvcnJlY3QgaG9yc2U=")
    cleo.expect(" 903 ")
    new = "cleo!ident@watched.users.test"
    assert anna.got() == [
        f":{cleo.source} AWAY :gone", f":{cleo.source} SETNAME :New",
        f":{cleo.source} CHGHOST ident watched.users.test", f":{new} ACCOUNT watched",
    ]
    assert ben.got() == []
    anna.does("JOIN #c")
    cleo.does("JOIN #c")
    anna.got()
    cleo.does("AWAY")
    assert anna.got() == [f":{new} AWAY"]


def test_the_server_tells_about_itself(people):
    anna = people("anna")
    numbers = [line.split()[1] for line in anna.does("LUSERS")]
    assert numbers == ["251", "252", "254", "255", "265", "266"]
    assert anna.does("VERSION")[0].startswith(anna.numeric(351, "godwit-"))
    assert re.fullmatch(re.escape(anna.numeric(391, "test.example.net :"))
                        + r"\w+ \w+ \d\d \d{4} -- \d\d:\d\d:\d\d \+00:00", anna.does("TIME")[0])
    assert [line.split()[1] for line in anna.does("INFO")][-1] == "374"
    assert anna.does("ADMIN") == [anna.numeric(423, "test.example.net :No administrative information is available")]
    assert anna.does("MOTD") == [anna.numeric(422, ":No message of the day")]


def test_help_knows_every_command(people):
    anna = people("anna")
    lines = anna.does("HELP")
    assert lines[0].startswith(anna.numeric(704, "* :")) and lines[-1] == anna.numeric(706, "* :End of /HELP")
    names = " ".join(line.split(" :", 1)[1] for line in lines[1:-1]).split()
    assert len(names) == len(set(names))
    assert {"JOIN", "PRIVMSG", "WHO", "MONITOR", "OPER", "REGISTER", "CHANNEL"} <= set(names)
    for name in names:
        lines = anna.does(f"HELP {name.lower()}")
        assert [line.split()[1] for line in lines] == ["704", "705", "706"], name
        assert all(len(line.split(" :", 1)[1]) > 2 for line in lines)
    assert anna.does("HELP dance") == [anna.numeric(524, "dance :There is no help on that")]


def test_motd_and_admin_come_from_the_configuration(serve, connect, tmp_path):
    (tmp_path / "motd").write_bytes("first\n\nlong ".encode() + "ä".encode() * 300 + b"\nbad \xff\nlast\n")
    server = serve(modules="store, services, network, client, guest, query, control",
                   more=f"query: {{motd: {tmp_path}/motd, admin-location: here, admin-name: me, admin-email: a@b}}\n")
    irc = connect(server.plain)
    irc.send("NICK anna", "USER a 0 * :a")
    irc.expect(r" 375 anna :- test.example.net Message of the day -$")
    lines = irc.sync()
    texts = [line.split(" :- ", 1)[1] for line in lines[:-1]]
    assert texts[:2] == ["first", ""] and texts[-1] == "last"
    assert texts[2].startswith("long ää") and set(texts[2][5:]) == {"ä"}
    assert lines[-1].split()[1] == "376"
    irc.send("ADMIN")
    assert [line.split(" ", 1)[1] for line in irc.sync()] == [
        "256 anna test.example.net :Administrative information", "257 anna :here", "258 anna :me", "259 anna :a@b"]
    (tmp_path / "motd").write_text("second\n")
    irc.send("MOTD")
    assert any("first" in line for line in irc.sync())
    server.ctl("rehash")
    irc.send("MOTD")
    assert any("second" in line for line in irc.sync())
    (tmp_path / "motd").unlink()
    server.ctl("rehash", check=False)
    irc.send("MOTD")
    assert any("second" in line for line in irc.sync())
