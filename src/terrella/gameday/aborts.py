"""When a game day is broken off: conditions on what is seen as it goes. Then everything is restored at once."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from terrella.gameday.bounds import Bound, Unit, read_bound, read_exactly, show_seconds, show_share
from terrella.gameday.evidence import Look, failed_share
from terrella.gameday.load import Sample
from terrella.world import duration_ms

_OVER = re.compile(r"over (?:the last )?(\S+)")
_SAMPLES_MIN = 10


class Abort(Protocol):
    """One line of ``abort``."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ``ValueError``."""
        ...

    def reason(self, now_s: float, samples: Sequence[Sample], look: Look | None) -> str | None:
        """Why the game day is to be broken off now; None if it is not."""
        ...


@dataclass(frozen=True, slots=True)
class AbortOnAvailability:
    """``availability: "< 20% over 10s"``: of the requests that were meant to start in the last seconds."""

    bound: Bound
    over_s: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """A share, and over how long."""
        bound, rest = read_bound(text, Unit.SHARE)
        match = _OVER.fullmatch(rest)
        if match is None:
            raise ValueError(text)
        return cls(bound, duration_ms(match[1]) / 1000)

    def reason(self, now_s: float, samples: Sequence[Sample], look: Look | None) -> str | None:
        """Judged as soon as so much time has passed and a few requests were sent in it."""
        if now_s < self.over_s:
            return None
        recent = [sample for sample in samples if sample.intended_s >= now_s - self.over_s]
        if len(recent) < _SAMPLES_MIN or not self.bound.holds(1 - failed_share(recent)):
            return None
        return f"availability was {show_share(1 - failed_share(recent))} over the last {show_seconds(self.over_s)}"


@dataclass(frozen=True, slots=True)
class AbortOnRisk:
    """``at_risk: "> 1000"``: acknowledged writes that one region alone holds."""

    bound: Bound

    @classmethod
    def parse(cls, text: str) -> Self:
        """A number."""
        return cls(read_exactly(text, Unit.COUNT))

    def reason(self, now_s: float, samples: Sequence[Sample], look: Look | None) -> str | None:
        """The first region of which it is so."""
        for name, region in (look.regions if look is not None else {}).items():
            if region.at_risk is not None and self.bound.holds(region.at_risk):
                return f"{region.at_risk:,} writes were at risk in {name}"
        return None


@dataclass(frozen=True, slots=True)
class AbortOnServing:
    """``serving: "< 2"``: how many regions say that they serve."""

    bound: Bound

    @classmethod
    def parse(cls, text: str) -> Self:
        """A number."""
        return cls(read_exactly(text, Unit.COUNT))

    def reason(self, now_s: float, samples: Sequence[Sample], look: Look | None) -> str | None:
        """How many there were."""
        if look is None:
            return None
        serving = sum(region.serving for region in look.regions.values())
        return f"only {serving} regions served" if self.bound.holds(serving) else None


ABORTS: dict[str, tuple[type[Abort], str]] = {
    "availability": (AbortOnAvailability, '"< 20% over 10s"'),
    "at_risk": (AbortOnRisk, '"> 1000"'),
    "serving": (AbortOnServing, '"< 2"'),
}
"""Each with an example of what may stand there."""
