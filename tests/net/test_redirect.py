"""Clients are moved from server to server, step by step, and nobody notices; nor when they refuse, come late, or leave in the middle."""

import base64
import re

import pytest
from live import Network, running, wait_for
from people import CHEAP, PASSWORD, Person
from steps import MOVING, SHORT, Mover, Order, pending

MANY = 5000


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    with running(Network(tmp_path_factory.mktemp("net"), "a-b", modules=MOVING,
                         more=f"{CHEAP}{SHORT}channel: {{max-channels: {MANY}}}\n")) as net:
        yield net


@pytest.fixture
def people(net):
    """Brings people in: people(Mover, "a", "anna", ...); afterwards no move is pending."""
    there = []

    def one(kind, server, nick, **settings):
        there.append(kind(net[server].plain, nick, **settings))
        return there[-1]

    yield one
    for person in there:
        person.leave()
    net.wait_level()
    wait_for(lambda: not pending(net), lambda: f"the end of {pending(net)}")


@pytest.fixture
def order(net):
    """Has somebody moved: order("a", "anna", "b.test")."""
    given = []

    def one(server, *words):
        given.append(Order(net[server], "session", "redirect", *words))
        return given[-1]

    yield one
    for it in given:
        it.close()


def told(*watchers):
    """What others were shown, but for what people said."""
    return [line for watcher in watchers for line in watcher.got() if " PRIVMSG " not in line and " PONG " not in line]


def told_of_itself(person, questions):
    """The answers, but for what says where it is and since when it is silent; the order of a list does not matter."""
    answers = (re.sub(r"^:\S+ ", "", line) for line in person.does(*questions) if not re.search(" 31[27] ", line))
    return [" ".join(sorted(line.replace(":", " ").split())) if line.startswith("353 ") else line for line in answers]


def test_a_move_takes_everything_along_and_nobody_notices(net, people, order):
    anna = people(Mover, "a", "anna", caps="away-notify account-notify server-time")
    near, far = (people(Person, server, nick, caps="away-notify account-notify chghost setname extended-join invite-notify")
                 for server, nick in (("a", "near"), ("b", "far")))
    anna.does("JOIN #room", "MODE #room +mt", "AWAY :busy", "MODE anna +i", "MONITOR + near,nobody", "SETNAME :Anna B")
    for other in (near, far):
        other.does("JOIN #room", "MONITOR + anna")
        net.wait_level()
        anna.does(f"MODE #room +v {other.nick}")
    net.wait_level()
    asked = ["WHOIS anna", "MODE anna", "MODE #room", "MONITOR L", "NAMES #room", "MODE #room b"]
    before = told_of_itself(anna, asked)
    near.got(), far.got()
    order("a", "anna", "b.test")
    anna.requested().dial().hand_over().sync_due()
    near.send("PRIVMSG #room :1")
    far.send("PRIVMSG #room :2", "PRIVMSG anna :3")
    near.sync(), far.sync()
    anna.synced().left()
    near.send("PRIVMSG #room :4")
    near.sync()
    anna.swap()
    numbers = anna.said_by(r"(?:near|far)")
    assert sorted(numbers) == [1, 2, 3, 4] and numbers.index(2) < numbers.index(3) and numbers.index(1) < numbers.index(4)
    assert told_of_itself(anna, asked) == before
    net.wait_level()
    assert told(near, far) == []
    assert any(" 312 " in line and " b.test " in line for line in near.does("WHOIS anna"))
    anna.does("MODE #room +v-v near far", "PRIVMSG #room :hello", "AWAY")
    for other in (near, far):
        other.expect(" MODE #room ")
        other.expect(r"^:anna!\S+ PRIVMSG #room :hello$")
        other.expect(r"^:anna!\S+ AWAY$")


def test_back_and_forth(net, people, order):
    anna, far = people(Mover, "a", "anna"), people(Person, "b", "far")
    for turn in range(10):
        here, there = ("a", "b") if turn % 2 == 0 else ("b", "a")
        order(here, "anna", f"{there}.test")
        far.does(f"PRIVMSG anna :{turn}")
        anna.move().sync()
        anna.send(f"PRIVMSG far :{turn}")
        far.expect(rf"^:anna!\S+ PRIVMSG far :{turn}$")
        net.wait_level()
    assert anna.said_by("far") == list(range(10))


