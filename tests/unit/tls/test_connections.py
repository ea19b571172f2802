"""TLS over links and sockets: who is let in, who is not, and what it costs the others."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import uvloop

from terrella.kernel import Connection
from terrella.testing import SeededIds
from terrella.wire.links import Link, Links
from terrella.wire.tls import TlsConnector, TlsDoor, TlsError, client_context, server_context
from terrella.wire.tls import door as door_module
from terrella.world import DevelopmentAuthority

from .conftest import EAST, IRELAND, WORLD

ADDRESSES = {EAST: "127.78.1.1", IRELAND: "127.78.1.2"}
BIG = bytes(range(256)) * 40_000  # 10 MB: more than any buffer on the way takes
THRICE = 3 * BIG


class Echo(asyncio.Protocol):
    """What the door gives its guests; ``mute`` keeps what it is told instead of saying it again."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.mute = False
        self.ended = asyncio.Event()
        self.lost = asyncio.Event()
        self.transport: asyncio.Transport
        self.paused = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        if not self.mute:
            self.transport.write(data)

    def pause_writing(self) -> None:
        self.paused += 1
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.transport.resume_reading()

    def eof_received(self) -> None:
        self.ended.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()


class Ireland:
    """A region's door, and what came to it."""

    def __init__(self, authority: DevelopmentAuthority) -> None:
        self.guests: list[Echo] = []
        self.refusals: list[tuple[str, str]] = []
        self._news = asyncio.Event()
        context = server_context(authority.files(IRELAND), ["echo"])
        self.door = TlsDoor(context, WORLD, {"echo": self._welcome}, self._refused)
        self.port = 0

    async def start(self) -> None:
        self.port = await self.door.listen(ADDRESSES[IRELAND], 0)

    def _welcome(self) -> Echo:
        self.guests.append(Echo())
        return self.guests[-1]

    def _refused(self, address: str, reason: str) -> None:
        self.refusals.append((address, reason))
        self._news.set()

    async def refusal(self) -> tuple[str, str]:
        await self._news.wait()
        return self.refusals[0]


@pytest.fixture
async def ireland(authority: DevelopmentAuthority) -> AsyncIterator[Ireland]:
    ireland = Ireland(authority)
    await ireland.start()
    yield ireland
    await ireland.door.close()


@pytest.fixture
async def links() -> AsyncIterator[Links]:
    links = Links(EAST, ADDRESSES, {(EAST, IRELAND): Link(delay_ms=1), (IRELAND, EAST): Link(delay_ms=1)}, SeededIds())
    yield links
    links.close()


def connector(links: Links, authority: DevelopmentAuthority, protocol: str = "echo") -> TlsConnector:
    return TlsConnector(links.streams, client_context(authority.files(EAST), protocol), authority.world)


async def read_exactly(connection: Connection, size: int) -> bytes:
    data = bytearray()
    async with asyncio.timeout(30):
        while len(data) < size:
            part = await connection.read()
            assert part
            data += part
    return bytes(data)


async def some_turns() -> None:
    """Let everything that could happen at once happen."""
    for _ in range(500):
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - states of other objects, which have no event
            await asyncio.sleep(0)


async def big_there_and_back(ireland: Ireland, links: Links, authority: DevelopmentAuthority) -> None:
    connection = await connector(links, authority).connect(IRELAND, ireland.port, 10)
    writing = asyncio.create_task(connection.write(BIG))
    assert await read_exactly(connection, len(BIG)) == BIG
    await writing
    (guest,) = ireland.guests
    assert guest.transport.get_extra_info("proven") == EAST
    assert guest.transport.get_extra_info("peername")[0] == ADDRESSES[EAST]


async def test_there_and_back_over_a_link(ireland: Ireland, links: Links, authority: DevelopmentAuthority) -> None:
    await big_there_and_back(ireland, links, authority)


