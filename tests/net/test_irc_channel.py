"""Channels: what everybody in them is shown, who may do what, and what is answered."""

import re

import pytest

NAMES_END = "End of /NAMES list"


@pytest.fixture
def trio(people):
    """An operator, a voiced member and a plain one in #c."""
    op, voiced, plain = people("op"), people("voiced"), people("plain")
    op.does("JOIN #c")
    voiced.does("JOIN #c")
    plain.does("JOIN #c")
    op.does("MODE #c +v voiced")
    for person in (op, voiced, plain):
        person.got()
    return op, voiced, plain


def test_join_shows_topic_names_and_the_newcomer(people):
    anna, ben = people("anna"), people("ben")
    assert anna.does("JOIN #Tea") == [
        f":{anna.source} JOIN #Tea",
        ":test.example.net MODE #Tea +o anna",
        anna.numeric(353, "= #Tea :@anna"),
        anna.numeric(366, f"#Tea :{NAMES_END}"),
    ]
    assert anna.does("TOPIC #tea :a cup") == [f":{anna.source} TOPIC #Tea :a cup"]
    lines = ben.does("JOIN #TEA")
    assert lines[:2] == [f":{ben.source} JOIN #Tea", ben.numeric(332, "#Tea :a cup")]
    assert re.fullmatch(re.escape(ben.numeric(333, f"#Tea {anna.source} ")) + r"\d{10}", lines[2])
    assert lines[3:] == [ben.numeric(353, "= #Tea :@anna ben"), ben.numeric(366, f"#Tea :{NAMES_END}")]
    assert anna.got() == [f":{ben.source} JOIN #Tea"]
    assert ben.does("JOIN #tea") == []
    assert anna.got() == []


def test_join_of_several_gives_each_its_own_answer(people):
    anna, ben = people("anna"), people("ben")
    anna.does("JOIN #a,#b,#c", "MODE #b +k key", "MODE #c +i")
    lines = ben.does("JOIN #b,#c,,x,#" + "l" * 50 + ",#a key")
    assert [re.sub(r" :.*", "", line) for line in lines if " 353 " not in line] == [
        f":{ben.source} JOIN #b",
        ben.numeric(366, "#b"),
        ben.numeric(473, "#c"),
        ben.numeric(403, "x"),
        ben.numeric(403, "#" + "l" * 50),
        f":{ben.source} JOIN #a",
        ben.numeric(366, "#a"),
    ]


def test_the_ways_not_to_get_in(people):
    anna, ben = people("anna"), people("ben")
    anna.does("JOIN #c", "MODE #c +k sesame")
    assert ben.does("JOIN #c") == [ben.numeric(475, "#c :Cannot join channel (+k)")]
    assert ben.does("JOIN #c wrong") == [ben.numeric(475, "#c :Cannot join channel (+k)")]
    anna.does("MODE #c -k x", "MODE #c +l 1")
    assert ben.does("JOIN #c") == [ben.numeric(471, "#c :Cannot join channel (+l)")]
    anna.does("MODE #c -l", "MODE #c +i")
    assert ben.does("JOIN #c") == [ben.numeric(473, "#c :Cannot join channel (+i)")]
    anna.does("MODE #c -i", "MODE #c +b BEN!*@*")
    assert ben.does("JOIN #c") == [ben.numeric(474, "#c :Cannot join channel (+b)")]
    anna.does("MODE #c +e ben!*@*")
    assert ben.does("JOIN #c")[0] == f":{ben.source} JOIN #c"
    ben.does("PART #c")
    anna.does("MODE #c -e+R ben")
    assert ben.does("JOIN #c")[0].startswith(ben.numeric(477, "#c :"))


