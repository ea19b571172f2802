"""A child process of the snapshot benchmark: one region's journal and replication, and nothing else.

``source`` fills a data set, then writes to it from four tasks for as long as it runs; ``joiner`` joins it. Each tells
what it does on its standard output, one JSON object a line, and takes orders, one word a line, on its standard input.
"""

import asyncio
import json
import sys
import threading
import time
from pathlib import Path

import uvloop

from terrella.journal import DataSet, Event, Journal, Lane, Replicator, StandingChange
from terrella.kernel import Connection, SystemClock, SystemIds, keep_pauses_short

SOURCE, JOINER = "us-east-1", "eu-west-1"
ITEMS = DataSet("snapshot-bench", "items", Lane.ASYNC, (SOURCE,), (JOINER,), 1)
_VALUE = b'{"id":{"S":"bench"},"message":{"S":"how much wood would a woodchuck chuck"},"count":{"N":"42"}}'
_FILL_BATCH = 500
_WRITERS = 4
_PAUSE_S = 0.01


class _Socket:
    """A bare loopback connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self, max_bytes: int = 65536) -> bytes:
        return await self._reader.read(max_bytes)

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    def close(self) -> None:
        self._writer.close()


class _Loopback:
    """Knows the one other region's port, once it is told."""

    def __init__(self) -> None:
        self.port = 0

    async def connect(self, region: str, port: int, timeout_s: float) -> Connection:
        if not self.port:
            raise ConnectionRefusedError(f"{region} does not listen yet")
        async with asyncio.timeout(timeout_s):
            return _Socket(*await asyncio.open_connection("127.0.0.1", self.port))


def tell(**facts: object) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def key_of(number: int) -> bytes:
    """Keys in no order, as hashes are."""
    return b"item-%010d" % (number * 2_654_435_761 % 10_000_000_000)


class Child:
    """The region, and what it measures."""

    def __init__(self, role: str, folder: Path, items: int) -> None:
        self.role = role
        self.folder = folder
        self.items = items
        self.latencies: list[float] = []
        self.orders: asyncio.Queue[str] = asyncio.Queue()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._listen, args=(loop,), daemon=True).start()
        region, other = (SOURCE, JOINER) if self.role == "source" else (JOINER, SOURCE)
        journal = await Journal.open(self.folder / f"{region}.sqlite", region, SystemClock(), SystemIds())
        loopback = _Loopback()
        replicator = Replicator(journal, loopback, [other], 0, SystemClock(), SystemIds(), world="bench")
        await journal.declare(ITEMS)
        await journal.set_members(ITEMS.id, 1, ITEMS.members, ITEMS.joining)
        journal.on_standing(self._standing)
        if self.role == "source":
            await self._fill(journal)
        keep_pauses_short()  # as a region does
        tell(event="listens", port=await replicator.start("127.0.0.1"))
        writers = [
            asyncio.create_task(self._write(journal, one)) for one in range(_WRITERS if self.role == "source" else 0)
        ]
        while (order := await self.orders.get()) != "stop":
            if order.startswith("port "):
                loopback.port = int(order.split()[1])
                replicator.poke()
            elif order == "latencies":
                tell(event="latencies", latencies=self.latencies)
                self.latencies = []
            elif order == "count":
                tell(event="count", items=journal.count(ITEMS.id)[0])
        for writer in writers:
            writer.cancel()
        await asyncio.gather(*writers, return_exceptions=True)
        await replicator.stop()
        await journal.close()

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(self.orders.put_nowait, line.strip())

    def _standing(self, change: StandingChange) -> None:
        if change.event is Event.JOINED:
            tell(event="joined")

    async def _fill(self, journal: Journal) -> None:
        for first in range(0, self.items, _FILL_BATCH):
            keys = [key_of(number) for number in range(first, min(self.items, first + _FILL_BATCH))]
            await journal.write(lambda t, keys=keys: [t.put(ITEMS.id, key, _VALUE) for key in keys])  # type: ignore[misc]
        tell(event="filled")

    async def _write(self, journal: Journal, number: int) -> None:
        """A write every 10 ms, of an item that is there or a new one."""
        while True:
            number += _WRITERS
            key = key_of(number * 7)
            started = time.perf_counter()
            await journal.write(lambda t, key=key: t.put(ITEMS.id, key, _VALUE))  # type: ignore[misc]
            self.latencies.append((time.perf_counter() - started) * 1000)
            await asyncio.sleep(_PAUSE_S)


if __name__ == "__main__":
    uvloop.run(Child(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])).run())
