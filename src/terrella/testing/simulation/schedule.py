"""Virtual time: what is to happen when, in one order that follows from the seed, and the one source of chance."""

import heapq
import random
from collections import deque
from collections.abc import Callable
from typing import Any

START_MS = 1_700_000_000_000
_STEP_S = 2e-6  # what a step takes: whoever waits for time to pass by looking at the clock sees it pass
_STEPS_MAX = 3_000_000


def random_of(seed: int) -> random.Random:
    """The chance that a seed gives."""
    return random.Random(seed)


class SimulatedCrash(BaseException):
    """The process whose turn it is dies at this very statement."""


class Planned:
    """Something that is to happen; ``owner`` is who it happens to, and has to be alive for it."""

    __slots__ = ("action", "arguments", "cancelled_", "moment", "owner")

    def __init__(self, moment: float, action: Callable[..., Any], arguments: tuple[Any, ...], owner: Any) -> None:
        self.moment = moment
        self.action = action
        self.arguments = arguments
        self.owner = owner
        self.cancelled_ = False

    def cancel(self) -> None:
        """It is not to happen any more."""
        self.cancelled_ = True

    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self.cancelled_

    def when(self) -> float:
        """The moment, in virtual seconds."""
        return self.moment


class Schedule:
    """Runs what is due, in order of time; what is due at once runs in the order in which it was planned.

    ``enter`` is told whose turn it is, whenever that changes.
    """

    def __init__(self, seed: int, enter: Callable[[Any], None] = lambda _: None) -> None:
        self.random = random_of(seed)
        self.now = 0.0
        self.steps = 0
        self._enter = enter
        self._ready: deque[Planned] = deque()
        self._timers: list[tuple[float, int, Planned]] = []
        self._count = 0

    def soon(self, action: Callable[..., Any], *arguments: Any, owner: Any = None) -> Planned:
        """Plan for this moment, after what is planned for it already."""
        planned = Planned(self.now, action, arguments, owner)
        self._ready.append(planned)
        return planned

    def at(self, moment: float, action: Callable[..., Any], *arguments: Any, owner: Any = None) -> Planned:
        """Plan for a moment (seconds)."""
        planned = Planned(max(moment, self.now), action, arguments, owner)
        self._count += 1
        heapq.heappush(self._timers, (planned.moment, self._count, planned))
        return planned

    def after(self, delay_s: float, action: Callable[..., Any], *arguments: Any, owner: Any = None) -> Planned:
        """Plan for later."""
        return self.at(self.now + delay_s, action, *arguments, owner=owner)

    def run_until(self, moment: float) -> None:
        """Let everything happen up to a moment."""
        ready, timers = self._ready, self._timers
        turn: Any = None
        while True:
            if ready:
                planned = ready.popleft()
                self.now += _STEP_S
            elif timers and timers[0][0] <= moment:
                due, _, planned = heapq.heappop(timers)
                self.now = max(self.now, due)
            else:
                break
            owner = planned.owner
            if planned.cancelled_ or (owner is not None and not owner.alive):
                continue
            if owner is not turn:
                turn = owner
                self._enter(owner)
            self.steps += 1
            assert self.steps < _STEPS_MAX, f"no end in sight at {self.now:.3f} s: {planned.action}"
            try:
                planned.action(*planned.arguments)
            except SimulatedCrash:
                continue
            except Exception as error:
                if owner is None:
                    raise
                owner.failed(planned.action, error)
        self._enter(None)
        self.now = max(self.now, moment)


class RegionClock:
    """A region's clock: off by ``offset_ms`` about the time of day, and by ``drift`` (a fraction) about durations.

    While ``laboured`` the region is so slow that each look at the clock finds time gone.
    """

    def __init__(self, schedule: Schedule, offset_ms: int, drift: float) -> None:
        self._schedule = schedule
        self._offset_ms = float(offset_ms)
        self._rate = 1.0 + drift
        self._lost_s = 0.0
        self.laboured = False
        self.latest_ms = 0

    def now_ms(self) -> int:
        """Milliseconds since 1970, as this region believes."""
        now_ms = START_MS + int(self._offset_ms + self._schedule.now * self._rate * 1000)
        self.latest_ms = max(self.latest_ms, now_ms)
        return now_ms

    def monotonic(self) -> float:
        """Virtual seconds, as this region counts them."""
        if self.laboured:
            self._lost_s += 0.0015
        return self._schedule.now * self._rate + self._lost_s

    def step(self, milliseconds: int) -> None:
        """Someone sets the clock."""
        self._offset_ms += milliseconds
