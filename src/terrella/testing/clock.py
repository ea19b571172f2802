"""A clock that moves only when it is told to."""


class ManualClock:
    """Starts at ``start_ms`` (milliseconds since 1970); ``advance`` moves both faces of the clock."""

    def __init__(self, start_ms: int = 1_700_000_000_000) -> None:
        self._now_ms = float(start_ms)
        self._monotonic_s = 0.0

    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return int(self._now_ms)

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._monotonic_s

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now_ms += seconds * 1000
        self._monotonic_s += seconds

    def step(self, milliseconds: int) -> None:
        """Set the wall clock forward or (negative) back without time passing, as an operator or NTP does."""
        self._now_ms += milliseconds
