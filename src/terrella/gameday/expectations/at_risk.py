"""``at_risk`` and ``rpo``: what would be lost with a region's disks, in writes and in seconds."""

import math
from dataclasses import dataclass
from typing import ClassVar

from terrella.gameday.bounds import Unit, show_seconds
from terrella.gameday.evidence import Evidence, FaultWindow
from terrella.gameday.expectations.base import Bounded
from terrella.gameday.verdict import Finding

_TAKES_A_REGION_AWAY = ("kill", "pause")


@dataclass(frozen=True, slots=True)
class AtRisk(Bounded):
    """The most acknowledged writes that one region alone held at any moment."""

    keyword: ClassVar[str] = "at_risk"
    grammar: ClassVar[str] = '"<= 100"'
    needs_load: ClassVar[bool] = False

    def judge(self, evidence: Evidence) -> list[Finding]:
        """The most, and where and when."""
        most, where, when_s = -1, "", 0.0
        for look in evidence.looks:
            for name, region in look.regions.items():
                if region.at_risk is not None and region.at_risk > most:
                    most, where, when_s = region.at_risk, name, look.at_s
        if most < 0:
            return [
                Finding("", "writes at risk", self.expected, "unknown: no region said it", held=False, unknown=True)
            ]
        measured = f"at most {most:,}" + (f" (in {where}, {show_seconds(when_s)} into the run)" if most else "")
        return [Finding("", "writes at risk", self.expected, measured, self.bound.holds(most))]


@dataclass(frozen=True, slots=True)
class RecoveryPoint(Bounded):
    """How far the others were behind a region when it was taken away: what its disks alone held then, in seconds."""

    keyword: ClassVar[str] = "rpo"
    grammar: ClassVar[str] = '"<= 2s"'
    needs_load: ClassVar[bool] = False
    unit: ClassVar[Unit] = Unit.SECONDS

    def judge(self, evidence: Evidence) -> list[Finding]:
        """One finding for each time that a region was taken away."""
        gone = [
            (window, region)
            for window in evidence.windows
            if window.keyword in _TAKES_A_REGION_AWAY
            for region in window.regions
            if window.subject == region
        ]
        if not gone:
            return [Finding("", "recovery point", self.expected, "no region was taken away", held=False)]
        return [self._finding(evidence, window, region) for window, region in gone]

    def _finding(self, evidence: Evidence, window: FaultWindow, region: str) -> Finding:
        before = [look for look in evidence.looks if look.at_s <= window.from_s]
        if not before:
            return Finding(
                "", "recovery point", self.expected, "unknown: nobody had looked yet", held=False, unknown=True
            )
        last = before[-1].regions
        # The writes are safe as soon as one other region has them: the least lag counts.
        lags = [one.lags_s.get(region) for name, one in last.items() if name != region and one.serving]
        known = [lag for lag in lags if lag is not None]
        lag_s = min(known, default=math.nan)
        risk = last[region].at_risk if region in last else None
        if risk == 0:
            lag_s = 0.0
        writes = "an unknown number of writes" if risk is None else f"{risk:,} write{'' if risk == 1 else 's'}"
        told = f"{writes} {'was' if risk == 1 else 'were'} in {region} alone"
        measured = f"{show_seconds(lag_s) if known else 'unknown'} ({told})"
        return Finding("", "recovery point", self.expected, measured, self.bound.holds(lag_s))
