"""What members say to each other: one long-lived stream per direction of pulling, opened by the region that pulls.

::

    puller                                server
      Hello ------------------------------>          world, both regions, protocol version
             <----------------------------- Welcome  or Refusal, with the reason
      Pull ------------------------------->          per data set: whose records, and from which cursors
             <----------------------------- Heads    at once and every 0.2 s: its vectors and its clock
             <----------------------------- Records  as soon as they are committed, in slices
             <----------------------------- SnapshotRequired  they are trimmed; Excluded  you hold this no more
      Acknowledgement -------------------->          what is held and durable here, soon after it is

      SnapshotRequest -------------------->          a data set, and what of it is durable here already
             <----------------------------- SnapshotStart   the vector, before anything is read
             <----------------------------- SnapshotChunk   items, then conflicts, as far as there is credit
      SnapshotCredit --------------------->          a chunk is durable
             <----------------------------- SnapshotEnd     the vector, after everything was read

A frame is four bytes of length (big-endian) and a MessagePack array whose first field is the message's kind. A
``Pull`` may ask for any origin's records that the server holds, not only for the server's own: so a third region's
records are relayed, and a region that lost its disk is given its own back. A later ``Pull`` of a data set takes the
place of the earlier one.

Numbers and names are bounded where they are decoded, so that whoever reads a message can reckon with them. What a
later version of the program adds stands at the end of a message, and is skipped by those who do not know it.
"""

import struct
import zlib
from collections.abc import Iterator
from enum import IntEnum
from typing import Annotated, Literal

import msgspec

from terrella.journal.errors import ProtocolError
from terrella.journal.model import Origin, Vector
from terrella.journal.schema import SEQUENCE_MASK

PROTOCOL = 2
FRAME_BYTES_MAX = 8 * 1024 * 1024
# What a server takes in: first from someone whom it does not know yet, then from a puller, who sends no records.
HELLO_BYTES_MAX = 64 * 1024
REQUEST_BYTES_MAX = 2 * 1024 * 1024
HELLO_TIMEOUT_S = 3.0
LIVES_TOLD_MAX = 2048
HEARTBEAT_S = 0.2
KEEPALIVE_S = 0.5
SILENCE_MAX_S = 2.0
SLICE_RECORDS_MAX = 256
PACKING_LEVEL = 6
SLICE_BYTES_MAX = 256 * 1024

Name = Annotated[str, msgspec.Meta(max_length=128)]
Reason = Annotated[str, msgspec.Meta(max_length=4096)]
Sequence = Annotated[int, msgspec.Meta(ge=0, le=SEQUENCE_MASK)]
Bytes = Annotated[int, msgspec.Meta(ge=0, le=1 << 60)]
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=1 << 50)]
Batch = Annotated[list[bytes], msgspec.Meta(max_length=65536)]
# A vector on the wire: (region, incarnation, sequence), sorted.
FlatVector = list[tuple[Name, Name, Sequence]]


class Hello(msgspec.Struct, array_like=True, frozen=True, tag=1):
    """The puller's first words. ``lives`` are the incarnations of its region that its file knows; None: too many."""

    protocol: int
    world: Name
    from_region: Name
    to_region: Name
    incarnation: Name
    lives: list[Name] | None = None


class SyncHello(msgspec.Struct, array_like=True, frozen=True, tag=30):
    """The first words on a connection of the lane ``sync``; what follows is of ``journal.sync``.

    ``remembered`` are the last openings of the receiver's store that the sender knows of: a receiver that does not
    know one of them itself has lost what it did then.
    """

    protocol: int
    world: Name
    from_region: Name
    to_region: Name
    incarnation: Name
    remembered: Annotated[list[Name], msgspec.Meta(max_length=64)]


class Welcome(msgspec.Struct, array_like=True, frozen=True, tag=2):
    """The server agrees to be pulled from."""

    protocol: int
    region: Name
    incarnation: Name


class Refusal(msgspec.Struct, array_like=True, frozen=True, tag=3):
    """The other side's last words: why the connection ends."""

    reason: Reason


class Pull(msgspec.Struct, array_like=True, frozen=True, tag=4):
    """Send me the records of these regions' origins, each after its cursor (0 if not named), now and as they come.

    ``lives`` are single origins, beside those of the regions. With ``packed``, records come as ``PackedRecords``.
    """

    data_set_id: Name
    regions: list[Name]
    cursors: FlatVector
    lives: list[tuple[Name, Name]] = []
    packed: bool = False


class Stop(msgspec.Struct, array_like=True, frozen=True, tag=5):
    """No more of this data set."""

    data_set_id: Name


class Acknowledgement(msgspec.Struct, array_like=True, frozen=True, tag=6):
    """What is held and committed here, of data sets where that has changed; empty to say that we are there."""

    vectors: list[tuple[Name, FlatVector]]


