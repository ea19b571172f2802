"""Peers that say what they may not: each is refused with a reason, and costs nothing but itself."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from terrella.journal import (
    Apply,
    DataSet,
    Effect,
    FrameReader,
    Journal,
    JournalError,
    Lane,
    Message,
    Origin,
    ProtocolError,
    Puller,
    PullServer,
    RecordError,
    Records,
    Replicator,
    Send,
    Vector,
    downstream,
    frame,
    protocol,
    pulling,
    replicator,
)
from terrella.journal.protocol import (
    HELLO_BYTES_MAX,
    PROTOCOL,
    Acknowledgement,
    Excluded,
    Heads,
    Hello,
    PackedRecords,
    Pull,
    Refusal,
    SnapshotRequired,
    Stop,
    Welcome,
    envelope,
)
from terrella.journal.records import decode_record, encode_write
from terrella.kernel import SystemClock, SystemIds
from terrella.testing import LoopbackNetwork

EAST: Origin = ("us-east-1", "e1")
WEST: Origin = ("us-west-2", "w1")
REGIONS = ("eu-west-1", "us-east-1", "us-west-2")
ITEMS = DataSet("items", "items", Lane.ASYNC, REGIONS)
SEQUENCE_MAX = (1 << 40) - 1


class State:
    """Some region's committed state; records are ``<sequence>`` as bytes."""

    def __init__(self, origin: Origin, held: dict[Origin, int]) -> None:
        self.region, self.incarnation = origin
        self.held = held
        self.acknowledged: dict[str, Vector] = {}

    def clock_ms(self) -> int:
        return 1000

    def definitions(self) -> Mapping[str, DataSet]:
        return {ITEMS.id: ITEMS}

    def vectors(self, peer: str) -> Mapping[str, Vector]:
        return {ITEMS.id: dict(self.held)}

    cursors = vectors

    def unpulled(self) -> frozenset[str]:
        return frozenset()

    def lives(self) -> set[str]:
        return {self.incarnation}

    def lives_of(self, region: str) -> set[str]:
        return {life for origin_region, life in self.held if origin_region == region}

    def decided(self) -> int:
        return 0

    def excluded(self, peer: str, data_set_id: str) -> int | None:
        return None if data_set_id == ITEMS.id else 3

    def floor(self, data_set_id: str, origin: Origin) -> int:
        return 1

    def records(self, data_set_id: str, origin: Origin, after: int, records_max: int, bytes_max: int) -> list[bytes]:
        last = min(self.held[origin], after + records_max)
        return [b"%d" % sequence for sequence in range(after + 1, last + 1)]

    def log_bytes(self, data_set_id: str, origin: Origin, after: int, upto: int) -> int:
        return upto - after

    def acknowledge(self, peer: str, data_set_id: str, vector: Vector) -> None:
        self.acknowledged[peer] = vector


HELLO = Hello(PROTOCOL, "test", "us-west-2", "us-east-1", "w1")
WELCOME = Welcome(PROTOCOL, "us-east-1", "e1")


def greeted() -> PullServer:
    server = PullServer(State(EAST, {EAST: 300, WEST: 5}), "test", REGIONS)
    server.receive(HELLO, 0.0)
    return server


def welcomed() -> Puller:
    puller = Puller(State(WEST, {EAST: 2, WEST: 5}), "test", "us-east-1")
    puller.start(0.0)
    puller.receive(WELCOME, 0.0)
    return puller


# what a server is told


def test_one_that_has_proved_to_be_another_is_refused() -> None:
    server = PullServer(State(EAST, {}), "test", REGIONS, proven=frozenset(("eu-west-1",)))
    with pytest.raises(ProtocolError, match="says to be us-west-2, and has a certificate of eu-west-1"):
        server.receive(HELLO, 0.0)


def test_more_cannot_be_acknowledged_than_there_is() -> None:
    with pytest.raises(ProtocolError, match="acknowledges record 301 in items, of which us-east-1 has written 300"):
        greeted().receive(Acknowledgement([("items", [(*EAST, 301)])]), 0.1)


def test_what_others_wrote_may_be_held_there_and_not_here() -> None:
    server = greeted()
    server.receive(Acknowledgement([("items", [(*EAST, 300), (*WEST, 99), ("us-east-1", "e0", 50)])]), 0.1)


