"""Modules are replaced under people who talk. run-all: timeout=400"""

import asyncio
import subprocess

import pytest
from live import ALL, GODWITCTL
from soak_reload import soak
from variants import Variants


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
