"""Operators: how one becomes and ceases to be one, what they do, and bans."""

import re

import pytest
from live import BUILD, Irc, wait_for
from people import CHEAP, GUESTS, PASSWORD, Person

ROLES = 'oper: {roles: ["admin *", "helper session.kick wallops", "nothing"]}\n'
KEEPER = f"module-directory: [{BUILD}/tests/modules/keeper/.libs]\n"  # has a command that takes its time


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    from live import Server

    server = Server(tmp_path_factory.mktemp("place"), modules=GUESTS + ", keeper", more=CHEAP + ROLES + KEEPER)
    for name, role in (("boss", "admin"), ("helper", "helper"), ("idle", "nothing")):
        server.ctl("account", "add", name, PASSWORD)
        server.ctl("oper", "add", name, role)
    server.ctl("account", "add", "plain", PASSWORD)
    yield server
    try:
        server.stop()
    finally:
        server.close()


@pytest.fixture
def boss(people):
    person = people("boss", account="boss")
    person.does("OPER boss")
    return person


def notice(person, text):
    return f":test.example.net NOTICE {person.nick} :{text}"


def test_oper_asks_for_the_account_that_was_granted(place, people, boss):
    helper, plain, guest = people("helper", account="helper"), people("plain", account="plain"), people("guest")
    assert helper.does("OPER HELPER any password") == [
        f":{helper.source} MODE helper :+o",
        helper.numeric(381, ":You are now an IRC operator"),
        notice(helper, "*** helper (account helper) is now an operator, role helper"),
    ]
    assert boss.got() == [notice(boss, "*** helper (account helper) is now an operator, role helper")]
    refused = ":No operator's rights for you: log in to an account that has been granted them"
    assert plain.does("OPER plain") == [plain.numeric(491, refused)]
    assert guest.does("OPER boss x") == [guest.numeric(491, refused)]
    assert boss.got() == [
        notice(boss, "*** plain (plain) tried to become an operator without a grant"),
        notice(boss, "*** guest (not logged in) tried to become an operator without a grant"),
    ]
    assert guest.numeric(313, "helper :is an IRC operator") in guest.does("WHOIS helper")
    assert guest.does("WHO helper")[0].split()[8] == "H*"
    assert guest.does("USERHOST helper") == [guest.numeric(302, f":helper*=+ident@{helper.host}")]
    helper.got()
    assert helper.does("MODE helper -o") == [f":{helper.source} MODE helper :-o"]
    assert helper.does("KILL guest")[0] == helper.numeric(481, ":Permission Denied- You're not an IRC operator")
    assert helper.does("MODE helper +o") == []


def test_a_grant_taken_back_ends_at_once(place, people):
    place.ctl("account", "add", "brief", PASSWORD)
    brief = people("brief", account="brief")
    place.ctl("oper", "add", "brief")
    assert brief.does("OPER brief")[0] == f":{brief.source} MODE brief :+o"
    assert "brief" in place.ctl("oper", "list")
    place.ctl("oper", "remove", "brief")
    brief.expect(r" MODE brief :-o$")
    brief.sync()
    assert brief.does("REHASH")[0] == brief.numeric(481, ":Permission Denied- You're not an IRC operator")
    assert "brief" not in place.ctl("oper", "list")
    assert place.ctl("oper", "remove", "brief", check=False) == ""
    assert place.ctl("oper", "add", "nobody", check=False) == ""


@pytest.mark.parametrize("line", ["KILL boss", "WALLOPS :x", "REHASH", "CTL status"])
def test_commands_of_operators_are_481_for_others(people, line):
    guest = people("guest")
    assert guest.does(line) == [guest.numeric(481, ":Permission Denied- You're not an IRC operator")]


def test_roles_without_a_privilege(place, people):
    idle, helper, guest = people("idle", account="idle"), people("helper", account="helper"), people("guest")
    idle.does("OPER idle")
    helper.does("OPER helper")
    idle.got()
    assert idle.does("KILL guest :x") == [idle.numeric(481, ":Permission Denied- Your role does not include \"session.kick\"")]
    assert idle.does("WALLOPS :x") == [idle.numeric(481, ":Permission Denied- Your role does not include \"wallops\"")]
    for person in (idle, helper):
        lines = person.does("REHASH")
        assert lines == [person.numeric(481, ":Permission Denied- Your role does not include \"rehash\"")]
        assert " FAIL CTL " in person.does("CTL module list")[0]
        assert " FAIL CTL " in person.does("CTL ban add guest never")[0]
    guest.does("JOIN #x")


