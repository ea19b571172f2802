"""Peers that say what they may not: each is refused with a reason, and costs nothing but itself."""

import contextlib
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.journal.hostile import (
    EAST,
    HELLO,
    REGIONS,
    SEQUENCE_MAX,
    WELCOME,
    WEST,
    State,
    conversation,
    drained,
    fed,
    greeted,
    mutations,
    sent,
    welcomed,
)

from terrella.journal import (
    Apply,
    FrameReader,
    JournalError,
    Message,
    ProtocolError,
    Puller,
    PullServer,
    RecordError,
    Records,
    frame,
    protocol,
    pulling,
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
from terrella.journal.records import decode_record

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


def test_the_errors_are_one_family() -> None:
    assert issubclass(ProtocolError, JournalError)