def test_there_and_back_on_uvloop(authority: DevelopmentAuthority) -> None:
    """The loop that regions run on has transports of its own."""

    async def run() -> None:
        ireland = Ireland(authority)
        await ireland.start()
        links = Links(EAST, ADDRESSES, {}, SeededIds())
        await big_there_and_back(ireland, links, authority)
        links.close()
        await ireland.guests[0].lost.wait()
        await ireland.door.close()

    uvloop.run(run())


async def test_writers_that_do_not_wait_for_each_other_keep_their_order(
    ireland: Ireland, links: Links, authority: DevelopmentAuthority
) -> None:
    connection = await connector(links, authority).connect(IRELAND, ireland.port, 10)
    parts = [b"%06d" % number * 50_000 for number in range(20)]
    writing = [asyncio.create_task(connection.write(part)) for part in parts]
    assert await read_exactly(connection, sum(map(len, parts))) == b"".join(parts)
    await asyncio.gather(*writing)


async def test_a_door_that_does_not_read_is_waited_for(
    ireland: Ireland, links: Links, authority: DevelopmentAuthority
) -> None:
    connection = await connector(links, authority).connect(IRELAND, ireland.port, 10)
    await connection.write(b"x")
    assert await connection.read() == b"x"
    (guest,) = ireland.guests
    guest.mute = True
    guest.transport.pause_reading()

    async def write() -> None:
        for start in range(0, len(THRICE), 65536):
            await connection.write(THRICE[start : start + 65536])

    writing = asyncio.create_task(write())
    await some_turns()
    assert not writing.done()
    guest.transport.resume_reading()
    await writing
    await until(lambda: len(guest.received) == 1 + len(THRICE))


async def test_a_region_that_does_not_read_is_waited_for(
    ireland: Ireland, links: Links, authority: DevelopmentAuthority
) -> None:
    connection = await connector(links, authority).connect(IRELAND, ireland.port, 10)
    writing = asyncio.create_task(connection.write(THRICE))
    await until(lambda: bool(ireland.guests and ireland.guests[0].paused))
    assert await read_exactly(connection, len(THRICE)) == THRICE
    await writing


async def test_the_encrypted_bytes_are_what_a_cut_holds(
    ireland: Ireland, links: Links, authority: DevelopmentAuthority
) -> None:
    """The handshake too: it hangs, and times out as connecting would."""
    links.set(EAST, IRELAND, Link(cut=True))
    with pytest.raises(TimeoutError):
        await connector(links, authority).connect(IRELAND, ireland.port, 0.01)
    links.set(EAST, IRELAND, Link())
    connection = await connector(links, authority).connect(IRELAND, ireland.port, 10)
    links.set(EAST, IRELAND, Link(cut=True))
    await connection.write(b"held")
    reading = asyncio.create_task(connection.read())
    await some_turns()
    assert not reading.done()
    links.set(EAST, IRELAND, Link())
    assert await reading == b"held"


async def test_closing_here_is_seen_there_and_the_other_way_round(
    ireland: Ireland, links: Links, authority: DevelopmentAuthority
) -> None:
    there, here = [await connector(links, authority).connect(IRELAND, ireland.port, 10) for _ in range(2)]
    there.close()
    with pytest.raises(ConnectionError):
        await there.write(b"x")
    await here.write(b"x")
    assert await here.read() == b"x"
    await ireland.guests[0].lost.wait()
    ireland.guests[1].transport.close()
    assert await here.read() == b""
    assert not ireland.refusals


async def test_a_guest_that_dies_is_no_goodbye(ireland: Ireland, links: Links, authority: DevelopmentAuthority) -> None:
    connection = await connector(links, authority).connect(IRELAND, ireland.port, 10)
    await connection.write(b"x")
    assert await connection.read() == b"x"
    ireland.guests[0].transport.abort()
    with pytest.raises(ConnectionError):
        await connection.read()


