"""What a client may say: lines that are plausible enough to meet each other, and some that are not. All by one random source."""

import base64

NICKS = ["ann", "bob", "cat", "dan", "eve", "Fay", "g[i]l", "h-", "NickServ", "ChanServ", "observer2", "9bad", "x" * 40, "é"]
CHANNELS = ["#a", "#b", "#C", "#c", "#dd", "#" + "l" * 60, "#", "&e", "#a,#b", "#a,#b,#c", "0", "#ü"]
ACCOUNTS = ["ann", "bob", "cat", "dan", "eve"]
# Nothing like these may ever stand in a log.
PASSWORDS = ["sesame-open", "hunter-of-two", "tr0ub4dor-and"]
CAPS = (
    "cap-notify message-tags server-time account-tag batch labeled-response echo-message account-notify extended-join "
    "away-notify multi-prefix userhost-in-names setname chghost invite-notify extended-monitor standard-replies sasl "
    "draft/account-registration draft/extended-isupport"
).split()
MASKS = ["*!*@*", "ann!*@*", "*!*@127.*", "~a:bob", "~a:*", "b?b", "*", "a" * 200, "$x", "!@", "*!*x*@*.*"]
TEXTS = ["hello", "", "a" * 400, "\x01ACTION waves\x01", "\x01VERSION\x01", "grüße", "b" * 900, "one two three", ":", "%s%n%d"]
MODES = ["+n", "-n", "+m", "-m", "+i", "-i", "+s", "-s", "+t", "-t", "+R", "-R", "+C", "-C", "+nt-is", "b", "e", "I", "+k", "-k", "+l", "-l", "+o", "-o",
         "+v", "-v", "+h", "-h", "+a", "-a", "+q", "-q", "+b", "-b", "+e", "-e", "+I", "-I", "+bbb", "+z", "+", "-", "+ovvo", "+kkk", "+lb-lb"]
SECRETS = {"REGISTER", "PASS", "AUTHENTICATE", "ACCOUNT"}


def b64(text):
    return base64.b64encode(text.encode()).decode()


