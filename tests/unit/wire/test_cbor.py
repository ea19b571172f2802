"""CBOR: what we write botocore reads, and the other way round; rubbish is refused."""

import contextlib
import io
from typing import Any

import pytest
from botocore.parsers import BaseCBORParser
from hypothesis import given
from hypothesis import strategies as st

from terrella.wire.aws.cbor import CborError, Timestamp, decode_cbor, encode_cbor

LEAVES = (
    st.none() | st.booleans() | st.integers(-(2**64), 2**64 - 1) | st.floats(allow_nan=False) | st.text() | st.binary()
)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(VALUES)
def test_what_is_written_is_read(value: Any) -> None:
    assert decode_cbor(encode_cbor(value)) == value


@pytest.mark.parametrize("value", [0, -1, 2**63, "a" * 300, [1, [2]], {"a": {"b": b"\x00"}}, 1.5, True])
def test_botocore_reads_it(value: Any) -> None:
    parser = BaseCBORParser()
    stream = io.BufferedReader(io.BytesIO(encode_cbor(value)))
    assert parser.parse_data_item(stream) == value


def test_times_are_tagged_and_read_as_numbers() -> None:
    assert encode_cbor(Timestamp(1.5)) == b"\xc1\xfb" + bytes.fromhex("3ff8000000000000")
    assert decode_cbor(encode_cbor({"at": Timestamp(1.5)})) == {"at": 1.5}


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ("9f0102ff", [1, 2]),
        ("bf6161f5ff", {"a": True}),
        ("7f616161 62ff", "ab"),
        ("5f4101ff", b"\x01"),
        ("f93c00", 1.0),
        ("fa3fc00000", 1.5),
        ("f7", None),
        ("1a00010000", 65536),
    ],
)
def test_other_ways_of_writing_are_read(data: str, value: Any) -> None:
    assert decode_cbor(bytes.fromhex(data)) == value


@pytest.mark.parametrize(
    "data",
    ["", "18", "0000", "61", "61ff", "9bffffffffffffffff", "a10102", "9f", "1f", "fc", "1c", "7f01ff", "81" * 100],
)
def test_what_is_no_cbor_is_refused(data: str) -> None:
    with pytest.raises(CborError):
        decode_cbor(bytes.fromhex(data))


@given(st.binary(max_size=64))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(CborError):
        decode_cbor(data)


def test_what_has_no_place_in_cbor_is_a_mistake_of_ours() -> None:
    for value in (object(), 2**64):
        with pytest.raises(TypeError):
            encode_cbor(value)
