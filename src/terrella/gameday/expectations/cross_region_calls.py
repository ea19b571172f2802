"""``cross_region_calls``: calls that handlers made to another region. An active-active application makes none."""

from dataclasses import dataclass
from typing import ClassVar

from terrella.gameday.evidence import Evidence
from terrella.gameday.expectations.base import Bounded
from terrella.gameday.verdict import Finding


@dataclass(frozen=True, slots=True)
class CrossRegionCalls(Bounded):
    """How often; a region that starts anew counts from nothing, which is no decrease."""

    keyword: ClassVar[str] = "cross_region_calls"
    grammar: ClassVar[str] = "0"
    needs_load: ClassVar[bool] = False

    def judge(self, evidence: Evidence) -> list[Finding]:
        """How many, by region."""
        if not evidence.looks:
            return [
                Finding("", "cross-region calls", self.expected, "unknown: nobody looked", held=False, unknown=True)
            ]
        made: dict[str, int] = {}
        before: dict[str, int] = {}
        for look in evidence.looks:
            for name, region in look.regions.items():
                known = before.get(name, region.calls)
                made[name] = made.get(name, 0) + (region.calls - known if region.calls >= known else region.calls)
                before[name] = region.calls
        found = sum(made.values())
        by_region = ", ".join(f"{name} {count:,}" for name, count in made.items() if count)
        measured = f"{found:,}" + (f" (from {by_region})" if by_region else "")
        return [Finding("", "cross-region calls", self.expected, measured, self.bound.holds(found))]