def test_an_invitation_overrides_everything_but_a_ban(people):
    anna, ben, cleo = people("anna"), people("ben"), people("cleo", caps="invite-notify")
    anna.does("JOIN #c")
    cleo.does("JOIN #c")
    anna.does("MODE #c +ikl sesame 1")
    cleo.got()
    assert anna.does("INVITE ben #c") == [anna.numeric(341, "ben #c")]
    assert ben.got() == [f":{anna.source} INVITE ben #c"]
    assert cleo.got() == [f":{anna.source} INVITE ben #c"]
    assert ben.does("INVITE") == [ben.numeric(336, "#c"), ben.numeric(337, ":End of /INVITE list")]
    assert ben.does("JOIN #c")[0] == f":{ben.source} JOIN #c"
    assert ben.does("INVITE") == [ben.numeric(337, ":End of /INVITE list")]
    ben.does("PART #c")
    assert ben.does("JOIN #c")[0].startswith(ben.numeric(473, "#c :"))
    anna.does("INVITE ben #c", "MODE #c +b ben")
    ben.got()
    assert ben.does("JOIN #c")[0].startswith(ben.numeric(474, "#c :"))
    assert anna.does("INVITE cleo #c") == [anna.numeric(443, "cleo #c :is already on channel")]
    assert anna.does("INVITE nobody #c") == [anna.numeric(401, "nobody :No such nick")]
    assert anna.does("INVITE ben #none") == [anna.numeric(403, "#none :No such channel")]
    assert ben.does("INVITE anna #c") == [ben.numeric(442, "#c :You're not on that channel")]
    cleo.got()
    assert cleo.does("INVITE ben #c") == [cleo.numeric(482, "#c :You're not a channel operator")]
    ben.does("AWAY :gone")
    assert anna.does("INVITE ben #c") == [anna.numeric(341, "ben #c"), anna.numeric(301, "ben :gone")]


def test_part_with_and_without_a_reason(trio):
    op, voiced, plain = trio
    assert plain.does("PART #C") == [f":{plain.source} PART #c"]
    voiced.got()
    assert voiced.does("PART #c :see you") == [f":{voiced.source} PART #c :see you"]
    assert op.got() == [f":{plain.source} PART #c", f":{voiced.source} PART #c :see you"]
    assert plain.does("PART #c,#none") == [
        plain.numeric(442, "#c :You're not on that channel"),
        plain.numeric(403, "#none :No such channel"),
    ]


@pytest.mark.parametrize("line, shown", [
    ("PART #c :{}", "PART #c :{}"),
    ("KICK #c op :{}", "KICK #c op :{}"),
    ("QUIT :{}", "QUIT :Quit: {}"),
])
def test_long_reasons_are_cut_between_two_characters(people, line, shown):
    op, other = people("op"), people("other")
    op.does("JOIN #c")
    other.does("JOIN #c")
    op.got()
    op.send(line.format("x" + "ä" * 220))
    if line.startswith("QUIT"):
        op.eof()
    else:
        assert op.got()
    text = other.got()[-1]
    start = f":{op.source} " + shown.format("xää")
    assert text.startswith(start) and set(text[len(start):]) == {"ä"}
    assert 290 <= len(text.split(" :", 1)[1].encode()) <= 300


def test_join_0_leaves_all(people):
    anna, ben = people("anna"), people("ben")
    anna.does("JOIN #a,#b")
    ben.does("JOIN #a")
    anna.got()
    assert anna.does("JOIN 0") == [f":{anna.source} PART #a", f":{anna.source} PART #b"]
    assert ben.got() == [f":{anna.source} PART #a"]


def test_a_channel_ends_with_its_last_member(people):
    anna = people("anna")
    anna.does("JOIN #c", "TOPIC #c :old", "MODE #c +m", "PART #c")
    assert anna.does("TOPIC #c") == [anna.numeric(403, "#c :No such channel")]
    assert anna.does("JOIN #c")[1:] == [
        ":test.example.net MODE #c +o anna", anna.numeric(353, "= #c :@anna"), anna.numeric(366, f"#c :{NAMES_END}"),
    ]
    assert anna.does("MODE #c")[0] == anna.numeric(324, "#c +nt")


def test_kick(trio):
    op, voiced, plain = trio
    assert plain.does("KICK #c op") == [plain.numeric(482, "#c :You're not a channel operator")]
    assert op.does("KICK #none plain") == [op.numeric(403, "#none :No such channel")]
    assert op.does("KICK #c nobody") == [op.numeric(401, "nobody :No such nick")]
    line = f":{op.source} KICK #c plain :op"
    assert op.does("KICK #c plain") == [line]
    assert voiced.got() == [line] and plain.got() == [line]
    assert op.does("KICK #c plain :x") == [op.numeric(441, "plain #c :They aren't on that channel")]
    assert plain.does("KICK #c op") == [plain.numeric(442, "#c :You're not on that channel")]
    plain.does("JOIN #c")
    op.got()
    assert op.does("KICK #c plain,voiced :both of you") == [
        f":{op.source} KICK #c plain :both of you", f":{op.source} KICK #c voiced :both of you",
    ]


