"""What was reported is there afterwards: kill -9, a trace of system calls, a backup that is put back, a text that another network takes in. run-all: timeout=400"""

import asyncio
import os
import random
import shutil
import subprocess
import threading

import pytest
import syscalls
from live import Irc, Server, wait_for
from soak_kill import killed_while_it_starts, soak
from variants import Variants

CHEAP = "account: {iterations: 4096}\n"
SECRET = "secret-1"


# --- kill -9 ---


def test_what_was_reported_survives_kill_9(tmp_path):
    seed = int.from_bytes(os.urandom(4), "big")
    print(f"seed {seed}")
    ledger = asyncio.run(soak(tmp_path / "server", 8, seed, out=print))
    assert ledger.told["registered"] > 20


def test_kills_tell_an_answer_that_comes_before_the_commit(tmp_path):
    class Hasty(Variants):
        @staticmethod
        def edit(text):
            commit, say = "task_commit(st, task, birth.writes, n);", "task_client(st, task)"
            text = text.replace(commit, f'if ({say}) say_outcome(st, {say}, "REGISTER", "SUCCESS", task->name, "so soon"); {commit}')
            text = text.replace("mdb_txn_commit(tx.txn)", "(usleep(20000), mdb_txn_commit(tx.txn))")
            return text.replace("#include <lmdb.h>", "#include <lmdb.h>\n#include <unistd.h>")

    variants = Hasty(tmp_path / "modules", ["store", "account"])
    for name in variants.names:
        variants.install(name, 1)
    with pytest.raises(AssertionError, match="was registered, and does not log in"):
        asyncio.run(soak(tmp_path / "server", 20, more=f"module-directory: [{tmp_path}/modules]\n"))


def test_a_first_start_may_be_killed_anywhere(tmp_path, serve, connect):
    server = serve(more=CHEAP)
    server.stop()
    chance = random.Random(1)
    for _ in range(25):
        shutil.rmtree(server.folder / "state", ignore_errors=True)
        killed_while_it_starts(server, chance.uniform(0, 0.08))
    server.start()
    connect(server.plain).register("anna")
    assert "servers                  1\n" in server.ctl("services", "status")
    server.stop()


# --- the trace ---


class Traced(Server):
    def start(self, *wrap):
        self.trace = self.folder / "trace"
        super().start(*syscalls.STRACE, "-o", self.trace)


