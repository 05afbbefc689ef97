"""HexChat in a window on a display that nobody sees. It is typed to through a FIFO, which a script of its Python plugin reads, and logs
each of its tabs."""

import os
import re
import subprocess

from live import SECONDS

from .client import ROOM, Client

# HexChat would keep back what comes too fast.
CONFIG = """version = 2.16.1
gui_slist_skip = 1
gui_join_dialog = 0
irc_nick1 = {nick}
irc_user_name = {nick}
irc_real_name = {nick}
irc_logging = 1
irc_logmask = {folder}/logs/%c.log
stamp_log = 1
stamp_log_format = %H:%M:%S 
net_throttle = 0
"""
# To root it would first show a window about that, and wait.
NOT_AS_ROOT = [] if os.geteuid() else ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
SASL, AUTO_CONNECT = 6, 8
NETWORKS = """v=2.16.1

N=godwit
L={sasl}
E=UTF-8
F={flags}
D=0
S=127.0.0.1/{port}
I={nick}
i={nick}_
R={nick}
U={nick}
P={password}
J={room}

"""
SCRIPT = """
import os
import hexchat

__module_name__, __module_version__, __module_description__ = "typist", "1", "types what comes through a FIFO"
keyboard = os.fdopen(os.open("{folder}/keyboard", os.O_RDWR | os.O_NONBLOCK), "rb", buffering=0)
typed = b""


def look(_):
    global typed
    typed += keyboard.read() or b""
    *lines, typed = typed.split(b"\\n")
    for line in lines:
        hexchat.find_context(channel="{room}").command("SAY " + line.decode())
    return True


hexchat.hook_timer(20, look)
"""


class HexChat(Client):
    kind = "HexChat"

    def begin(self):
        words = {"folder": self.folder, "nick": self.nick, "password": self.password, "port": self.port, "room": ROOM}
        (self.folder / "addons").mkdir()
        (self.folder / "hexchat.conf").write_text(CONFIG.format(**words))
        (self.folder / "servlist.conf").write_text(NETWORKS.format(sasl=SASL, flags=AUTO_CONNECT, **words))
        (self.folder / "addons" / "typist.py").write_text(SCRIPT.format(**words))
        os.mkfifo(self.folder / "keyboard")
        self.display, display = display_of_its_own()
        self.process = subprocess.Popen(
            [*NOT_AS_ROOT, "hexchat", f"--cfgdir={self.folder}"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "DISPLAY": display, "HOME": str(self.folder), "LC_ALL": "C.UTF-8", "NO_AT_BRIDGE": "1",
                 "DBUS_SESSION_BUS_ADDRESS": "disabled:"})

    def wait_in(self):
        self.wait_shows(f"Now talking on {ROOM}")
        self.keyboard = os.open(self.folder / "keyboard", os.O_WRONLY)

    def said_in(self, line):
        found = re.match(r"[\d:]+ <[@+ ]?(\w+)>\s(.*)", line)
        return found and found.groups()

    def say(self, text):
        os.write(self.keyboard, text.encode() + b"\n")

    def close(self):
        for process in (self.process, self.display):
            process.terminate()
            process.wait(SECONDS)
        if hasattr(self, "keyboard"):
            os.close(self.keyboard)


def display_of_its_own():
    """An X server without a screen, and its name."""
    told, number = os.pipe()
    process = subprocess.Popen(["Xvfb", "-displayfd", str(number), "-screen", "0", "1024x768x24", "-nolisten", "tcp"], pass_fds=[number],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(number)
    with os.fdopen(told) as pipe:
        return process, f":{pipe.readline().strip()}"
