"""Kill a region, an availability zone, or a worker: gone at once, connections refused."""

from dataclasses import dataclass
from typing import ClassVar, Self

from terrella.gameday.faults.fault import Entry, Order, Ordered
from terrella.gameday.faults.targets import Target, read_target
from terrella.world import World


@dataclass(frozen=True, slots=True)
class Kill(Ordered):
    """``kill: eu-west-1``, ``kill: {az: eu-west-1a}``, ``kill: {worker: eu-west-1a, function: F}``.

    A region and a zone stay down until they are restored; a worker is gone for good, and a new one is started when it
    is needed.
    """

    keyword: ClassVar[str] = "kill"
    fis_action: ClassVar[str | None] = "aws:ec2:stop-instances"
    target: Target

    @property
    def subject(self) -> str:
        """A region, zone or worker."""
        return self.target.subject

    @classmethod
    def parse(cls, entry: Entry, world: World) -> Self:
        """Read an entry. Raises ``FaultError``."""
        return cls(read_target(entry, cls.keyword, world))

    def told(self) -> str:
        """``kill eu-west-1``."""
        return f"kill {self.target.told}"

    def order(self) -> Order:
        """SIGKILL, to the region's process group or to workers."""
        return self.target.order("kill")
