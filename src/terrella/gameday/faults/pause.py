"""Pause a region, an availability zone, or a worker: it hangs, connections are taken and nothing is answered."""

from dataclasses import dataclass
from typing import ClassVar, Self

from terrella.gameday.faults.fault import Entry, Order, Ordered
from terrella.gameday.faults.targets import Target, read_target
from terrella.world import World


@dataclass(frozen=True, slots=True)
class Pause(Ordered):
    """``pause: eu-west-1``, ``pause: {az: eu-west-1a}``, ``pause: {worker: eu-west-1a}``; until it is restored."""

    keyword: ClassVar[str] = "pause"
    fis_action: ClassVar[str | None] = None
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
        """``pause eu-west-1``."""
        return f"pause {self.target.told}"

    def order(self) -> Order:
        """SIGSTOP, to the region's processes or to workers."""
        return self.target.order("pause")