def test_more_kicks_than_targmax_are_left_out_and_one_may_be_oneself(people):
    op = people("op")
    others = [people(f"u{n}") for n in range(5)]
    op.does("JOIN #c")
    for person in others:
        person.does("JOIN #c")
    op.got()
    assert len(op.does("KICK #c u0,u1,u2,u3,u4")) == 4
    assert op.does("KICK #c op,u4") == [
        f":{op.source} KICK #c op :op", op.numeric(442, "#c :You're not on that channel"),
    ]


def test_ranks_decide_who_kicks_whom(trio):
    op, voiced, plain = trio
    op.does("MODE #c +h voiced")
    assert voiced.does("KICK #c op")[-1] == voiced.numeric(482, "#c :They outrank you here")
    assert voiced.does("KICK #c plain") == [f":{voiced.source} KICK #c plain :voiced"]


def test_topic(trio):
    op, voiced, plain = trio
    assert plain.does("TOPIC #c") == [plain.numeric(331, "#c :No topic is set")]
    assert plain.does("TOPIC #c :mine") == [plain.numeric(482, "#c :You're not a channel operator")]
    assert op.does("MODE #c -t") == [f":{op.source} MODE #c -t"]
    assert plain.does("TOPIC #c :mine")[-1] == f":{plain.source} TOPIC #c :mine"
    assert voiced.got()[-1] == f":{plain.source} TOPIC #c :mine"
    lines = voiced.does("TOPIC #C")
    assert lines[0] == voiced.numeric(332, "#c :mine") and lines[1].startswith(voiced.numeric(333, f"#c {plain.source} "))
    assert plain.does("TOPIC #c :") == [f":{plain.source} TOPIC #c :"]
    assert plain.does("TOPIC #c") == [plain.numeric(331, "#c :No topic is set")]
    plain.does("PART #c")
    assert plain.does("TOPIC #c :again") == [plain.numeric(442, "#c :You're not on that channel")]
    assert plain.does("TOPIC #none") == [plain.numeric(403, "#none :No such channel")]


def test_a_topic_is_cut_at_topiclen_between_two_characters(people):
    anna = people("anna")
    anna.does("JOIN #c")
    assert anna.does("TOPIC #c :x" + "ä" * 200) == [f":{anna.source} TOPIC #c :x" + "ä" * 194]
    assert anna.does("TOPIC #c :" + "ä" * 200) == [f":{anna.source} TOPIC #c :" + "ä" * 195]


def test_names_by_role_and_capability(trio, people):
    op, voiced, plain = trio
    op.does("MODE #c +v op")
    op.does("MODE op +i")
    rich = people("rich", caps="multi-prefix userhost-in-names")
    assert rich.does("NAMES #c") == [
        rich.numeric(353, f"= #c :+{voiced.source} {plain.source}"), rich.numeric(366, f"#c :{NAMES_END}"),
    ]
    assert rich.does("JOIN #c")[1:] == [
        rich.numeric(353, f"= #c :@+{op.source} +{voiced.source} {plain.source} {rich.source}"),
        rich.numeric(366, f"#c :{NAMES_END}"),
    ]
    plain.got()
    assert plain.does("NAMES #C,#none") == [
        plain.numeric(353, "= #c :@op +voiced plain rich"),
        plain.numeric(366, f"#c :{NAMES_END}"),
        plain.numeric(366, f"#none :{NAMES_END}"),
    ]
    op.does("MODE #c +s")
    plain.does("PART #c")
    assert plain.does("NAMES #c") == [plain.numeric(366, f"#c :{NAMES_END}")]
    assert rich.does("NAMES #c")[-2].startswith(rich.numeric(353, "@ #c :"))
    assert plain.does("NAMES") == [plain.numeric(366, f"* :{NAMES_END}")]


