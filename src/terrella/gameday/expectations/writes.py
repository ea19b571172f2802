"""``lost_writes`` and ``duplicated_writes``: acknowledged writes that are gone in the end, or there twice."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from terrella.gameday.evidence import Evidence, WritesChecked
from terrella.gameday.expectations.base import Bounded
from terrella.gameday.verdict import Finding

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class _Writes(Bounded, ABC):
    """What is the same for both."""

    needs_load: ClassVar[bool] = True
    what: ClassVar[str]

    @abstractmethod
    def found(self, writes: WritesChecked) -> tuple[Sequence[str], str]:
        """The tokens that are bad, and what was measured."""

    def judge(self, evidence: Evidence) -> list[Finding]:
        """How many; the first of them by name. Unknown where they could not all be read back."""
        writes = evidence.writes
        if writes is None or writes.unchecked:
            why = writes.unchecked if writes is not None else "the run ended before they were read back"
            return [Finding("", self.what, self.expected, f"unknown: {why}", held=False, unknown=True)]
        bad, measured = self.found(writes)
        return [Finding("", self.what, self.expected, measured, self.bound.holds(len(bad)), note=_some(bad))]


@dataclass(frozen=True, slots=True)
class LostWrites(_Writes):
    """Each acknowledged write is read back from every region, after the replicas have converged."""

    keyword: ClassVar[str] = "lost_writes"
    grammar: ClassVar[str] = "0"
    what: ClassVar[str] = "lost writes"

    def found(self, writes: WritesChecked) -> tuple[Sequence[str], str]:
        """Of how many."""
        return writes.lost, f"{len(writes.lost):,} of {writes.acknowledged:,}"


@dataclass(frozen=True, slots=True)
class DuplicatedWrites(_Writes):
    """Requests whose effect is there more than once: what a client's retry did a second time."""

    keyword: ClassVar[str] = "duplicated_writes"
    grammar: ClassVar[str] = "0"
    what: ClassVar[str] = "duplicated writes"

    def found(self, writes: WritesChecked) -> tuple[Sequence[str], str]:
        """How many."""
        return writes.duplicated, f"{len(writes.duplicated):,}"


def _some(tokens: Sequence[str]) -> str:
    more = f" and {len(tokens) - _SHOWN} more" if len(tokens) > _SHOWN else ""
    return ", ".join(tokens[:_SHOWN]) + more
