"""``latency``: a percentile of the time that requests took, from the moment at which they were meant to start."""

import re
from dataclasses import dataclass
from typing import ClassVar, Self

from terrella.gameday.bounds import Bound, Scope, Unit, read_bound, show_seconds
from terrella.gameday.evidence import Evidence, percentile
from terrella.gameday.expectations.base import Known, known_scope
from terrella.gameday.verdict import Finding

_PERCENTILE = re.compile(r"p(\d\d?(?:\.\d+)?)\s*(.*)")


@dataclass(frozen=True, slots=True)
class Latency:
    """Of the requests that were answered; ``share`` 0.99 is p99. Waiting for a client that is late counts."""

    keyword: ClassVar[str] = "latency"
    grammar: ClassVar[str] = '"p99 <= 400ms from tokyo excluding the first 40s after a fault"; what follows is optional'
    needs_load: ClassVar[bool] = True
    share: float
    bound: Bound
    scope: Scope

    @property
    def expected(self) -> str:
        """The percentile, the bound and its scope."""
        return f"p{self.share * 100:g} {self.bound} {self.scope}".strip()

    @classmethod
    def parse(cls, text: str, known: Known) -> Self:
        """A percentile, a duration and a scope."""
        match = _PERCENTILE.fullmatch(text.strip())
        if match is None:
            raise ValueError(text)
        bound, rest = read_bound(match[2], Unit.SECONDS)
        return cls(float(match[1]) / 100, bound, known_scope(rest, known))

    def judge(self, evidence: Evidence) -> list[Finding]:
        """The percentile."""
        took = [sample.ended_s - sample.intended_s for sample in evidence.within(self.scope) if sample.ok]
        if not took:
            return [
                Finding("", "latency", self.expected, "no request was answered in that time", held=False, unknown=True)
            ]
        found = percentile(took, self.share)
        measured = f"p{self.share * 100:g} {show_seconds(found)} of {len(took):,}"
        return [Finding("", "latency", self.expected, measured, self.bound.holds(found))]
