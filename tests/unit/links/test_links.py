"""Links on real sockets: what holds, what orders and what closes. Nothing here measures the wall clock."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import uvloop

from terrella.kernel import Connection
from terrella.testing import SeededIds
from terrella.wire.links import Link, Links

HERE, THERE = "us-east-1", "eu-west-1"
ADDRESSES = {HERE: "127.77.1.1", THERE: "127.77.1.2"}
CUT = Link(cut=True)


class Peer:
    """A server of the other region: echoes, unless ``mute``; keeps what it received."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.clients: list[str] = []
        self.mute = False
        self.greeting = b""
        self.port = 0
        self._news = asyncio.Condition()
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, ADDRESSES[THERE], 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.clients.append(writer.get_extra_info("peername")[0])
        self._writers.append(writer)
        writer.write(self.greeting)
        try:
            while data := await reader.read(65536):
                async with self._news:
                    self.received += data
                    self._news.notify_all()
                if not self.mute:
                    writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def wait(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60), self._news:
            await self._news.wait_for(condition)

    def hang_up(self) -> None:
        for writer in self._writers:
            writer.close()

    def stop(self) -> None:
        self.hang_up()
        assert self._server is not None
        self._server.close()


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    peer = Peer()
    await peer.start()
    yield peer
    peer.stop()


@pytest.fixture
async def links() -> AsyncIterator[Links]:
    slow = Link(delay_ms=2)
    links = Links(HERE, ADDRESSES, {(HERE, THERE): slow, (THERE, HERE): slow}, SeededIds())
    yield links
    links.close()


async def read_exactly(connection: Connection, size: int) -> bytes:
    data = b""
    async with asyncio.timeout(60):
        while len(data) < size:
            part = await connection.read()
            assert part
            data += part
    return data


async def some_turns() -> None:
    """Let everything that could happen at once happen: data crosses loopback sockets in a turn or two."""
    for _ in range(200):
        await asyncio.sleep(0)


async def test_bytes_go_there_and_back_in_order_from_the_own_address(peer: Peer, links: Links) -> None:
    peer.greeting = b"hello "
    connection = await links.connect(THERE, peer.port, 10)
    for number in range(200):
        await connection.write(b"%d," % number)
    expected = b"hello " + b"".join(b"%d," % number for number in range(200))
    assert await read_exactly(connection, len(expected)) == expected
    assert peer.clients == [ADDRESSES[HERE]]


async def test_a_cut_holds_bytes_until_it_heals(peer: Peer, links: Links) -> None:
    connection = await links.connect(THERE, peer.port, 10)
    links.set(HERE, THERE, CUT)
    await connection.write(b"one ")
    await connection.write(b"two")
    await some_turns()
    assert not peer.received
    links.set(HERE, THERE, Link())
    assert await read_exactly(connection, 7) == b"one two"


async def test_a_cut_of_the_way_back_holds_only_the_answer(peer: Peer, links: Links) -> None:
    connection = await links.connect(THERE, peer.port, 10)
    links.set(THERE, HERE, CUT)
    await connection.write(b"one")
    await peer.wait(lambda: bytes(peer.received) == b"one")
    reading = asyncio.create_task(connection.read())
    await some_turns()
    assert not reading.done()
    links.set(THERE, HERE, Link(delay_ms=1))
    assert await reading == b"one"


async def test_connecting_over_a_cut_hangs_until_it_heals_or_times_out(peer: Peer, links: Links) -> None:
    links.set(THERE, HERE, CUT)
    with pytest.raises(TimeoutError):
        await links.connect(THERE, peer.port, 0.01)
    connecting = asyncio.create_task(links.connect(THERE, peer.port, 20))
    await some_turns()
    assert not connecting.done()
    links.set(THERE, HERE, Link())
    connection = await connecting
    await connection.write(b"x")
    assert await connection.read() == b"x"


