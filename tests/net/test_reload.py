"""Modules are replaced under people who talk. run-all: timeout=400"""

import asyncio
import subprocess

import pytest
from live import ALL, GODWITCTL
from soak_reload import soak
from variants import SRC, Variants


def test_nobody_notices_that_every_module_is_replaced(tmp_path):
    deliveries, accounts, _ = asyncio.run(soak(tmp_path, 60, 4, pause=0.5, out=lambda *_: None))
    assert deliveries > 1000
    assert accounts > 0


BROKEN = {
    "an undefined symbol": "extern int nobody_has_this(void); int use_it(void); int use_it(void) { return nobody_has_this(); }",
    "nothing that a module needs": "int nothing = 1;",
}


@pytest.mark.parametrize("what", [*BROKEN, "not an image"])
def test_a_broken_build_changes_nothing(tmp_path, serve, connect, what):
    folder = tmp_path / "modules"
    variants = Variants(folder, ["message"])
    server = serve(more=f"module-directory: [{folder}]\n", modules=ALL)
    a, b = connect(server.plain).register("anna"), connect(server.plain).register("bert")
    if what == "not an image":
        (folder / "message.so").write_bytes(b"\x7fELF but not quite")
    else:
        source = tmp_path / "broken.c"
        source.write_text(BROKEN[what])
        subprocess.run([*variants.cc, "-shared", "-fPIC", "-Wl,-z,now", "-o", tmp_path / "broken.so", source], check=True)
        variants.install("message", tmp_path / "broken.so")
    result = subprocess.run(
        [GODWITCTL, "--socket", server.folder / "state" / "control.sock", "module", "reload", "message"],
        capture_output=True, text=True,
    )
    assert result.returncode == 1
    assert "message" in result.stderr
    a.send("PRIVMSG bert :still here")
    b.expect("PRIVMSG bert :still here")
    assert ["message", "1.0", "1"] in [row.split()[:3] for row in server.ctl("module", "list").splitlines()]


def next_monitor(variants, tmp_path, version):
    """As tests/module/layout.c has it: monitor with another layout of its state."""
    text = subprocess.run(["sed", "-f", SRC / "tests/modules/monitor_next.sed", SRC / "modules/monitor/monitor.c"], capture_output=True, text=True, check=True)
    source = tmp_path / f"{version}" / "monitor.c"
    source.parent.mkdir()
    source.write_text(f"#define NEXT {version}\n{text.stdout}")
    variants.add(source)
    return (variants.folder / "monitor.so").rename(variants.path("monitor", version))


def test_another_layout_of_the_state_takes_over(tmp_path, serve, connect):
    variants = Variants(tmp_path / "modules", ["monitor"])
    builds = {1: variants.path("monitor", 0), 2: next_monitor(variants, tmp_path, 2), 3: next_monitor(variants, tmp_path, 3)}
    variants.install("monitor", builds[1])
    server = serve(more=f"module-directory: [{tmp_path}/modules]\ndebug: {{scan-state: yes}}\n", modules=ALL)
    watcher = connect(server.plain).register("anna")
    visitor = connect(server.plain).register("visitor")
    visitor.send("QUIT")
    visitor.eof()
    watcher.send("MONITOR + visitor")
    watcher.expect(" 731 anna :visitor")

    def reload(version):
        variants.install("monitor", builds[version])
        command = [GODWITCTL, "--socket", server.folder / "state" / "control.sock", "module", "reload", "monitor"]
        return subprocess.run(command, capture_output=True, text=True).stderr

    for version, sentence in ((1, ""), (3, "takes no lists of version 1 over"), (2, ""), (3, "takes no lists of version 2 over"),
                              (1, "has state version 1 and cannot migrate version 2"), (2, "")):
        visitor = connect(server.plain).login("visitor")
        assert sentence in reload(version)
        watcher.expect(" 730 anna :visitor!")
        visitor.send("QUIT :seen")
        assert bool(reload(version)) == bool(sentence)
        watcher.expect(" 731 anna :visitor")
    watcher.send("MONITOR L")
    watcher.expect(" 732 anna :visitor")
    watcher.expect(" 733 anna :End of MONITOR list, told 7")
    assert sum(" 730 " in line or " 731 " in line for line in watcher.seen) == 13
    assert not any("stale" in line for line in server.err), "".join(server.err[-20:])
