"""Mutual TLS between regions, above whatever carries the bytes: a shaped link on the side that connects, a socket else.

``TlsStream`` is TLS with no socket and no clock. ``TlsConnector`` puts it over a ``Connector``, ``TlsDoor`` listens;
both know the other side by what its certificate says (``Identity``), and one port serves several protocols, told apart
by ALPN. Why it is not asyncio's own TLS is told in ``docs/decisions/0005-tls-between-regions.md``.
"""

from terrella.wire.tls.connection import TlsConnection, TlsConnector, secure
from terrella.wire.tls.door import TlsDoor
from terrella.wire.tls.identity import Identity, TlsFiles, check_own, client_context, server_context
from terrella.wire.tls.stream import TlsError, TlsStream

__all__ = [
    "Identity",
    "TlsConnection",
    "TlsConnector",
    "TlsDoor",
    "TlsError",
    "TlsFiles",
    "TlsStream",
    "check_own",
    "client_context",
    "secure",
    "server_context",
]
