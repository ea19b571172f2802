"""Calls to other regions are forbidden: what a handler asks of another region's endpoint is refused at once."""

from dataclasses import dataclass
from typing import ClassVar, Self

from terrella.gameday.faults import reading
from terrella.gameday.faults.fault import Entry, FaultError, Order, Ordered
from terrella.world import World

_OTHERS = "other-regions"


@dataclass(frozen=True, slots=True)
class ForbiddenCalls(Ordered):
    """``calls: other-regions`` with ``forbidden: true``; ``from: eu-west-1`` for the calls of one region only."""

    keyword: ClassVar[str] = "calls"
    fis_action: ClassVar[str | None] = "aws:network:route-table-disrupt-cross-region-connectivity"
    region: str = ""

    @property
    def subject(self) -> str:
        """``other-regions``, or ``eu-west-1/other-regions``."""
        return f"{self.region}/{_OTHERS}" if self.region else _OTHERS

    @classmethod
    def parse(cls, entry: Entry, world: World) -> Self:
        """Read an entry. Raises ``FaultError``."""
        reading.only(entry, cls.keyword, "forbidden", "from")
        if reading.text(entry, cls.keyword, _OTHERS) != _OTHERS:
            raise FaultError(reading.show(entry[cls.keyword]), _OTHERS, cls.keyword)
        reading.must_be(entry, "forbidden", True)
        return cls(reading.region(entry, "from", world) if "from" in entry else "")

    def told(self) -> str:
        """``calls to other regions forbidden``."""
        return f"calls to other regions forbidden{f' in {self.region}' if self.region else ''}"

    def order(self) -> Order:
        """Every region's endpoint refuses to forward."""
        return Order("calls", {}, (self.region,) if self.region else ())