def test_names_of_many_come_in_whole_lines(people):
    first = people("a" * 30)
    names = ["a" * 30]
    first.does("JOIN #crowd")
    for n in range(20):
        nick = f"{n:02}".translate(str.maketrans("0123456789", "abcdefghij")) + "x" * 28
        people(nick).does("JOIN #crowd")
        names.append(nick)
    first.got()
    lines = first.does("NAMES #crowd")
    assert len(lines) == 3 and all(len(line.encode()) <= 510 for line in lines)
    assert " ".join(line.split(" :")[1] for line in lines[:-1]).split() == ["@" + names[0], *names[1:]]


def test_mode_is_shown_to_members_and_hides_the_key_from_others(people):
    anna, ben = people("anna"), people("ben")
    anna.does("JOIN #c", "MODE #c +kl sesame 20")
    lines = anna.does("MODE #c")
    assert lines[0] == anna.numeric(324, "#c +ntkl sesame 20")
    assert re.fullmatch(re.escape(anna.numeric(329, "#c ")) + r"\d{10}", lines[1])
    assert ben.does("MODE #c")[0] == ben.numeric(324, "#c +ntkl * 20")
    anna.does("MODE #c +s")
    assert ben.does("MODE #c") == [ben.numeric(403, "#c :No such channel")]


@pytest.mark.parametrize("asked, shown", [
    ("+m", "+m"),
    ("+m-m", None),
    ("-n+n", None),
    ("+m-m+m", "+m"),
    ("+n", None),
    ("+im-n", "+im-n"),
    ("-n+C-t", "-n+C-t"),
    ("+k a", "+k a"),
    ("+k-k a b", None),
    ("+l 5", "+l 5"),
    ("+l-l 5", None),
    ("+ll 5 6", "+l 6"),
    ("+k " + "k" * 32, "+k " + "k" * 32),
    ("+v-v plain plain", None),
    ("+v-v+v plain plain plain", "+v plain"),
    ("+b-b x x", None),
    ("+bb x X", "+b X!*@*"),
    ("+o plain", "+o plain"),
    ("-o op", "-o op"),
    ("-v plain", None),
    ("-b nothing", None),
    ("-k x", None),
    ("-l", None),
])
def test_what_a_line_of_modes_comes_to(people, asked, shown):
    op, plain = people("op"), people("plain")
    op.does("JOIN #c")
    plain.does("JOIN #c")
    op.got()
    lines = op.does(f"MODE #c {asked}")
    assert lines == ([f":{op.source} MODE #c {shown}"] if shown else [])
    assert plain.got() == lines


@pytest.mark.parametrize("asked, answer", [
    ("+o nobody", "401 op nobody :No such nick"),
    ("+o outsider", "441 op outsider #c :They aren't on that channel"),
    ("+o", None),
    ("+Z", "472 op Z :is unknown mode char to me"),
    ("+k", "461 op MODE :Not enough parameters"),
    ("+l", "461 op MODE :Not enough parameters"),
    ("+k :", "696 op #c k * :"),
    ("+k :two words", "696 op #c k * :"),
    ("+k a,b", "696 op #c k * :"),
    ("+k " + "k" * 33, "696 op #c k * :"),
    ("+l 0", "696 op #c l 0 :"),
    ("+l -1", "696 op #c l -1 :"),
    ("+l 1x", "696 op #c l 1x :"),
    ("+l 99999999999999999999", "696 op #c l 99999999999999999999 :"),
    ("+b ~q:x", "696 op #c b ~q:x :"),
    ("+b :two words", "696 op #c b * :"),
    ("+b " + "x" * 200, "696 op #c b "),
])
def test_modes_that_are_refused(people, asked, answer):
    op, outsider = people("op"), people("outsider")
    op.does("JOIN #c")
    lines = op.does(f"MODE #c {asked}")
    assert len(lines) == (answer is not None)
    for line in lines:
        assert line.startswith(f":test.example.net {answer}")
    assert op.does("MODE #c")[0] == op.numeric(324, "#c +nt")
    del outsider


def test_at_most_as_many_modes_as_isupport_says(people):
    anna = people("anna")
    anna.does("JOIN #c")
    masks = " ".join(f"m{n}" for n in range(14))
    line = anna.does("MODE #c +" + "b" * 14 + " " + masks)
    assert line == [f":{anna.source} MODE #c +" + "b" * 12 + "".join(f" m{n}!*@*" for n in range(12))]


