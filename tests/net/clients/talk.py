"""Clients that say numbered messages, all at the same time, and what each of them must show: the talk itself, each number once and in
order, and nothing else. Somebody on a plain connection listens as well."""

import re
import threading

from live import wait_for
from people import Person

from .client import ROOM

PAUSE_S = 0.1


class Talk:
    """All clients in one room; made once for each time. One with an `asker` says no numbers of its own, but answers that nick's."""

    def __init__(self, clients, pause=PAUSE_S):
        self.clients, self.pause = clients, pause
        self.speakers = [client for client in clients if not hasattr(client, "asker")]
        self.said = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.go_on, daemon=True)
        self.visits = []

    def begin(self):
        for client in self.clients:
            client.mark()
        self.all_say("begins")
        for client in self.clients:
            client.mark()
        self.thread.start()

    def all_say(self, what):
        for client in self.clients:
            client.say(f"{client.nick} {what}")
        for hearer in self.clients:
            for client in self.clients:
                hearer.wait_said(client.nick, f"{client.nick} {what}")

    def go_on(self):
        while not self.over.wait(self.pause):
            for client in self.speakers:
                client.say(f"{client.nick} {self.said}")
            self.said += 1

    def end(self):
        """Ends when everybody has heard all."""
        self.stop()
        for client in self.clients:
            if client not in self.speakers and self.said:
                client.wait_said(client.nick, f"answer {self.said - 1}")
        self.all_say("ends")
        for visitor in self.visits:
            if not visitor.gone:
                visitor.listen()

    def stop(self):
        self.over.set()
        if self.thread.ident:
            self.thread.join()

    def goes_on(self, messages=2):
        """Until everybody has heard so many more from everybody."""
        last = self.said + messages
        wait_for(lambda: self.said > last, "the talk")
        for hearer in self.clients:
            for client in self.clients:
                hearer.wait_said(client.nick, self.word(client, last))

    @staticmethod
    def word(client, number):
        return f"{getattr(client, 'asker', '') and 'answer' or client.nick} {number}"

    def visitor(self, port, nick):
        """Somebody who listens, whose coming and going are the only things to be seen beside the talk."""
        visitor = Visitor(port, nick)
        self.visits.append(visitor)
        for client in self.clients:
            wait_for(lambda client=client: visitor.comings(client.shown()[1]), f"{nick}'s coming at {client.kind}")
        return visitor

    def leaves(self, visitor):
        visitor.listen()
        visitor.leave()
        visitor.gone = True
        for client in self.clients:
            wait_for(lambda client=client: visitor.goings(client.shown()[1]), f"{visitor.nick}'s leave at {client.kind}")

    # --- What came of it ---

    def faults(self):
        """In words; none: all is as it must be."""
        return [fault for hearer in [*self.clients, *self.visits] for fault in self.faults_at(hearer)]

    def faults_at(self, hearer):
        """Of a client, or a visitor."""
        return list(hearer.faults(self) if hearer in self.visits else self.faults_of(hearer))

    def faults_of(self, hearer):
        said, others = hearer.shown()
        for visitor in self.visits:
            for kind, found in (("come", visitor.comings(others)), ("go", visitor.goings(others))):
                if len(found) != (kind == "come" or visitor.gone):
                    yield f"{hearer.kind} saw {visitor.nick} {kind} {len(found)} times"
                others = [line for line in others if line not in found]
        yield from (f"{hearer.kind} showed: {line}" for line in others)
        for client in self.clients:
            wanted = [self.word(client, number) for number in range(self.said)] + [f"{client.nick} ends"]
            yield from wrong(hearer.kind, client.nick, wanted, [text for nick, text in said if nick == client.nick])
        strangers = {nick for nick, _ in said} - {client.nick for client in self.clients}
        yield from (f"{hearer.kind} heard {nick}" for nick in strangers)


def wrong(hearer, nick, wanted, got):
    if got == wanted:
        return
    lost = [text for text in wanted if text not in got]
    more = sorted({text for text in got if got.count(text) > wanted.count(text)})
    yield f"{hearer} heard of {nick}: lost {lost}, too often {more}" + ("" if lost or more else f", in another order: {got}")


class Visitor(Person):
    """On a plain connection, without any capability."""

    def __init__(self, port, nick):
        super().__init__(port, nick)
        self.does(f"JOIN {ROOM}")
        self.begins, self.gone = len(self.seen), False

    def comings(self, lines):
        return [line for line in lines if re.search(rf"\b{self.nick}\b.*\bjoined\b|\bjoin\b.*\b{self.nick}\b", line)]

    def goings(self, lines):
        return [line for line in lines if re.search(rf"\b{self.nick}\b.*\bquit\b|\bquit\b.*\b{self.nick}\b", line)]

    def listen(self):
        """Whatever has come, up to now."""
        self.sync()

    def faults(self, talk):
        lines = [line for line in self.seen[self.begins:] if not re.match(r"PING|\S+ PONG |ERROR .*\(Quit\)$", line)]
        heard = {client.nick: [] for client in talk.clients}
        for line in lines:
            found = re.fullmatch(rf":(\w+)!\S+ PRIVMSG {ROOM} :(.*)", line)
            if found and found[1] in heard:
                heard[found[1]].append(found[2])
            elif not any(line.startswith(f":{other.nick}!") for other in talk.visits):
                yield f"{self.nick} saw: {line}"
        for client in talk.clients:
            numbers = [int(text.split()[1]) for text in heard[client.nick] if not text.endswith("s")]
            first, last = numbers[0] if numbers else 0, max(numbers, default=0) if self.gone else talk.said - 1
            if numbers != list(range(first, last + 1)):
                yield f"{self.nick} heard of {client.nick}: {numbers}"
