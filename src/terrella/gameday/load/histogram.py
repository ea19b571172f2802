"""Latencies in bounded memory, with a fixed relative error: as HDR Histogram keeps them.

Values fall into buckets that double in width with each power of two; each power is cut into ``_PARTS`` equal parts, so
that a reported value is at most 1/``_PARTS`` (under 0.8 %) above the true one, from a microsecond to hours.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

_PARTS_BITS = 7
_PARTS = 1 << _PARTS_BITS
_UNIT_S = 1e-6


class Histogram:
    """Counts of durations. Merging is exact: the same buckets everywhere."""

    __slots__ = ("_buckets", "_total_s", "count", "max_s", "min_s")

    def __init__(self, seconds: Iterable[float] = ()) -> None:
        self._buckets: Counter[int] = Counter()
        self._total_s = 0.0
        self.count = 0
        self.min_s = 0.0
        self.max_s = 0.0
        for value in seconds:
            self.record(value)

    def record(self, seconds: float) -> None:
        """Count one duration; one below zero is counted as zero."""
        seconds = max(0.0, seconds)
        self._buckets[_bucket(seconds)] += 1
        self._total_s += seconds
        self.min_s = min(self.min_s, seconds) if self.count else seconds
        self.max_s = max(self.max_s, seconds)
        self.count += 1

    def merge(self, other: "Histogram") -> None:
        """Count everything that another has counted as well."""
        if not other.count:
            return
        self._buckets += Counter(dict(other.buckets()))
        self._total_s += other.mean_s * other.count
        self.min_s = min(self.min_s, other.min_s) if self.count else other.min_s
        self.max_s = max(self.max_s, other.max_s)
        self.count += other.count

    @property
    def mean_s(self) -> float:
        """The mean; 0 of nothing."""
        return self._total_s / self.count if self.count else 0.0

    def percentile(self, percent: float) -> float:
        """The duration in seconds that ``percent`` (0 to 100) of all do not exceed; 0 of nothing."""
        if not 0 <= percent <= 100:
            raise ValueError(f"found the percentile {percent:g}, expected 0 to 100")
        rank = max(1, -(-percent * self.count // 100))
        seen = 0
        for bucket, count in self.buckets():
            seen += count
            if seen >= rank:
                return min(max(_upper_s(bucket), self.min_s), self.max_s)
        return self.max_s

    def share_within(self, seconds: float) -> float:
        """The share of all (0 to 1) that took at most so long; 1 of nothing."""
        if not self.count:
            return 1.0
        last = _bucket(seconds)
        return sum(count for bucket, count in self._buckets.items() if bucket <= last) / self.count

    def buckets(self) -> Iterator[tuple[int, int]]:
        """The buckets that hold something, shortest first, and how many each holds."""
        yield from sorted(self._buckets.items())

    def steps(self) -> list[tuple[float, int]]:
        """The same for drawing: the upper bound of each bucket in seconds, and its count."""
        return [(_upper_s(bucket), count) for bucket, count in self.buckets()]


def _bucket(seconds: float) -> int:
    units = int(seconds / _UNIT_S)
    shift = max(0, units.bit_length() - _PARTS_BITS - 1)
    return (shift << _PARTS_BITS) + (units >> shift)


def _upper_s(bucket: int) -> float:
    """The end of a bucket, beyond which no value of it lies."""
    shift = max(0, (bucket >> _PARTS_BITS) - 1)
    within = bucket - (shift << _PARTS_BITS)
    return ((within + 1) << shift) * _UNIT_S
