"""The admission engine on a simulated database: hundreds of histories, each of a seed."""

import os
import re
import subprocess
import sys

import pytest

from tests.simulation.plants import PLANTS
from tests.simulation.tables import ROOT
from tests.support.long_form import by_form


def simulate(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Play seeds in a process of their own, as one does by hand."""
    return subprocess.run(
        [sys.executable, "-m", "tests.simulation", *arguments],
        cwd=ROOT, env=os.environ | {"PYTHONHASHSEED": "0"}, capture_output=True, text=True,
    )  # fmt: skip


def test_every_history_holds() -> None:
    result = simulate("--seeds", "1", by_form("400", "1500"))

    assert result.returncode == 0, result.stdout + result.stderr
    # Faults have happened, of each kind and at each place that a message has.
    for name in ("cut_after_commit", "cut_before_first", "deadlock_commit", "kill_worker",
                 "restart", "lock_wait_first", "stranger", "client_leaves"):  # fmt: skip
        assert f"{name} " in result.stdout


@pytest.mark.parametrize("plant", sorted(PLANTS))
def test_a_planted_fault_comes_to_light(plant: str) -> None:
    result = simulate("--seeds", "1", "300", "--plant", plant)

    assert result.returncode == 1, result.stdout + result.stderr
    assert "--seed " in result.stdout


def test_a_seed_plays_again_exactly() -> None:
    seed = re.search(r"--seed (\d+)", simulate("--plant", "forget_locks").stdout)
    assert seed is not None

    first, again = (simulate("--seed", seed[1], "--plant", "forget_locks") for _ in range(2))

    assert first.returncode == again.returncode == 1
    assert first.stdout == again.stdout
    assert "VIOLATION" in first.stdout
