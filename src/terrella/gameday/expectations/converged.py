"""``converged``: from the end of the last fault until every region has everything that was written up to then."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from terrella.gameday.bounds import show_seconds
from terrella.gameday.evidence import Evidence, Look
from terrella.gameday.expectations.base import Since
from terrella.gameday.verdict import Finding


def converged_s(evidence: Evidence) -> float:
    """Seconds after the last fault's end; infinite if that was never seen.

    A region whose lag behind a peer is known to be ``x`` has everything that the peer wrote until ``x`` ago, so this
    is found while the load goes on.
    """
    end_s = evidence.last_restored_s
    for look in evidence.looks_from(end_s):
        if _whole(look, end_s):
            return look.at_s - end_s
    return math.inf


def _whole(look: Look, end_s: float) -> bool:
    regions = look.regions.values()
    if not regions or not all(region.serving for region in regions):
        return False
    lags = [lag for region in regions for lag in region.lags_s.values()]
    return all(lag is not None and look.at_s - lag >= end_s for lag in lags)


@dataclass(frozen=True, slots=True)
class Converged(Since):
    """Looked for four times a second; the replicas are compared byte for byte at the end all the same."""

    keyword: ClassVar[str] = "converged"
    grammar: ClassVar[str] = '"<= 10s after the last fault"'
    needs_load: ClassVar[bool] = False
    words: ClassVar[Sequence[str]] = ("after the last fault",)

    def judge(self, evidence: Evidence) -> list[Finding]:
        """How long it took."""
        took_s = converged_s(evidence)
        measured = "not while it was watched" if math.isinf(took_s) else show_seconds(took_s)
        unseen = not any(True for _ in evidence.looks_from(evidence.last_restored_s))
        return [Finding("", "converged", self.expected, measured, self.bound.holds(took_s), unknown=unseen)]