class Heads(msgspec.Struct, array_like=True, frozen=True, tag=7):
    """What the server holds when its clock is at ``clock_ms``, of data sets where that has changed since the last.

    ``volumes``, where they have changed: of each region that is asked for, ``(data set, region, bytes, exact)``, the
    bytes of its records from the cursors of the ``Pull`` up to what is held; an estimate unless exact.
    """

    clock_ms: Milliseconds
    vectors: list[tuple[Name, FlatVector]]
    volumes: list[tuple[Name, Name, Bytes, bool]] = []


class Records(msgspec.Struct, array_like=True, frozen=True, tag=8):
    """Consecutive records of one stream, verbatim, the first of them with sequence ``first``."""

    data_set_id: Name
    region: Name
    incarnation: Name
    first: Annotated[int, msgspec.Meta(ge=1, le=SEQUENCE_MASK)]
    records: Batch


class PackedRecords(msgspec.Struct, array_like=True, frozen=True, tag=11):
    """As ``Records``, compressed (zlib, of a MessagePack array of them)."""

    data_set_id: Name
    region: Name
    incarnation: Name
    first: Annotated[int, msgspec.Meta(ge=1, le=SEQUENCE_MASK)]
    packed: bytes


class SnapshotRequired(msgspec.Struct, array_like=True, frozen=True, tag=9):
    """What was asked for is below the floor: the log here begins at ``floor``."""

    data_set_id: Name
    region: Name
    incarnation: Name
    floor: Sequence


class Excluded(msgspec.Struct, array_like=True, frozen=True, tag=10):
    """Who asks holds this data set no more: so it was decided in ``epoch``."""

    data_set_id: Name
    epoch: Sequence


class StreamHead(msgspec.Struct, array_like=True, frozen=True):
    """How far a source has applied an origin, and what the origin's region had acknowledged by then."""

    region: Name
    incarnation: Name
    applied: Sequence
    predecessor: Name | None
    predecessor_last: Sequence
    acknowledged: FlatVector


class SnapshotStart(msgspec.Struct, array_like=True, frozen=True, tag=12):
    """What the source holds before it reads the first chunk, its hybrid clock, and the membership's epoch."""

    data_set_id: Name
    streams: list[StreamHead]
    hlc: Annotated[int, msgspec.Meta(ge=0)]
    epoch: Sequence


class SnapshotChunk(msgspec.Struct, array_like=True, frozen=True, tag=13):
    """What is stored behind ``after`` up to ``through``, in key order; the body is zlib's if ``compressed``.

    ``number`` is its place among the chunks sent since the start, from 1. To whoever merges it, what it leaves out was
    deleted: one that came before those it follows would delete what they hold.
    """

    data_set_id: Name
    stage: int
    after: bytes | None
    through: bytes
    compressed: bool
    body: bytes
    number: Annotated[int, msgspec.Meta(ge=1)]


class SnapshotEnd(msgspec.Struct, array_like=True, frozen=True, tag=14):
    """There is no more; ``vector`` is what the source held then. Or, with a ``refusal``, why there is nothing.

    ``chunks`` were sent since the start: whoever has not had as many has not had it all.
    """

    data_set_id: Name
    vector: FlatVector
    refusal: Reason | None
    chunks: Annotated[int, msgspec.Meta(ge=0)] = 0


class SnapshotCredit(msgspec.Struct, array_like=True, frozen=True, tag=15):
    """So many chunks more may be sent: as many are durable here."""

    data_set_id: Name
    chunks: Annotated[int, msgspec.Meta(ge=1, le=1000)]


class SnapshotRequest(msgspec.Struct, array_like=True, frozen=True, tag=20):
    """Send me a data set's state, from behind ``after`` of this stage on: ``window`` chunks, then as credit comes."""

    data_set_id: Name
    stage: int
    after: bytes | None
    window: Annotated[int, msgspec.Meta(ge=1, le=1000)]


class VersionRow(msgspec.Struct, array_like=True, frozen=True):
    """A stored version; ``logged`` says that its record is in the sender's log."""

    key: bytes
    value: bytes | None
    dot: tuple[Name, Name, Sequence]
    hlc: Annotated[int, msgspec.Meta(ge=0)]
    context: FlatVector
    expires: tuple[Name, Name, Sequence] | None
    logged: bool


class VerifyAsk(msgspec.Struct, array_like=True, frozen=True, tag=16):
    """Tell the digests of a data set; or the entries of these buckets after a key; or what is stored at these keys."""

    number: Sequence
    data_set_id: Name
    what: Literal["digests", "entries", "versions"]
    buckets: list[Annotated[int, msgspec.Meta(ge=0, le=255)]]
    after: bytes | None
    keys: list[bytes]


class VerifyDigests(msgspec.Struct, array_like=True, frozen=True, tag=17):
    """The digests, with the applied vector; ``moved``: they are those of no moment."""

    number: Sequence
    vector: FlatVector
    buckets: list[int]
    conflicts: int
    moved: bool


class VerifyEntries(msgspec.Struct, array_like=True, frozen=True, tag=18):
    """Entries (key, region, incarnation, sequence, hlc, hash of the value) up to ``through`` (None: all there are)."""

    number: Sequence
    vector: FlatVector
    entries: list[tuple[bytes, Name, Name, Sequence, int, bytes | None]]
    through: bytes | None


