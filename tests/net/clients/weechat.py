"""WeeChat without a screen: it is typed to through its FIFO, and writes a log for each buffer."""

import os
import re
import shutil
import subprocess

from live import SECONDS, wait_for

from .client import ROOM, START_S, Client

SETTINGS = {"logger.file.flush_delay": "0", "logger.file.time_format": "%H:%M:%S", "fifo.file.enabled": "on"}
# WeeChat would keep back all but the first two lines of a while.
SERVER = {"sasl_mechanism": "plain", "autojoin": ROOM, "anti_flood_prio_high": "0", "anti_flood_prio_low": "0"}


def version():
    said = subprocess.run(["weechat-headless", "--version"], capture_output=True, text=True).stdout
    return tuple(int(word) for word in re.findall(r"\d+", said)[:2])


class WeeChat(Client):
    kind = "WeeChat"

    def begin(self):
        # The option was called ssl before WeeChat 4.0, and off.
        plain = " -notls" if version() >= (4, 0) else ""
        server = {**SERVER, "nicks": self.nick, "username": self.nick, "sasl_username": self.nick, "sasl_password": self.password}
        if version() >= (4, 5):
            server = {key: value for key, value in server.items() if not key.startswith("anti_flood")} | {"anti_flood": "0"}
        commands = [f"/set {key} {value}" for key, value in SETTINGS.items()]
        commands.append(f"/server add godwit 127.0.0.1/{self.port}{plain}")
        commands += [f"/set irc.server.godwit.{key} {value}" for key, value in server.items()]
        words = [word for command in [*commands, "/connect godwit"] for word in ("--run-command", command)]
        self.process = subprocess.Popen(
            [shutil.which("weechat-headless"), "--dir", str(self.folder), *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env={**os.environ, "HOME": str(self.folder.parent), "LC_ALL": "C.UTF-8"})

    def logs(self):
        return sorted((self.folder / "logs").glob("*.weechatlog"))

    def wait_in(self):
        self.wait_shows(f"Channel {ROOM}:")
        wait_for(self.fifo, "WeeChat's FIFO", START_S)
        self.pipe = open(self.fifo(), "w", encoding="utf-8", buffering=1)

    def fifo(self):
        return next(self.folder.glob("weechat_fifo_*"), None)

    def said_in(self, line):
        _, who, text = (line.split("\t", 2) + ["", ""])[:3]
        found = re.fullmatch(r"[@+]?(\w+)", who)
        return found and (found[1], text)

    def say(self, text):
        self.pipe.write(f"irc.godwit.{ROOM} *{text}\n")

    def close(self):
        self.process.terminate()
        self.process.wait(SECONDS)
        if hasattr(self, "pipe"):
            self.pipe.close()
