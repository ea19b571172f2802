"""What tables need of the region around them: who holds a replicated table is decided by the regions together."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from terrella.kernel import TerrellaError


@dataclass(frozen=True, slots=True)
class ReplicaGroup:
    """Who holds a table, as it was decided in ``epoch``.

    ``leaving`` are members that take no more requests, ``evicted`` regions that held it and may come back.
    ``definition`` is what ``replica_definition`` made of it, for regions that lack it.
    """

    data_set_id: str
    identity: str
    epoch: int
    members: tuple[str, ...]
    joining: tuple[str, ...] = ()
    leaving: tuple[str, ...] = ()
    evicted: Collection[str] = ()
    definition: bytes = b""

    @property
    def holders(self) -> tuple[str, ...]:
        """Members and those that join."""
        return self.members + self.joining

    @property
    def changing(self) -> bool:
        """Whether a region joins it or leaves it."""
        return bool(self.joining or self.leaving)


class Interference(Protocol):
    """What goes wrong on purpose with calls of the API."""

    async def __call__(self, operation: str, resources: Collection[str], /) -> None:
        """Before a call is run: may take its time, and may raise the ``AwsError`` that is answered instead."""
        ...


class Replication(Protocol):
    """The membership of this region's tables. Reading it never waits."""

    @property
    def regions(self) -> tuple[str, ...]:
        """The world's regions."""
        ...

    def group(self, data_set_id: str) -> ReplicaGroup | None:
        """Who holds a data set; None as long as nothing was decided: then it is as its template says."""
        ...

    def group_called(self, identity: str) -> ReplicaGroup | None:
        """The same by what its template calls it."""
        ...

    def progress(self, data_set_id: str) -> str:
        """How far this region is in joining, in words; empty if it is not."""
        ...

    async def table_exists(self, region: str, name: str) -> bool:
        """Ask a region whether it has a table of this name. Raises ``TerrellaError`` if it does not answer."""
        ...

    async def add_replica(
        self, data_set_id: str, name: str, identity: str, members: tuple[str, ...], region: str, definition: bytes
    ) -> None:
        """Have a region join a table, which is made known first if it was not. Raises ``TerrellaError``."""
        ...

    async def remove_replica(self, data_set_id: str, region: str) -> None:
        """Have a region leave a table. Raises ``TerrellaError``."""
        ...

    async def forget(self, data_set_id: str, region: str) -> None:
        """The table's last region has deleted it. Raises ``TerrellaError``."""
        ...


class Alone:
    """A region that shares nothing with any other: what ``Tables`` has if it is given no other."""

    regions: tuple[str, ...] = ()

    def group(self, data_set_id: str) -> ReplicaGroup | None:
        """Nothing is ever decided."""
        return None

    def group_called(self, identity: str) -> ReplicaGroup | None:
        """Nothing is ever decided."""
        return None

    def progress(self, data_set_id: str) -> str:
        """It joins nothing."""
        return ""

    async def table_exists(self, region: str, name: str) -> bool:
        """There is no other region."""
        return False

    async def add_replica(
        self, data_set_id: str, name: str, identity: str, members: tuple[str, ...], region: str, definition: bytes
    ) -> None:
        """There is no other region."""
        raise TerrellaError("there is no other region to decide with")

    async def remove_replica(self, data_set_id: str, region: str) -> None:
        """There is no other region."""
        raise TerrellaError("there is no other region to decide with")

    async def forget(self, data_set_id: str, region: str) -> None:
        """Nobody else knows of it."""
