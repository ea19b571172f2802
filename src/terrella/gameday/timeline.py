"""When each fault begins and ends, by what the file says. Pure."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from terrella.gameday.faults import Fault

Matches = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of ``faults``: at ``at_s``, ``fault`` is injected (for ``for_s``, if said), or some are restored.

    ``restores`` names the subject of the faults that end.
    """

    at_s: float
    line: int
    fault: Fault | None = None
    for_s: float | None = None
    restores: str = ""


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """A fault from ``from_s`` to ``until_s``; None: until the game day is over."""

    fault: Fault
    from_s: float
    until_s: float | None


@dataclass(frozen=True, slots=True)
class Step:
    """At ``at_s`` the fault with this ``number`` begins, or ends."""

    at_s: float
    number: int
    begins: bool


class NothingToRestoreError(ValueError):
    """A moment that restores what is not broken then."""

    def __init__(self, moment: Moment) -> None:
        super().__init__(f"nothing of {moment.restores} is broken")
        self.moment = moment


class BrokenAlreadyError(ValueError):
    """A moment that breaks what ``first`` has broken in the same way (``told``), and what is not mended yet."""

    def __init__(self, moment: Moment, first: Moment, told: str) -> None:
        super().__init__(f"{told}: that of line {first.line} lasts still")
        self.told = told
        self.moment = moment
        self.first = first


def plan_faults(moments: Iterable[Moment], matches: Matches) -> tuple[PlannedFault, ...]:
    """Each fault with its end; in the order in which they begin.

    Raises ``NothingToRestoreError``, and ``BrokenAlreadyError``: the end of one of two that are the same ends both.
    """
    ordered = sorted(moments, key=lambda moment: moment.at_s)
    begun: list[tuple[Fault, float]] = []
    broken_by: list[Moment] = []
    ends: dict[int, float] = {}
    for moment in ordered:
        if moment.fault is not None:
            if moment.for_s is not None:
                ends[len(begun)] = moment.at_s + moment.for_s
            begun.append((moment.fault, moment.at_s))
            broken_by.append(moment)
            continue
        ended = [
            number
            for number, (fault, _) in enumerate(begun)
            if matches(fault.subject, moment.restores) and (number not in ends or ends[number] > moment.at_s)
        ]
        if not ended:
            raise NothingToRestoreError(moment)
        ends.update(dict.fromkeys(ended, moment.at_s))
    _refuse_twice(broken_by, ends)
    return tuple(PlannedFault(fault, at_s, ends.get(number)) for number, (fault, at_s) in enumerate(begun))


def _refuse_twice(broken_by: Sequence[Moment], ends: Mapping[int, float]) -> None:
    """In the order in which they begin; ``ends`` by their number."""
    lasting: dict[str, int] = {}
    for number, moment in enumerate(broken_by):
        assert moment.fault is not None
        told = moment.fault.told()
        first = lasting.get(told)
        if first is not None and ends.get(first, math.inf) > moment.at_s:
            raise BrokenAlreadyError(moment, broken_by[first], told)
        lasting[told] = number


def steps_of(faults: Sequence[PlannedFault]) -> list[Step]:
    """Every beginning and end, in order; what ends at a moment does so before what begins then."""
    steps = [Step(one.from_s, number, begins=True) for number, one in enumerate(faults)]
    steps += [Step(one.until_s, number, begins=False) for number, one in enumerate(faults) if one.until_s is not None]
    return sorted(steps, key=lambda step: (step.at_s, step.begins, step.number))


def last_step_s(faults: Sequence[PlannedFault]) -> float:
    """When the last fault begins or ends; 0 if there is none."""
    return max((step.at_s for step in steps_of(faults)), default=0.0)
