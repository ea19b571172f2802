"""What members say to each other: one long-lived stream per direction of pulling, opened by the region that pulls.

::

    puller                                server
      Hello ------------------------------>          world, both regions, protocol version
             <----------------------------- Welcome  or Refusal, with the reason
      Pull ------------------------------->          per data set: whose records, and from which cursors
             <----------------------------- Heads    at once and every 0.2 s: its vectors and its clock
             <----------------------------- Records  as soon as they are committed, in slices
      Acknowledgement -------------------->          what is applied and durable here, after each commit

A frame is four bytes of length (big-endian) and a MessagePack array whose first field is the message's kind. A
``Pull`` may ask for any origin's records that the server holds, not only for the server's own.
"""

from collections.abc import Iterator

import msgspec

from terrella.journal.errors import ProtocolError
from terrella.journal.model import Origin, Vector

PROTOCOL = 1
FRAME_BYTES_MAX = 8 * 1024 * 1024
HEARTBEAT_S = 0.2
KEEPALIVE_S = 0.5
SILENCE_MAX_S = 2.0
SLICE_RECORDS_MAX = 256
SLICE_BYTES_MAX = 256 * 1024

# A vector on the wire: (region, incarnation, sequence), sorted.
FlatVector = list[tuple[str, str, int]]


class Hello(msgspec.Struct, array_like=True, frozen=True, tag=1):
    """The puller's first words."""

    protocol: int
    world: str
    from_region: str
    to_region: str
    incarnation: str


class Welcome(msgspec.Struct, array_like=True, frozen=True, tag=2):
    """The server agrees to be pulled from."""

    protocol: int
    region: str
    incarnation: str


class Refusal(msgspec.Struct, array_like=True, frozen=True, tag=3):
    """The other side's last words: why the connection ends."""

    reason: str


class Pull(msgspec.Struct, array_like=True, frozen=True, tag=4):
    """Send me the records of these regions' origins, each after its cursor (0 if not named), now and as they come."""

    data_set_id: str
    regions: list[str]
    cursors: FlatVector


class Stop(msgspec.Struct, array_like=True, frozen=True, tag=5):
    """No more of this data set."""

    data_set_id: str


class Acknowledgement(msgspec.Struct, array_like=True, frozen=True, tag=6):
    """What is applied and committed here, of data sets where that has changed; empty to say that we are there."""

    vectors: list[tuple[str, FlatVector]]


class Heads(msgspec.Struct, array_like=True, frozen=True, tag=7):
    """What the server holds when its clock is at ``clock_ms``, of data sets where that has changed since the last."""

    clock_ms: int
    vectors: list[tuple[str, FlatVector]]


class Records(msgspec.Struct, array_like=True, frozen=True, tag=8):
    """Consecutive records of one stream, verbatim, the first of them with sequence ``first``."""

    data_set_id: str
    region: str
    incarnation: str
    first: int
    records: list[bytes]


class SnapshotRequired(msgspec.Struct, array_like=True, frozen=True, tag=9):
    """What was asked for is below the floor: the log here begins at ``floor``."""

    data_set_id: str
    region: str
    incarnation: str
    floor: int


Message = Hello | Welcome | Refusal | Pull | Stop | Acknowledgement | Heads | Records | SnapshotRequired

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Message).decode


def flatten(vector: Vector) -> FlatVector:
    """A vector for the wire."""
    return sorted((region, incarnation, sequence) for (region, incarnation), sequence in vector.items())


def unflatten(flat: FlatVector) -> dict[Origin, int]:
    """A vector from the wire."""
    return {(region, incarnation): sequence for region, incarnation, sequence in flat}


def frame(message: Message) -> bytes:
    """A message's bytes, length first."""
    body = _encode(message)
    assert len(body) <= FRAME_BYTES_MAX, f"{type(message).__name__} of {len(body)} bytes"
    return len(body).to_bytes(4, "big") + body


class FrameReader:
    """Cuts a stream of bytes into messages; raises ``ProtocolError`` for what is none, or too long to be one."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that are complete with these bytes."""
        self._buffer += data
        while len(self._buffer) >= 4:
            length = int.from_bytes(self._buffer[:4], "big")
            if length > FRAME_BYTES_MAX:
                raise ProtocolError(f"a frame of {length} bytes; at most {FRAME_BYTES_MAX} are taken")
            if len(self._buffer) < 4 + length:
                return
            body = bytes(self._buffer[4 : 4 + length])
            del self._buffer[: 4 + length]
            try:
                message = _decode(body)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise ProtocolError(f"{length} bytes that are no message: {error}") from error
            yield message

    @property
    def truncated(self) -> bool:
        """Whether the bytes so far end inside a message."""
        return bool(self._buffer)
