"""Coming in: the order of the numerics, capabilities, and whether ISUPPORT tells the truth."""

import re

import pytest
from live import Irc
from people import Person, split

CAPS = {
    "account-notify", "account-tag", "away-notify", "batch", "cap-notify", "chghost", "draft/account-registration",
    "draft/extended-isupport", "echo-message", "extended-join", "extended-monitor", "invite-notify", "labeled-response",
    "message-tags", "multi-prefix", "sasl", "server-time", "setname", "standard-replies", "userhost-in-names",
}


@pytest.fixture
def raw(place):
    """Opens connections on which nothing has been said yet."""
    there = []

    def one():
        there.append(Irc(place.plain))
        return there[-1]

    yield one
    for irc in there:
        try:
            irc.send("QUIT")
            irc.eof()
        except OSError:
            pass
        irc.close()


def does(irc, *lines):
    irc.send(*lines)
    return irc.sync()


def test_the_order_of_the_greeting(raw):
    irc = raw()
    numbers = [line.split()[1] for line in does(irc, "NICK anna", "USER anna 0 * :Anna") if " NOTICE " not in line]
    first = numbers.index("001")
    assert numbers[first:first + 5] == ["001", "002", "003", "004", "005"]
    rest = [n for n in numbers[first + 4:] if n != "005"]
    assert rest == ["251", "252", "254", "255", "265", "266", "422"]


@pytest.mark.parametrize("line, answer", [
    ("NICK", "431 * :No nickname given"),
    ("NICK :", "431 * :No nickname given"),
    ("NICK 1x", "432 * 1x :Erroneous nickname"),
    ("NICK " + "x" * 31, "432 * " + "x" * 31 + " :Erroneous nickname"),
    ("NICK ä", "432 * ä :Erroneous nickname"),
    ("USER", "461 * USER :Not enough parameters"),
    ("USER a 0 *", "461 * USER :Not enough parameters"),
    ("USER a 0 * :", "461 * USER :Not enough parameters"),
    ("USER ä 0 * :x", "468 * :Your username is not valid"),
    ("PING", "461 * PING :Not enough parameters"),
    ("CAP", "461 * CAP :Not enough parameters"),
    ("CAP DANCE", "410 * DANCE :Invalid CAP command"),
    ("DANCE", "421 * DANCE :Unknown command"),
    ("JOIN #c", "451 * :You have not registered"),
    ("PRIVMSG a :b", "451 * :You have not registered"),
    ("OPER a", "451 * :You have not registered"),
])
def test_what_is_wrong_before_001_gets_its_numeric(raw, line, answer):
    assert does(raw(), line) == [f":test.example.net {answer}"]


def test_a_nick_in_use_can_be_chosen_anew(raw, people):
    people("anna")
    irc = raw()
    assert does(irc, "NICK ANNA", "USER a 0 * :a") == [":test.example.net 433 * ANNA :Nickname is already in use"]
    assert any(" 001 ben " in line for line in does(irc, "NICK ben"))


def test_quit_before_001_is_answered(raw):
    irc = raw()
    irc.send("QUIT :no")
    irc.eof()
    assert irc.seen == ["ERROR :Closing Link: 127.0.0.1 (Quit: no)"]


def test_user_and_pass_after_001(people):
    anna = people("anna")
    assert anna.does("USER a 0 * :a") == [anna.numeric(462, ":You may not reregister")]
    assert anna.does("PASS a:b")[0].startswith(":test.example.net 462 anna :")


def test_names_are_cut_to_what_isupport_says(raw):
    irc = raw()
    does(irc, "NICK anna", "USER " + "u" * 40 + " 0 * :" + "ä" * 100)
    line = does(irc, "WHOIS anna")[0]
    assert line.split()[4] == "u" * 12 and line.endswith(" * :" + "ä" * 75)


def caps_of(lines):
    return {word.split("=")[0]: word.partition("=")[2] for line in lines for word in line.split(" :", 1)[1].split()}


def test_cap_ls_names_all_with_values_for_302(raw):
    irc = raw()
    caps = caps_of(does(irc, "CAP LS 302"))
    assert set(caps) == CAPS
    assert "PLAIN" in caps["sasl"].split(",") and "SCRAM-SHA-256" in caps["sasl"].split(",")
    assert caps["draft/account-registration"].startswith("before-connect")
    assert does(irc, "CAP LIST") == [":test.example.net CAP * LIST :cap-notify"]
    old = raw()
    assert set(caps_of(does(old, "CAP LS")).values()) == {""}
    assert does(old, "CAP LIST") == [":test.example.net CAP * LIST :"]


