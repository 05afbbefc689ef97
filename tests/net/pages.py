"""Pages with examples: their blocks, and a reader who types them and compares what comes with what the page says."""

import re

from live import Irc


def every_block(page):
    """(what stands behind the opening mark, lines) of each block of a page."""
    for found in re.finditer(r"^```([^`\n]+)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S):
        yield found.group(1), found.group(2).splitlines()


def blocks(page, *languages):
    """(language, lines) of each block of a page in one of these languages."""
    return ((language, lines) for language, lines in every_block(page) if language in languages)


def manual_blocks(page):
    """The displays of a manual page, as they are shown."""
    for found in re.finditer(r"^\.Bd -literal.*?\n(.*?)^\.Ed$", page.read_text(encoding="utf-8"), re.M | re.S):
        yield found.group(1).replace("\\&", "").splitlines()


def pattern(line):
    return re.sub(r"\\\.\\\.\\\.", ".*", re.escape(line))


def same(expected, got):
    """Whether the lines are those, with "..." in the expected ones."""
    text = "".join("(?:.*\n)*" if line == "..." else pattern(line) + "\n" for line in expected)
    return re.fullmatch(text, "".join(line + "\n" for line in got)) is not None


class Reader:
    """Types the examples of a page. Who inherits says how a command is typed, and which ports are the page's."""

    def __init__(self):
        self.clients = {}

    def type(self, command):
        """Runs the command; the lines that it printed."""
        raise NotImplementedError

    def port_of(self, server):
        raise NotImplementedError

    def own_ports(self, text):
        """A text of the page with this reader's ports."""
        raise NotImplementedError

    def console(self, lines):
        """Types what stands behind "$ ", and compares."""
        commands = [i for i, line in enumerate(lines) if line.startswith("$ ")]
        assert commands and commands[0] == 0, f"a console block begins with a command:\n{lines}"
        for i, end in zip(commands, commands[1:] + [len(lines)]):
            expected = [self.own_ports(line) for line in lines[i + 1:end]]
            got = self.type(self.own_ports(lines[i][2:]))
            assert same(expected, got), f"{lines[i]}\n" + "\n".join(got) + "\n--- expected ---\n" + "\n".join(expected)

    def irc(self, lines):
        for number, line in enumerate(lines):
            name, server, way, text = re.fullmatch(r"(\w+)(?:@(\w+))?([<>]) (.*)", line).groups()
            if name not in self.clients:
                self.clients[name] = Irc(self.port_of(server or "one"))
            client = self.clients[name]
            if way == ">":
                client.send(text)
            elif text == "...":
                follows = [other.split("< ", 1)[1] for other in lines[number + 1:] if other.startswith(f"{name}< ")]
                self.skip(client, pattern(follows[0]) if follows else None)
            else:
                got = client.line()
                assert re.fullmatch(pattern(text), got), f"{name} got\n{got}\nnot\n{text}"

    @staticmethod
    def skip(client, until):
        """Passes lines over up to the one that the block goes on with, which is put back; without one, all."""
        if until is None:
            client.sync()
            return
        while True:
            line = client.line()
            assert line is not None, f"the connection ended before {until}"
            if re.fullmatch(until, line):
                client.buffer = line.encode() + b"\r\n" + client.buffer
                return

    def close(self):
        for client in self.clients.values():
            client.close()
