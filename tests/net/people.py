"""People on a server who know their own prefix, and what each of them is shown."""

from live import Irc

PASSWORD = "correct horse"
GUESTS = (
    "store, services, network, client, account, guest, channel, message, query, monitor, oper, control"
)
CHEAP = "account: {iterations: 4096}\n"  # logins are not what is tested


def split(line):
    """The tags of a line as a dictionary, and the rest."""
    if not line.startswith("@"):
        return {}, line
    tags, rest = line[1:].split(" ", 1)
    return dict(tag.split("=", 1) if "=" in tag else (tag, "") for tag in tags.split(";")), rest


class Person(Irc):
    """Somebody who is in: a guest, or the holder of an account that there is."""

    def __init__(self, port, nick, caps="", account=None, password=PASSWORD, tls=False, realname="Real Name"):
        super().__init__(port, tls)
        self.port = port
        if caps:
            self.send("CAP LS 302", f"CAP REQ :{caps}")
        if account:
            self.send(f"PASS :{account}:{password}")
        self.send(f"NICK {nick}", f"USER ident 0 * :{realname}")
        if caps:
            self.expect(r" CAP \S+ ACK ")
            self.send("CAP END")
        self.source = self.expect(r" 001 ", 5).rsplit(" ", 1)[1]
        self.nick, self.host = nick, self.source.split("@")[1]
        self.sync()

    def got(self):
        """What has come meanwhile, without tags."""
        return [split(line)[1] for line in self.sync()]

    def does(self, *lines):
        """The answers to `lines`, without tags; when they are there all others have been told, too."""
        self.send(*lines)
        return self.got()

    def does_not_minding_support(self, *lines):
        """The same, but for 005: what a module that came or went changes of it is told a moment later."""
        return [line for line in self.does(*lines) if line.split()[1] != "005"]

    def tagged(self, *lines):
        """The same with tags: pairs of a dictionary and the rest."""
        self.send(*lines)
        return [split(line) for line in self.sync()]

    def numeric(self, number, text):
        return f":test.example.net {number} {self.nick} {text}"

    def leave(self):
        """Ends the connection; the nick is free when this returns."""
        try:
            self.send("QUIT")
            self.eof()
        except OSError:
            pass
        self.close()
