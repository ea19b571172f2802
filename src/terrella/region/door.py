"""A region's door to the others: one port, mutual TLS, and behind it all that regions say to each other."""

import asyncio

from terrella.journal import Replicator
from terrella.kernel import Connector
from terrella.region.configuration import HTTP, JOURNAL, RegionConfiguration
from terrella.wire.http import HttpServer
from terrella.wire.tls import TlsConnector, TlsDoor, client_context, server_context


def through_the_door(configuration: RegionConfiguration, links: Connector, protocol: str) -> Connector:
    """Connections to other regions' doors, over this region's links. Raises ``TerrellaError``."""
    return TlsConnector(links, client_context(configuration.security.tls, protocol), configuration.world)


def make_door(configuration: RegionConfiguration, replicator: Replicator, http: HttpServer) -> TlsDoor:
    """The door, not yet open."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await replicator.serve(reader, writer, frozenset({writer.get_extra_info("proven")}))

    def journal() -> asyncio.Protocol:
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(), serve)

    return TlsDoor(
        server_context(configuration.security.tls, [JOURNAL, HTTP]),
        configuration.world,
        {JOURNAL: journal, HTTP: http.accept},
        replicator.refused,
    )
