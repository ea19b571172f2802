"""How many bytes a range of a log is, without reading it whole each time that somebody asks.

``SentVolume`` is the serving side of one pull: the bytes from the puller's cursors up to what is held, so that the
puller can subtract what it has applied. ``LogWindow`` is what a peer has not acknowledged of one stream.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from terrella.journal.model import Origin, Vector

# Counting that many rows takes well under a millisecond of the event loop.
COUNT_ROWS_MAX = 1000

# Bytes of the records of an origin after one sequence and up to another.
CountBytes = Callable[[Origin, int, int], int]


@dataclass(slots=True)
class _Counted:
    first: int
    upto: int
    bytes: int = 0


class SentVolume:
    """Bytes of the records of each origin from its cursor on. What is sent is counted as it goes; a backlog, ahead."""

    def __init__(self, cursors: Vector) -> None:
        self._cursors = cursors
        self._counted: dict[Origin, _Counted] = {}

    def sent(self, origin: Origin, after: int, records: Iterable[bytes]) -> None:
        """These records, the first with sequence ``after + 1``, were read to be sent."""
        counted = self._of(origin)
        if counted.upto == after:
            for record in records:
                counted.upto += 1
                counted.bytes += len(record)

    def until(self, held: Vector, count: CountBytes) -> dict[str, tuple[int, bool]]:
        """By region, the bytes up to what is held, and whether all of them were counted (else it is an estimate)."""
        volumes: dict[str, tuple[int, bool]] = {}
        rows = COUNT_ROWS_MAX
        for origin, last in held.items():
            counted = self._of(origin)
            upto = min(last, counted.upto + rows)
            if upto > counted.upto:
                rows -= upto - counted.upto
                counted.bytes += count(origin, counted.upto, upto)
                counted.upto = upto
            bytes_, exact = volumes.get(origin[0], (0, True))
            rest = estimate(counted.bytes, counted.upto - counted.first, last - counted.upto)
            volumes[origin[0]] = (bytes_ + counted.bytes + rest, exact and counted.upto >= last)
        return volumes

    def _of(self, origin: Origin) -> _Counted:
        counted = self._counted.get(origin)
        if counted is None:
            cursor = self._cursors.get(origin, 0)
            counted = self._counted[origin] = _Counted(cursor, cursor)
        return counted


class LogWindow:
    """The bytes of one stream's records after one moving sequence and up to another."""

    def __init__(self) -> None:
        self._after = 0
        self._upto = 0
        self._bytes = 0

    def step(self, after: int, upto: int, count: Callable[[int, int], int]) -> bool:
        """Move some way to ``(after, upto]``, by counting ``COUNT_ROWS_MAX`` rows at most; True once it is there."""
        if not self._after <= after <= self._upto <= upto:
            self._after, self._upto, self._bytes = after, after, 0
        if self._after < after:
            gone = min(after, self._after + COUNT_ROWS_MAX)
            self._bytes -= count(self._after, gone)
            self._after = gone
        elif self._upto < upto:
            come = min(upto, self._upto + COUNT_ROWS_MAX)
            self._bytes += count(self._upto, come)
            self._upto = come
        return self._after == after and self._upto == upto

    def bytes(self, after: int, upto: int) -> tuple[int | None, bool]:
        """The bytes of ``(after, upto]``, and whether all were counted; None if nothing is known to go by."""
        if after >= upto:
            return 0, True
        if (self._after, self._upto) == (after, upto):
            return self._bytes, True
        if self._upto == self._after:
            return None, False
        return estimate(self._bytes, self._upto - self._after, upto - after), False


def estimate(counted_bytes: int, counted_records: int, records: int) -> int:
    """What ``records`` would be if they were as long as those that were counted."""
    return round(counted_bytes / counted_records * records) if counted_records else 0