def test_cap_req_is_all_or_nothing(raw):
    irc = raw()
    assert does(irc, "CAP REQ :batch  nonsense server-time") == [":test.example.net CAP * NAK :batch  nonsense server-time"]
    assert does(irc, "CAP LIST") == [":test.example.net CAP * LIST :"]
    assert does(irc, "CAP REQ :batch echo-message") == [":test.example.net CAP * ACK :batch echo-message"]
    assert does(irc, "CAP REQ :-batch") == [":test.example.net CAP * ACK :-batch"]
    assert does(irc, "CAP REQ :-nonsense") == [":test.example.net CAP * NAK :-nonsense"]
    assert does(irc, "CAP REQ :Batch") == [":test.example.net CAP * NAK :Batch"]
    assert does(irc, "CAP LIST") == [":test.example.net CAP * LIST :echo-message"]
    assert does(irc, "CAP REQ :echo-message -echo-message") == [":test.example.net CAP * ACK :echo-message -echo-message"]
    assert does(irc, "CAP LIST") == [":test.example.net CAP * LIST :"]
    assert does(irc, "CAP LS 302", "CAP REQ :-cap-notify")[-1] == ":test.example.net CAP * NAK :-cap-notify"


def test_negotiation_holds_001_until_its_end(raw):
    irc = raw()
    lines = does(irc, "CAP REQ :server-time", "NICK anna", "USER a 0 * :a")
    assert not any(" 001 " in line for line in lines)
    lines = does(irc, "CAP END")
    assert any(" 001 anna " in line for line in lines) and all(line.startswith("@time=") for line in lines)
    assert [split(line)[1] for line in does(irc, "CAP REQ :multi-prefix", "CAP END", "CAP LS")][0] == (
        ":test.example.net CAP anna ACK :multi-prefix")


def tokens_of(lines):
    found = {}
    for line in lines:
        if line.split()[1] != "005":
            continue
        words = line.split(" :are supported")[0].split()[3:]
        assert len(words) <= 13 and len(line.encode()) <= 510
        for word in words:
            assert word.isascii()
            name, _, value = word.partition("=")
            assert name not in found
            found[name] = value
    return found


@pytest.fixture
def tokens(raw):
    irc = raw()
    return tokens_of(does(irc, "NICK tokens", "USER a 0 * :a"))


def test_isupport_is_what_the_server_does(tokens):
    """What other tests of this folder do not show to be so is only compared."""
    assert tokens == {
        "NETWORK": "Test", "CASEMAPPING": "ascii", "UTF8ONLY": "", "NICKLEN": "30", "USERLEN": "12", "HOSTLEN": "63",
        "NAMELEN": "150", "CHANTYPES": "#", "PREFIX": "(qaohv)~&@%+", "CHANMODES": "Ibe,k,l,CRimnst", "CHANLIMIT": "#:50",
        "MAXLIST": "Ibe:100", "MODES": "12", "CHANNELLEN": "50", "TOPICLEN": "390", "KEYLEN": "32", "EXCEPTS": "e",
        "INVEX": "I", "EXTBAN": "~,am", "ACCOUNTEXTBAN": "a", "ELIST": "CMNTU", "SAFELIST": "", "STATUSMSG": "~&@%+",
        "WHOX": "", "AWAYLEN": "200", "BOT": "B", "MONITOR": "100",
        "TARGMAX": "JOIN:,PART:,NAMES:4,KICK:4,LIST:,INVITE:1,PRIVMSG:4,NOTICE:4,TAGMSG:4,WHOIS:4,WHOWAS:1,USERHOST:5",
    }


