"""Reads what `strace -f -y` wrote of a server: whether each reply left after the sync of the commit that holds it."""

import re

# -D: the server is our own child, as without strace. -s: whole pages, as account names are looked for in them.
STRACE = ["strace", "-D", "-f", "-y", "-s", "1000000", "-e", "signal=none", "-e",
          "trace=openat,close,fdatasync,fsync,msync,write,writev,sendto,sendmsg,pwrite64,pwritev,pwritev2"]
CALL = re.compile(r"(\w+)\((\d+)<([^>]*)>(.*)", re.S)
DATA = "/data.mdb"


class Call:
    """A system call on a descriptor; `began` and `ended` are numbers of lines (`ended` None: never)."""

    def __init__(self, began, name, fd, path, text):
        self.began, self.ended = began, None
        self.name, self.fd, self.path, self.text = name, fd, path, text
        self.failed = False
        self.through = False  # the file was opened so that a write is synced when it returns

    def end(self, number, text):
        self.ended, self.text = number, self.text + text
        self.failed = re.search(r"= -\d+ E[A-Z]+ \(", text) is not None

    def before(self, other):
        return self.ended is not None and not self.failed and self.ended < other.began

    @property
    def writes(self):
        return "write" in self.name or "send" in self.name


def read(path):
    """All calls on descriptors, by their beginning."""
    calls, open_ones, through = [], {}, set()
    for number, line in enumerate(open(path, encoding="utf-8", errors="replace")):
        pid, text = line.split(None, 1)
        resumed = re.match(r"<\.\.\. (\w+) resumed>(.*)", text, re.S)
        if resumed:
            call = open_ones.pop(pid, None)
            if call is not None:
                call.end(number, resumed[2])
            continue
        opened = re.match(r'openat\(.*O_D?SYNC.* = (\d+)<', text)
        if opened:
            through.add(opened[1])
        found = CALL.match(text)
        if not found:
            continue
        if found[1] == "close":
            through.discard(found[2])
            continue
        call = Call(number, *found.groups())
        call.through = call.fd in through
        calls.append(call)
        if "<unfinished ...>" in text:
            open_ones[pid] = call
        else:
            call.end(number, "")
            call.failed = re.search(r"= -\d+ E[A-Z]+ \(", text) is not None
    return calls


def check_reply(calls, name):
    """
    LMDB writes a commit's pages, syncs them, and then writes the page that makes them valid, which must be synced as well before the
    reply's first byte is handed to the system.
    """
    word = re.compile(rf"REGISTER SUCCESS {name} ")
    replies = [c for c in calls if c.writes and "socket:" in c.path and word.search(c.text)]
    assert replies, f"no reply about {name}"
    reply = replies[0]
    data = [c for c in calls if c.path.endswith(DATA) and c.before(reply)]
    pages = next((c for c in data if c.writes and not c.through and name in c.text), None)
    assert pages is not None, f"{name} was told before it was written"
    sync = next((c for c in data if c.name in ("fdatasync", "fsync", "msync") and pages.before(c)), None)
    assert sync is not None, f"{name} was told before its pages were synced"
    valid = next((c for c in data if c.writes and sync.before(c)), None)
    assert valid is not None, f"{name} was told before its commit was valid"
    last = valid if valid.through else next((c for c in data if c.name in ("fdatasync", "fsync", "msync") and valid.before(c)), None)
    assert last is not None, f"{name} was told before its commit's last page was synced"
