"""The agent as a daemon of its own, between clients of this machine and the network."""

import json
import os
import pathlib

from live import Server, free_port

CONFIG = """server: agent.localhost
state-directory: state
modules: [agent, control]
listen: [{{address: "127.0.0.1:{port}", protocol: agent, tls: no}}]
log: {{level: warn}}
agent: {{upstream: [{upstream}]}}
"""


class Agent(Server):
    """Its certificates are those that it sees first. `upstream`: ports, with TLS."""

    def __init__(self, folder, upstream):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        self.port, self.env = free_port(), dict(os.environ)
        (self.folder / "godwit.yaml").write_text(CONFIG.format(port=self.port, upstream=", ".join(f'"127.0.0.1:{port}"' for port in upstream)))
        self.start()

    def sessions(self):
        return json.loads(self.ctl("session", "list", "--json"))
