"""The minutes of every metric, kept in a data set of the region's own."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import partial

import msgspec

from terrella.journal import DataSet, Journal, Lane, Transaction, data_set_id
from terrella.kernel import Clock
from terrella.services.monitoring.statistics import StatisticSet

MINUTE_S = 60
RETENTION_S = 15 * 86_400
_SERIES, _MINUTE = b"s", b"m"
_SCAN = 1500
_SWEEP = 500


class Series(msgspec.Struct, frozen=True, array_like=True):
    """One metric: its namespace, name, dimensions (sorted pairs) and unit."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    unit: str

    @property
    def id(self) -> bytes:
        """Twelve bytes that stand for it in keys."""
        return hashlib.sha256(msgspec.msgpack.encode(self)).digest()[:12]


class SeriesStore:
    """Reads and writes minutes. What is being gathered of the present minute is merged in by whoever gathers it."""

    def __init__(self, journal: Journal, region: str, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._data_set = DataSet(data_set_id("", region, "monitoring", 1), "monitoring", Lane.LOCAL, (region,))
        self._latest_minutes: dict[Series, int] = {}

    async def start(self) -> None:
        """Open what is kept."""
        await self._journal.declare(self._data_set)
        after = _SERIES
        while entries := self._journal.scan(
            self._data_set.id, start=after, start_exclusive=True, end=b"t", limit=_SCAN
        ):
            for entry in entries:
                assert entry.version.value is not None, "a scan answers live items"
                series, minute = msgspec.msgpack.decode(entry.version.value, type=tuple[Series, int])
                self._latest_minutes[series] = minute
            after = entries[-1].key

    def latest(self) -> Mapping[Series, int]:
        """Every metric that is kept, and the latest minute (its start, epoch seconds) that it has a value of."""
        return self._latest_minutes

    async def put(self, minutes: Iterable[tuple[Series, int, StatisticSet]]) -> None:
        """Add to minutes (their starts, epoch seconds); durable when it returns. Raises ``JournalError``."""
        news = list(minutes)
        if news:
            await self._journal.write(lambda transaction: self._put(transaction, news))
            for series, minute, _ in news:
                self._latest_minutes[series] = max(minute, self._latest_minutes.get(series, 0))

    def _put(self, transaction: Transaction, news: list[tuple[Series, int, StatisticSet]]) -> None:
        for series, minute, statistics in news:
            key = _minute_key(series, minute)
            stored = transaction.get(self._data_set.id, key)
            merged = StatisticSet()
            if stored is not None and stored.value is not None:
                merged = msgspec.msgpack.decode(stored.value, type=StatisticSet)
            merged.merge(statistics)
            transaction.put(self._data_set.id, key, msgspec.msgpack.encode(merged))
            latest = max(minute, self._latest_minutes.get(series, 0))
            transaction.put(self._data_set.id, _SERIES + series.id, msgspec.msgpack.encode((series, latest)))

    def minutes(self, series: Series, start_s: int, end_s: int) -> Iterator[tuple[int, StatisticSet]]:
        """The minutes that begin from ``start_s`` and before ``end_s`` on, in order."""
        start, end = _minute_key(series, max(0, start_s)), _minute_key(series, max(0, end_s))
        exclusive = False
        while entries := self._journal.scan(
            self._data_set.id, start=start, start_exclusive=exclusive, end=end, limit=_SCAN
        ):
            for entry in entries:
                assert entry.version.value is not None, "a scan answers live items"
                yield (
                    int.from_bytes(entry.key[-5:], "big"),
                    msgspec.msgpack.decode(entry.version.value, type=StatisticSet),
                )
            start, exclusive = entries[-1].key, True

    async def sweep(self) -> None:
        """Delete what is older than is kept, some at a time."""
        oldest = self._clock.now_ms() // 1000 - RETENTION_S
        for series in list(self._latest_minutes):
            start, end = _minute_key(series, 0), _minute_key(series, max(0, oldest))
            while entries := self._journal.scan(self._data_set.id, start=start, end=end, limit=_SWEEP):
                await self._journal.write(partial(self._delete, [entry.key for entry in entries]))
            if self._latest_minutes[series] < oldest:
                await self._journal.write(partial(self._delete, [_SERIES + series.id]))
                del self._latest_minutes[series]

    def _delete(self, keys: list[bytes], transaction: Transaction) -> None:
        for key in keys:
            transaction.delete(self._data_set.id, key)


def minute_of(time_s: float) -> int:
    """The start of the minute that a moment is in."""
    return int(time_s // MINUTE_S) * MINUTE_S


def _minute_key(series: Series, minute: int) -> bytes:
    return _MINUTE + series.id + minute.to_bytes(5, "big")
