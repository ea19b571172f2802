"""Encoded keys sort as Python sorts what they stand for, which is how DynamoDB sorts."""

import base64
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terrella.services.tables.keys import after_prefix, encode_closed, encode_number, encode_open
from terrella.services.tables.numbers import normalize_number

numbers = st.one_of(
    st.integers(-(10**38) + 1, 10**38 - 1).map(str),
    st.decimals(-1000, 1000, places=3).map(str),
    st.builds(
        lambda sign, body, e: f"{sign}{body}E{e}", st.sampled_from("+-"), st.integers(0, 9999), st.integers(-130, 121)
    ),
).map(normalize_number)
strings = st.text(st.characters(codec="utf-8"), max_size=6)
binaries = st.binary(max_size=6)


def string(text: str) -> dict[str, Any]:
    return {"S": text}


def binary(content: bytes) -> dict[str, Any]:
    return {"B": base64.b64encode(content).decode()}


def sign(left: Any, right: Any) -> int:
    return int(left > right) - int(left < right)


@given(numbers, numbers)
def test_numbers_sort_by_value(left: str, right: str) -> None:
    assert sign(encode_number(left), encode_number(right)) == sign(Decimal(left), Decimal(right))


@given(st.lists(strings | st.sampled_from(["", "a", "a\x00", "a\x00\x01", "a\x01", "ab", "\U0010ffff", "\uffff"])))
def test_strings_sort_by_utf8(texts: list[str]) -> None:
    assert sorted(texts, key=lambda text: encode_open(string(text))) == sorted(texts, key=lambda text: text.encode())
    assert sorted(texts, key=lambda text: encode_closed(string(text))) == sorted(texts, key=lambda text: text.encode())


SHAPES = (
    st.tuples(binaries.map(binary), binaries.map(binary)),
    st.tuples(strings.map(string), numbers.map(lambda text: {"N": text})),
    st.tuples(numbers.map(lambda text: {"N": text}), strings.map(string)),
)


def plain(value: dict[str, Any]) -> Any:
    if "S" in value:
        return value["S"].encode()
    return Decimal(value["N"]) if "N" in value else base64.b64decode(value["B"])


def encoded(key: tuple[dict[str, Any], dict[str, Any]]) -> bytes:
    return encode_closed(key[0]) + encode_open(key[1])


@pytest.mark.parametrize("shape", [0, 1, 2])
@given(data=st.data())
def test_composite_keys_sort_by_their_parts(shape: int, data: st.DataObject) -> None:
    left, right = data.draw(SHAPES[shape]), data.draw(SHAPES[shape])
    expected = sign(tuple(map(plain, left)), tuple(map(plain, right)))
    assert sign(encoded(left), encoded(right)) == expected
    assert encoded(right).startswith(encode_closed(left[0])) == (plain(left[0]) == plain(right[0]))


@given(binaries, binaries)
def test_after_prefix_bounds_exactly_what_begins_with_it(prefix: bytes, content: bytes) -> None:
    end = after_prefix(prefix)
    inside = content >= prefix and (end is None or content < end)
    assert inside == content.startswith(prefix)
