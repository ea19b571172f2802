"""What ``terrella verify`` calls equal, diverged and unproven."""

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from terrella.cli.comparing import Difference, Findings, confirmed, differing_buckets, suspects, unrest
from terrella.cli.figures import show_key
from terrella.cli.verify import show

EAST, WEST = "us-east-1", "eu-west-1"
ORIGIN = f"{EAST}/e1"


def entry(key: str, sequence: int, value_hash: str | None = "aa", origin: str = ORIGIN) -> dict[str, Any]:
    return {"key": key, "origin": origin, "sequence": sequence, "hlc": sequence, "value_hash": value_hash}


def listing(vector: dict[str, int], *entries: dict[str, Any], truncated: bool = False) -> dict[str, Any]:
    return {"vector": vector, "entries": list(entries), "truncated": truncated}


def standing(**vector: int) -> dict[str, Any]:
    return {"snapshot": False, "parked": 0, "held": {f"{EAST}/{life}": sequence for life, sequence in vector.items()}}


def test_rest_is_when_all_have_applied_the_same() -> None:
    assert unrest({EAST: standing(e1=3), WEST: standing(e1=3)}) == []
    assert unrest({EAST: standing(e1=3, e2=1), WEST: standing(e1=1)}) == [
        "eu-west-1 lacks 2 records of us-east-1, incarnation e1",
        "eu-west-1 lacks 1 record of us-east-1, incarnation e2",
    ]
    assert unrest({EAST: standing(e1=3), WEST: {**standing(e1=3), "snapshot": True, "parked": 2}}) == [
        "eu-west-1 is taking a snapshot",
        "eu-west-1 has parked what it cannot apply: 2 (terrella parked)",
    ]


def test_buckets_that_differ() -> None:
    digests = {EAST: {"buckets": ["a", "b", "c"]}, WEST: {"buckets": ["a", "x", "c"]}}
    assert differing_buckets(digests) == [1]


@pytest.mark.parametrize(
    ("here", "there", "vectors", "differ"),
    [
        (entry("01", 1), entry("01", 1), (1, 1), False),
        (entry("01", 1), entry("01", 1, "bb"), (1, 1), True),  # one write, two contents
        (entry("01", 2), entry("01", 1), (2, 2), True),
        (entry("01", 2), entry("01", 1), (2, 1), None),  # on its way
        (entry("01", 1), None, (1, 1), True),
        (entry("01", 1), None, (1, 0), None),
        (entry("01", 1, None), None, (1, 1), False),  # a deletion that was dropped
        (entry("01", 2, None), entry("01", 1), (2, 2), True),
    ],
)
def test_only_what_both_have_applied_is_held_against_them(
    here: dict[str, Any], there: dict[str, Any] | None, vectors: tuple[int, int], differ: bool | None
) -> None:
    listings = {
        EAST: listing({ORIGIN: vectors[0]}, here),
        WEST: listing({ORIGIN: vectors[1]}, *([there] if there else [])),
    }
    found, left_out = suspects(listings)
    assert (len(found), left_out) == {True: (1, 0), None: (0, 1), False: (0, 0)}[differ]
    items: dict[str, dict[str, Any]] = {
        EAST: {"entry": here, "vector": {ORIGIN: vectors[0]}},
        WEST: {"entry": there, "vector": {ORIGIN: vectors[1]}},
    }
    assert (confirmed("01", items) is not None) == bool(differ)


def test_beyond_the_end_of_a_cut_listing_nothing_is_said() -> None:
    vector = {ORIGIN: 9}
    listings = {
        EAST: listing(vector, entry("01", 1), truncated=True),
        WEST: listing(vector, entry("01", 1), entry("02", 2)),
    }
    assert suspects(listings) == ([], 0)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), max_size=20), st.integers(0, 9))
def test_a_replica_that_is_behind_is_never_called_diverged(writes: list[tuple[int, int]], applied: int) -> None:
    """Both apply the writes of one origin in order; one of them only so many."""
    whole: dict[str, dict[str, Any]] = {}
    part: dict[str, dict[str, Any]] = {}
    for sequence, (key, _) in enumerate(writes, 1):
        whole[f"{key:02}"] = entry(f"{key:02}", sequence)
        if sequence <= applied:
            part[f"{key:02}"] = entry(f"{key:02}", sequence)
    listings = {
        EAST: listing({ORIGIN: len(writes)}, *whole.values()),
        WEST: listing({ORIGIN: min(applied, len(writes))}, *part.values()),
    }
    assert suspects(listings)[0] == []


def shown(*findings: Findings) -> str:
    console = Console(width=100, file=io.StringIO(), highlight=False)
    show(list(findings), console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_verdicts_and_how_they_are_shown() -> None:
    equal = Findings("items", [EAST, WEST], entries=3)
    unproven = Findings("clicks", [EAST, WEST], reasons=["eu-west-1 lacks 2 records"], waited_s=30.0)
    diverged = Findings(
        "orders",
        [EAST, WEST],
        differences=[Difference("6131", {EAST: {**entry("6131", 3), "value": {"id": {"S": "a1"}}}, WEST: None})],
        conflict_logs_differ=True,
    )
    assert [one.verdict for one in (equal, unproven, diverged)] == ["equal", "unproven", "diverged"]
    assert shown(equal, unproven, diverged).splitlines() == [
        "items  equal  3 entries in us-east-1, eu-west-1",
        "clicks  unproven  0 entries in us-east-1, eu-west-1, after 30 s",
        "  eu-west-1 lacks 2 records",
        "orders  diverged  0 entries in us-east-1, eu-west-1",
        "  the conflict logs differ",
        "  key a1 differs",
        "    us-east-1: id: a1  (written in us-east-1 #3)",
        "    eu-west-1: nothing",
    ]
    assert shown() == "No replicated tables.\n"


@pytest.mark.parametrize(
    ("key", "text"), [(b"a1", "a1"), (b"user\x00\x01x", "user / x"), (b"\x02\x83\x06\x00", "02830600")]
)
def test_keys_are_shown_as_text_where_they_are(key: bytes, text: str) -> None:
    assert show_key(key.hex()) == text
