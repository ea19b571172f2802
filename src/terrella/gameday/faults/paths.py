"""Faults of a link: what is the same for cutting and losing."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from terrella.gameday.faults.fault import Order, Ordered
from terrella.gameday.faults.reading import Pairs
from terrella.wire.links import Link


class PathFault(Ordered):
    """``way`` is the link, in one direction or both; ``changes`` what becomes of it while the fault lasts."""

    way: Pairs

    @property
    def subject(self) -> str:
        """``us-east-1 <-> eu-west-1``."""
        return str(self.way)

    @abstractmethod
    def changes(self) -> dict[str, Any]:
        """What becomes of the link."""

    def client_links(self) -> Mapping[tuple[str, str], Link]:
        """Where it is the path from a vantage point."""
        return self.way.client_links(self.changes())

    def order(self) -> Order:
        """The supervisor tells both ends of the link."""
        return Order("link", {"pairs": [list(pair) for pair in self.way.directions], "changes": self.changes()})