def test_long_masks_come_in_several_lines_that_fit(people):
    anna = people("anna")
    anna.does("JOIN #c")
    masks = [f"{letter * 100}!*@*" for letter in "abcd"]
    lines = anna.does("MODE #c +bbbb " + " ".join(masks))
    assert all(len(line.encode()) <= 510 for line in lines) and len(lines) == 2
    assert [word for line in lines for word in line.split()[4:]] == masks


def test_only_operators_change_modes(trio, people):
    op, voiced, plain = trio
    denied = plain.numeric(482, "#c :You're not a channel operator")
    for asked in ("+m", "+v plain", "+b x", "-o op", "+l 5", "+mn-t", "e", "I"):
        assert plain.does(f"MODE #c {asked}") == [denied], asked
    assert plain.does("MODE #c b") == [plain.numeric(368, "#c :End of channel ban list")]
    outsider = people("outsider")
    assert outsider.does("MODE #c +m") == [outsider.numeric(442, "#c :You're not on that channel")]
    assert outsider.does("MODE #c +b") == [outsider.numeric(368, "#c :End of channel ban list")]
    assert outsider.does("MODE #none +m") == [outsider.numeric(403, "#none :No such channel")]
    assert op.got() == []


RANKS = "qaohv"


@pytest.fixture
def ladder(people):
    """One of each rank in #c, and a plain member. The first owner makes them; it is one by its account."""

    def climb(place):
        place.ctl("account", "add", "owner", "correct horse", check=False)
        q = people("owner", account="owner")
        q.does("JOIN #ladder", "CHANNEL REGISTER #ladder")
        all_ranks = {"q": q}
        for letter in "aohv":
            all_ranks[letter] = people("is" + letter)
            all_ranks[letter].does("JOIN #ladder")
            q.does(f"MODE #ladder +{letter} is{letter}")
        all_ranks["-"] = people("isplain")
        all_ranks["-"].does("JOIN #ladder")
        for person in all_ranks.values():
            person.got()
        return all_ranks

    return climb


def test_prefixes_are_given_by_those_above(place, ladder):
    """Owners give all, administrators and operators what is below (operators also their own), half-operators a voice."""
    ranks = ladder(place)
    gives = {"q": "qaohv", "a": "ohv", "o": "ohv", "h": "v", "v": "", "-": ""}
    for by, person in ranks.items():
        person.got()
        for letter in RANKS:
            lines = person.does(f"MODE #ladder +{letter} isplain", f"MODE #ladder -{letter} isplain")
            if letter in gives[by]:
                assert [line.split(" MODE ")[1] for line in lines] == [
                    f"#ladder +{letter} isplain", f"#ladder -{letter} isplain"], (by, letter)
            else:
                assert lines[0] == person.numeric(482, "#ladder :You're not a channel operator"), (by, letter)
    for person in ranks.values():
        person.got()
    for by, person in ranks.items():
        for other, nick in (("q", "owner"), ("a", "isa"), ("o", "iso"), ("h", "ish"), ("v", "isv")):
            if by == other or by in "qv-":
                continue
            lines = person.does(f"MODE #ladder -{other} {nick}")
            lower = RANKS.index(other) > RANKS.index(by)
            assert (" MODE #ladder -" in lines[0]) == (lower and other in gives[by]), (by, other, lines)
            ranks["q"].does(f"MODE #ladder +{other} {nick}")
            for each in ranks.values():
                each.got()
    assert ranks["h"].does("MODE #ladder -h ish")[0].endswith(" MODE #ladder -h ish")
    assert ranks["v"].does("MODE #ladder -v isv")[-1].endswith(" MODE #ladder -v isv")
    ranks["q"].does("CHANNEL DROP #ladder")


