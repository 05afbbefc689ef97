"""Builds modules anew with another version, as an admin who replaces one does: into a folder from which the server loads."""

import os
import pathlib
import re
import shlex
import subprocess

BUILD = pathlib.Path(os.environ["GODWIT_BUILD"])
SRC = pathlib.Path(os.environ.get("GODWIT_SRC", pathlib.Path(__file__).resolve().parents[2]))


class Variants:
    """The modules in a folder of their own, each as built and in a second build that calls itself another version."""

    def __init__(self, folder, names):
        self.folder = pathlib.Path(folder)
        self.work = self.folder / "work"
        self.work.mkdir(parents=True)
        self.names = names
        # A make that runs this would have its own say on what is printed.
        env = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
        flags = subprocess.run(
            ["make", "-s", "-C", str(BUILD), "module-flags"], capture_output=True, text=True, check=True, env=env
        ).stdout.splitlines()
        self.cc, self.compile, self.link = (shlex.split(line) for line in flags[-3:])
        for name in names:
            self._build(name)
            self.install(name, 0)

    def add(self, source):
        """A module that is no part of the server."""
        subprocess.run([*self.cc, *self.compile, "-O0", "-w", "-fPIC", "-shared", "-o", str(self.folder / f"{source.stem}.so"), str(source), *self.link],
                       cwd=BUILD, check=True)

    def _build(self, name):
        """The module's sources with the version changed, compiled in one go."""
        source = SRC / "modules" / name
        copy = self.work / "src" / name
        copy.mkdir(parents=True)
        for file in source.glob("*.[ch]"):
            (copy / file.name).write_text(self.edit(file.read_text(encoding="utf-8")), encoding="utf-8")
        # The flags name the tree relative to the build folder.
        subprocess.run(
            [*self.cc, *self.compile, "-O0", "-w", "-fPIC", "-shared", "-o", str(self.work / f"{name}.1.so"),
             *map(str, sorted(copy.glob("*.c"))), *self.link],
            cwd=BUILD, check=True,
        )
        built = BUILD / "modules" / name / ".libs" / f"{name}.so"
        (self.work / f"{name}.0.so").write_bytes(built.read_bytes())

    @staticmethod
    def edit(text):
        return re.sub(r'(\.version = "[^"]*)"', r'\1-next"', text)

    def path(self, name, which):
        return self.work / f"{name}.{which}.so"

    def install(self, name, which):
        """Puts build 0 or 1 (or any file) in place, by renaming, as an installer must."""
        new = self.folder / f".{name}.new"
        source = which if isinstance(which, pathlib.Path) else self.path(name, which)
        new.write_bytes(source.read_bytes())
        new.rename(self.folder / f"{name}.so")
