"""A short random conversation while modules and options change; soak_chaos.py is the long one."""

from soak_chaos import chaos


def test_a_random_conversation_leaves_nothing_behind(tmp_path):
    one, _, _ = chaos(tmp_path / "server", seconds=8, seed=1, clients=12, patience=5.0)
    assert one.connections > 20
    assert one.commands > 20
