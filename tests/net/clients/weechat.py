"""WeeChat without a screen: it is typed to through its FIFO, and writes a log for each buffer."""

import os
import re
import shutil
import subprocess

from live import SECONDS, wait_for

from .client import ROOM, START_S, Client

SETTINGS = {"logger.file.flush_delay": "0", "logger.file.time_format": "%H:%M:%S", "fifo.file.enabled": "on"}
SERVER = {"sasl_mechanism": "plain", "autojoin": ROOM}


def version():
    said = subprocess.run(["weechat-headless", "--version"], capture_output=True, text=True).stdout
    return tuple(int(word) for word in re.findall(r"\d+", said)[:2])


class WeeChat(Client):
    kind = "WeeChat"
    pipe = None

    def begin(self, by_hand=False):
        # WeeChat would keep back all but the first two lines of a while. How that is said, and that there is no TLS, depends on its version.
        flood = ["anti_flood"] if version() >= (4, 5) else ["anti_flood_prio_high", "anti_flood_prio_low"]
        defaults = {"nicks": self.nick, "username": self.nick, **{name: "0" for name in flood}}
        commands = [f"/set {key} {value}" for key, value in SETTINGS.items()]
        commands += [f"/set irc.server_default.{key} {value}" for key, value in defaults.items()]
        if not by_hand:
            server = {**SERVER, "sasl_username": self.nick, "sasl_password": self.password}
            commands.append(f"/server add godwit 127.0.0.1/{self.port}{' -notls' if version() >= (4, 0) else ''}")
            commands += [f"/set irc.server.godwit.{key} {value}" for key, value in server.items()]
            commands.append("/connect godwit")
        words = [word for command in commands for word in ("--run-command", command)]
        self.process = subprocess.Popen(
            [shutil.which("weechat-headless"), "--dir", str(self.folder), *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env={**os.environ, "HOME": str(self.folder.parent), "LC_ALL": "C.UTF-8"})

    def logs(self):
        return sorted((self.folder / "logs").glob("*.weechatlog"))

    def wait_in(self):
        self.wait_shows(f"Channel {ROOM}:")

    def fifo(self):
        return next(self.folder.glob("weechat_fifo_*"), None)

    def said_in(self, line):
        _, who, text = (line.split("\t", 2) + ["", ""])[:3]
        found = re.fullmatch(r"[@+]?(\w+)", who)
        return found and (found[1], text)

    def say(self, text):
        self.type(f"irc.godwit.{ROOM}", text)

    def type(self, buffer, line):
        if not self.pipe:
            wait_for(self.fifo, "WeeChat's FIFO", START_S)
            self.pipe = open(self.fifo(), "w", encoding="utf-8", buffering=1)
        self.pipe.write(f"{buffer} *{line}\n")

    def close(self):
        self.process.terminate()
        self.process.wait(SECONDS)
        if self.pipe:
            self.pipe.close()
