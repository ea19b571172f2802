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
    loads: Sequence[AzLoad], waiting: int, workers_max: int, per_az_max: int, *, patient: bool, brief: bool
) -> Growth:
    """Whether to start one more worker.

    ``patient``: the last start was only just now; ``brief``: nobody has waited long enough yet for a cold start to be
    the quicker way. Cold starts compete for the same cores: a herd of them is slower than a queue before one. So at
    most one is begun per period of patience, and none for an invocation that a worker on its way will serve.
    """
    if waiting <= sum(load.soon for load in loads):
        return Growth.NOTHING
    if sum(load.live for load in loads) >= workers_max or emptiest(loads, per_az_max) is None:
        return Growth.FULL
    if patient and any(load.soon for load in loads):
        return Growth.LATER
    if brief and any(load.serving for load in loads):
        return Growth.LATER
    return Growth.START