def test_a_refusal_changes_nothing(net, people, order):
    anna, far = people(Mover, "a", "anna"), people(Person, "b", "far")
    for step in (lambda: None, lambda: anna.dial(), lambda: anna.dial().hand_over().sync_due()):
        order("a", "anna", "b.test")
        anna.requested()
        step()
        anna.refuse()
        anna.drop_new()
        anna.sync()
        wait_for(lambda: not pending(net), "the end of the attempt")
        far.does("PRIVMSG anna :still there")
        anna.expect("PRIVMSG anna :still there")


def test_who_comes_after_the_time_is_closed_and_stays_where_it_was(net, people, order):
    anna = people(Mover, "a", "anna")
    order("a", "anna", "b.test")
    anna.requested().expect(f" REDIRECT CANCEL {anna.id} :")
    wait_for(lambda: not pending(net), "the end of the attempt")
    anna.dial().hand_over()
    anna.new.eof()
    assert anna.does("PRIVMSG anna :me")[-1].endswith(" PRIVMSG anna :me")


def test_who_does_not_answer_sync_stays(net, people, order):
    anna, far = people(Mover, "a", "anna"), people(Person, "b", "far")
    order("a", "anna", "b.test")
    anna.requested().dial().hand_over().sync_due()
    far.does("PRIVMSG anna :0")
    anna.cancelled()
    assert anna.said_by("far") == [0]
    anna.synced()  # late: it has been called off, and is no command of any kind
    assert anna.does("PRIVMSG anna :me")[-1].endswith(" PRIVMSG anna :me")


def test_only_the_right_proof_opens_and_only_once(net, people, order):
    anna = people(Mover, "a", "anna")
    order("a", "anna", "b.test")
    anna.requested()
    right = anna.token
    for wrong in (right[::-1], "A" * 43):
        anna.token = wrong
        anna.dial().hand_over().new.eof()
    anna.token = right
    taken = anna.dial().hand_over().sync_due().new
    anna.dial().hand_over().new.eof()
    anna.new = taken
    anna.synced().left().swap().sync()
    again = Mover.dial(anna).new
    anna.hand_over()
    again.eof()
    anna.new = None
    anna.sync()


def test_synced_swap_and_handover_said_twice_do_no_harm(net, people, order):
    anna, far = people(Mover, "a", "anna"), people(Person, "b", "far")
    order("a", "anna", "b.test")
    anna.requested().dial().hand_over().sync_due()
    anna.synced()
    try:
        anna.synced()
    except OSError:
        pass  # it has been closed already
    anna.eof()
    anna.swap().send(f"REDIRECT SWAP {anna.id}", "PRIVMSG far :0")
    far.expect(r"^:anna!\S+ PRIVMSG far :0$")
    anna.sync()


def test_what_is_written_before_and_behind_the_swap_is_executed_once_and_in_order(net, people, order):
    anna, far = people(Mover, "a", "anna"), people(Person, "b", "far")
    order("a", "anna", "b.test")
    anna.requested().dial()
    anna.send(*(f"PRIVMSG far :{n}" for n in range(100)))
    anna.hand_over()
    anna.send(*(f"PRIVMSG far :{n}" for n in range(100, 200)))
    anna.sync_due().synced().left().swap()
    anna.send(*(f"PRIVMSG far :{n}" for n in range(200, 300)))
    anna.sync()
    wait_for(lambda: "PRIVMSG far :299" in " ".join(far.got()), "the last")
    found = [int(line.rsplit(":", 1)[1]) for line in far.seen if " PRIVMSG far :" in line]
    assert found == list(range(300))


@pytest.mark.parametrize("label", ["", "@label=l1 "])
def test_a_list_of_5000_channels_is_complete(net, people, order, label):
    owner = people(Person, "b", "owner")
    for start in range(0, MANY, 20):
        owner.send("JOIN " + ",".join(f"#many{n}" for n in range(start, start + 20)))
    owner.sync()
    anna = people(Mover, "a", "anna", caps="batch labeled-response message-tags" if label else "")
    net.wait_level()
    order("a", "anna", "b.test")
    anna.requested().dial()
    start = len(anna.seen)
    anna.send(f"{label}LIST")
    anna.hand_over().sync_due()
    anna.synced().left().swap().sync()
    listed = [line for line in anna.seen[start:] if " 322 " in line]
    assert len(listed) == MANY and len(set(listed)) == MANY
    assert len([line for line in anna.seen[start:] if " 323 " in line]) == 1
    if label:
        opened = [line for line in anna.seen[start:] if " BATCH +" in line]
        assert len(opened) == 1 and "label=l1" in opened[0]
        assert len([line for line in anna.seen[start:] if " BATCH -" in line]) == 1


