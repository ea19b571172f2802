"""A region's disk is full: nothing can be written there, reading goes on."""

from dataclasses import dataclass
from typing import ClassVar, Self

from terrella.gameday.faults import reading
from terrella.gameday.faults.fault import Entry, Order, Ordered
from terrella.world import World


@dataclass(frozen=True, slots=True)
class FullDisk(Ordered):
    """``disk: eu-west-1`` with ``full: true``."""

    keyword: ClassVar[str] = "disk"
    fis_action: ClassVar[str | None] = "aws:ssm:send-command/AWSFIS-Run-Disk-Fill"
    region: str

    @property
    def subject(self) -> str:
        """The region."""
        return self.region

    @classmethod
    def parse(cls, entry: Entry, world: World) -> Self:
        """Read an entry. Raises ``FaultError``."""
        reading.only(entry, cls.keyword, "full")
        reading.must_be(entry, "full", True)
        return cls(reading.region(entry, cls.keyword, world))

    def told(self) -> str:
        """``disk of eu-west-1 full``."""
        return f"disk of {self.region} full"

    def order(self) -> Order:
        """The region's store refuses what would be written."""
        return Order("disk", {}, (self.region,))
