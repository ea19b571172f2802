"""Time is passed in, so that everything above can be simulated."""

import time
from typing import Protocol


class Clock(Protocol):
    """What tells the time: to people and other machines, and for measuring."""

    def now_ms(self) -> int:
        """Milliseconds since 1970 (UTC); may jump."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now_ms(self) -> int:
        """Milliseconds since 1970 (UTC)."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Seconds since some fixed moment."""
        return time.monotonic()
