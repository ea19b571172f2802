"""``lost_writes`` and ``duplicated_writes``: acknowledged writes that are gone in the end, or there twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from terrella.gameday.evidence import Evidence
from terrella.gameday.expectations.base import Bounded
from terrella.gameday.verdict import Finding

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class LostWrites(Bounded):
    """Each acknowledged write is read back from every region, after the replicas have converged."""

    keyword: ClassVar[str] = "lost_writes"
    grammar: ClassVar[str] = "0"
    needs_load: ClassVar[bool] = True

    def judge(self, evidence: Evidence) -> list[Finding]:
        """How many of how many; the first of them by name."""
        writes = evidence.writes
        if writes is None or writes.unchecked:
            why = writes.unchecked if writes is not None else "the run ended before they were read back"
            return [Finding("", "lost writes", self.expected, f"unknown: {why}", held=False)]
        measured = f"{len(writes.lost):,} of {writes.acknowledged:,}"
        return [
            Finding(
                "", "lost writes", self.expected, measured, self.bound.holds(len(writes.lost)), note=_some(writes.lost)
            )
        ]


@dataclass(frozen=True, slots=True)
class DuplicatedWrites(Bounded):
    """Requests whose effect is there more than once: what a client's retry did a second time."""

    keyword: ClassVar[str] = "duplicated_writes"
    grammar: ClassVar[str] = "0"
    needs_load: ClassVar[bool] = True

    def judge(self, evidence: Evidence) -> list[Finding]:
        """How many, the first of them by name."""
        writes = evidence.writes
        if writes is None or writes.unchecked:
            why = writes.unchecked if writes is not None else "the run ended before they were read back"
            return [Finding("", "duplicated writes", self.expected, f"unknown: {why}", held=False)]
        found = len(writes.duplicated)
        note = _some(writes.duplicated)
        return [
            Finding("", "duplicated writes", self.expected, f"{found:,}", self.bound.holds(found), note=note),
        ]


def _some(tokens: Sequence[str]) -> str:
    more = f" and {len(tokens) - _SHOWN} more" if len(tokens) > _SHOWN else ""
    return ", ".join(tokens[:_SHOWN]) + more
