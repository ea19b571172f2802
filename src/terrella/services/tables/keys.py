"""Keys as bytes that sort as DynamoDB sorts: strings by UTF-8, binaries by bytes, numbers by value.

A component that another one follows is *closed*: it ends in a terminator that sorts below anything that could continue
it, so that (``a``, ``b``) comes before (``ab``, ``a``). The last component is left *open*: then the keys that begin
with a prefix are one range. Numbers end by themselves.

=========  ==========================================================================================
string     its UTF-8; closed: ``00`` becomes ``00 FF``, then ``00 01``
binary     its bytes; closed likewise
number     sign ``00`` negative, ``01`` zero, ``02`` positive; exponent + 130 in one byte; digits in pairs, each pair
           + 1 in one byte; ``00``. All after the sign is complemented for negative numbers.
=========  ==========================================================================================
"""

from terrella.services.tables.numbers import split_number
from terrella.services.tables.values import Value, binary_content

_TERMINATOR = b"\x00\x01"
_ZERO = b"\x01"
_COMPLEMENT = bytes(255 - byte for byte in range(256))


def encode_number(text: str) -> bytes:
    """A number as bytes that sort by its value."""
    negative, digits, exponent = split_number(text)
    if not digits:
        return _ZERO
    if len(digits) % 2:
        digits += "0"
    pairs = bytes(int(digits[at : at + 2]) + 1 for at in range(0, len(digits), 2))
    body = bytes((exponent + 130,)) + pairs + b"\x00"
    return b"\x00" + body.translate(_COMPLEMENT) if negative else b"\x02" + body


def encode_open(value: Value) -> bytes:
    """The last component of a key."""
    if (text := value.get("S")) is not None:
        return bytes(text, "utf-8")
    if (text := value.get("N")) is not None:
        return encode_number(text)
    return binary_content(value["B"])


def encode_closed(value: Value) -> bytes:
    """A component that another one follows."""
    if "N" in value:
        return encode_number(value["N"])
    content = encode_open(value)
    if b"\x00" in content:
        content = content.replace(b"\x00", b"\x00\xff")
    return content + _TERMINATOR


def after_prefix(prefix: bytes) -> bytes | None:
    """The first key beyond every key that begins with ``prefix``; None if there is no end."""
    trimmed = prefix.rstrip(b"\xff")
    return trimmed[:-1] + bytes((trimmed[-1] + 1,)) if trimmed else None
