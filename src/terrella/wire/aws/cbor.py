"""CBOR (RFC 8949), as far as AWS's protocols use it: no bignums, no sharing, timestamps as tag 1 in epoch seconds."""

import struct
from typing import Any

_DEPTH_MAX = 64
_TIMESTAMP = 1
_INDEFINITE = 31
_BREAK = 0xFF
_SIMPLE: dict[int, Any] = {20: False, 21: True, 22: None, 23: None}


class CborError(ValueError):
    """Bytes that are no CBOR, or hold what AWS's protocols do not."""


class Timestamp(float):
    """Epoch seconds that are to be written with their tag. What is read is a plain number."""


def decode_cbor(data: bytes) -> Any:
    """The one value that the bytes are. Raises ``CborError``."""
    decoder = _Decoder(data)
    value = decoder.value(0)
    if decoder.position != len(data):
        raise CborError(f"{len(data) - decoder.position} bytes follow the value")
    return value


class _Decoder:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self.position = 0

    def value(self, depth: int) -> Any:
        if depth > _DEPTH_MAX:
            raise CborError("nested too deeply")
        initial = self._byte()
        major, low = initial >> 5, initial & 31
        if major == 7:
            return self._simple(low)
        if low == _INDEFINITE:
            return self._indefinite(major, depth)
        argument = self._argument(low)
        match major:
            case 0:
                return argument
            case 1:
                return -1 - argument
            case 2:
                return self._take(argument)
            case 3:
                return self._text(self._take(argument))
            case 4:
                return [self.value(depth + 1) for _ in range(self._count(argument))]
            case 5:
                return dict(self._pair(depth) for _ in range(self._count(argument)))
        return self.value(depth + 1)  # a tag: the only one of use says that a number is a time

    def _indefinite(self, major: int, depth: int) -> Any:
        match major:
            case 2:
                return b"".join(self._chunks(bytes, depth))
            case 3:
                return "".join(self._chunks(str, depth))
            case 4:
                items = []
                while not self._break():
                    items.append(self.value(depth + 1))
                return items
            case 5:
                pairs = {}
                while not self._break():
                    key, value = self._pair(depth)
                    pairs[key] = value
                return pairs
        raise CborError("an indefinite length where none can be")

    def _chunks(self, kind: type, depth: int) -> list[Any]:
        chunks = []
        while not self._break():
            chunk = self.value(depth + 1)
            if type(chunk) is not kind:
                raise CborError("a chunk of another type")
            chunks.append(chunk)
        return chunks

    def _pair(self, depth: int) -> tuple[str, Any]:
        key = self.value(depth + 1)
        if not isinstance(key, str):
            raise CborError("a key that is no text")
        return key, self.value(depth + 1)

    def _simple(self, low: int) -> Any:
        if low in _SIMPLE:
            return _SIMPLE[low]
        if low in (25, 26, 27):
            size = 1 << (low - 24)
            number: float = struct.unpack({2: ">e", 4: ">f", 8: ">d"}[size], self._take(size))[0]
            return number
        raise CborError(f"simple value {low}")

    def _argument(self, low: int) -> int:
        if low < 24:
            return low
        if low > 27:
            raise CborError(f"additional information {low}")
        return int.from_bytes(self._take(1 << (low - 24)), "big")

    def _count(self, argument: int) -> int:
        """Each element has at least one byte: who claims more than are there is not believed."""
        if argument > len(self._data) - self.position:
            raise CborError("more elements than bytes")
        return argument

    def _text(self, content: bytes) -> str:
        try:
            return content.decode()
        except UnicodeDecodeError as error:
            raise CborError("text that is no UTF-8") from error

    def _break(self) -> bool:
        if self.position < len(self._data) and self._data[self.position] == _BREAK:
            self.position += 1
            return True
        return False

    def _byte(self) -> int:
        return self._take(1)[0]

    def _take(self, count: int) -> bytes:
        end = self.position + count
        if end > len(self._data):
            raise CborError("the bytes end inside a value")
        taken = self._data[self.position : end]
        self.position = end
        return taken


def encode_cbor(value: Any) -> bytes:
    """A value of dicts, lists, strings, bytes, numbers, booleans, None and ``Timestamp`` as bytes."""
    parts: list[bytes] = []
    _encode(value, parts.append)
    return b"".join(parts)


def _encode(value: Any, write: Any) -> None:
    if value is None:
        write(b"\xf6")
    elif isinstance(value, bool):
        write(b"\xf5" if value else b"\xf4")
    elif isinstance(value, int):
        write(_head(0, value) if value >= 0 else _head(1, -1 - value))
    elif isinstance(value, float):
        if isinstance(value, Timestamp):
            write(_head(6, _TIMESTAMP))
        write(b"\xfb" + struct.pack(">d", value))
    elif isinstance(value, str):
        content = value.encode()
        write(_head(3, len(content)) + content)
    elif isinstance(value, bytes):
        write(_head(2, len(value)) + value)
    elif isinstance(value, list | tuple):
        write(_head(4, len(value)))
        for item in value:
            _encode(item, write)
    elif isinstance(value, dict):
        write(_head(5, len(value)))
        for key, item in value.items():
            _encode(key, write)
            _encode(item, write)
    else:
        raise TypeError(f"{type(value).__name__} is no CBOR")


def _head(major: int, argument: int) -> bytes:
    if argument < 24:
        return bytes((major << 5 | argument,))
    for low, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << (8 * size):
            return bytes((major << 5 | low,)) + argument.to_bytes(size, "big")
    raise TypeError(f"{argument} is beyond 64 bits")
