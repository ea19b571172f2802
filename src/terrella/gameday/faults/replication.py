"""Replication to and from a region is paused: its link stands, and its tables drift apart from the others'."""

from dataclasses import dataclass
from typing import ClassVar, Self

from terrella.gameday.faults import reading
from terrella.gameday.faults.fault import Entry, Order, Ordered
from terrella.world import World


@dataclass(frozen=True, slots=True)
class PausedReplication(Ordered):
    """``replication: eu-west-1`` with ``paused: true``."""

    keyword: ClassVar[str] = "replication"
    fis_action: ClassVar[str | None] = "aws:dynamodb:global-table-pause-replication"
    region: str

    @property
    def subject(self) -> str:
        """The region."""
        return self.region

    @classmethod
    def parse(cls, entry: Entry, world: World) -> Self:
        """Read an entry. Raises ``FaultError``."""
        reading.only(entry, cls.keyword, "paused")
        reading.must_be(entry, "paused", True)
        return cls(reading.region(entry, cls.keyword, world))

    def told(self) -> str:
        """``replication of eu-west-1 paused``."""
        return f"replication of {self.region} paused"

    def order(self) -> Order:
        """The region neither pulls from others nor lets them pull."""
        return Order("replication", {}, (self.region,))
