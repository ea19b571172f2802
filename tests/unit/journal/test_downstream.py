"""The turns that a serving connection takes on its region's event loop."""

import asyncio
from collections import deque
from contextlib import suppress
from typing import cast

from terrella.journal import Message, PullServer
from terrella.journal import downstream as module
from terrella.journal.downstream import Downstream
from terrella.journal.protocol import SnapshotChunk
from terrella.testing import ManualClock

CHUNK = SnapshotChunk("items", 0, None, b"k", False, b"x", 1)
CHUNK_S = 0.0004


class Server:
    """Has these messages to send, each of which takes a while to make."""

    def __init__(self, clock: ManualClock, messages: list[Message]) -> None:
        self.peer = "eu-west-1"
        self.wake_at = self.last_heard = 0.0
        self.messages = deque(messages)
        self._clock = clock

    def next(self, now: float) -> Message | None:
        if not self.messages:
            return None
        self._clock.advance(CHUNK_S)
        return self.messages.popleft()


class Writer:
    """Takes everything at once, as a socket does whose buffer has room."""

    def __init__(self) -> None:
        self.written = 0

    def write(self, data: bytes) -> None:
        self.written += 1

    async def drain(self) -> None:
        pass


def serving(messages: list[Message]) -> tuple[Downstream, Server, Writer, "asyncio.Task[None]"]:
    clock = ManualClock()
    server, writer = Server(clock, messages), Writer()
    task = asyncio.current_task()
    assert task is not None
    downstream = Downstream(
        cast("PullServer", server), asyncio.StreamReader(), cast("asyncio.StreamWriter", writer), clock, task
    )
    return downstream, server, writer, asyncio.create_task(downstream.run(lambda _: None))


async def ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_snapshot_leaves_the_loop_to_others_between_its_chunks() -> None:
    """A window of chunks in one go held up the source's writers for as long as it took."""
    _, server, writer, task = serving([CHUNK] * 30)
    most = 0
    while server.messages:
        before = writer.written
        await asyncio.sleep(0)
        most = max(most, writer.written - before)
    assert 1 <= most <= 1 + module.TURN_S / CHUNK_S
    await ended(task)
