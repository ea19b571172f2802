"""Where a running world is, as its clients need it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from terrella.world import World


@dataclass(frozen=True, slots=True)
class WorldAddresses:
    """``name`` is the application's host name; empty: it has none, and each client asks the region nearest to it.

    ``regions`` maps each region to its address.

    ``name_servers`` are asked in turn until one answers. ``distant`` are the regions whose real distance is not felt
    anyhow, because they are on this machine: to those it is added.
    """

    name: str
    regions: Mapping[str, str]
    application_port: int
    name_servers: tuple[tuple[str, int], ...]
    distant: frozenset[str]

    @classmethod
    def of(cls, world: World, name: str) -> Self:
        """Those of a world whose application clients know as ``name``."""
        regions = {region: settings.address for region, settings in world.regions.items()}
        return cls(
            name=name,
            regions=regions,
            application_port=world.ports.application,
            name_servers=((world.front_door, world.ports.dns),),
            distant=frozenset(region for region, address in regions.items() if address.startswith("127.")),
        )

    def host_of(self, address: str) -> str:
        """What a request to an address says that it is for."""
        return self.name or address

    def region_at(self, address: str) -> str | None:
        """The region that has an address."""
        return next((region for region, own in self.regions.items() if own == address), None)
