"""The front door: the addresses that stand for the whole world. It holds no state that a region lacks."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from terrella.kernel import TerrellaError
from terrella.region import Ports
from terrella.wire.http import Handler, HttpServer


class NameServer(Protocol):
    """What answers DNS, over UDP and TCP."""

    async def listen(self, host: str, port: int) -> object:
        """Start to answer. Raises ``OSError``."""
        ...

    async def close(self) -> None:
        """Stop."""
        ...


class Traffic(Protocol):
    """The template's traffic policy as the front door applies it: the seam to the traffic and stack rooms.

    The edge and the name server answer by what the regions observe.
    """

    name_server: NameServer
    edge_handler: Handler

    @property
    def names(self) -> Sequence[str]:
        """The application's global names."""
        ...

    def heard(self, region: str, bulletin: Mapping[str, Any]) -> None:
        """A region's bulletin: its observations, its state."""
        ...

    def lost(self, region: str, why: str) -> None:
        """A region's bulletins stopped: what its checkers had said no longer counts."""
        ...

    def set_regions(self, addresses: Mapping[str, str]) -> None:
        """A region has joined the world, or left it: these are its regions and their addresses now."""
        ...

    def set_whole(self, regions: frozenset[str]) -> None:
        """Clients may be sent to these regions: the others are joining, leaving, or gone."""
        ...

    async def reload(self) -> None:
        """The template was applied anew: read it again."""
        ...

    async def close(self) -> None:
        """Give up what is held open."""
        ...


class FrontDoor:
    """The AWS endpoint, and with a traffic policy also the application's edge and DNS."""

    def __init__(
        self,
        address: str,
        ports: Ports,
        aws_handler: Handler,
        edge_handler: Handler | None = None,
        name_server: NameServer | None = None,
    ) -> None:
        self._address = address
        self._ports = ports
        self._servers = [(HttpServer(aws_handler, "aws"), ports.aws)]
        if edge_handler is not None:
            self._servers.append((HttpServer(edge_handler, "edge"), ports.application))
        self._name_server = name_server

    async def open(self) -> None:
        """Listen; raises ``TerrellaError`` if a port cannot be had."""
        try:
            for server, port in self._servers:
                await server.listen(self._address, port)
            if self._name_server is not None:
                await self._name_server.listen(self._address, self._ports.dns)
        except OSError as error:
            await self.close()
            raise TerrellaError(f"the front door could not listen at {self._address}: {error}") from error

    async def close(self) -> None:
        """Stop listening."""
        for server, _ in self._servers:
            await server.close()
        if self._name_server is not None:
            await self._name_server.close()
