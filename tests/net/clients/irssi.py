"""irssi on a terminal of its own, typed into as at a keyboard. Its log without targets has the lines of all its windows."""

import fcntl
import os
import re
import struct
import subprocess
import termios
import threading

from live import SECONDS

from .client import ROOM, Client

# irssi would keep back all but the first five lines, and send two a second; and tell seconds later that it has asked for a channel's lists.
SETTINGS = """
logs = {{ "{folder}/logs/all.log" = {{ auto_open = "yes"; level = "ALL"; }}; }};
settings = {{
  core = {{ nick = "{nick}"; real_name = "{nick}"; user_name = "{nick}"; log_timestamp = "%H:%M:%S "; }};
  "irc/core" = {{ cmds_max_at_once = "1000000"; channel_sync = "no"; }};
  "fe-text" = {{ paste_verify_line_count = "0"; paste_detect_time = "0"; }};
}};
"""
NETWORK = """
servers = ({{ address = "127.0.0.1"; port = "{port}"; chatnet = "godwit"; use_tls = "no"; autoconnect = "yes"; }});
chatnets = {{ godwit = {{ type = "IRC"; nick = "{nick}"; sasl_mechanism = "PLAIN"; sasl_username = "{nick}"; sasl_password = "{password}"; }}; }};
channels = ({{ name = "{room}"; chatnet = "godwit"; autojoin = "yes"; }});
"""


class Irssi(Client):
    kind = "irssi"

    def begin(self, config=SETTINGS + NETWORK):
        (self.folder / "logs").mkdir()
        (self.folder / "config").write_text(config.format(port=self.port, nick=self.nick, password=self.password, room=ROOM, folder=self.folder))
        self.keyboard, screen = os.openpty()
        fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
        self.process = subprocess.Popen(["irssi", f"--home={self.folder}"], stdin=screen, stdout=screen, stderr=screen, start_new_session=True,
                                        env={**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8"})
        os.close(screen)
        self.reader = threading.Thread(target=self.read_screen, daemon=True)
        self.reader.start()

    def read_screen(self):
        """Nobody looks at it, but it must not fill up."""
        try:
            while os.read(self.keyboard, 65536):
                pass
        except OSError:
            pass

    def wait_in(self):
        self.wait_shows(f"Irssi: {ROOM}: Total of")
        self.say("/window goto " + ROOM)

    def said_in(self, line):
        found = re.match(rf"[\d:]+ {ROOM}: <[@+ ]?(\w+)> (.*)", line)
        return found and found.groups()

    def say(self, text):
        os.write(self.keyboard, text.encode() + b"\r")

    def close(self):
        self.process.terminate()
        self.process.wait(SECONDS)
        self.reader.join(SECONDS)
        os.close(self.keyboard)