async def test_strangers_are_refused_with_a_reason(
    ireland: Ireland, links: Links, stranger: DevelopmentAuthority
) -> None:
    """Both ways: the stranger does not take our certificate either, so it is the first to leave."""
    with pytest.raises(TlsError, match="self-signed certificate in certificate chain"):
        await connector(links, stranger).connect(IRELAND, ireland.port, 10)
    assert await ireland.refusal() == (ADDRESSES[EAST], "it refused us: unknown ca")


async def test_an_expired_certificate_is_refused(ireland: Ireland, links: Links, expired: DevelopmentAuthority) -> None:
    connection = await connector(links, expired).connect(IRELAND, ireland.port, 10)
    with pytest.raises(TlsError, match="it refused us: certificate expired"):
        await connection.read()
    assert (await ireland.refusal())[1] == "its certificate does not hold: certificate has expired"


async def test_a_certificate_of_another_world_has_no_business_here(
    ireland: Ireland, links: Links, authority: DevelopmentAuthority, other_world: DevelopmentAuthority
) -> None:
    """The same authority has signed it; that is not enough."""
    context = client_context(other_world.files(EAST), "echo")
    connection = await TlsConnector(links.streams, context, WORLD).connect(IRELAND, ireland.port, 10)
    assert await connection.read() == b""
    assert "it has a certificate of terrella://orders/us-east-1" in (await ireland.refusal())[1]
    assert not ireland.guests


async def test_the_side_that_connects_knows_whom_it_asked_for(
    ireland: Ireland, authority: DevelopmentAuthority
) -> None:
    """Another region at that address is not taken for the one that was asked for."""
    links = Links(EAST, {**ADDRESSES, "us-west-2": ADDRESSES[IRELAND]}, {}, SeededIds())
    with pytest.raises(TlsError, match=r"found a certificate of terrella://items/eu-west-1.*expected .*/us-west-2"):
        await connector(links, authority).connect("us-west-2", ireland.port, 10)
    links.close()


async def test_a_protocol_that_is_not_spoken(ireland: Ireland, links: Links, authority: DevelopmentAuthority) -> None:
    connection = await connector(links, authority, "gopher").connect(IRELAND, ireland.port, 10)
    assert await connection.read() == b""
    assert "us-east-1 asks for no protocol that is spoken here" in (await ireland.refusal())[1]


@pytest.mark.parametrize(
    "words", [b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", b"\x00\x00\x00\x20 plain frames", b"\xff" * 99]
)
async def test_plain_text_is_refused_and_costs_nobody_else(
    ireland: Ireland, links: Links, authority: DevelopmentAuthority, words: bytes
) -> None:
    connection = await connector(links, authority).connect(IRELAND, ireland.port, 10)
    reader, writer = await asyncio.open_connection(ADDRESSES[IRELAND], ireland.port)
    writer.write(words)
    await reader.read()
    writer.close()
    assert (await ireland.refusal())[1] == "it does not speak TLS"
    await connection.write(b"still here")
    assert await connection.read() == b"still here"


async def test_the_silent_give_way_to_those_who_come_later(
    ireland: Ireland, links: Links, authority: DevelopmentAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door_module, "HANDSHAKES_MAX", 3)
    silent = [await asyncio.open_connection(ADDRESSES[IRELAND], ireland.port) for _ in range(5)]
    connection = await connector(links, authority).connect(IRELAND, ireland.port, 10)
    await connection.write(b"x")
    assert await connection.read() == b"x"
    assert {reason for _, reason in ireland.refusals} == {"too many others were shaking hands as well"}
    for _, writer in silent:
        writer.close()


async def test_the_silent_are_not_waited_for(ireland: Ireland, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door_module, "HANDSHAKE_TIMEOUT_S", 0.01)
    reader, writer = await asyncio.open_connection(ADDRESSES[IRELAND], ireland.port)
    assert await reader.read() == b""
    writer.close()
    assert "did not shake hands within" in (await ireland.refusal())[1]
