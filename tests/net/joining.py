"""A member with accounts and a server that joins it, either of which may die at any moment: what test_join.py and soak_join.py share.

While a server joins, every address that it will listen on is tried all the time: not one connection may succeed before it is a member."""

import random
import socket
import subprocess
import threading
import time

from live import BUILD, LINKED, QUICK, SECONDS, Server, free_port, wait_for

SEED = BUILD / "tests" / "tools" / "seed_accounts"
JOINED = "burst: joined: "


def server(folder, name, port=None, **more):
    port = port or free_port()
    link = f"link: {{advertise: ['127.0.0.1:{port}'], {QUICK}}}\nburst: {{open-after: 1s}}\n"
    return Server(folder, more.pop("modules", LINKED), link + more.pop("config", ""), name=name, link=port, start=False)


def target(folder, accounts):
    """A network of one, with so many accounts."""
    made = server(folder, "one.test")
    made.verb("init", "one.test")
    made.start()
    made.stop()
    if accounts:
        subprocess.run([SEED, made.folder / "state", str(accounts)], check=True, stdout=subprocess.DEVNULL)
    made.start()
    return made


def said(made, text):
    return any(text in line for line in made.err)


class Probe:
    """Tries all of a server's listeners until one opens. `early` are those that let somebody in before the server was a member."""

    def __init__(self, made):
        self.made, self.early, self.tries, self.over = made, [], 0, False
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while not self.over:
            for address in (self.made.plain, self.made.tls, self.made.link_port, self.made.folder / "state" / "control.sock"):
                self.tries += 1
                if self._opens(address):
                    self.over = self._is_member()
                    if not self.over:
                        self.early.append(address)
            time.sleep(0.002)

    @staticmethod
    def _opens(address):
        unix = not isinstance(address, int)
        with socket.socket(socket.AF_UNIX if unix else socket.AF_INET) as s:
            s.settimeout(SECONDS)
            try:
                s.connect(str(address) if unix else ("127.0.0.1", address))
            except OSError:
                return False
        return True

    def _is_member(self):
        """What it has said may be on its way to us still."""
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline:
            if said(self.made, JOINED) or said(self.made, "burst: opening"):
                return True
            time.sleep(0.01)
        return False

    def close(self):
        self.over = True
        self.thread.join()
        assert not self.early, f"open before it is a member: {self.early}\n" + "".join(self.made.err)


def add(one, joiner):
    one.ctl("server", "add", joiner.name, joiner.verb("keygen").split()[0])


def join_words(one, *more):
    return ("join", f"127.0.0.1:{one.link_port}", one.verb("keygen").split()[0], *more)


def wait_joined(one, joiner, seconds=60):
    """Open, and with the same database."""
    wait_for(lambda: said(joiner, "core: ready"), lambda: "the end of the join:\n" + "".join(joiner.err[-40:]), seconds)
    wait_for(lambda: same(one, joiner), lambda: "one database:\n" + "".join(line for line in one.err + joiner.err if "admin command" not in line), seconds)


def figures(made):
    status = made.status()
    return status["services-accounts"], status["services-digest"]


def same(one, joiner):
    """False also as long as one of them does not listen."""
    try:
        return figures(one) == figures(joiner)
    except AssertionError:
        return False


def chaotic_join(one, joiner, dice, accounts, longest):
    """One join, with up to four sudden deaths at moments that `dice` draws from 0 to `longest` seconds; whoever died is started again at
    once, as whoever operates it would."""
    add(one, joiner)
    joiner.launch(verb=join_words(one))
    probe = Probe(joiner)
    try:
        for _ in range(dice.randint(1, 4)):
            time.sleep(dice.random() * longest)
            victim = dice.choice((one, joiner, joiner))
            victim.kill()
            if victim is one:
                one.start()
            else:
                # Before the order is written a plain start knows nothing of it.
                ordered = said(joiner, JOINED) or (joiner.folder / "state" / "join").exists()
                joiner.launch(verb=dice.choice(((), (), join_words(one))) if ordered else join_words(one))
        wait_joined(one, joiner)
        assert figures(joiner)[0] == str(accounts)
    finally:
        probe.close()
    joiner.stop()
    one.ctl("server", "remove", joiner.name)


def rounds(folder, n, accounts, seed, longest, each=lambda number: None):
    dice = random.Random(seed)
    one = target(folder / "one", accounts)
    try:
        for number in range(n):
            joiner = server(folder / f"joiner{number}", f"j{number}.test")
            try:
                chaotic_join(one, joiner, dice, accounts, longest)
            finally:
                joiner.close()
            each(number)
    finally:
        one.close()
