"""Somebody who has never seen this tree follows the guide for authors of modules, doc/modules.md, from its first line to its last: with the
files that are installed, pkg-config, compilers, and what the page says to type.

Its blocks, all of which are used: `console` and `irc` as in test_docs.py, typed in one shell; `diff` (given to patch), `c FILE` and `yaml FILE`
(written to that file). What was changed is compiled, with each compiler and no warning, before the next command is typed. run-all: beside
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest
from live import SECONDS, Irc, free_port
from pages import Reader, every_block

SRC = pathlib.Path(os.environ["GODWIT_SRC"])
BUILD = pathlib.Path(os.environ["GODWIT_BUILD"])
GUIDE = SRC / "doc" / "modules.md"
STRICT = "-std=gnu11 -Wall -Wextra -Wshadow -Wstrict-prototypes -Werror -fPIC -fvisibility=hidden -c -o /dev/null".split()
COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)]
RELOADED = 2.0  # seconds within which an edited module is built and reloaded
END = "--that was it--"


def installed(folder):
    """Godwit below a folder, as if it had been configured with that --prefix; returns the environment of who uses it."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("GODWIT", "MAKE"))}
    done = subprocess.run(["make", "-s", "-C", BUILD, "install", f"DESTDIR={folder}"], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    descriptions = list(folder.rglob("godwit*.pc"))
    for file in descriptions:
        file.write_text(re.sub(r"^prefix=", f"prefix={folder}", file.read_text(), flags=re.M))
    prefix = descriptions[0].parent.parent.parent
    built_by = re.search(r"^CC = (\S+)", (BUILD / "Makefile").read_text(), re.M).group(1)  # a sanitizer is that compiler's
    return {**env, "PATH": f"{prefix}/sbin:{prefix}/bin:{env['PATH']}", "PKG_CONFIG_PATH": str(descriptions[0].parent), "CC": built_by,
            "HOME": str(folder), "LC_ALL": "C.UTF-8"}


class Stranger(Reader):
    """One shell, in which all is typed, and what the page has written so far."""

    def __init__(self, folder, env):
        super().__init__()
        self.port, self.env = free_port(), env
        self.changed = set()
        self.shell = subprocess.Popen(["bash"], cwd=folder, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                      text=True, start_new_session=True)

    def port_of(self, server):
        return self.port

    def own_ports(self, text):
        return text.replace("6667", str(self.port))

    def type(self, command):
        """What stays is over with its line "ready"."""
        began = time.monotonic()
        self.shell.stdin.write(f"{{ {command}\n}} </dev/null\necho '{END}'\n")
        self.shell.stdin.flush()
        lines, missing = [], {END, "ready"} if command.endswith("&") else {END}
        while missing:
            line = self.shell.stdout.readline()
            assert line, f"the shell ended at: {command}\n" + "\n".join(lines)
            missing.discard(line.split()[0] if line.split() else "")
            missing.discard(line.rstrip("\n"))
            if line != f"{END}\n":
                lines.append(line.rstrip("\n"))
        if command.startswith("make -s && godwitctl module reload"):
            assert time.monotonic() - began < RELOADED
        return lines

    def place(self):
        return pathlib.Path(self.type("pwd")[0])

    # --- The blocks ---

    def console(self, lines):
        self.compile()
        super().console(lines)

    def write(self, name, lines):
        (self.place() / name).write_text(self.own_ports("\n".join(lines)) + "\n")
        self.changed.add(name)

    def diff(self, lines):
        name = re.fullmatch(r"--- (\S+)", lines[0]).group(1)
        assert lines[1] == f"+++ {name}"
        done = subprocess.run(["patch", "-s", "--fuzz=0", "--no-backup-if-mismatch"], cwd=self.place(), input="\n".join(lines) + "\n", text=True,
                              capture_output=True)
        assert done.returncode == 0, done.stdout + done.stderr + "\n".join(lines)
        self.changed.add(name)

    def compile(self):
        folder = self.place()
        kit = subprocess.run(["pkg-config", "--cflags", "godwit-testkit"], env=self.env, capture_output=True, text=True).stdout.split()
        runs = [subprocess.Popen([compiler, *STRICT, *kit, name], cwd=folder, env=self.env, stderr=subprocess.PIPE, text=True)
                for name in sorted(self.changed) if name.endswith(".c") for compiler in COMPILERS]
        self.changed.clear()
        for run in runs:
            complaint = run.communicate()[1]
            assert run.returncode == 0, complaint

    def use(self, kind, lines):
        """Does what a block is there for."""
        word, _, name = kind.partition(" ")
        if kind in ("console", "irc", "diff"):
            getattr(self, kind)(lines)
        else:
            assert word in ("c", "yaml") and name, f"a block of unknown kind: {kind}"
            self.write(name, lines)

    def close(self):
        super().close()
        os.killpg(self.shell.pid, signal.SIGTERM)
        self.shell.stdin.close()
        self.shell.wait(SECONDS)


@pytest.fixture
def stranger(tmp_path):
    (tmp_path / "work").mkdir()
    stranger = Stranger(tmp_path / "work", installed(tmp_path / "root"))
    yield stranger
    stranger.close()


def test_the_guide_leads_from_nothing_to_a_module(stranger):
    used = 0
    for kind, lines in every_block(GUIDE):
        stranger.use(kind, lines)
        used += 2
    marks = re.findall(r"^ *(?:```|~~~)", GUIDE.read_text(), re.M)
    assert used == len(marks), "a block of the guide was left out"


WRONG = [
    ("c a.c", ["int f(void)", "{", "\treturn g();", "}"]),
    ("diff", ["--- b.txt", "+++ b.txt", "@@ -1 +1 @@", "-one", "+three"]),
    ("console", ["$ echo one", "two"]),
    ("text", ["one"]),
]


@pytest.mark.parametrize("kind, lines", WRONG, ids=lambda value: value.split()[0] if isinstance(value, str) else "")
def test_what_is_wrong_in_a_page_is_noticed(tmp_path, kind, lines):
    stranger = Stranger(tmp_path, {**os.environ, "PKG_CONFIG_PATH": str(BUILD)})
    try:
        stranger.write("b.txt", ["two"])
        stranger.changed.clear()
        with pytest.raises(AssertionError):
            stranger.use(kind, lines)
            stranger.compile()
    finally:
        stranger.close()
