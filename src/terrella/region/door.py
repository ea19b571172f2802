"""A region's door to the others: one port, mutual TLS, and behind it all that regions say to each other."""

import asyncio
from functools import partial

from terrella.journal import Replicator
from terrella.kernel import Connector
from terrella.region.configuration import FRONT_DOOR, HTTP, JOURNAL, RegionConfiguration
from terrella.wire.http import HttpServer
from terrella.wire.tls import TlsConnector, TlsDoor, client_context, server_context


def through_the_door(configuration: RegionConfiguration, links: Connector, protocol: str) -> Connector:
    """Connections to other regions' doors, over this region's links. Raises ``TerrellaError``."""
    return TlsConnector(links, client_context(configuration.security.tls, protocol), configuration.world)


def make_door(configuration: RegionConfiguration, replicator: Replicator, http: HttpServer) -> TlsDoor:
    """The door, not yet open: journals are pulled by whoever proves to be the region that it says to be."""

    def journal(proven: frozenset[str]) -> asyncio.Protocol:
        reader = asyncio.StreamReader()
        return asyncio.StreamReaderProtocol(reader, partial(replicator.serve, proven=proven))

    return TlsDoor(
        server_context(configuration.security.tls, [JOURNAL, HTTP]),
        configuration.world,
        [*configuration.peers, FRONT_DOOR],
        {JOURNAL: journal, HTTP: http.accept},
        replicator.refused,
    )