def test_lists_tell_who_set_what_when(people):
    anna, ben = people("anna"), people("ben")
    anna.does("JOIN #c")
    ben.does("JOIN #c")
    anna.got()
    for letter, entry, end, name in (("b", 367, 368, "ban"), ("e", 348, 349, "exception"), ("I", 346, 347, "invite")):
        assert anna.does(f"MODE #c +{letter} bad!*@*") == [f":{anna.source} MODE #c +{letter} bad!*@*"]
        lines = anna.does(f"MODE #c {letter}")
        assert re.fullmatch(re.escape(anna.numeric(entry, f"#c bad!*@* {anna.source} ")) + r"\d{10}", lines[0])
        assert lines[1:] == [anna.numeric(end, f"#c :End of channel {name} list")]
        assert anna.does(f"MODE #c -{letter} BAD!*@*") == [f":{anna.source} MODE #c -{letter} bad!*@*"]
        assert anna.does(f"MODE #c +{letter}") == [anna.numeric(end, f"#c :End of channel {name} list")]


@pytest.mark.parametrize("given, kept", [
    ("nick", "nick!*@*"),
    ("ident@host", "*!ident@host"),
    ("@host", "*!*@host"),
    ("nick!ident", "nick!ident@*"),
    ("host.example", "*!*@host.example"),
    ("2001:db8::1", "*!*@2001:db8::1"),
    ("~a:account", "~a:account"),
    ("~m:nick", "~m:nick!*@*"),
    ("~m:~a:account", "~m:~a:account"),
])
def test_masks_get_their_usual_form(people, given, kept):
    anna = people("anna")
    anna.does("JOIN #c")
    assert anna.does(f"MODE #c +b {given}") == [f":{anna.source} MODE #c +b {kept}"]


def test_a_list_is_full_at_its_bound(people):
    anna = people("anna")
    anna.does("JOIN #c")
    for start in range(0, 96, 12):
        anna.does("MODE #c +" + "b" * 12 + "".join(f" m{n}" for n in range(start, start + 12)))
    assert len(anna.does("MODE #c +eeeII 1 2 3 4 5")) == 2
    assert anna.does("MODE #c +b more") == [anna.numeric(478, "#c b :Channel list is full")]
    assert len(anna.does("MODE #c b")) == 97
    assert anna.does("MODE #c -b+b m0 more") == [f":{anna.source} MODE #c -b+b m0!*@* more!*@*"]


def test_extended_bans(place, people):
    place.ctl("account", "add", "exta", "correct horse")
    op, guest, member = people("op"), people("guest"), people("exta", account="exta")
    op.does("JOIN #c", "MODE #c +b ~a:EXTA")
    assert member.does("JOIN #c")[0].startswith(member.numeric(474, "#c :"))
    op.does("MODE #c -b+b ~a:exta ~a:*")
    assert member.does("JOIN #c")[0].startswith(member.numeric(474, "#c :"))
    assert guest.does("JOIN #c")[0] == f":{guest.source} JOIN #c"
    op.does("MODE #c +e ~a:exta")
    assert member.does("JOIN #c")[0] == f":{member.source} JOIN #c"
    member.does("PART #c")
    op.does("MODE #c +iI-e ~a:exta ~a:exta", "MODE #c -b ~a:*")
    assert member.does("JOIN #c")[0] == f":{member.source} JOIN #c"


def test_mutes_let_join_but_not_speak(place, people):
    place.ctl("account", "add", "muted", "correct horse")
    op, guest, member = people("op"), people("guest"), people("muted", account="muted")
    op.does("JOIN #c", "MODE #c +bb ~m:guest ~m:~a:muted")
    for person in (guest, member):
        assert person.does("JOIN #c")[0] == f":{person.source} JOIN #c"
        assert person.does("PRIVMSG #c :x") == [person.numeric(404, "#c :Cannot send to channel (+b)")]
    op.does("MODE #c +v guest", "MODE #c +e ~a:muted")
    for person in (guest, member):
        person.got()
        assert person.does("PRIVMSG #c :x") == []


def test_names_in_utf8(people):
    anna, ben = people("anna"), people("ben")
    assert anna.does("JOIN #tëa☕")[0] == f":{anna.source} JOIN #tëa☕"
    assert ben.does("JOIN #TëA☕")[0] == f":{ben.source} JOIN #tëa☕"
    fits, too_long = "#" + "ä" * 24, "#" + "ä" * 25
    anna.got()
    assert anna.does(f"JOIN {fits}")[0] == f":{anna.source} JOIN {fits}"
    assert anna.does(f"JOIN {too_long}") == [anna.numeric(403, f"{too_long} :No such channel")]
    assert anna.does("JOIN #a\u0007b")[0].startswith(":test.example.net 403 ")
    assert anna.does("JOIN #") == [anna.numeric(403, "# :No such channel")]


