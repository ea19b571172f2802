"""Attribute values in wire form (``{"S": "x"}``): checked, normalised in place, measured in one walk.

``check_attributes`` raises ``MalformedValueError`` when a value does not even have the JSON types of the model: then
the service walks the request slowly, for AWS's exact words.
"""

import binascii
from collections.abc import Callable
from typing import Any

from terrella.kernel import AwsError
from terrella.services.tables.numbers import normalize_number, number_size_bytes
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


def check_attributes(attributes: Any, depth: int = 0) -> int:
    """Check and normalise attributes in place; answers their size in bytes as DynamoDB counts it.

    Raises ``MalformedValueError``, or ``AwsError`` ValidationException.
    """
    size = 0
    for name, value in attributes.items():
        size += len(name) if name.isascii() else len(name.encode())
        # Strings are most of what is stored, so they skip the call.
        if type(value) is dict and len(value) == 1 and type(text := value.get("S")) is str:
            size += len(text) if text.isascii() else len(text.encode())
        else:
            size += check_value(value, depth)
    return size


def check_value(value: Any, depth: int = 0) -> int:
    """Check and normalise one value in place; answers its size in bytes."""
    if type(value) is not dict or len(value) != 1:
        raise _malformed(value)
    ((kind, content),) = value.items()
    check = _CHECKS.get(kind)
    if check is None:
        raise _malformed(value)
    return check(value, content, depth)


def _malformed(value: Any) -> MalformedValueError:
    if isinstance(value, dict) and len(value) > 1:
        words = "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported"
        return MalformedValueError("ValidationException", f"{words} datatypes")
    words = "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
    return MalformedValueError("ValidationException", words)


def _string(_value: Value, content: Any, _depth: int) -> int:
    if type(content) is not str:
        raise _malformed(None)
    return text_size_bytes(content)


def _number(value: Value, content: Any, _depth: int) -> int:
    if type(content) is not str:
        raise _malformed(None)
    normal = value["N"] = normalize_number(content)
    return number_size_bytes(normal)


def _binary(_value: Value, content: Any, _depth: int) -> int:
    if type(content) is not str:
        raise _malformed(None)
    return len(decode_base64(content))


def _boolean(_value: Value, content: Any, _depth: int) -> int:
    if type(content) is not bool:
        raise _malformed(None)
    return 1


def _null(_value: Value, content: Any, _depth: int) -> int:
    if type(content) is not bool:
        raise _malformed(None)
    if not content:
        raise invalid_parameters("Null attribute value types must have the value of true")
    return 1


def _texts(content: Any, empty: str, noun: str) -> list[str]:
    if type(content) is not list:
        raise _malformed(None)
    if not content:
        raise invalid_parameters(empty)
    for element in content:
        if element is None:
            raise invalid_parameters(f"An {noun} set may not have a null {noun} as a member")
        if type(element) is not str:
            raise _malformed(None)
    return content


def _string_set(_value: Value, content: Any, _depth: int) -> int:
    texts = _texts(content, "An string set  may not be empty", "string")
    if len(set(texts)) != len(texts):
        raise invalid_parameters(f"Input collection [{', '.join(texts)}] contains duplicates.")
    return sum(map(text_size_bytes, texts))


def _number_set(value: Value, content: Any, _depth: int) -> int:
    texts = _texts(content, "An number set  may not be empty", "number")
    normal = value["NS"] = [normalize_number(text) for text in texts]
    if len(set(normal)) != len(normal):
        raise invalid("Input collection contains duplicates")
    return sum(map(number_size_bytes, normal))


def _binary_set(_value: Value, content: Any, _depth: int) -> int:
    texts = _texts(content, "Binary sets should not be empty", "binary")
    size = sum(len(decode_base64(text)) for text in texts)
    if len(set(texts)) != len(texts):
        raise invalid_parameters(f"Input collection [{', '.join(texts)}]of type BS contains duplicates.")
    return size


def _list(_value: Value, content: Any, depth: int) -> int:
    if type(content) is not list:
        raise _malformed(None)
    _check_depth(depth)
    return 3 + len(content) + sum(check_value(element, depth + 1) for element in content)


def _map(_value: Value, content: Any, depth: int) -> int:
    if type(content) is not dict:
        raise _malformed(None)
    _check_depth(depth)
    return 3 + len(content) + check_attributes(content, depth + 1)


def _check_depth(depth: int) -> None:
    if depth >= DEPTH_MAX:
        raise invalid("Nesting Levels have exceeded supported limits")


_CHECKS: dict[str, Callable[[Value, Any, int], int]] = {
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
