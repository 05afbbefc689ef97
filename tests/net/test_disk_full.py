"""The disk or the database's map is full: whoever asks is told, nothing is half there, chat goes on, and with room all is well again.
run-all: timeout=240"""

import os
import resource
import subprocess

import pytest
from live import Irc

CHEAP = "account: {iterations: 4096}\n"
SECRET = "secret-1"


class Crowd:
    """Accounts p0, p1, ... that were reported as registered."""

    def __init__(self, server):
        self.server = server
        self.n = 0

    def try_one(self, name):
        """Registers by hand; None, or the connection that was told why not."""
        irc = Irc(self.server.plain)
        irc.send(f"NICK {name}", f"USER {name} 0 * :{name}", f"REGISTER * * {SECRET}")
        if "SUCCESS" in irc.expect(r" REGISTER SUCCESS | FAIL REGISTER "):
            irc.close()
            return None
        return irc

    def fill(self, most=5000):
        """Until one is refused; that one's connection."""
        while (refused := self.try_one(f"p{self.n}")) is None:
            self.n += 1
            assert self.n < most, "it is not full yet"
        return refused

    def logs_in(self, number, secret=SECRET):
        irc = Irc(self.server.plain)
        irc.send(f"PASS p{number}:{secret}", f"NICK p{number}", f"USER p{number} 0 * :p")
        there = " 001 " in irc.expect(" 001 | 464 ")
        irc.close()
        return there

    def all_log_in(self, but=()):
        return all(self.logs_in(i) for i in range(self.n) if i not in but)

    def drop(self, number):
        irc = Irc(self.server.plain)
        irc.send(f"PASS p{number}:{SECRET}", f"NICK p{number}", f"USER p{number} 0 * :p", f"ACCOUNT DROP p{number} {SECRET}")
        irc.expect(r"NOTICE p\d+ :Your account is gone")
        irc.close()


def check_refusal(irc, number):
    """Told to programs and to people; the connection is in Connecting again."""
    assert f"FAIL REGISTER TEMPORARILY_UNAVAILABLE p{number} :" in irc.seen[-1]
    irc.expect(rf" NOTICE p{number} :The server's disk is full: nothing was stored")
    irc.send("JOIN #x")
    irc.expect(" 451 ")
    irc.close()


def check_chat(a, b):
    for one, other, nick in ((a, b, "bert"), (b, a, "anna")):
        one.send(f"PRIVMSG {nick} :still here", "PRIVMSG #room :all of us")
        other.expect(rf"PRIVMSG {nick} :still here")
        other.expect("PRIVMSG #room :all of us")


def check_changes_are_refused(a):
    """Of an account and a channel that exist; all stays as it was."""
    a.send(f"ACCOUNT PASSWORD {SECRET} another-1", "CHANNEL REGISTER #room", "CHANNEL INFO #room", "NAMES #room")
    a.expect("FAIL ACCOUNT TEMPORARILY_UNAVAILABLE")
    a.expect("FAIL CHANNEL TEMPORARILY_UNAVAILABLE #room ")
    a.expect("NOT_REGISTERED")
    a.expect(" 353 .*@anna")


def check_changes_are_whole(a):
    """What fits into free pages of the file succeeds although the disk is full; what is told is what is so."""
    a.send(f"ACCOUNT PASSWORD {SECRET} another-1")
    changed = "NOTICE" in a.expect("NOTICE anna :Your password is changed|FAIL ACCOUNT TEMPORARILY_UNAVAILABLE")
    a.send(f"ACCOUNT PASSWORD another-1 {SECRET}")
    a.expect("changed|TEMPORARILY" if changed else "INVALID_PASSWORD")
    a.send("CHANNEL REGISTER #room", "CHANNEL INFO #room")
    registered = "NOTICE" in a.expect("NOTICE anna :The channel is registered|FAIL CHANNEL TEMPORARILY_UNAVAILABLE #room ")
    a.expect("founder anna" if registered else "FAIL CHANNEL NOT_REGISTERED")


