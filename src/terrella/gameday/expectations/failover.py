"""``failover``: from a fault to the end of the last request that failed under it, for each vantage point."""

import math
from dataclasses import dataclass
from typing import ClassVar, Self

from terrella.gameday.bounds import Bound, Unit, read_bound, show_seconds
from terrella.gameday.evidence import Evidence, FaultWindow
from terrella.gameday.expectations.base import Known, known_scope
from terrella.gameday.load import Sample
from terrella.gameday.verdict import Finding


@dataclass(frozen=True, slots=True)
class Failover:
    """How one vantage point came over one fault.

    ``took_s`` is 0 where nothing failed, infinite where nothing was answered any more before the fault ended.
    ``elsewhere_s`` is until the first request was answered by a region that the fault does not concern (None: never).
    ``retried`` requests were answered only when they were sent again, the last of them after ``retried_s``: clients
    without retries would have seen those fail.
    """

    window: FaultWindow
    vantage_point: str
    failed: int
    took_s: float
    elsewhere_s: float | None
    retried: int
    retried_s: float


def failovers(evidence: Evidence) -> list[Failover]:
    """Each fault, seen from each vantage point."""
    by_place: dict[str, list[Sample]] = {}
    for sample in evidence.samples:
        by_place.setdefault(sample.vantage_point, []).append(sample)
    return [
        _failover(window, place, samples) for window in evidence.windows for place, samples in sorted(by_place.items())
    ]


def _failover(window: FaultWindow, place: str, samples: list[Sample]) -> Failover:
    # One that was under way when the fault came counts: it is the first that its client lost.
    during = [each for each in samples if each.ended_s >= window.from_s and each.intended_s < window.until_s]
    failed = [each for each in during if not each.ok]
    served = [each for each in during if each.ok and each.region not in window.regions]
    elsewhere_s = min((each.ended_s for each in served), default=None)
    took_s = 0.0
    if failed:
        last = max(failed, key=lambda each: each.intended_s)
        answered_after = any(each.ok and each.intended_s >= last.intended_s for each in during)
        took_s = max(each.ended_s for each in failed) - window.from_s if answered_after else math.inf
    since_s = None if elsewhere_s is None else max(0.0, elsewhere_s - window.from_s)
    retried = [each for each in during if each.ok and each.attempts > 1]
    retried_s = max((each.ended_s - window.from_s for each in retried), default=0.0)
    return Failover(window, place, len(failed), took_s, since_s, len(retried), retried_s)


@dataclass(frozen=True, slots=True)
class FailoverExpectation:
    """The worst fault of each vantage point: detection, TTL and the client's own time-outs, all of it."""

    keyword: ClassVar[str] = "failover"
    grammar: ClassVar[str] = '"<= 40s from tokyo"; without a vantage point, each of them is judged'
    needs_load: ClassVar[bool] = True
    bound: Bound
    vantage_point: str | None

    @property
    def expected(self) -> str:
        """The bound."""
        return str(self.bound)

    @classmethod
    def parse(cls, text: str, known: Known) -> Self:
        """A duration, and perhaps a vantage point."""
        bound, rest = read_bound(text, Unit.SECONDS)
        scope = known_scope(rest, known)
        if scope.excluding is not None:
            raise ValueError(text)
        return cls(bound, scope.vantage_point)

    def judge(self, evidence: Evidence) -> list[Finding]:
        """One finding for each vantage point."""
        worst: dict[str, Failover] = {}
        for one in failovers(evidence):
            if self.vantage_point not in (None, one.vantage_point):
                continue
            known = worst.get(one.vantage_point)
            if known is None or (one.took_s, one.retried_s) > (known.took_s, known.retried_s):
                worst[one.vantage_point] = one
        if not worst:
            return [Finding("", "failover", self.expected, "no fault was injected under load", held=False)]
        return [self._finding(one, evidence) for one in worst.values()]

    def _finding(self, one: Failover, evidence: Evidence) -> Finding:
        if math.isinf(one.took_s):
            lasted_s = one.window.until_s - one.window.from_s
            measured = f"not within the {show_seconds(lasted_s)} of {one.window.told} ({one.failed:,} failed)"
        elif one.failed:
            measured = f"{show_seconds(one.took_s)} after {one.window.told} ({one.failed:,} failed)"
        elif one.retried:
            times = f"{one.retried:,} sent again, until {show_seconds(one.retried_s)} after {one.window.told}"
            measured = f"nothing failed ({times})"
        else:
            measured = "nothing failed"
        held = self.bound.holds(one.took_s)
        note = evidence.aws.told() if one.window.regions else ""
        return Finding("", f"failover from {one.vantage_point}", self.expected, measured, held, note=note)
