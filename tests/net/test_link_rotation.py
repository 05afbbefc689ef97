"""A server gets a new key while people talk over its links: no link drops, and no message."""

import re
import threading

import pytest
from live import Irc, Network, wait_for


@pytest.fixture
def network(tmp_path):
    network = Network(tmp_path, "one-two two-three")
    yield network
    network.close()


def links_up(network):
    return {server.name: len(re.findall(r"link up peer=", "".join(server.err))) for server in network}


class Talk:
    """Two who write to each other across all links, as fast as answers come, and count."""

    def __init__(self, network, here, there):
        self.ends = [Irc(network[here].plain), Irc(network[there].plain)]
        for end, nick in zip(self.ends, ("ann", "bob")):
            end.register(nick)
        network.wait_level()  # they know of each other
        self.ended = threading.Event()
        self.sent = 0
        self.wrong = []
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        a, b = self.ends
        try:
            while not self.ended.is_set():
                a.send(f"PRIVMSG bob :there {self.sent}")
                b.expect(rf"PRIVMSG bob :there {self.sent}$")
                b.send(f"PRIVMSG ann :back {self.sent}")
                a.expect(rf"PRIVMSG ann :back {self.sent}$")
                self.sent += 1
        except (AssertionError, OSError) as error:
            self.wrong.append(error)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exception):
        self.ended.set()
        self.thread.join(60)
        for end in self.ends:
            end.close()


def logged(server, pattern):
    return len(re.findall(pattern, "".join(server.err)))


def test_a_new_key_drops_no_link_and_no_message(network):
    two = network["two"]
    old = two.verb("fingerprint").split()[1]
    with Talk(network, "one", "three") as talk:
        before = links_up(network)
        new = two.verb("keygen", "--next").split()[0]
        network["one"].ctl("server", "key", "add", two.name, new)
        wait_for(lambda: logged(two, r"link-reauth role=source .*result=ok") == 2, "both links proved anew", 130)
        network["three"].ctl("server", "key", "revoke", two.name, old)
        wait_for(lambda: logged(two, "the next key is in force") == 1, "the new key alone")
        wait_for(lambda: talk.sent > 50, "talk")
        said = talk.sent
        wait_for(lambda: talk.sent > said + 50, "talk afterwards")
        assert links_up(network) == before
    assert not talk.wrong
    assert two.verb("fingerprint").split()[1] == new
    # and it is the one with which it comes back
    two.stop()
    two.start()
    network.wait_level(60)