class VerifyVersions(msgspec.Struct, array_like=True, frozen=True, tag=19):
    """What is stored at the keys that were asked for; or (``repair``) what is to be merged where it is missing."""

    number: Sequence
    data_set_id: Name
    vector: FlatVector
    versions: list[VersionRow]
    repair: bool


class VerifyRefused(msgspec.Struct, array_like=True, frozen=True, tag=22):
    """Why there is no answer."""

    number: Sequence
    reason: Reason


class DrainStep(IntEnum):
    """Who says what while a returning region is drained, see ``draining``."""

    ORDER = 0
    FINAL = 1
    DONE = 2
    CONFIRMED = 3


class Drain(msgspec.Struct, array_like=True, frozen=True, tag=21):
    """What a returning region wrote while it was evicted is taken over by the member that says this, or hears it."""

    data_set_id: Name
    step: DrainStep
    epoch: Sequence
    members: list[Name]
    joining: list[Name]
    vector: FlatVector
    drained: FlatVector


Message = (
    Hello
    | SyncHello
    | Welcome
    | Refusal
    | Pull
    | Stop
    | Acknowledgement
    | Heads
    | Records
    | PackedRecords
    | SnapshotRequired
    | Excluded
    | SnapshotRequest
    | SnapshotStart
    | SnapshotChunk
    | SnapshotEnd
    | SnapshotCredit
    | Drain
    | VerifyAsk
    | VerifyDigests
    | VerifyEntries
    | VerifyVersions
    | VerifyRefused
)

_HEAD = struct.Struct(">II")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Message).decode
_decode_list = msgspec.msgpack.Decoder(Batch).decode


def pack(records: Records) -> PackedRecords:
    """Compressed, if the link is to carry less at the price of some computing."""
    packed = zlib.compress(_encode(records.records), PACKING_LEVEL)
    return PackedRecords(records.data_set_id, records.region, records.incarnation, records.first, packed)


def unpack(message: PackedRecords) -> Records:
    """What was packed; raises ``ProtocolError`` for what is not, or would be longer than a frame may be."""
    unpacking = zlib.decompressobj()
    try:
        content = unpacking.decompress(message.packed, FRAME_BYTES_MAX)
        if not unpacking.eof:
            raise ProtocolError(f"packed records that are cut off, or longer than {FRAME_BYTES_MAX} bytes")
        records = _decode_list(content)
    except (zlib.error, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProtocolError(f"packed records that are none: {error}") from error
    return Records(message.data_set_id, message.region, message.incarnation, message.first, records)


def flatten(vector: Vector) -> FlatVector:
    """A vector for the wire."""
    return sorted((region, incarnation, sequence) for (region, incarnation), sequence in vector.items())


def unflatten(flat: FlatVector) -> dict[Origin, int]:
    """A vector from the wire."""
    return {(region, incarnation): sequence for region, incarnation, sequence in flat}


def frame(message: Message) -> bytes:
    """A message's bytes, behind their length and checksum."""
    body = _encode(message)
    assert len(body) <= FRAME_BYTES_MAX, f"{type(message).__name__} of {len(body)} bytes"
    return envelope(body)


def envelope(body: bytes) -> bytes:
    """Length, checksum, bytes: a link proves nothing, and a record that is taken in is kept, and passed on."""
    return _HEAD.pack(len(body), zlib.crc32(body)) + body


def refusal(reason: str) -> Refusal:
    """Last words, cut to what the other side takes in."""
    return Refusal(reason[:4000])


class Envelopes:
    """Cuts a stream of bytes into frames; raises ``ProtocolError`` for what is none, or longer than ``bytes_max``.

    It never keeps more than one frame and what was fed at once. ``begun`` is what was read of the stream before.
    """

    def __init__(self, bytes_max: int = FRAME_BYTES_MAX, begun: bytes = b"") -> None:
        self.bytes_max = bytes_max
        self._buffer = bytearray(begun)

    def bodies(self, data: bytes) -> Iterator[bytes]:
        """The bodies of the frames that are complete with these bytes."""
        self._buffer += data
        while len(self._buffer) >= _HEAD.size:
            length, checksum = _HEAD.unpack_from(self._buffer)
            if length > self.bytes_max:
                raise ProtocolError(f"a frame of {length} bytes; at most {self.bytes_max} are taken")
            end = _HEAD.size + length
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[_HEAD.size : end])
            if zlib.crc32(body) != checksum:
                raise ProtocolError(f"a frame of {length} bytes that are not those of its checksum")
            del self._buffer[:end]
            yield body

    @property
    def rest(self) -> bytes:
        """What was fed, and is no message yet: for whoever reads on in another way."""
        return bytes(self._buffer)

    @property
    def truncated(self) -> bool:
        """Whether the bytes so far end inside a message."""
        return bool(self._buffer)


class FrameReader(Envelopes):
    """Cuts a stream of bytes into messages."""

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that are complete with these bytes."""
        return map(_message, self.bodies(data))


def _message(body: bytes) -> Message:
    try:
        message: Message = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError(f"{len(body)} bytes that are no message: {error}") from error
    return message
