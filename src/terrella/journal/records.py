"""Journal records: what one origin did to one data set, as the bytes that are stored and shipped.

A record is a MessagePack array whose first field is the format's version and whose second is its kind. Its data set,
origin and sequence are not inside: its place in the journal says them. The bytes are never re-encoded on their way.
"""

from typing import Annotated, Any

import msgspec

from terrella.journal.errors import RecordError, UnknownFormatError
from terrella.journal.merge import Clash, Rank, rank
from terrella.journal.model import NO_CONTEXT, Conflict, Dot, Vector, Version
from terrella.journal.schema import SEQUENCE_MASK

FORMAT = 1
WRITE, OPENING, CONFLICT, ACKNOWLEDGEMENT = 0, 1, 2, 3

# Bounded as the file is: whatever a peer sends, what can be read can be stored, and be followed by something later.
Time = Annotated[int, msgspec.Meta(ge=0, lt=1 << 62)]
Sequence = Annotated[int, msgspec.Meta(ge=0, le=SEQUENCE_MASK)]
FlatDot = tuple[str, str, Sequence]
FlatVector = tuple[FlatDot, ...]
# Which of a transaction's records this is: the transaction's id (a time of its region's clock, which gives none twice),
# how many records of this stream belong to it, and the place among them, from 1.
Part = tuple[Time, int, int]


class WriteRecord(msgspec.Struct, array_like=True, frozen=True):
    """An item's full new image; ``value`` is None for a delete.

    ``context`` is sorted ``(region, incarnation, sequence)``. ``expires`` names the version that time has ended.
    The records of a transaction follow each other, and say in ``part`` that they belong together.
    """

    format: int
    kind: int
    hlc: Time
    key: bytes
    value: bytes | None
    context: FlatVector
    expires: FlatDot | None = None
    part: Part | None = None


class OpeningRecord(msgspec.Struct, array_like=True, frozen=True):
    """The first record of an incarnation: its region's incarnation before it, and how far that one had come.

    ``vector`` is what it begins with, as in an acknowledgement.
    """

    format: int
    kind: int
    hlc: Time
    predecessor: str | None
    predecessor_last: Sequence
    vector: FlatVector = ()


class Image(msgspec.Struct, array_like=True, frozen=True):
    """A version as a conflict entry keeps it: without its context."""

    region: str
    incarnation: str
    sequence: Sequence
    hlc: Time
    value: bytes | None
    expires: FlatDot | None = None

    @property
    def version(self) -> Version:
        """The version, without its context."""
        dot = Dot(self.region, self.incarnation, self.sequence)
        return Version(self.value, dot, self.hlc, NO_CONTEXT, Dot(*self.expires) if self.expires else None)


class ConflictRecord(msgspec.Struct, array_like=True, frozen=True):
    """A conflict that a merge found. It says nothing of who found it, so that two finders write the same bytes."""

    format: int
    kind: int
    key: bytes
    loser: Image
    winner: Image


class AcknowledgementRecord(msgspec.Struct, array_like=True, frozen=True):
    """All that its region had applied of the data set when it wrote this; what it writes later has seen that much.

    ``vector`` is sorted ``(region, incarnation, sequence)``.
    """

    format: int
    kind: int
    hlc: Time
    vector: FlatVector


Record = WriteRecord | OpeningRecord | ConflictRecord | AcknowledgementRecord


class _Head(msgspec.Struct, array_like=True, frozen=True):
    format: int
    kind: int


_encode = msgspec.msgpack.Encoder().encode
_decode_head = msgspec.msgpack.Decoder(_Head).decode
_DECODERS: dict[int, Any] = {
    WRITE: msgspec.msgpack.Decoder(WriteRecord).decode,
    OPENING: msgspec.msgpack.Decoder(OpeningRecord).decode,
    CONFLICT: msgspec.msgpack.Decoder(ConflictRecord).decode,
    ACKNOWLEDGEMENT: msgspec.msgpack.Decoder(AcknowledgementRecord).decode,
}


def encode_write(
    hlc: int,
    key: bytes,
    value: bytes | None,
    context: Vector = NO_CONTEXT,
    expires: Dot | None = None,
    part: Part | None = None,
) -> bytes:
    """The bytes of a write; what there is nothing to say of is left out at the end."""
    fields = (FORMAT, WRITE, hlc, key, value, _flat(context) if context else ())
    if part is not None:
        return _encode((*fields, None if expires is None else _flat_dot(expires), part))
    return _encode(fields if expires is None else (*fields, _flat_dot(expires)))


def encode_opening(hlc: int, predecessor: str | None, predecessor_last: int, vector: Vector = NO_CONTEXT) -> bytes:
    """The bytes of an incarnation's first record."""
    return _encode((FORMAT, OPENING, hlc, predecessor, predecessor_last, _flat(vector)))


def encode_conflict(key: bytes, clash: Clash) -> bytes:
    """The bytes of a conflict entry; the same for everyone who finds this conflict."""
    return _encode((FORMAT, CONFLICT, key, _image(clash.loser), _image(clash.winner)))


def encode_acknowledgement(hlc: int, vector: Vector) -> bytes:
    """The bytes of an acknowledgement."""
    return _encode((FORMAT, ACKNOWLEDGEMENT, hlc, _flat(vector)))


def decode_record(data: bytes) -> Record:
    """Read a record; raises ``UnknownFormatError`` for a format or kind not known, ``RecordError`` if it is none."""
    try:
        head = _decode_head(data)
        if head.format != FORMAT or head.kind not in _DECODERS:
            raise UnknownFormatError(
                f"a record of format {head.format}, kind {head.kind}; this version knows format {FORMAT}, "
                f"kinds {sorted(_DECODERS)}"
            )
        record: Record = _DECODERS[head.kind](data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecordError(f"{len(data)} bytes that are no journal record: {error}") from error
    return record


def written_version(record: WriteRecord, dot: Dot) -> Version:
    """The version that a write made."""
    context = {(region, incarnation): sequence for region, incarnation, sequence in record.context}
    return Version(
        record.value, dot, record.hlc, context or NO_CONTEXT, Dot(*record.expires) if record.expires else None
    )


def vector_of(record: OpeningRecord | AcknowledgementRecord) -> Vector:
    """What an acknowledgement covers."""
    return {(region, incarnation): sequence for region, incarnation, sequence in record.vector}


def conflict_of(data_set_id: str, record: ConflictRecord) -> Conflict:
    """The conflict that an entry tells of."""
    return Conflict(data_set_id, record.key, record.loser.version, record.winner.version)


def conflict_rank(record: ConflictRecord) -> Rank:
    """Where two entries name the same loser, the one with the greater winner stands, on every member."""
    return rank(record.winner.version)


def _flat(vector: Vector) -> FlatVector:
    return tuple(sorted((*origin, sequence) for origin, sequence in vector.items()))


def _image(version: Version) -> Image:
    dot = version.dot
    expires = None if version.expires is None else _flat_dot(version.expires)
    return Image(dot.region, dot.incarnation, dot.sequence, version.hlc, version.value, expires)


def _flat_dot(dot: Dot) -> FlatDot:
    return (dot.region, dot.incarnation, dot.sequence)
