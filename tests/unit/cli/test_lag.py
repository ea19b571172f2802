"""``terrella lag`` as it is shown: what is unknown looks unknown."""

import io
from collections import deque
from typing import Any

import pytest
from rich.console import Console

from terrella.cli.figures import (
    bytes_of,
    lag_of,
    offsets_of,
    records_of,
    show_bytes,
    show_ms,
    sparkline,
    unknown_for,
    worst,
)
from terrella.cli.lag import History, lag_report, remember, troubles

EAST, WEST = "us-east-1", "ap-southeast-2"

KNOWN: dict[str, Any] = {
    "lag_ms": 34.2,
    "lag_p50_ms": 33.0,
    "lag_p99_ms": 61.0,
    "last_lag_ms": 34.2,
    "known_ms_ago": 12.0,
    "complete_ms_ago": 40.0,
    "records_behind": 3,
    "records_behind_at_least": 3,
    "bytes_behind": 4100,
    "bytes_behind_exact": True,
    "theirs": {f"{WEST}/a1": 10, f"{EAST}/b1": 4},
    "unacknowledged": 0,
    "unacknowledged_bytes": 0,
    "unacknowledged_oldest_ms": None,
    "parked": 0,
    "stopped": None,
    "snapshot_required": False,
}
UNKNOWN: dict[str, Any] = {
    **KNOWN,
    "lag_ms": None,
    "known_ms_ago": 12_300.0,
    "records_behind": None,
    "records_behind_at_least": 3,
    "bytes_behind": None,
    "bytes_behind_exact": False,
}
NEVER: dict[str, Any] = {**UNKNOWN, "known_ms_ago": None, "records_behind_at_least": None, "theirs": {}}


def region(peer: str, pair: dict[str, Any], own: dict[str, int]) -> dict[str, Any]:
    connection = {"connected": pair["lag_ms"] is not None, "last_contact_ms_ago": pair["known_ms_ago"], "retries": 2}
    return {
        "state": "serving",
        "peers": {peer: {**connection, "last_error": "refused"}},
        "tables": [
            {
                "table": "items",
                "lane": "async",
                "at_risk": 5,
                "conflicts": 1,
                "own": own,
                "peers": {peer: pair},
            }
        ],
    }


def world(pair: dict[str, Any]) -> dict[str, Any]:
    own = {f"{WEST}/a1": 7, f"{EAST}/b1": 4}
    return {
        "world": "items",
        "profile": "fast",
        "regions": {EAST: region(WEST, pair, own), WEST: region(EAST, KNOWN, own)},
    }


def shown(answer: dict[str, Any], width: int, history: History | None = None) -> str:
    console = Console(width=width, file=io.StringIO(), highlight=False)
    console.print(lag_report(answer, console, history))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0.4, "0 ms"), (999, "999 ms"), (1200, "1.2 s"), (45_000, "45 s"), (180_000, "3 min"), (9e6, "2 h")],
)
def test_times(value: float | None, text: str) -> None:
    assert show_ms(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0 B"), (812, "812 B"), (4100, "4.1 kB"), (12e6, "12 MB"), (3e15, "3000 TB")]
)
def test_bytes(value: float, text: str) -> None:
    assert show_bytes(value) == text


def test_cells_of_what_is_known_and_of_what_is_not() -> None:
    table = {"own": {f"{WEST}/a1": 7, f"{EAST}/b1": 4}, "peers": {WEST: KNOWN}}
    assert (lag_of(KNOWN), records_of(KNOWN), bytes_of(KNOWN)) == ("34 ms", "3", "4.1 kB")
    assert offsets_of(table, WEST) == "7/10"
    assert bytes_of({**KNOWN, "bytes_behind_exact": False}) == "~4.1 kB"
    assert (lag_of(UNKNOWN), records_of(UNKNOWN), bytes_of(UNKNOWN)) == ("? 12 s", "≥ 3", "?")
    assert offsets_of({**table, "peers": {WEST: UNKNOWN}}, WEST) == "7/≥10"
    assert (lag_of(NEVER), records_of(NEVER), bytes_of(NEVER)) == ("?", "?", "?")
    assert offsets_of({**table, "peers": {WEST: NEVER}}, WEST) == "7/?"
    assert unknown_for(None) == "?"


def test_the_worst_of_several_tables_is_the_one_that_is_unknown_for_longest() -> None:
    assert worst([]) is None
    assert worst([KNOWN, {**KNOWN, "lag_ms": 99.0}]) == {**KNOWN, "lag_ms": 99.0}
    assert worst([KNOWN, UNKNOWN, {**UNKNOWN, "known_ms_ago": 5.0}]) == UNKNOWN
    assert worst([UNKNOWN, NEVER]) == NEVER


def test_bars_are_scaled_to_the_greatest_and_leave_gaps_unknown() -> None:
    assert sparkline([0.0, 50.0, 100.0, None]) == "▁▅█?"
    assert sparkline([0.0, 0.0]) == "▁▁"
    assert sparkline([]) == ""


@pytest.mark.parametrize("width", [80, 200])
def test_it_fits_the_screen_and_says_what_it_does_not_know(width: int) -> None:
    text = shown(world(UNKNOWN), width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    for words in ("? 12 s", "34 ms", "≥ 3", "items · async", "us-east-1 is not connected to ap-southeast-2", "refused"):
        assert words in text
    assert "offsets" in text
    assert ("bytes" in text) == (width == 200)


def test_a_region_that_does_not_answer_is_told_with_its_age() -> None:
    answer = world(KNOWN)
    answer["regions"][WEST] = {"state": "held-down", "reason": "held-down", "heard_s_ago": 42.0}
    assert "ap-southeast-2: held-down; last heard 42 s ago" in shown(answer, 80)
    never = {"state": "down", "reason": "down", "heard_s_ago": None}
    assert troubles({**answer, "regions": {WEST: never}}) == ["ap-southeast-2: down; last heard never"]


def test_lanes_that_stand_still_are_told() -> None:
    answer = world({**KNOWN, "stopped": "a record of format 9", "snapshot_required": True})
    assert troubles(answer) == [
        "us-east-1 has stopped taking items from ap-southeast-2: a record of format 9",
        "us-east-1 needs a snapshot of items: ap-southeast-2 has trimmed what it lacks",
    ]


def test_watching_remembers_and_draws() -> None:
    history: History = {}
    for pair in (KNOWN, UNKNOWN, {**KNOWN, "lag_ms": 1500.0}):
        remember(world(pair), history)
    assert history[(EAST, WEST)] == deque([34.2, None, 1500.0])
    text = shown(world(KNOWN), 80, history)
    assert "▁?█" in text
    assert "up to 1.5 s" in text


def test_a_world_without_replicated_tables() -> None:
    empty = {"state": "serving", "peers": {}, "tables": []}
    assert "No replicated tables." in shown({"world": "w", "profile": "aws", "regions": {EAST: empty}}, 80)
