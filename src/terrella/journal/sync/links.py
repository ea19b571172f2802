"""The way to one other region: frames that are sent soon, or, when it cannot be reached for long, not at all."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from terrella.journal.errors import ProtocolError
from terrella.journal.protocol import FrameReader, Refusal, SyncHello, frame
from terrella.journal.sync.frames import Frame, pack
from terrella.journal.tasks import first_to_end
from terrella.kernel import Connection, Connector, Ids

_log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 5.0
WRITE_TIMEOUT_S = 3.0
BACKOFF_MIN_S, BACKOFF_MAX_S = 0.05, 1.0
UNSENT_MAX = 4096
_READ_BYTES = 65536


class Link:
    """Connects, and again; what is sent while there is no connection waits, and the oldest of it is dropped first."""

    def __init__(self, region: str, connector: Connector, port: int, ids: Ids, hello: Callable[[], SyncHello]) -> None:
        self.region = region
        self.last_error: str | None = None
        self.connected = False
        self.on_connected: Callable[[str], None] = lambda _region: None
        self._connector = connector
        self._port = port
        self._ids = ids
        self._hello = hello
        self._unsent: deque[Frame] = deque(maxlen=UNSENT_MAX)
        self._wake = asyncio.Event()
        self._poked = asyncio.Event()

    def send(self, content: Frame) -> None:
        """Send soon."""
        self._unsent.append(content)
        self._wake.set()

    def poke(self) -> None:
        """Do not wait any longer before trying again."""
        if not self.connected:
            self._poked.set()

    async def run(self) -> None:
        """Until cancelled."""
        pause = BACKOFF_MIN_S
        while True:
            self._poked.clear()
            try:
                await self._carry(await self.connect())
            except (ConnectionError, TimeoutError, OSError, ProtocolError) as error:
                self.last_error = str(error) or type(error).__name__
            if self.connected:
                pause = BACKOFF_MIN_S
            self.connected = False
            try:
                async with asyncio.timeout(pause * (0.5 + self._ids.fraction())):
                    await self._poked.wait()
                    pause = BACKOFF_MIN_S
            except TimeoutError:
                pause = min(BACKOFF_MAX_S, 2 * pause)

    async def connect(self) -> Connection:
        """A connection on which the first words are said; also for a snapshot, which has one of its own."""
        connection = await self._connector.connect(self.region, self._port, CONNECT_TIMEOUT_S)
        try:
            await connection.write(frame(self._hello()))
        except BaseException:
            connection.close()
            raise
        return connection

    async def _carry(self, connection: Connection) -> None:
        self.connected = True
        self._unsent.clear()  # it is out of date by now, and will be said again
        self.on_connected(self.region)
        try:
            await first_to_end(self._write(connection), listen(connection, self.region))
        finally:
            connection.close()

    async def _write(self, connection: Connection) -> None:
        while True:
            self._wake.clear()
            while self._unsent:
                data = bytearray()
                while self._unsent and len(data) < _READ_BYTES:
                    data += pack(self._unsent.popleft())
                async with asyncio.timeout(WRITE_TIMEOUT_S):
                    await connection.write(bytes(data))
            await self._wake.wait()


async def listen(connection: Connection, region: str) -> None:
    """The other side says nothing on this connection, but that it ends, and perhaps why."""
    frames = FrameReader()
    while data := await connection.read():
        for message in frames.feed(data):
            if isinstance(message, Refusal):
                raise ProtocolError(f"{region} refused: {message.reason}")
            raise ProtocolError(f"{region} said {type(message).__name__} where it had nothing to say")
    raise ConnectionError(f"{region} closed the connection")