def test_kill(people, boss):
    victim, witness = people("victim"), people("witness")
    victim.does("JOIN #c")
    witness.does("JOIN #c")
    assert boss.does("KILL nobody :x") == [boss.numeric(401, "nobody :No such nick")]
    assert boss.does("KILL VICTIM :be off")[-1] == notice(boss, "*** boss killed victim (be off)")
    victim.eof()
    assert re.fullmatch(r"ERROR :Closing Link: 127\.0\.0\.1 \(Killed.*be off.*\)", victim.seen[-1])
    last = witness.got()[-1]
    assert last.startswith(f":{victim.source} QUIT :Killed") and "be off" in last
    other = people("other")
    boss.does("KILL other :" + "ä" * 220)
    other.eof()
    assert other.seen[-1].startswith("ERROR :Closing Link: ") and "ää" in other.seen[-1]


def test_kill_from_the_command_line(place, people):
    victim = people("victim")
    place.ctl("session", "kick", "victim", "go", "away")
    victim.eof()
    assert "go away" in victim.seen[-1]
    assert place.ctl("session", "kick", "nobody", check=False) == ""


def test_wallops_go_to_those_who_want_them(people, boss):
    wants, not_so = people("wants"), people("notso")
    wants.does("MODE wants +w")
    assert boss.does("WALLOPS :to  whom") == []
    assert wants.got() == [f":{boss.source} WALLOPS :to  whom"]
    assert not_so.got() == []
    boss.does("MODE boss +w")
    assert boss.does("WALLOPS again") == [f":{boss.source} WALLOPS :again"]
    assert boss.does("WALLOPS") == [boss.numeric(461, "WALLOPS :Not enough parameters")]


def test_rehash(place, boss):
    lines = boss.does("REHASH")
    assert lines[0] == boss.numeric(382, "godwit.yaml :Rehashing") and lines[-1] == notice(boss, "Done.")
    path = place.folder / "godwit.yaml"
    good = path.read_text()
    path.write_text(good + "nonsense: 1\n")
    lines = boss.does("REHASH")
    assert " FAIL CTL FAILED :" in lines[1] and "nonsense" in lines[1]
    path.write_text(good)


def test_ctl_is_godwitctl(place, people, boss):
    lines = boss.does("CTL module list")
    assert any(line.startswith(notice(boss, "channel ")) for line in lines) and lines[-1] == notice(boss, "Done.")
    assert boss.does("CTL")[0] == boss.numeric(461, "CTL :Not enough parameters")
    assert " FAIL CTL FAILED :" in boss.does("CTL dance")[0]
    assert any("module reload" in line for line in boss.does("CTL help"))
    for name in ("message", "oper", "client"):
        lines = boss.does(f"CTL module reload {name}", "PING x")
        assert lines[-2] == notice(boss, "Done.") and lines[-1] == ":test.example.net PONG test.example.net :x", lines
    ben = people("ben")
    boss.does("PRIVMSG ben :still here")
    assert ben.got() == [f":{boss.source} PRIVMSG ben :still here"]


def test_ctl_shows_progress_now_and_then_and_does_not_hold_its_asker(people, boss):
    ben = people("ben")
    boss.send("CTL keeper count 25 20", "PRIVMSG ben :meanwhile")
    boss.expect("NOTICE boss :1 of 25, which is told")
    boss.send("CTL dance", "PING before")
    boss.expect("PONG test.example.net :before")
    assert ben.got() == [f":{boss.source} PRIVMSG ben :meanwhile"]
    boss.expect("NOTICE boss :counted")
    boss.expect("NOTICE boss :Done.")
    lines = [line for line in boss.seen if re.search(r" of 25|counted|Done|PONG \S+ :before|FAIL CTL", line)][-5:]
    assert [line.split(" ", 3)[-1][:9] for line in lines] == [":1 of 25,", "FAILED :t", ":before", ":counted", ":Done."]
    assert [line for line in boss.does("PING after") if "of 25" in line] == []


def test_ctl_with_a_label_is_one_batch(place, people):
    boss = people("boss", account="boss", caps="labeled-response batch")
    boss.does("OPER boss")
    lines = boss.tagged("@label=l CTL module list", "@label=p PING x")
    assert lines[0][0] == {"label": "l"} and lines[0][1].startswith(":test.example.net BATCH +")
    assert lines[-1] == ({"label": "p"}, ":test.example.net PONG test.example.net :x")
    batch = lines[0][1].split("+")[1].split()[0]
    assert all(tags == {"batch": batch} for tags, _ in lines[1:-2])
    assert lines[-2] == ({}, f":test.example.net BATCH -{batch}")


