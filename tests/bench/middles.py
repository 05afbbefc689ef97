"""What stands between clients and a server in tests/bench/agent: nothing, a bare relay, or the agent."""

import contextlib
import os
import subprocess
from dataclasses import dataclass

from servers import bound_to, end, last_lines, wait_listening

AGENT = """server: agent.bench.example.net
state-directory: "@DIR@/state"
modules: [agent, control]
listen:
  - {address: "127.0.0.1:@PORT@", protocol: agent, tls: no}
log: {level: warn}
agent: {upstream: ["127.0.0.1:@TO@"], tls: @TLS@, clients: 10000}
"""


def relay_command(build, scratch, port, to, _tls):
    return [os.path.join(build, "tests/bench/relay"), str(port), str(to)]


def agent_command(build, scratch, port, to, tls):
    text = AGENT
    for key, value in (("DIR", scratch), ("PORT", port), ("TO", to), ("TLS", "yes" if tls else "no")):
        text = text.replace(f"@{key}@", str(value))
    with open(f"{scratch}/agent.yaml", "w") as file:
        file.write(text)
    return [os.path.join(build, "godwit"), "-c", f"{scratch}/agent.yaml"]


@dataclass
class Middle:
    name: str
    command: object    # (build folder, scratch folder, its port, the server's, whether that has TLS) -> list; None: there is nothing
    tls: bool = False  # to the server; to its clients it has none
    arguments: tuple = ()


def table():
    middles = [
        Middle("nothing between", None),
        Middle("relay", relay_command),
        Middle("agent", agent_command),
        Middle("agent, TLS to the server", agent_command, tls=True),
    ]
    return {middle.name: middle for middle in middles}


@contextlib.contextmanager
def standing(middle, build, folder, port, server_port, cpu=None):
    """Runs it; gives the port for clients and its pid (0: there is nothing). `server_port`: plain; with TLS it is the next one."""
    if middle.command is None:
        yield server_port, 0
        return
    os.makedirs(folder, exist_ok=True)
    command = middle.command(build, folder, port, server_port + middle.tls, middle.tls) + list(middle.arguments)
    with open(f"{folder}/log", "wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   preexec_fn=bound_to(cpu))
    try:
        wait_listening(process, middle.name, port, lambda: last_lines(f"{folder}/log"))
        yield port, process.pid
        if process.poll() is not None:
            raise RuntimeError(f"{middle.name} ended by itself ({process.returncode})")
    finally:
        end(process, middle.name)
