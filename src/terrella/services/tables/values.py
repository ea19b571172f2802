"""Attribute values in wire form (``{"S": "x"}``): checked and normalised in place in one walk, and measured.

``check_attributes`` raises ``MalformedValueError`` when a value does not even have the JSON types of the model: then
the service walks the request slowly, for AWS's exact words.
"""

import binascii
from collections.abc import Callable
from typing import Any

from terrella.kernel import AwsError
from terrella.services.tables.numbers import is_normal_integer, normalize_number, number_size_bytes
from terrella.wire.aws import decode_base64

Value = dict[str, Any]
Item = dict[str, Value]

DEPTH_MAX = 32
ITEM_SIZE_MAX_BYTES = 400 * 1024


class MalformedValueError(AwsError):
    """A value that does not have exactly one known type, or content of another JSON type."""


def invalid(message: str) -> AwsError:
    """A ValidationException."""
    return AwsError("ValidationException", message)


def invalid_parameters(message: str) -> AwsError:
    """A ValidationException with AWS's usual opening."""
    return invalid(f"One or more parameter values were invalid: {message}")


def value_type(value: Value) -> str:
    """``S``, ``N``, ``B``, ``BOOL``, ``NULL``, ``SS``, ``NS``, ``BS``, ``L`` or ``M``."""
    return next(iter(value))


def text_size_bytes(text: str) -> int:
    """The length of a string in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())


def check_attributes(attributes: Item, depth: int = 0) -> None:
    """Check and normalise attributes in place; raises ``MalformedValueError``, or ``AwsError`` ValidationException."""
    for value in attributes.values():
        # Strings and plain integers are most of what is stored, so they skip the calls.
        if type(value) is dict and len(value) == 1:
            if type(value.get("S")) is str:
                continue
            number = value.get("N")
            if type(number) is str and is_normal_integer(number):
                continue
        check_value(value, depth)


def check_value(value: Value, depth: int = 0) -> None:
    """Check and normalise one value in place."""
    if type(value) is not dict or len(value) != 1:
        raise _malformed(value)
    ((kind, content),) = value.items()
    check = _CHECKS.get(kind)
    if check is None:
        raise _malformed(value)
    check(value, content, depth)


def _malformed(value: Any) -> MalformedValueError:
    if isinstance(value, dict) and len(value) > 1:
        words = "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported"
        return MalformedValueError("ValidationException", f"{words} datatypes")
    words = "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
    return MalformedValueError("ValidationException", words)


def _require(content: Any, json_type: type) -> None:
    if type(content) is not json_type:
        raise _malformed(None)


def _string(_value: Value, content: Any, _depth: int) -> None:
    _require(content, str)


def _number(value: Value, content: Any, _depth: int) -> None:
    _require(content, str)
    value["N"] = normalize_number(content)


def _binary(_value: Value, content: Any, _depth: int) -> None:
    _require(content, str)
    decode_base64(content)


def _boolean(_value: Value, content: Any, _depth: int) -> None:
    _require(content, bool)


def _null(_value: Value, content: Any, _depth: int) -> None:
    _require(content, bool)
    if not content:
        raise invalid_parameters("Null attribute value types must have the value of true")


def _texts(content: Any, empty: str, noun: str) -> list[str]:
    _require(content, list)
    if not content:
        raise invalid_parameters(empty)
    for element in content:
        if element is None:
            raise invalid_parameters(f"An {noun} set may not have a null {noun} as a member")
        _require(element, str)
    return content  # type: ignore[no-any-return]  # looked at just now


def _string_set(_value: Value, content: Any, _depth: int) -> None:
    texts = _texts(content, "An string set  may not be empty", "string")
    if len(set(texts)) != len(texts):
        raise invalid_parameters(f"Input collection [{', '.join(texts)}] contains duplicates.")


def _number_set(value: Value, content: Any, _depth: int) -> None:
    texts = _texts(content, "An number set  may not be empty", "number")
    normal = value["NS"] = [normalize_number(text) for text in texts]
    if len(set(normal)) != len(normal):
        raise invalid("Input collection contains duplicates")


def _binary_set(_value: Value, content: Any, _depth: int) -> None:
    texts = _texts(content, "Binary sets should not be empty", "binary")
    for text in texts:
        decode_base64(text)
    if len(set(texts)) != len(texts):
        raise invalid_parameters(f"Input collection [{', '.join(texts)}]of type BS contains duplicates.")


def _list(_value: Value, content: Any, depth: int) -> None:
    _require(content, list)
    _check_depth(depth)
    for element in content:
        check_value(element, depth + 1)


def _map(_value: Value, content: Any, depth: int) -> None:
    _require(content, dict)
    _check_depth(depth)
    check_attributes(content, depth + 1)


def _check_depth(depth: int) -> None:
    if depth >= DEPTH_MAX:
        raise invalid("Nesting Levels have exceeded supported limits")


_CHECKS: dict[str, Callable[[Value, Any, int], None]] = {
    "S": _string,
    "N": _number,
    "B": _binary,
    "BOOL": _boolean,
    "NULL": _null,
    "SS": _string_set,
    "NS": _number_set,
    "BS": _binary_set,
    "L": _list,
    "M": _map,
}


def is_too_large(item: Item, encoded: bytes) -> bool:
    """Whether an item is above 400 KB. Its JSON is never shorter than its size, so small ones need no measuring."""
    return len(encoded) > ITEM_SIZE_MAX_BYTES and attributes_size_bytes(item) > ITEM_SIZE_MAX_BYTES


def attributes_size_bytes(attributes: Item) -> int:
    """The size of attributes that were checked before."""
    return sum(text_size_bytes(name) + value_size_bytes(value) for name, value in attributes.items())


def value_size_bytes(value: Value) -> int:
    """The size of one value that was checked before."""
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return text_size_bytes(content)
        case "N":
            return number_size_bytes(content)
        case "B":
            return binary_length_bytes(content)
        case "SS":
            return sum(map(text_size_bytes, content))
        case "NS":
            return sum(map(number_size_bytes, content))
        case "BS":
            return sum(map(binary_length_bytes, content))
        case "L":
            return 3 + len(content) + sum(map(value_size_bytes, content))
        case "M":
            return 3 + len(content) + attributes_size_bytes(content)
    return 1


def binary_length_bytes(text: str) -> int:
    """How many bytes canonical base64 stands for."""
    return len(text) // 4 * 3 - text.endswith("=") - text.endswith("==")


def binary_content(text: str) -> bytes:
    """The bytes of a binary value that was checked before."""
    return binascii.a2b_base64(text)
