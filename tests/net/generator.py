"""The load generator (tests/bench/moves.c) as tests use it: people who talk, and who count what they are told."""

import json
import queue
import subprocess
import threading

from live import BUILD, SECONDS

PROGRAM = BUILD / "tests" / "bench" / "moves"
ENTER_S = 240
DRAIN_S = 120
FAULTS = ("lost", "doubled", "disordered", "foreign", "disconnected", "unexpected")


def faults(report):
    """What there is that should not be."""
    return {name: report[name] for name in FAULTS if report[name]}


class Generator:
    """Generator(ports, 300, 600, refuse=10): 300 clients spread over these ports say 600 messages a second in all, and refuse one request in ten.
    Settings are options of the program."""

    def __init__(self, ports, clients, rate, tls=True, **settings):
        servers = ",".join(f"127.0.0.1:{port}" for port in ports)
        command = [PROGRAM, "--servers", servers, "--clients", str(clients), "--rate", str(rate)]
        command += ["--tls"] if tls else []
        for name, value in settings.items():
            command += [f"--{name}", str(value)]
        self.said, self.answers = [], queue.Queue()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        threading.Thread(target=self._pump, daemon=True).start()
        threading.Thread(target=lambda: self.said.extend(self.process.stderr), daemon=True).start()

    def _pump(self):
        for line in self.process.stdout:
            self.answers.put(json.loads(line))
        self.answers.put(None)

    def _answer(self, event, seconds):
        answer = self.answers.get(timeout=seconds)
        assert answer and answer["event"] == event, f"{answer}\n" + "".join(self.said)
        return answer

    def order(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()

    def wait_talking(self):
        return self._answer("ready", ENTER_S)

    def stats(self):
        self.order("stats")
        return self._answer("stats", SECONDS)

    def moved(self):
        return self.stats()["moved"]

    def progress(self):
        """In a line."""
        now = self.stats()
        return f"{now['moved']} moves, {now['delivered']} messages delivered, " + (
            ", ".join(f"{count} {name}" for name, count in faults(now).items()) or "all well")

    def ask(self, count):
        """So many ask for a move."""
        self.order("ask", count)

    def end(self):
        """The report: nobody speaks any more, and what was said has come, or does not come."""
        self.order("stop")
        report = self._answer("report", DRAIN_S)
        report["clean"] = self.process.wait(SECONDS) == 0
        return report

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
