"""The rows of the bench. A row has one part or several; the servers of a part are measured in turn
(A B C D, A B C D, A B C D) and told in one table."""

from dataclasses import dataclass, field

MILLION = 1_000_000
ALL = ("floor", "godwit", "inspircd", "ngircd")


@dataclass
class Part:
    title: str
    kind: str                # of report.py: which figures its table has
    options: dict            # of the load generator
    servers: tuple = ALL
    caps: bool = False       # for the servers that have them
    tls: bool = False
    scaled: tuple = ("deliveries",)  # the options that SCALE makes smaller


@dataclass
class Row:
    about: str
    parts: list = field(default_factory=list)


# One sender, so that the window, not chance, says how many lines come to the server at once.
FANOUT = {"mode": "fanout", "senders": 1, "window": 4, "deliveries": 20 * MILLION, "max": 35}

ROWS = {
    "fanout100": Row("fan-out, 1 channel x 100 members", [
        Part("1 sender, 4 lines under way", "traffic", FANOUT | {"members": 100})]),
    "fanout1000": Row("fan-out, 1 channel x 1,000 members", [
        Part("1 sender, 4 lines under way", "traffic", FANOUT | {"members": 1000})]),
    "pairs": Row("direct messages, 100 pairs", [
        Part("both write, 1 line under way each", "traffic",
             {"mode": "pairs", "count": 100, "window": 1, "deliveries": 6_700_000, "max": 36})]),
    "open500": Row("open loop, 500 lines/s to 1 channel x 100 members", [
        Part("random members write at random moments", "open",
             {"mode": "open", "members": 100, "rate": 500, "warm": 2, "max": 20},
             scaled=("max",))]),
    "register": Row("registrations: connect, NICK and USER, 001, QUIT", [
        Part("8 at a time", "register", {"mode": "register", "count": 20_000, "concurrency": 8},
             servers=("floor", "godwit", "ngircd"), scaled=("count",)),
        Part("500 at a time", "register", {"mode": "register", "count": 10_000, "concurrency": 500},
             servers=("floor", "godwit", "inspircd"), scaled=("count",))]),
    "idle": Row("memory of idle clients", [
        Part("after the first 100", "idle", {"mode": "idle", "count": 2000}, scaled=("count",))]),
    "idletls": Row("memory of idle clients with TLS", [
        Part("after the first 100", "idle", {"mode": "idle", "count": 1000},
             servers=("godwit", "inspircd", "ngircd"), tls=True, scaled=("count",))]),
    "caps": Row("fan-out to receivers with message-tags, server-time, account-tag", [
        Part("1 channel x 100 members, 1 sender, 4 lines under way; the floor has no capabilities",
             "traffic", FANOUT | {"members": 100},
             servers=("floor", "godwit", "inspircd"), caps=True)]),
}
