"""``availability``: the share of requests that were answered as they should be."""

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar, Self

from terrella.gameday.bounds import Bound, Scope, Unit, read_bound, show_share
from terrella.gameday.evidence import Evidence, failed_share
from terrella.gameday.expectations.base import Known, known_scope
from terrella.gameday.verdict import Finding

_REASONS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Availability:
    """Of all requests in scope, as their clients saw them: retries that helped in the end count as answered."""

    keyword: ClassVar[str] = "availability"
    grammar: ClassVar[str] = (
        '">= 99.9% from tokyo excluding the first 40s after a fault"; what follows 99.9% is optional'
    )
    needs_load: ClassVar[bool] = True
    bound: Bound
    scope: Scope

    @property
    def expected(self) -> str:
        """The bound and its scope."""
        return f"{self.bound} {self.scope}".strip()

    @classmethod
    def parse(cls, text: str, known: Known) -> Self:
        """A share, and a scope."""
        bound, rest = read_bound(text, Unit.SHARE)
        return cls(bound, known_scope(rest, known))

    def judge(self, evidence: Evidence) -> list[Finding]:
        """The share, how many failed, and the most frequent reasons."""
        samples = evidence.within(self.scope)
        if not samples:
            return [
                Finding("", "availability", self.expected, "no request was sent in that time", held=False, unknown=True)
            ]
        available = 1 - failed_share(samples)
        failed = [sample for sample in samples if not sample.ok]
        reasons = Counter(sample.error or f"status {sample.status}" for sample in failed)
        why = ", ".join(f"{reason} ({count})" for reason, count in reasons.most_common(_REASONS_SHOWN))
        measured = f"{show_share(available)} ({len(failed):,} of {len(samples):,} failed)"
        return [Finding("", "availability", self.expected, measured, self.bound.holds(available), note=why)]
