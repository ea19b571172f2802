"""What came of one request of a client."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """One request, its retries included. Times are seconds since the load's start.

    ``intended_s`` is when the open loop meant it to start: latency counts from there, so that a client that waits for a
    slow answer hides nothing (no coordinated omission). ``region`` answered last, or was tried last, "" if none was
    reached; ``status`` is the last attempt's, 0 for no response. ``writes`` is the token of what it wrote, where
    that was acknowledged or may have happened. ``stale`` tells of a read whether it lacked a write that had been
    acknowledged before it was sent; None where that was not judged. ``answered`` is whether the kind takes the status
    for an answer; None: 200 to 399 are.
    """

    kind: str
    vantage_point: str
    intended_s: float
    ended_s: float
    region: str
    status: int
    attempts: int
    error: str = ""
    writes: str | None = None
    stale: bool | None = None
    answered: bool | None = None

    @property
    def ok(self) -> bool:
        """Whether the application answered as it should; a stale answer is one, and is judged by ``stale``."""
        return 200 <= self.status < 400 if self.answered is None else self.answered

    @property
    def latency_s(self) -> float:
        """From when it was meant to start until it ended, retries and waiting included."""
        return self.ended_s - self.intended_s
