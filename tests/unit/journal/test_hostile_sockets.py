"""Peers that say what they may not, over real sockets: each is refused, and replication goes on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from tests.unit.journal.hostile import (
    EAST,
    ITEMS,
    REGIONS,
    mutations,
)

from terrella.journal import (
    FrameReader,
    Journal,
    Records,
    Replicator,
    downstream,
    frame,
    replicator,
)
from terrella.journal.protocol import (
    PROTOCOL,
    Acknowledgement,
    Heads,
    Hello,
    Pull,
    Refusal,
    Welcome,
)
from terrella.journal.records import encode_write
from terrella.kernel import SystemClock, SystemIds
from terrella.testing import LoopbackNetwork

# over sockets


class Region:
    """One region, and how to reach it."""

    def __init__(self, name: str, network: LoopbackNetwork, folder: Path) -> None:
        self.name, self.network, self.folder = name, network, folder

    async def start(self) -> None:
        self.journal = await Journal.open(self.folder / self.name, self.name, SystemClock(), SystemIds())
        connector = self.network.connector(self.name)
        peers = [region for region in REGIONS if region != self.name]
        self.replicator = Replicator(self.journal, connector, peers, 0, SystemClock(), SystemIds(), world="test")
        self.network.listens(self.name, "127.0.0.1", await self.replicator.start("127.0.0.1"))
        await self.journal.declare(ITEMS)

    async def stop(self) -> None:
        await self.replicator.stop()
        await self.journal.close()

    async def put(self, key: bytes, value: bytes = b"x") -> None:
        await self.journal.write(lambda transaction: transaction.put(ITEMS.id, key, value))

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(*self.network.address(self.name))

    @property
    def refusals(self) -> str:
        return "\n".join(self.replicator.refusals)


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[tuple[Region, Region]]:
    """Two regions that replicate, while a third name is free for whoever wants to pose as it."""
    network = LoopbackNetwork()
    east, west = (Region(name, network, tmp_path) for name in ("us-east-1", "us-west-2"))
    for region in (east, west):
        await region.start()
    yield east, west
    for region in (east, west):
        await region.stop()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what will become true; the test's own time-out is the bound."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - states of several regions have no event in common
            await asyncio.sleep(0.005)


async def still_replicates(pair: tuple[Region, Region], key: bytes) -> None:
    for source, target in (pair, pair[::-1]):
        name = key + source.name.encode()
        await source.put(name)
        await until(lambda target=target, name=name: target.journal.read(ITEMS.id, name) is not None)  # type: ignore[misc]


async def test_mutated_conversations_over_sockets(pair: tuple[Region, Region]) -> None:
    """As a third region, to both ends: as a client who says it, and as the server that is pulled from."""
    east, _ = pair
    requests = [frame(Hello(PROTOCOL, "test", "eu-west-1", "us-east-1", "i1"))]
    requests += [frame(Pull("items", ["us-east-1"], [])), frame(Acknowledgement([("items", [(*EAST, 1)])]))]
    records = [encode_write(number << 16, b"%d" % number, b"x") for number in range(1, 4)]
    answers = [frame(Welcome(PROTOCOL, "eu-west-1", "i1")), frame(Heads(1000, [("items", [("eu-west-1", "i1", 3)])]))]
    answers += [frame(Records("items", "eu-west-1", "i1", 1, records))]
    scripts = mutations(answers, 7, 10_000)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(next(scripts))
        with contextlib.suppress(ConnectionError):
            await reader.read(1000)
        writer.close()

    impostor = await asyncio.start_server(serve, "127.0.0.1", 0)
    east.network.listens("eu-west-1", "127.0.0.1", impostor.sockets[0].getsockname()[1])
    for number, data in enumerate(mutations(requests, 3, 60)):
        reader, writer = await east.connect()
        with contextlib.suppress(ConnectionError):
            writer.write(data)
            writer.write_eof()
            async with asyncio.timeout(60):
                await reader.read()
        writer.close()
        east.replicator.poke()
        if number % 20 == 0:
            await still_replicates(pair, b"%d" % number)
    await until(lambda: east.replicator.status()["eu-west-1"].retries > 5)
    impostor.close()
    await still_replicates(pair, b"last")
    assert all(not task.done() for task in east.replicator._pulls.values()), "nobody's pulling has ended"


async def test_who_says_nothing_or_says_it_slowly_is_not_waited_for(
    pair: tuple[Region, Region], monkeypatch: pytest.MonkeyPatch
) -> None:
    east, _ = pair
    monkeypatch.setattr(downstream, "HELLO_TIMEOUT_S", 0.2)
    reader, writer = await east.connect()
    hello = frame(Hello(PROTOCOL, "test", "eu-west-1", "us-east-1", "i1"))

    async def drip() -> None:
        with contextlib.suppress(ConnectionError):
            for number in range(len(hello)):
                writer.write(hello[number : number + 1])
                await asyncio.sleep(0.02)

    dripping = asyncio.create_task(drip())
    (answer,) = FrameReader().feed(await reader.read())
    assert isinstance(answer, Refusal)
    assert "no Hello within" in answer.reason
    await dripping
    writer.close()
    await still_replicates(pair, b"a")


async def test_an_address_has_only_so_many_strangers(
    pair: tuple[Region, Region], monkeypatch: pytest.MonkeyPatch
) -> None:
    east, _ = pair
    monkeypatch.setattr(replicator, "STRANGERS_OF_ADDRESS_MAX", 3)
    strangers = [await east.connect() for _ in range(3)]
    await until(lambda: east.replicator._strangers.total() == 3)
    reader, writer = await east.connect()
    (answer,) = FrameReader().feed(await reader.read())
    assert answer == Refusal("too many connections that have not said whose they are")
    writer.close()
    await still_replicates(pair, b"a")
    for _, stranger in strangers:
        stranger.close()
    await until(lambda: not east.replicator._strangers)


async def test_what_is_not_read_does_not_pile_up(pair: tuple[Region, Region]) -> None:
    """A peer that asks for everything and reads nothing holds one message and a socket's buffer."""
    east, _ = pair
    for number in range(40):
        await east.put(b"large %d" % number, bytes(200_000))
    before = set(east.replicator._downstreams)
    _, writer = await east.connect()
    for message in (
        Hello(PROTOCOL, "test", "eu-west-1", "us-east-1", "i1"),
        Pull("items", ["us-east-1"], []),
    ):
        writer.write(frame(message))
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    await until(lambda: len(east.replicator._downstreams) > len(before))
    (serving,) = set(east.replicator._downstreams) - before
    transport = serving._writer.transport
    for number in range(20):
        await east.put(b"more %d" % number, bytes(200_000))
        writer.write(frame(Acknowledgement([])))
        assert transport.get_write_buffer_size() < 1_500_000
    await still_replicates(pair, b"a")
    writer.close()


