"""What the functions say of themselves."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AzStatus:
    """One function in one AZ: its workers now, and what happened since the region started."""

    az: str
    down: bool
    workers: int
    warm: int
    busy: int
    starting: int
    invocations: int
    errors: int
    cold_starts: int


@dataclass(frozen=True, slots=True)
class FunctionStatus:
    """One function. ``events_pending`` are asynchronous invocations that are held in memory only: at risk."""

    name: str
    logical_id: str
    code_sha256: str
    throttles: int
    waiting: int
    events_pending: int
    events_discarded: int
    azs: tuple[AzStatus, ...]