def test_targmax_is_enforced(people, tokens):
    anna = people("anna")
    limits = dict(part.split(":") for part in tokens["TARGMAX"].split(","))
    names = ",".join(f"#{n}" for n in range(40))
    assert len([line for line in anna.does(f"JOIN {names}") if " JOIN " in line]) == 40 and limits["JOIN"] == ""
    assert len([line for line in anna.does(f"NAMES {names}") if " 366 " in line]) == int(limits["NAMES"])
    assert len(anna.does(f"LIST {names}")) == 42
    assert len([line for line in anna.does("WHOIS " + ",".join("anna" for _ in range(9))) if " 318 " in line]) == int(limits["WHOIS"])
    assert anna.does("USERHOST" + " anna" * 9)[0].count("anna=") == int(limits["USERHOST"])
    assert len(anna.does(f"PART {names}")) == 40
    assert len([line for line in anna.does("PRIVMSG a,b,c,d,e,f :x") if " 401 " in line]) == int(limits["PRIVMSG"])


def test_the_letters_of_004_are_those_there_are(raw, tokens):
    irc = raw()
    line = [line for line in does(irc, "NICK letters", "USER a 0 * :a") if " 004 " in line][0]
    words = line.split()[3:]
    assert words[0] == "test.example.net" and words[1].startswith("godwit-")
    assert words[2] == "BRiow"
    assert sorted(words[3]) == sorted(tokens["CHANMODES"].replace(",", "") + "qaohv")
    assert sorted(words[4]) == sorted("Ibekl" + "qaohv")


def test_extended_isupport_tells_before_001_and_in_a_batch(raw):
    irc = raw()
    assert does(irc, "ISUPPORT") == [":test.example.net 451 * :You have not registered"]
    does(irc, "CAP REQ :draft/extended-isupport batch")
    lines = [split(line) for line in does(irc, "ISUPPORT")]
    batch = re.fullmatch(r":test\.example\.net BATCH \+(\S+) draft/isupport", lines[0][1]).group(1)
    assert lines[-1] == ({}, f":test.example.net BATCH -{batch}")
    assert all(tags == {"batch": batch} for tags, _ in lines[1:-1])
    assert "UTF8ONLY" in tokens_of([line for _, line in lines[1:-1]])


def test_account_required_is_told_without_guests(serve, connect):
    server = serve()
    irc = connect(server.plain)
    irc.send("CAP REQ :draft/extended-isupport", "ISUPPORT")
    tokens = tokens_of(irc.sync())
    assert "draft/ACCOUNTREQUIRED" in tokens
    irc.send("NICK anna", "USER a 0 * :a", "CAP END")
    lines = irc.sync()
    assert not any(" 001 " in line for line in lines) and any(" NOTICE anna :" in line for line in lines)
    irc.send("JOIN #c")
    assert irc.sync() == [":test.example.net 451 anna :You have not registered"]


def test_logging_in_says_900_and_903(place, raw):
    place.ctl("account", "add", "sasl", "correct horse", check=False)
    irc = raw()
    lines = does(irc, "CAP REQ :sasl", "NICK other", "AUTHENTICATE PLAIN", "AUTHENTICATE c2FzbABzYXNsAGNvcnJlY3QgaG9yc2U=")
    assert "AUTHENTICATE +" in lines[1]
    assert re.fullmatch(r":test\.example\.net 900 other other!\S+@\S+ sasl :You are now logged in as sasl", lines[2]), lines
    assert lines[3].startswith(":test.example.net 903 other :")
    lines = does(irc, "USER ident 0 * :x", "CAP END")
    assert any(re.search(r" 001 other :.* other!ident@sasl\.users\.test$", line) for line in lines)


def test_who_logs_in_again_takes_the_nick_from_their_ghost(place, people):
    place.ctl("account", "add", "ghostly", "correct horse", check=False)
    ghost, ben = people("ghostly", account="ghostly"), people("ben")
    ghost.does("JOIN #c")
    ben.does("JOIN #c")
    again = people("ghostly", account="ghostly")
    ghost.eof()
    assert ghost.seen[-1].startswith("ERROR :Closing Link: 127.0.0.1 (Ghost")
    assert ben.got()[-1].startswith(f":{ghost.source} QUIT :Ghost")
    assert again.source == ghost.source


def test_a_guest_does_not_get_an_accounts_nick(place, raw):
    place.ctl("account", "add", "claimed", "correct horse", check=False)
    irc = raw()
    assert does(irc, "NICK CLAIMED", "USER a 0 * :a") == [":test.example.net 433 * CLAIMED :Nickname is already in use"]
    assert any(" 001 free " in line for line in does(irc, "NICK free"))
    assert does(irc, "NICK claimed") == [":test.example.net 433 free claimed :Nickname is already in use"]
