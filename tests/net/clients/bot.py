"""A bot of irc-framework (bot/bot.js), which answers what one nick says. Its log has every event that the library tells it of."""

import os
import re
import shutil
import subprocess

from live import SECONDS, wait_for

from .client import ROOM, Client

BOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bot", "bot.js")


class Bot(Client):
    """GODWIT_TEST_NODE_MODULES is the folder in which npm has put the library."""

    kind = "irc-framework"
    asker = ""

    def begin(self):
        (self.folder / "logs").mkdir()
        self.process = subprocess.Popen(
            [shutil.which("node"), BOT, str(self.port), self.nick, self.password, ROOM, self.asker, str(self.folder / "logs" / "all.log")],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=open(self.folder / "errors", "wb"), text=True,
            env={**os.environ, "NODE_PATH": os.environ["GODWIT_TEST_NODE_MODULES"]})

    def wait_in(self):
        wait_for(lambda: self.process.poll() is None and " * join " in self.text(), lambda: (self.folder / "errors").read_text() + self.text(), SECONDS)

    def said_in(self, line):
        found = re.match(r"[\d:]+ <(\w+)> (.*)", line)
        return found and found.groups()

    def say(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def close(self):
        self.process.stdin.close()
        self.process.terminate()
        self.process.wait(SECONDS)
