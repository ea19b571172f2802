"""Journals that replicate through doors: what a certificate proves bounds what its owner may say."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from terrella.journal import DataSet, Journal, Lane, Replicator
from terrella.journal.protocol import PROTOCOL, FrameReader, Hello, Message, Refusal, frame
from terrella.kernel import SystemClock, SystemIds
from terrella.testing import LoopbackNetwork
from terrella.wire.tls import TlsConnector, TlsDoor, client_context, server_context
from terrella.world import DevelopmentAuthority

from .conftest import EAST, IRELAND, WORLD

PROTOCOL_NAME = "journal"
ITEMS = DataSet("items-0001", "items", Lane.ASYNC, (EAST, IRELAND))


class Region:
    """A journal behind a door."""

    def __init__(self, name: str, journal: Journal, network: LoopbackNetwork, authority: DevelopmentAuthority) -> None:
        self.name = name
        self.journal = journal
        self.network = network
        files = authority.files(name)
        self.replicator = Replicator(
            journal,
            TlsConnector(network.connector(name), client_context(files, PROTOCOL_NAME), WORLD),
            [other for other in (EAST, IRELAND) if other != name],
            0,
            SystemClock(),
            SystemIds(),
            world=WORLD,
        )
        self.door = TlsDoor(
            server_context(files, [PROTOCOL_NAME]), WORLD, {PROTOCOL_NAME: self._pulled}, self.replicator.refused
        )

    def _pulled(self) -> asyncio.Protocol:
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(), self._serve)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self.replicator.serve(reader, writer, frozenset({writer.get_extra_info("proven")}))

    async def start(self) -> None:
        self.network.listens(self.name, "127.0.0.1", await self.door.listen("127.0.0.1", 0))
        self.replicator.pull()
        await self.journal.declare(ITEMS)

    async def stop(self) -> None:
        await self.door.close()
        await self.replicator.stop()
        await self.journal.close()

    def get(self, key: bytes) -> bytes | None:
        version = self.journal.read(ITEMS.id, key)
        return version.value if version else None


@pytest.fixture
async def world(tmp_path: Path, authority: DevelopmentAuthority) -> AsyncIterator[dict[str, Region]]:
    network = LoopbackNetwork()
    regions = {}
    for name in (EAST, IRELAND):
        journal = await Journal.open(tmp_path / f"{name}.sqlite", name, SystemClock(), SystemIds())
        regions[name] = Region(name, journal, network, authority)
        await regions[name].start()
    yield regions
    for region in regions.values():
        await region.stop()


async def put(region: Region, key: bytes, value: bytes) -> None:
    await region.journal.write(lambda transaction: transaction.put(ITEMS.id, key, value))


async def until_held(region: Region, key: bytes) -> None:
    async with asyncio.timeout(60):
        while region.get(key) is None:  # noqa: ASYNC110 - another object's state, which has no event
            await asyncio.sleep(0.002)


async def greet(region: Region, context: ssl.SSLContext, hello: Message) -> Message:
    """What a region answers to somebody who speaks the protocol."""
    connection = await TlsConnector(region.network.connector(EAST), context, WORLD).connect(region.name, 0, 10)
    await connection.write(frame(hello))
    frames = FrameReader()
    try:
        while data := await connection.read():
            for message in frames.feed(data):
                return message
    finally:
        connection.close()
    raise AssertionError("it hung up without a word")


async def test_both_ways(world: dict[str, Region]) -> None:
    await put(world[EAST], b"a", b"one")
    await put(world[IRELAND], b"b", bytes(300_000))
    await until_held(world[IRELAND], b"a")
    await until_held(world[EAST], b"b")
    assert world[EAST].get(b"b") == bytes(300_000)


async def test_whoever_says_to_be_another_region_is_refused(
    world: dict[str, Region], authority: DevelopmentAuthority, tmp_path: Path
) -> None:
    """A certificate of the world, and another region's name: the reason is told, and listed; the others go on."""
    front_door = client_context(authority.files("front-door"), PROTOCOL_NAME)
    answer = await greet(world[IRELAND], front_door, Hello(PROTOCOL, WORLD, EAST, IRELAND, "e1"))
    assert isinstance(answer, Refusal)
    assert "front-door claims to be us-east-1" in answer.reason
    assert any("front-door claims to be us-east-1" in refusal for refusal in world[IRELAND].replicator.refusals)
    await put(world[EAST], b"a", b"one")
    await until_held(world[IRELAND], b"a")


async def test_whoever_cannot_come_in_is_listed_once(world: dict[str, Region]) -> None:
    host, port = world[EAST].network.address(IRELAND)
    for _ in range(3):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(frame(Hello(PROTOCOL, WORLD, EAST, IRELAND, "e1")))
        await reader.read()
        writer.close()
    assert list(world[IRELAND].replicator.refusals) == ["127.0.0.1: it does not speak TLS"]
    await put(world[EAST], b"a", b"one")
    await until_held(world[IRELAND], b"a")
