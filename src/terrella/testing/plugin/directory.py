"""What a customer at a vantage point knows of a running world."""

from collections.abc import Mapping
from ipaddress import IPv6Network

from terrella.kernel import VantagePoint
from terrella.testing.plugin.running import Running


class WorldDirectory:
    """``http.Directory`` for a world, as it looks from ``place``; from nowhere in particular if that is None."""

    def __init__(self, running: Running, place: VantagePoint | None) -> None:
        self._running = running
        self._place = place
        regions = running.world.regions
        self._regions: Mapping[str, str] = {settings.address: name for name, settings in regions.items()}

    @property
    def application_port(self) -> int:
        """The same everywhere."""
        return self._running.world.ports.application

    @property
    def edge(self) -> str:
        """The front door."""
        return self._running.world.front_door

    @property
    def subnet(self) -> IPv6Network | None:
        """What resolvers say of where the customer is."""
        return self._place.subnet if self._place is not None else None

    def region_at(self, address: str) -> str:
        """The region that has an address; empty for the front door, which has none of its own."""
        return self._regions.get(address, "")

    def address_of(self, region: str) -> str:
        """A region's address."""
        return self._running.world.regions[region].address

    def name_servers(self) -> list[tuple[str, int]]:
        """The regions' name servers, the nearest one first.

        Those of regions that a test has taken down are left out: resolvers avoid name servers that do not answer.
        """
        answering = [each for each in self._regions.items() if each[1] not in self._running.silenced]
        ordered = sorted(answering, key=lambda each: self.one_way_s(each[1]))
        return [(address, self._running.world.ports.dns) for address, _ in ordered]

    def one_way_s(self, region: str) -> float:
        """Nothing from nowhere in particular, and to the edge."""
        return self._place.delay_to(region) if self._place is not None and region else 0.0
