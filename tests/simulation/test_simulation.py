"""Three regions under writes, crashes, cuts and full disks, from a seed; and bugs planted to see that it would show."""

import re
from collections.abc import Callable

import pytest

from terrella.journal import MergeResult, SequenceGapError, Version, applying, merge, state
from terrella.testing.simulation import SimulationFailure, simulate

SEEDS = 200
GROUPS = 8


@pytest.mark.parametrize("group", range(GROUPS))
def test_the_rules_hold(group: int) -> None:
    """A failure says how to replay its seed."""
    for seed in range(group, SEEDS, GROUPS):
        simulate(seed)


def test_a_seed_replays_exactly() -> None:
    told: list[list[str]] = [[], []]
    for lines in told:
        simulate(7, tell=lines.append)
    assert told[0] == told[1]
    assert any("crash" in line for line in told[0])


def rules_broken(seeds: int = 25) -> set[str]:
    """The rules of which violations are found."""
    found: dict[int, str] = {}
    for seed in range(seeds):
        try:
            simulate(seed)
        except SimulationFailure as failure:
            found[seed] = str(failure)
    assert all(f"python -m terrella.testing.simulation {seed}" in text for seed, text in found.items())
    return {rule for text in found.values() for rule in re.findall(r"I\d", text)}


def context_not_joined(stored: Version | None, incoming: Version) -> MergeResult:
    """Planted: the stored version keeps its writer's context, and forgets whom it was merged with."""
    result = merge(stored, incoming)
    kept = next((version for version in (stored, incoming) if version and version.dot == result.version.dot), incoming)
    return MergeResult(kept, result.changed, result.clash)


def last_arrival_wins(stored: Version | None, incoming: Version) -> MergeResult:
    """Planted: whatever comes last stands."""
    result = merge(stored, incoming)
    if not result.changed or result.version.dot == incoming.dot:
        return result
    return MergeResult(Version(incoming.value, incoming.dot, incoming.hlc, result.version.context), True, result.clash)


@pytest.mark.parametrize(("bug", "rules"), [(context_not_joined, {"I4"}), (last_arrival_wins, {"I1", "I2"})])
def test_a_wrong_merge_is_found(
    monkeypatch: pytest.MonkeyPatch, bug: Callable[[Version | None, Version], MergeResult], rules: set[str]
) -> None:
    monkeypatch.setattr("terrella.journal.applying.merge", bug)
    assert rules <= rules_broken()


def test_a_missing_cursor_check_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: a record is taken although earlier ones are missing: a relay's log has a hole then."""
    strict = applying.is_next

    def lenient(stream: state.Stream, sequence: int) -> bool:
        try:
            return strict(stream, sequence)
        except SequenceGapError:
            stream.applied = sequence - 1
            return True

    monkeypatch.setattr(applying, "is_next", lenient)
    assert {"I2", "I3"} <= rules_broken()


def test_a_conflict_that_is_not_logged_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: losers vanish."""
    monkeypatch.setattr("terrella.journal.applying.note_conflict", lambda *_: False)
    assert "I4" in rules_broken()
