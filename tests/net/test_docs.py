"""What the documents say is so: every example runs and gives what is printed beside it, every option, command and capability is described
as the program has it.

Blocks of the pages are told apart by their language: `console` (a line with "$ " is typed, what follows is its output), `irc` (NAME> is sent, NAME< is
received by that client, in this order; NAME@SERVER says once where it connects, also to the agent, else to one), `machines` (MACHINE$ is typed on that machine), `irssi` and
`weechat` (typed into these clients), `yaml` (a configuration), `sh` (run by other tests),
`form` (what services import reads). In outputs "..." stands for anything, on a line of its own
for any lines. Ports are those of the test's servers. The guide for authors of modules is followed by test_guide.py. run-all: beside
"""

import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import textwrap

import pytest
from live import ALL, SECONDS, Irc, free_port, free_ports
from pages import Reader, blocks, manual_blocks, same
from test_clients import Irssi, WeeChat, weechat_knows_tls

SRC = pathlib.Path(os.environ["GODWIT_SRC"])
BUILD = pathlib.Path(os.environ["GODWIT_BUILD"])
MODULES = sorted(f.name for f in (SRC / "modules").iterdir() if f.is_dir())
INSTEAD = {"even": "fill"}  # of two that provide the same interface only one is loaded
NOT_LISTED = {*INSTEAD.values(), "agent", "metrics"}  # by the example of a server's configuration
NO_PORT = "metrics: {port: 0}\n"  # others may have the usual one
ALONE = "agent"  # not beside others: it has commands of its own for what they call the same
USUAL = [name for name in MODULES if name not in (ALONE, *INSTEAD.values())]
README = SRC / "README.md"
GUIDE = SRC / "doc" / "modules.md"  # followed by test_guide.py
PAGES = [README, *sorted((SRC / "doc").glob("*.md"))]
MANUALS = sorted((SRC / "doc").glob("*.[1-9]"))


# --- A folder in which the examples are typed ---


