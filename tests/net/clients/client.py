"""What the drivers of clients share. A client's own logs have every line that it shows, of whatever window: what anybody says is told apart
from everything else, which a user of a network that is restarted should never see."""

import pathlib

from live import SECONDS, wait_for

ROOM = "#flyway"
START_S = 60  # a client of its own start, on a machine that has much to do


class Client:
    """One client; `port` is where it connects, without TLS: an agent, or a server. What each kind does in its own way: `begin` (starts it,
    which connects, logs in with SASL and joins ROOM), `said_in` (of a line of its logs: who says what, or None), `say`, `close`."""

    kind = ""

    def __init__(self, folder, nick, password, port):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        self.nick, self.password, self.port = nick, password, port
        self.marks = {}

    def logs(self):
        """Its log files, the room's among them."""
        return sorted((self.folder / "logs").rglob("*.log"))

    def lines(self, marks=None):
        for file in self.logs():
            text = file.read_text(encoding="utf-8", errors="replace")
            # The last line may be on its way.
            yield from text[:text.rfind("\n") + 1].splitlines()[(marks or {}).get(file, 0):]

    def mark(self):
        """What comes from now on counts."""
        self.marks = {}
        for file in self.logs():
            self.marks[file] = file.read_text(encoding="utf-8", errors="replace").count("\n")

    def shown(self, all_of_it=False):
        """(what people said: pairs of nick and text, all other lines), since the mark or since the start."""
        said, others = [], []
        for line in self.lines({} if all_of_it else self.marks):
            found = self.said_in(line)
            if found:
                said.append(found)
            elif line.strip():
                others.append(line)
        return said, others

    def text(self):
        return "\n".join(self.lines())

    def wait_shows(self, what, seconds=START_S):
        wait_for(lambda: what in self.text(), lambda: f"{what!r}, shown by {self.kind}:\n{self.text()}", seconds)

    def wait_said(self, nick, text, seconds=SECONDS):
        wait_for(lambda: (nick, text) in self.shown()[0], lambda: f"{nick}'s {text!r} at {self.kind}:\n{self.text()}", seconds)
