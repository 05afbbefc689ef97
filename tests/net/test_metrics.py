"""The figures for Prometheus: their form, read by the letter; that modules/metrics/metrics.md lists all of them and no more; that
counters only rise. run-all: beside"""

import http.client
import math
import os
import pathlib
import re

from live import ALL, Irc, Server, free_port, running

PAGE = pathlib.Path(os.environ["GODWIT_SRC"]) / "modules" / "metrics" / "metrics.md"
MODULES = f"{ALL}, link, burst, redirect, balance, even, guest, metrics"
NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
SUFFIXES = ("_bucket", "_sum", "_count")


def scrape(port, method="GET"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, "/metrics")
    answer = connection.getresponse()
    body = answer.read()
    assert (answer.status, answer.getheader("content-type")) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert method == "HEAD" or int(answer.getheader("content-length")) == len(body)
    connection.close()
    return body.decode("ascii")


def labels_of(text):
    """The inside of the braces, as a tuple of pairs."""
    found, at = [], 0
    while at < len(text):
        name = NAME.match(text, at)
        assert name and text[name.end() : name.end() + 2] == '="', text
        value = re.compile(r'((?:[^"\\\n]|\\["\\n])*)"').match(text, name.end() + 2)
        assert value, text
        found.append((name[0], value[1]))
        at = value.end()
        assert at == len(text) or (text[at] == "," and at + 1 < len(text)), text
        at += 1
    assert len({name for name, _ in found}) == len(found), text
    return tuple(found)


def number(text):
    assert re.fullmatch(r"[+-]?(Inf|\d+(\.\d+)?(e[+-]?\d+)?)|NaN", text), text
    return float(text)


class Family:
    def __init__(self, name, help_text):
        self.name, self.help, self.type, self.samples = name, help_text, None, {}

    def histograms(self):
        """Of each set of labels: bounds with counts, sum, count."""
        sets = {}
        for (name, labels), value in self.samples.items():
            rest = tuple(pair for pair in labels if pair[0] != "le")
            one = sets.setdefault(rest, {"buckets": []})
            if name.endswith("_bucket"):
                one["buckets"].append((number(dict(labels)["le"]), value))
            else:
                one[name.rsplit("_", 1)[1]] = value
        return sets

    def check(self):
        assert self.help and self.type in ("counter", "gauge", "histogram"), self.name
        assert (self.type == "counter") == self.name.endswith("_total"), self.name
        if self.type == "counter":
            assert all(value >= 0 for value in self.samples.values()), self.name
        if self.type != "histogram":
            return
        for labels, one in self.histograms().items():
            bounds, counts = zip(*one["buckets"])
            assert list(bounds) == sorted(set(bounds)) and bounds[-1] == math.inf, (self.name, labels)
            assert list(counts) == sorted(counts) and counts[-1] == one["count"], (self.name, labels)
            assert one["sum"] >= 0


def parse(text):
    """Families by name. Each has its HELP, its TYPE and then its samples, all in one place, and nothing twice."""
    families, now = {}, None
    assert text.endswith("\n")
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            _, _, name, help_text = line.split(" ", 3)
            assert NAME.fullmatch(name) and name not in families, line
            now = families[name] = Family(name, help_text)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert now and name == now.name and now.type is None and not now.samples, line
            now.type = kind
        else:
            sample = re.fullmatch(r"([a-zA-Z_][a-zA-Z0-9_]*)(?:\{(.+)\})? (\S+)", line)
            assert sample and now and now.type, line
            names = [now.name + suffix for suffix in SUFFIXES] if now.type == "histogram" else [now.name]
            assert sample[1] in names, line
            key = sample[1], labels_of(sample[2] or "")
            assert key not in now.samples, line
            now.samples[key] = number(sample[3])
    for family in families.values():
        family.check()
    return families


def documented():
    """By section: name, type and labels of each row of the page's tables."""
    sections = {}
    for title, body in re.findall(r"^### (.*?)$(.*?)(?=^##|\Z)", PAGE.read_text(encoding="utf-8"), re.M | re.S):
        rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) ?\| ", body, re.M)
        sections[title] = {name: (kind, set(filter(None, labels.split(", ")))) for name, kind, labels in rows}
    return sections


def told(families):
    return {
        name: (family.type, {label for _, labels in family.samples for label, _ in labels} - {"le"})
        for name, family in families.items()
    }


def same(families, *sections):
    page = {name: row for section in sections for name, row in documented()[section].items()}
    there = told(families)
    assert sorted(there) == sorted(page)
    for name, (kind, labels) in there.items():
        assert kind == page[name][0], name
        # who is linked with nobody has no sample with a peer
        assert labels == page[name][1] - ({"peer"} if not families[name].samples else set()), name


def value(families, name, **labels):
    return families[name].samples[name, tuple(labels.items())]


def test_the_page_lists_what_a_server_tells(tmp_path):
    port = free_port()
    with running(Server(tmp_path / "server", MODULES, f"metrics: {{port: {port}}}\n", link=free_port())) as server:
        before = parse(scrape(port))
        same(before, *(title for title in documented() if title != "agent"))
        irc = Irc(server.plain)
        irc.send("NICK ann", "USER ann 0 * :ann", "JOIN #x", *["PRIVMSG #x :hello"] * 5)
        irc.sync()
        server.ctl("module", "reload", "all")
        after = parse(scrape(port))
        same(after, *(title for title in documented() if title != "agent"))
        assert value(after, "godwit_clients", state="connected") == 1
        assert value(after, "godwit_client_commands_total", command="PRIVMSG") == 5
        assert value(after, "godwit_module_generation", module="client") == 2
        for name, family in before.items():
            for sample, was in family.samples.items():
                if family.type != "gauge":
                    assert after[name].samples[sample] >= was, sample
        assert after["godwit_loop_lag_seconds"].samples["godwit_loop_lag_seconds_count", ()] > 10
        assert scrape(port, "HEAD") == ""
        irc.close()


def test_an_agent_has_its_own(tmp_path):
    port, local = free_port(), free_port()
    agent = Server(tmp_path / "agent", "agent, metrics", start=False)
    (agent.folder / "godwit.yaml").write_text(
        "server: agent.localhost\nstate-directory: state\nmodules: [agent, metrics]\n"
        f"listen:\n  - {{address: '127.0.0.1:{local}', protocol: agent, tls: no}}\n"
        f"agent: {{upstream: ['127.0.0.1:1']}}\nmetrics: {{port: {port}}}\n"
    )
    agent.start()
    with running(agent):
        same(parse(scrape(port)), "The core", "metrics", "agent")