@pytest.fixture
def talkers(connect):
    def two(server):
        a, b = connect(server.plain).register("anna", SECRET), connect(server.plain).register("bert", SECRET)
        for irc in (a, b):
            irc.send("JOIN #room")
            irc.expect(" 366 ")
        return a, b

    return two


def set_map(server, size):
    config = server.folder / "godwit.yaml"
    lines = [line for line in config.read_text().splitlines() if not line.startswith("store:")]
    config.write_text("\n".join([*lines, f"store: {{map-size: {size}}}", ""]))


def test_a_full_map_is_told_and_can_be_emptied(serve, talkers):
    server = serve(more=CHEAP + "store: {map-size: 1m}\n")
    crowd = Crowd(server)
    a, b = talkers(server)
    check_refusal(crowd.fill(), crowd.n)
    check_chat(a, b)
    check_changes_are_refused(a)
    assert not crowd.logs_in(crowd.n)
    assert crowd.logs_in(crowd.n - 1)
    dropped = set()
    while (refused := crowd.try_one("newcomer")) is not None:
        refused.close()
        assert len(dropped) < crowd.n, "all are dropped, and there is no room"
        for i in range(len(dropped), min(len(dropped) + 20, crowd.n)):
            crowd.drop(i)
            dropped.add(i)
    check_chat(a, b)
    server.kill()
    server.start()
    assert crowd.all_log_in(but=dropped)
    assert not any(crowd.logs_in(i) for i in list(dropped)[:20])


def test_a_full_map_that_is_made_larger_takes_more(serve, talkers):
    server = serve(more=CHEAP + "store: {map-size: 1m}\n")
    crowd = Crowd(server)
    talkers(server)
    crowd.fill().close()
    server.stop()
    set_map(server, "2m")
    server.start()
    full = crowd.n
    assert crowd.try_one(f"p{crowd.n}") is None
    crowd.n += 1
    crowd.fill().close()
    assert crowd.n > 1.5 * full
    assert "store-bytes-most         2097152" in server.ctl("services", "status")


def limit_files(server, n):
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (n, resource.RLIM_INFINITY))


def database_bytes(server):
    return (server.folder / "state" / "services" / "data.mdb").stat().st_size


def test_a_file_that_may_not_grow_is_told_and_goes_on_when_it_may(serve, talkers):
    server = serve(more=CHEAP)
    crowd = Crowd(server)
    a, b = talkers(server)
    assert crowd.try_one("p0") is None
    crowd.n = 1
    limit_files(server, database_bytes(server) + (64 << 10))
    check_refusal(crowd.fill(), crowd.n)
    check_chat(a, b)
    check_changes_are_whole(a)
    assert crowd.all_log_in()
    assert not crowd.logs_in(crowd.n)
    limit_files(server, resource.RLIM_INFINITY)
    assert crowd.try_one(f"p{crowd.n}") is None
    crowd.n += 1
    server.kill()
    server.start()
    assert crowd.all_log_in()


@pytest.fixture
def small_disk(tmp_path):
    """A folder `state` whose `services` is a file system of 1 MiB."""
    folder = tmp_path / "server" / "state" / "services"
    folder.mkdir(parents=True, mode=0o700)
    folder.parent.chmod(0o700)
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", folder], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"no small file system can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def eat(folder, leave):
    """A file that takes all but `leave` bytes."""
    stat = os.statvfs(folder)
    (folder / "filler").write_bytes(b"x" * (stat.f_bavail * stat.f_frsize - leave))


def test_a_full_disk_is_told_and_room_makes_it_good(small_disk, serve, talkers):
    server = serve(more=CHEAP)
    crowd = Crowd(server)
    a, b = talkers(server)
    assert crowd.try_one("p0") is None
    crowd.n = 1
    eat(small_disk, 64 << 10)
    check_refusal(crowd.fill(), crowd.n)
    check_chat(a, b)
    check_changes_are_whole(a)
    assert not crowd.logs_in(crowd.n)
    server.kill()
    server.start()  # on the full disk
    assert crowd.all_log_in()
    crowd.fill().close()
    (small_disk / "filler").unlink()
    assert crowd.try_one(f"p{crowd.n}") is None
    crowd.n += 1
    server.stop()
    server.start()
    assert crowd.all_log_in()