def test_a_server_keeps_no_more_than_so_many_subscriptions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("terrella.journal.serving.SUBSCRIPTIONS_MAX", 3)
    server = greeted()
    for number in range(3):
        server.receive(Pull(f"{number}", ["us-east-1"], []), 0.1)
    server.receive(Pull("2", ["us-east-1"], []), 0.1)
    with pytest.raises(ProtocolError, match="more than 3 data sets"):
        server.receive(Pull("4", ["us-east-1"], []), 0.1)


@pytest.mark.parametrize(
    "message", [HELLO, WELCOME, Heads(1, []), Records("items", *EAST, 1, [b""]), SnapshotRequired("items", *EAST, 1)]
)
def test_what_is_not_for_a_server(message: Message) -> None:
    with pytest.raises(ProtocolError, match="not for a server"):
        greeted().receive(message, 0.1)


# what a puller is told


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (Records("items", "us-west-2", "w1", 6, [b"6"]), "for which it was not asked"),
        (Records("other", *EAST, 1, [b"1"]), "for which it was not asked"),
        (Records("items", "mars-1", "m1", 1, [b"1"]), "for which it was not asked"),
        (PackedRecords("items", *EAST, 3, b"no zlib"), "packed records that are none"),
        (HELLO, "not for a puller"),
        (WELCOME, "not for a puller"),
        (Pull("items", ["us-west-2"], []), "not for a puller"),
        (Refusal("go away"), "refused: go away"),
    ],
)
def test_what_a_server_may_not_say(message: Message, reason: str) -> None:
    with pytest.raises(ProtocolError, match=reason):
        welcomed().receive(message, 0.1)


@pytest.mark.parametrize(
    "message", [Welcome(99, "us-east-1", "e1"), Welcome(PROTOCOL, "eu-west-1", "i1"), Heads(1, []), Stop("items")]
)
def test_an_impostor_is_not_pulled_from(message: Message) -> None:
    puller = Puller(State(WEST, {}), "test", "us-east-1")
    puller.start(0.0)
    with pytest.raises(ProtocolError, match="answered Hello with"):
        puller.receive(message, 0.1)


def test_a_hole_is_not_applied_and_not_waited_for_for_ever() -> None:
    puller = welcomed()
    assert puller.receive(Records("items", *EAST, 5, [b"5"]), 0.1) == []
    puller.tick(1.0)
    puller.receive(Heads(1000, []), 15.0)
    with pytest.raises(ProtocolError, match="later records of us-east-1"):
        puller.tick(16.0)


def test_duplicates_and_reordering_change_nothing() -> None:
    puller = welcomed()
    third, fourth = Records("items", *EAST, 3, [b"3"]), Records("items", *EAST, 4, [b"4"])
    assert puller.receive(fourth, 0.1) == []
    assert puller.receive(third, 0.1) == [Apply(third)]
    assert puller.receive(third, 0.1) == []
    assert puller.receive(fourth, 0.1) == [Apply(fourth)]
    assert puller.receive(fourth, 0.1) == []


def test_records_that_are_lost_on_their_way_to_the_store_are_asked_for_anew() -> None:
    puller = welcomed()
    third = Records("items", *EAST, 3, [b"3"])
    assert puller.receive(third, 0.1) == [Apply(third)]
    puller.again("items")
    assert Pull("items", ["us-east-1"], [(*EAST, 2)]) in sent(puller.tick(0.2))
    assert puller.receive(third, 0.3) == [Apply(third)]


def test_there_is_an_end_to_what_a_peer_may_claim_to_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulling, "ORIGINS_MAX", 10)
    puller = welcomed()
    for number in range(5):
        puller.receive(Heads(1, [(f"{number}", [(*EAST, 1)])]), 0.1)
    with pytest.raises(ProtocolError, match="more than 10 streams"):
        puller.receive(Heads(1, [("5", [(*EAST, 1)])]), 0.1)


def test_a_packed_bomb_is_not_unpacked() -> None:
    bomb = protocol.pack(Records("items", *EAST, 3, [bytes(protocol.FRAME_BYTES_MAX + 1)]))
    assert len(bomb.packed) < 10_000
    with pytest.raises(ProtocolError, match="longer than"):
        welcomed().receive(bomb, 0.1)


