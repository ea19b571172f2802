"""The links of one region: opens connections to the others, and shapes both directions of each."""

import asyncio
from collections.abc import Callable, Mapping

from terrella.kernel import Connection, Connector, Ids
from terrella.wire.http import SocketConnection
from terrella.wire.links.connection import LinkConnection
from terrella.wire.links.link import Link
from terrella.wire.links.shaper import Path, Stream

OnChange = Callable[[str, str, Link], None]


class Links:
    """A ``Connector``. The region that opens a connection shapes it: out by its own link, in by the other's.

    ``addresses`` maps each region to its IP address; connections come from ``own_address`` (by default the own
    region's). A pair that ``links`` does not name is a perfect link. Bandwidth is shared by the connections that this
    region has opened in that direction.
    """

    def __init__(
        self,
        own_region: str,
        addresses: Mapping[str, str],
        links: Mapping[tuple[str, str], Link],
        ids: Ids,
        own_address: str | None = None,
    ) -> None:
        self._own_region = own_region
        self._addresses = dict(addresses)
        self._paths = {pair: Path(link) for pair, link in links.items()}
        self._fraction = ids.fraction
        self._own_address = own_address if own_address is not None else addresses.get(own_region)
        self._open: dict[str, set[LinkConnection]] = {}
        self._callbacks: list[OnChange] = []

    @property
    def streams(self) -> Connector:
        """The same for streams that only the other side's death ends: replication, bulletins."""
        return _Streams(self)

    async def connect(
        self, region: str, port: int, timeout_s: float, *, ends_by_death: bool = False
    ) -> LinkConnection | SocketConnection:
        """Open a connection to a region's port; costs one round trip.

        Raises ``TimeoutError`` (also when the link stays cut) and ``ConnectionError``.
        """
        address = self._addresses.get(region)
        if address is None:
            raise ConnectionError(f"there is no region {region} in this world; it has {', '.join(self._addresses)}")
        if region == self._own_region:
            return await SocketConnection.open(address, port, timeout_s, self._own_address)
        connections = self._open.setdefault(region, set())
        connection = LinkConnection(
            self._path(self._own_region, region),
            self._path(region, self._own_region),
            self._fraction,
            connections.discard,
            on_death=(lambda: self._died(region)) if ends_by_death else None,
        )
        connections.add(connection)
        try:
            async with asyncio.timeout(timeout_s):
                await self._shake_hands(connection, address, port)
        except BaseException:
            connection.close()
            raise
        return connection

    def _died(self, region: str) -> None:
        """The region has died: what had not left it is lost on every connection, as it would be with a machine."""
        now_s = asyncio.get_running_loop().time()
        for connection in list(self._open.get(region, ())):
            connection.incoming.lose_unsent(now_s)

    def get(self, from_region: str, to_region: str) -> Link:
        """The link in one direction as it is now."""
        path = self._paths.get((from_region, to_region))
        return path.link if path is not None else Link()

    def all(self) -> dict[tuple[str, str], Link]:
        """Every link that this region knows, as it is now."""
        return {pair: path.link for pair, path in self._paths.items()}

    def set(self, from_region: str, to_region: str, link: Link) -> None:
        """Change one direction; it applies at once to what is under way on open connections."""
        path = self._path(from_region, to_region)
        was_blocked = path.blocked
        now_s = asyncio.get_running_loop().time()
        path.change(now_s, link)
        other = to_region if from_region == self._own_region else from_region
        if self._own_region in (from_region, to_region):
            for connection in list(self._open.get(other, ())):
                stream = connection.outgoing if from_region == self._own_region else connection.incoming
                self._replan(connection, stream, now_s, healed=was_blocked and not path.blocked)
        for callback in self._callbacks:
            callback(from_region, to_region, link)

    def on_change(self, callback: OnChange) -> None:
        """Call ``callback(from_region, to_region, link)`` after each change."""
        self._callbacks.append(callback)

    def add_region(self, region: str, address: str) -> None:
        """Make a region reachable, or reachable elsewhere; over perfect links, where none are set."""
        self._addresses[region] = address

    def remove_region(self, region: str) -> None:
        """There is no such region any more: what is open to it is closed."""
        self._addresses.pop(region, None)
        for connection in list(self._open.get(region, ())):
            connection.close()

    def knows(self, from_region: str, to_region: str) -> bool:
        """Whether the link in this direction was set, by the world's file or since."""
        return (from_region, to_region) in self._paths

    def close(self) -> None:
        """Close every connection that is open over a link."""
        for connections in self._open.values():
            for connection in list(connections):
                connection.close()

    def _path(self, from_region: str, to_region: str) -> Path:
        return self._paths.setdefault((from_region, to_region), Path(Link()))

    def _replan(self, connection: LinkConnection, stream: Stream, now_s: float, *, healed: bool) -> None:
        stream.changed(now_s, healed=healed)
        connection.wake(stream)

    async def _shake_hands(self, connection: LinkConnection, address: str, port: int) -> None:
        """There, the real socket, and back: a refusal takes its round trip as well."""
        await connection.reach()
        refused: OSError | None = None
        local = (self._own_address, 0) if self._own_address else None
        try:
            await asyncio.get_running_loop().create_connection(lambda: connection, address, port, local_addr=local)
        except OSError as error:
            refused = error
            connection.answer()
        await connection.answered()
        if refused is not None:
            raise refused


class _Streams:
    def __init__(self, links: Links) -> None:
        self._links = links

    async def connect(self, region: str, port: int, timeout_s: float) -> Connection:
        return await self._links.connect(region, port, timeout_s, ends_by_death=True)
