"""A region's clock that can be set wrong."""

from collections.abc import Sequence

from terrella.kernel import Clock
from terrella.region.faults.model import ActiveFault
from terrella.region.faults.parameters import Clock as Skew


class AdjustableClock:
    """Another clock, with its time of day ``skew_ms`` ahead; it measures as that one does."""

    def __init__(self, clock: Clock) -> None:
        self._now_ms = clock.now_ms
        self.monotonic = clock.monotonic
        self.skew_ms = 0

    def now_ms(self) -> int:
        """Milliseconds since 1970 (UTC), as wrong as it was set."""
        return self._now_ms() + self.skew_ms


class SkewedClock:
    """Everything in the region that asks for the time of day is told a wrong one: stamps, expiry, logs.

    Handlers are not: their processes ask the machine.
    """

    def __init__(self, clock: AdjustableClock) -> None:
        self._clock = clock

    def check(self, fault: ActiveFault[Skew]) -> None:
        """Any skew can be."""

    def apply(self, faults: Sequence[ActiveFault[Skew]]) -> None:
        """The last one said is in force."""
        self._clock.skew_ms = faults[-1].parameters.skew_ms if faults else 0
