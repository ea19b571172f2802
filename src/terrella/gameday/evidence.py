"""What a run leaves behind, and what every expectation is judged by: samples, looks at the world, faults. Pure data."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from terrella.gameday.aws_clock import AwsClock
from terrella.gameday.bounds import After, Excluding, Scope
from terrella.gameday.load import Sample
from terrella.gameday.machine import MachineLook, Span


@dataclass(slots=True)
class FaultWindow:
    """A fault as it happened, in seconds of the run; ``until_s`` infinite while it lasts.

    ``regions`` are those that it concerns as a whole, so that clients are to be led away from them.
    """

    keyword: str
    subject: str
    told: str
    from_s: float
    until_s: float = math.inf
    fis_action: str | None = None
    regions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RegionLook:
    """One region in one look. ``healthy`` None: nobody knows; ``lags_s`` by peer, None where it is unknown.

    ``calls`` are those that its functions made to other regions, so far; ``at_risk`` None if it has never said.
    """

    state: str
    healthy: bool | None = None
    lags_s: Mapping[str, float | None] = field(default_factory=dict)
    at_risk: int | None = None
    conflicts: int = 0
    parked: int = 0
    calls: int = 0

    @property
    def serving(self) -> bool:
        """Whether it says that it serves."""
        return self.state == "serving"

    @property
    def lag_s(self) -> float | None:
        """The worst of the lags; None if any is unknown, or there is no peer."""
        known = [lag for lag in self.lags_s.values() if lag is not None]
        return max(known) if known and len(known) == len(self.lags_s) else None


@dataclass(frozen=True, slots=True)
class Look:
    """All regions at one moment, as the front door told."""

    at_s: float
    regions: Mapping[str, RegionLook]


@dataclass(frozen=True, slots=True)
class WritesChecked:
    """What became of the writes: how many were acknowledged, and the tokens of those that are gone or there twice.

    ``missing`` says where: by region, the tokens that it does not have although it should.
    """

    acknowledged: int
    lost: tuple[str, ...] = ()
    duplicated: tuple[str, ...] = ()
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unchecked: str = ""


@dataclass(slots=True)
class Evidence:
    """Everything that was seen, in seconds of the run. ``loaded`` False: no load was meant to be sent.

    ``machine`` is how this machine was meanwhile, ``busy`` when it was too busy for what failed to tell of the world.
    """

    samples: list[Sample] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    windows: list[FaultWindow] = field(default_factory=list)
    regions: tuple[str, ...] = ()
    loaded: bool = True
    load_until_s: float = 0.0
    generator_late_s: float = 0.0
    machine: list[MachineLook] = field(default_factory=list)
    busy: list[Span] = field(default_factory=list)
    writes: WritesChecked | None = None
    equal_after_s: float | None = None
    unequal: str = ""
    aws: AwsClock = field(default_factory=AwsClock)

    def within(self, scope: Scope) -> list[Sample]:
        """The samples that count; one belongs to the moment at which it was meant to start.

        One that was under way when the time began that is left out is left out with it: the fault took it, too.
        """
        gaps = self._gaps(scope.excluding)
        return [
            sample
            for sample in self.samples
            if (scope.vantage_point in (None, sample.vantage_point))
            and not any(sample.intended_s < end and sample.ended_s >= start for start, end in gaps)
        ]

    def _gaps(self, excluding: Excluding | None) -> list[tuple[float, float]]:
        if excluding is None:
            return []
        moments: list[float] = []
        if excluding.after is not After.RESTORE:
            moments += [window.from_s for window in self.windows]
        if excluding.after is not After.FAULT:
            moments += [window.until_s for window in self.windows if not math.isinf(window.until_s)]
        return [(moment, moment + excluding.first_s) for moment in moments]

    @property
    def vantage_points(self) -> list[str]:
        """Where requests came from, in the order in which they first did."""
        return list(dict.fromkeys(sample.vantage_point for sample in self.samples))

    @property
    def watched_s(self) -> float:
        """How long the run was, from its zero to the last look at anything."""
        return max([self.load_until_s, *(each[-1].at_s for each in (self.looks, self.machine) if each)])

    @property
    def last_restored_s(self) -> float:
        """When the last fault ended; 0 if there was none, infinite if one still lasts."""
        return max((window.until_s for window in self.windows), default=0.0)

    def looks_from(self, moment_s: float) -> Iterable[Look]:
        """The looks at a moment and after it."""
        return (look for look in self.looks if look.at_s >= moment_s)


def failed_share(samples: Sequence[Sample]) -> float:
    """The share of requests that were not answered as they should be; not a number of none."""
    return sum(not sample.ok for sample in samples) / len(samples) if samples else math.nan


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` (0 to 1) of them do not exceed; not a number of none."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