def test_a_login_in_the_middle_is_finished_somewhere(net, people, order):
    owner = people(Person, "b", "gina")
    owner.send(f"REGISTER gina * :{PASSWORD}")
    owner.expect("REGISTER SUCCESS")
    net.wait_level()
    anna = people(Mover, "a", "anna", caps="sasl")
    order("a", "anna", "b.test")
    anna.requested().dial()
    anna.send("AUTHENTICATE PLAIN")
    anna.expect(r"AUTHENTICATE \+")
    anna.hand_over()
    anna.send("AUTHENTICATE " + base64.b64encode(f"\0gina\0{PASSWORD}".encode()).decode())
    anna.expect(r" (903|REDIRECT (SYNC|CANCEL)) ")
    if " SYNC " in anna.seen[-1]:
        anna.synced().left().swap()
    elif " 903 " in anna.seen[-1]:
        anna.sync_due().synced().left().swap()
    else:
        anna.drop_new()
    if not any(" 903 " in line for line in anna.seen):
        anna.expect(" 903 ")
    anna.sync()
    assert len([line for line in anna.seen if " 903 " in line]) == 1
    assert any(" 330 anna anna gina " in line for line in anna.does("WHOIS anna"))


@pytest.mark.parametrize("phase", ["asked", "handed over", "sync"])
def test_a_client_whose_old_connection_breaks_before_synced_has_left(net, people, order, phase):
    anna, far = people(Mover, "a", "anna"), people(Person, "b", "far")
    far.does("JOIN #room")
    anna.does("JOIN #room")
    order("a", "anna", "b.test")
    anna.requested()
    if phase != "asked":
        anna.dial().hand_over()
    if phase == "sync":
        anna.sync_due()
    anna.sock.close()
    far.expect(r"^:anna!\S+ QUIT ")
    if anna.new:
        anna.new.eof()


def test_after_synced_the_end_of_the_old_connection_is_no_loss(net, people, order):
    anna, far = people(Mover, "a", "anna"), people(Person, "b", "far")
    order("a", "anna", "b.test")
    net.cable("a-b").delay = 0.3  # the cut takes a while
    anna.requested().dial().hand_over().sync_due().synced()
    anna.swap().sync()
    net.cable("a-b").delay = 0.0
    far.does("PRIVMSG anna :0")
    anna.expect(" PRIVMSG anna :0")


@pytest.mark.parametrize("phase", ["dialled", "handed over", "sync", "synced"])
def test_a_new_connection_that_breaks_leaves_the_old_one(net, people, order, phase):
    anna, far = people(Mover, "a", "anna"), people(Person, "b", "far")
    order("a", "anna", "b.test")
    anna.requested().dial()
    if phase != "dialled":
        anna.hand_over()
    if phase in ("sync", "synced"):
        anna.sync_due()
    net.cable("a-b").delay = 0.3 if phase == "synced" else 0.0
    if phase == "synced":
        anna.synced()
    anna.drop_new()
    if phase in ("dialled", "handed over"):
        anna.refuse()
    else:
        anna.expect(f" REDIRECT CANCEL {anna.id} :")
    net.cable("a-b").delay = 0.0
    anna.sync()
    far.does("PRIVMSG anna :0")
    anna.expect(" PRIVMSG anna :0")


def test_who_vanishes_after_the_old_connection_has_ended_has_left(net, people, order):
    anna, far = people(Mover, "a", "anna"), people(Person, "b", "far")
    for one in (anna, far):
        one.does("JOIN #room")
    net.wait_level()
    order("a", "anna", "b.test")
    anna.requested().dial().hand_over().sync_due().synced().left()
    anna.drop_new()
    far.expect(r"^:anna!\S+ QUIT ")


def test_who_cannot_be_moved_stays_and_the_operator_is_told_why(net, people, order):
    plain = people(Person, "a", "plain")
    people(Mover, "a", "anna")
    for nick, server in (("plain", "b.test"), ("nobody", "b.test"), ("anna", "a.test"), ("anna", "c.test")):
        status, said = order("a", nick, server).end()
        assert status != 0 and said.startswith("godwitctl: "), (nick, said)
    assert plain.got() == []


def test_a_client_may_ask_to_be_moved(net, people):
    anna = people(Mover, "a", "anna")
    anna.send("REDIRECT MOVE b.test")
    anna.move()
    anna.send("REDIRECT MOVE c.test")
    anna.expect(r" FAIL REDIRECT DENIED :")
