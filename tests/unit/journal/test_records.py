"""Records and frames as bytes."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from terrella.journal import Dot, ProtocolError, RecordError, UnknownFormatError, Version
from terrella.journal.merge import Clash
from terrella.journal.protocol import FRAME_BYTES_MAX, Acknowledgement, FrameReader, Message, Pull, Records, frame
from terrella.journal.records import (
    ConflictRecord,
    OpeningRecord,
    WriteRecord,
    conflict_of,
    decode_record,
    encode_conflict,
    encode_opening,
    encode_write,
    written_version,
)

origins = st.tuples(st.text(max_size=5), st.text(max_size=5))


@given(
    st.integers(0, 2**62 - 1), st.binary(), st.none() | st.binary(), st.dictionaries(origins, st.integers(1, 2**40 - 1))
)
def test_a_write_comes_back(hlc: int, key: bytes, value: bytes | None, context: dict[tuple[str, str], int]) -> None:
    dot = Dot("us-east-1", "1", 7)
    record = decode_record(encode_write(hlc, key, value, context))
    assert isinstance(record, WriteRecord)
    assert record.key == key
    assert written_version(record, dot) == Version(value, dot, hlc, context)


def test_the_other_kinds_come_back() -> None:
    assert decode_record(encode_opening(5, "earlier", 9)) == OpeningRecord(1, 1, 5, "earlier", 9)
    loser = Version(b"lost", Dot("a", "1", 2), 10, {("c", "1"): 4})
    winner = Version(None, Dot("b", "1", 3), 11)
    record = decode_record(encode_conflict(b"key", Clash(loser, winner)))
    assert isinstance(record, ConflictRecord)
    conflict = conflict_of("items", record)
    assert conflict.loser == Version(b"lost", Dot("a", "1", 2), 10), "without its context, which differs by finder"
    assert conflict.winner == winner
    assert conflict.key == b"key"


@pytest.mark.parametrize("record", [(2, 0, 5, b"key", b"value", ()), (1, 9, "x")])
def test_an_unknown_format_or_kind_says_so(record: tuple[object, ...]) -> None:
    with pytest.raises(UnknownFormatError, match="this version knows format 1"):
        decode_record(msgspec.msgpack.encode(record))


@given(st.binary(max_size=40))
def test_any_bytes_are_a_record_or_refused(data: bytes) -> None:
    try:
        decode_record(data)
    except RecordError:
        return


MESSAGES: list[Message] = [
    Pull("items", ["us-east-1"], [("us-east-1", "1", 4)]),
    Acknowledgement([]),
    Records("items", "us-east-1", "1", 5, [b"x" * 300, b""]),
]


@given(st.lists(st.integers(1, 50), max_size=30))
def test_frames_survive_any_cutting(cuts: list[int]) -> None:
    data = b"".join(frame(message) for message in MESSAGES)
    reader = FrameReader()
    received: list[Message] = []
    for cut in cuts:
        received += reader.feed(data[:cut])
        data = data[cut:]
    received += reader.feed(data)
    assert received == MESSAGES
    assert not reader.truncated


@given(st.binary(min_size=1, max_size=60))
def test_any_bytes_are_frames_or_refused(data: bytes) -> None:
    reader = FrameReader()
    try:
        list(reader.feed(data))
    except ProtocolError:
        return


def test_an_oversized_frame_is_refused_before_it_is_read() -> None:
    with pytest.raises(ProtocolError, match="at most"):
        list(FrameReader().feed((FRAME_BYTES_MAX + 1).to_bytes(4, "big") + bytes(4)))
