"""Fixtures: servers that end with their test."""

import pytest
from live import Irc, Server


@pytest.fixture
def serve(tmp_path):
    """Starts servers: serve(modules=..., more=...)."""
    servers = []

    def one(folder="server", **settings):
        servers.append(Server(tmp_path / folder, **settings))
        return servers[-1]

    yield one
    for server in servers:
        server.close()


@pytest.fixture
def server(serve):
    return serve()


@pytest.fixture
def connect():
    """Opens connections: connect(port, tls=...)."""
    open_ones = []

    def one(port, **settings):
        open_ones.append(Irc(port, **settings))
        return open_ones[-1]

    yield one
    for irc in open_ones:
        irc.close()
