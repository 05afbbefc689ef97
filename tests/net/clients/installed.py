"""Servers that run from an installation, which is replaced while they are down: other programs and modules on disk, of another version."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from fleet import Fleet
from live import BUILD
from variants import SRC, Variants

LEAN = ["message", "redirect"]


def first(folder):
    """What was built."""
    make("install", f"DESTDIR={folder}")
    return folder


def second(folder, installation):
    """The same with another program and some other modules; for as little time as possible."""
    shutil.copytree(installation, folder)
    make("tests/net/godwit-next")
    shutil.copy(BUILD / "tests" / "net" / "godwit-next", program(folder))
    variants = Variants(f"{folder}-modules", LEAN)
    for name in LEAN:
        shutil.copy(variants.path(name, 1), modules(folder) / f"{name}.so")
    return folder


def rebuilt(folder, tell=print):
    """All of it, of another version, built from the sources by what the README says."""
    sources = folder / "sources"
    tell(f"building {sources}/build-next")
    shutil.copytree(SRC, sources, symlinks=True, ignore=unneeded)
    for file in sources.glob("modules/*/*.c"):
        edit(file, r'(\.version = "[^"]*)', r"\g<1>-next")
    run("autoreconf", "-i", cwd=sources)
    said = re.search(r"^```sh\n(mkdir build-next .*?)^```$", (SRC / "README.md").read_text(encoding="utf-8"), re.M | re.S)[1]
    run("sh", "-e", "-c", f"export MAKEFLAGS=-j{os.cpu_count()}; {said}", cwd=sources)
    run("make", "-s", "-C", sources / "build-next", "install", f"DESTDIR={folder}/installed")
    return folder / "installed"


def unneeded(where, names):
    """Not copied: the history, and whatever was built."""
    return {name for name in names if name in (".git", "autom4te.cache") or (pathlib.Path(where) / name / "config.status").exists()}


def edit(file, old, new):
    file.write_text(re.sub(old, new, file.read_text(encoding="utf-8")), encoding="utf-8")


def make(*words):
    """In the build folder; make cannot work below a path with spaces and the like, which that of a checkout may have."""
    with tempfile.TemporaryDirectory(prefix="godwit-make-") as folder:
        source, build = pathlib.Path(folder) / "source", BUILD.resolve()
        source.symlink_to(SRC.resolve())
        if build.is_relative_to(SRC.resolve()):
            build = source / build.relative_to(SRC.resolve())
        run("sh", "-c", 'cd "$0" && exec make -s "$@"', build, *words)


def run(*command, **settings):
    env = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=env, **settings)
    assert done.returncode == 0, done.stdout + done.stderr


def program(installation):
    return next(pathlib.Path(installation).glob("**/sbin/godwit"))


def modules(installation):
    return next(pathlib.Path(installation).glob("**/lib/godwit/modules"))


def version(installation):
    return subprocess.run([program(installation), "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]


class Installation:
    """What one server runs from, by whatever prefix it was configured: `folder` is replaced as a whole, by renaming."""

    def __init__(self, folder, source):
        self.folder = pathlib.Path(folder)
        self.put(source, self.folder)

    @staticmethod
    def put(source, folder):
        folder.mkdir(parents=True)
        shutil.copy(program(source), folder / "godwit")
        shutil.copytree(modules(source), folder / "modules")

    def replace(self, source):
        new, old = self.folder.with_suffix(".new"), self.folder.with_suffix(".old")
        self.put(source, new)
        self.folder.rename(old)
        new.rename(self.folder)
        shutil.rmtree(old)


class InstalledFleet(Fleet):
    """A Fleet whose servers each run from an installation of their own. `first` is what they begin with."""

    def __init__(self, folder, pairs, first, **settings):
        self.first, self.installations = first, {}
        super().__init__(folder, pairs, **settings)

    def _make(self, name, modules_, link, more, env, small):
        super()._make(name, modules_, link, more, env, small)
        self.installations[name] = Installation(self.folder / f"installed-{name}", self.first)
        self.servers[name].program = self.installations[name].folder / "godwit"
