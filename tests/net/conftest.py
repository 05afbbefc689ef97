"""Fixtures: servers that end with their test."""

import pytest
from live import Irc, Server, running
from people import CHEAP, GUESTS, Person


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


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """One server for all tests of a file, which admits guests."""
    with running(Server(tmp_path_factory.mktemp("place"), modules=GUESTS, more=CHEAP)) as server:
        yield server


@pytest.fixture
def people(place):
    """Brings people in: people("anna", caps=..., account=...); they leave with the test."""
    there = []

    def one(nick, **settings):
        there.append(Person(place.plain, nick, **settings))
        return there[-1]

    yield one
    for person in there:
        person.leave()
