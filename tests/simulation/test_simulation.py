"""Worlds from seeds, under every kind of fault; and bugs planted one by one, to see that they would show."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from terrella.testing.simulation.bugs import BUGS, Bug, hunt
from terrella.testing.simulation.runner import keep, run_seed

SEEDS = 200
GROUPS = 20
SEEDS_OF_BUG = 300
# Worlds that did not hold once, far from the seeds above; a change of the plan makes other worlds of them.
ONCE_FAILED = {
    4932: "a region that had left took a write, from an old disk image, and was joined again",
    5493: "a region whose disk was full when it started for the first time",
    7002: "a parked write whose writer had seen a deletion was replayed much later",
    9897: "chunks of a snapshot came in another order",
}


@pytest.mark.parametrize("group", range(GROUPS))
def test_the_rules_hold(group: int, tmp_path: Path) -> None:
    """A failure says how to replay its seed."""
    for seed in range(group, SEEDS, GROUPS):
        outcome = run_seed(seed)
        assert not outcome.finding, f"{outcome.finding}\n{keep(outcome, tmp_path).read_text()[-20_000:]}"


@pytest.mark.parametrize("seed", ONCE_FAILED, ids=ONCE_FAILED.get)
def test_what_did_not_hold_once_holds(seed: int) -> None:
    """Each of them showed a fault of the journal that no other test had."""
    assert not run_seed(seed).finding


def test_a_seed_replays_exactly() -> None:
    """In another process too, where sets have another order."""
    told = []
    for hash_seed in ("1", "2"):
        command = [sys.executable, "-m", "terrella.testing.simulation", "7"]
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        told.append(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
    assert told[0] == told[1]
    assert "up as" in told[0]


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: f"{bug.rule}: {bug.name}")
def test_a_rule_switched_off_is_missed(bug: Bug) -> None:
    """By the checkers that are there for it."""
    assert hunt(bug, SEEDS_OF_BUG) is not None, f"no seed shows that {bug.name}"
