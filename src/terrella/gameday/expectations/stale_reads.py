"""``stale_reads``: reads that did not show a write that had been acknowledged before them."""

from dataclasses import dataclass
from typing import ClassVar, Self

from terrella.gameday.bounds import Bound, Unit, read_exactly, show_share
from terrella.gameday.evidence import Evidence
from terrella.gameday.expectations.base import Known
from terrella.gameday.verdict import Finding


@dataclass(frozen=True, slots=True)
class StaleReads:
    """A number of them, or a share of the reads that could be judged."""

    keyword: ClassVar[str] = "stale_reads"
    grammar: ClassVar[str] = '"<= 1%", or a number of reads'
    needs_load: ClassVar[bool] = True
    bound: Bound

    @property
    def expected(self) -> str:
        """The bound."""
        return str(self.bound)

    @classmethod
    def parse(cls, text: str, known: Known) -> Self:
        """A share or a number."""
        return cls(read_exactly(text, Unit.SHARE if "%" in text else Unit.COUNT))

    def judge(self, evidence: Evidence) -> list[Finding]:
        """How many of how many reads."""
        judged = [sample for sample in evidence.samples if sample.stale is not None]
        stale = sum(bool(sample.stale) for sample in judged)
        if not judged:
            measured = "no read could be judged (a kind with known: written is needed)"
            return [Finding("", "stale reads", self.expected, measured, held=False, unknown=True)]
        share = stale / len(judged)
        measured = f"{stale:,} of {len(judged):,} ({show_share(share)})"
        held = self.bound.holds(share if self.bound.unit is Unit.SHARE else stale)
        return [Finding("", "stale reads", self.expected, measured, held)]
