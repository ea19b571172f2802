"""The network between a vantage point and the regions: as far as it really is, and breakable."""

from dataclasses import replace

from terrella.gameday.load.addresses import WorldAddresses
from terrella.kernel import Connection, Ids, TerrellaError, VantagePoint
from terrella.wire.http import SocketConnection
from terrella.wire.links import Link, Links

CONNECT_TIMEOUT_S = 60.0


class Paths:
    """The links of one vantage point. What ``world`` calls distant is felt; what is really far away is so anyhow."""

    def __init__(self, vantage_point: VantagePoint, world: WorldAddresses, ids: Ids) -> None:
        self.vantage_point = vantage_point
        self._world = world
        self._natural = {region: self._link_to(region) for region in world.regions}
        pairs = {}
        for region, link in self._natural.items():
            pairs[self._own, region] = link
            pairs[region, self._own] = link
        self._links = Links(self._own, world.regions, pairs, ids)

    @property
    def _own(self) -> str:
        return f"at {self.vantage_point.name}"  # no region is called so

    def _link_to(self, region: str) -> Link:
        given = self.vantage_point.delays_ms.get(region)
        if given is None and region not in self._world.distant:
            return Link()
        try:
            return Link(delay_ms=self.vantage_point.delay_to(region) * 1000)
        except KeyError:
            raise TerrellaError(
                f"how far it is from {self.vantage_point.name} to {region} is not known;"
                f" vantage_points: {{{self.vantage_point.name}: {{delays: {{{region}: 20ms}}}}}} says it"
            ) from None

    async def connect(self, address: str, port: int) -> Connection:
        """Connect to an address over the link to its region, which costs a round trip. Raises as a socket does."""
        region = self._world.region_at(address)
        if region is None:
            return await SocketConnection.open(address, port, CONNECT_TIMEOUT_S)
        return await self._links.connect(region, port, CONNECT_TIMEOUT_S)

    def nearest(self) -> str:
        """The region that is nearest by nature; of those that are equally far, the first."""
        return min(self._natural, key=lambda region: self._natural[region].delay_ms)

    def get(self, region: str) -> Link:
        """The link to a region as it is now."""
        return self._links.get(self._own, region)

    def natural(self, region: str) -> Link:
        """The link to a region as it was in the beginning."""
        return self._natural[region]

    def set(self, region: str, link: Link) -> None:
        """Make the path to a region, both ways, another one; it applies at once, to open connections as well."""
        self._links.set(self._own, region, link)
        self._links.set(region, self._own, link)

    def cut(self, region: str) -> None:
        """Nothing gets through to a region, nor back."""
        self.set(region, replace(self.get(region), cut=True))

    def heal(self, region: str) -> None:
        """As it was in the beginning."""
        self.set(region, self._natural[region])

    def close(self) -> None:
        """Close every connection."""
        self._links.close()
