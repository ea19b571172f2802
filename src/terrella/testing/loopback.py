"""A network of bare loopback sockets whose links can be cut: for tests with real sockets and no delay."""

import asyncio
from collections.abc import Awaitable, Callable

from terrella.kernel import Connection


class LoopbackNetwork:
    """Knows where each region listens; ``connector(region)`` opens connections from there.

    While two regions are cut apart, what is under way between them is held, as TCP would retransmit it, and
    connecting hangs.
    """

    def __init__(self) -> None:
        self._addresses: dict[str, tuple[str, int]] = {}
        self._cut: set[frozenset[str]] = set()
        self._healed = asyncio.Event()

    def listens(self, region: str, host: str, port: int) -> None:
        """A region's server has been bound."""
        self._addresses[region] = (host, port)

    def cut(self, one: str, other: str) -> None:
        """Nothing passes between the two any more."""
        self._cut.add(frozenset((one, other)))

    def heal(self, one: str, other: str) -> None:
        """All passes again, what was held too."""
        self._cut.discard(frozenset((one, other)))
        self._healed.set()
        self._healed = asyncio.Event()

    def connector(self, region: str) -> "LoopbackConnector":
        """What the region connects with."""
        return LoopbackConnector(self, region)

    async def passage(self, one: str, other: str) -> None:
        """Wait until the link between the two is whole."""
        while frozenset((one, other)) in self._cut:
            await self._healed.wait()

    def address(self, region: str) -> tuple[str, int]:
        """Where a region listens; raises ``ConnectionError`` if it does not."""
        if region not in self._addresses:
            raise ConnectionRefusedError(f"{region} does not listen")
        return self._addresses[region]


class LoopbackConnector:
    """Connects from one region; ports are the network's own knowledge, so that each region may have any."""

    def __init__(self, network: LoopbackNetwork, region: str) -> None:
        self._network = network
        self._region = region

    async def connect(self, region: str, port: int, timeout_s: float) -> Connection:
        """Connect to a region, whatever the port it is said to have."""
        async with asyncio.timeout(timeout_s):
            await self._network.passage(self._region, region)
            reader, writer = await asyncio.open_connection(*self._network.address(region))
        return _LoopbackConnection(reader, writer, lambda: self._network.passage(self._region, region))


class _LoopbackConnection:
    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passage: Callable[[], Awaitable[None]]
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._passage = passage

    async def read(self, max_bytes: int = 65536) -> bytes:
        data = await self._reader.read(max_bytes)
        await self._passage()
        return data

    async def write(self, data: bytes) -> None:
        await self._passage()
        self._writer.write(data)
        await self._writer.drain()

    def close(self) -> None:
        self._writer.close()
