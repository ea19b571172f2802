"""How late this region's writes are in the others: what CloudWatch's ``ReplicationLatency`` is made of.

The region that receives knows best, and says so in its bulletins. While it is not heard, or does not know, the age of
the oldest write that it has not acknowledged stands for it; without such a write, nothing is known.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from terrella.journal import ReplicationReport
from terrella.kernel import Clock
from terrella.region.bulletin import SILENCE_S
from terrella.services.monitoring import Latency


class Latencies:
    """Hears what the others say of their lags behind this region. ``report`` is known once replication has started."""

    def __init__(self, region: str, clock: Clock) -> None:
        self._region = region
        self._clock = clock
        self._heard: dict[str, tuple[float, Mapping[str, float | None]]] = {}
        self.report: ReplicationReport | None = None

    def told(self) -> dict[str, dict[str, float | None]]:
        """For the others: by region and table, how far this region is behind, in milliseconds."""
        told: dict[str, dict[str, float | None]] = {}
        if self.report is not None:
            for (table, peer), lag_ms in self.report.lags_ms().items():
                told.setdefault(peer, {})[table] = lag_ms
        return told

    def hear(self, peer: str, bulletin: Mapping[str, Any]) -> None:
        """A bulletin of another region."""
        lags = bulletin.get("lags_ms", {}).get(self._region, {})
        self._heard[peer] = (self._clock.monotonic(), lags)

    def latencies(self) -> Iterator[Latency]:
        """Each replicated table and each other region that holds it."""
        if self.report is None:
            return
        now = self._clock.monotonic()
        for (table, peer), waiting_ms in self.report.waiting_ms().items():
            heard_at, lags = self._heard.get(peer, (-SILENCE_S, {}))
            said_ms = lags.get(table) if now - heard_at < SILENCE_S else None
            yield Latency(table, peer, said_ms if said_ms is not None else waiting_ms)
