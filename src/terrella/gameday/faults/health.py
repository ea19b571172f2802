"""Health checks of a region fail, lie or flap: what the checkers report has nothing to do with how the region is."""

from dataclasses import dataclass
from typing import ClassVar, Self

from terrella.gameday.faults import reading
from terrella.gameday.faults.fault import Entry, FaultError, Order, Ordered
from terrella.world import World, show_duration

_REPORTS = ("unhealthy", "healthy", "flapping")


@dataclass(frozen=True, slots=True)
class FalseHealth(Ordered):
    """``health: eu-west-1`` with ``reports: unhealthy``, ``healthy`` or ``flapping`` (``every: 5s`` for each turn).

    It takes hold in the checkers of all regions, for the checks whose endpoint is in the region. Without ``every``, a
    turn lasts twice as long as a check needs to change its mind.
    """

    keyword: ClassVar[str] = "health"
    fis_action: ClassVar[str | None] = None
    region: str
    reports: str
    every_s: float = 0.0

    @property
    def subject(self) -> str:
        """The region."""
        return self.region

    @classmethod
    def parse(cls, entry: Entry, world: World) -> Self:
        """Read an entry. Raises ``FaultError``."""
        reading.only(entry, cls.keyword, "reports", "every")
        reports = reading.text(entry, "reports", reading.either(_REPORTS))
        if reports not in _REPORTS:
            raise FaultError(reports, reading.either(_REPORTS), "reports")
        if "every" in entry and reports != "flapping":
            raise FaultError("every", "it beside reports: flapping only", "every")
        return cls(reading.region(entry, cls.keyword, world), reports, reading.duration_s(entry, "every", 0.0))

    def told(self) -> str:
        """``health checks of eu-west-1 report unhealthy``."""
        if self.reports == "flapping":
            every = f" every {show_duration(self.every_s * 1000)}" if self.every_s else ""
            return f"health checks of {self.region} flap{every}"
        return f"health checks of {self.region} report {self.reports}"

    def order(self) -> Order:
        """Every region's checker does it."""
        return Order("health", {"region": self.region, "reports": self.reports, "every_s": self.every_s})
