"""Servers that are linked directly, as on machines of their own: what rolling restarts and long runs under load use. In live.py's networks
each link goes through a relay, which would be the slowest part here."""

import os
import re

from live import Network

TICKS = os.sysconf("SC_CLK_TCK")


class Fleet(Network):
    """Fleet(folder, "a-b b-c"): each may be linked to each; the pairs only say who joins by whom."""

    def _make(self, name, modules, link, more, env, small):
        super()._make(name, modules, link, more, env, small)
        server = self.servers[name]
        self.ways[name] = server.link_port
        config = server.folder / "godwit.yaml"
        text = re.sub(r"advertise: \['[^']*'\], uplinks: \[.*?\], ", f"advertise: ['127.0.0.1:{server.link_port}'], ", config.read_text())
        config.write_text(text)

    def sides(self):
        return {frozenset(name for name in self.servers if self[name].process and self[name].process.poll() is None)}

    def neighbours(self, name):
        """Of a server that runs, by its links that are in use."""
        rows = (line.split() for line in self[name].ctl("link", "list").splitlines())
        return {row[0].removesuffix(".test") for row in rows if len(row) > 1 and row[1] == "up"}


def cpu_s(pid):
    """CPU time that a process has had, None when it has gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1])