# frames and records


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ((7, 1 << 63, []), "clock|Expected"),
        ((7, 1000, [("items", [(*EAST, 1 << 63)])]), "Expected `int` <="),
        ((7, 1000, [("items", [(*EAST, -1)])]), "Expected `int` >= 0"),
        ((7, 1000, [("i" * 500, [])]), "Expected `str` of length <="),
        ((8, "items", *EAST, 0, []), "Expected `int` >= 1"),
        ((8, "items", *EAST, 1, [b""] * 100_000), "Expected `array` of length <="),
        ((99, "news"), "Invalid value 99"),
        ("hello", "Expected `array`"),
    ],
)
def test_absurd_messages_are_none(body: object, reason: str) -> None:
    data = msgspec.msgpack.encode(body)
    with pytest.raises(ProtocolError, match=reason):
        list(FrameReader().feed(envelope(data)))


@pytest.mark.parametrize("body", [b"\xa4\xff\xff\xff\xff", b"\x92\x03\xa2\xff\xfe", b"\x92\x03" + b"\x91" * 100_000])
def test_bytes_that_are_neither_text_nor_end(body: bytes) -> None:
    with pytest.raises(ProtocolError, match="no message"):
        list(FrameReader().feed(envelope(body)))


def test_a_later_version_may_add_to_the_end() -> None:
    data = msgspec.msgpack.encode((9, "items", *EAST, 7, "news", {"and": ["more"]}))
    assert list(FrameReader().feed(envelope(data))) == [SnapshotRequired("items", *EAST, 7)]


def test_a_stranger_gets_no_large_buffer() -> None:
    with pytest.raises(ProtocolError, match=f"at most {HELLO_BYTES_MAX} are taken"):
        list(FrameReader(HELLO_BYTES_MAX).feed((HELLO_BYTES_MAX + 1).to_bytes(4, "big") + bytes(4)))


@pytest.mark.parametrize(
    "record",
    [
        (1, 0, 1 << 63, b"k", b"v", ()),
        (1, 0, -1, b"k", b"v", ()),
        (1, 0, 5, b"k", b"v", (("r", "i", 1 << 40),)),
        (1, 1, 5, None, 1 << 50),
        (1, 2, b"k", ("r", "i", 1 << 41, 1, None), ("r", "i", 1, 1, None)),
    ],
)
def test_a_record_that_could_not_be_stored_is_none(record: object) -> None:
    with pytest.raises(RecordError):
        decode_record(msgspec.msgpack.encode(record))


@given(st.binary(max_size=200))
def test_bytes_are_a_record_or_a_record_error(data: bytes) -> None:
    with contextlib.suppress(RecordError):
        decode_record(data)


# fuzzing: whatever comes, nothing but ProtocolError comes out

NAMES = st.sampled_from(["items", "other", "us-east-1", "us-west-2", "eu-west-1", "e1", "w1", ""])
NUMBERS = st.one_of(st.integers(0, 10), st.sampled_from([299, 300, 301, SEQUENCE_MAX]))
VECTORS = st.lists(st.tuples(NAMES, NAMES, NUMBERS), max_size=4)
SETS = st.lists(st.tuples(NAMES, VECTORS), max_size=3)
MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.builds(Hello, st.sampled_from([PROTOCOL, 9]), st.sampled_from(["test", "other"]), NAMES, NAMES, NAMES),
    st.builds(Welcome, st.just(PROTOCOL), NAMES, NAMES),
    st.builds(Pull, NAMES, st.lists(NAMES, max_size=3), VECTORS, st.lists(st.tuples(NAMES, NAMES), max_size=3)),
    st.builds(Stop, NAMES),
    st.builds(Acknowledgement, SETS),
    st.builds(Heads, NUMBERS, SETS),
    st.builds(Records, NAMES, NAMES, NAMES, NUMBERS.filter(bool), st.lists(st.binary(max_size=4), max_size=4)),
    st.builds(PackedRecords, NAMES, NAMES, NAMES, NUMBERS.filter(bool), st.binary(max_size=20)),
    st.builds(SnapshotRequired, NAMES, NAMES, NAMES, NUMBERS),
    st.builds(Excluded, NAMES, NUMBERS),
)


def drained(server: PullServer, now: float) -> list[Message]:
    messages = []
    while (message := server.next(now)) is not None:
        messages.append(message)
        assert len(messages) < 1000, "there is no end to what it says"
    return messages


def sent(effects: list[Effect]) -> list[Message]:
    return [effect.message for effect in effects if isinstance(effect, Send)]