class Desk(Reader):
    """A folder that looks like a checkout with a build in it, the servers that run there, and their clients."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder
        self.port = free_ports((-7, 0, 30, 60))
        self.env = {**os.environ, "GODWIT_RUN_DIR": str(folder / "build" / "run"), "GODWIT_PORT_BASE": str(self.port),
                    "PATH": f"{BUILD}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}
        self.env.pop("MAKEFLAGS", None)
        self.running, self.desks = [], {}
        (folder / "build" / "run").mkdir(parents=True)
        for name in ("README.md", "bootstrap", "conf", "doc", "include", "modules"):
            (folder / name).symlink_to(SRC / name)
        for item in BUILD.iterdir():
            if item.name != "run":
                (folder / "build" / item.name).symlink_to(item)
        (folder / "mistake.yaml").write_text(
            "server: a.example\nstate-directory: state\nmodules: [client, network]\nclient:\n  sendq: 1k\n")
        (folder / "godwit.yaml").write_text(
            f"server: one.godwit.test\nstate-directory: state\nmodules: [{ALL}]\nlisten:\n"
            f"  - {{address: '127.0.0.1:{self.port}', tls: no}}\n  - {{address: '127.0.0.1:{self.port + 30}'}}\n")

    def own_ports(self, text):
        return re.sub(r"\b6(660|66[7-9]|69[7-9])\b", lambda found: str(int(found[0]) - 6667 + self.port), text)

    def start(self, command):
        """Something that stays; its lines up to the one that begins with "ready"."""
        log = open(self.folder / "log", "a+b")
        process = subprocess.Popen(command, cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=log, text=True)
        self.running.append(process)
        lines = []
        while not (lines and lines[-1].startswith("ready")):
            line = process.stdout.readline()
            assert line, f"{command} ended:\n" + (self.folder / "log").read_text()
            lines.append(line.rstrip("\n"))
        return lines

    def bootstrap(self):
        """In the checkout when its build is the one under test; else what it comes to in the end."""
        if (SRC / "build").resolve() == BUILD.resolve():
            return self.start([SRC / "bootstrap", "run"])
        return self.start([SRC / "conf" / "run-demo", BUILD, self.folder / "build" / "run", str(self.port)])

    def type(self, command):
        if command == "./bootstrap run":
            return self.bootstrap()
        if command.endswith(" &"):
            return self.start(shlex.split(command[:-2]))
        # The folder's build is a row of links, which make would not find its way back through.
        command = command.replace("-C build", f"-C '{BUILD}'") if command.endswith("-C build") else command
        done = subprocess.run(["bash", "-c", command], cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
        if "server stop" in command:
            assert self.running.pop().wait(SECONDS) == 0
        return done.stdout.splitlines()

    def port_of(self, server):
        return self.port + {"one": 0, "two": 1, "three": 2, "agent": -7}[server]

    def machines(self, lines):
        """Types what stands behind NAME$ on that machine, which is made when it is first named."""
        commands = [i for i, line in enumerate(lines) if re.match(r"\w+\$ ", line)]
        assert commands and commands[0] == 0, f"a block of machines begins with a command:\n{lines}"
        for i, end in zip(commands, commands[1:] + [len(lines)]):
            name, command = lines[i].split("$ ", 1)
            if name not in self.desks:
                self.desks[name] = Machine(self.folder / name, name, self)
            got = [self.public(line) for line in self.desks[name].type(self.private(command))]
            expected = lines[i + 1:end]
            assert same(expected, got), f"{lines[i]}\n" + "\n".join(got) + "\n--- expected ---\n" + "\n".join(expected)

    def private(self, text):
        """The page's keys and addresses as those of the test's machines."""
        for name, machine in self.desks.items():
            text = text.replace(f"KEY-OF-{name.upper()}", machine.key()).replace(f"{name}.example.net:6900", f"127.0.0.1:{machine.link}")
        return text

    def public(self, text):
        for name, machine in self.desks.items():
            text = text.replace(machine.key(), f"KEY-OF-{name.upper()}").replace(f"127.0.0.1:{machine.link}", f"{name}.example.net:6900")
        return text

    def close(self):
        for machine in self.desks.values():
            machine.close()
        super().close()
        for process in self.running:
            process.terminate()
            process.wait(SECONDS)


class Machine:
    """One of the README's three: its configuration with ports of the test, `godwit` and `godwitctl` as they are called there."""

    start = Desk.start

    def __init__(self, folder, name, desk):
        self.folder, self.running = folder, []
        self.link = free_port()
        text = next("\n".join(lines) + "\n" for _, lines in blocks(README, "yaml") if "server: one.example.net" in lines)
        text = text.replace("one.example.net:6900", f"127.0.0.1:{self.link}").replace("one.example.net", f"{name}.example.net")
        text = text.replace("[::]:6697", f"127.0.0.1:{free_port()}").replace("[::]:6900", f"127.0.0.1:{self.link}")
        (folder / "bin").mkdir(parents=True)
        (folder / "godwit.yaml").write_text(text + "state-directory: state\n")
        self.script("godwit", f'exec "{BUILD}/godwit" -c "{folder}/godwit.yaml" "$@"')
        self.script("godwitctl", f'exec "{BUILD}/godwitctl" --socket "{folder}/state/control.sock" "$@"')
        self.env = {**desk.env, "PATH": f"{folder}/bin:{os.environ['PATH']}"}

    def script(self, name, line):
        (self.folder / "bin" / name).write_text(f"#!/bin/sh\n{line}\n")
        (self.folder / "bin" / name).chmod(0o755)

    def key(self):
        found = (self.folder / "key")
        if not found.exists():
            found.write_text(subprocess.run([self.folder / "bin" / "godwit", "keygen"], capture_output=True, text=True).stdout.split("\n")[0])
        return found.read_text()

    def type(self, command):
        if command.endswith(" &"):
            words = shlex.split(command[:-2])
            return self.start([self.folder / "bin" / words[0], *words[1:]])
        done = subprocess.run(["bash", "-c", command], cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    def close(self):
        for process in self.running:
            process.terminate()
            process.wait(SECONDS)


@pytest.fixture
def desk(tmp_path):
    desk = Desk(tmp_path)
    yield desk
    desk.close()


# --- The examples ---


def test_the_readme_does_what_it_says(desk):
    for language, lines in examples(README):
        getattr(desk, language)(lines)


def examples(page):
    if page.suffix == ".md":
        return list(blocks(page, "console", "irc", "machines"))
    return [("console", lines) for lines in manual_blocks(page) if lines[0].startswith("$ ")]


@pytest.mark.parametrize("page", [page for page in PAGES[1:] + MANUALS if page != GUIDE and examples(page)], ids=lambda page: page.name)
def test_examples_of_the_other_pages(desk, page):
    if page.name == "godwit.8":  # starts its own
        desk.env["GODWIT_SOCKET"] = str(desk.folder / "state" / "control.sock")
    else:
        desk.bootstrap()
    for language, lines in examples(page):
        getattr(desk, language)(lines)


def configurations():
    for page in PAGES:
        for _, lines in blocks(page, "yaml"):
            yield page.name, "\n".join(lines) + "\n"
    for page in MANUALS:
        for lines in manual_blocks(page):
            if lines[0].startswith("server:"):
                yield page.name, "\n".join(lines) + "\n"


@pytest.mark.parametrize("page, text", configurations())
def test_configurations_of_the_pages_are_taken(tmp_path, page, text):
    (tmp_path / "godwit.yaml").write_text(text)
    done = subprocess.run([BUILD / "godwit", "-t", "-c", "godwit.yaml"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), page


@pytest.mark.skipif(not all(map(shutil.which, ("irssi", "tmux"))), reason="irssi or tmux is missing")
def test_the_readable_form_is_as_its_page_shows_it(serve):
    [text] = ["\n".join(lines) + "\n" for _, lines in blocks(SRC / "modules" / "services" / "services.md", "form")]
    server = serve()
    (server.folder / "state" / "in.yaml").write_text(text)
    assert "imported 2 accounts, 1 channel, 1 ban, 1 grant" in server.ctl("services", "import", "in.yaml")
    server.ctl("services", "export", "out.yaml")
    assert re.sub(r" +# .*", "", text) in (server.folder / "state" / "out.yaml").read_text()


def test_the_first_chat_with_irssi(desk, tmp_path):
    desk.bootstrap()
    first, later = (lines for _, lines in blocks(README, "irssi"))
    for number, lines in enumerate((first, later)):
        irssi = Irssi(tmp_path / f"irssi{number}")
        try:
            irssi.type("/set nick anna")
            for line in lines:
                if line.startswith("/quote REGISTER"):
                    irssi.sees("/quote REGISTER * *")
                if line.startswith("/join"):
                    irssi.sees("Welcome to the Godwit network")
                if not line.startswith("/"):
                    irssi.sees("[@anna]")
                irssi.type(desk.own_ports(line))
            irssi.sees(f"<@anna> {lines[-1]}")
        finally:
            irssi.close()


@pytest.mark.skipif(not shutil.which("weechat-headless"), reason="weechat-headless is missing")
def test_the_first_chat_with_weechat(desk, tmp_path):
    desk.bootstrap()
    listener = Irc(desk.port).register("anna")
    listener.send("JOIN #flyway")
    first, later = (lines for _, lines in blocks(README, "weechat"))
    weechat = WeeChat(tmp_path / "weechat", "/set irc.server_default.nicks willi")
    try:
        for line in map(desk.own_ports, first):
            if weechat_knows_tls() and line.startswith("/server add"):
                line += " -notls"
            if line.startswith("/quote"):
                weechat.sees("/quote REGISTER * *")
            if line.startswith("/join"):
                weechat.sees("Welcome to the Godwit network")
            if line.startswith("/"):
                weechat.type("irc.server.godwit" if "server add" not in line and "connect" not in line else "core.weechat", line)
            else:
                listener.expect(r"^:willi!\S+ JOIN #flyway")
                weechat.sees("has joined #flyway")  # the buffer is there
                weechat.type("irc.godwit.#flyway", line)
        listener.expect(rf"^:willi!\S+ PRIVMSG #flyway :{first[-1]}$")
        for line in map(desk.own_ports, later):
            weechat.type("core.weechat", line.replace(".ssl", ".tls") if weechat_knows_tls() else line)
        listener.expect(r"^:willi!\S+ QUIT")
        listener.expect(r"^:willi!\S+ JOIN #flyway")
        listener.send("WHOIS willi")
        listener.expect(r" 671 anna willi ")
    finally:
        weechat.close()
        listener.close()


def test_make_targets_and_options_of_configure_are_there():
    text = README.read_text()
    targets = set(re.findall(r"`make ([a-z-]+)`", text)) | set(re.findall(r"^make ([a-z][a-z-]*)", text, re.M))
    assert "check" in targets and "soak" in targets
    known = subprocess.run(["make", "-qp", "-C", BUILD], capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}).stdout
    for target in targets:
        assert re.search(rf"^{target}:", known, re.M), target
    told = subprocess.run([SRC / "configure", "--help"], capture_output=True, text=True).stdout
    for option in set(re.findall(r"(--enable-[a-z-]+)", text)):
        assert option in told, option


def anchors(page):
    """What links within a page may lead to: its headings, as browsers of Markdown name them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.*)$", text, re.M)}


def test_links_lead_somewhere():
    for page in PAGES:
        inside = set(re.findall(r"\]\(#([^)]+)\)", page.read_text()))
        assert inside <= anchors(page), f"{page.name}: {inside - anchors(page)}"
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


# --- Options ---


class Option:
    def __init__(self, line):
        self.name, self.type, self.default, self.limits, self.help = line.split("\t")
        self.section, _, self.key = self.name.rpartition(".")
        if self.name == "state-directory":
            self.default = "/var/lib/godwit"  # follows configure's --localstatedir


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    config = tmp_path_factory.mktemp("options") / "all.yaml"
    found = {}
    for modules in (USUAL, [INSTEAD.get(name, name) for name in USUAL], [ALONE, "control"]):
        config.write_text(f"server: a.example\nmodules: [{', '.join(modules)}]\n")
        told = subprocess.run([BUILD / "godwit", "--options", "-c", config], capture_output=True, text=True, check=True).stdout
        found.update({option.name: option for option in map(Option, told.splitlines())})
    return found


def manual_options(text):
    """name -> the lines of its item, from godwit.yaml.5."""
    found, section = {}, None
    for part in re.split(r"^(?=\.(?:Ss|Sh|It|El)\b)", text, flags=re.M):
        head, _, body = part.partition("\n")
        if head.startswith((".Ss", ".Sh")):
            section = head[4:]
        item = re.fullmatch(r"\.It Ic (\S+) Pq Em (\w+)", head)
        if item:
            name = item.group(1) if section == "Top level" else f"{section}.{item.group(1)}"
            assert name not in found, f"{name} stands there twice"
            found[name] = (item.group(2), " ".join(body.split()))
    return found


def test_the_manual_has_every_option_as_it_is(options):
    described = manual_options((SRC / "doc" / "godwit.yaml.5").read_text())
    assert described.keys() == options.keys()
    for name, option in options.items():
        default = {"required": "Must be given.", "-": "No default."}.get(option.default, f"Default: {option.default}.")
        limits = "" if option.limits == "-" else f" Limits: {option.limits}."
        kind, text = described[name]
        assert kind == option.type, name
        assert text.startswith(f"{option.help} {default}{limits}"), f"{name}: {text}"


def example_options(text):
    """name -> (commented out, value, the comment above), from conf/godwit.yaml."""
    found, section, comment = {}, "", []
    for line in text.splitlines():
        item = re.fullmatch(r"(#?)([ -]*)([a-z0-9_-]+):(?: (.*))?", line)
        if not item:
            note = re.fullmatch(r"#? *# (.*)", line)
            comment = comment + [note.group(1)] if note else []
            continue
        out, indent, key, value = item.groups()
        inner = re.fullmatch(r" *#([a-z0-9-]+): (.*)", line)
        if not indent and value is None:
            section, comment = key, []
            continue
        if not indent:
            section = ""
        name = f"{section}.{key}" if section else key
        found.setdefault(name, (bool(out or inner), value, " ".join(comment)))
        comment = []
    return found


def test_the_example_has_every_option_at_its_default(options):
    text = (SRC / "conf" / "godwit.yaml").read_text()
    described = example_options(re.sub(r"^( +)#(?=[a-z])", r"#\1", text, flags=re.M))
    described.pop("log.levels")  # a block of any modules' names
    assert described.keys() == options.keys()
    for name, option in options.items():
        out, value, comment = described[name]
        limits = {"text": " bytes", "path": " bytes", "list": " items"}.get(option.type, "")
        limits = "" if option.limits == "-" else f" ({option.limits}{limits})"
        assert comment.startswith(f"{option.help}{limits}"), f"{name}: {comment}"
        if option.section in NOT_LISTED:
            assert out and option.default in (value, "-"), f"{name}: {value}"
        elif option.default == "-" and name not in ("modules", "server"):
            assert out, f"{name} has no default"
        elif option.default not in ("required", "-") and name != "listen.tls":
            assert not out and value.strip('[]"') == option.default.strip("[]"), f"{name}: {value}"


def test_each_module_has_a_page_with_its_options(options):
    for name in MODULES:
        page = (SRC / "modules" / name / f"{name}.md").read_text()
        for option in options.values():
            if option.section == name:
                assert f"`{option.key}`" in page, f"{option.name} is not in {name}.md"


# --- Commands, capabilities ---


def test_the_readme_has_what_each_module_brings(serve):
    server, alone = serve(modules=", ".join(USUAL), more=NO_PORT), serve("alone", modules=f"network, client, {ALONE}, control")
    rows = re.findall(r"^\| \[(\w+)\]\(\S+\) \| [^|]* \| ([^|]*)\| ([^|]*)\|$", README.read_text(), re.M)
    assert sorted(row[0] for row in rows) == MODULES
    for name, commands, caps in rows:
        for old in (old for old, new in INSTEAD.items() if new == name):
            server.ctl("module", "unload", old)
            server.ctl("module", "load", name)
        info = json.loads((alone if name == ALONE else server).ctl("module", "info", name, "--json"))
        for point, cell in (("client.command", commands), ("client.cap", caps)):
            assert cell.split() == [row["value"] for row in info if row["key"] == point], f"{name}, {point}"


def test_the_manual_has_every_command_as_it_is(serve):
    told = []
    for modules, more in ((", ".join(USUAL), NO_PORT), (f"network, client, {ALONE}, control", "")):
        told += [row for row in json.loads(serve(modules[:7], modules=modules, more=more).ctl("help", "--json")) if row not in told]
    text = (SRC / "doc" / "godwitctl.1").read_text()
    items = {head: " ".join(body.split()) for head, body in re.findall(r"^\.It Ic (.*)\n((?:(?!\.It|\.El).*\n)*)", text, re.M)}
    heads = {row["command"] + (f" No {row['arguments']}" if row["arguments"] else ""): row for row in told}
    assert items.keys() == heads.keys()
    for head, row in heads.items():
        privilege = f"Privilege: {row['privilege']}." if row["privilege"] else "Any operator."
        assert items[head].startswith(f"{row['help']} {privilege}"), head


@pytest.mark.skipif(not shutil.which("mandoc"), reason="mandoc is missing")
@pytest.mark.parametrize("page", MANUALS, ids=lambda page: page.name)
def test_manuals_are_well_formed(page):
    told = subprocess.run(["mandoc", "-Tlint", page], capture_output=True, text=True).stdout.splitlines()
    assert [line for line in told if "referenced manual not found" not in line] == []


def test_pages_are_plain():
    """Lines that a person can read in a terminal, but in tables and blocks."""
    for page in PAGES:
        text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
        long = [line for line in text.splitlines() if len(line) > 150 and not line.startswith("|")]
        assert not long, f"{page.name}: {textwrap.shorten(long[0], 80)}"
