"""Comparing the replicas of a table: what several regions answer, to what can be said of it. Pure.

Two versions of a key can be held against each other where each region has applied what the other one has there: else
the difference may be on its way. So ``covered`` is asked before anything is called a divergence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

Vector = Mapping[str, int]
Entry = Mapping[str, Any]
SAME = ("origin", "sequence", "hlc", "value_hash")


@dataclass(frozen=True, slots=True)
class Difference:
    """One key that two regions hold differently, by region: the entry, or None where there is none."""

    key: str
    entries: dict[str, Entry | None]


@dataclass(slots=True)
class Findings:
    """What came of comparing one table. ``reasons`` say why equality is not proven where nothing differs."""

    table: str
    regions: list[str]
    entries: int = 0
    waited_s: float = 0.0
    differences: list[Difference] = field(default_factory=list)
    conflict_logs_differ: bool = False
    left_out: int = 0
    reasons: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        """``diverged``, ``unproven`` or ``equal``."""
        if self.differences or self.conflict_logs_differ:
            return "diverged"
        return "unproven" if self.reasons else "equal"


def unrest(standings: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Why the replicas cannot be compared as a whole now: who lacks what of whom, who takes a snapshot."""
    most: dict[str, int] = {}
    for standing in standings.values():
        for origin, sequence in standing["held"].items():
            most[origin] = max(sequence, most.get(origin, 0))
    reasons = []
    for region, standing in standings.items():
        if standing["snapshot"]:
            reasons.append(f"{region} is taking a snapshot")
        if standing["parked"]:
            reasons.append(f"{region} has parked what it cannot apply: {standing['parked']} (terrella parked)")
        for origin, sequence in most.items():
            missing = sequence - standing["held"].get(origin, 0)
            if missing > 0:
                records = "record" if missing == 1 else "records"
                reasons.append(f"{region} lacks {missing} {records} of {origin.replace('/', ', incarnation ')}")
    return reasons


def differing_buckets(digests: Mapping[str, Mapping[str, Any]]) -> list[int]:
    """The buckets of which not all regions have the same hash."""
    columns = zip(*(digest["buckets"] for digest in digests.values()), strict=True)
    return [number for number, column in enumerate(columns) if len(set(column)) > 1]


def suspects(listings: Mapping[str, Mapping[str, Any]]) -> tuple[list[Difference], int]:
    """The keys that differ although each region has applied what the other holds, and how many others differ."""
    by_region = {region: {entry["key"]: entry for entry in listing["entries"]} for region, listing in listings.items()}
    vectors = {region: listing["vector"] for region, listing in listings.items()}
    ends = [_end(listing) for listing in listings.values() if listing["truncated"]]
    end = min(ends) if ends else None
    found, left_out = [], 0
    for key in sorted({key for entries in by_region.values() for key in entries}):
        if end is not None and key > end:
            continue  # one of them did not tell as far as this
        entries = {region: held.get(key) for region, held in by_region.items()}
        verdicts = [_differ(entries, vectors, pair) for pair in combinations(entries, 2)]
        if True in verdicts:
            found.append(Difference(key, entries))
        elif None in verdicts:
            left_out += 1
    return found, left_out


def confirmed(key: str, items: Mapping[str, Mapping[str, Any]]) -> Difference | None:
    """The same key, read again in every region: what still differs, and should not."""
    entries = {region: item["entry"] for region, item in items.items()}
    vectors = {region: item["vector"] for region, item in items.items()}
    if any(_differ(entries, vectors, pair) for pair in combinations(entries, 2)):
        return Difference(key, entries)
    return None


def _differ(entries: Mapping[str, Entry | None], vectors: Mapping[str, Vector], pair: Sequence[str]) -> bool | None:
    """Whether two regions differ at a key; None if they do, and that may be on its way."""
    one, other = (entries[region] for region in pair)
    if one is not None and other is not None and all(one[name] == other[name] for name in SAME):
        return False
    if one is None and other is None:
        return False
    # Where one has nothing, the other's deletion may have been dropped here already, lawfully.
    for held, missing in ((one, other), (other, one)):
        if missing is None and held is not None and held["value_hash"] is None:
            return False
    covers = covered(one, vectors[pair[1]]) and covered(other, vectors[pair[0]])
    return True if covers else None


def covered(entry: Entry | None, vector: Vector) -> bool:
    """Whether a region that has applied this much has applied this entry."""
    return entry is None or vector.get(entry["origin"], 0) >= entry["sequence"]


def _end(listing: Mapping[str, Any]) -> str:
    return str(listing["entries"][-1]["key"])