def refused(place, *lines):
    irc = Irc(place.plain)
    try:
        irc.send(*lines)
        irc.eof()
    except OSError:
        pass
    irc.close()
    return irc.seen


def test_a_ban_of_an_account(place, people, boss):
    plain = people("plain", account="plain")
    place.ctl("ban", "add", "PLAIN", "10m", "not", "here")
    plain.eof()
    assert plain.seen[-1] == "ERROR :Closing Link: 127.0.0.1 (Banned: not here)"
    assert notice(boss, "*** PLAIN is banned (10m) (by") in " ".join(boss.got())
    seen = refused(place, f"PASS :plain:{PASSWORD}", "NICK plain", "USER a 0 * :a")
    assert any(" 465 " in line and line.endswith(":You are banned from this network: not here") for line in seen), seen
    assert seen[-1].startswith("ERROR :")
    row = [line for line in place.ctl("ban", "list").splitlines() if "PLAIN" in line][0]
    assert row.startswith("account") and re.search(r"in 5\d\ds|in 600s", row) and "not here" in row
    place.ctl("ban", "remove", "plain")
    assert place.ctl("ban", "remove", "plain", check=False) == ""
    people("plain", account="plain")


@pytest.mark.parametrize("mask", ["127.0.0.0/8", "127.0.0.1", "::ffff:127.0.0.0/104", "0.0.0.0/0", "127.0.0.0/9"])
def test_a_ban_of_addresses(place, people, mask):
    guest = people("guest")
    place.ctl("ban", "add", mask, "never", "no")
    guest.eof()
    assert guest.seen[-1] == "ERROR :Closing Link: 127.0.0.1 (Banned: no)"
    assert refused(place)[-1] == "ERROR :Closing Link: 127.0.0.1 (You are banned from this network: no)"
    place.ctl("ban", "remove", mask)
    people("guest")


@pytest.mark.parametrize("mask", ["128.0.0.0/8", "127.0.0.2", "::1", "2001:db8::/32", "127.128.0.0/9", "::/96"])
def test_a_ban_of_other_addresses_meets_nobody_here(place, people, mask):
    guest = people("guest")
    place.ctl("ban", "add", mask, "1h", "no")
    assert guest.does("PING x")
    people("other")
    place.ctl("ban", "remove", mask)


def test_a_ban_of_ipv6_addresses(serve):
    server = serve(modules=GUESTS, more=CHEAP)
    text = (server.folder / "godwit.yaml").read_text()
    (server.folder / "godwit.yaml").write_text(text.replace(f"127.0.0.1:{server.plain}", f"[::1]:{server.plain}"))
    server.ctl("rehash")
    import socket

    server.ctl("ban", "add", "::/64", "never", "six")
    with socket.create_connection(("::1", server.plain), 5) as sock:
        assert sock.makefile().read() == "ERROR :Closing Link: ::1 (You are banned from this network: six)\n"
    server.ctl("ban", "remove", "::/64")


def test_a_ban_ends_by_itself(place, people):
    place.ctl("ban", "add", "plain", "1s", "briefly")
    assert "briefly" in " ".join(refused(place, f"PASS :plain:{PASSWORD}", "NICK plain", "USER a 0 * :a"))
    wait_for(lambda: "plain" not in place.ctl("ban", "list"), "the end of the ban")
    people("plain", account="plain")


@pytest.mark.parametrize("words", [
    ("10.0.0.0/33", "1h"), ("10.0.0/8", "1h"), ("::/129", "1h"), ("10.0.0.1/", "1h"), ("a*b", "1h"), ("plain", "1y"),
    ("plain", "0s"), ("plain", "-1s"), ("plain", "s"), ("plain",), ("x" * 70, "1h"), ("1.2.3.4:5", "1h"),
])
def test_bans_that_make_no_sense(place, words):
    assert place.ctl("ban", "add", *words, check=False) == ""
    assert len(place.ctl("ban", "list").splitlines()) <= 1


def test_grants_and_bans_survive_a_restart(serve):
    server = serve(modules=GUESTS, more=CHEAP)
    for name in ("boss", "bad"):
        server.ctl("account", "add", name, PASSWORD)
    server.ctl("oper", "add", "boss")
    server.ctl("ban", "add", "bad", "1d", "was bad")
    for end in (server.stop, server.kill):
        end()
        server.start()
        boss = Person(server.plain, "boss", account="boss")
        wait_for(lambda: "boss" in server.ctl("oper", "list"), "the grants")
        assert boss.numeric(381, ":You are now an IRC operator") in boss.does("OPER boss")
        assert "was bad" in " ".join(refused(server, f"PASS :bad:{PASSWORD}", "NICK bad", "USER a 0 * :a"))
