"""``readmitted``: from the restoration of a region until it is given traffic again."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from terrella.gameday.bounds import show_seconds
from terrella.gameday.evidence import Evidence, FaultWindow
from terrella.gameday.expectations.base import Since
from terrella.gameday.verdict import Finding

_KEEPS_TRAFFIC_AWAY = ("kill", "pause", "health")


def readmitted_s(evidence: Evidence, window: FaultWindow, region: str) -> float:
    """Seconds from a fault's end to the first request that the region answered; by its verdict where it has no clients.

    Infinite if that was never seen.
    """
    had_clients = any(one.ok and one.region == region and one.ended_s < window.from_s for one in evidence.samples)
    if had_clients:
        again = [one.ended_s for one in evidence.samples if one.ok and one.region == region]
        return min((end for end in again if end >= window.until_s), default=math.inf) - window.until_s
    for look in evidence.looks_from(window.until_s):
        seen = look.regions.get(region)
        if seen is not None and seen.serving and seen.healthy is not False:
            return look.at_s - window.until_s
    return math.inf


@dataclass(frozen=True, slots=True)
class Readmitted(Since):
    """The region has started, caught up, is healthy again, and resolvers have learnt of it: all of it."""

    keyword: ClassVar[str] = "readmitted"
    grammar: ClassVar[str] = '"<= 15s after restore"'
    needs_load: ClassVar[bool] = False
    words: ClassVar[Sequence[str]] = ("after restore", "after a restore")

    def judge(self, evidence: Evidence) -> list[Finding]:
        """One finding for each region and time."""
        gone = [
            (window, window.subject)
            for window in evidence.windows
            if window.keyword in _KEEPS_TRAFFIC_AWAY and window.subject in evidence.regions
        ]
        if not gone:
            return [Finding("", "readmitted", self.expected, "no region was away", held=False)]
        return [self._finding(evidence, window, region) for window, region in gone]

    def _finding(self, evidence: Evidence, window: FaultWindow, region: str) -> Finding:
        took_s = readmitted_s(evidence, window, region)
        measured = f"{region} not before the load ended" if math.isinf(took_s) else f"{region} {show_seconds(took_s)}"
        note = evidence.aws.told()
        unseen = not any(one.ended_s >= window.until_s for one in evidence.samples)
        unknown = unseen and math.isinf(took_s)
        held = self.bound.holds(took_s)
        return Finding("", "readmitted", self.expected, measured, held, unknown=unknown, note=note)
