"""Slow a link, or what a handler depends on: everything takes longer, and nothing fails by itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from terrella.gameday.faults import reading
from terrella.gameday.faults.dependency import Dependency, read_dependency
from terrella.gameday.faults.fault import Entry, FaultError, Order, Ordered
from terrella.wire.links import Link
from terrella.world import BANDWIDTH, World, bandwidth_bytes_per_s, show_bandwidth, show_duration


@dataclass(frozen=True, slots=True)
class Slow(Ordered):
    """``slow: us-east-1 <-> eu-west-1`` with ``delay``, ``jitter``, ``bandwidth``: the link is like that meanwhile.

    ``slow: {table: items, region: eu-west-1}`` with ``delay`` and ``rate``: that share of calls takes so much longer.
    """

    keyword: ClassVar[str] = "slow"
    fis_action: ClassVar[str | None] = "aws:ssm:send-command/AWSFIS-Run-Network-Latency-Sources"
    what: reading.Pairs | Dependency
    delay_s: float | None = None
    jitter_s: float | None = None
    bandwidth_bytes_per_s: float | None = None
    rate: float = 1.0

    @property
    def subject(self) -> str:
        """The link, or the table or function."""
        return self.what.subject if isinstance(self.what, Dependency) else str(self.what)

    @classmethod
    def parse(cls, entry: Entry, world: World) -> Self:
        """Read an entry. Raises ``FaultError``."""
        if isinstance(entry[cls.keyword], Mapping):
            reading.only(entry, cls.keyword, "delay", "jitter", "rate")
            return cls(
                read_dependency(entry, cls.keyword, world),
                delay_s=reading.duration_s(entry, "delay"),
                jitter_s=reading.duration_s(entry, "jitter", 0.0) or None,
                rate=reading.rate(entry, "rate", 1.0),
            )
        reading.only(entry, cls.keyword, "delay", "jitter", "bandwidth")
        if not {"delay", "jitter", "bandwidth"} & set(entry):
            raise FaultError("none of them", "delay, jitter or bandwidth beside slow", cls.keyword)
        return cls(
            reading.link(entry, cls.keyword, world),
            delay_s=reading.duration_s(entry, "delay") if "delay" in entry else None,
            jitter_s=reading.duration_s(entry, "jitter") if "jitter" in entry else None,
            bandwidth_bytes_per_s=_bandwidth(entry),
        )

    def told(self) -> str:
        """``slow us-east-1 <-> eu-west-1: 400ms, 1MB/s``."""
        parts = []
        if self.delay_s is not None:
            parts.append(show_duration(self.delay_s * 1000))
        if self.jitter_s is not None:
            parts.append(f"± {show_duration(self.jitter_s * 1000)}")
        if self.bandwidth_bytes_per_s is not None:
            parts.append(show_bandwidth(self.bandwidth_bytes_per_s))
        if self.rate < 1:
            parts.append(f"{reading.percent(self.rate)} of calls")
        what = self.what.told if isinstance(self.what, Dependency) else str(self.what)
        return f"slow {what}: {', '.join(parts)}"

    def order(self) -> Order:
        """A link's is the supervisor's to do, a dependency's its region's."""
        if isinstance(self.what, Dependency):
            delays = {"delay_s": self.delay_s or 0.0, "jitter_s": self.jitter_s or 0.0, "rate": self.rate}
            return Order("errors", {**self.what.parameters(), **delays}, self.what.regions)
        return Order("link", {"pairs": [list(pair) for pair in self.what.directions], "changes": self._changes()})

    def client_links(self) -> Mapping[tuple[str, str], Link]:
        """Where it is the path from a vantage point."""
        return {} if isinstance(self.what, Dependency) else self.what.client_links(self._changes())

    def _changes(self) -> dict[str, Any]:
        changes: dict[str, Any] = {
            "delay_ms": None if self.delay_s is None else self.delay_s * 1000,
            "jitter_ms": None if self.jitter_s is None else self.jitter_s * 1000,
            "bandwidth_bytes_per_s": self.bandwidth_bytes_per_s,
        }
        return {name: value for name, value in changes.items() if value is not None}


def _bandwidth(entry: Entry) -> float | None:
    if "bandwidth" not in entry:
        return None
    try:
        return bandwidth_bytes_per_s(str(entry["bandwidth"]))
    except ValueError:
        raise FaultError(reading.show(entry["bandwidth"]), BANDWIDTH, "bandwidth") from None
