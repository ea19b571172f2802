"""One connection of a peer that pulls from here: its socket, around the serving side of pulling."""

import asyncio
from collections.abc import Callable
from typing import Any

from terrella.journal.errors import ProtocolError
from terrella.journal.protocol import (
    HELLO_BYTES_MAX,
    HELLO_TIMEOUT_S,
    REQUEST_BYTES_MAX,
    SILENCE_MAX_S,
    FrameReader,
    SyncHello,
    frame,
    refusal,
)
from terrella.journal.serving import PullServer
from terrella.journal.tasks import first_to_end
from terrella.kernel import Clock

TICK_S = 0.1
LONG_BYTES = 16 * 1024
# How long the loop is kept at most, but for one message more.
TURN_S = 0.001
_SILENCE_MAX_S = 3 * SILENCE_MAX_S
_READ_BYTES = 65536


class OtherKind(Exception):  # noqa: N818 - no error: the connection is of another kind, and goes on as such
    """Whoever connected does not want to pull: these were the first words, and what came with them."""

    def __init__(self, hello: SyncHello, rest: bytes) -> None:
        super().__init__(hello.from_region)
        self.hello = hello
        self.rest = rest


class Downstream:
    """Serves until the connection ends. What is sent waits in no more memory than one message and a socket's buffer."""

    def __init__(
        self,
        server: PullServer,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        clock: Clock,
        task: "asyncio.Task[Any]",
    ) -> None:
        self.server = server
        self.wake = asyncio.Event()
        self.task = task
        self._reader = reader
        self._writer = writer
        self._clock = clock
        self._opened = clock.monotonic()

    def close(self) -> None:
        """Say nothing more."""
        self._writer.close()

    async def run(self, on_greeted: Callable[["Downstream"], None]) -> None:
        """Serve; raises ``ProtocolError`` with the reason why the connection ended, if the peer is to blame.

        Raises ``OtherKind`` for a connection that is no puller's.
        """
        self.server.last_heard = self._opened
        try:
            await first_to_end(self._read(on_greeted), self._write(), self._watch())
        except ProtocolError as error:
            self._writer.write(frame(refusal(str(error))))
            raise

    async def _read(self, on_greeted: Callable[["Downstream"], None]) -> None:
        frames = FrameReader(HELLO_BYTES_MAX)
        while data := await self._reader.read(_READ_BYTES):
            for message in frames.feed(data):
                greeted = self.server.peer is None
                if greeted and isinstance(message, SyncHello):
                    raise OtherKind(message, frames.rest)
                self.server.receive(message, self._clock.monotonic())
                if greeted:
                    frames.bytes_max = REQUEST_BYTES_MAX
                    on_greeted(self)
            self.wake.set()
            if len(data) >= LONG_BYTES:
                await asyncio.sleep(0)  # whoever talks without a pause does not keep others from being heard
        if frames.truncated:
            raise ProtocolError("the connection ended inside a message")

    async def _write(self) -> None:
        server, clock = self.server, self._clock
        while True:
            self.wake.clear()
            now = clock.monotonic()
            turn_ends = now + TURN_S
            while (message := server.next(now)) is not None:
                self._writer.write(frame(message))
                await self._writer.drain()
                now = clock.monotonic()
                if now >= turn_ends:
                    await asyncio.sleep(0)  # a long backlog, or a snapshot, leaves room for others
                    now = clock.monotonic()
                    turn_ends = now + TURN_S
            await self.wake.wait()

    async def _watch(self) -> None:
        """Wake for heartbeats; end what says nothing, also while it takes nothing."""
        while True:
            await asyncio.sleep(TICK_S)
            now = self._clock.monotonic()
            if self.server.peer is None and now - self._opened > HELLO_TIMEOUT_S:
                raise ProtocolError(f"no Hello within {HELLO_TIMEOUT_S:g} s")
            if now - self.server.last_heard > _SILENCE_MAX_S:
                raise ProtocolError(f"nothing was heard for {_SILENCE_MAX_S:g} s")
            if now >= self.server.wake_at:
                self.wake.set()
