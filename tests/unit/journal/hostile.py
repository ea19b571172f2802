"""A conversation between two regions, and what may become of it on its way."""

import contextlib
import random
from collections.abc import Callable, Iterator, Mapping

from terrella.journal import (
    DataSet,
    Effect,
    FrameReader,
    Lane,
    Message,
    Origin,
    ProtocolError,
    Puller,
    PullServer,
    Records,
    Send,
    Vector,
    frame,
)
from terrella.journal.protocol import (
    PROTOCOL,
    Hello,
    Welcome,
    envelope,
)

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


def drained(server: PullServer, now: float) -> list[Message]:
    messages = []
    while (message := server.next(now)) is not None:
        messages.append(message)
        assert len(messages) < 1000, "there is no end to what it says"
    return messages


def sent(effects: list[Effect]) -> list[Message]:
    return [effect.message for effect in effects if isinstance(effect, Send)]


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