async def test_a_refusal_crosses_the_link_as_well(links: Links) -> None:
    links.set(THERE, HERE, CUT)
    connecting = asyncio.create_task(links.connect(THERE, 9, 20))
    await some_turns()
    assert not connecting.done()
    links.set(THERE, HERE, Link())
    with pytest.raises(ConnectionRefusedError):
        await connecting


async def test_closing_works_while_cut(peer: Peer, links: Links) -> None:
    connection = await links.connect(THERE, peer.port, 10)
    links.set(HERE, THERE, CUT)
    links.set(THERE, HERE, CUT)
    await connection.write(b"x")
    reading = asyncio.create_task(connection.read())
    await some_turns()
    connection.close()
    connection.close()
    with pytest.raises(ConnectionAbortedError):
        await reading
    with pytest.raises(ConnectionAbortedError):
        await connection.write(b"y")


async def test_writing_waits_while_too_much_is_under_way(peer: Peer, links: Links) -> None:
    peer.mute = True
    connection = await links.connect(THERE, peer.port, 10)
    links.set(HERE, THERE, CUT)
    size = 5 * 1024 * 1024
    writing = asyncio.create_task(connection.write(b"x" * size))
    await some_turns()
    assert not writing.done()
    links.set(HERE, THERE, Link())
    await writing
    await peer.wait(lambda: len(peer.received) == size)


async def test_a_writer_that_waits_is_told_when_the_connection_is_closed(peer: Peer, links: Links) -> None:
    connection = await links.connect(THERE, peer.port, 10)
    links.set(HERE, THERE, CUT)
    writing = asyncio.create_task(connection.write(b"x" * 5 * 1024 * 1024))
    await some_turns()
    connection.close()
    with pytest.raises(ConnectionAbortedError):
        await writing


async def test_an_echo_larger_than_every_buffer_comes_back_whole(peer: Peer, links: Links) -> None:
    connection = await links.connect(THERE, peer.port, 10)
    data = bytes(range(256)) * 64 * 1024
    writing = asyncio.create_task(connection.write(data))
    assert await read_exactly(connection, len(data)) == data
    await writing


async def test_the_end_is_seen_after_the_last_byte_and_held_by_a_cut(peer: Peer, links: Links) -> None:
    peer.greeting = b"bye"
    connection = await links.connect(THERE, peer.port, 10)
    assert await read_exactly(connection, 3) == b"bye"
    links.set(THERE, HERE, CUT)
    peer.hang_up()
    reading = asyncio.create_task(connection.read())
    await some_turns()
    assert not reading.done()
    await connection.write(b"the close is not known here yet")
    links.set(THERE, HERE, Link())
    assert await reading == b""


async def test_the_own_region_is_not_shaped(peer: Peer) -> None:
    links = Links(THERE, ADDRESSES, {(THERE, THERE): CUT}, SeededIds())
    connection = await links.connect(THERE, peer.port, 10)
    await connection.write(b"x")
    assert await connection.read() == b"x"
    connection.close()


async def test_an_unknown_region_is_refused_and_changes_are_told(links: Links) -> None:
    told: list[tuple[str, str, Link]] = []
    links.on_change(lambda *change: told.append(change))
    links.set(HERE, THERE, CUT)
    assert told == [(HERE, THERE, CUT)]
    assert links.get(HERE, THERE) == CUT
    with pytest.raises(ConnectionError, match="there is no region eu-central-1"):
        await links.connect("eu-central-1", 1, 1)


def test_links_work_under_uvloop() -> None:
    """Its transports are no subclasses of asyncio's."""

    async def talk() -> bytes:
        peer = Peer()
        await peer.start()
        links = Links(HERE, ADDRESSES, {(HERE, THERE): Link(delay_ms=1)}, SeededIds())
        connection = await links.connect(THERE, peer.port, 10)
        await connection.write(b"x")
        answer = await connection.read()
        connection.close()
        peer.stop()
        return answer

    assert uvloop.run(talk()) == b"x"
