"""What the tables room needs of membership (its ``Replication`` port), bound to one region."""

from collections.abc import Awaitable, Callable
from typing import Any

from terrella.kernel import TerrellaError
from terrella.region.membership import (
    AddReplica,
    Forget,
    MembershipKeeper,
    Register,
    RemoveReplica,
)
from terrella.region.membership import ReplicaGroup as Group
from terrella.services.tables import ReplicaGroup


class TableReplication:
    """``describe_progress`` says how far this region is in joining a data set; ``ask`` asks another region."""

    def __init__(
        self,
        keeper: MembershipKeeper,
        describe_progress: Callable[[str], str],
        ask: Callable[[str, str], Awaitable[Any]],
    ) -> None:
        self._keeper = keeper
        self._describe_progress = describe_progress
        self._ask = ask

    @property
    def regions(self) -> tuple[str, ...]:
        """The world's regions."""
        return tuple(self._keeper.current.regions)

    def group(self, data_set_id: str) -> ReplicaGroup | None:
        """Who holds a data set."""
        group = self._keeper.current.groups.get(data_set_id)
        return _shown(group) if group is not None else None

    def group_called(self, identity: str) -> ReplicaGroup | None:
        """Who holds what a template calls so."""
        groups = self._keeper.current.groups.values()
        return next((_shown(group) for group in groups if group.identity == identity), None)

    def progress(self, data_set_id: str) -> str:
        """How far this region is in joining it."""
        return self._describe_progress(data_set_id)

    async def table_exists(self, region: str, name: str) -> bool:
        """Whether a region has a table of this name."""
        try:
            return bool((await self._ask(region, f"table?name={name}"))["exists"])
        except OSError as error:
            raise TerrellaError(f"{region} does not answer: {error or type(error).__name__}") from error

    async def add_replica(
        self, data_set_id: str, name: str, identity: str, members: tuple[str, ...], region: str, definition: bytes
    ) -> None:
        """Have a region join a table."""
        if data_set_id not in self._keeper.current.groups:
            await self._keeper.decide(Register(data_set_id, name, members, identity, definition))
        await self._keeper.decide(AddReplica(data_set_id, region, definition=definition))

    async def remove_replica(self, data_set_id: str, region: str) -> None:
        """Have a region leave a table."""
        await self._keeper.decide(RemoveReplica(data_set_id, region))

    async def forget(self, data_set_id: str, region: str) -> None:
        """The table's last region has deleted it."""
        if data_set_id in self._keeper.current.groups:
            await self._keeper.decide(Forget(data_set_id, region))


def _shown(group: Group) -> ReplicaGroup:
    return ReplicaGroup(
        group.id,
        group.identity,
        group.epoch,
        group.members,
        group.joining,
        group.leaving,
        tuple(group.evicted),
        group.definition,
    )