def test_not_in_more_channels_than_the_limit(serve, connect):
    server = serve(modules="store, services, network, client, guest, channel, control", more="channel: {max-channels: 3}\n")
    irc = connect(server.plain)
    irc.send("NICK anna", "USER a 0 * :a")
    assert "CHANLIMIT=#:3" in irc.expect(" 005 ") + irc.expect(" 005 ")
    irc.send("JOIN #a,#b,#c,#d")
    irc.expect(r"405 anna #d :You have joined too many channels$")
    irc.send("PART #a", "JOIN #d")
    irc.expect(r" JOIN #d$")


def test_user_modes(people):
    anna = people("anna")
    people("ben")
    assert anna.does("MODE anna") == [anna.numeric(221, "+")]
    assert anna.does("MODE ANNA +iw") == [f":{anna.source} MODE anna :+iw"]
    assert anna.does("MODE anna +i-w") == [f":{anna.source} MODE anna :-w"]
    assert anna.does("MODE anna +B-i+R") == [f":{anna.source} MODE anna :+BR-i"]
    assert anna.does("MODE anna") == [anna.numeric(221, "+BR")]
    assert anna.does("MODE anna +o") == []
    assert anna.does("MODE anna +Z") == [anna.numeric(501, ":Unknown mode")]
    assert anna.does("MODE ben") == [anna.numeric(502, ":Cannot change or see the modes of other users")]
    assert anna.does("MODE ben +i") == [anna.numeric(502, ":Cannot change or see the modes of other users")]
    assert anna.does("MODE nobody") == [anna.numeric(401, "nobody :No such nick")]


def test_list_and_its_conditions(people):
    anna, ben = people("anna"), people("ben")
    anna.does("JOIN #one,#two,#hidden", "TOPIC #two :about two", "MODE #hidden +s")
    ben.does("JOIN #two")
    start, end = ben.numeric(321, "Channel :Users  Name"), ben.numeric(323, ":End of /LIST")
    one, two = ben.numeric(322, "#one 1 :"), ben.numeric(322, "#two 2 :about two")
    assert ben.does("LIST") == [start, one, two, end]
    for condition, found in (
        (">1", [two]), ("<2", [one]), ("<2,>1", []), ("*w*", [two]), ("#*N*", [one]), ("!#t*", [one]),
        ("#two,#none,#hidden", [two]), ("C<60", [one, two]), ("C>60", []), ("T<60", [two]), ("T>60", []),
        ("c<60,t<60", [two]),
    ):
        assert ben.does(f"LIST {condition}") == [start, *found, end], condition
    assert anna.numeric(322, "#hidden 1 :") in anna.does("LIST")


def test_a_long_list_comes_whole_with_and_without_a_label(serve, connect):
    server = serve(modules="store, services, network, client, guest, channel, control",
                   more="channel: {max-channels: 5000}\nclient: {exempt: [127.0.0.0/8], sendq: 64k}\n")
    irc = connect(server.plain)
    irc.send("CAP REQ :labeled-response batch", "NICK anna", "USER a 0 * :a", "CAP END")
    irc.expect(" 001 ")
    for start in range(0, 5000, 50):
        irc.send("JOIN " + ",".join(f"#{n}" for n in range(start, start + 50)))
    irc.sync("joined")
    lines = [line for line in irc_does(irc, "LIST")]
    assert [line.split()[3] for line in lines[1:-1]] == [f"#{n}" for n in range(5000)]
    lines = irc_does(irc, "@label=x LIST")
    assert lines[0].startswith("@label=x :test.example.net BATCH +")
    batch = lines[0].split("+")[1].split()[0]
    assert lines[-1] == f":test.example.net BATCH -{batch}"
    assert len(lines) == 5004 and all(line.startswith(f"@batch={batch} ") for line in lines[1:-1])


def irc_does(irc, line):
    irc.send(line)
    return irc.sync("done")