@given(st.lists(MESSAGES, max_size=12))
def test_a_server_answers_or_refuses(messages: list[Message]) -> None:
    server = greeted()
    with contextlib.suppress(ProtocolError):
        for number, message in enumerate(messages):
            server.receive(message, number / 10)
            for answer in drained(server, number / 10):
                frame(answer)


@given(st.lists(MESSAGES, max_size=12))
def test_a_puller_takes_or_refuses(messages: list[Message]) -> None:
    """And what it hands out follows, record for record, on what it had."""
    puller = welcomed()
    applied = {EAST: 2}
    with contextlib.suppress(ProtocolError):
        for number, message in enumerate(messages):
            now = number / 10
            for effect in [*puller.receive(message, now), *puller.tick(now)]:
                if isinstance(effect, Apply):
                    records = effect.records
                    origin = (records.region, records.incarnation)
                    assert records.data_set_id == "items"
                    assert origin[0] != "us-west-2", "what is its own comes from nobody"
                    assert records.first <= applied.get(origin, 0) + 1
                    applied[origin] = max(applied.get(origin, 0), records.first + len(records.records) - 1)


def conversation() -> tuple[list[bytes], list[bytes]]:
    """What the two sides say to each other, frame by frame, when all goes well."""
    west = State(WEST, {EAST: 2, WEST: 5})
    server = PullServer(State(EAST, {EAST: 300, WEST: 5}), "test", REGIONS)
    puller = Puller(west, "test", "us-east-1")
    requests, answers = [], []
    waiting = sent(puller.start(0.0))
    for turn in range(8):
        now = turn / 10
        for message in waiting:
            requests.append(frame(message))
            server.receive(message, now)
        waiting = []
        for answer in drained(server, now):
            answers.append(frame(answer))
            waiting += sent(puller.receive(answer, now))
            if isinstance(answer, Records):
                west.held[EAST] = answer.first + len(answer.records) - 1
        waiting += sent(puller.tick(now))
    assert west.held[EAST] == 300
    return requests, answers


def mutations(frames: list[bytes], seed: int, count: int) -> Iterator[bytes]:
    """The same bytes: flipped, cut off, left out, doubled, exchanged, mixed with others."""
    chance = random.Random(seed)
    for _ in range(count):
        mutant = list(frames)
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(mutant))
            data = bytearray(mutant[at])
            kind = chance.randrange(7)
            if kind == 0 and data:
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            elif kind == 1:
                del data[chance.randrange(len(data) + 1) :]
            elif kind == 2:
                data[chance.randrange(len(data) + 1) : 0] = chance.randbytes(chance.randint(1, 9))
            elif kind == 3:
                mutant.insert(at, bytes(data))
            elif kind == 4:
                other = chance.randrange(len(mutant))
                data, mutant[other] = bytearray(mutant[other]), bytes(data)
            elif kind == 5:
                data = bytearray(chance.choice(mutant))
            elif len(data) > 8:
                # A whole frame of another content, its length and checksum right.
                body = data[8:]
                body[chance.randrange(len(body))] = chance.randrange(256)
                data = bytearray(envelope(bytes(body)))
            mutant[at] = bytes(data)
        yield b"".join(mutant)


def fed(data: bytes, chance: random.Random, take: Callable[[Message, float], object]) -> None:
    """In pieces of any size; only ``ProtocolError`` may come out."""
    frames = FrameReader()
    now = 0.0
    with contextlib.suppress(ProtocolError):
        while data:
            size = chance.randint(1, 4000)
            for message in frames.feed(data[:size]):
                take(message, now)
            data = data[size:]
            now += 0.01


@pytest.mark.parametrize("seed", range(4))
def test_mutated_conversations_are_refused_or_understood(seed: int) -> None:
    requests, answers = conversation()
    chance = random.Random(seed)
    for data in mutations(requests, seed, 300):
        server = PullServer(State(EAST, {EAST: 300, WEST: 5}), "test", REGIONS)

        def serve(message: Message, now: float, server: PullServer = server) -> None:
            server.receive(message, now)
            drained(server, now)

        fed(data, chance, serve)
    for data in mutations(answers, seed, 300):
        puller = Puller(State(WEST, {EAST: 2, WEST: 5}), "test", "us-east-1")
        puller.start(0.0)

        def pull(message: Message, now: float, puller: Puller = puller) -> None:
            puller.receive(message, now)
            puller.tick(now)

        fed(data, chance, pull)


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


def test_the_errors_are_one_family() -> None:
    assert issubclass(ProtocolError, JournalError)
