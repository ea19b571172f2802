"""Where an invocation runs and where a worker is started. Pure: counts in, an AZ's index or a wish out."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto


@dataclass(slots=True)
class AzLoad:
    """An AZ's pool by numbers: ``live`` counts every worker, dying ones included."""

    up: bool
    live: int
    idle: int
    busy: int
    starting: int
    settling: int

    @property
    def soon(self) -> int:
        """Workers that will ask for work by themselves: those that start, and those that just answered."""
        return self.starting + self.settling

    @property
    def serving(self) -> int:
        """Workers that have started."""
        return self.idle + self.busy + self.settling


_PATIENCE_MAX_S = 1.0


class ColdStarts:
    """A region's cold starts, of all functions: how many are under way, of how many at a time, and how long they take.

    Each costs a core for most of its time. Where requests wait because the cores are busy, a new worker does not help,
    and its start takes from those that work: then fewer answers, more that wait, more starts.
    """

    def __init__(self, at_a_time: int) -> None:
        self.under_way = 0
        self._at_a_time = at_a_time
        self._latest_s = 0.0

    def begin(self) -> None:
        """One more."""
        self.under_way += 1

    def end(self, took_s: float | None) -> None:
        """One is done after so long, or (None) came to nothing."""
        self.under_way -= 1
        if took_s is not None:
            self._latest_s = took_s

    @property
    def crowded(self) -> bool:
        """Whether only a function that has no worker at all should have one started now."""
        return self.under_way >= self._at_a_time

    def patience_s(self, least_s: float) -> float:
        """How long an invocation waits for a busy worker before another is started: longer where starts take long."""
        return max(least_s, min(self._latest_s / 4, _PATIENCE_MAX_S))


class Growth(Enum):
    """What to do for invocations that wait."""

    NOTHING = auto()
    START = auto()
    LATER = auto()
    FULL = auto()


def emptiest(loads: Sequence[AzLoad], per_az_max: int) -> int | None:
    """The AZ that gets the next worker: the one that has fewest; None if every one is full or down."""
    open_azs = [index for index, load in enumerate(loads) if load.up and load.live < per_az_max]
    return min(open_azs, key=lambda index: loads[index].live, default=None)


def growth(
    loads: Sequence[AzLoad],
    waiting: int,
    workers_max: int,
    per_az_max: int,
    *,
    patient: bool,
    brief: bool,
    crowded: bool,
) -> Growth:
    """Whether to start one more worker.

    ``patient``: the last start was only just now; ``brief``: nobody has waited long enough yet for a cold start to be
    the quicker way; ``crowded``: as many start in this region as should at a time. Cold starts compete for the same
    cores: a herd of them is slower than a queue before one. So at most one is begun per period of patience, and none
    for an invocation that a worker on its way will serve.
    """
    if waiting <= sum(load.soon for load in loads):
        return Growth.NOTHING
    if sum(load.live for load in loads) >= workers_max or emptiest(loads, per_az_max) is None:
        return Growth.FULL
    if patient and any(load.soon for load in loads):
        return Growth.LATER
    if brief and any(load.serving for load in loads):
        return Growth.LATER
    if crowded and any(load.serving or load.starting for load in loads):
        return Growth.LATER
    return Growth.START