async def test_a_flood_of_words_keeps_nobody_from_being_heard(pair: tuple[Region, Region]) -> None:
    east, _ = pair
    reader, writer = await east.connect()
    writer.write(frame(Hello(PROTOCOL, "test", "eu-west-1", "us-east-1", "i1")))
    flood = frame(Acknowledgement([("items", [])])) * 1000
    flooding = True

    async def pour() -> None:
        with contextlib.suppress(ConnectionError):
            while flooding:
                writer.write(flood)
                await writer.drain()

    pouring = asyncio.create_task(pour())
    await still_replicates(pair, b"a")
    flooding = False
    await pouring
    writer.close()
    del reader


async def test_a_record_that_is_none_is_put_aside(pair: tuple[Region, Region]) -> None:
    """Over a connection that stands; it is listed, and the others go on."""
    east, _ = pair

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for message in (Welcome(PROTOCOL, "eu-west-1", "i1"), Records("items", "eu-west-1", "i1", 1, [b"none"])):
            writer.write(frame(message))
        with contextlib.suppress(ConnectionError):
            while await reader.read(1000):
                writer.write(frame(Heads(1000, [])))
        writer.close()

    impostor = await asyncio.start_server(serve, "127.0.0.1", 0)
    east.network.listens("eu-west-1", "127.0.0.1", impostor.sockets[0].getsockname()[1])
    east.replicator.poke()
    await until(lambda: east.journal.status().data_sets[0].parked == 1)
    await still_replicates(pair, b"a")
    impostor.close()
