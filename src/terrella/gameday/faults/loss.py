"""A lossy link: a share of the segments is lost, and each costs its retransmission."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from terrella.gameday.faults import reading
from terrella.gameday.faults.fault import Entry
from terrella.gameday.faults.paths import PathFault
from terrella.world import World


@dataclass(frozen=True, slots=True)
class Loss(PathFault):
    """``loss: us-east-1 <-> eu-west-1`` with ``rate: 5%``; one way with ``->``."""

    keyword: ClassVar[str] = "loss"
    fis_action: ClassVar[str | None] = "aws:ssm:send-command/AWSFIS-Run-Network-Packet-Loss-Sources"
    way: reading.Pairs
    rate: float

    @classmethod
    def parse(cls, entry: Entry, world: World) -> Self:
        """Read an entry. Raises ``FaultError``."""
        reading.only(entry, cls.keyword, "rate")
        return cls(reading.link(entry, cls.keyword, world), reading.rate(entry, "rate"))

    def told(self) -> str:
        """``lose 5% of us-east-1 <-> eu-west-1``."""
        return f"lose {reading.percent(self.rate)} of {self.way}"

    def changes(self) -> dict[str, Any]:
        """That share is lost."""
        return {"loss": self.rate}