class Talk:
    """One client's tongue."""

    def __init__(self, random):
        self.random = random
        self.number = 0

    def one(self, *choices):
        return self.random.choice(choices)

    def nick(self):
        return self.random.choice(NICKS)

    def nicks(self):
        return ",".join(self.nick() for _ in range(self.random.randint(1, 5)))

    def channel(self):
        return self.random.choice(CHANNELS[:4] if self.random.random() < 0.7 else CHANNELS)

    def target(self):
        r = self.random.random()
        if r < 0.5:
            return self.channel()
        if r < 0.6:
            return self.one("@", "+", "~", "%", "@+", "!") + self.channel()
        return self.nicks() if r < 0.7 else self.nick()

    def account(self):
        return self.random.choice(ACCOUNTS)

    def password(self):
        return self.random.choice(PASSWORDS)

    def text(self):
        return self.random.choice(TEXTS)

    def mask(self):
        return self.random.choice(MASKS)

    def caps(self):
        names = self.random.sample(CAPS, self.random.randint(0, 8))
        if self.random.random() < 0.1:
            names.append(self.one("nonsense", "-", "=", "sasl=x"))
        return " ".join(self.one("", "", "", "-") + name for name in names)

    def sasl(self):
        return self.one(
            "PLAIN", "SCRAM-SHA-256", "EXTERNAL", "ANONYMOUS", "plain", "NOPE", "*", "+", "+",
            b64(f"\0{self.account()}\0{self.password()}"), b64(f"{self.account()}\0{self.account()}\0{self.password()}"),
            b64(f"n,,n={self.account()},r=abcdefghijklmnop"), b64(f"n,a={self.nick()},n={self.account()},r=x"),
            b64("c=biws,r=abc,p=" + b64("x" * 32)), b64("trace"), "A" * 400, "A" * 401, "!!!", "=",
        )

    # Each returns the parameters of its command.
    def modes(self):
        r = self.random.random()
        if r < 0.3:
            return f"MODE {self.nick()} {self.one('+i', '-i', '+w', '+B', '+R', '-R', '+o', '+iwBR', '+x', '')}"
        params = " ".join(self.one(self.nick(), self.mask(), "key", "3", "-1", "99999999999") for _ in range(self.random.randint(0, 4)))
        return f"MODE {self.channel()} {self.random.choice(MODES)}{self.one('', self.random.choice(MODES))} {params}"

    def channel_command(self):
        return "CHANNEL " + self.one(
            f"REGISTER {self.channel()}", f"DROP {self.channel()}", f"TRANSFER {self.channel()} {self.account()}",
            f"ACCESS {self.channel()}", f"ACCESS {self.channel()} ADD {self.account()} {self.one('q', 'a', 'o', 'h', 'v', 'z')}",
            f"ACCESS {self.channel()} DEL {self.account()}", f"INFO {self.channel()}", "NONSENSE", "",
        )

    def account_command(self):
        return "ACCOUNT " + self.one(
            f"PASSWORD {self.password()} {self.password()}", f"EMAIL {self.password()} {self.one('a@example.net', '*', 'bad', self.account() + '@example.org')}",
            "CERTFP LIST", "CERTFP ADD", "CERTFP DEL " + "ab" * 32, "CERTFP ADD " + self.one("ab" * 32, "zz"),
            f"DROP {self.account()} {self.password()}", "INFO", "NONSENSE", "",
        )

    def who(self):
        return self.one(
            f"WHO {self.one(self.channel(), self.nick(), self.mask())} {self.one('', 'o', '%tcuihsnfdlaor,42', '%', '%zzz')}",
            f"WHOIS {self.nicks()}", f"WHOIS {self.nick()} {self.nick()}", f"WHOWAS {self.nick()} {self.one('', '1', '-1', '0', 'x')}",
            f"USERHOST {self.nick()} {self.nick()} {self.nick()}", f"ISON {self.nick()} {self.nick()}",
            f"ISON :{self.nick()} {self.nick()}", "LUSERS", "MOTD", "VERSION", "TIME", "INFO", "ADMIN", f"HELP {self.one('', 'JOIN', 'NOPE')}",
            f"NAMES {self.channel()}", "NAMES", f"LIST {self.one('', self.channel(), '>1', '<2,T>1', '*a*', 'C<1', '!x')}", "ISUPPORT",
        )

    def monitor(self):
        return "MONITOR " + self.one(f"+ {self.nicks()}", f"- {self.nicks()}", "C", "L", "S", "+", "X", "+ " + ",".join(f"m{n}" for n in range(60)))

    def oper(self):
        return self.one(
            f"OPER {self.account()} {self.password()}", f"OPER {self.account()}", f"KILL {self.nick()} :{self.text()}", f"WALLOPS :{self.text()}", "REHASH",
            f"CTL {self.one('status', 'module list', 'help', 'account list', 'ban list', 'oper list', 'channel list', 'module reload query', 'module info client', 'nonsense', 'session kick ' + self.nick(), 'ban add 127.0.0.9 1s x')}",
        )

    def register(self):
        return self.one(
            f"REGISTER {self.one('*', self.account())} {self.one('*', 'a@example.net', 'bad')} :{self.password()}",
            "REGISTER CANCEL", f"VERIFY {self.account()} {self.one('ABCDEF', '000000000000')}", "REGISTER", f"PASS {self.account()}:{self.password()}",
            f"PASS :{self.password()}", f"AUTHENTICATE {self.sasl()}", f"AUTHENTICATE {self.sasl()}",
        )

    def talk(self):
        self.number += 1
        return f"{self.one('PRIVMSG', 'PRIVMSG', 'NOTICE', 'TAGMSG')} {self.target()} :{self.text()}"

    def odd(self):
        return self.one(
            "", " ", ":", "@", "@a=b", "@a=b :src PING x", ":x", "NOPE", "PING", "PING :a b", "PONG", "JOIN", "PRIVMSG", "MODE", "123", "é",
            "@" + "a" * 4090 + "=b PING x", "@" + "a" * 5000 + " PING x", "PRIVMSG #a :" + "z" * 20000, "PRIVMSG " + ",".join(NICKS * 8) + " :hi",
            "JOIN " + ",".join(f"#{n}" for n in range(100)), "PART " + ",".join(CHANNELS), "USER a 0 * :again", "CAP END", "CAP LIST",
        )

    def coming(self):
        """Lines before 001, in some order."""
        lines = [f"NICK {self.nick()}", f"USER {self.one('u', 'a@b', '!')} 0 * :{self.text() or 'x'}"]
        if self.random.random() < 0.6:
            lines[:0] = [f"CAP LS {self.one('', '302', '301')}", f"CAP REQ :{self.caps()}"]
            lines.append("CAP END")
        if self.random.random() < 0.5:
            lines.insert(self.random.randint(0, len(lines)), self.register())
        if self.random.random() < 0.2:
            self.random.shuffle(lines)
        return lines

    def plain(self):
        kinds = (
            (self.talk, 25), (lambda: f"JOIN {self.channel()} {self.one('', '', 'key')}", 14), (lambda: f"PART {self.channel()} :{self.text()}", 6),
            (self.modes, 12), (lambda: f"TOPIC {self.channel()} {self.one('', ':' + self.text())}", 4),
            (lambda: f"KICK {self.channel()} {self.nicks()} :{self.text()}", 4), (lambda: f"INVITE {self.nick()} {self.channel()}", 4),
            (lambda: f"NICK {self.nick()}", 5), (self.who, 10), (self.monitor, 4), (self.oper, 4), (self.register, 8), (self.account_command, 3),
            (self.channel_command, 5), (lambda: f"AWAY {self.one('', ':' + self.text())}", 3), (lambda: f"SETNAME :{self.text()}", 2),
            (lambda: f"CAP {self.one('LS 302', 'LIST', 'END', 'REQ :' + self.caps(), 'NOPE')}", 4), (self.odd, 5), (lambda: "PING x", 4),
            (lambda: f"PRIVMSG {self.one('NickServ', 'ChanServ')} :{self.one('help', 'identify ' + self.password(), 'register')}", 2),
        )
        return self.random.choices([k[0] for k in kinds], [k[1] for k in kinds])[0]()

    def line(self):
        line = self.plain()
        if self.random.random() < 0.2:
            tags = self.one("label=x", "label=" + "l" * 70, "+typing=active;label=2", "+a=b", "label=", "msgid=x;label=3;batch=q")
            line = f"@{tags} {line}"
        data = line.encode()
        if self.random.random() < 0.01:
            data = data.replace(b"a", self.random.choice([b"\0", b"\xff", b"\xc3", b"\r"]), 1)
        return data + self.random.choices([b"\r\n", b"\n", b"\r\r\n"], [18, 4, 1])[0]
