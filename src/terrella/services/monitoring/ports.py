"""What monitoring needs of the region that it stands in."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Latency:
    """How late this region's writes to a table are in another region now; None: not known."""

    table: str
    receiving_region: str
    milliseconds: float | None


class LatencySource(Protocol):
    """Where the figures of replication come from."""

    def latencies(self) -> Iterable[Latency]:
        """One for each replicated table and each other region that holds it."""
        ...
