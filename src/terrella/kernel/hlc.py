"""Hybrid logical clocks: physical milliseconds and a counter in one integer that sorts by both.

After Kulkarni et al., "Logical Physical Clocks" (2014). A stamp is ``milliseconds << 16 | counter``.
"""

from terrella.kernel.clock import Clock

_COUNTER_BITS = 16
SKEW_BOUND_MS = 60_000


def pack_hlc(milliseconds: int, counter: int = 0) -> int:
    """The stamp of a moment."""
    return milliseconds << _COUNTER_BITS | counter


def hlc_milliseconds(stamp: int) -> int:
    """The physical part of a stamp, in milliseconds since 1970."""
    return stamp >> _COUNTER_BITS


class HybridLogicalClock:
    """One region's clock for stamping writes: never repeats, never goes back, follows what it observes.

    A stamp from elsewhere that lies more than ``SKEW_BOUND_MS`` ahead of the physical clock is not followed
    (``observe`` answers False, so that the caller can report it): one region's wrong clock must not become everyone's.
    """

    def __init__(self, clock: Clock, last: int = 0) -> None:
        self._clock = clock
        self._last = last

    @property
    def last(self) -> int:
        """The highest stamp given out or followed so far."""
        return self._last

    def tick(self, after: int = 0) -> int:
        """A new stamp, later than every earlier one and than ``after`` (the version that a write replaces).

        Where ``after`` lies beyond the skew bound, only this stamp is later: the clock does not follow.
        """
        now_ms = self._clock.now_ms()
        self._last = max(pack_hlc(now_ms), self._last + 1)
        if after < self._last:
            return self._last
        if hlc_milliseconds(after) > now_ms + SKEW_BOUND_MS:
            return after + 1
        self._last = after + 1
        return self._last

    def observe(self, stamp: int) -> bool:
        """Follow a stamp from elsewhere; False if it lies beyond the skew bound and was not followed."""
        if hlc_milliseconds(stamp) > self._clock.now_ms() + SKEW_BOUND_MS:
            return False
        self._last = max(self._last, stamp)
        return True
