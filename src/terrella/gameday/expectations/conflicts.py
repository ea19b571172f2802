"""``conflicts``: versions that lost to one that their writer had not seen."""

from dataclasses import dataclass
from typing import ClassVar

from terrella.gameday.evidence import Evidence
from terrella.gameday.expectations.base import Bounded
from terrella.gameday.verdict import Finding


@dataclass(frozen=True, slots=True)
class Conflicts(Bounded):
    """The conflict log's growth over the run; in the end it is the same in every region."""

    keyword: ClassVar[str] = "conflicts"
    grammar: ClassVar[str] = '0, or ">= 1"'
    needs_load: ClassVar[bool] = False

    def judge(self, evidence: Evidence) -> list[Finding]:
        """How many."""
        if not evidence.looks:
            return [Finding("", "conflicts", self.expected, "unknown: nobody looked", held=False, unknown=True)]
        first = max((one.conflicts for one in evidence.looks[0].regions.values()), default=0)
        last = max((one.conflicts for one in evidence.looks[-1].regions.values()), default=0)
        return [Finding("", "conflicts", self.expected, f"{last - first:,}", self.bound.holds(last - first))]
