"""A region's clock is wrong: its writes are stamped with it, and last writer wins goes by it.

Handlers are processes of their own and ask the machine. No system call gives one process another time of day (Linux's
time namespaces leave ``CLOCK_REALTIME`` alone), and what the library of one runtime could be made to answer, the next
one's would not: so they are not misled at all, and the fault says so.
"""

from dataclasses import dataclass
from typing import ClassVar, Self

from terrella.gameday.faults import reading
from terrella.gameday.faults.fault import Entry, Order, Ordered
from terrella.world import World, show_duration


@dataclass(frozen=True, slots=True)
class SkewedClock(Ordered):
    """``clock: eu-west-1`` with ``skew: 90s`` (ahead) or ``skew: -90s`` (behind)."""

    keyword: ClassVar[str] = "clock"
    fis_action: ClassVar[str | None] = None
    region: str
    skew_s: float

    @property
    def subject(self) -> str:
        """The region."""
        return self.region

    @classmethod
    def parse(cls, entry: Entry, world: World) -> Self:
        """Read an entry. Raises ``FaultError``."""
        reading.only(entry, cls.keyword, "skew")
        return cls(reading.region(entry, cls.keyword, world), reading.signed_duration_s(entry, "skew"))

    def told(self) -> str:
        """``clock of eu-west-1 90s ahead (not its handlers')``: nobody is to believe that those were tried."""
        which = "ahead" if self.skew_s >= 0 else "behind"
        return f"clock of {self.region} {show_duration(abs(self.skew_s) * 1000)} {which} (not its handlers')"

    def order(self) -> Order:
        """Everything in the region's own process that asks for the time of day."""
        return Order("clock", {"skew_ms": round(self.skew_s * 1000)}, (self.region,))
