"""TLS over a ``Connection``: the side that connects. What crosses the link below are the encrypted bytes."""

import asyncio
import contextlib
import ssl

from terrella.kernel import Connection, Connector
from terrella.wire.tls.identity import Identity, names_in
from terrella.wire.tls.stream import TlsError, TlsStream

_HEAR_OUT_S = 1.0


class TlsConnection:
    """A ``Connection`` over another one, once ``shake_hands`` has come back.

    ``write`` hands over the encrypted bytes before it first waits, so writers that do not wait for each other keep
    their order; it waits for as long as the connection below does. An end without TLS's goodbye is an error.
    """

    def __init__(self, below: Connection, context: ssl.SSLContext) -> None:
        self._below = below
        self._stream = TlsStream(context)

    @property
    def stream(self) -> TlsStream:
        """What was agreed in the handshake, and with whom."""
        return self._stream

    async def shake_hands(self) -> None:
        """Raises ``TlsError``, or ``ConnectionError`` if the connection below does; the caller closes it then."""
        while True:
            try:
                done = self._stream.shake_hands()
            finally:
                await self._flush()  # the last words of a handshake that failed say why
            if done:
                return
            self._stream.receive(await self._below.read())

    async def read(self, max_bytes: int = 65536) -> bytes:
        """The next bytes; empty once the other side has said goodbye. Raises ``ConnectionError``."""
        while (data := self._stream.read(max_bytes)) is None:
            await self._flush()
            self._stream.receive(await self._below.read())
        return data

    async def write(self, data: bytes) -> None:
        """Send; waits while too much is under way. Raises ``ConnectionError``."""
        self._stream.write(data)
        await self._flush()

    def close(self) -> None:
        """Close at once, without waiting for anything to get through."""
        self._below.close()

    async def _flush(self) -> None:
        data = self._stream.take()
        if data:
            await self._below.write(data)


class TlsConnector:
    """A ``Connector`` whose connections are encrypted, each to the region that was asked for and no other."""

    def __init__(self, below: Connector, context: ssl.SSLContext, world: str) -> None:
        self._below = below
        self._context = context
        self._world = world

    async def connect(self, region: str, port: int, timeout_s: float) -> Connection:
        """Connect and shake hands, two round trips. Raises ``TimeoutError``, ``ConnectionError``."""
        async with asyncio.timeout(timeout_s):
            below = await self._below.connect(region, port, timeout_s)
            return await secure(below, self._context, Identity(self._world, region))


async def secure(below: Connection, context: ssl.SSLContext, expected: Identity) -> TlsConnection:
    """TLS over an open connection, which is closed if that fails. Raises ``ConnectionError``."""
    connection = TlsConnection(below, context)
    try:
        await _shake_hands(connection, below)
        certificate = connection.stream.certificate
        if not expected.is_named_by(certificate):
            raise TlsError(f"found a certificate of {names_in(certificate)} there, expected {expected.uri}")
    except BaseException:
        connection.close()
        raise
    return connection


async def _shake_hands(connection: TlsConnection, below: Connection) -> None:
    """The other side hangs up when it has heard why we will not; closing at once would lose that on the link."""
    try:
        await connection.shake_hands()
    except TlsError:
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_HEAR_OUT_S):
                while await below.read():
                    pass
        raise
