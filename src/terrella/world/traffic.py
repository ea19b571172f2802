"""The front door's traffic policy: the same desk that every region has, fed by the regions' bulletins alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from terrella.kernel import Clock, Ids, Profile
from terrella.region import TrafficDesk
from terrella.traffic import Edge, NameServer, Transition
from terrella.wire.http import Handler
from terrella.world.events import EventLog, Mood
from terrella.world.front_door import NameServer as FrontNameServer
from terrella.world.model import World
from terrella.world.region_view import SERVING


class FrontTraffic:
    """What a region said stays in force after its stream breaks; what its checkers saw does not."""

    def __init__(self, world: World, profile: Profile, events: EventLog, clock: Clock, ids: Ids) -> None:
        addresses = {name: settings.address for name, settings in world.regions.items()}
        self._desk = TrafficDesk(addresses, profile, clock, ids)
        self._desk.board.on_change(self._tell_transitions)
        self._events = events
        self._served: set[str] = set()
        self._whole = frozenset(world.regions)
        self._told: Transition | None = None
        self._edge = Edge(
            self._desk.resolver,
            application_port=world.ports.application,
            region_of_api=self._desk.region_of_api,
        )
        self.name_server: FrontNameServer = NameServer(self._desk.resolver)
        self.edge_handler: Handler = self._edge.handle

    @property
    def names(self) -> Sequence[str]:
        """The application's global names."""
        return self._desk.resolver.zones.application_names()

    def heard(self, region: str, bulletin: Mapping[str, Any]) -> None:
        """A region's bulletin."""
        if bulletin.get("state") == SERVING:
            self._served.add(region)
        if region in self._whole:
            self._desk.hear(region, bulletin)
        self._desk.board.expire()

    def lost(self, region: str, why: str) -> None:
        """A region's bulletins stopped."""
        self._desk.board.forget(region)

    def set_regions(self, addresses: Mapping[str, str]) -> None:
        """A region has joined the world, or left it."""
        for name in self._desk.contributors - addresses.keys():
            self._desk.withdraw(name)
        self._desk.set_regions(addresses)

    def set_whole(self, regions: frozenset[str]) -> None:
        """Clients may be sent to these regions."""
        self._whole = regions
        for name in self._desk.contributors - regions:
            self._desk.withdraw(name)

    async def reload(self) -> None:
        """Nothing to do: regions tell in their bulletins what they have applied."""

    async def close(self) -> None:
        """Close the edge's connections."""
        self._edge.close()

    def _tell_transitions(self) -> None:
        """Tell each change of a verdict once; that a region is not healthy before it first serves is no news."""
        news: list[Transition] = []
        for change in reversed(self._desk.board.history):
            if change is self._told:
                break
            news.append(change)
        for change in reversed(news):
            self._told = change
            check = self._desk.checks.get(change.check_id)
            if check is not None and check.stack_region in self._served:
                verb = "is healthy again" if change.to_healthy else "is unhealthy"
                mood = Mood.GOOD if change.to_healthy else Mood.BAD
                self._events.tell(mood, check.stack_region, f"{check.logical_id} {verb}: {change.why}")


async def front_traffic(world: World, profile: Profile, events: EventLog, clock: Clock, ids: Ids) -> FrontTraffic:
    """What ``run_world`` calls for the front door's traffic policy."""
    return FrontTraffic(world, profile, events, clock, ids)
