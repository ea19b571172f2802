"""Cut a link: nothing gets through, connections stand and hang, as where packets are dropped on the way."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from terrella.gameday.faults import reading
from terrella.gameday.faults.fault import Entry
from terrella.gameday.faults.paths import PathFault
from terrella.world import World


@dataclass(frozen=True, slots=True)
class Cut(PathFault):
    """``cut: us-east-1 <-> eu-west-1``; one way: ``us-east-1 -> eu-west-1``; of clients: ``frankfurt -> eu-west-1``."""

    keyword: ClassVar[str] = "cut"
    fis_action: ClassVar[str | None] = "aws:network:route-table-disrupt-cross-region-connectivity"
    way: reading.Pairs

    @classmethod
    def parse(cls, entry: Entry, world: World) -> Self:
        """Read an entry. Raises ``FaultError``."""
        reading.only(entry, cls.keyword)
        return cls(reading.link(entry, cls.keyword, world))

    def told(self) -> str:
        """``cut us-east-1 <-> eu-west-1``."""
        return f"cut {self.way}"

    def changes(self) -> dict[str, Any]:
        """Nothing arrives."""
        return {"cut": True}
