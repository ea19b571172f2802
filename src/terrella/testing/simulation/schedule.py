"""Virtual time: what is to happen when, and the one source of chance."""

import heapq
import random
from collections.abc import Callable

START_MS = 1_700_000_000_000


class Schedule:
    """Runs what is due, in order of time; what is due at once runs in the order in which it was planned."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now = 0.0
        self._planned: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def at(self, time: float, action: Callable[[], None]) -> None:
        """Plan for a moment (seconds)."""
        self._count += 1
        heapq.heappush(self._planned, (max(time, self.now), self._count, action))

    def after(self, delay_s: float, action: Callable[[], None]) -> None:
        """Plan for later."""
        self.at(self.now + delay_s, action)

    def run_until(self, time: float, done: Callable[[], bool] = lambda: False) -> None:
        """Let things happen until a moment, or until all is done."""
        while self._planned and self._planned[0][0] <= time and not done():
            self.now, _, action = heapq.heappop(self._planned)
            action()
        self.now = max(self.now, time) if not done() else self.now


class SkewedClock:
    """A region's clock: right about durations, off by ``offset_ms`` about the time of day."""

    def __init__(self, schedule: Schedule, offset_ms: int) -> None:
        self._schedule = schedule
        self._offset_ms = offset_ms

    def now_ms(self) -> int:
        """Milliseconds since 1970, as this region believes."""
        return START_MS + self._offset_ms + int(self._schedule.now * 1000)

    def monotonic(self) -> float:
        """Virtual seconds."""
        return self._schedule.now
