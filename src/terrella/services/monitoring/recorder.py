"""Measures the latency of replication once a second, and keeps it minute by minute."""

import asyncio
import logging

from terrella.journal import JournalError
from terrella.kernel import Clock
from terrella.services.monitoring.ports import LatencySource
from terrella.services.monitoring.series import Series, SeriesStore, minute_of
from terrella.services.monitoring.statistics import StatisticSet

NAMESPACE, REPLICATION_LATENCY = "AWS/DynamoDB", "ReplicationLatency"
SAMPLE_INTERVAL_S = 1.0
_SWEEP_EVERY_MINUTES = 60

_log = logging.getLogger(__name__)


class Recorder:
    """``now`` holds what the minute that is going on has brought so far."""

    def __init__(self, store: SeriesStore, source: LatencySource, clock: Clock) -> None:
        self._store = store
        self._source = source
        self._clock = clock
        self._minute = minute_of(clock.now_ms() / 1000)
        self._minutes_since_sweep = 0
        self.now: dict[Series, StatisticSet] = {}

    @property
    def minute(self) -> int:
        """The start of the minute that ``now`` is of, epoch seconds."""
        return self._minute

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            await self.step()
            await asyncio.sleep(SAMPLE_INTERVAL_S)

    async def step(self) -> None:
        """Write down the minute that is over, if one is; then measure. What is not known is not recorded."""
        minute = minute_of(self._clock.now_ms() / 1000)
        if minute != self._minute:
            await self.flush()
            self._minute = minute
            self._minutes_since_sweep += 1
            if self._minutes_since_sweep >= _SWEEP_EVERY_MINUTES:
                self._minutes_since_sweep = 0
                await self._store.sweep()
        for latency in self._source.latencies():
            if latency.milliseconds is not None:
                dimensions = (("ReceivingRegion", latency.receiving_region), ("TableName", latency.table))
                series = Series(NAMESPACE, REPLICATION_LATENCY, dimensions, "Milliseconds")
                self.now.setdefault(series, StatisticSet()).add(latency.milliseconds)

    async def flush(self) -> None:
        """Write down what was measured; what cannot be written (a full disk) is a gap, and is logged."""
        gathered, self.now = self.now, {}
        try:
            await self._store.put([(series, self._minute, statistics) for series, statistics in gathered.items()])
        except JournalError as error:
            _log.warning("a minute of ReplicationLatency was not written down: %s", error)