def can_trace():
    try:
        return subprocess.run(["strace", "-f", "-o", os.devnull, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def register_some(port, worker, n):
    for i in range(n):
        name = f"traced{'abcdefgh'[worker]}{i}x"
        irc = Irc(port)
        irc.send("CAP LS 302", f"NICK {name}", f"USER {name} 0 * :{name}", f"REGISTER {name} * {SECRET}")
        irc.expect(f"REGISTER SUCCESS {name}")
        irc.close()


def traced_names(folder, more=""):
    """Runs a server under strace, registers from several connections at once; the calls and the names."""
    # The leak checker cannot run beside strace.
    env = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}
    server = Traced(folder / "server", more=CHEAP + more, env=env)
    try:
        workers = [threading.Thread(target=register_some, args=(server.plain, w, 6)) for w in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        server.stop()
    finally:
        server.close()
    return syscalls.read(server.trace), [f"traced{w}{i}x" for w in "abcd" for i in range(6)]


@pytest.mark.skipif(not can_trace(), reason="strace is not here or may not trace")
def test_each_reply_leaves_after_its_sync(tmp_path):
    calls, names = traced_names(tmp_path)
    for name in names:
        syscalls.check_reply(calls, name)


def complaint_of(calls, name):
    try:
        syscalls.check_reply(calls, name)
    except AssertionError as error:
        return str(error)
    return None


@pytest.mark.skipif(not can_trace(), reason="strace is not here or may not trace")
@pytest.mark.parametrize("flag, complaint", [("MDB_NOSYNC", "pages were synced"), ("MDB_NOMETASYNC", "last page was synced")])
def test_the_trace_tells_a_store_that_does_not_sync(tmp_path, flag, complaint):
    class Careless(Variants):
        @staticmethod
        def edit(text):
            return text.replace("MDB_NOTLS", f"MDB_NOTLS | {flag}")

    Careless(tmp_path / "modules", ["store"]).install("store", 1)
    calls, names = traced_names(tmp_path, f"module-directory: [{tmp_path}/modules]\n")
    complaints = [c for c in (complaint_of(calls, name) for name in names) if c]
    assert complaints  # not of all: the next commit's sync may come in time for this one's last page
    assert all(complaint in c for c in complaints)


OPENED = '1 openat(AT_FDCWD</>, "/s/data.mdb", O_WRONLY|O_DSYNC) = 11</s/data.mdb>\n'
PAGES = '2 pwrite64(10</s/data.mdb>, "..ann..", 8, 0) = 8\n'
SYNC = "2 fdatasync(10</s/data.mdb>) = 0\n"
VALID = '2 pwrite64(11</s/data.mdb>, "root", 4, 0) = 4\n'
REPLY = '1 write(12<socket:[5]>, ":a REGISTER SUCCESS ann :b", 26) = 26\n'
TRACES = {
    "as it should be": (PAGES + SYNC + VALID + REPLY, None),
    "no sync": (PAGES + VALID + REPLY, "pages were synced"),
    "the sync fails": (PAGES + SYNC.replace("= 0", "= -1 EIO (Input/output error)") + VALID + REPLY, "pages were synced"),
    "a sync that was there before": (SYNC + PAGES + VALID + REPLY, "pages were synced"),
    "the reply comes first": (REPLY + PAGES + SYNC + VALID, "before it was written"),
    "the reply overtakes the last page": (PAGES + SYNC + REPLY + VALID, "was valid"),
    "the last page is only cached": (PAGES + SYNC + VALID.replace("11<", "10<") + REPLY, "last page was synced"),
    "the sync is still under way": (
        PAGES + "2 fdatasync(10</s/data.mdb> <unfinished ...>\n" + REPLY + "2 <... fdatasync resumed>) = 0\n" + VALID, "pages were synced"),
    "the sync ends in time": (
        PAGES + "2 fdatasync(10</s/data.mdb> <unfinished ...>\n" + "2 <... fdatasync resumed>) = 0\n" + VALID + REPLY, None),
}


@pytest.mark.parametrize("what", TRACES)
def test_a_trace_is_read_right(tmp_path, what):
    lines, complaint = TRACES[what]
    (tmp_path / "trace").write_text(OPENED + lines)
    calls = syscalls.read(tmp_path / "trace")
    if complaint is None:
        syscalls.check_reply(calls, "ann")
    else:
        with pytest.raises(AssertionError, match=complaint):
            syscalls.check_reply(calls, "ann")


# --- a backup, put back as modules/services/services.md says ---


def put_back(server, copy):
    """The commands of the manual, with this server's folder."""
    state = server.folder / "state"
    server.stop()
    subprocess.run(["mv", state, f"{state}.old"], check=True)
    subprocess.run(["cp", "-a", copy, state], check=True)
    server.start()


def fill_with_life(server, connect):
    a, b = connect(server.plain).register("anna", SECRET), connect(server.plain).register("bert", SECRET)
    a.send("JOIN #room", "TOPIC #room :what we talk about", "MODE #room +mk key", "CHANNEL REGISTER #room")
    a.expect("channel is registered to your")
    a.send("CHANNEL ACCESS #room ADD bert v", "MODE #room +b *!*@bad.example", "ACCOUNT CERTFP ADD " + "ab" * 32)
    a.expect("access list is changed")
    a.expect("logs you in from now on")
    server.ctl("oper", "add", "anna")
    server.ctl("account", "add", "carl", SECRET)
    b.send(f"ACCOUNT PASSWORD {SECRET} secret-2")
    b.expect("password is changed")
    a.sync()
    a.close()
    b.close()


def look_at_all(server, connect):
    a = connect(server.plain).login("anna", SECRET)
    b = connect(server.plain).login("bert", "secret-2")
    connect(server.plain).login("carl", SECRET)
    a.send("JOIN #room", "MODE #room", "MODE #room +b", "ACCOUNT INFO")
    a.expect(" 332 anna #room :what we talk about")
    a.expect(r" 353 anna . #room :[~@]*anna")
    a.expect(r" 324 anna #room \+[a-z]*m[a-z]* key")
    a.expect(r" 367 anna #room \*!\*@bad.example ")
    a.expect("Certificates: 1")
    b.send("JOIN #room key")
    b.expect(r" 353 bert . #room :.*\+bert")
    assert "anna" in server.ctl("oper", "list")


class Newcomers(threading.Thread):
    """Registers n0, n1, ... while the backup is made; `done` of them were reported so far."""

    def __init__(self, port):
        super().__init__()
        self.port, self.done, self.going = port, 0, True

    def run(self):
        while self.going:
            irc = Irc(self.port)
            irc.register(f"n{self.done}", SECRET)
            irc.close()
            self.done += 1


def is_there(server, name):
    irc = Irc(server.plain)
    irc.send(f"PASS {name}:{SECRET}", f"NICK {name}", f"USER {name} 0 * :{name}")
    there = " 001 " in irc.expect(" 001 | 464 ")
    irc.close()
    return there


def test_a_backup_is_put_back(tmp_path, serve, connect):
    server, copy = serve(more=CHEAP), tmp_path / "monday"
    fill_with_life(server, connect)
    newcomers = Newcomers(server.plain)
    newcomers.start()
    while newcomers.done < 5:
        newcomers.join(0.01)
    least = newcomers.done
    server.ctl("backup", str(copy))
    newcomers.going = False
    newcomers.join()
    connect(server.plain).register("dora", SECRET)  # too late for the backup
    certificate = (server.folder / "state" / "tls.crt").read_bytes()
    put_back(server, copy)
    assert (server.folder / "state" / "tls.crt").read_bytes() == certificate
    look_at_all(server, connect)
    wait_for(lambda: any("the database was put back or copied" in line for line in server.err), "a line in the log")
    found = [is_there(server, f"n{i}") for i in range(newcomers.done)]
    assert all(found[:least])
    assert found == sorted(found, reverse=True)  # one moment's image: none without those before it
    assert not is_there(server, "dora")
    connect(server.plain).register("dora", SECRET)
    server.stop()
    server.start()
    assert not any("new life" in line for line in server.err)
    look_at_all(server, connect)
    assert is_there(server, "dora")


def test_all_is_lost_but_the_backup(tmp_path, serve, connect):
    server, copy = serve(more=CHEAP), tmp_path / "monday"
    fill_with_life(server, connect)
    server.ctl("backup", str(copy))
    server.kill()
    shutil.rmtree(server.folder / "state")
    shutil.copytree(copy, server.folder / "state")
    server.start()
    look_at_all(server, connect)


def test_a_backup_needs_a_new_folder(tmp_path, serve):
    server = serve()
    (tmp_path / "there").mkdir()
    for path in (str(tmp_path / "there"), str(tmp_path / "no" / "where"), "relative"):
        assert server.ctl("backup", path, check=False) == ""
    assert os.listdir(tmp_path / "there") == []
    server.ctl("backup", str(tmp_path / "new"))
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    for file in (tmp_path / "new").rglob("*"):
        assert file.stat().st_mode & 0o077 == 0, f"{file} can be read by others"


# --- as text, to another network ---


def test_another_network_takes_all_from_a_text(serve, connect):
    old, new = serve("old", more=CHEAP), serve("new", more=CHEAP, name="new.example.org")
    fill_with_life(old, connect)
    old.ctl("ban", "add", "dora", "never", "no")
    old.ctl("services", "export", "all.yaml")
    text = old.folder / "state" / "all.yaml"
    assert text.stat().st_mode & 0o777 == 0o600 and SECRET not in text.read_text()
    shutil.copy(text, new.folder / "state" / "all.yaml")
    dora = connect(new.plain)
    dora.register("dora", SECRET)  # logged in before the ban is there
    assert "would import 3 accounts, 1 channel, 1 ban, 1 grant" in new.ctl("services", "import", "all.yaml", "--dry-run")
    new.ctl("services", "import", "all.yaml")
    dora.expect("ERROR :")
    look_at_all(new, connect)
    old_status, new_status = old.ctl("services", "status"), new.ctl("services", "status")
    for what in ("channels", "bans", "grants"):
        assert [line for line in old_status.splitlines() if line.startswith(f"{what} ")][0] in new_status
